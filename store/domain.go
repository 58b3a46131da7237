package store

import (
	"context"
	"time"
)

// A Domain is a tenant's claim to the addresses of an e-mail domain, for one connection.
// It counts once ValidatedAt is set.
type Domain struct {
	TenantID     string
	ID           string
	ConnectionID string
	Name         string    // in lower case, its labels in ASCII
	Challenge    string    // what a TXT record of the domain must say to prove the claim
	ValidatedAt  time.Time // zero until the claim is proved
	Proof        string    // how it was proved; empty until then
	CreatedAt    time.Time
}

// DomainStore keeps domains. A domain is reachable only through its own tenant: any other
// tenantID is ErrNotFound. A name is unique within a tenant, else ErrConflict; that two
// tenants do not both prove one is a rule.
type DomainStore interface {
	// CreateDomain adds a claim. A connection that the tenant does not have is ErrNotFound.
	CreateDomain(ctx context.Context, d Domain) error
	Domain(ctx context.Context, tenantID, id string) (Domain, error)
	// Domains returns those of the tenant, oldest first.
	Domains(ctx context.Context, tenantID string) ([]Domain, error)
	// ProveDomain sets ValidatedAt and Proof; a zero at takes the proof back.
	ProveDomain(ctx context.Context, tenantID, id, proof string, at time.Time) error
	DeleteDomain(ctx context.Context, tenantID, id string) error
}

// DomainIndex finds domains across tenants. It is for routing and for rules that concern the
// whole environment: what it returns must not reach a caller of one tenant.
type DomainIndex interface {
	// DomainsByName returns the claims of all tenants to the name, oldest first.
	DomainsByName(ctx context.Context, name string) ([]Domain, error)
	// ProvedDomains returns those that are proved, however many are not, oldest first.
	ProvedDomains(ctx context.Context, name string) ([]Domain, error)
}
