package identitytest

import (
	"context"
	"maps"
	"sync"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/store"
)

// MintToken signs the user in and returns the access token, for an Authorization header or
// for a service that verifies tokens. The claims are added as Options.Token.BeforeMint would
// add them, the host's own first: what the library sets itself, such as sub, stays. For a
// token that has expired, [World.Advance] the clock.
func (w *World) MintToken(u *User, claims ...map[string]any) string {
	w.t.Helper()
	w.claims.turn.Lock()
	defer w.claims.turn.Unlock()
	w.claims.expect(*u, claims)
	defer w.claims.expect(User{}, nil)
	return w.signIn(u, store.Family).AccessToken
}

// claims are added to the next token of one user.
type claims struct {
	before func(context.Context, *identity.MintContext) error // the host's hook; may be nil
	turn   sync.Mutex                                         // held by a MintToken

	mu    sync.Mutex
	user  User
	extra []map[string]any
}

func (c *claims) expect(u User, extra []map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user, c.extra = u, extra
}

// add is the BeforeMint of Options.
func (c *claims) add(ctx context.Context, m *identity.MintContext) error {
	if c.before != nil {
		if err := c.before(ctx, m); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.User.ID != c.user.ID && m.User.Email != c.user.Email {
		return nil
	}
	for _, extra := range c.extra {
		maps.Copy(m.Claims, extra)
	}
	return nil
}
