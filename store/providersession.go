package store

import (
	"context"
	"time"
)

// A ProviderSession says which session at a provider a session here came from, so that
// ending one can end the other, and what the provider said then.
type ProviderSession struct {
	UserID       string
	SessionID    string // of the session here
	ConnectionID string // a connection's id, or that of a social provider
	Subject      string // as the provider names the person
	Format       string // of Subject: SAML's NameID format; empty where there is none
	Index        string // of the provider's session; empty where it has no name
	Hint         []byte // sealed: what a sign-out must show to the provider; empty without one
	Attributes   string // a JSON object of lists of text: what else the provider said
	CreatedAt    time.Time
	ExpiresAt    time.Time // when it is of no more use
}

// ProviderSessionStore keeps provider sessions, unique by user and session, else ErrConflict.
// Deleting the connection, the user or the user's membership in the connection's tenant
// removes them.
type ProviderSessionStore interface {
	// CreateProviderSession adds one. A user that is not there is ErrNotFound.
	CreateProviderSession(ctx context.Context, p ProviderSession) error
	// ProviderSession returns what the session here came from, else ErrNotFound.
	ProviderSession(ctx context.Context, userID, sessionID string) (ProviderSession, error)
	// ProviderSessions returns those of the connection that have the subject and the index, by
	// user and session id. An empty subject or index is any; both empty is all.
	ProviderSessions(ctx context.Context, connectionID, subject, index string) ([]ProviderSession, error)
	// SweepProviderSessions removes those that expired before.
	SweepProviderSessions(ctx context.Context, before time.Time) (int, error)
}
