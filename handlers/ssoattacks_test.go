package handlers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// knock sends a request to the API as the browser with the cookies would, from a page of origin.
func (g gatehouse) knock(client *http.Client, method, path string, form url.Values, origin string) *http.Response {
	g.Helper()
	r, err := http.NewRequestWithContext(g.Context(), method, "https://app.example"+path, strings.NewReader(form.Encode()))
	if err != nil {
		g.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if origin != "" {
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(r)
	if err != nil {
		g.Fatal(err)
	}
	return res
}

// request is what the provider is asked for an address.
func (g gatehouse) request(client *http.Client, email string) ssotest.Request {
	g.Helper()
	return g.saml.Request(ssotest.Message{URL: g.leave(client, email)})
}

// sentence is what a browser is told.
func sentence(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "<p>")
	text, _, ok := strings.Cut(rest, "</p>")
	if !ok {
		return string(body)
	}
	return text
}

// out reports whether the answer signs nobody in.
func out(res *http.Response) bool {
	return cookieOf(res, "fe_refresh_") == "" && cookieOf(res, middleware.SessionCookieName) == "" && res.StatusCode/100 == 4
}

func TestAttackSSOHTTP(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	refused := sso.Refuse("", nil).Error()
	ada := ssotest.Person("ada@acme.com")
	t.Run("SAML-47 RelayState", func(t *testing.T) {
		others := g.request(g.browser(), "ada@acme.com").RelayState
		used := g.request(g.client, "ada@acme.com")
		if res := g.saml.Respond(used, ada).Send(t, g.client); res.StatusCode != http.StatusFound {
			t.Fatalf("the first use = %d", res.StatusCode)
		}
		for name, state := range map[string]string{
			"a URL": "https://evil.example/", "long": strings.Repeat("x", 81), "another's": others, "replayed": used.RelayState,
			"markup": `"><script>alert(1)</script>`, "none": "",
		} {
			fresh := g.request(g.client, "ada@acme.com")
			fresh.RelayState = state
			res := g.saml.Respond(fresh, ada).Send(t, g.client)
			if !out(res) || res.Header.Get("Location") != "" || sentence(t, res) != refused {
				t.Errorf("%s: %d to %q", name, res.StatusCode, res.Header.Get("Location"))
			}
		}
	})
	t.Run("SAML-48 SAMLart", func(t *testing.T) {
		for _, id := range []string{"", "/" + g.ids["acme"]} {
			res := g.knock(g.client, "POST", "/auth/saml/callback"+id, url.Values{"SAMLart": {"x"}}, g.saml.URL())
			if !out(res) {
				t.Errorf("by form = %d", res.StatusCode)
			}
			if res = g.knock(g.client, "GET", "/auth/saml/callback"+id+"?SAMLart=x", nil, ""); res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("by query = %d, want 405", res.StatusCode)
			}
		}
	})
	t.Run("SAML-69 error surface", func(t *testing.T) { g.surface(t, ada, refused) })
	t.Run("OIDC-31 error responses", func(t *testing.T) {
		state := func() string {
			u, err := url.Parse(g.leave(g.client, "bob@globex.com"))
			if err != nil {
				t.Fatal(err)
			}
			return u.Query().Get("state")
		}
		for _, q := range []url.Values{
			{"error": {"access_denied"}, "error_description": {"<script>alert(1)</script>"}, "state": {state()}},
			{"error": {"<script>"}, "state": {state()}},
			{"error": {"access_denied"}},
			{"error": {"access_denied"}, "state": {"made up"}},
			{"code": {"x"}, "session_state": {"a", "b"}, "state": {state()}},
			{"id_token": {"x.y.z"}, "state": {state()}},
		} {
			res := g.knock(g.client, "GET", "/oauth/account/oidc/callback?"+q.Encode(), nil, "")
			if text := sentence(t, res); !out(res) || strings.Contains(text, "<script") || text != refused {
				t.Errorf("%v = %d %q", q, res.StatusCode, text)
			}
		}
	})
	t.Run("ENU-09 SSO pre-login by e-mail domain", func(t *testing.T) {
		g.in(g.saml.SignIn(g.client, g.leave(g.client, "ada@acme.com"), ada), "acme", "ada@acme.com")
		seen := map[string][]string{}
		for _, email := range []string{"ada@acme.com", "nobody@acme.com", "ADA@ACME.COM", "ada@unknown.com", "nobody@unknown.com", "nothing"} {
			status, body := g.post(g.browser(), "/identity/resources/auth/v2/user/sso/prelogin", `{"email":"`+email+`"}`)
			if status == 200 {
				address, _ := url.Parse(fmt.Sprint(body["address"]))
				body["address"] = address.Host + address.Path
			}
			at := strings.LastIndexByte(email, '@')
			domain := strings.ToLower(email[at+1:])
			seen[domain] = append(seen[domain], fmt.Sprint(status, body))
		}
		for domain, all := range seen {
			if all = slices.Compact(all); len(all) != 1 {
				t.Errorf("addresses of %s are told apart: %v", domain, all)
			}
		}
		if !strings.Contains(seen["unknown.com"][0], "SSO domain was not found") || !strings.HasPrefix(seen["unknown.com"][0], "404") {
			t.Errorf("no provider = %v", seen["unknown.com"])
		}
		for _, v := range []string{"v1/user/saml", "v2/user/sso"} {
			status, body := g.post(g.browser(), "/identity/resources/auth/"+v+"/prelogin", `{"tenantId":"acme"}`)
			if status != 200 || body["idpType"] != "saml" || body["addressType"] != "sso" {
				t.Errorf("%s = %d %v", v, status, body)
			}
		}
	})
}

// surface sends everything that can be wrong and wants it to look alike, to the log as well.
func (g gatehouse) surface(t *testing.T, u ssotest.User, want string) {
	t.Helper()
	changes := map[string]func(*ssotest.Assertion){
		"another issuer":  func(a *ssotest.Assertion) { a.Issuer = "https://other.example" },
		"another key":     func(a *ssotest.Assertion) { a.By = ssotest.NewSAML(t) },
		"unsigned":        func(a *ssotest.Assertion) { a.Sign = ssotest.SignNothing },
		"refused":         func(a *ssotest.Assertion) { a.Status = ssotest.StatusResponder },
		"another address": func(a *ssotest.Assertion) { a.Attributes["email"] = []string{"ceo@globex.com"} },
		"no audience":     func(a *ssotest.Assertion) { a.Audience = "" },
		"no name":         func(a *ssotest.Assertion) { a.Subject = "" },
		"no XML":          func(a *ssotest.Assertion) { a.Final = func(string) string { return "secret-in-garbage" } },
	}
	for name, change := range changes {
		res := g.saml.Respond(g.request(g.client, "ada@acme.com"), u, change).Send(t, g.client)
		if text := sentence(t, res); !out(res) || res.StatusCode != http.StatusUnauthorized || text != want {
			t.Errorf("%s = %d %q", name, res.StatusCode, text)
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", name, policy)
		}
	}
	log := g.log.String()
	for _, secret := range []string{u.Email, u.Subject, "ceo@globex.com", "secret-in-garbage", "PHNhbWxw"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestAttackSSOBrowserHTTP(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	ada := ssotest.Person("ada@acme.com")
	t.Run("SES-21 SameSite and SAML ACS", func(t *testing.T) {
		client := g.browser()
		r, err := http.NewRequestWithContext(t.Context(), "POST", "https://app.example/identity/resources/auth/v1/user/saml/prelogin", strings.NewReader(`{"email":"ada@acme.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		k := res.Cookies()[0]
		if k.Name != handlers.SSOCookieName || !strings.HasPrefix(k.Name, "__Host-") || k.SameSite != http.SameSiteNoneMode || !k.Secure ||
			!k.HttpOnly || k.Path != "/" || k.Domain != "" || k.MaxAge != 15*60 {
			t.Errorf("the cookie that binds the browser is %+v", k)
		}
		var answer map[string]string
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || strings.Contains(answer["address"], k.Value) {
			t.Errorf("the address %q tells the cookie, %v", answer["address"], err)
		}
		res = g.saml.SignIn(client, answer["address"], ada)
		for _, k := range res.Cookies() {
			if strings.HasPrefix(k.Name, "fe_refresh_") && (k.SameSite != http.SameSiteLaxMode || !k.Secure || !k.HttpOnly) {
				t.Errorf("the session's cookie is %+v", k)
			}
			if k.Name == handlers.DeviceCookieName {
				t.Error("the mark of the device is replaced by one who could not see it")
			}
		}
	})
	t.Run("SES-22 SameSite and form_post", func(t *testing.T) {
		address := g.leave(g.client, "bob@globex.com") + "&response_mode=form_post"
		g.in(g.oidc.SignIn(g.client, address, ssotest.Person("bob@globex.com")), "globex", "bob@globex.com")
	})
	t.Run("SES-19 login CSRF", func(t *testing.T) {
		mallory := g.browser()
		stolen := g.request(mallory, "mallory@acme.com")
		for name, victim := range map[string]*http.Client{"no cookie": g.browser(), "another cookie": g.client} {
			if res := g.saml.Respond(stolen, ada).Send(t, victim); !out(res) {
				t.Errorf("%s = %d", name, res.StatusCode)
			}
		}
		status, body := g.post(g.browser(), "/identity/resources/auth/v1/user/saml/postlogin", g.answerOf(stolen, ada))
		if status != 401 {
			t.Errorf("as JSON = %d %v", status, body)
		}
		if res := g.saml.Respond(stolen, ada).Send(t, mallory); res.StatusCode != http.StatusFound {
			t.Errorf("in its own browser = %d", res.StatusCode)
		}
	})
	t.Run("SES-01 fixation", func(t *testing.T) {
		planted := g.browser()
		planted.Jar.SetCookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}, []*http.Cookie{
			middleware.SessionCookie("planted", 1e12), middleware.HostCookie(handlers.SSOCookieName, "planted", 1e12),
		})
		d, err := g.svc.SSO.Begin(t.Context(), store.Principal{}, service.Start{TenantID: "acme", Kind: store.Browser, Browser: "planted"})
		if err != nil || d.Browser == "planted" {
			t.Fatalf("a made up cookie is taken: %v", err)
		}
		planted.Jar.SetCookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}, []*http.Cookie{handlers.SSOCookie(d.Browser)})
		res := g.saml.SignIn(planted, d.Address, ada)
		if got := cookieOf(res, middleware.SessionCookieName); got == "" || got == "planted" {
			t.Errorf("the session is %q", got)
		}
	})
	t.Run("SES-15 other pages stay out", func(t *testing.T) { g.siblings(t) })
	t.Run("SES-18 HEAD changes nothing", func(t *testing.T) {
		before := g.state(t)
		for _, path := range []string{"/oauth/account/oidc/callback?code=x&state=y", "/auth/saml/slo/" + g.ids["acme"] + "?SAMLRequest=x", "/auth/sso/x"} {
			if res := g.knock(g.client, "HEAD", path, nil, ""); res.StatusCode != 200 || len(res.Cookies()) > 0 {
				t.Errorf("HEAD %s = %d", path, res.StatusCode)
			}
		}
		if g.state(t) != before {
			t.Error("HEAD changed the store")
		}
	})
}

// state counts what is written on every occasion.
func (g gatehouse) state(t *testing.T) string {
	t.Helper()
	l, err := g.db.Audit(t.Context(), store.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(l.Total)
}

// answerOf is the body that a page of the host's own posts.
func (g gatehouse) answerOf(r ssotest.Request, u ssotest.User) string {
	m := g.saml.Respond(r, u)
	body, err := json.Marshal(map[string]string{"RelayState": r.RelayState, "SAMLResponse": m.Fields.Get("SAMLResponse")})
	if err != nil {
		g.Fatal(err)
	}
	return string(body)
}

// siblings posts from another site to what must let it in, and to everything beside it.
func (g gatehouse) siblings(t *testing.T) {
	t.Helper()
	const evil = "https://evil.example"
	open := map[string]bool{
		"/auth/saml/callback": true, "/auth/saml/callback/x": true, "/auth/saml/slo/x": true,
		"/oauth/account/oidc/callback": true, "/oauth/account/oidc/logout/x": true, "/oauth/account/social/success": true,
	}
	for path := range maps.Clone(open) {
		open["/frontegg"+path] = true
		open[path+"/"] = true
	}
	for path := range open {
		if res := g.knock(g.client, "POST", path, url.Values{"a": {"b"}}, evil); res.StatusCode == http.StatusForbidden {
			t.Errorf("POST %s from another site = %d", path, res.StatusCode)
		}
	}
	for _, r := range g.api.(*handlers.API).Routes() {
		path := strings.NewReplacer("{connectionId}", "x", "{provider}", "x").Replace(r.Path)
		if r.Method != "POST" || r.Audience != "public" || open[path] || path == "/auth/vendor" {
			continue
		}
		res := g.knock(g.client, "POST", path, nil, evil)
		if res.StatusCode != http.StatusForbidden && !public(path) {
			t.Errorf("POST %s from another site = %d, want 403", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/auth/saml/callback/x/y", "/auth/saml/callback2", "/auth/saml", "/oauth/account/oidc/callback/x"} {
		if res := g.knock(g.client, "POST", path, url.Values{"a": {"b"}}, evil); res.StatusCode/100 != 4 {
			t.Errorf("POST %s = %d", path, res.StatusCode)
		}
	}
}

// public are open routes that set no cookie: to post there from elsewhere does nothing that its
// sender could not do.
func public(path string) bool {
	return strings.HasPrefix(path, "/identity/resources/users/") || strings.Contains(path, "/mfa/")
}

func TestAttackSSOTargets(t *testing.T) {
	t.Parallel()
	t.Run("SAML-47 where a sign-in leads to", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "own-lists", "redirect_targets.json"))
		if err != nil {
			t.Fatal(err)
		}
		var corpus struct {
			Cases []struct {
				Target, Why string
				Allow       bool
			}
		}
		if err := json.Unmarshal(text, &corpus); err != nil || len(corpus.Cases) == 0 {
			t.Fatalf("%d cases, %v", len(corpus.Cases), err)
		}
		w := newWhole(t, false, func(c *service.Config) {
			c.BaseURL, c.Origins = "https://app.example.com", []string{"https://admin.example.com"}
		})
		for _, c := range corpus.Cases {
			want := "/"
			if c.Allow && c.Target != "" {
				want = c.Target
			}
			if got := w.svc.SSO.Target(c.Target); got != want {
				t.Errorf("%.80q leads to %.80q, want %.80q (%s)", c.Target, got, want, c.Why)
			}
		}
	})
}
