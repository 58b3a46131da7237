package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const identifierColumns = `scope, kind, value, user_id, text, is_primary, verified_at, created_at`

func scanIdentifier(scan scan) (i store.Identifier, err error) {
	err = scan(&i.Scope, &i.Kind, &i.Value, &i.UserID, &i.Text, &i.Primary, at{&i.VerifiedAt}, at{&i.CreatedAt})
	return i, err
}

// CreateIdentifier implements store.IdentifierStore.
func (db *DB) CreateIdentifier(ctx context.Context, i store.Identifier) error {
	return db.insert(ctx, `
		insert into identity_identifiers (`+identifierColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict do nothing`,
		i.Scope, string(i.Kind), i.Value, i.UserID, i.Text, i.Primary, i.VerifiedAt, i.CreatedAt)
}

// Identifier implements store.IdentifierStore.
func (db *DB) Identifier(ctx context.Context, scope string, kind store.IdentifierKind, value string) (store.Identifier, error) {
	return one(ctx, db, scanIdentifier,
		`select `+identifierColumns+` from identity_identifiers where scope = $1 and kind = $2 and value = $3`,
		scope, string(kind), value)
}

// Identifiers implements store.IdentifierStore.
func (db *DB) Identifiers(ctx context.Context, userID string) ([]store.Identifier, error) {
	return many(ctx, db, scanIdentifier,
		`select `+identifierColumns+` from identity_identifiers where user_id = $1 order by scope, kind, value`, userID)
}

// VerifyIdentifier implements store.IdentifierStore.
func (db *DB) VerifyIdentifier(ctx context.Context, userID string, i store.Identifier, at time.Time) error {
	return db.exec1(ctx, `
		update identity_identifiers set verified_at = $5
		where scope = $1 and kind = $2 and value = $3 and user_id = $4`,
		i.Scope, string(i.Kind), i.Value, userID, at)
}

// DeleteIdentifier implements store.IdentifierStore.
func (db *DB) DeleteIdentifier(ctx context.Context, userID string, i store.Identifier) error {
	return db.exec1(ctx,
		`delete from identity_identifiers where scope = $1 and kind = $2 and value = $3 and user_id = $4`,
		i.Scope, string(i.Kind), i.Value, userID)
}
