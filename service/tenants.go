package service

import (
	"context"
	"errors"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Tenants are the rules about tenants. The host reaches all of them, a user only the one
// it acts in.
type Tenants struct{ *base }

// tenantExists is a message that programs match on.
const tenantExists = "Tenant already exists"

const (
	maxLogo     = 256 << 10 // an image, base64
	maxAncestry = 64        // how deep tenants may nest
)

// NewTenant is what a caller may choose about a tenant.
type NewTenant struct {
	ID                        string // [A-Za-z0-9._-]{1,64}; empty for one made by the library
	Name, Alias, Status       string
	Website, ApplicationURL   string
	Logo, LogoURL             string
	Address                   string
	Timezone, Currency        string
	CreatorName, CreatorEmail string
	Reseller                  bool
	ParentID                  string // empty for none
	Metadata                  string // a JSON object; empty for {}
}

// TenantChange is what a caller may change about a tenant. A nil field stays as it is.
type TenantChange struct {
	Name, Alias, Status       *string
	Website, ApplicationURL   *string
	Logo, LogoURL             *string
	Address                   *string
	Timezone, Currency        *string
	CreatorName, CreatorEmail *string
	Reseller                  *bool
	ParentID                  *string // empty for none
}

func (c TenantChange) apply(t store.Tenant) store.Tenant {
	set(&t.Name, c.Name)
	set(&t.Alias, c.Alias)
	set(&t.Status, c.Status)
	set(&t.Website, c.Website)
	set(&t.ApplicationURL, c.ApplicationURL)
	set(&t.Logo, c.Logo)
	set(&t.LogoURL, c.LogoURL)
	set(&t.Address, c.Address)
	set(&t.Timezone, c.Timezone)
	set(&t.Currency, c.Currency)
	set(&t.CreatorName, c.CreatorName)
	set(&t.CreatorEmail, c.CreatorEmail)
	set(&t.Reseller, c.Reseller)
	set(&t.ParentID, c.ParentID)
	return t
}

func checkTenant(t store.Tenant) error {
	var c fault.Checker
	checkID(&c, "tenantId", t.ID)
	if t.Alias != "" {
		checkID(&c, "alias", t.Alias)
	}
	checkText(&c, "name", t.Name, maxName)
	checkText(&c, "status", t.Status, maxName)
	checkText(&c, "website", t.Website, maxURL)
	checkText(&c, "applicationUrl", t.ApplicationURL, maxURL)
	checkText(&c, "logo", t.Logo, maxLogo)
	checkText(&c, "logoUrl", t.LogoURL, maxURL)
	checkText(&c, "address", t.Address, maxDescription)
	checkText(&c, "timezone", t.Timezone, maxName)
	checkText(&c, "currency", t.Currency, maxName)
	checkText(&c, "creatorName", t.CreatorName, maxName)
	checkText(&c, "creatorEmail", t.CreatorEmail, maxName)
	checkMetadata(&c, "metadata", t.Metadata)
	return c.Err()
}

// List returns a page of the tenants, all or those of some ids.
func (s *Tenants) List(
	ctx context.Context, by store.Principal, q store.TenantQuery,
) (store.Listing[store.Tenant], error) {
	var none store.Listing[store.Tenant]
	if err := hostOnly(by); err != nil {
		return none, err
	}
	if err := checkPage(q.Page, "createdAt", "name", "tenantId"); err != nil {
		return none, err
	}
	var c fault.Checker
	checkText(&c, "_filter", q.Filter, maxName)
	checkBatch(&c, "_tenantIds", len(q.IDs))
	if err := c.Err(); err != nil {
		return none, err
	}
	return s.store.Tenants(ctx, q)
}

// All returns every tenant, oldest first.
func (s *Tenants) All(ctx context.Context, by store.Principal) ([]store.Tenant, error) {
	if err := hostOnly(by); err != nil {
		return nil, err
	}
	var all []store.Tenant
	q := store.TenantQuery{Page: store.Page{Limit: store.MaxLimit}}
	for {
		l, err := s.store.Tenants(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, l.Items...)
		if q.After = l.Next; l.Next == "" {
			return all, nil
		}
	}
}

// Find returns the tenant, or nothing where there is none.
func (s *Tenants) Find(ctx context.Context, by store.Principal, id string) ([]store.Tenant, error) {
	l, err := s.List(ctx, by, store.TenantQuery{IDs: []string{id}})
	return l.Items, err
}

// Read returns the tenant.
func (s *Tenants) Read(ctx context.Context, by store.Principal, id string) (store.Tenant, error) {
	return reachTenant(ctx, s.store, by, id)
}

// ByAlias returns the tenant with the log-in alias.
func (s *Tenants) ByAlias(ctx context.Context, by store.Principal, alias string) (store.Tenant, error) {
	if err := hostOnly(by); err != nil {
		return store.Tenant{}, err
	}
	t, err := s.store.TenantByAlias(ctx, alias)
	return t, missing(err, "tenant")
}

// Create adds a tenant. An id that a deleted tenant had brings that tenant back, without
// anything it held; the id of a living one is a conflict.
func (s *Tenants) Create(ctx context.Context, by store.Principal, n NewTenant) (store.Tenant, error) {
	if err := hostOnly(by); err != nil {
		return store.Tenant{}, err
	}
	t := s.newTenant(n)
	if err := checkTenant(t); err != nil {
		return store.Tenant{}, err
	}
	return t, s.change(ctx, by, "tenant.created", t.ID, func(tx *unit) error {
		tx.tenantID = t.ID
		if err := placed(ctx, tx, t); err != nil {
			return err
		}
		return conflict(tx.CreateTenant(ctx, t), tenantExists)
	})
}

// newTenant returns the record of a tenant to be.
func (s *Tenants) newTenant(n NewTenant) store.Tenant {
	at := s.now()
	t := store.Tenant{
		ID: n.ID, Name: n.Name, Alias: n.Alias, Status: n.Status,
		Website: n.Website, ApplicationURL: n.ApplicationURL, Logo: n.Logo, LogoURL: n.LogoURL,
		Address: n.Address, Timezone: n.Timezone, Currency: n.Currency,
		CreatorName: n.CreatorName, CreatorEmail: n.CreatorEmail,
		Reseller: n.Reseller, ParentID: n.ParentID, Metadata: n.Metadata,
		CreatedAt: at, UpdatedAt: at,
	}
	if t.ID == "" {
		t.ID = s.newID()
	}
	if t.Metadata == "" {
		t.Metadata = "{}"
	}
	return t
}

// Update changes a tenant. A change of nothing is refused.
func (s *Tenants) Update(ctx context.Context, by store.Principal, id string, c TenantChange) (store.Tenant, error) {
	if c == (TenantChange{}) {
		return store.Tenant{}, fault.New(fault.Invalid, "", "nothing to change")
	}
	return s.edit(ctx, by, "tenant.updated", id, func(tx *unit, t store.Tenant) (store.Tenant, error) {
		changed := c.apply(t)
		if !fromHost(by) && (changed.ParentID != t.ParentID || changed.Reseller != t.Reseller) {
			return t, hostOnly(by)
		}
		if err := checkTenant(changed); err != nil {
			return t, err
		}
		return changed, placed(ctx, tx, changed)
	})
}

// Delete removes a tenant with its memberships, roles, settings and sessions. Its
// sub-tenants move to its parent. Its users stay, as members of their other tenants.
func (s *Tenants) Delete(ctx context.Context, by store.Principal, id string) error {
	return s.change(ctx, by, "tenant.deleted", id, func(tx *unit) error {
		if _, err := reachTenant(ctx, tx, by, id); err != nil {
			return err
		}
		tx.tenantID = id
		if err := tx.DeleteTenant(ctx, id, tx.at); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{TenantID: id})
	})
}

// edit replaces a tenant by what fn makes of it.
func (s *Tenants) edit(
	ctx context.Context, by store.Principal, action, id string, fn func(*unit, store.Tenant) (store.Tenant, error),
) (store.Tenant, error) {
	var changed store.Tenant
	err := s.change(ctx, by, action, id, func(tx *unit) error {
		t, err := reachTenant(ctx, tx, by, id)
		if err != nil {
			return err
		}
		tx.tenantID = id
		if changed, err = fn(tx, t); err != nil {
			return err
		}
		changed.UpdatedAt = tx.at
		if err := tx.UpdateTenant(ctx, changed); err != nil {
			return err
		}
		changed, err = tx.Tenant(ctx, id) // the store has a form of its own for metadata
		return err
	})
	return changed, err
}

// reachTenant reads a tenant that the caller may see; to a user there is no other than its own.
func reachTenant(ctx context.Context, r store.Records, by store.Principal, id string) (store.Tenant, error) {
	if !fromHost(by) && by.TenantID != id {
		return store.Tenant{}, fault.New(fault.NotFound, "", "no such tenant")
	}
	t, err := r.Tenant(ctx, id)
	return t, missing(err, "tenant")
}

// placed refuses an alias that another tenant has, and a parent that cannot be one.
func placed(ctx context.Context, tx store.Records, t store.Tenant) error {
	if t.Alias == "" {
		return beneath(ctx, tx, t)
	}
	other, err := tx.TenantByAlias(ctx, t.Alias)
	if err == nil && other.ID != t.ID {
		return fault.New(fault.Conflict, "alias", "already exists")
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return beneath(ctx, tx, t)
}

// beneath refuses a parent that does not exist, that is the tenant itself, or that is
// below it.
func beneath(ctx context.Context, tx store.Records, t store.Tenant) error {
	above := t.ParentID
	for range maxAncestry {
		if above == "" {
			return nil
		}
		if above == t.ID {
			return fault.New(fault.Conflict, "parentTenantId", "is the tenant itself or below it")
		}
		parent, err := tx.Tenant(ctx, above)
		if err != nil {
			return missing(err, "parent tenant")
		}
		above = parent.ParentID
	}
	return fault.New(fault.Conflict, "parentTenantId", "is nested too deeply")
}
