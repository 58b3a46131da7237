package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// securityPages is the folder of the pages for people who are signed in.
const securityPages = "/account/security"

func (p *Pages) securityRoutes() {
	p.handle("GET /account/security", p.own(p.showSecurity))
	p.handle("GET /account/security/password", p.own(p.showChange))
	p.handle("POST /account/security/password", p.limited(middleware.SignIn, p.own(p.change)))
	p.handle("POST /account/security/accounts", p.own(p.unlink))
	p.handle("POST /account/security/sessions", p.own(p.endSession))
	p.handle("POST /account/security/sessions/all", p.own(p.endSessions))
	if !p.FixedEmails {
		p.handle("GET /account/security/email", p.own(p.showEmail))
		p.handle("POST /account/security/email", p.limited(middleware.Mail, p.own(p.email)))
		p.handle("POST /account/security/email/confirm", p.limited(middleware.SignIn, p.own(p.confirmEmail)))
	}
}

// An ownHandler answers somebody who is signed in.
type ownHandler func(w http.ResponseWriter, r *http.Request, by store.Principal) error

// own lets in who is signed in. Others sign in, and come back.
func (p *Pages) own(h ownHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		by, err := p.Guard.Caller(r)
		switch {
		case err == nil && by.Kind == store.UserKind:
			by.Device = only(r, handlers.DeviceCookieName)
			return h(w, r, by)
		case err == nil:
			return fault.New(fault.Forbidden, "", "only a user may do this")
		case fault.From(err).Code != fault.Unauthenticated:
			return err
		}
		next := securityPages
		if r.Method == http.MethodGet {
			next = local(r.URL.Path)
		} else if strings.HasPrefix(r.URL.Path, "/account/sso/") {
			next = back(r)
		}
		return seeOther(w, "/account/login?next="+url.QueryEscape(next))
	}
}

// A security is what the page about an account shows.
type security struct {
	Email     string
	Apps      bool // may be added
	Devices   []deviceRow
	CodesLeft int
	Accounts  []accountRow
	Keeper    bool // looks after the single sign-on of the tenant
}

// A deviceRow is one authenticator app as its user sees it.
type deviceRow struct {
	ID     string
	Number int
	Added  string // the day
}

// A sessionRow is one session as its user sees it.
type sessionRow struct {
	ID            string
	Browser, On   string // names, empty where they are not known
	IP            string
	Used, UsedRaw string
	Here          bool
}

func (p *Pages) showSecurity(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	me, err := p.Services.Profiles.Me(r.Context(), by)
	if err != nil {
		return err
	}
	sessions, err := p.Services.Sessions.List(r.Context(), by)
	if err != nil {
		return err
	}
	v := page{Title: "security.title", Wide: true, Known: me.Email}
	if v.Security, err = p.factors(r, by); err != nil {
		return err
	}
	if v.Security.Accounts, err = p.accounts(r, by); err != nil {
		return err
	}
	v.Security.Keeper = by.Can(store.ReadSSO)
	v.Security.Email = me.Email
	v.Note = p.done("security", r.URL.Query().Get("done"))
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, row(s, by.SessionID))
	}
	return p.render(w, r, http.StatusOK, "security.html", v)
}

// factors are what the page shows of the second factor.
func (p *Pages) factors(r *http.Request, by store.Principal) (security, error) {
	var v security
	methods, err := p.Services.MFAPolicies.Methods(r.Context(), by)
	if err != nil {
		return v, err
	}
	v.Apps = methods.App.Active
	if v.CodesLeft, err = p.Services.MFA.RecoveryCodesLeft(r.Context(), by); err != nil {
		return v, err
	}
	all, err := p.Services.MFA.Devices(r.Context(), by)
	for i, d := range all {
		v.Devices = append(v.Devices, deviceRow{ID: d.ID, Number: i + 1, Added: d.AddedAt.UTC().Format(time.DateOnly)})
	}
	return v, err
}

func row(s store.Session, current string) sessionRow {
	browser, on := agent(s.UserAgent)
	at := s.LastUsedAt.UTC()
	return sessionRow{
		ID: s.ID, Browser: browser, On: on, IP: s.IP, Here: s.ID == current,
		Used: at.Format("2006-01-02 15:04") + " UTC", UsedRaw: at.Format(time.RFC3339),
	}
}

// Called is what a session's device is called.
func (v page) Called(s sessionRow) string {
	switch {
	case s.Browser != "" && s.On != "":
		return v.T("security.session.what", s.Browser, s.On)
	case s.Browser+s.On != "":
		return s.Browser + s.On
	}
	return v.T("security.session.other")
}

// agent makes out which browser says so of itself, and on what. Order matters: most say that
// they are others as well.
func agent(text string) (browser, on string) {
	first := func(names ...[2]string) string {
		for _, n := range names {
			if strings.Contains(text, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser = first([2]string{"Edg", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"SamsungBrowser", "Samsung Internet"},
		[2]string{"Firefox/", "Firefox"}, [2]string{"FxiOS", "Firefox"}, [2]string{"CriOS", "Chrome"}, [2]string{"Chrome/", "Chrome"},
		[2]string{"Safari/", "Safari"}, [2]string{"curl/", "curl"})
	on = first([2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"}, [2]string{"Android", "Android"}, [2]string{"Windows", "Windows"},
		[2]string{"CrOS", "ChromeOS"}, [2]string{"Mac OS X", "macOS"}, [2]string{"Linux", "Linux"})
	return browser, on
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	err = p.Services.Sessions.End(r.Context(), by, form.Get("id"))
	if err != nil && fault.From(err).Code != fault.NotFound { // it ended meanwhile
		return err
	}
	return seeOther(w, securityPages+"?done=session")
}

func (p *Pages) endSessions(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	if err := p.Services.Sessions.EndAll(r.Context(), by); err != nil {
		return err
	}
	http.SetCookie(w, middleware.SessionCookie("", 0))
	return seeOther(w, "/account/login?done=all")
}

func (p *Pages) showChange(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.render(w, r, http.StatusOK, "change.html", page{Title: "password.title", Known: by.Email, Focus: "current"})
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{Title: "password.title", Known: by.Email, blamed: "current"}
	var c fault.Checker
	c.Check(form.Get("current") != "", "current", "is missing")
	c.Check(form.Get("password") != "", "newPassword", "is missing")
	if err := c.Err(); err != nil {
		return p.again(w, r, err, "change.html", v)
	}
	err = p.Services.Passwords.Change(r.Context(), by, form.Get("current"), form.Get("password"))
	if err != nil {
		return p.again(w, r, asInvalid(err), "change.html", v)
	}
	return seeOther(w, securityPages+"?done=password")
}

// asInvalid is a proof that failed for somebody who is signed in, and stays so.
func asInvalid(err error) error {
	if f := fault.From(err); f.Code == fault.Unauthenticated {
		return fault.New(fault.Invalid, f.Field, f.Message).Because(err)
	}
	return err
}

func (p *Pages) showEmail(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.render(w, r, http.StatusOK, "email.html", page{Title: "change.title", Known: by.Email, Focus: "newEmail"})
}

func (p *Pages) email(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{
		Title: "change.title", Known: by.Email, Focus: "newEmail", blamed: "newEmail",
		Values: map[string]string{"newEmail": form.Get("newEmail")},
	}
	if v.Values["newEmail"] == "" {
		return p.again(w, r, fault.New(fault.Invalid, "newEmail", "is missing"), "email.html", v)
	}
	if err := p.Services.Emails.Ask(r.Context(), by, v.Values["newEmail"]); err != nil {
		return p.again(w, r, err, "email.html", v)
	}
	v.Title, v.Focus = "confirm.title", "code"
	return p.render(w, r, http.StatusOK, "confirm.html", v)
}

func (p *Pages) confirmEmail(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := page{
		Title: "confirm.title", Known: by.Email, Focus: "code", blamed: "code",
		Values: map[string]string{"newEmail": form.Get("newEmail")},
	}
	if form.Get("code") == "" {
		return p.again(w, r, fault.New(fault.Invalid, "code", "is missing"), "confirm.html", v)
	}
	if err := p.Services.Emails.Confirm(r.Context(), by, v.Values["newEmail"], form.Get("code")); err != nil {
		return p.again(w, r, err, "confirm.html", v)
	}
	return seeOther(w, securityPages+"?done=email")
}
