package store

import (
	"context"
	"time"
)

// A Tenant is a customer of the host: a company, a team, an account.
type Tenant struct {
	ID             string // chosen by the caller, [A-Za-z0-9._-]{1,64}, or made by the library
	Name           string
	Alias          string
	Status         string
	Website        string
	ApplicationURL string
	Logo           string
	LogoURL        string
	Address        string
	Timezone       string
	Currency       string
	CreatorName    string
	CreatorEmail   string
	Reseller       bool
	ParentID       string
	Metadata       string // a JSON object
	CreatedAt      time.Time
	UpdatedAt      time.Time
	DeletedAt      time.Time // zero while the tenant lives
}

// A TenantQuery chooses tenants. Sort takes createdAt, name, tenantId.
type TenantQuery struct {
	Page
	Filter string // a prefix of the name, folded, or the id
	IDs    []string
}

// TenantStore keeps tenants. A deleted tenant is kept by id, so that creating that id
// again brings the row back; every read but CreateTenant's treats it as ErrNotFound.
type TenantStore interface {
	// CreateTenant adds a tenant, or brings a deleted one back with the fields of t; a
	// living one of that id is ErrConflict.
	CreateTenant(ctx context.Context, t Tenant) error
	Tenant(ctx context.Context, id string) (Tenant, error)
	TenantByAlias(ctx context.Context, alias string) (Tenant, error)
	Tenants(ctx context.Context, q TenantQuery) (Listing[Tenant], error)
	UpdateTenant(ctx context.Context, t Tenant) error
	// DeleteTenant marks the tenant deleted and removes all that is the tenant's:
	// memberships, assignments, roles, settings, sessions, connections with all that is
	// theirs, and its SSOSetup and SSOSetupSession challenges: nothing of it may lead into
	// a tenant that is created with the same id. Its children move to its parent.
	DeleteTenant(ctx context.Context, id string, at time.Time) error
}
