package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type profiles struct{ svc *service.Services }

func (h profiles) routes() []route {
	return []route{
		user("", "GET /identity/resources/users/v2/me", 200, "Read my profile", op(h.me)).self().anyTenant(),
		user("", "PUT /identity/resources/users/v2/me", 200, "Change my profile", op(h.change)).self().anyTenant(),
		user("", "GET /identity/resources/users/v3/me", 200, "Read my profile without rights", op(h.brief)).self().anyTenant(),
		user("", "GET /identity/resources/users/v1/me/authorization", 200, "Read my roles and permissions", op(h.rights)).self().anyTenant(),
		user("", "GET /identity/resources/users/v1/me/tenants", 200, "Read my tenants and the active one", op(h.home)).self().anyTenant(),
		user("", "GET /identity/resources/users/v2/me/tenants", 200, "List my tenants", op(h.tenants)).self().anyTenant(),
		user("", "GET /identity/resources/users/v3/me/tenants", 200, "List my tenants with the active one", op(h.home)).self().anyTenant(),
		user("", "PUT /identity/resources/users/v1/tenant", 200, "Switch my active tenant", op(h.switchTenant)).self().anyTenant(),
	}
}

func (h profiles) me(ctx context.Context, by store.Principal, _ none) (rightful, error) {
	p, err := h.svc.Profiles.Me(ctx, by)
	return h.whole(p), err
}

func (h profiles) brief(ctx context.Context, by store.Principal, _ none) (profile, error) {
	p, err := h.svc.Profiles.Me(ctx, by)
	return h.show(p), err
}

// A profileChange is all that a user may change of itself. Every other field is left out
// on purpose: what is not here cannot be assigned.
type profileChange struct {
	Name        *string     `json:"name" maxLength:"255"`
	PhoneNumber *string     `json:"phoneNumber" pattern:"^\\+[1-9]{1}(\\-?)(([0-9])(\\-?)){5,13}(([0-9]$){1})"`
	PictureURL  opt[string] `json:"profilePictureUrl,omitzero" maxLength:"4095"`
	Metadata    *string     `json:"metadata"`
}

func (in profileChange) fields() service.ProfileChange {
	c := service.ProfileChange{Name: in.Name, PhoneNumber: in.PhoneNumber, Metadata: in.Metadata}
	if in.PictureURL.Set {
		c.PictureURL = &in.PictureURL.Value // null is empty
	}
	return c
}

func (h profiles) change(ctx context.Context, by store.Principal, in profileChange) (rightful, error) {
	p, err := h.svc.Profiles.Change(ctx, by, in.fields())
	return h.whole(p), err
}

type rights struct {
	Roles       []role       `json:"roles"`
	Permissions []permission `json:"permissions"`
}

func (h profiles) rights(ctx context.Context, by store.Principal, _ none) (rights, error) {
	p, err := h.svc.Profiles.Me(ctx, by)
	return h.granted(p), err
}

// A myTenant is a tenant as its members see it.
type myTenant struct {
	ID        string `json:"id"`
	TenantID  string `json:"tenantId"`
	VendorID  string `json:"vendorId"`
	Name      string `json:"name"`
	Metadata  string `json:"metadata"`
	Reseller  bool   `json:"isReseller"`
	CreatedAt stamp  `json:"createdAt"`
	UpdatedAt stamp  `json:"updatedAt"`
	DeletedAt stamp  `json:"deletedAt"`
}

type home struct {
	Tenants []myTenant `json:"tenants"`
	Active  *myTenant  `json:"activeTenant"`
}

func (h profiles) home(ctx context.Context, by store.Principal, _ none) (home, error) {
	in, err := h.svc.Profiles.Tenants(ctx, by)
	out := home{Tenants: []myTenant{}}
	for _, t := range in.Tenants {
		m := myTenant{
			ID: t.ID, TenantID: t.ID, VendorID: h.svc.Environment, Name: t.Name, Metadata: t.Metadata,
			Reseller: t.Reseller, CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt),
		}
		out.Tenants = append(out.Tenants, m)
		if t.ID == in.Active {
			out.Active = &m
		}
	}
	return out, err
}

type namedTenant struct {
	TenantID string `json:"tenantId"`
	Name     string `json:"name"`
}

func (h profiles) tenants(ctx context.Context, by store.Principal, _ none) ([]namedTenant, error) {
	in, err := h.svc.Profiles.Tenants(ctx, by)
	return each(in.Tenants, func(t store.Tenant) namedTenant { return namedTenant{t.ID, t.Name} }), err
}

func (h profiles) switchTenant(ctx context.Context, by store.Principal, in struct {
	TenantID string `json:"tenantId"`
}) (rightful, error) {
	p, err := h.svc.Profiles.Switch(ctx, by, in.TenantID)
	return h.whole(p), err
}

// A profile is a user as the third version of the API tells it.
type profile struct {
	ID             string   `json:"id"`
	Email          string   `json:"email"`
	Name           string   `json:"name"`
	PictureURL     string   `json:"profilePictureUrl"`
	Subject        string   `json:"sub"`
	Verified       bool     `json:"verified"`
	MFAEnrolled    bool     `json:"mfaEnrolled"`
	MFABypass      bool     `json:"mfaBypass"`
	PhoneNumber    string   `json:"phoneNumber,omitempty"`
	Provider       string   `json:"provider"`
	TenantID       string   `json:"tenantId"`
	TenantIDs      []string `json:"tenantIds"`
	Activated      bool     `json:"activatedForTenant"`
	Locked         bool     `json:"isLocked"`
	Tenants        []place  `json:"tenants"`
	Invisible      bool     `json:"invisible"`
	Metadata       string   `json:"metadata"`
	VendorMetadata string   `json:"vendorMetadata"`
	ExternalID     string   `json:"externalId,omitempty"`
	CreatedAt      stamp    `json:"createdAt"`
	LastLogin      stamp    `json:"lastLogin"` // null before the first
	SubAccounts    bool     `json:"subAccountAccessAllowed"`
}

// A place is one tenant of a user, with the roles it holds there.
type place struct {
	TenantID string `json:"tenantId"`
	Roles    []role `json:"roles"`
	Disabled bool   `json:"isDisabled"`
}

// A rightful is a profile with its rights in the tenant it is seen in.
type rightful struct {
	profile
	rights
}

func (h profiles) show(p service.Profile) profile {
	out := profile{
		ID: p.ID, Email: p.Email, Name: p.Name, PictureURL: p.PictureURL, Subject: p.ID,
		Verified: p.Verified, MFAEnrolled: p.MFAEnrolled, MFABypass: p.MFABypass, PhoneNumber: p.PhoneNumber, Provider: p.Provider,
		TenantID: p.TenantID, TenantIDs: []string{}, Locked: p.Locked, Tenants: []place{},
		Invisible: p.Invisible, Metadata: p.Metadata, VendorMetadata: p.VendorMetadata,
		ExternalID: p.ExternalID, CreatedAt: stamp(p.CreatedAt), LastLogin: stamp(p.LastLogin),
	}
	for _, m := range p.Tenants {
		out.TenantIDs = append(out.TenantIDs, m.TenantID)
		out.Tenants = append(out.Tenants, place{m.TenantID, each(m.Roles, roles(h).show), m.Disabled})
	}
	m, _ := p.Member()
	out.Activated = m.Activated
	return out
}

// granted shows the rights of a profile alone.
func (h profiles) granted(p service.Profile) rights {
	m, _ := p.Member()
	return rights{each(m.Roles, roles(h).show), each(p.Permissions, toPermission)}
}

// whole shows a profile with its rights.
func (h profiles) whole(p service.Profile) rightful { return rightful{h.show(p), h.granted(p)} }
