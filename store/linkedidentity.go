package store

import (
	"context"
	"time"
)

// A LinkedIdentity says that somebody whom a provider knows is a user here. Its key is the
// connection and the subject: an address never is.
type LinkedIdentity struct {
	ConnectionID string // a connection's id, or that of a social provider
	Subject      string // as the provider names the person, compared byte for byte
	TenantID     string // of the connection; empty for a social provider
	UserID       string
	Email        string   // as it was asserted last
	RoleIDs      []string // that the person's groups gave, in byte order
	CreatedAt    time.Time
	LastUsedAt   time.Time
}

// LinkedIdentityStore keeps linked identities, unique by connection and subject, else
// ErrConflict. Deleting the membership of a user in a tenant, or the user, removes them.
type LinkedIdentityStore interface {
	// CreateLinkedIdentity adds one. A user that is not there is ErrNotFound.
	CreateLinkedIdentity(ctx context.Context, l LinkedIdentity) error
	LinkedIdentity(ctx context.Context, connectionID, subject string) (LinkedIdentity, error)
	// LinkedIdentities returns those of the user, oldest first.
	LinkedIdentities(ctx context.Context, userID string) ([]LinkedIdentity, error)
	// UpdateLinkedIdentity changes Email, RoleIDs and LastUsedAt.
	UpdateLinkedIdentity(ctx context.Context, l LinkedIdentity) error
	// DeleteLinkedIdentity removes the identity if it is the user's, else ErrNotFound.
	DeleteLinkedIdentity(ctx context.Context, userID, connectionID, subject string) error
}
