package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const revocationColumns = `id, tenant_id, user_id, session_id, at`

func scanRevocation(scan scan) (r store.Revocation, err error) {
	err = scan(&r.ID, &r.TenantID, &r.UserID, &r.SessionID, at{&r.At})
	return r, err
}

// AppendRevocation implements store.RevocationStore.
func (db *DB) AppendRevocation(ctx context.Context, r store.Revocation) error {
	return db.insert(ctx,
		`insert into identity_revocations (`+revocationColumns+`) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		r.ID, r.TenantID, r.UserID, r.SessionID, moment(r.At))
}

// Revocations implements store.RevocationStore.
func (db *DB) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error) {
	return many(ctx, db, scanRevocation,
		`select `+revocationColumns+` from identity_revocations where at >= $1 order by at, id`, moment(since))
}

// SweepRevocations implements store.RevocationStore.
func (db *DB) SweepRevocations(ctx context.Context, before time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_revocations where id in (select id from identity_revocations where at < $2 limit $1)`,
		moment(before))
}
