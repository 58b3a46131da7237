package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// errPinned means that there is nothing to keep: the provider has its name already.
var errPinned = errors.New("the provider's name is known")

// accept returns what the provider of a SAML connection says in an answer. Where the
// provider's name was not known it is from then on: nobody can change their mind about it
// but an administrator. It must not be called inside a transaction.
func (s *Connections) accept(
	ctx context.Context, by store.Principal, c store.Connection, in saml.Answer,
) (sso.Assertion, error) {
	st, err := readConnectionSettings(c)
	if err != nil {
		return sso.Assertion{}, err
	}
	e, err := s.saml(ctx, c, st)
	if err != nil {
		return sso.Assertion{}, err
	}
	a, err := e.Accept(ctx, in)
	if err != nil || e.Provider.EntityID != "" {
		return a, err
	}
	return a, s.pin(ctx, by, c, a.Issuer)
}

// pin keeps the name that the provider gave itself. Of two first answers one wins; the other
// must say the same.
func (s *Connections) pin(ctx context.Context, by store.Principal, c store.Connection, name string) error {
	err := s.change(ctx, by, "connection.pinned", c.ID, func(tx *unit) error {
		now, err := tx.Connection(ctx, c.TenantID, c.ID)
		if err != nil {
			return err
		}
		st, err := readConnectionSettings(now)
		if err != nil || st.SAML == nil {
			return errors.Join(err, errProtocol)
		}
		switch st.SAML.EntityID {
		case "":
		case name:
			return errPinned
		default:
			return sso.Refuse(fmt.Sprintf("the issuer is %.200q and another answer has just been taken from %.200q: "+
				"give the connection the provider's metadata", name, st.SAML.EntityID), nil)
		}
		st.SAML.EntityID, st.SAML.Pinned = name, true
		tx.tenantID, tx.detail = c.TenantID, map[string]any{"issuer": name}
		return keepConnection(ctx, tx, now, st)
	})
	if errors.Is(err, errPinned) {
		return nil
	}
	return err
}

// keepConnection writes a connection with its settings.
func keepConnection(ctx context.Context, tx *unit, c store.Connection, st ConnectionSettings) error {
	doc, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("write settings of connection %s: %w", c.ID, err)
	}
	c.Settings, c.UpdatedAt = string(doc), tx.at
	return tx.UpdateConnection(ctx, c)
}
