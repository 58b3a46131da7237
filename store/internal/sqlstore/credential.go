package sqlstore

import (
	"context"

	"github.com/go-identity/identity/store"
)

const credentialColumns = `user_id, kind, secret, created_at, updated_at`

func scanCredential(scan scan) (c store.Credential, err error) {
	err = scan(&c.UserID, &c.Kind, &c.Secret, at{&c.CreatedAt}, at{&c.UpdatedAt})
	return c, err
}

// PutCredential implements store.CredentialStore.
func (db *DB) PutCredential(ctx context.Context, c store.Credential) error {
	_, err := db.exec(ctx, `
		insert into identity_credentials (`+credentialColumns+`) values ($1, $2, $3, $4, $5)
		on conflict (user_id, kind) do update set
			secret = excluded.secret, created_at = excluded.created_at, updated_at = excluded.updated_at`,
		c.UserID, string(c.Kind), c.Secret, c.CreatedAt, c.UpdatedAt)
	return err
}

// Credential implements store.CredentialStore.
func (db *DB) Credential(ctx context.Context, userID string, kind store.CredentialKind) (store.Credential, error) {
	return one(ctx, db, scanCredential,
		`select `+credentialColumns+` from identity_credentials where user_id = $1 and kind = $2`, userID, string(kind))
}

// ReplaceCredential implements store.CredentialStore.
func (db *DB) ReplaceCredential(ctx context.Context, old string, c store.Credential) error {
	return db.exec1(ctx, `
		update identity_credentials set secret = $4, updated_at = $5
		where user_id = $1 and kind = $2 and secret = $3`,
		c.UserID, string(c.Kind), old, c.Secret, c.UpdatedAt)
}

// DeleteCredential implements store.CredentialStore.
func (db *DB) DeleteCredential(ctx context.Context, userID string, kind store.CredentialKind) error {
	return db.exec1(ctx, `delete from identity_credentials where user_id = $1 and kind = $2`, userID, string(kind))
}
