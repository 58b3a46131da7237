package service

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A bond is a claim that was proved and the connection that it is for, which is enabled.
type bond struct {
	claim      store.Domain
	connection store.Connection
}

// bonds returns what a domain is bound to, the oldest claim first, of all tenants.
func bonds(ctx context.Context, r store.Records, domain string) ([]bond, error) {
	claims, err := r.ProvedDomains(ctx, domain)
	if err != nil {
		return nil, err
	}
	var all []bond
	for _, d := range claims {
		c, err := r.Connection(ctx, d.TenantID, d.ConnectionID)
		if errors.Is(err, store.ErrNotFound) {
			continue // it was deleted between the two reads, and its claims with it
		}
		works := false
		if err == nil {
			works, err = working(ctx, r, c)
		}
		if err != nil {
			return nil, err
		}
		if works {
			all = append(all, bond{d, c})
		}
	}
	return all, nil
}

// working reports whether somebody can come through the connection.
func working(ctx context.Context, r store.Records, c store.Connection) (bool, error) {
	if !c.Enabled || c.Protocol != store.OIDC {
		return c.Enabled, nil
	}
	w, err := readOIDCSwitch(ctx, r)
	return w.Active, err
}

// boundConnections returns the claims to the domain that count: proved, and for a connection
// that works, of all tenants, oldest first. Whoever has an address in a domain with one comes
// by single sign-on and in no other way.
func boundConnections(ctx context.Context, r store.Records, domain string) ([]store.Domain, error) {
	all, err := bonds(ctx, r, domain)
	claims := make([]store.Domain, len(all))
	for i, b := range all {
		claims[i] = b.claim
	}
	return claims, err
}

// A routeInput says who wants to sign in, as far as it is known.
type routeInput struct {
	Email    string // either this
	Domain   string // or this, as claims are compared; both may be empty with a tenant
	TenantID string // the tenant that was asked for
	// ActiveTenantID returns the tenant that the user of the address acts in; empty for no
	// user. It is asked only where the policy says that it counts. Nil is nobody.
	ActiveTenantID func() (string, error)
}

// errNoRoute is the one answer where no connection is found, whatever the reason.
func errNoRoute() error {
	return fault.New(fault.NotFound, "", "SSO domain was not found").Because(store.ErrNotFound)
}

// route returns the connection that somebody signs in through. A tenant that was asked for
// wins. Otherwise the domain decides, and where several tenants have it the policy on that.
func (s *Domains) route(ctx context.Context, r store.Records, in routeInput) (store.Connection, error) {
	var all []bond
	name := in.Domain
	if in.Email != "" {
		name, _ = emailDomain(in.Email)
	}
	if name != "" {
		var err error
		if all, err = bonds(ctx, r, name); err != nil {
			return store.Connection{}, err
		}
	}
	if in.TenantID != "" {
		return routeWithin(ctx, r, in.TenantID, all)
	}
	if len(all) > 1 {
		return choose(ctx, r, in, all)
	}
	if len(all) == 0 {
		return store.Connection{}, errNoRoute()
	}
	return all[0].connection, nil
}

// routeWithin finds the tenant's connection for the domain, else the first of its own that
// works: people are sent to a tenant's door without saying who they are.
func routeWithin(ctx context.Context, r store.Records, tenantID string, all []bond) (store.Connection, error) {
	if c, ok := of(all, tenantID); ok {
		return c, nil
	}
	cs, err := r.Connections(ctx, tenantID)
	if err != nil {
		return store.Connection{}, err
	}
	for _, c := range cs {
		if works, err := working(ctx, r, c); works || err != nil {
			return c, err
		}
	}
	return store.Connection{}, errNoRoute()
}

// of returns the connection of the tenant among them.
func of(all []bond, tenantID string) (store.Connection, bool) {
	i := slices.IndexFunc(all, func(b bond) bool { return b.claim.TenantID == tenantID })
	if i < 0 {
		return store.Connection{}, false
	}
	return all[i].connection, true
}

// choose takes one of the tenants that have a domain. Unless the policy lets several have it,
// the one that proved it first stands.
func choose(ctx context.Context, r store.Records, in routeInput, all []bond) (store.Connection, error) {
	p, err := readMultiplePolicy(ctx, r)
	if err != nil {
		return store.Connection{}, err
	}
	if !p.Active {
		first := slices.MinFunc(all, func(a, b bond) int {
			return cmp.Or(a.claim.ValidatedAt.Compare(b.claim.ValidatedAt), cmp.Compare(a.claim.ID, b.claim.ID))
		})
		return first.connection, nil
	}
	if p.UseActiveTenant && in.ActiveTenantID != nil {
		id, err := in.ActiveTenantID()
		if err != nil {
			return store.Connection{}, err
		}
		if c, ok := of(all, id); ok {
			return c, nil
		}
	}
	if p.Unspecified == FirstCreated {
		return all[0].connection, nil
	}
	return store.Connection{}, errNoRoute()
}
