package handlers_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// A gatehouse is the API as a host runs it, with a tenant that signs in at a SAML provider
// and one that signs in at an OpenID provider.
type gatehouse struct {
	*whole
	saml   *ssotest.SAML
	oidc   *ssotest.OIDC
	ids    map[string]string // of the connections, by tenant
	client *http.Client
	db     store.Store
}

func newGatehouse(t *testing.T, change ...func(*service.Config)) gatehouse {
	t.Helper()
	var db store.Store
	w := newWhole(t, false, append(change, func(c *service.Config) {
		db = c.Store
		c.Outbound = outbound.New(outbound.Options{AllowPrivateNetworks: true})
		c.Origins = []string{"https://admin.app.example"}
	})...)
	g := gatehouse{whole: w, saml: ssotest.NewSAML(t), oidc: ssotest.NewOIDC(t), ids: map[string]string{}, db: db}
	g.client = g.browser()
	g.connect("acme", service.NewConnection{Protocol: store.SAML, Enabled: true, Settings: service.ConnectionSettings{
		SAML: &service.SAMLSettings{
			EntityID: g.saml.EntityID(), Redirect: g.saml.URL(), Certificates: []string{g.saml.Certificate()},
			LogoutGet: g.saml.LogoutURL(),
		},
	}})
	g.connect("globex", service.NewConnection{Protocol: store.OIDC, Enabled: true, Secret: g.oidc.ClientSecret(), Settings: service.ConnectionSettings{
		OIDC: &service.OIDCSettings{Issuer: g.oidc.Issuer(), ClientID: g.oidc.ClientID()},
	}})
	return g
}

// connect makes a tenant with a connection for the domain of its name.
func (g gatehouse) connect(tenantID string, n service.NewConnection) {
	g.Helper()
	if _, err := g.svc.Tenants.Create(g.Context(), store.System(), service.NewTenant{ID: tenantID, Name: tenantID}); err != nil {
		g.Fatal(err)
	}
	by := store.System()
	by.TenantID = tenantID
	c, err := g.svc.Connections.Create(g.Context(), by, n)
	if err != nil {
		g.Fatal(err)
	}
	if _, err := g.svc.Domains.Add(g.Context(), by, c.ID, tenantID+".com"); err != nil {
		g.Fatal(err)
	}
	if err := g.svc.Domains.Force(g.Context(), by, tenantID+".com", true); err != nil {
		g.Fatal(err)
	}
	g.ids[tenantID] = c.ID
}

// browser is one that nobody has used yet. Its requests to the API stay in the process.
func (g gatehouse) browser() *http.Client {
	g.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.Fatal(err)
	}
	return &http.Client{Transport: inside{g.api, &http.Transport{}}, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// inside answers requests by a handler.
type inside struct {
	h   http.Handler
	out http.RoundTripper
}

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "app.example" {
		return i.out.RoundTrip(r)
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.Host, in.RemoteAddr = r.URL.RequestURI(), r.URL.Host, "192.0.2.9:1234"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	i.h.ServeHTTP(w, in)
	res := w.Result()
	res.Request = r
	return res, nil
}

// post sends JSON from a page of the host's own.
func (g gatehouse) post(client *http.Client, path, body string) (int, map[string]any) {
	g.Helper()
	r, err := http.NewRequestWithContext(g.Context(), http.MethodPost, "https://app.example"+path, strings.NewReader(body))
	if err != nil {
		g.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := client.Do(r)
	if err != nil {
		g.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.Fatal(err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(text, &out)
	return res.StatusCode, out
}

// leave returns the address that a browser goes to for an e-mail address.
func (g gatehouse) leave(client *http.Client, email string) string {
	g.Helper()
	status, out := g.post(client, "/identity/resources/auth/v2/user/sso/prelogin", `{"email":"`+email+`"}`)
	if status != 200 {
		g.Fatalf("prelogin of %s = %d %v", email, status, out)
	}
	return out["address"].(string)
}

// cookieOf returns the value of a cookie that an answer sets.
func cookieOf(res *http.Response, prefix string) string {
	for _, c := range res.Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			return c.Value
		}
	}
	return ""
}

func TestSSOSignIn(t *testing.T) {
	t.Parallel()
	t.Run("SAML", func(t *testing.T) {
		t.Parallel()
		g := newGatehouse(t)
		res := g.saml.SignIn(g.client, g.leave(g.client, "ada@acme.com"), ssotest.Person("ada@acme.com"))
		g.in(res, "acme", "ada@acme.com")
	})
	t.Run("OpenID Connect", func(t *testing.T) {
		t.Parallel()
		g := newGatehouse(t)
		res := g.oidc.SignIn(g.client, g.leave(g.client, "bob@globex.com"), ssotest.Person("bob@globex.com"))
		g.in(res, "globex", "bob@globex.com")
	})
	t.Run("SAML by form", func(t *testing.T) {
		t.Parallel()
		g := newGatehouse(t)
		post := func(st *service.ConnectionSettings) { st.SAML.Redirect, st.SAML.POST = "", g.saml.URL() }
		by := store.System()
		by.TenantID = "acme"
		if _, err := g.svc.Connections.Update(t.Context(), by, g.ids["acme"], service.ConnectionChange{Settings: post}); err != nil {
			t.Fatal(err)
		}
		address := g.leave(g.client, "ada@acme.com")
		if !strings.HasPrefix(address, "https://app.example/auth/sso/") {
			t.Fatalf("address = %q, want a page of ours", address)
		}
		g.in(g.saml.SignIn(g.client, address, ssotest.Person("ada@acme.com")), "acme", "ada@acme.com")
	})
	t.Run("a browser session", func(t *testing.T) {
		t.Parallel()
		g := newGatehouse(t)
		d, err := g.svc.SSO.Begin(t.Context(), store.Principal{}, service.Start{Email: "ada@acme.com", Kind: store.Browser, Next: "/reports"})
		if err != nil {
			t.Fatal(err)
		}
		g.client.Jar.SetCookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}, []*http.Cookie{handlers.SSOCookie(d.Browser)})
		res := g.saml.SignIn(g.client, d.Address, ssotest.Person("ada@acme.com"))
		if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/reports" {
			t.Fatalf("the answer is %d to %q, want to /reports", res.StatusCode, res.Header.Get("Location"))
		}
		p, _, err := g.svc.Gate.ResolveCookie(t.Context(), cookieOf(res, middleware.SessionCookieName))
		if err != nil || p.TenantID != "acme" || p.Email != "ada@acme.com" {
			t.Errorf("the cookie is of %+v, %v", p, err)
		}
	})
}

// in wants the browser to be signed in to the tenant by a refresh cookie.
func (g gatehouse) in(res *http.Response, tenantID, email string) {
	g.Helper()
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/" {
		body, _ := io.ReadAll(res.Body)
		g.Fatalf("the answer is %d to %q, want home: %s\n%s", res.StatusCode, res.Header.Get("Location"), body, g.log)
	}
	status, out := g.post(g.client, "/identity/resources/auth/v1/user/token/refresh", "{}")
	if status != 201 {
		g.Fatalf("refresh = %d %v", status, out)
	}
	p, err := g.svc.Gate.Resolve(g.Context(), out["accessToken"].(string))
	if err != nil || p.TenantID != tenantID || p.Email != email {
		g.Errorf("signed in as %+v, %v, want %s in %s", p, err, email, tenantID)
	}
}
