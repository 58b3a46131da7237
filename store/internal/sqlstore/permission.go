package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-identity/identity/store"
)

const permissionColumns = `p.id, p.key, p.name, p.description, p.category_id, p.usage, p.built_in,
	p.created_at, p.updated_at,
	(select string_agg(r.role_id, '` + separator + `') from identity_role_permissions r where r.permission_id = p.id)`

func scanPermission(scan scan) (p store.PermissionRecord, err error) {
	err = scan(&p.ID, &p.Key, &p.Name, &p.Description, &p.CategoryID, &p.Use, &p.BuiltIn,
		at{&p.CreatedAt}, at{&p.UpdatedAt}, joined{&p.RoleIDs})
	return p, err
}

// CreatePermission implements store.PermissionStore.
func (db *DB) CreatePermission(ctx context.Context, p store.PermissionRecord) error {
	return db.insert(ctx, `
		insert into identity_permissions (id, key, name, description, category_id, usage, built_in, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
		p.ID, string(p.Key), p.Name, p.Description, p.CategoryID, string(p.Use), p.BuiltIn, p.CreatedAt, p.UpdatedAt)
}

// Permission implements store.PermissionStore.
func (db *DB) Permission(ctx context.Context, id string) (store.PermissionRecord, error) {
	return one(ctx, db, scanPermission, `select `+permissionColumns+` from identity_permissions p where p.id = $1`, id)
}

// Permissions implements store.PermissionStore.
func (db *DB) Permissions(ctx context.Context, ids ...string) ([]store.PermissionRecord, error) {
	if len(ids) == 0 {
		return many(ctx, db, scanPermission, `select `+permissionColumns+` from identity_permissions p order by p.key`)
	}
	all, err := manyIn(ctx, db, scanPermission,
		`select `+permissionColumns+` from identity_permissions p where p.id in `, ids)
	slices.SortFunc(all, func(a, b store.PermissionRecord) int { return cmp.Compare(a.Key, b.Key) })
	return all, err
}

// knowPermissions returns store.ErrNotFound unless all ids exist.
func (db *DB) knowPermissions(ctx context.Context, ids []string) error {
	return each(ids, func(in in) error {
		known, err := many(ctx, db, scanText, `select id from identity_permissions where id in `+in.list(), in.args()...)
		if err == nil && len(known) < len(in.values) {
			return store.ErrNotFound
		}
		return err
	})
}

// UpdatePermission implements store.PermissionStore.
func (db *DB) UpdatePermission(ctx context.Context, p store.PermissionRecord) error {
	return db.exec1(ctx, `
		update identity_permissions set key = $2, name = $3, description = $4, category_id = $5, usage = $6, built_in = $7,
			updated_at = $8
		where id = $1`,
		p.ID, string(p.Key), p.Name, p.Description, p.CategoryID, string(p.Use), p.BuiltIn, p.UpdatedAt)
}

// LinkPermission implements store.PermissionStore.
func (db *DB) LinkPermission(ctx context.Context, id, tenantID, roleID string) error {
	return db.atomic(ctx, func(tx *DB) error {
		if err := tx.knowPermissions(ctx, []string{id}); err != nil {
			return err
		}
		if _, err := tx.Role(ctx, tenantID, roleID); err != nil {
			return err
		}
		return tx.grant(ctx, tenantID, roleID, []string{id})
	})
}

// DeletePermission implements store.PermissionStore.
func (db *DB) DeletePermission(ctx context.Context, id string) error {
	return db.atomic(ctx, func(tx *DB) error {
		if _, err := tx.exec(ctx, `delete from identity_role_permissions where permission_id = $1`, id); err != nil {
			return err
		}
		return tx.exec1(ctx, `delete from identity_permissions where id = $1`, id)
	})
}

// SetPermissionUse implements store.PermissionStore.
func (db *DB) SetPermissionUse(ctx context.Context, ids []string, u store.PermissionUse, at time.Time) error {
	return db.atomic(ctx, func(tx *DB) error {
		if err := tx.knowPermissions(ctx, ids); err != nil {
			return err
		}
		return each(ids, func(in in) error {
			in = in.after(string(u), at)
			_, err := tx.exec(ctx, `update identity_permissions set usage = $1, updated_at = $2 where id in `+in.list(),
				in.args()...)
			return err
		})
	})
}
