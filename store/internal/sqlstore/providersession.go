package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const providerSessionColumns = `user_id, session_id, connection_id, subject, format, session_index, hint, attributes,
	created_at, expires_at`

func (db *DB) scanProviderSession(scan scan) (p store.ProviderSession, err error) {
	err = scan(&p.UserID, &p.SessionID, &p.ConnectionID, &p.Subject, &p.Format, &p.Index, &p.Hint,
		docOf{&p.Attributes, db}, at{&p.CreatedAt}, at{&p.ExpiresAt})
	return p, err
}

// CreateProviderSession implements store.ProviderSessionStore.
func (db *DB) CreateProviderSession(ctx context.Context, p store.ProviderSession) error {
	return db.insert(ctx, `
		insert into identity_provider_sessions (`+providerSessionColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
		p.UserID, p.SessionID, p.ConnectionID, p.Subject, p.Format, p.Index, p.Hint, doc(p.Attributes),
		moment(p.CreatedAt), moment(p.ExpiresAt))
}

// ProviderSession implements store.ProviderSessionStore.
func (db *DB) ProviderSession(ctx context.Context, userID, sessionID string) (store.ProviderSession, error) {
	return one(ctx, db, db.scanProviderSession, `
		select `+providerSessionColumns+` from identity_provider_sessions where user_id = $1 and session_id = $2`,
		userID, sessionID)
}

// ProviderSessions implements store.ProviderSessionStore.
func (db *DB) ProviderSessions(ctx context.Context, connectionID, subject, index string) ([]store.ProviderSession, error) {
	query := `select ` + providerSessionColumns + ` from identity_provider_sessions where connection_id = $1`
	args := []any{connectionID}
	switch {
	case subject != "" && index != "":
		query += ` and subject = $2 and session_index = $3`
		args = append(args, subject, index)
	case subject != "":
		query += ` and subject = $2`
		args = append(args, subject)
	case index != "":
		query += ` and session_index = $2`
		args = append(args, index)
	}
	return many(ctx, db, db.scanProviderSession, query+` order by user_id, session_id`, args...)
}

// SweepProviderSessions implements store.ProviderSessionStore.
func (db *DB) SweepProviderSessions(ctx context.Context, before time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_provider_sessions where (user_id, session_id) in (
			select user_id, session_id from identity_provider_sessions where expires_at < $2 limit $1)`, moment(before))
}
