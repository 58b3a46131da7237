package store

import (
	"context"
	"time"
)

// A Protocol is how the identity provider of a connection is spoken to.
type Protocol string

// The protocols of single sign-on.
const (
	SAML Protocol = "saml"
	OIDC Protocol = "oidc"
)

// A Connection is one way into a tenant through one identity provider.
type Connection struct {
	TenantID  string
	ID        string
	Protocol  Protocol
	Enabled   bool
	Settings  string    // a JSON object: what the protocol needs, without secrets
	Secret    []byte    // sealed: what we show to the provider; empty without one
	RoleIDs   []string  // of everyone who comes through it, in byte order
	DueAt     time.Time // when it has to be looked after: metadata, certificates; zero is never
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ConnectionStore keeps connections. A connection is reachable only through its own
// tenant: any other tenantID is ErrNotFound.
type ConnectionStore interface {
	CreateConnection(ctx context.Context, c Connection) error
	Connection(ctx context.Context, tenantID, id string) (Connection, error)
	// Connections returns those of the tenant, oldest first.
	Connections(ctx context.Context, tenantID string) ([]Connection, error)
	// UpdateConnection changes all but TenantID, ID and CreatedAt.
	UpdateConnection(ctx context.Context, c Connection) error
	// DeleteConnection also removes its domains, group mappings, linked identities, provider
	// sessions and attempts.
	DeleteConnection(ctx context.Context, tenantID, id string) error
}

// ConnectionIndex finds connections across tenants. It is for what a provider sends, which
// names a connection by address, and for the library's own work: what it returns must not
// reach a caller of one tenant.
type ConnectionIndex interface {
	// ConnectionByID returns the connection of whatever tenant.
	ConnectionByID(ctx context.Context, id string) (Connection, error)
	// ConnectionsDue returns at most limit of those that are due at now, the longest due first.
	ConnectionsDue(ctx context.Context, now time.Time, limit int) ([]Connection, error)
	// Connected reports whether any connection of the environment is enabled.
	Connected(ctx context.Context) (bool, error)
}
