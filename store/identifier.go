package store

import (
	"context"
	"time"
)

// An IdentifierKind says what a user is found by.
type IdentifierKind string

// The kinds of identifier.
const (
	Email    IdentifierKind = "email"
	Username IdentifierKind = "username"
	Phone    IdentifierKind = "phone"
)

// An Identifier is one way to find a user: an address, a username, a phone number.
type Identifier struct {
	Scope      string // "" for the environment, or a tenant id where users are per tenant
	Kind       IdentifierKind
	Value      string // normalized; unique within scope and kind
	UserID     string
	Text       string // as it was given; mail goes here and nowhere else
	Primary    bool
	VerifiedAt time.Time // zero until proved
	CreatedAt  time.Time
}

// IdentifierStore keeps identifiers. A value is unique within its scope and kind, else
// ErrConflict.
type IdentifierStore interface {
	CreateIdentifier(ctx context.Context, i Identifier) error
	Identifier(ctx context.Context, scope string, kind IdentifierKind, value string) (Identifier, error)
	Identifiers(ctx context.Context, userID string) ([]Identifier, error)
	// VerifyIdentifier sets VerifiedAt if value still belongs to userID, else ErrNotFound.
	VerifyIdentifier(ctx context.Context, userID string, i Identifier, at time.Time) error
	// DeleteIdentifier removes the identifier if it belongs to userID, else ErrNotFound.
	DeleteIdentifier(ctx context.Context, userID string, i Identifier) error
}
