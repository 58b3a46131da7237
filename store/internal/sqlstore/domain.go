package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const domainColumns = `tenant_id, id, connection_id, name, challenge, validated_at, proof, created_at`

func scanDomain(scan scan) (d store.Domain, err error) {
	err = scan(&d.TenantID, &d.ID, &d.ConnectionID, &d.Name, &d.Challenge, at{&d.ValidatedAt}, &d.Proof, at{&d.CreatedAt})
	return d, err
}

// CreateDomain implements store.DomainStore.
func (db *DB) CreateDomain(ctx context.Context, d store.Domain) error {
	return db.insert(ctx, `
		insert into identity_domains (`+domainColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
		d.TenantID, d.ID, d.ConnectionID, d.Name, d.Challenge, d.ValidatedAt, d.Proof, moment(d.CreatedAt))
}

// Domain implements store.DomainStore.
func (db *DB) Domain(ctx context.Context, tenantID, id string) (store.Domain, error) {
	return one(ctx, db, scanDomain,
		`select `+domainColumns+` from identity_domains where tenant_id = $1 and id = $2`, tenantID, id)
}

// Domains implements store.DomainStore.
func (db *DB) Domains(ctx context.Context, tenantID string) ([]store.Domain, error) {
	return many(ctx, db, scanDomain,
		`select `+domainColumns+` from identity_domains where tenant_id = $1 order by created_at, id`, tenantID)
}

// ProveDomain implements store.DomainStore.
func (db *DB) ProveDomain(ctx context.Context, tenantID, id, proof string, at time.Time) error {
	return db.exec1(ctx, `
		update identity_domains set proof = $3, validated_at = $4 where tenant_id = $1 and id = $2`,
		tenantID, id, proof, at)
}

// DeleteDomain implements store.DomainStore.
func (db *DB) DeleteDomain(ctx context.Context, tenantID, id string) error {
	return db.exec1(ctx, `delete from identity_domains where tenant_id = $1 and id = $2`, tenantID, id)
}

// DomainsByName implements store.DomainIndex.
func (db *DB) DomainsByName(ctx context.Context, name string) ([]store.Domain, error) {
	return many(ctx, db, scanDomain,
		`select `+domainColumns+` from identity_domains where name = $1 order by created_at, id`, name)
}

// ProvedDomains implements store.DomainIndex.
func (db *DB) ProvedDomains(ctx context.Context, name string) ([]store.Domain, error) {
	return many(ctx, db, scanDomain, `
		select `+domainColumns+` from identity_domains where name = $1 and validated_at is not null order by created_at, id`, name)
}
