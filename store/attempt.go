package store

import (
	"context"
	"time"
)

// An Attempt counts failures of one subject, an account or an address that may not
// exist, within a window. Subject is a hash: the table names nobody.
type Attempt struct {
	Subject     string
	Failures    int
	StartedAt   time.Time // of the window
	LockedUntil time.Time // zero when not locked
}

// An AttemptLimit says when a subject is locked.
type AttemptLimit struct {
	Max    int           // failures that lock
	Window time.Duration // failures further apart than this do not add up
	Lock   time.Duration // how long the lock lasts
}

// AttemptStore counts attempts exactly, however many callers race.
type AttemptStore interface {
	// Attempt counts one attempt at now, in one statement, before the proof is checked. It
	// returns ErrNotFound, and counts nothing, when the subject is locked. The attempt that
	// reaches Max locks the subject. A window or lock that ended starts a new count at one, and
	// so does one that began more than an hour after now: a clock was wrong.
	Attempt(ctx context.Context, subject string, now time.Time, l AttemptLimit) (Attempt, error)
	// ClearAttempts forgets the subject after a success. An unknown subject is no error.
	ClearAttempts(ctx context.Context, subject string) error
	// SweepAttempts removes counts that neither window nor lock keeps at now.
	SweepAttempts(ctx context.Context, startedBefore, now time.Time) (int, error)
}
