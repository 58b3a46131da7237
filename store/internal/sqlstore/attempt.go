package sqlstore

import (
	"context"
	"math"
	"time"

	"github.com/go-identity/identity/store"
)

func scanAttempt(scan scan) (a store.Attempt, err error) {
	err = scan(&a.Subject, &a.Failures, at{&a.StartedAt}, at{&a.LockedUntil})
	return a, err
}

// attemptOver holds when the count that exists belongs to the past, since its lock ended (one
// that lasts is not updated at all) or its window did, or to a future that no other process
// can have reached.
const attemptOver = `(identity_attempts.locked_until is not null or identity_attempts.started_at < $3 or identity_attempts.started_at > $7)`

// wrongClock is how far ahead a count may begin: one that began later was made while a clock
// was wrong, and would lock for as long as that was.
const wrongClock = time.Hour

// Attempt implements store.AttemptStore. It is one statement, so that no two attempts read
// the same count.
func (db *DB) Attempt(ctx context.Context, subject string, now time.Time, l store.AttemptLimit) (store.Attempt, error) {
	limit, lock, first := l.Max, now.Add(l.Lock), time.Time{}
	if limit <= 0 {
		limit = math.MaxInt32 // counts, and never locks
	}
	if limit == 1 {
		first = lock
	}
	return only(changed(ctx, db, scanAttempt, `
		insert into identity_attempts (subject, failures, started_at, locked_until) values ($1, 1, $2, $4)
		on conflict (subject) do update set
			failures = case when `+attemptOver+` then 1 else identity_attempts.failures + 1 end,
			started_at = case when `+attemptOver+` then excluded.started_at else identity_attempts.started_at end,
			locked_until = case
				when `+attemptOver+` then excluded.locked_until
				when identity_attempts.failures + 1 >= $5 then $6
				else excluded.locked_until end
		where identity_attempts.locked_until is null or identity_attempts.locked_until <= $2 or identity_attempts.started_at > $7
		returning subject, failures, started_at, locked_until`,
		subject, moment(now), moment(now.Add(-l.Window)), first, limit, moment(lock), moment(now.Add(wrongClock))))
}

// ClearAttempts implements store.AttemptStore.
func (db *DB) ClearAttempts(ctx context.Context, subject string) error {
	_, err := db.exec(ctx, `delete from identity_attempts where subject = $1`, subject)
	return err
}

// SweepAttempts implements store.AttemptStore.
func (db *DB) SweepAttempts(ctx context.Context, startedBefore, now time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_attempts where subject in (
			select subject from identity_attempts
			where started_at < $2 and (locked_until is null or locked_until <= $3) limit $1)`,
		moment(startedBefore), moment(now))
}
