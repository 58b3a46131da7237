package store

import (
	"context"
	"time"
)

// A ManagementCredential lets the host's own back end call the management API. Its id is
// the client id; only a hash of its secret is kept.
type ManagementCredential struct {
	ID         string
	Name       string
	SecretHash []byte // SHA-256; the secret is 256 random bits
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// ManagementCredentialStore keeps management credentials.
type ManagementCredentialStore interface {
	CreateManagementCredential(ctx context.Context, c ManagementCredential) error
	ManagementCredential(ctx context.Context, id string) (ManagementCredential, error)
	// ManagementCredentials returns all, oldest first.
	ManagementCredentials(ctx context.Context) ([]ManagementCredential, error)
	DeleteManagementCredential(ctx context.Context, id string) error
}
