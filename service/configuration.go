package service

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

// A Configuration is what the environment is set to, as the management API tells it.
type Configuration struct {
	ID                      string
	PublicKey               string // PEM (SPKI) of the signing key
	Algorithm               string
	AccessToken             time.Duration
	Refresh                 time.Duration
	SignUps                 bool
	UnverifiedUsersMayEnter bool
}

// Configured tells what the environment is set to. The options of the host decide; nothing
// here can be changed over the wire.
type Configured struct {
	*base
	keys   *Keys
	config Config
}

// Read returns the configuration.
func (s *Configured) Read(ctx context.Context, _ store.Principal) (Configuration, error) {
	if err := s.keys.refresh(ctx); err != nil {
		return Configuration{}, err
	}
	return Configuration{
		ID: s.environment, PublicKey: s.keys.PublicPEM(), Algorithm: s.keys.Set().Signer().Algorithm,
		AccessToken: s.config.Session.AccessToken, Refresh: s.config.Session.Idle,
		SignUps: !s.config.SignUp.Closed, UnverifiedUsersMayEnter: s.config.Unverified,
	}, nil
}
