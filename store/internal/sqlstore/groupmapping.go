package sqlstore

import (
	"context"

	"github.com/go-identity/identity/store"
)

const groupMappingColumns = `tenant_id, id, connection_id, group_name, role_ids, created_at, updated_at`

func scanGroupMapping(scan scan) (g store.GroupMapping, err error) {
	err = scan(&g.TenantID, &g.ID, &g.ConnectionID, &g.Group, listOf{&g.RoleIDs}, at{&g.CreatedAt}, at{&g.UpdatedAt})
	return g, err
}

// CreateGroupMapping implements store.GroupMappingStore.
func (db *DB) CreateGroupMapping(ctx context.Context, g store.GroupMapping) error {
	return db.insert(ctx, `
		insert into identity_group_mappings (`+groupMappingColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
		g.TenantID, g.ID, g.ConnectionID, g.Group, list(g.RoleIDs), moment(g.CreatedAt), g.UpdatedAt)
}

// GroupMapping implements store.GroupMappingStore.
func (db *DB) GroupMapping(ctx context.Context, tenantID, id string) (store.GroupMapping, error) {
	return one(ctx, db, scanGroupMapping,
		`select `+groupMappingColumns+` from identity_group_mappings where tenant_id = $1 and id = $2`, tenantID, id)
}

// GroupMappings implements store.GroupMappingStore.
func (db *DB) GroupMappings(ctx context.Context, tenantID string) ([]store.GroupMapping, error) {
	return many(ctx, db, scanGroupMapping, `
		select `+groupMappingColumns+` from identity_group_mappings where tenant_id = $1 order by created_at, id`, tenantID)
}

// UpdateGroupMapping implements store.GroupMappingStore.
func (db *DB) UpdateGroupMapping(ctx context.Context, g store.GroupMapping) error {
	return db.exec1(ctx, `
		update identity_group_mappings set group_name = $3, role_ids = $4, updated_at = $5
		where tenant_id = $1 and id = $2`,
		g.TenantID, g.ID, g.Group, list(g.RoleIDs), g.UpdatedAt)
}

// DeleteGroupMapping implements store.GroupMappingStore.
func (db *DB) DeleteGroupMapping(ctx context.Context, tenantID, id string) error {
	return db.exec1(ctx, `delete from identity_group_mappings where tenant_id = $1 and id = $2`, tenantID, id)
}
