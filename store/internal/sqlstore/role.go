package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/go-identity/identity/store"
)

// separator stands between the ids that string_agg joins. No id holds it.
const separator = "\x1f"

const roleColumns = `r.tenant_id, r.id, r.key, r.name, r.description, r.level, r.is_default, r.first_user,
	r.created_at, r.updated_at,
	(select string_agg(p.permission_id, '` + separator + `') from identity_role_permissions p
		where p.tenant_id = r.tenant_id and p.role_id = r.id)`

func scanRole(scan scan) (r store.Role, err error) {
	err = scan(&r.TenantID, &r.ID, &r.Key, &r.Name, &r.Description, &r.Level, &r.Default, &r.FirstUser,
		at{&r.CreatedAt}, at{&r.UpdatedAt}, joined{&r.Permissions})
	return r, err
}

// joined scans what string_agg joined, in byte order.
type joined struct{ items *[]string }

// Scan implements sql.Scanner.
func (j joined) Scan(v any) error {
	text, err := textOf(v)
	*j.items = nil
	if text != "" {
		*j.items = slices.Sorted(strings.SplitSeq(text, separator))
	}
	return err
}

// CreateRole implements store.RoleStore.
func (db *DB) CreateRole(ctx context.Context, r store.Role) error {
	return db.atomic(ctx, func(tx *DB) error {
		if err := tx.knowPermissions(ctx, r.Permissions); err != nil {
			return err
		}
		err := tx.insert(ctx, `
			insert into identity_roles (tenant_id, id, key, name, description, level, is_default, first_user,
				created_at, updated_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
			r.TenantID, r.ID, r.Key, r.Name, r.Description, r.Level, r.Default, r.FirstUser, r.CreatedAt, r.UpdatedAt)
		if err != nil {
			return err
		}
		return tx.grant(ctx, r.TenantID, r.ID, r.Permissions)
	})
}

// grant adds permissions to a role.
func (db *DB) grant(ctx context.Context, tenantID, id string, permissionIDs []string) error {
	for _, p := range permissionIDs {
		if _, err := db.exec(ctx, `
			insert into identity_role_permissions (tenant_id, role_id, permission_id) values ($1, $2, $3)
			on conflict do nothing`, tenantID, id, p); err != nil {
			return err
		}
	}
	return nil
}

// Role implements store.RoleStore.
func (db *DB) Role(ctx context.Context, tenantID, id string) (store.Role, error) {
	return one(ctx, db, scanRole,
		`select `+roleColumns+` from identity_roles r where r.tenant_id = $1 and r.id = $2`, tenantID, id)
}

// Roles implements store.RoleStore.
func (db *DB) Roles(ctx context.Context, tenantIDs ...string) ([]store.Role, error) {
	all, err := manyIn(ctx, db, scanRole, `select `+roleColumns+` from identity_roles r where r.tenant_id in `, tenantIDs)
	slices.SortFunc(all, byStrength)
	return all, err
}

// RolesByKey implements store.RoleIndex.
func (db *DB) RolesByKey(ctx context.Context, keys ...string) ([]store.Role, error) {
	all, err := manyIn(ctx, db, scanRole, `select `+roleColumns+` from identity_roles r where r.key in `, keys)
	slices.SortFunc(all, byID)
	return all, err
}

// RolesByID implements store.RoleIndex.
func (db *DB) RolesByID(ctx context.Context, ids ...string) ([]store.Role, error) {
	all, err := manyIn(ctx, db, scanRole, `select `+roleColumns+` from identity_roles r where r.id in `, ids)
	slices.SortFunc(all, byID)
	return all, err
}

func byID(a, b store.Role) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.TenantID, b.TenantID))
}

func byStrength(a, b store.Role) int {
	return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Key, b.Key),
		cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.ID, b.ID))
}

// UpdateRole implements store.RoleStore.
func (db *DB) UpdateRole(ctx context.Context, r store.Role) error {
	return db.exec1(ctx, `
		update identity_roles set key = $3, name = $4, description = $5, level = $6, is_default = $7, first_user = $8,
			updated_at = $9
		where tenant_id = $1 and id = $2`,
		r.TenantID, r.ID, r.Key, r.Name, r.Description, r.Level, r.Default, r.FirstUser, r.UpdatedAt)
}

// SetRolePermissions implements store.RoleStore.
func (db *DB) SetRolePermissions(ctx context.Context, tenantID, id string, permissionIDs []string) error {
	return db.atomic(ctx, func(tx *DB) error {
		if _, err := tx.Role(ctx, tenantID, id); err != nil {
			return err
		}
		if err := tx.knowPermissions(ctx, permissionIDs); err != nil {
			return err
		}
		if _, err := tx.exec(ctx,
			`delete from identity_role_permissions where tenant_id = $1 and role_id = $2`, tenantID, id); err != nil {
			return err
		}
		return tx.grant(ctx, tenantID, id, permissionIDs)
	})
}

// MoveRole implements store.RoleStore. The tenant is part of the key, so the role is
// written anew.
func (db *DB) MoveRole(ctx context.Context, tenantID, id, toTenantID string) error {
	return db.atomic(ctx, func(tx *DB) error {
		r, err := tx.Role(ctx, tenantID, id)
		if err != nil || tenantID == toTenantID {
			return err
		}
		if toTenantID != "" { // an environment role may be assigned everywhere
			if _, err := tx.exec(ctx, `delete from identity_assignments where role_id = $1 and tenant_id <> $2`,
				id, toTenantID); err != nil {
				return err
			}
		}
		r.TenantID = toTenantID
		if err := tx.CreateRole(ctx, r); err != nil {
			return err
		}
		return tx.dropRole(ctx, tenantID, id)
	})
}

func (db *DB) dropRole(ctx context.Context, tenantID, id string) error {
	if _, err := db.exec(ctx,
		`delete from identity_role_permissions where tenant_id = $1 and role_id = $2`, tenantID, id); err != nil {
		return err
	}
	return db.exec1(ctx, `delete from identity_roles where tenant_id = $1 and id = $2`, tenantID, id)
}

// DeleteRole implements store.RoleStore.
func (db *DB) DeleteRole(ctx context.Context, tenantID, id string) error {
	return db.atomic(ctx, func(tx *DB) error {
		if err := tx.dropRole(ctx, tenantID, id); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `delete from identity_assignments where role_id = $1 and (tenant_id = $2 or $2 = '')`,
			id, tenantID)
		return err
	})
}
