package store

import (
	"context"
	"time"
)

// A SocialProvider is where people may sign in with an account that they have elsewhere:
// one that the library knows by its type, or a custom one.
type SocialProvider struct {
	ID        string
	Type      string // "google", or what a custom one is called; unique
	Custom    bool
	Active    bool
	Settings  string // a JSON object: client id, addresses, scopes; no secrets
	Secret    []byte // sealed: what we show to the provider; empty without one
	CreatedAt time.Time
	UpdatedAt time.Time
}

// SocialProviderStore keeps social providers. A type is unique, else ErrConflict.
type SocialProviderStore interface {
	CreateSocialProvider(ctx context.Context, p SocialProvider) error
	SocialProvider(ctx context.Context, id string) (SocialProvider, error)
	// SocialProviders returns all, by type in byte order.
	SocialProviders(ctx context.Context) ([]SocialProvider, error)
	// UpdateSocialProvider changes all but ID, Custom and CreatedAt.
	UpdateSocialProvider(ctx context.Context, p SocialProvider) error
	// DeleteSocialProvider also removes the provider's linked identities and sessions.
	DeleteSocialProvider(ctx context.Context, id string) error
}
