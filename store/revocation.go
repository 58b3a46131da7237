package store

import (
	"context"
	"time"
)

// A Revocation tells every process that something it may have cached no longer holds.
// Zero fields stand for all: a Revocation with a user and no session concerns all of the
// user's sessions; one with only a tenant concerns everyone in it; one with neither
// concerns everything, keys included.
type Revocation struct {
	ID        string
	TenantID  string
	UserID    string
	SessionID string
	At        time.Time
}

// RevocationStore is the append-only feed that processes read to stay current.
type RevocationStore interface {
	AppendRevocation(ctx context.Context, r Revocation) error
	// Revocations returns those at or after since, oldest first.
	Revocations(ctx context.Context, since time.Time) ([]Revocation, error)
	// SweepRevocations removes those from before.
	SweepRevocations(ctx context.Context, before time.Time) (int, error)
}
