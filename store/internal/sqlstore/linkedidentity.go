package sqlstore

import (
	"context"

	"github.com/go-identity/identity/store"
)

const linkedIdentityColumns = `connection_id, subject, tenant_id, user_id, email, role_ids, created_at, last_used_at`

func scanLinkedIdentity(scan scan) (l store.LinkedIdentity, err error) {
	err = scan(&l.ConnectionID, &l.Subject, &l.TenantID, &l.UserID, &l.Email, listOf{&l.RoleIDs}, at{&l.CreatedAt},
		at{&l.LastUsedAt})
	return l, err
}

// CreateLinkedIdentity implements store.LinkedIdentityStore.
func (db *DB) CreateLinkedIdentity(ctx context.Context, l store.LinkedIdentity) error {
	return db.insert(ctx, `
		insert into identity_linked_identities (`+linkedIdentityColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
		l.ConnectionID, l.Subject, l.TenantID, l.UserID, l.Email, list(l.RoleIDs), moment(l.CreatedAt), l.LastUsedAt)
}

// LinkedIdentity implements store.LinkedIdentityStore.
func (db *DB) LinkedIdentity(ctx context.Context, connectionID, subject string) (store.LinkedIdentity, error) {
	return one(ctx, db, scanLinkedIdentity, `
		select `+linkedIdentityColumns+` from identity_linked_identities where connection_id = $1 and subject = $2`,
		connectionID, subject)
}

// LinkedIdentities implements store.LinkedIdentityStore.
func (db *DB) LinkedIdentities(ctx context.Context, userID string) ([]store.LinkedIdentity, error) {
	return many(ctx, db, scanLinkedIdentity, `
		select `+linkedIdentityColumns+` from identity_linked_identities
		where user_id = $1 order by created_at, connection_id, subject`, userID)
}

// UpdateLinkedIdentity implements store.LinkedIdentityStore.
func (db *DB) UpdateLinkedIdentity(ctx context.Context, l store.LinkedIdentity) error {
	return db.exec1(ctx, `
		update identity_linked_identities set email = $3, role_ids = $4, last_used_at = $5
		where connection_id = $1 and subject = $2`,
		l.ConnectionID, l.Subject, l.Email, list(l.RoleIDs), l.LastUsedAt)
}

// DeleteLinkedIdentity implements store.LinkedIdentityStore.
func (db *DB) DeleteLinkedIdentity(ctx context.Context, userID, connectionID, subject string) error {
	return db.exec1(ctx, `
		delete from identity_linked_identities where user_id = $1 and connection_id = $2 and subject = $3`,
		userID, connectionID, subject)
}
