package pages

import (
	"net/http"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// setupCookie is held by the browser that opened a set-up link.
const setupCookie = "__Host-identity-setup"

func (p *Pages) setupRoutes() {
	p.handle("GET /account/sso/setup", p.showOpen)
	p.handle("POST /account/sso/setup", p.limited(middleware.SignIn, p.open))
	p.handle("POST /account/sso/setup/done", p.finishSetup)
	p.handle("GET /account/sso/invite", p.kept(p.showInvite))
	p.handle("POST /account/sso/invite", p.limited(middleware.Mail, p.kept(p.invite)))
	p.handle("POST /account/sso/invite/revoke", p.kept(p.revokeInvite))
}

// setupEnded is said to a browser whose set-up is over.
const setupEnded = "the set-up is over"

// setupOver is said of a link that opens no set-up.
const setupOver = "the set-up link is over"

// setup is the page of a link that still works, else a Gone error.
func (p *Pages) opening(r *http.Request, token string) (page, error) {
	if !store.Storable(token) || token == "" {
		return page{}, fault.New(fault.Gone, "", setupOver)
	}
	in, t, err := p.Services.SSOSetups.Look(r.Context(), token)
	v := page{Title: "open.title", Token: token, Within: in.TenantID, SSO: &wizard{Company: t.Name}}
	return v, over(err, setupOver)
}

// showOpen shows whose single sign-on a link is for. It uses nothing up.
func (p *Pages) showOpen(w http.ResponseWriter, r *http.Request) error {
	v, err := p.opening(r, r.URL.Query().Get("token"))
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "open.html", v)
}

// open uses the link up and marks the browser.
func (p *Pages) open(w http.ResponseWriter, r *http.Request) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	if _, err := p.opening(r, form.Get("token")); err != nil {
		return err
	}
	cookie, until, err := p.Services.SSOSetups.Open(r.Context(), p.caller(r), form.Get("token"))
	if err != nil {
		return over(err, setupOver)
	}
	http.SetCookie(w, middleware.HostCookie(setupCookie, cookie, until.Sub(p.Now())))
	return seeOther(w, connectionPages)
}

// finishSetup ends a set-up, for good.
func (p *Pages) finishSetup(w http.ResponseWriter, r *http.Request) error {
	if _, err := read(w, r); err != nil {
		return err
	}
	if err := p.Services.SSOSetups.End(r.Context(), p.caller(r), only(r, setupCookie)); err != nil {
		return err
	}
	http.SetCookie(w, middleware.HostCookie(setupCookie, "", 0))
	return p.render(w, r, http.StatusOK, "closed.html", page{Title: "closed.title"})
}

// An invitation is a set-up that somebody else may make.
type invitation struct {
	service.SSOSetup
	Until  string
	Opened string // empty until then
}

// invitations is the page about the set-up link of a tenant.
func (p *Pages) invitations(r *http.Request, by store.Principal) (page, error) {
	v, err := p.wizard(r, by, "invite.title")
	if err != nil {
		return v, err
	}
	all, err := p.Services.SSOSetups.List(r.Context(), by)
	for _, s := range all {
		in := invitation{SSOSetup: s, Until: moment(s.ExpiresAt)}
		if !s.OpenedAt.IsZero() {
			in.Opened = moment(s.OpenedAt)
		}
		v.SSO.Invitation = &in
	}
	return v, err
}

func (p *Pages) showInvite(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.invitations(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "invite.html", v)
}

// invite makes a link. It is shown this once.
func (p *Pages) invite(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	_, link, err := p.Services.SSOSetups.Create(r.Context(), by, form.Get("invitee"))
	v, failed := p.invitations(r, by)
	if failed != nil {
		return failed
	}
	if err != nil {
		v.Values["invitee"] = form.Get("invitee")
		return p.retry(w, r, err, "invite.html", v.blaming("invitee"))
	}
	v.SSO.Secret = link
	if v.Note = "invite.made"; form.Get("invitee") != "" {
		v.Note = "invite.mailed"
	}
	return p.render(w, r, http.StatusOK, "invite.html", v)
}

func (p *Pages) revokeInvite(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := read(w, r)
	if err != nil {
		return err
	}
	err = p.Services.SSOSetups.Revoke(r.Context(), by, form.Get("id"))
	if err != nil && fault.From(err).Code != fault.NotFound { // it ended meanwhile
		return err
	}
	return seeOther(w, "/account/sso/invite?done=revoked")
}
