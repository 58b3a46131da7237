package service

import (
	"context"

	"github.com/go-identity/identity/store"
)

// Claimable lets tests ask whether a tenant may claim a domain as somebody spells it.
func Claimable(text string) (string, error) {
	name, err := domainName(text)
	if err == nil {
		err = claimable(name)
	}
	return name, err
}

// ClaimableName lets tests reach claimable.
func ClaimableName(name string) error { return claimable(name) }

// EmailDomain lets tests reach emailDomain.
func EmailDomain(address string) (string, bool) { return emailDomain(address) }

// Excluded lets tests reach excluded.
func (s *Services) Excluded(ctx context.Context, email string) (bool, error) {
	return excluded(ctx, s.base.store, email)
}

// ProvenTwice lets tests reach provenTwice.
func (s *Services) ProvenTwice(ctx context.Context, by store.Principal) error {
	return provenTwice(ctx, s.base.store, by)
}

// Bound lets tests reach boundConnections.
func (s *Services) Bound(ctx context.Context, domain string) ([]store.Domain, error) {
	return boundConnections(ctx, s.base.store, domain)
}

// Route lets tests reach route.
func (s *Services) Route(ctx context.Context, email, tenantID, activeTenantID string) (store.Connection, error) {
	in := routeInput{Email: email, TenantID: tenantID}
	if activeTenantID != "" {
		in.ActiveTenantID = func() (string, error) { return activeTenantID, nil }
	}
	return s.Domains.route(ctx, s.base.store, in)
}
