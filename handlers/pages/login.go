package pages

import (
	"net/http"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) showLogin(w http.ResponseWriter, r *http.Request) error {
	next := local(r.URL.Query().Get("next"))
	if by, ok := middleware.PrincipalFrom(r.Context()); ok && by.Kind == store.UserKind {
		return seeOther(w, next)
	}
	v := page{Title: "Sign in", Next: next, Tenant: tenant(r.URL.Query().Get("tenant"))}
	if r.URL.Query().Has("out") {
		v.Note = "You are signed out."
	}
	return p.render(w, http.StatusOK, loginPage, v)
}

func (p *Pages) login(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{Title: "Sign in", Next: local(form.Get("next")), Email: form.Get("email"), Tenant: tenant(form.Get("tenant"))}
	in := service.PasswordLogin{Email: v.Email, Password: form.Get("password"), Kind: store.Browser}
	if in.Email == "" || in.Password == "" {
		return p.again(w, r, fault.New(fault.Invalid, "", "Enter your e-mail address and your password."), loginPage, v)
	}
	by, err := p.device(w, r)
	if err != nil {
		return err
	}
	by.TenantID = v.Tenant
	l, err := p.SignIn.Password(r.Context(), by, in)
	if err != nil {
		return p.again(w, r, wrong(err), loginPage, v)
	}
	return p.enter(w, r, l, v.Next)
}

// wrong gives every sign-in that failed the same words, whatever the rule called it. Only
// somebody who knows the password is told that the address is not confirmed.
func wrong(err error) error {
	switch fault.From(err).Code {
	case fault.Unauthenticated:
		return fault.New(fault.Unauthenticated, "", "Wrong email or password.").Because(err)
	case fault.Forbidden:
		return fault.New(fault.Forbidden, "", "Confirm your address first, by the link that we sent you.").Because(err)
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

func (p *Pages) logout(w http.ResponseWriter, r *http.Request) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	if err := p.leave(r); err != nil {
		return err
	}
	http.SetCookie(w, middleware.SessionCookie("", 0))
	return seeOther(w, "/account/login?out")
}
