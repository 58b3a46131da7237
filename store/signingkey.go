package store

import (
	"context"
	"time"
)

// A SigningKey signs tokens: those of one template, or all that no template has a key for.
// It is published when it is made, signs from SignsAt until RetiredAt, and verifies until
// ExpiresAt.
type SigningKey struct {
	ID         string        // the kid
	TemplateID string        // the template that it signs for; empty is all others
	Generation int           // 1, 2, 3 …: unique for its template, so that of two processes that make the next key one wins
	Algorithm  string        // a JWS algorithm (RFC 7518 §3.1)
	Public     []byte        // PKIX, DER; empty for a shared secret
	Private    []byte        // sealed under the host's secrets; empty where it is kept elsewhere or needed no more
	Longest    time.Duration // the longest life of a token that it may have signed, in whole seconds
	CreatedAt  time.Time
	SignsAt    time.Time // signs nothing before
	RetiredAt  time.Time // signs nothing after; zero while unknown
	ExpiresAt  time.Time // verifies nothing after; zero while unknown
	RevokedAt  time.Time // was taken out of use by hand; zero for all others
}

// SigningKeyStore keeps signing keys.
type SigningKeyStore interface {
	// CreateSigningKey adds a key; an id or a generation that exists is ErrConflict.
	CreateSigningKey(ctx context.Context, k SigningKey) error
	// SigningKeys returns all, by template, newest generation first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// UpdateSigningKey sets what changes in the life of a key: its private half, Longest and
	// every time but CreatedAt. An unknown id is ErrNotFound.
	UpdateSigningKey(ctx context.Context, k SigningKey) error
	// DeleteSigningKey removes a key; an unknown id is ErrNotFound.
	DeleteSigningKey(ctx context.Context, id string) error
}
