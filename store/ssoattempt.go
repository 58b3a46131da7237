package store

import (
	"context"
	"time"
)

// An SSOAttempt is one try to sign in through a connection, kept for its administrator.
type SSOAttempt struct {
	TenantID     string
	ConnectionID string
	ID           string
	Accepted     bool
	Diagnosis    string // why it was refused, in a sentence; empty where it was not
	Subject      string // redacted
	Email        string // redacted
	IP           string
	UserAgent    string
	Attributes   string // a JSON object: what the provider said, redacted; empty where unread
	Document     []byte // sealed: the answer as it came, to try again with; empty without one
	At           time.Time
}

// SSOAttemptStore keeps the attempts of connections. An attempt is reachable only through
// its own tenant: any other tenantID is ErrNotFound.
type SSOAttemptStore interface {
	// CreateSSOAttempt adds one and removes all but the connection's newest keep; writers who
	// race may leave more until the next. A connection that the tenant does not have is
	// ErrNotFound.
	CreateSSOAttempt(ctx context.Context, a SSOAttempt, keep int) error
	// SSOAttempts returns those of the connection without their documents, newest first.
	SSOAttempts(ctx context.Context, tenantID, connectionID string) ([]SSOAttempt, error)
	SSOAttempt(ctx context.Context, tenantID, id string) (SSOAttempt, error)
	// SweepSSOAttempts removes those made before.
	SweepSSOAttempts(ctx context.Context, before time.Time) (int, error)
}
