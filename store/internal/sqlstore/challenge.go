package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const challengeColumns = `purpose, hash, id, subject, binding, doc, tries, created_at, expires_at, used_at`

func (db *DB) scanChallenge(scan scan) (c store.Challenge, err error) {
	err = scan(&c.Purpose, &c.Hash, &c.ID, &c.Subject, &c.Binding, docOf{&c.Data, db}, &c.Tries,
		at{&c.CreatedAt}, at{&c.ExpiresAt}, at{&c.UsedAt})
	return c, err
}

// CreateChallenge implements store.ChallengeStore.
func (db *DB) CreateChallenge(ctx context.Context, c store.Challenge) error {
	return db.insert(ctx, `
		insert into identity_challenges (`+challengeColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict do nothing`,
		string(c.Purpose), c.Hash, c.ID, c.Subject, c.Binding, doc(c.Data), c.Tries,
		c.CreatedAt, moment(c.ExpiresAt), c.UsedAt)
}

// Challenge implements store.ChallengeStore.
func (db *DB) Challenge(ctx context.Context, p store.Purpose, hash []byte) (store.Challenge, error) {
	return one(ctx, db, db.scanChallenge,
		`select `+challengeColumns+` from identity_challenges where purpose = $1 and hash = $2`, string(p), hash)
}

// ChallengeOf implements store.ChallengeStore.
func (db *DB) ChallengeOf(ctx context.Context, p store.Purpose, subject string) (store.Challenge, error) {
	return one(ctx, db, db.scanChallenge, `
		select `+challengeColumns+` from identity_challenges where subject = $1 and purpose = $2
		order by created_at desc, id desc limit 1`, subject, string(p))
}

// ConsumeChallenge implements store.ChallengeStore.
func (db *DB) ConsumeChallenge(ctx context.Context, p store.Purpose, hash []byte, now time.Time) (store.Challenge, error) {
	return only(changed(ctx, db, db.scanChallenge, `
		update identity_challenges set used_at = $3
		where purpose = $1 and hash = $2 and used_at is null and expires_at > $3
		returning `+challengeColumns, string(p), hash, moment(now)))
}

// TryChallenge implements store.ChallengeStore.
func (db *DB) TryChallenge(ctx context.Context, p store.Purpose, id string, limit int) error {
	return db.exec1(ctx,
		`update identity_challenges set tries = tries + 1 where purpose = $1 and id = $2 and tries < $3`,
		string(p), id, limit)
}

// DropChallenges implements store.ChallengeStore.
func (db *DB) DropChallenges(ctx context.Context, p store.Purpose, subject string) error {
	_, err := db.exec(ctx, `delete from identity_challenges where purpose = $1 and subject = $2`, string(p), subject)
	return err
}

// SweepChallenges implements store.ChallengeStore.
func (db *DB) SweepChallenges(ctx context.Context, before time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_challenges where (purpose, hash) in (
			select purpose, hash from identity_challenges where expires_at < $2 limit $1)`, moment(before))
}
