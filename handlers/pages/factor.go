package pages

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) factorRoutes() {
	p.handle("GET /account/security/mfa", p.own(p.showSetup))
	p.handle("POST /account/security/mfa", p.limited(middleware.SignIn, p.own(p.setup)))
	p.handle("POST /account/security/mfa/confirm", p.limited(middleware.SignIn, p.own(p.confirmSetup)))
	p.handle("GET /account/security/mfa/remove", p.own(p.showRemove))
	p.handle("POST /account/security/mfa/remove", p.limited(middleware.SignIn, p.own(p.remove)))
	p.handle("GET /account/security/codes", p.own(p.showRenew))
	p.handle("POST /account/security/codes", p.limited(middleware.SignIn, p.own(p.renew)))
}

// A key is what an app is connected by. It is shown once.
type key struct {
	QR   template.URL // a picture in a data URI
	Text string       // in groups of four
	URL  template.URL // otpauth:, which opens an app on the same device
}

var errKey = errors.New("a key without a picture")

// showKey shows the key of a new app. This page alone may show a picture that is part of it.
func (p *Pages) showKey(w http.ResponseWriter, r *http.Request, v page, e service.Enrollment) error {
	if !strings.HasPrefix(e.QR, "data:image/png;base64,") || !strings.HasPrefix(e.URL, "otpauth://totp/") {
		return errKey
	}
	v.Title = "enroll.title"
	v.Key = &key{QR: template.URL(e.QR), Text: grouped(e.Secret), URL: template.URL(e.URL)}
	w.Header().Set("Content-Security-Policy", strings.Replace(policy, "img-src 'self'", "img-src 'self' data:", 1))
	return p.render(w, r, http.StatusOK, "enroll.html", v)
}

// againKey asks for the code once more. The key is not shown again.
func (p *Pages) againKey(w http.ResponseWriter, r *http.Request, v page, err error) error {
	if fault.From(err).Code == fault.Gone {
		return p.again(w, r, fault.New(fault.Invalid, "", "this enrollment is over").Because(err), "setup.html", v.blaming(""))
	}
	v.Title = "enroll.title"
	return p.again(w, r, err, "enroll.html", v)
}

func (v page) blaming(field string) page {
	v.blamed = field
	return v
}

// grouped is text in groups of four, which are easier to type.
func grouped(text string) string {
	var b strings.Builder
	for i, c := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// showCodes shows recovery codes, once: nothing of the page is kept.
func (p *Pages) showCodes(w http.ResponseWriter, r *http.Request, v page, codes []string) error {
	v.Title, v.Codes = "codes.title", codes
	text := p.languages.of(r).T("codes.file", cmp.Or(p.Brand.Name, r.Host)) + "\r\n\r\n" + strings.Join(codes, "\r\n") + "\r\n"
	v.File = template.URL("data:text/plain;charset=utf-8," + url.PathEscape(text))
	return p.render(w, r, http.StatusOK, "codes.html", v)
}

// anotherApp is the page that begins with an app of somebody who is signed in.
func anotherApp(by store.Principal) page {
	return page{Title: "setup.title", Known: by.Email, Here: "/account/security/mfa", Focus: "code", blamed: "code"}
}

func (p *Pages) showSetup(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.render(w, r, http.StatusOK, "setup.html", anotherApp(by))
}

func (p *Pages) setup(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	e, err := p.Services.MFA.Enroll(r.Context(), by)
	if f := fault.From(err); f != nil && f.Wire == middleware.StepUpRequired {
		return p.stepUp(w, r, by)
	}
	if err != nil {
		return p.again(w, r, err, "setup.html", anotherApp(by).blaming(""))
	}
	return p.showKey(w, r, anotherApp(by), e)
}

// stepUp has somebody show a code of an app that is there before another is added.
func (p *Pages) stepUp(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	l, err := p.Services.MFA.StepUp(r.Context(), by, 0)
	if err != nil {
		return p.again(w, r, err, "setup.html", anotherApp(by).blaming(""))
	}
	return p.ask(w, l, anotherApp(by).Here)
}

func (p *Pages) confirmSetup(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := anotherApp(by)
	if form.Get("code") == "" {
		return p.againKey(w, r, v, fault.New(fault.Invalid, "code", "is missing"))
	}
	codes, err := p.Services.MFA.FinishEnroll(r.Context(), by, form.Get("code"))
	if err != nil {
		return p.againKey(w, r, v, asInvalid(err))
	}
	next := securityPages + "?done=mfa"
	if len(codes) == 0 {
		return seeOther(w, next)
	}
	return p.showCodes(w, r, page{Known: by.Email, Next: next}, codes)
}

func (p *Pages) showRemove(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.render(w, r, http.StatusOK, "prove.html", removal(by, r.URL.Query().Get("device")))
}

func removal(by store.Principal, device string) page {
	return page{
		Title: "remove.title", Lead: "remove.lead", Action: "remove.submit", Here: "/account/security/mfa/remove",
		Known: by.Email, Device: device, Focus: "proof", blamed: "proof",
	}
}

func (p *Pages) remove(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	v := removal(by, form.Get("device"))
	if v.Device == "" {
		return seeOther(w, securityPages)
	}
	if form.Get("proof") == "" {
		return p.again(w, r, fault.New(fault.Invalid, "proof", "is missing"), "prove.html", v)
	}
	if err := p.Services.MFA.Disable(r.Context(), by, v.Device, form.Get("proof")); err != nil {
		return p.again(w, r, err, "prove.html", v)
	}
	return seeOther(w, securityPages+"?done=removed")
}

func renewal(by store.Principal) page {
	return page{
		Title: "renew.title", Lead: "renew.lead", Action: "renew.submit", Here: "/account/security/codes",
		Known: by.Email, Focus: "proof", blamed: "proof",
	}
}

func (p *Pages) showRenew(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	return p.render(w, r, http.StatusOK, "prove.html", renewal(by))
}

func (p *Pages) renew(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	if form.Get("proof") == "" {
		return p.again(w, r, fault.New(fault.Invalid, "proof", "is missing"), "prove.html", renewal(by))
	}
	codes, err := p.Services.MFA.NewRecoveryCodes(r.Context(), by, form.Get("proof"))
	if err != nil {
		return p.again(w, r, err, "prove.html", renewal(by))
	}
	return p.showCodes(w, r, page{Known: by.Email, Next: securityPages}, codes)
}
