package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// domains are the e-mail domains of a tenant, each for one connection.
type domains struct{ svc *service.Services }

func (h domains) routes() []route {
	const (
		path  = "/team/resources/sso/v1/configurations"
		one   = path + "/{configurationId}/domains/{domainId}"
		newer = "/team/resources/sso/v2/configurations/{configurationId}/domains/{domainId}"
	)
	return []route{
		user(store.WriteSSO, "POST "+path+"/{configurationId}/domains", 201, "Claim an e-mail domain for a connection", op(h.add)),
		user(store.WriteSSO, "DELETE "+one, 200, "Give up a claim to an e-mail domain", op(h.remove)),
		user(store.WriteSSO, "PUT "+one+"/validate", 200, "Prove an e-mail domain by its TXT record (v1)", op(h.validate)),
		user(store.WriteSSO, "PUT "+newer+"/validate", 200, "Prove an e-mail domain by its TXT record", op(h.validate)),
		user(store.WriteSSO, "PUT "+one+"/validate/email", 200, "Prove an e-mail domain by the caller's own address", op(h.validateEmail)),
		user(store.ReadSSO, "GET "+path+"/domains", 200, "Read the environment's policy on e-mail domains", op(h.policy)).anyTenant(),
		user(store.WriteSSO, "PUT "+path+"/domains", 201, "Set the environment's policy on e-mail domains (management tokens only)",
			op(h.setPolicy)).anyTenant(),
		public("GET /team/resources/sso/v2/configurations/public", 200, "Tell whether anybody signs in by single sign-on", op(h.active)),
	}
}

// A ssoDomain is a claim as the wire shows it. The record is _saml-domain-challenge of the
// domain.
type ssoDomain struct {
	ID        string `json:"id"`
	Domain    string `json:"domain"`
	Validated bool   `json:"validated"`
	TXTRecord string `json:"txtRecord"`
}

func toSSODomain(d store.Domain) ssoDomain {
	return ssoDomain{ID: d.ID, Domain: d.Name, Validated: !d.ValidatedAt.IsZero(), TXTRecord: d.Challenge}
}

// A domainPath names a claim.
type domainPath struct {
	ConfigurationID string `path:"configurationId"`
	DomainID        string `path:"domainId"`
}

func (h domains) add(ctx context.Context, by store.Principal, in struct {
	ConfigurationID string `path:"configurationId"`
	Domain          string `json:"domain" maxLength:"1016"`
}) (ssoDomain, error) {
	d, err := h.svc.Domains.Add(ctx, by, in.ConfigurationID, in.Domain)
	return toSSODomain(d), err
}

func (h domains) remove(ctx context.Context, by store.Principal, in domainPath) (none, error) {
	return none{}, h.svc.Domains.Remove(ctx, by, in.ConfigurationID, in.DomainID)
}

func (h domains) validate(ctx context.Context, by store.Principal, in domainPath) (none, error) {
	_, err := h.svc.Domains.Validate(ctx, by, in.ConfigurationID, in.DomainID)
	return none{}, err
}

func (h domains) validateEmail(ctx context.Context, by store.Principal, in domainPath) (none, error) {
	_, err := h.svc.Domains.ValidateEmail(ctx, by, in.ConfigurationID, in.DomainID)
	return none{}, err
}

type domainPolicy struct {
	AllowVerifiedUsersToAddDomains bool `json:"allowVerifiedUsersToAddDomains"`
	SkipDomainVerification         bool `json:"skipDomainVerification"`
	BypassDomainCrossValidation    bool `json:"bypassDomainCrossValidation"`
}

func (h domains) policy(ctx context.Context, by store.Principal, _ none) (domainPolicy, error) {
	p, err := h.svc.SSOPolicies.Domains(ctx, by)
	return domainPolicy{p.VerifiedUsersMayAdd, p.SkipVerification, p.BypassCrossValidation}, err
}

func (h domains) setPolicy(ctx context.Context, by store.Principal, in domainPolicy) (none, error) {
	return none{}, h.svc.SSOPolicies.SetDomains(ctx, by, service.DomainPolicy{
		VerifiedUsersMayAdd: in.AllowVerifiedUsersToAddDomains, SkipVerification: in.SkipDomainVerification,
		BypassCrossValidation: in.BypassDomainCrossValidation,
	})
}

type ssoActivity struct {
	IsActive bool `json:"isActive"`
}

func (h domains) active(ctx context.Context, _ store.Principal, _ none) (ssoActivity, error) {
	active, err := h.svc.SSOPolicies.Active(ctx)
	return ssoActivity{active}, err
}
