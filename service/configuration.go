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
	pem, algorithm, err := s.keys.PublicPEM(ctx)
	if err != nil {
		return Configuration{}, err
	}
	return Configuration{
		ID: s.environment, PublicKey: pem, Algorithm: algorithm,
		AccessToken: s.config.Session.AccessToken, Refresh: s.config.Session.Idle,
		SignUps: !s.config.SignUp.Closed, UnverifiedUsersMayEnter: s.config.Unverified,
	}, nil
}
