package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const signingKeyColumns = `id, generation, algorithm, public_key, private_key, created_at, retired_at, expires_at`

func scanSigningKey(scan scan) (k store.SigningKey, err error) {
	err = scan(&k.ID, &k.Generation, &k.Algorithm, &k.Public, &k.Private,
		at{&k.CreatedAt}, at{&k.RetiredAt}, at{&k.ExpiresAt})
	return k, err
}

// CreateSigningKey implements store.SigningKeyStore.
func (db *DB) CreateSigningKey(ctx context.Context, k store.SigningKey) error {
	return db.insert(ctx, `
		insert into identity_signing_keys (`+signingKeyColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict do nothing`,
		k.ID, k.Generation, k.Algorithm, k.Public, k.Private, k.CreatedAt, k.RetiredAt, k.ExpiresAt)
}

// SigningKeys implements store.SigningKeyStore.
func (db *DB) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return many(ctx, db, scanSigningKey,
		`select `+signingKeyColumns+` from identity_signing_keys order by generation desc`)
}

// RetireSigningKey implements store.SigningKeyStore.
func (db *DB) RetireSigningKey(ctx context.Context, id string, retired, expires time.Time) error {
	return db.exec1(ctx, `update identity_signing_keys set retired_at = $2, expires_at = $3 where id = $1`,
		id, retired, expires)
}

// DeleteSigningKey implements store.SigningKeyStore.
func (db *DB) DeleteSigningKey(ctx context.Context, id string) error {
	return db.exec1(ctx, `delete from identity_signing_keys where id = $1`, id)
}
