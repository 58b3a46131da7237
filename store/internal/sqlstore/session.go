package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/go-identity/identity/store"
)

const sessionColumns = `user_id, id, kind, tenant_id, hash, previous_hash, successor, rotated_at, device, user_agent, ip,
	methods, auth_time, created_at, last_used_at, expires_at, ends_at, revoked_at, only_tenant_id`

func scanSession(scan scan) (s store.Session, err error) {
	err = scan(&s.UserID, &s.ID, &s.Kind, &s.TenantID, &s.Hash, &s.PreviousHash, &s.Successor, at{&s.RotatedAt},
		&s.Device, &s.UserAgent, &s.IP, listOf{&s.Methods}, at{&s.AuthTime}, at{&s.CreatedAt}, at{&s.LastUsedAt},
		at{&s.ExpiresAt}, at{&s.EndsAt}, at{&s.RevokedAt}, &s.OnlyTenantID)
	return s, err
}

// CreateSession implements store.SessionStore.
func (db *DB) CreateSession(ctx context.Context, s store.Session) error {
	return db.insert(ctx, `
		insert into identity_sessions (`+sessionColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		on conflict do nothing`,
		s.UserID, s.ID, string(s.Kind), s.TenantID, s.Hash, s.PreviousHash, s.Successor, s.RotatedAt,
		s.Device, s.UserAgent, s.IP, list(s.Methods), s.AuthTime, moment(s.CreatedAt), s.LastUsedAt,
		moment(s.ExpiresAt), moment(s.EndsAt), s.RevokedAt, s.OnlyTenantID)
}

// Session implements store.SessionStore.
func (db *DB) Session(ctx context.Context, userID, id string) (store.Session, error) {
	return one(ctx, db, scanSession,
		`select `+sessionColumns+` from identity_sessions where user_id = $1 and id = $2`, userID, id)
}

// Sessions implements store.SessionStore.
func (db *DB) Sessions(ctx context.Context, userID string, now time.Time) ([]store.Session, error) {
	return many(ctx, db, scanSession, `
		select `+sessionColumns+` from identity_sessions
		where user_id = $1 and revoked_at is null and expires_at > $2 and ends_at > $2
		order by created_at desc, id desc`, userID, moment(now))
}

// RotateSession implements store.SessionStore.
func (db *DB) RotateSession(ctx context.Context, r store.Rotation) error {
	return db.exec1(ctx, `
		update identity_sessions set hash = $4, previous_hash = hash, successor = $5, tenant_id = $6, user_agent = $7,
			ip = $8, rotated_at = $9, last_used_at = $9, expires_at = $10
		where user_id = $1 and id = $2 and hash = $3 and tenant_id = $11 and only_tenant_id in ('', $6)
			and revoked_at is null and expires_at > $9 and ends_at > $9`,
		r.UserID, r.ID, r.From, r.To, r.Successor, r.TenantID, r.UserAgent, r.IP, moment(r.At), moment(r.ExpiresAt),
		r.FromTenantID)
}

// ExtendSession implements store.SessionStore. Of two that race the later time stays.
func (db *DB) ExtendSession(ctx context.Context, userID, id string, at, expires time.Time) error {
	return db.exec1(ctx, `
		update identity_sessions set
			last_used_at = case when last_used_at > $3 then last_used_at else $3 end,
			expires_at = case when expires_at > $4 then expires_at else $4 end
		where user_id = $1 and id = $2 and revoked_at is null and expires_at > $3 and ends_at > $3`,
		userID, id, moment(at), moment(expires))
}

// MoveSession implements store.SessionStore.
func (db *DB) MoveSession(ctx context.Context, userID, id, tenantID string, at time.Time) error {
	return db.exec1(ctx, `
		update identity_sessions set tenant_id = $3
		where user_id = $1 and id = $2 and only_tenant_id in ('', $3) and revoked_at is null and expires_at > $4 and ends_at > $4`,
		userID, id, tenantID, moment(at))
}

const revokeSessions = `
	update identity_sessions set revoked_at = $2
	where user_id = $1 and revoked_at is null and expires_at > $2 and ends_at > $2`

// RevokeSessions implements store.SessionStore.
func (db *DB) RevokeSessions(ctx context.Context, userID string, at time.Time, ids ...string) ([]string, error) {
	if len(ids) == 0 {
		ended, err := changed(ctx, db, scanText, revokeSessions+` returning id`, userID, moment(at))
		slices.Sort(ended)
		return ended, err
	}
	var ended []string
	err := db.atomic(ctx, func(tx *DB) error {
		ended = nil
		return each(ids, func(in in) error {
			in = in.after(userID, moment(at))
			some, err := changed(ctx, tx, scanText, revokeSessions+` and id in `+in.list()+` returning id`, in.args()...)
			ended = append(ended, some...)
			return err
		})
	})
	slices.Sort(ended)
	return ended, err
}

// SweepSessions implements store.SessionStore.
func (db *DB) SweepSessions(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for _, query := range []string{
		sweepSessions + `expires_at < $2 limit $1)`,
		sweepSessions + `ends_at < $2 limit $1)`,
		sweepSessions + `revoked_at < $2 limit $1)`,
	} {
		n, err := db.sweep(ctx, query, moment(before))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

const sweepSessions = `
	delete from identity_sessions where (user_id, id) in (select user_id, id from identity_sessions where `
