package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const tenantColumns = `r.id, r.name, r.alias, r.status, r.website, r.application_url, r.logo, r.logo_url, r.address,
	r.timezone, r.currency, r.creator_name, r.creator_email, r.reseller, r.parent_id, r.metadata,
	r.created_at, r.updated_at, r.deleted_at`

func (db *DB) scanTenant(scan scan) (t store.Tenant, err error) {
	err = scan(&t.ID, &t.Name, &t.Alias, &t.Status, &t.Website, &t.ApplicationURL, &t.Logo, &t.LogoURL, &t.Address,
		&t.Timezone, &t.Currency, &t.CreatorName, &t.CreatorEmail, &t.Reseller, &t.ParentID, docOf{&t.Metadata, db},
		at{&t.CreatedAt}, at{&t.UpdatedAt}, at{&t.DeletedAt})
	return t, err
}

// CreateTenant implements store.TenantStore.
func (db *DB) CreateTenant(ctx context.Context, t store.Tenant) error {
	return db.insert(ctx, `
		insert into identity_tenants (id, name, name_fold, alias, status, website, application_url, logo, logo_url,
			address, timezone, currency, creator_name, creator_email, reseller, parent_id, metadata,
			created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		on conflict (id) do update set name = excluded.name, name_fold = excluded.name_fold, alias = excluded.alias,
			status = excluded.status, website = excluded.website, application_url = excluded.application_url,
			logo = excluded.logo, logo_url = excluded.logo_url, address = excluded.address,
			timezone = excluded.timezone, currency = excluded.currency, creator_name = excluded.creator_name,
			creator_email = excluded.creator_email, reseller = excluded.reseller, parent_id = excluded.parent_id,
			metadata = excluded.metadata, created_at = excluded.created_at, updated_at = excluded.updated_at,
			deleted_at = null
		where identity_tenants.deleted_at is not null`,
		t.ID, t.Name, store.Fold(t.Name), t.Alias, t.Status, t.Website, t.ApplicationURL, t.Logo, t.LogoURL,
		t.Address, t.Timezone, t.Currency, t.CreatorName, t.CreatorEmail, t.Reseller, t.ParentID, doc(t.Metadata),
		moment(t.CreatedAt), t.UpdatedAt)
}

// Tenant implements store.TenantStore.
func (db *DB) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return one(ctx, db, db.scanTenant,
		`select `+tenantColumns+` from identity_tenants r where r.id = $1 and r.deleted_at is null`, id)
}

// TenantByAlias implements store.TenantStore. Of several it returns the oldest.
func (db *DB) TenantByAlias(ctx context.Context, alias string) (store.Tenant, error) {
	return one(ctx, db, db.scanTenant, `
		select `+tenantColumns+` from identity_tenants r
		where r.alias = $1 and r.alias <> '' and r.deleted_at is null
		order by r.created_at, r.id limit 1`, alias)
}

// Tenants implements store.TenantStore.
func (db *DB) Tenants(ctx context.Context, q store.TenantQuery) (store.Listing[store.Tenant], error) {
	l := listing[store.Tenant]{
		table: `identity_tenants t`, id: `t.id`, columns: tenantColumns, join: `join identity_tenants r on r.id = page.id`,
		into: db.scanTenant, cursor: func(t store.Tenant) (time.Time, string) { return t.CreatedAt, t.ID },
		where: []string{`t.deleted_at is null`},
	}
	if err := l.among(`t.id`, q.IDs); err != nil {
		return store.Listing[store.Tenant]{}, err
	}
	if q.Filter != "" {
		l.where = append(l.where, `(`+l.prefix(`t.name_fold`, q.Filter)+` or t.id = `+l.arg(q.Filter)+`)`)
	}
	created := sort{column: `t.created_at`, keyset: true}
	return l.page(ctx, db, q.Page, map[string]sort{
		"": created, "createdAt": created, "name": {column: `t.name_fold`}, "tenantId": {column: `t.id`},
	})
}

// UpdateTenant implements store.TenantStore.
func (db *DB) UpdateTenant(ctx context.Context, t store.Tenant) error {
	return db.exec1(ctx, `
		update identity_tenants set name = $2, name_fold = $3, alias = $4, status = $5, website = $6,
			application_url = $7, logo = $8, logo_url = $9, address = $10, timezone = $11, currency = $12,
			creator_name = $13, creator_email = $14, reseller = $15, parent_id = $16, metadata = $17, updated_at = $18
		where id = $1 and deleted_at is null`,
		t.ID, t.Name, store.Fold(t.Name), t.Alias, t.Status, t.Website, t.ApplicationURL, t.Logo, t.LogoURL,
		t.Address, t.Timezone, t.Currency, t.CreatorName, t.CreatorEmail, t.Reseller, t.ParentID, doc(t.Metadata),
		t.UpdatedAt)
}

// setups are the purposes of challenges whose subject is a tenant.
const setups = string(store.SSOSetup) + `', '` + string(store.SSOSetupSession)

// DeleteTenant implements store.TenantStore.
func (db *DB) DeleteTenant(ctx context.Context, id string, at time.Time) error {
	return db.atomic(ctx, func(tx *DB) error {
		t, err := tx.Tenant(ctx, id)
		if err != nil {
			return err
		}
		for _, query := range []string{
			`delete from identity_assignments where tenant_id = $1`,
			`delete from identity_memberships where tenant_id = $1`,
			`delete from identity_role_permissions where tenant_id = $1`,
			`delete from identity_roles where tenant_id = $1`,
			`delete from identity_sessions where tenant_id = $1`,
			`delete from identity_settings where scope = $1`,
			`delete from identity_domains where tenant_id = $1`,
			`delete from identity_group_mappings where tenant_id = $1`,
			`delete from identity_sso_attempts where tenant_id = $1`,
			`delete from identity_linked_identities where tenant_id = $1`,
			`delete from identity_provider_sessions where connection_id in (
				select id from identity_connections where tenant_id = $1)`,
			`delete from identity_connections where tenant_id = $1`,
			`delete from identity_challenges where subject = $1 and purpose in ('` + setups + `')`,
		} {
			if _, err := tx.exec(ctx, query, id); err != nil {
				return err
			}
		}
		if _, err := tx.exec(ctx, `update identity_tenants set parent_id = $2 where parent_id = $1 and parent_id <> ''`,
			id, t.ParentID); err != nil {
			return err
		}
		return tx.exec1(ctx, `update identity_tenants set deleted_at = $2 where id = $1 and deleted_at is null`,
			id, moment(at))
	})
}
