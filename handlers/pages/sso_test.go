package pages_test

import (
	"context"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// A zone is the name servers of a test.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if all := z.records[name]; all != nil {
		return all, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) publish(name, text string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[name] = []string{text}
}

// A federation is a site whose tenants sign in at providers of the test.
type federation struct {
	*site
	saml *ssotest.SAML
	oidc *ssotest.OIDC
	zone *zone
}

// federated is a site that providers lead back to. A plain one is reached as localhost, for
// Chromium; others speak TLS.
func federated(t *testing.T, plain bool, face func(*pages.Config), options ...option) federation {
	t.Helper()
	f := federation{saml: ssotest.NewSAML(t), oidc: ssotest.NewOIDC(t), zone: &zone{records: map[string][]string{}}}
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	base := "https://127.0.0.1:" + port
	if plain {
		base = "http://localhost:" + port
	}
	f.site = dressed(t, face, append(options, func(c *service.Config, m *middleware.Config) {
		c.BaseURL, m.Origins = base, append(m.Origins, base)
		c.Outbound = outbound.New(outbound.Options{AllowPrivateNetworks: true})
		c.Resolver = f.zone
	})...)
	server.Config.Handler = f.handler
	if plain {
		server.Start()
		server.URL = base
	} else {
		server.StartTLS()
	}
	f.Server = server
	t.Cleanup(server.Close)
	return f
}

// in is the library, acting in a tenant.
func in(tenantID string) store.Principal {
	return store.Principal{Kind: store.SystemKind, ID: "system", TenantID: tenantID}
}

// tenant makes a tenant.
func (s *site) tenant(t *testing.T, id string) {
	t.Helper()
	if _, err := s.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: id, Name: strings.ToUpper(id[:1]) + id[1:]}); err != nil {
		t.Fatal(err)
	}
}

// bySAML gives a tenant an enabled connection to the test's provider, for a domain; an empty
// one is none.
func (f federation) bySAML(t *testing.T, tenantID, domain string) string {
	t.Helper()
	c, err := f.Connections.CreateFrom(t.Context(), in(tenantID), service.Intake{URL: f.saml.MetadataURL()})
	if err != nil {
		t.Fatal(err)
	}
	f.claim(t, tenantID, c.ID, domain)
	return c.ID
}

// claim has a domain be a connection's.
func (f federation) claim(t *testing.T, tenantID, id, domain string) {
	t.Helper()
	if domain == "" {
		return
	}
	if _, err := f.Domains.Add(t.Context(), in(tenantID), id, domain); err != nil {
		t.Fatal(err)
	}
	if err := f.Domains.Force(t.Context(), in(tenantID), domain, true); err != nil {
		t.Fatal(err)
	}
}

// bySocial sets up a provider of the test's that anybody may have an account with.
func (f federation) bySocial(t *testing.T) {
	t.Helper()
	on, kind, name, issuer, id, hush := true, "acme-id", "Acme <ID>", f.oidc.Issuer(), f.oidc.ClientID(), f.oidc.ClientSecret()
	_, err := f.Socials.CreateCustom(t.Context(), store.System(), service.SocialChange{
		Active: &on, Type: &kind, Name: &name, Issuer: &issuer, ClientID: &id, Secret: &hush,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// away is where a page leads by itself.
func away(t *testing.T, a answer) string {
	t.Helper()
	a.want(t, 200, "One moment")
	found := regexp.MustCompile(`^0; url=(http\S+)$`).FindStringSubmatch(a.Header.Get("Refresh"))
	if found == nil || !strings.Contains(html.UnescapeString(a.text), `href="`+found[1]+`"`) {
		t.Fatalf("leads to %q in:\n%s", a.Header.Get("Refresh"), a.text)
	}
	return found[1]
}

func TestLoginLeadsToTheProvider(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.user(t)
	f.bySAML(t, "acme", "example.com")
	b := f.browser(t).still()
	known := b.post(t, "/account/login", url.Values{"email": {email}, "next": {"/account/security"}})
	unknown := b.post(t, "/account/login", url.Values{"email": {"nobody@example.com"}, "next": {"/account/security"}})
	to, where := away(t, known), away(t, unknown)
	if len(to) != len(where) && strings.Split(to, "?")[0] != strings.Split(where, "?")[0] {
		t.Errorf("ENU-09 the answers differ: %s and %s", to, where)
	}
	b.post(t, "/account/login", url.Values{"email": {"ada@elsewhere.example"}}).want(t, 200, "Signing in as")
	res := f.saml.SignIn(b.Client, to, ssotest.Person("new@example.com"))
	if got := res.Header.Get("Location"); got != "/account/security" {
		t.Fatalf("status %d, Location %q", res.StatusCode, got)
	}
	f.browse(b).get(t, "/account/security").want(t, 200, "new@example.com")
}

// browse is a browser with the cookies of another, that follows redirects.
func (s *site) browse(b browser) browser {
	return browser{&http.Client{Transport: b.Transport, Jar: b.Jar}, s}
}

// TestLocalStepsLeadToTheProvider tries to get around it.
func TestLocalStepsLeadToTheProvider(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.user(t)
	f.bySAML(t, "acme", "example.com")
	b := f.browser(t)
	away(t, b.login(t, phrase, "/"))
	away(t, b.login(t, "wrong", "/"))
	away(t, b.signUp(t))
	away(t, b.post(t, "/account/forgot", url.Values{"email": {email}}))
	away(t, b.post(t, "/account/resend", url.Values{"email": {email}}))
	away(t, b.post(t, "/account/sso", url.Values{"email": {email}}))
	if a := b.login(t, phrase, "/"); a.session() != nil {
		t.Error("a session")
	}
	b.post(t, "/account/sso", url.Values{"email": {"ada@elsewhere.example"}}).want(t, 400, "We know of no single sign-on")
	b.post(t, "/account/sso", url.Values{"email": {""}}).want(t, 400, "Enter your e-mail address.")
	b.post(t, "/account/sso", url.Values{"email": {""}, "tenant": {"acme"}}).want(t, 400, "Enter your e-mail address.")
	b.get(t, "/account/sso?failed=1&email=x%40y.example").want(t, 401, "did not work", `name="email"`, `value=""`)
}

func TestLoginOffersTheTenantsProvider(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.tenant(t, "acme")
	f.tenant(t, "globex")
	f.bySAML(t, "acme", "")
	b := f.browser(t)
	b.get(t, "/account/login?tenant=acme").want(t, 200, "Continue with single sign-on")
	for _, path := range []string{"/account/login", "/account/login?tenant=globex", "/account/login?tenant=nobody"} {
		if a := b.get(t, path); strings.Contains(a.text, "Continue with single sign-on") {
			t.Errorf("%s offers it", path)
		}
	}
	away(t, b.post(t, "/account/sso", url.Values{"tenant": {"acme"}}))
	b.post(t, "/account/sso", url.Values{"tenant": {"globex"}}).want(t, 400, "We know of no single sign-on")
	f.bySAML(t, "acme", "")
	if a := b.get(t, "/account/login?tenant=acme"); strings.Contains(a.text, "Continue with single sign-on") {
		t.Error("it offers one of two")
	}
}

func TestSocialButtons(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.bySocial(t)
	b := f.browser(t)
	for _, path := range []string{"/account/login", "/account/signup"} {
		b.get(t, path).want(t, 200, "Continue with Acme <ID>", `value="acme-id"`)
	}
	form := url.Values{"type": {"acme-id"}, "next": {"/account/security"}}
	to := away(t, b.post(t, "/account/social", form))
	if !strings.HasPrefix(to, f.oidc.Issuer()) {
		t.Errorf("leads to %s", to)
	}
	for _, kind := range []string{"nobody", "", "../x"} {
		b.post(t, "/account/social", url.Values{"type": {kind}}).want(t, 401, "did not work")
	}
	if err := f.Socials.Switch(t.Context(), store.System(), "acme-id", false); err != nil {
		t.Fatal(err)
	}
	if a := b.get(t, "/account/login"); strings.Contains(a.text, "Acme <ID>") {
		t.Error("a button for a provider that is off")
	}
	b.post(t, "/account/social", form).want(t, 401, "did not work")
}
