package store

import (
	"context"
	"time"
)

// A SessionKind says how a session is carried.
type SessionKind string

// The kinds of session.
const (
	Family  SessionKind = "family"  // a family of refresh tokens, each the successor of the one before
	Browser SessionKind = "browser" // one opaque cookie
)

// A Session is one sign-in of one user on one device. Only hashes of its secret are kept.
type Session struct {
	UserID   string
	ID       string
	Kind     SessionKind
	TenantID string // the tenant it acts in
	// OnlyTenantID is the one tenant that it may ever act in, because that tenant's own
	// identity provider vouched for the user; empty is any of the user's.
	OnlyTenantID string

	Hash         []byte // SHA-256 of the current secret
	PreviousHash []byte // of the one before; empty until the first rotation
	Successor    []byte // the current secret sealed under a key derived from the one before
	RotatedAt    time.Time

	Device    string // hash of the device cookie; empty without one
	UserAgent string
	IP        string
	Methods   []string // how the user proved themselves (RFC 8176), in order
	AuthTime  time.Time

	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // moves with use
	EndsAt     time.Time // never moves
	RevokedAt  time.Time // zero while the session lives
}

// A Rotation replaces the secret of a session.
type Rotation struct {
	UserID, ID             string
	From, To               []byte // the hash it must have, the hash it gets
	FromTenantID, TenantID string // the tenant it must act in, the tenant it acts in from now on
	Successor              []byte
	UserAgent              string
	IP                     string
	At                     time.Time
	ExpiresAt              time.Time
}

// SessionStore keeps sessions. A session is reachable only through its own user: any
// other userID is ErrNotFound.
type SessionStore interface {
	// CreateSession adds a session. A user that is not there is ErrNotFound.
	CreateSession(ctx context.Context, s Session) error
	// Session returns the session, revoked or not.
	Session(ctx context.Context, userID, id string) (Session, error)
	// Sessions returns those that live at now, newest first.
	Sessions(ctx context.Context, userID string, now time.Time) ([]Session, error)
	// RotateSession applies r in one statement if the session lives at r.At and its hash and
	// tenant are still those r is from, else ErrNotFound: of many callers with one secret
	// exactly one wins, and none undoes a switch of tenants. Away from its OnlyTenantID it is
	// ErrNotFound too.
	RotateSession(ctx context.Context, r Rotation) error
	// ExtendSession moves LastUsedAt and ExpiresAt of a living session forward, else ErrNotFound.
	ExtendSession(ctx context.Context, userID, id string, at, expires time.Time) error
	// MoveSession sets the tenant of a living session, but for one that its OnlyTenantID
	// forbids, else ErrNotFound.
	MoveSession(ctx context.Context, userID, id, tenantID string, at time.Time) error
	// RevokeSessions ends the user's living sessions: those named, or without ids all. It
	// returns the ids of those it ended.
	RevokeSessions(ctx context.Context, userID string, at time.Time, ids ...string) ([]string, error)
	// SweepSessions removes sessions that expired, ended or were revoked before.
	SweepSessions(ctx context.Context, before time.Time) (int, error)
}
