package store

import (
	"context"
	"time"
)

// A SigningKey signs tokens. Private is sealed under the host's secrets.
type SigningKey struct {
	ID         string // the kid
	Generation int    // 1, 2, 3 …: unique, so that of two processes that make the next key one wins
	Algorithm  string // a JWS algorithm (RFC 7518 §3.1)
	Public     []byte // PKIX, DER
	Private    []byte
	CreatedAt  time.Time
	RetiredAt  time.Time // signs nothing after; zero while it signs
	ExpiresAt  time.Time // verifies nothing after; zero while unknown
}

// SigningKeyStore keeps signing keys.
type SigningKeyStore interface {
	// CreateSigningKey adds a key; a generation that exists is ErrConflict.
	CreateSigningKey(ctx context.Context, k SigningKey) error
	// SigningKeys returns all, newest generation first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// RetireSigningKey sets both times.
	RetireSigningKey(ctx context.Context, id string, retired, expires time.Time) error
	DeleteSigningKey(ctx context.Context, id string) error
}
