package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// connectionNotices tell those who look after a tenant's single sign-on what happened to it.
type connectionNotices struct {
	outbox  *Outbox
	compose *message.Composer
}

// maxNoticed is how many people are told of one change.
const maxNoticed = 50

// write enqueues the notices of a turn that is worth one.
func (n *connectionNotices) write(ctx context.Context, tx *unit, t turn) error {
	if len(t.what) == 0 {
		return nil
	}
	tenant, err := tx.Tenant(ctx, t.next.TenantID)
	if err != nil {
		return missing(err, "tenant")
	}
	ids, err := keepers(ctx, tx, t.next.TenantID)
	if err != nil {
		return err
	}
	for _, id := range ids[:min(len(ids), maxNoticed)] {
		if err := n.tell(ctx, tx, id, message.ConnectionNotice{
			Company: tenant.Name, What: strings.Join(t.what, " and "), At: tx.at,
		}); err != nil {
			return err
		}
	}
	return nil
}

// tell writes to one member who may enter and has an address.
func (n *connectionNotices) tell(ctx context.Context, tx *unit, userID string, v message.ConnectionNotice) error {
	u, err := tx.User(ctx, userID)
	if err != nil || u.Email == "" {
		return err
	}
	v.To, v.Name = u.Email, u.Name
	m, err := n.compose.ConnectionChanged(v)
	return n.send(ctx, tx, m, err)
}

// send enqueues a notice that was composed. An address that nobody can write to is passed over:
// a provider gives people their addresses, and must not keep it from being turned off by one.
func (n *connectionNotices) send(ctx context.Context, tx *unit, m store.Message, composed error) error {
	if f := fault.From(composed); f != nil && f.Code == fault.Invalid {
		return nil
	}
	if composed != nil {
		return fmt.Errorf("write a notice: %w", composed)
	}
	return n.outbox.enqueue(ctx, tx, m)
}

// keepers returns the members of a tenant who may write its single sign-on, each once.
func keepers(ctx context.Context, tx *unit, tenantID string) ([]string, error) {
	roles, err := tx.Roles(ctx, "", tenantID)
	if err != nil {
		return nil, err
	}
	records, err := tx.Permissions(ctx)
	if err != nil {
		return nil, err
	}
	keys := map[string]store.Permission{}
	for _, p := range records {
		keys[p.ID] = p.Key
	}
	var all []string
	for _, r := range roles {
		var held []store.Permission
		for _, id := range r.Permissions {
			held = append(held, keys[id])
		}
		if !store.NewPermissionSet(held).Has(store.WriteSSO) {
			continue
		}
		ids, err := tx.Assigned(ctx, tenantID, r.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	return enterers(ctx, tx, tenantID, unique(all))
}

// enterers returns those of the users who may enter the tenant.
func enterers(ctx context.Context, tx *unit, tenantID string, ids []string) ([]string, error) {
	var in []string
	for _, id := range ids {
		m, err := tx.Membership(ctx, tenantID, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		case m.Activated && !m.Disabled:
			in = append(in, id)
		}
	}
	return in, nil
}
