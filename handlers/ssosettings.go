package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// ssoSettings are what the environment says about single sign-on.
type ssoSettings struct{ svc *service.Services }

func (h ssoSettings) routes() []route {
	const path = "/team/resources/sso/v1/configurations"
	return []route{
		management("POST "+path+"/excluded-emails", 201, "Spare an address from single sign-on", op(h.exclude)),
		management("GET "+path+"/excluded-emails", 200, "List the addresses that are spared from single sign-on", op(h.excluded)),
		management("DELETE "+path+"/excluded-emails/{email}", 200, "Spare an address no longer", op(h.include)),
		management("PUT "+path+"/domains/{domain}/force-validate", 200, "Take an e-mail domain for proved, or take the proof back", op(h.force)),
		management("GET "+path+"/multiple-sso-per-domain", 200, "Read the policy on e-mail domains of several tenants", op(h.multiple)),
		management("PUT "+path+"/multiple-sso-per-domain", 201, "Set the policy on e-mail domains of several tenants", op(h.setMultiple)),
	}
}

type excludedEmail struct {
	Email string `json:"email"`
}

func (h ssoSettings) exclude(ctx context.Context, by store.Principal, in struct {
	Email string `json:"email" maxLength:"1016"`
}) (none, error) {
	return none{}, h.svc.SSOPolicies.Exclude(ctx, by, in.Email)
}

func (h ssoSettings) excluded(ctx context.Context, by store.Principal, _ none) ([]excludedEmail, error) {
	all, err := h.svc.SSOPolicies.Excluded(ctx, by)
	return each(all, func(email string) excludedEmail { return excludedEmail{email} }), err
}

func (h ssoSettings) include(ctx context.Context, by store.Principal, in struct {
	Email string `path:"email"`
}) (none, error) {
	return none{}, h.svc.SSOPolicies.Include(ctx, by, in.Email)
}

// force takes a body that says nothing, or none, for yes.
func (h ssoSettings) force(ctx context.Context, by store.Principal, in struct {
	Domain    string `path:"domain"`
	Validated *bool  `json:"validated"`
}) (none, error) {
	return none{}, h.svc.Domains.Force(ctx, by, in.Domain, in.Validated == nil || *in.Validated)
}

type multipleSSO struct {
	Active                    bool   `json:"active"`
	UnspecifiedTenantStrategy string `json:"unspecifiedTenantStrategy" enum:"BLOCK|FIRST_CREATED"`
	UseActiveTenant           bool   `json:"useActiveTenant"`
}

func (h ssoSettings) multiple(ctx context.Context, by store.Principal, _ none) (multipleSSO, error) {
	p, err := h.svc.SSOPolicies.Multiple(ctx, by)
	return multipleSSO{p.Active, string(p.Unspecified), p.UseActiveTenant}, err
}

func (h ssoSettings) setMultiple(ctx context.Context, by store.Principal, in multipleSSO) (none, error) {
	return none{}, h.svc.SSOPolicies.SetMultiple(ctx, by, service.MultiplePolicy{
		Active: in.Active, Unspecified: service.Unspecified(in.UnspecifiedTenantStrategy), UseActiveTenant: in.UseActiveTenant,
	})
}
