package pages

import (
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

func (p *Pages) domainRoutes() {
	const at = connectionPages + "/{id}/domains"
	p.handle("GET "+at, p.kept(p.showDomains))
	p.handle("POST "+at, p.kept(p.addDomain))
	p.handle("POST "+at+"/check", p.limited(middleware.SignIn, p.kept(p.checkDomain)))
	p.handle("POST "+at+"/remove", p.kept(p.removeDomain))
}

// A claim is a domain as an administrator sees it.
type claim struct {
	store.Domain
	Proved string // the day; empty until then
	Record string // the name of the TXT record that proves it
}

func (p *Pages) showDomains(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.domainStep(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "domains.html", v)
}

// domainStep is the page with the domains of a connection.
func (p *Pages) domainStep(r *http.Request, by store.Principal) (page, error) {
	v, err := p.step(r, by, "step.domains", "step.domains")
	for _, d := range v.ssoDomains() {
		c := claim{Domain: d, Record: "_saml-domain-challenge." + d.Name}
		if !d.ValidatedAt.IsZero() {
			c.Proved = d.ValidatedAt.UTC().Format("2006-01-02")
		}
		v.SSO.Claims = append(v.SSO.Claims, c)
	}
	return v, err
}

func (v page) ssoDomains() []store.Domain {
	if v.SSO == nil {
		return nil
	}
	return v.SSO.One.Domains
}

// An action does what a form asks for, and returns the note that tells of it.
type action func(form func(string) string) (done string, err error)

// domainForm handles a form of the page, and shows the page again where that does not work.
func (p *Pages) domainForm(w http.ResponseWriter, r *http.Request, by store.Principal, act action) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	done, err := act(form.Get)
	v, failed := p.domainStep(r, by)
	if failed != nil {
		return failed
	}
	if err == nil {
		return seeOther(w, noted(v.SSO.At("domains"), done))
	}
	v.Values["domain"] = form.Get("domain")
	return p.retry(w, r, err, "domains.html", v)
}

// addDomain claims a domain for the connection.
func (p *Pages) addDomain(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.domainForm(w, r, by, func(form func(string) string) (string, error) {
		if form("domain") == "" {
			return "", fault.New(fault.Invalid, "domain", "is missing")
		}
		d, err := p.Services.Domains.Add(r.Context(), by, r.PathValue("id"), form("domain"))
		if !d.ValidatedAt.IsZero() {
			return "proved", err
		}
		return "claimed", err
	})
}

// checkDomain looks for the proof of a claim now.
func (p *Pages) checkDomain(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.domainForm(w, r, by, func(form func(string) string) (string, error) {
		_, err := p.Services.Domains.Validate(r.Context(), by, r.PathValue("id"), form("claim"))
		if f := fault.From(err); f != nil && f.Code == fault.Invalid && f.Field == "domain" {
			err = fault.New(fault.Invalid, "", "the record is not there yet").Because(err)
		}
		return "proved", err
	})
}

func (p *Pages) removeDomain(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.domainForm(w, r, by, func(form func(string) string) (string, error) {
		err := p.Services.Domains.Remove(r.Context(), by, r.PathValue("id"), form("claim"))
		if f := fault.From(err); f != nil && f.Code == fault.NotFound { // it went meanwhile
			err = nil
		}
		return "unclaimed", err
	})
}
