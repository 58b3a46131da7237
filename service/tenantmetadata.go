package service

import (
	"context"
	"encoding/json"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// AddMetadata sets the members of a JSON object in the tenant's metadata. A member that is
// there is replaced whole.
func (s *Tenants) AddMetadata(ctx context.Context, by store.Principal, id, object string) (store.Tenant, error) {
	var c fault.Checker
	c.Check(object != "", "metadata", "should not be empty")
	checkMetadata(&c, "metadata", object)
	if err := c.Err(); err != nil {
		return store.Tenant{}, err
	}
	return s.edit(ctx, by, "tenant.metadata_added", id, func(tx *unit, t store.Tenant) (store.Tenant, error) {
		return withMetadata(t, func(members map[string]json.RawMessage) error {
			return json.Unmarshal([]byte(object), &members)
		})
	})
}

// DeleteMetadata removes one member of the tenant's metadata. One that is not there is no
// error.
func (s *Tenants) DeleteMetadata(ctx context.Context, by store.Principal, id, key string) (store.Tenant, error) {
	return s.edit(ctx, by, "tenant.metadata_deleted", id, func(tx *unit, t store.Tenant) (store.Tenant, error) {
		tx.detail = map[string]any{"key": key}
		return withMetadata(t, func(members map[string]json.RawMessage) error {
			delete(members, key)
			return nil
		})
	})
}

// withMetadata returns t with its metadata as edit leaves them.
func withMetadata(t store.Tenant, edit func(members map[string]json.RawMessage) error) (store.Tenant, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(t.Metadata), &members); err != nil {
		return t, err
	}
	if err := edit(members); err != nil {
		return t, err
	}
	text, err := json.Marshal(members)
	if err != nil {
		return t, err
	}
	t.Metadata = string(text)
	return t, checkTenant(t)
}
