package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-identity/identity/store"
)

const messageColumns = `id, kind, recipient, subject, body_text, body_html, attempts, created_at, next_at, sent_at, dead_at`

func scanMessage(scan scan) (m store.Message, err error) {
	err = scan(&m.ID, &m.Kind, &m.To, &m.Subject, &m.Text, &m.HTML, &m.Attempts,
		at{&m.CreatedAt}, at{&m.NextAt}, at{&m.SentAt}, at{&m.DeadAt})
	return m, err
}

// EnqueueMessage implements store.MessageStore.
func (db *DB) EnqueueMessage(ctx context.Context, m store.Message) error {
	return db.insert(ctx, `
		insert into identity_messages (`+messageColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict do nothing`,
		m.ID, m.Kind, m.To, m.Subject, m.Text, m.HTML, m.Attempts, m.CreatedAt, moment(m.NextAt), m.SentAt, m.DeadAt)
}

// ClaimMessages implements store.MessageStore. The condition stands outside the selection
// too: of two claims that selected one message, the second finds it hidden.
func (db *DB) ClaimMessages(ctx context.Context, now, lease time.Time, limit int) ([]store.Message, error) {
	all, err := changed(ctx, db, scanMessage, `
		update identity_messages set next_at = $2, attempts = attempts + 1
		where sent_at is null and dead_at is null and next_at <= $1 and id in (
			select id from identity_messages
			where sent_at is null and dead_at is null and next_at <= $1
			order by next_at, id limit $3)
		returning `+messageColumns, moment(now), moment(lease), max(limit, 0))
	slices.SortFunc(all, func(a, b store.Message) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, err
}

// FinishMessage implements store.MessageStore.
func (db *DB) FinishMessage(ctx context.Context, id string, at time.Time) error {
	return db.exec1(ctx, `update identity_messages set sent_at = $2 where id = $1`, id, moment(at))
}

// RetryMessage implements store.MessageStore.
func (db *DB) RetryMessage(ctx context.Context, id string, next, dead time.Time) error {
	return db.exec1(ctx, `update identity_messages set next_at = $2, dead_at = $3 where id = $1`, id, moment(next), dead)
}

// WaitingMessages implements store.MessageStore.
func (db *DB) WaitingMessages(ctx context.Context) (n int, oldest time.Time, err error) {
	_, err = one(ctx, db, func(scan scan) (struct{}, error) { return struct{}{}, scan(&n, at{&oldest}) },
		`select count(*), min(created_at) from identity_messages where sent_at is null and dead_at is null`)
	return n, oldest, err
}

// SweepMessages implements store.MessageStore.
func (db *DB) SweepMessages(ctx context.Context, before time.Time) (int, error) {
	sent, err := db.sweep(ctx, `
		delete from identity_messages where id in (select id from identity_messages where sent_at < $2 limit $1)`,
		moment(before))
	if err != nil {
		return sent, err
	}
	dead, err := db.sweep(ctx, `
		delete from identity_messages where id in (select id from identity_messages where dead_at < $2 limit $1)`,
		moment(before))
	return sent + dead, err
}
