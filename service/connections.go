package service

import (
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso/oidc"
)

// Connections are the rules about the ways into a tenant through providers of its own.
type Connections struct {
	*base
	ring    *secret.Ring
	guard   *outbound.Guard
	party   *oidc.Party
	keys    *samlKeys
	baseURL string
}

func newConnections(b *base, c Config, out outside) *Connections {
	return &Connections{
		base: b, ring: c.Ring, guard: out.guard, party: out.party, baseURL: c.BaseURL,
		keys: &samlKeys{base: b, ring: c.Ring, baseURL: c.BaseURL},
	}
}
