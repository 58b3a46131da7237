package pages

import (
	"net/http"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const deviceLife = 400 * 24 * time.Hour // the most that browsers keep (RFC 6265bis §5.6.1)

// only returns the value of the cookie, or nothing where there is none or more than one:
// one of two was planted, and nobody can tell which.
func only(r *http.Request, name string) string {
	if all := r.CookiesNamed(name); len(all) == 1 {
		return all[0].Value
	}
	return ""
}

// caller says where a request comes from, and not who is signed in there: a sign-in
// starts from nothing.
func (p *Pages) caller(r *http.Request) store.Principal {
	by, _ := middleware.PrincipalFrom(r.Context())
	return store.Principal{IP: by.IP, UserAgent: by.UserAgent, Device: only(r, handlers.DeviceCookieName)}
}

// device is caller for a form. It marks a browser that has no mark yet, so that the rules
// know it again when it follows a mailed link or comes back.
func (p *Pages) device(w http.ResponseWriter, r *http.Request) (store.Principal, error) {
	by := p.caller(r)
	if by.Device != "" {
		return by, nil
	}
	d, err := p.Services.SignIn.NewDevice()
	if err != nil {
		return by, err
	}
	by.Device = d
	http.SetCookie(w, middleware.HostCookie(handlers.DeviceCookieName, d, deviceLife))
	return by, nil
}

// enter goes on to next with a new session, or to the second factor where the login waits for
// one.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, l service.Login, next string) error {
	if l.MFARequired {
		return p.ask(w, l, next)
	}
	if err := p.admit(w, r, l); err != nil {
		return err
	}
	return seeOther(w, next)
}

// admit hands the browser its new session and ends the one it had.
func (p *Pages) admit(w http.ResponseWriter, r *http.Request, l service.Login) error {
	if l.Secret == "" {
		return fault.New(fault.Internal, "", "internal error")
	}
	if err := p.leave(r); err != nil {
		p.Log.WarnContext(r.Context(), "end the session before", "error", err)
	}
	http.SetCookie(w, middleware.SessionCookie(l.Secret, l.Session.ExpiresAt.Sub(p.Now())))
	if only(r, waitingCookie) != "" {
		http.SetCookie(w, middleware.HostCookie(waitingCookie, "", 0))
	}
	return nil
}

// leave ends the session that the request came with, if any.
func (p *Pages) leave(r *http.Request) error {
	old := only(r, middleware.SessionCookieName)
	if old == "" {
		return nil
	}
	return p.Services.SignIn.Logout(r.Context(), p.caller(r), old)
}

// seeOther answers a form with the page to read next. http.Redirect would clean the
// target once more, and so make another one of it.
func seeOther(w http.ResponseWriter, target string) error {
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
