package pages

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) ssoRoutes() {
	p.handle("GET /account/sso", p.showSSO)
	p.handle("POST /account/sso", p.limited(middleware.SignIn, p.sso))
	p.handle("POST /account/social", p.limited(middleware.SignIn, p.social))
}

// elsewhere is the page that asks for the address of somebody who signs in elsewhere.
func elsewhere(q url.Values) page {
	return page{
		Title: "sso.title", Next: local(q.Get("next")), Tenant: tenant(q.Get("tenant")), Focus: "email", blamed: "email",
		Values: map[string]string{"email": q.Get("email")},
	}
}

// showSSO begins a sign-in elsewhere, or tells that one failed. Which address it was is in no
// address of ours.
func (p *Pages) showSSO(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	q.Del("email")
	v := elsewhere(q)
	if q.Has("failed") {
		return p.again(w, r, errFailed(), "sso.html", v.blaming(""))
	}
	return p.render(w, r, http.StatusOK, "sso.html", v)
}

// refusedElsewhere is what the rules say of a sign-in elsewhere that failed, whatever the reason.
const refusedElsewhere = "signing in through the identity provider failed"

// errFailed is what is told of a sign-in elsewhere that failed, whatever the reason.
func errFailed() error {
	return fault.New(fault.Unauthenticated, "", refusedElsewhere)
}

// sso sends somebody to the provider of their domain or, where no address is asked for, of the
// tenant.
func (p *Pages) sso(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := elsewhere(form)
	if v.Values["email"] == "" && (v.Tenant == "" || form.Has("email")) {
		return p.again(w, r, fault.New(fault.Invalid, "email", "is missing"), "sso.html", v)
	}
	err = p.depart(w, r, v)
	if f := fault.From(err); f != nil && f.Code == fault.NotFound {
		return p.again(w, r, fault.New(fault.Invalid, "", "no single sign-on for the address").Because(err), "sso.html", v)
	}
	return err
}

// depart sends the browser to the provider for the page's address and tenant. Where there is
// none it returns NotFound. Where the provider cannot be used, the page says so.
func (p *Pages) depart(w http.ResponseWriter, r *http.Request, v page) error {
	start := service.Start{
		Email: v.Values["email"], TenantID: v.Tenant, Kind: store.Browser, Next: cmp.Or(v.Next, home),
		Browser: only(r, handlers.SSOCookieName),
	}
	d, err := p.Services.SSO.Begin(r.Context(), p.caller(r), start)
	if f := fault.From(err); f != nil && f.Code == fault.NotFound && v.Tenant != "" && start.Email != "" {
		start.TenantID = "" // the tenant has no provider, so that the domain decides
		d, err = p.Services.SSO.Begin(r.Context(), p.caller(r), start)
	}
	switch f := fault.From(err); {
	case err == nil:
		return p.send(w, r, v, d)
	case f.Code == fault.Unauthenticated:
		v.Title = "sso.title"
		return p.again(w, r, errFailed(), "sso.html", v.blaming(""))
	}
	return err
}

// send has the browser go to a provider, by itself or by the link on the page. It is no redirect:
// browsers hold the answer to a form to what the form's page may send to.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, v page, d service.Departure) error {
	to, err := url.Parse(d.Address)
	if err != nil || to.Scheme != "https" && to.Scheme != "http" {
		return fault.New(fault.Internal, "", "internal error").Because(err)
	}
	if d.Browser != "" {
		http.SetCookie(w, handlers.SSOCookie(d.Browser))
	}
	w.Header().Set("Refresh", "0; url="+to.String())
	v.Lead = cmp.Or(v.Lead, "away.lead")
	v.Title, v.Address, v.Host, v.Errors, v.Note = "away.title", to.String(), to.Hostname(), nil, ""
	return p.render(w, r, http.StatusOK, "away.html", v)
}

// around sends somebody to their provider whom a rule refused to let in here. Where there is
// none to send them to, it says what the rule said.
func (p *Pages) around(w http.ResponseWriter, r *http.Request, v page, refusal error) error {
	v.Next = cmp.Or(v.Next, home)
	err := p.depart(w, r, v)
	if f := fault.From(err); f != nil && f.Code == fault.NotFound {
		return refusal
	}
	return err
}

// bound reports whether err refuses to let somebody in here who has to sign in elsewhere.
func bound(err error) bool {
	f := fault.From(err)
	return f != nil && f.Wire == service.SSORequired
}

// A social is a button that signs in with an account elsewhere.
type social struct {
	Type, Name string
	Logo       string // path of a picture of ours, empty where there is none
	Initial    string
}

// socials are the providers that people may sign in with.
func (p *Pages) socials(ctx context.Context) ([]social, error) {
	set, err := p.Services.Socials.List(ctx, store.Principal{})
	if err != nil {
		return nil, err
	}
	var all []social
	for _, s := range set {
		if s.Active {
			name := cmp.Or(s.Settings.Name, familiar()[s.Type], s.Type)
			all = append(all, social{Type: s.Type, Name: name, Logo: p.logos[s.Type], Initial: initial(name)})
		}
	}
	return all, nil
}

// familiar are the names of providers that the library knows.
func familiar() map[string]string {
	return map[string]string{
		"apple": "Apple", "facebook": "Facebook", "github": "GitHub", "gitlab": "GitLab", "google": "Google",
		"linkedin": "LinkedIn", "microsoft": "Microsoft", "slack": "Slack", "x": "X",
	}
}

// social sends somebody to sign in with an account that they have elsewhere.
func (p *Pages) social(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{Title: "login.title", Next: local(form.Get("next")), Tenant: tenant(form.Get("tenant"))}
	d, err := p.Services.Socials.Begin(r.Context(), p.caller(r), service.SocialStart{
		Type: form.Get("type"), Kind: store.Browser, Next: v.Next, Browser: only(r, handlers.SSOCookieName),
	})
	switch f := fault.From(err); {
	case err == nil:
		return p.send(w, r, v, d)
	case f.Code == fault.NotFound || f.Code == fault.Unauthenticated:
		return p.again(w, r, errFailed(), "login.html", v)
	}
	return err
}

// doors are the ways in that a page offers beside the password.
func (p *Pages) doors(ctx context.Context, name string, v *page) (err error) {
	if name != "login.html" && name != "signup.html" {
		return nil
	}
	if v.Socials, err = p.socials(ctx); err != nil || name != "login.html" || v.Tenant == "" {
		return err
	}
	cs, err := p.Services.Connections.List(ctx, store.Principal{Kind: store.SystemKind, TenantID: v.Tenant})
	enabled := slices.DeleteFunc(cs, func(c service.SSOConnection) bool { return !c.Enabled })
	v.Federated = len(enabled) == 1
	return err
}
