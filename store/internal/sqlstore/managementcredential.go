package sqlstore

import (
	"context"

	"github.com/go-identity/identity/store"
)

const managementCredentialColumns = `id, name, secret_hash, created_at, last_used_at`

func scanManagementCredential(scan scan) (c store.ManagementCredential, err error) {
	err = scan(&c.ID, &c.Name, &c.SecretHash, at{&c.CreatedAt}, at{&c.LastUsedAt})
	return c, err
}

// CreateManagementCredential implements store.ManagementCredentialStore.
func (db *DB) CreateManagementCredential(ctx context.Context, c store.ManagementCredential) error {
	return db.insert(ctx, `
		insert into identity_management_credentials (`+managementCredentialColumns+`) values ($1, $2, $3, $4, $5)
		on conflict do nothing`,
		c.ID, c.Name, c.SecretHash, moment(c.CreatedAt), c.LastUsedAt)
}

// ManagementCredential implements store.ManagementCredentialStore.
func (db *DB) ManagementCredential(ctx context.Context, id string) (store.ManagementCredential, error) {
	return one(ctx, db, scanManagementCredential,
		`select `+managementCredentialColumns+` from identity_management_credentials where id = $1`, id)
}

// ManagementCredentials implements store.ManagementCredentialStore.
func (db *DB) ManagementCredentials(ctx context.Context) ([]store.ManagementCredential, error) {
	return many(ctx, db, scanManagementCredential,
		`select `+managementCredentialColumns+` from identity_management_credentials order by created_at, id`)
}

// DeleteManagementCredential implements store.ManagementCredentialStore.
func (db *DB) DeleteManagementCredential(ctx context.Context, id string) error {
	return db.exec1(ctx, `delete from identity_management_credentials where id = $1`, id)
}
