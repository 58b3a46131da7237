package pages

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A login that waits for its second factor is held by a cookie of its own: no address and no
// page has it.
const (
	waitingCookie = handlers.WaitingCookieName
	waitingLife   = 10 * time.Minute
)

func (p *Pages) mfaRoutes() {
	p.handle("GET /account/mfa", p.waiting(p.showMFA))
	p.handle("POST /account/mfa", p.limited(middleware.SignIn, p.waiting(p.mfa)))
	p.handle("GET /account/mfa/recovery", p.waiting(p.showRecovery))
	p.handle("POST /account/mfa/recovery", p.limited(middleware.SignIn, p.waiting(p.recovery)))
	p.handle("GET /account/mfa/setup", p.waiting(p.showFirst))
	p.handle("POST /account/mfa/setup", p.limited(middleware.SignIn, p.waiting(p.first)))
	p.handle("POST /account/mfa/setup/confirm", p.limited(middleware.SignIn, p.waiting(p.confirmFirst)))
}

// ask goes on to the second factor that a login waits for.
func (p *Pages) ask(w http.ResponseWriter, l service.Login, next string) error {
	http.SetCookie(w, middleware.HostCookie(waitingCookie, l.MFAToken, waitingLife))
	target := "/account/mfa"
	if !l.MFAEnrolled {
		target = "/account/mfa/setup"
	}
	return seeOther(w, target+"?next="+url.QueryEscape(next))
}

// A step is a request of a login that waits: its token, its form, and where it leads.
type step struct {
	by    store.Principal
	token string
	next  string
	form  url.Values // empty when reading
}

// code is what the login is brought to its end with.
func (s step) code(text string) service.MFACode {
	return service.MFACode{Token: s.token, Code: text, Remember: s.form.Get("remember") == "yes", Kind: store.Browser}
}

// waiting lets in whose login waits for its second factor. Others begin at the beginning.
func (p *Pages) waiting(h func(http.ResponseWriter, *http.Request, step) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s := step{token: only(r, waitingCookie), next: local(r.URL.Query().Get("next"))}
		var err error
		if r.Method == http.MethodPost {
			if s.form, err = read(w, r); err != nil {
				return err
			}
			s.next = local(s.form.Get("next"))
			if s.by, err = p.device(w, r); err != nil {
				return err
			}
		} else {
			s.by = p.caller(r)
		}
		if s.token == "" {
			return seeOther(w, "/account/login?next="+url.QueryEscape(s.next))
		}
		err = h(w, r, s)
		if lapsed(err) {
			http.SetCookie(w, middleware.HostCookie(waitingCookie, "", 0))
			return seeOther(w, "/account/login?done=expired&next="+url.QueryEscape(s.next))
		}
		return err
	}
}

// wrongCode is the wire's word for a code that is wrong, where the login goes on.
const wrongCode = "ER-01011"

// lapsed reports whether a login that waited does so no more.
func lapsed(err error) bool {
	f := fault.From(err)
	return f != nil && f.Code == fault.Unauthenticated && f.Wire != wrongCode
}

func (p *Pages) showMFA(w http.ResponseWriter, r *http.Request, s step) error {
	v, err := p.challenge(r, s)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "mfa.html", v)
}

// challenge is the page that asks for the code of an app.
func (p *Pages) challenge(r *http.Request, s step) (page, error) {
	v := page{Title: "mfa.title", Next: s.next, Focus: "code", blamed: "code"}
	may, life, err := p.Services.MFA.MayRemember(r.Context(), s.by, s.token)
	if may {
		v.RememberDays = max(1, int(life/(24*time.Hour)))
	}
	return v, err
}

func (p *Pages) mfa(w http.ResponseWriter, r *http.Request, s step) error {
	v, err := p.challenge(r, s)
	if err != nil {
		return err
	}
	if s.form.Get("code") == "" {
		return p.again(w, r, fault.New(fault.Invalid, "code", "is missing"), "mfa.html", v)
	}
	l, err := p.Services.MFA.Verify(r.Context(), s.by, s.code(s.form.Get("code")))
	if err == nil {
		return p.enter(w, r, l, s.next)
	}
	if lapsed(err) {
		return err
	}
	return p.again(w, r, err, "mfa.html", v)
}

func (p *Pages) showRecovery(w http.ResponseWriter, r *http.Request, s step) error {
	if _, _, err := p.Services.MFA.MayRemember(r.Context(), s.by, s.token); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "recovery.html", page{Title: "recovery.title", Next: s.next, Focus: "recovery"})
}

func (p *Pages) recovery(w http.ResponseWriter, r *http.Request, s step) error {
	v := page{Title: "recovery.title", Next: s.next, Focus: "recovery", blamed: "recovery"}
	if s.form.Get("recovery") == "" {
		return p.again(w, r, fault.New(fault.Invalid, "recovery", "is missing"), "recovery.html", v)
	}
	l, err := p.Services.MFA.VerifyRecovery(r.Context(), s.by, s.code(s.form.Get("recovery")))
	switch {
	case err == nil:
		return p.enter(w, r, l, s.next)
	case lapsed(err):
		return err
	case fault.From(err).Wire == wrongCode:
		err = fault.New(fault.Unauthenticated, "", "wrong recovery code").Because(err)
	}
	return p.again(w, r, err, "recovery.html", v)
}

// firstApp is the page that begins with the first app, at a login that cannot do without.
func firstApp(s step) page {
	return page{Title: "setup.title", Next: s.next, Forced: true, Here: "/account/mfa/setup", Focus: "code", blamed: "code"}
}

func (p *Pages) showFirst(w http.ResponseWriter, r *http.Request, s step) error {
	if _, _, err := p.Services.MFA.MayRemember(r.Context(), s.by, s.token); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "setup.html", firstApp(s))
}

func (p *Pages) first(w http.ResponseWriter, r *http.Request, s step) error {
	e, err := p.Services.MFA.EnrollAtLogin(r.Context(), s.by, s.token)
	if err == nil {
		return p.showKey(w, r, firstApp(s), e)
	}
	if lapsed(err) {
		return err
	}
	return p.again(w, r, err, "setup.html", firstApp(s))
}

func (p *Pages) confirmFirst(w http.ResponseWriter, r *http.Request, s step) error {
	v := firstApp(s)
	if s.form.Get("code") == "" {
		return p.againKey(w, r, v, fault.New(fault.Invalid, "code", "is missing"))
	}
	l, err := p.Services.MFA.FinishEnrollAtLogin(r.Context(), s.by, s.code(s.form.Get("code")))
	if lapsed(err) {
		return err
	}
	if err != nil {
		return p.againKey(w, r, v, err)
	}
	if err := p.admit(w, r, l); err != nil {
		return err
	}
	return p.showCodes(w, r, page{Next: s.next}, l.RecoveryCodes)
}
