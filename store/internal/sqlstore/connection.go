package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const connectionColumns = `tenant_id, id, protocol, enabled, settings, secret, role_ids, due_at, created_at, updated_at`

func (db *DB) scanConnection(scan scan) (c store.Connection, err error) {
	err = scan(&c.TenantID, &c.ID, &c.Protocol, &c.Enabled, docOf{&c.Settings, db}, &c.Secret, listOf{&c.RoleIDs},
		at{&c.DueAt}, at{&c.CreatedAt}, at{&c.UpdatedAt})
	return c, err
}

// CreateConnection implements store.ConnectionStore.
func (db *DB) CreateConnection(ctx context.Context, c store.Connection) error {
	return db.insert(ctx, `
		insert into identity_connections (`+connectionColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
		c.TenantID, c.ID, string(c.Protocol), c.Enabled, doc(c.Settings), c.Secret, list(c.RoleIDs), c.DueAt,
		moment(c.CreatedAt), c.UpdatedAt)
}

// Connection implements store.ConnectionStore.
func (db *DB) Connection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	return one(ctx, db, db.scanConnection,
		`select `+connectionColumns+` from identity_connections where tenant_id = $1 and id = $2`, tenantID, id)
}

// Connections implements store.ConnectionStore.
func (db *DB) Connections(ctx context.Context, tenantID string) ([]store.Connection, error) {
	return many(ctx, db, db.scanConnection, `
		select `+connectionColumns+` from identity_connections where tenant_id = $1 order by created_at, id`, tenantID)
}

// UpdateConnection implements store.ConnectionStore.
func (db *DB) UpdateConnection(ctx context.Context, c store.Connection) error {
	return db.exec1(ctx, `
		update identity_connections set protocol = $3, enabled = $4, settings = $5, secret = $6, role_ids = $7,
			due_at = $8, updated_at = $9
		where tenant_id = $1 and id = $2`,
		c.TenantID, c.ID, string(c.Protocol), c.Enabled, doc(c.Settings), c.Secret, list(c.RoleIDs), c.DueAt, c.UpdatedAt)
}

// DeleteConnection implements store.ConnectionStore.
func (db *DB) DeleteConnection(ctx context.Context, tenantID, id string) error {
	return db.atomic(ctx, func(tx *DB) error {
		for _, query := range []string{
			`delete from identity_domains where tenant_id = $1 and connection_id = $2`,
			`delete from identity_group_mappings where tenant_id = $1 and connection_id = $2`,
			`delete from identity_sso_attempts where tenant_id = $1 and connection_id = $2`,
		} {
			if _, err := tx.exec(ctx, query, tenantID, id); err != nil {
				return err
			}
		}
		if err := tx.exec1(ctx, `delete from identity_connections where tenant_id = $1 and id = $2`, tenantID, id); err != nil {
			return err
		}
		return tx.unlink(ctx, id)
	})
}

// unlink removes who came through a connection or a social provider that is gone.
func (db *DB) unlink(ctx context.Context, id string) error {
	if _, err := db.exec(ctx, `delete from identity_linked_identities where connection_id = $1`, id); err != nil {
		return err
	}
	_, err := db.exec(ctx, `delete from identity_provider_sessions where connection_id = $1`, id)
	return err
}

// ConnectionByID implements store.ConnectionIndex.
func (db *DB) ConnectionByID(ctx context.Context, id string) (store.Connection, error) {
	return one(ctx, db, db.scanConnection, `select `+connectionColumns+` from identity_connections where id = $1`, id)
}

// ConnectionsDue implements store.ConnectionIndex.
func (db *DB) ConnectionsDue(ctx context.Context, now time.Time, limit int) ([]store.Connection, error) {
	return many(ctx, db, db.scanConnection, `
		select `+connectionColumns+` from identity_connections where due_at <= $1 order by due_at, id limit $2`,
		moment(now), limit)
}

// Connected implements store.ConnectionIndex.
func (db *DB) Connected(ctx context.Context) (bool, error) {
	found, err := many(ctx, db, scanInt, `select 1 from identity_connections where enabled limit 1`)
	return len(found) > 0, err
}
