package pages

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// connectionPages is the folder of the pages about a tenant's single sign-on.
const connectionPages = "/account/sso/connections"

// A wizard is what the pages about a tenant's single sign-on show.
type wizard struct {
	Company string // the tenant's name
	Guest   bool   // came by a set-up link
	May     bool   // change something
	Kind    string // of provider, for hints

	All  []connectionRow
	One  service.SSOConnection
	Now  string // key of the step that the page is
	Last *attemptRow

	Certificates []certificate
	Ours         ours
	Claims       []claim
	Roles        []roleBox
	names        map[string]string // of all roles, by id
	Mappings     []mapping
	Trial        *trial
	Attempts     []attemptRow
	Attempt      *attemptView
	Invitation   *invitation
	Secret       string // that is shown once
	Until        string
}

// A keptHandler answers somebody who looks after a tenant's single sign-on.
type keptHandler func(w http.ResponseWriter, r *http.Request, by store.Principal) error

// kept lets in who looks after a tenant's single sign-on: who opened a set-up link in this
// browser, until that is over, else an administrator of the tenant.
func (p *Pages) kept(h keptHandler) handler {
	administrator := p.own(func(w http.ResponseWriter, r *http.Request, by store.Principal) error {
		if !by.Can(store.ReadSSO) {
			return fault.New(fault.Forbidden, "", "only who looks after single sign-on may do this")
		}
		return p.stepped(w, r, by, h(w, r, by))
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		by, err := p.guest(r)
		if err == nil {
			return h(w, r, by)
		}
		if fault.From(err).Code != fault.Unauthenticated {
			return err
		}
		if _, known := middleware.PrincipalFrom(r.Context()); !known && only(r, setupCookie) != "" {
			return over(err, setupEnded)
		}
		return administrator(w, r)
	}
}

// guest returns who opened a set-up link in this browser.
func (p *Pages) guest(r *http.Request) (store.Principal, error) {
	cookie := only(r, setupCookie)
	if cookie == "" {
		return store.Principal{}, fault.New(fault.Unauthenticated, "", "no set-up is open here")
	}
	return p.Services.SSOSetups.Principal(r.Context(), p.caller(r), cookie)
}

// stepped has somebody show a second factor whom a rule asked for one, and lead back here.
func (p *Pages) stepped(w http.ResponseWriter, r *http.Request, by store.Principal, err error) error {
	if f := fault.From(err); f == nil || f.Wire != middleware.StepUpRequired || r.Method != http.MethodPost {
		return err
	}
	by.Device = only(r, handlers.DeviceCookieName)
	l, failed := p.Services.MFA.StepUp(r.Context(), by, 0)
	if failed != nil {
		return failed
	}
	return p.ask(w, l, back(r))
}

// back is the page that a form of the wizard stands on.
func back(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/") // "", "account", "sso", "connections", the id, the step
	if len(parts) > 4 && !strings.HasPrefix(r.URL.Path, connectionPages) {
		parts = parts[:4]
	}
	at := local(strings.Join(parts[:min(len(parts), 6)], "/"))
	if kind := r.URL.Query().Get("kind"); slices.Contains(kinds(), kind) {
		at += "?kind=" + kind
	}
	return at
}

// wizard is the page that a step begins with, for a connection or for none.
func (p *Pages) wizard(r *http.Request, by store.Principal, title string) (page, error) {
	t, err := p.Services.Tenants.Read(r.Context(), store.System(), by.TenantID)
	if err != nil {
		return page{}, err
	}
	v := page{Title: title, Wide: true, Known: by.Email, Within: by.TenantID, Values: map[string]string{}}
	v.SSO = &wizard{Company: t.Name, Guest: by.Kind == store.SetupKind, May: by.Can(store.WriteSSO)}
	if v.SSO.Guest {
		v.SSO.Until = moment(by.ExpiresAt)
	}
	v.Note = p.done("wizard", r.URL.Query().Get("done"))
	return v, nil
}

// step is wizard for one connection, which the path names.
func (p *Pages) step(r *http.Request, by store.Principal, title, now string) (page, error) {
	v, err := p.wizard(r, by, title)
	if err != nil {
		return v, err
	}
	c, err := p.Services.Connections.Read(r.Context(), by, r.PathValue("id"))
	if err != nil {
		return v, err
	}
	v.SSO.One, v.SSO.Now, v.SSO.Kind = c, now, kindOf(r.URL.Query().Get("kind"), c)
	v.SSO.Certificates = certificates(c, p.Now())
	return v, nil
}

// retry shows a step once more with what was wrong. What asks for a second factor is not for
// the form to say.
func (p *Pages) retry(w http.ResponseWriter, r *http.Request, err error, name string, v page) error {
	if f := fault.From(err); f.Wire == middleware.StepUpRequired {
		return err
	}
	return p.again(w, r, err, name, v)
}

// At is the path of a step of the wizard for its connection. It takes the kind of provider
// along, which is kept nowhere.
func (s *wizard) At(step string) string {
	at := connectionPages + "/" + s.One.ID
	if step != "" {
		at += "/" + step
	}
	if s.Kind != "" {
		at += "?kind=" + s.Kind
	}
	return at
}

// SAML reports whether the connection speaks SAML.
func (s *wizard) SAML() bool { return s.One.Protocol == store.SAML }

// A stepRow is one step on the way to a connection that works.
type stepRow struct {
	Key   string // of its name
	Step  string // in the path
	Done  bool
	State string // key of what there is to say
	Count int    // that goes with it
}

// Steps are the steps of the wizard.
func (s *wizard) Steps() []stepRow {
	known, proved := s.provider(), s.Proved()
	steps := []stepRow{
		{Key: "step.ours", Step: "ours", Done: known, State: "step.ours.state"},
		{Key: "step.provider", Step: "provider", Done: known, State: "step.provider.missing"},
		{Key: "step.domains", Step: "domains", Done: proved > 0, State: "step.domains.state", Count: proved},
		{Key: "step.roles", Step: "roles", Done: true, State: "step.roles.state", Count: len(s.One.Groups)},
		{Key: "step.test", Step: "attempts", Done: s.Last != nil && s.Last.Accepted, State: "step.test.state"},
	}
	if known {
		steps[1].State = "step.provider.known"
	}
	return steps
}

// Proved is how many domains of the connection are proved.
func (s *wizard) Proved() int { return proved(s.One.Domains) }

func proved(all []store.Domain) int {
	n := 0
	for _, d := range all {
		if !d.ValidatedAt.IsZero() {
			n++
		}
	}
	return n
}

// Next is the step after the page's, empty after the last.
func (s *wizard) Next() string {
	steps := s.Steps()
	for i := range steps[:len(steps)-1] {
		if steps[i].Key == s.Now {
			return s.At(steps[i+1].Step)
		}
	}
	return ""
}

// provider reports whether the provider's side is known.
func (s *wizard) provider() bool {
	if st := s.One.With.SAML; st != nil {
		return (st.Redirect != "" || st.POST != "") && len(st.Certificates) > 0
	}
	st := s.One.With.OIDC
	return st != nil && st.Issuer != "" && st.ClientID != "" && (s.One.HasSecret || st.Auth == "none")
}

// kinds are the providers that there are hints for.
func kinds() []string {
	return []string{"okta", "entra", "google", "jumpcloud", "onelogin", "keycloak", "other"}
}

// kindOf is the provider to give hints for: the one that was chosen, else the one that the
// connection's addresses look like. Nothing else depends on it.
func kindOf(chosen string, c service.SSOConnection) string {
	for _, k := range kinds() {
		if k == chosen {
			return k
		}
	}
	var known string
	if st := c.With.SAML; st != nil {
		known = st.EntityID + " " + st.Redirect + " " + st.POST + " " + st.MetadataURL
	} else if st := c.With.OIDC; st != nil {
		known = st.Issuer
	}
	for _, sign := range [][2]string{
		{"okta", "okta"}, {"microsoftonline.com", "entra"}, {"sts.windows.net", "entra"}, {"google.com", "google"},
		{"jumpcloud.com", "jumpcloud"}, {"onelogin.com", "onelogin"}, {"/realms/", "keycloak"},
	} {
		if strings.Contains(known, sign[0]) {
			return sign[1]
		}
	}
	return ""
}

// A certificate is one by which a provider is known.
type certificate struct {
	Until string
	Days  int // that it lasts; below zero it has run out
}

// Soon reports whether somebody should do something about it.
func (c certificate) Soon() bool { return c.Days < 30 }

// certificates are those of a connection's provider.
func certificates(c service.SSOConnection, now time.Time) []certificate {
	if c.With.SAML == nil {
		return nil
	}
	var all []certificate
	for _, text := range c.With.SAML.Certificates {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		read, err := x509.ParseCertificate(der)
		if err != nil { // what the engine takes may be odd all the same
			continue
		}
		left := read.NotAfter.Sub(now)
		days := int(left / (24 * time.Hour))
		if left < 0 {
			days--
		}
		all = append(all, certificate{Until: read.NotAfter.UTC().Format(time.DateOnly), Days: days})
	}
	return all
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// noted is a path with the note that the page there shows.
func noted(path, done string) string {
	if strings.Contains(path, "?") {
		return path + "&done=" + done
	}
	return path + "?done=" + done
}

// Hint says where to find at the chosen provider what a step asks for; empty where no provider
// was chosen.
func (v page) Hint(step string) string {
	key := "hint." + v.SSO.Kind + "." + string(v.SSO.One.Protocol) + "." + step
	if !v.has(key) {
		return ""
	}
	return v.T(key)
}

// Kinds are the providers that there are hints for.
func (v page) Kinds() []string { return kinds() }
