package pages

import (
	"net/http"
	"strings"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// showStart leads to what a visitor has to do with an account.
func (p *Pages) showStart(w http.ResponseWriter, r *http.Request) error {
	if by, ok := middleware.PrincipalFrom(r.Context()); ok && by.Kind == store.UserKind {
		return seeOther(w, securityPages)
	}
	return seeOther(w, "/account/login")
}

func (p *Pages) showLogin(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	next := local(q.Get("next"))
	if by, ok := middleware.PrincipalFrom(r.Context()); ok && by.Kind == store.UserKind {
		return seeOther(w, next)
	}
	v := page{Title: "login.title", Next: next, Tenant: tenant(q.Get("tenant")), Focus: "email"}
	v.Note = p.done("login", q.Get("done"))
	return p.render(w, r, http.StatusOK, "login.html", v)
}

// done is the key of the note that a redirect asks for, if there is one.
func (p *Pages) done(where, what string) string {
	if key := where + ".done." + what; p.languages[fallback].has(key) {
		return key
	}
	return ""
}

// login takes the address first and asks for the password then, unless the address leads
// elsewhere.
func (p *Pages) login(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{
		Title: "login.title", Next: local(form.Get("next")), Tenant: tenant(form.Get("tenant")),
		Values: map[string]string{"email": form.Get("email")}, Focus: "password", blamed: "password",
	}
	switch {
	case v.Values["email"] == "":
		return p.again(w, r, fault.New(fault.Invalid, "email", "is missing"), "login.html", v)
	case !form.Has("password"):
		return p.identified(w, r, v)
	case form.Get("password") == "":
		return p.again(w, r, fault.New(fault.Invalid, "password", "is missing"), "password.html", v)
	}
	by, err := p.device(w, r)
	if err != nil {
		return err
	}
	by.TenantID = v.Tenant
	l, err := p.Services.SignIn.Password(r.Context(), by, service.PasswordLogin{
		Email: v.Values["email"], Password: form.Get("password"), Kind: store.Browser,
	})
	if err != nil {
		if v.Unconfirmed = fault.From(err).Wire == service.Unconfirmed; v.Unconfirmed {
			v.blamed = "" // the password was right
		}
		return p.again(w, r, unconfirmed(err), "password.html", v)
	}
	return p.enter(w, r, l, v.Next)
}

// identified goes on from the address: to the provider that its domain is bound to, else to the
// password. It looks nothing up but the domain, and says the same of every address in it.
func (p *Pages) identified(w http.ResponseWriter, r *http.Request, v page) error {
	required, err := p.Services.SSO.Required(r.Context(), v.Values["email"])
	if err != nil {
		return err
	}
	if required {
		err = p.depart(w, r, v)
		if f := fault.From(err); f == nil || f.Code != fault.NotFound {
			return err
		}
	}
	return p.render(w, r, http.StatusOK, "password.html", v)
}

// unconfirmed words the one refusal that is told to somebody who knows the password.
func unconfirmed(err error) error {
	if fault.From(err).Wire == service.Unconfirmed {
		return fault.New(fault.Forbidden, "", "confirm your address").Because(err)
	}
	return err
}

// tenant returns the id of the tenant to sign in to, or nothing where id cannot be one.
func tenant(id string) string {
	bad := func(c rune) bool { return !strings.ContainsRune(tenantLetters, c) }
	if len(id) > maxTenant || strings.ContainsFunc(id, bad) {
		return ""
	}
	return id
}

const (
	tenantLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	maxTenant     = 64
)

// logout ends the session here, and sends the browser on to the provider that it came through,
// which may have one as well.
func (p *Pages) logout(w http.ResponseWriter, r *http.Request) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	const out = "/account/login?done=out"
	d, err := p.Services.SSO.Logout(r.Context(), p.caller(r), service.Leave{
		Secret: only(r, middleware.SessionCookieName), Next: out, Browser: only(r, handlers.SSOCookieName),
	})
	if err != nil {
		return err
	}
	http.SetCookie(w, middleware.SessionCookie("", 0))
	if d.Address == "" {
		return seeOther(w, out)
	}
	return p.send(w, r, page{Lead: "leave.lead"}, d)
}
