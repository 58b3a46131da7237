package store

import (
	"context"
	"time"
)

// A FactorKind says what a second factor is.
type FactorKind string

// TOTP is the kind of an authenticator app: one-time codes by time (RFC 6238).
const TOTP FactorKind = "totp"

// A Factor is a device that a user proves themselves with after the password. It exists
// once the user has shown that the device works.
type Factor struct {
	UserID    string
	ID        string
	Kind      FactorKind
	Sealed    []byte // its secret, encrypted for this user and this factor alone
	LastStep  int64  // the newest step whose code was accepted
	CreatedAt time.Time
	UsedAt    time.Time // zero until the first use after it was made
}

// FactorStore keeps factors. A factor is reachable only through its own user: any other
// userID is ErrNotFound.
type FactorStore interface {
	// CreateFactor adds a factor. A user that is not there is ErrNotFound.
	CreateFactor(ctx context.Context, f Factor) error
	// Factors returns the user's factors, oldest first.
	Factors(ctx context.Context, userID string) ([]Factor, error)
	// Enrolled returns those of the users who have a factor, in byte order.
	Enrolled(ctx context.Context, userIDs ...string) ([]string, error)
	// UseFactor records in one statement that the code of step was accepted, if step is after
	// the last, else ErrNotFound: of many callers with one code exactly one wins.
	UseFactor(ctx context.Context, userID, id string, step int64, at time.Time) error
	DeleteFactor(ctx context.Context, userID, id string) error
	// DeleteFactors removes all of the user's factors and returns how many those were.
	DeleteFactors(ctx context.Context, userID string) (int, error)
}
