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

// cookieOf returns the value of a cookie that an answer sets: of the name, or where that ends
// in '_' of any that begins with it.
func cookieOf(res *http.Response, name string) string {
	for _, c := range res.Cookies() {
		if c.Name == name || strings.HasSuffix(name, "_") && strings.HasPrefix(c.Name, name) {
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

// TestSSOSecondFactor holds a sign-in up for a second factor, on its way through a browser.
func TestSSOSecondFactor(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	force := service.Force
	if _, err := g.svc.MFAPolicies.Put(t.Context(), store.System(), service.MFAPolicyChange{Enforce: &force}); err != nil {
		t.Fatal(err)
	}
	ada := ssotest.Person("ada@acme.com")
	res := g.saml.SignIn(g.client, g.leave(g.client, ada.Email), ada)
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), `"mfaRequired":true`) || cookieOf(res, "fe_refresh_") != "" {
		t.Errorf("a client of the API gets %d %s, %v", res.StatusCode, body, err)
	}
	d, err := g.svc.SSO.Begin(t.Context(), store.Principal{}, service.Start{TenantID: "acme", Kind: store.Browser, Next: "/reports?a=b"})
	if err != nil {
		t.Fatal(err)
	}
	client := g.browser()
	client.Jar.SetCookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}, []*http.Cookie{handlers.SSOCookie(d.Browser)})
	res = g.saml.SignIn(client, d.Address, ada)
	if got := res.Header.Get("Location"); got != "/account/mfa/setup?next=%2Freports%3Fa%3Db" || cookieOf(res, middleware.SessionCookieName) != "" {
		t.Errorf("a browser goes to %q", got)
	}
	if cookieOf(res, handlers.WaitingCookieName) == "" {
		t.Error("the browser has nothing to show that it waits")
	}
}

// TestSSOPostLogin finishes sign-ins from a page of the host's own, which the provider sends
// the browser to.
func TestSSOPostLogin(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	status, out := g.post(g.client, "/identity/resources/auth/v1/user/saml/postlogin", g.answerOf(g.request(g.client, "ada@acme.com"), ssotest.Person("ada@acme.com")))
	if status != 200 || out["accessToken"] == "" || out["mfaRequired"] != false {
		t.Errorf("SAML = %d %v", status, out)
	}
	for path, field := range map[string]string{"v1": "state", "v2": "RelayState"} {
		client := g.browser()
		in := &inside{h: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), out: &http.Transport{DisableKeepAlives: true}}
		address := g.leave(client, "bob@globex.com")
		res := g.oidc.SignIn(&http.Client{Transport: in}, address, ssotest.Person("bob@globex.com"))
		q := res.Request.URL.Query()
		for _, wrong := range []string{"https://other.example/callback", ""} {
			body, err := json.Marshal(map[string]string{"code": q.Get("code"), field: q.Get("state"), "iss": q.Get("iss"), "redirectUri": wrong})
			if err != nil {
				t.Fatal(err)
			}
			want := 200
			if wrong != "" {
				want = 401
			}
			if status, out = g.post(client, "/identity/resources/auth/"+path+"/user/oidc/postlogin", string(body)); status != want {
				t.Errorf("%s with redirect URI %q = %d %v, want %d", path, wrong, status, out, want)
			}
			if wrong != "" { // a sign-in is over, whatever came of it
				address = g.leave(client, "bob@globex.com")
				res = g.oidc.SignIn(&http.Client{Transport: in}, address, ssotest.Person("bob@globex.com"))
				q = res.Request.URL.Query()
			}
		}
	}
	d, err := g.svc.SSO.Begin(t.Context(), store.Principal{}, service.Start{TenantID: "acme", Kind: store.Browser})
	if err != nil {
		t.Fatal(err)
	}
	client := g.browser()
	client.Jar.SetCookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}, []*http.Cookie{handlers.SSOCookie(d.Browser)})
	body := g.answerOf(g.saml.Request(ssotest.Message{URL: d.Address}), ssotest.Person("ada@acme.com"))
	if status, out = g.post(client, "/identity/resources/auth/v1/user/saml/postlogin", body); status != 401 {
		t.Errorf("a browser's sign-in, as tokens = %d %v", status, out)
	}
}

func TestSSOPages(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	for _, tt := range []struct {
		path string
		want int
		has  string
	}{
		{"/oauth/account/saml/callback", 200, `href="/"`},
		{"/oauth/account/saml/callback?redirectUrl=https%3A%2F%2Fadmin.app.example%2Fx", 200, `href="https://admin.app.example/x"`},
		{"/oauth/account/saml/callback?redirectUrl=https%3A%2F%2Fevil.example%2F", 200, `href="/"`},
		{"/oauth/account/saml/callback?redirectUrl=javascript%3Aalert(1)", 200, `href="/"`},
		{"/auth/sso/unknown", 404, "begin again"},
		{"/auth/saml/metadata/" + g.ids["acme"], 200, "EntityDescriptor"},
		{"/auth/saml/metadata/" + g.ids["globex"], 404, ""},
		{"/auth/saml/metadata/unknown", 404, ""},
	} {
		res := g.knock(g.client, "GET", tt.path, nil, "")
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != tt.want || !strings.Contains(string(body), tt.has) {
			t.Errorf("GET %s = %d %s, %v, want %d with %q", tt.path, res.StatusCode, body, err, tt.want, tt.has)
		}
		if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: headers %v", tt.path, res.Header)
		}
	}
	if res := g.knock(g.client, "POST", "/auth/saml/callback", url.Values{"SAMLResponse": {strings.Repeat("A", 600<<10)}}, g.saml.URL()); res.StatusCode != 413 {
		t.Errorf("an answer of 600 KiB = %d, want 413", res.StatusCode)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", "https://app.example/auth/saml/callback", strings.NewReader(`{"SAMLResponse":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := g.client.Do(r)
	if err != nil || res.StatusCode != 415 {
		t.Errorf("an answer as JSON = %v, %v, want 415", res.StatusCode, err)
	}
}
