package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const signingKeyColumns = `id, template_id, generation, algorithm, public_key, private_key, life_seconds, ` +
	`created_at, signs_at, retired_at, expires_at, revoked_at`

func scanSigningKey(scan scan) (k store.SigningKey, err error) {
	var seconds int64
	err = scan(&k.ID, &k.TemplateID, &k.Generation, &k.Algorithm, &k.Public, &k.Private, &seconds,
		at{&k.CreatedAt}, at{&k.SignsAt}, at{&k.RetiredAt}, at{&k.ExpiresAt}, at{&k.RevokedAt})
	k.Longest = time.Duration(seconds) * time.Second
	return k, err
}

// CreateSigningKey implements store.SigningKeyStore.
func (db *DB) CreateSigningKey(ctx context.Context, k store.SigningKey) error {
	return db.insert(ctx, `
		insert into identity_signing_keys (`+signingKeyColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict do nothing`,
		k.ID, k.TemplateID, k.Generation, k.Algorithm, k.Public, k.Private, int64(k.Longest/time.Second),
		k.CreatedAt, k.SignsAt, k.RetiredAt, k.ExpiresAt, k.RevokedAt)
}

// SigningKeys implements store.SigningKeyStore.
func (db *DB) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return many(ctx, db, scanSigningKey,
		`select `+signingKeyColumns+` from identity_signing_keys order by template_id, generation desc`)
}

// UpdateSigningKey implements store.SigningKeyStore.
func (db *DB) UpdateSigningKey(ctx context.Context, k store.SigningKey) error {
	return db.exec1(ctx, `
		update identity_signing_keys set private_key = $2, life_seconds = $3,
			signs_at = $4, retired_at = $5, expires_at = $6, revoked_at = $7
		where id = $1`,
		k.ID, k.Private, int64(k.Longest/time.Second), k.SignsAt, k.RetiredAt, k.ExpiresAt, k.RevokedAt)
}

// DeleteSigningKey implements store.SigningKeyStore.
func (db *DB) DeleteSigningKey(ctx context.Context, id string) error {
	return db.exec1(ctx, `delete from identity_signing_keys where id = $1`, id)
}
