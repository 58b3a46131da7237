package service

import (
	"fmt"

	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/sso/oidc"
)

// outside is what the services reach other machines by.
type outside struct {
	guard *outbound.Guard
	party *oidc.Party
}

func newOutside(b *base, c Config) (outside, error) {
	o := outside{guard: c.Outbound}
	if o.guard == nil {
		o.guard = outbound.New(outbound.Options{})
	}
	var err error
	o.party, err = oidc.New(oidc.Options{HTTP: o.guard.Client(), CheckURL: o.guard.CheckURL, Now: b.now})
	if err != nil {
		return o, fmt.Errorf("speak OpenID Connect: %w", err)
	}
	return o, nil
}
