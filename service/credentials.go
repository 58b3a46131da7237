package service

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// Credentials are what the host's own back end calls the management API with. All share
// the client id of the environment; each has a secret of its own, so that one can be
// replaced while another works.
type Credentials struct {
	*base
	ring        *secret.Ring
	minter      *minter
	environment string
}

// managementLife is how long a management token lasts.
const managementLife = time.Hour

// ClientID is the client id of the environment: its name in tokens and cookies.
func (s *Credentials) ClientID() string { return s.environment }

// Create makes a credential and returns its secret, which is kept as a hash only and
// shown nowhere else. Only management and system may.
func (s *Credentials) Create(ctx context.Context, by store.Principal, name string) (store.ManagementCredential, string, error) {
	if err := hostOnly(by); err != nil {
		return store.ManagementCredential{}, "", err
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 255 || !store.Storable(name) {
		return store.ManagementCredential{}, "", fault.New(fault.Invalid, "name", "must be 1 to 255 bytes of text")
	}
	id := s.newID()
	text, hash, err := s.ring.NewToken(managementSecret, id, id)
	if err != nil {
		return store.ManagementCredential{}, "", err
	}
	c := store.ManagementCredential{ID: id, Name: name, SecretHash: hash, CreatedAt: s.now()}
	err = s.change(ctx, by, "management_credential.created", id, func(tx *unit) error {
		return tx.CreateManagementCredential(ctx, c)
	})
	return c, text, err
}

// List returns all credentials, oldest first, without their secrets' hashes.
func (s *Credentials) List(ctx context.Context, by store.Principal) ([]store.ManagementCredential, error) {
	if err := hostOnly(by); err != nil {
		return nil, err
	}
	cs, err := s.store.ManagementCredentials(ctx)
	for i := range cs {
		cs[i].SecretHash = nil
	}
	return cs, err
}

// Delete removes a credential. Its tokens are refused within the revocation lag.
func (s *Credentials) Delete(ctx context.Context, by store.Principal, id string) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	return s.change(ctx, by, "management_credential.deleted", id, func(tx *unit) error {
		if err := tx.DeleteManagementCredential(ctx, id); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
}

// Exchange returns a management token for a client id and a secret. Whatever is wrong
// with them gets the same Unauthenticated error.
func (s *Credentials) Exchange(ctx context.Context, by store.Principal, clientID, text string) (string, time.Duration, error) {
	id, _, hash, err := s.ring.ParseToken(managementSecret, text)
	if err != nil || clientID != s.environment {
		return "", 0, errExchange(err)
	}
	c, err := s.store.ManagementCredential(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !secret.Equal(c.SecretHash, hash) {
		return "", 0, errExchange(err)
	}
	if err != nil {
		return "", 0, err
	}
	now := s.now()
	by.Kind, by.ID = store.ManagementKind, c.ID
	u := &unit{Records: s.store, at: now, newID: s.newID}
	if err := s.record(ctx, u, by, "management_credential.used", c.ID); err != nil {
		return "", 0, err
	}
	t, err := s.minter.management(ctx, c.ID, now, now.Add(managementLife))
	return t, managementLife, err
}

func errExchange(cause error) error {
	return fault.New(fault.Unauthenticated, "", "invalid client id or secret").Because(cause)
}
