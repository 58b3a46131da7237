package store

import (
	"context"
	"time"
)

// A CredentialKind says what a user proves themselves with.
type CredentialKind string

// Password is the kind of a password hash.
const Password CredentialKind = "password"

// A Credential is what a user proves themselves with. Secret is a password hash in PHC
// format; it is kept apart from User so that no listing can carry it.
type Credential struct {
	UserID    string
	Kind      CredentialKind
	Secret    string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CredentialStore keeps at most one credential per user and kind.
type CredentialStore interface {
	// PutCredential creates or replaces. A user that is not there is ErrNotFound.
	PutCredential(ctx context.Context, c Credential) error
	Credential(ctx context.Context, userID string, kind CredentialKind) (Credential, error)
	// ReplaceCredential stores c if the secret is still old, else ErrNotFound: of two
	// writers that read the same secret one wins.
	ReplaceCredential(ctx context.Context, old string, c Credential) error
	DeleteCredential(ctx context.Context, userID string, kind CredentialKind) error
}
