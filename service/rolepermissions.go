package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// SetPermissions replaces the permissions of a role. A user may give only what the user
// holds and what customers may assign.
func (s *Roles) SetPermissions(
	ctx context.Context, by store.Principal, id string, permissionIDs []string,
) (store.Role, error) {
	var c fault.Checker
	checkBatch(&c, "permissionIds", len(permissionIDs))
	if err := c.Err(); err != nil {
		return store.Role{}, err
	}
	var changed store.Role
	err := s.edit(ctx, by, "role.permissions_set", id, func(tx *unit, r store.Role) error {
		var err error
		changed, err = setPermissions(ctx, tx, by, r, unique(permissionIDs))
		return err
	})
	return changed, err
}

func setPermissions(
	ctx context.Context, tx *unit, by store.Principal, r store.Role, ids []string,
) (store.Role, error) {
	if err := mayGrant(ctx, tx, by, ids); err != nil {
		return r, err
	}
	tx.detail = map[string]any{"from": r.Permissions, "to": ids}
	r.Permissions, r.UpdatedAt = ids, tx.at
	if err := tx.UpdateRole(ctx, r); err != nil {
		return r, err
	}
	if err := tx.SetRolePermissions(ctx, r.TenantID, r.ID, ids); err != nil {
		return r, missing(err, "permission")
	}
	return r, revokeRights(ctx, tx, r.TenantID)
}

// mayGrant refuses permissions that a user does not hold or that customers may not assign.
func mayGrant(ctx context.Context, tx *unit, by store.Principal, ids []string) error {
	if fromHost(by) || len(ids) == 0 {
		return nil
	}
	ps, err := tx.Permissions(ctx, ids...)
	if err != nil {
		return err
	}
	beyond := func(p store.PermissionRecord) bool { return p.Use == store.NeverAssigned || !by.Can(p.Key) }
	if slices.ContainsFunc(ps, beyond) {
		return fault.New(fault.Forbidden, "", "the role would hold permissions that you may not give")
	}
	return nil
}
