package handlers_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

const (
	socialDoor   = "https://app.example/identity/resources/auth/v2/user/sso/default/mine/prelogin"
	socialReturn = "https://app.example/oauth/account/social/success"
	socialPost   = "/identity/resources/auth/v1/user/sso/mine/postlogin"
)

// newSocialGate is the API as a host runs it, with a social provider called mine.
func newSocialGate(t *testing.T) (gatehouse, *ssotest.OIDC) {
	t.Helper()
	g := newGatehouse(t)
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Plain: true, RedirectURIs: []string{socialReturn}})
	kind, id, secret, on := "mine", p.ClientID(), p.ClientSecret(), true
	authorize, token, userinfo, auth := p.Issuer()+"/authorize", p.Issuer()+"/token", p.Issuer()+"/userinfo", oidc.Post
	_, err := g.svc.Socials.CreateCustom(t.Context(), store.System(), service.SocialChange{
		Type: &kind, Name: &kind, Active: &on, ClientID: &id, Secret: &secret,
		AuthorizationURL: &authorize, TokenURL: &token, UserInfoURL: &userinfo, Auth: &auth,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, p
}

func eve() ssotest.User {
	return ssotest.User{Subject: "7", Email: "eve@example.com", EmailVerified: true, Name: "Eve"}
}

func TestSocialSignIn(t *testing.T) {
	t.Parallel()
	g, p := newSocialGate(t)
	res := p.SignIn(g.client, socialDoor+"?redirectUrl=%2Freports", eve())
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/reports" {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("the answer is %d to %q: %s\n%s", res.StatusCode, res.Header.Get("Location"), body, g.log)
	}
	status, out := g.post(g.client, "/identity/resources/auth/v1/user/token/refresh", "{}")
	if status != 201 {
		t.Fatalf("refresh = %d %v", status, out)
	}
	by, err := g.svc.Gate.Resolve(t.Context(), out["accessToken"].(string))
	if err != nil || by.Email != "eve@example.com" {
		t.Errorf("signed in as %+v, %v", by, err)
	}
	if res := p.SignIn(g.client, socialDoor+"?redirectUrl=https://evil.example/", eve()); res.Header.Get("Location") != "/" {
		t.Errorf("sent to %q, want home", res.Header.Get("Location"))
	}
	if res := p.SignIn(g.client, socialDoor+"?redirectUrl=https://admin.app.example/x", eve()); res.Header.Get("Location") != "https://admin.app.example/x" {
		t.Errorf("sent to %q, want the trusted origin", res.Header.Get("Location"))
	}
}

// TestSocialBrowser is a sign-in that a page of ours began: the session is a cookie.
func TestSocialBrowser(t *testing.T) {
	t.Parallel()
	g, p := newSocialGate(t)
	d, err := g.svc.Socials.Begin(t.Context(), store.Principal{}, service.SocialStart{Type: "mine", Kind: store.Browser, Next: "/reports"})
	if err != nil {
		t.Fatal(err)
	}
	g.client.Jar.SetCookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}, []*http.Cookie{handlers.SSOCookie(d.Browser)})
	res := p.SignIn(g.client, d.Address, eve())
	by, _, err := g.svc.Gate.ResolveCookie(t.Context(), cookieOf(res, middleware.SessionCookieName))
	if err != nil || by.Email != "eve@example.com" || res.Header.Get("Location") != "/reports" {
		t.Errorf("%q, %+v, %v", res.Header.Get("Location"), by, err)
	}
}

// door goes to the provider and returns the address that it leads to.
func (g gatehouse) door(client *http.Client, address string) string {
	g.Helper()
	res, err := client.Get(address)
	if err != nil {
		g.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusFound {
		g.Fatalf("%s = %d", address, res.StatusCode)
	}
	return res.Header.Get("Location")
}

func TestSocialPostLogin(t *testing.T) {
	t.Parallel()
	g, p := newSocialGate(t)
	for _, isNew := range []bool{true, false} {
		a := p.Authorize(g.door(g.client, socialDoor), eve())
		body, err := json.Marshal(map[string]string{
			"code": a.Get("code"), "state": a.Get("state"), "redirectUri": socialReturn, "code_verifier_pkce": "not looked at",
		})
		if err != nil {
			t.Fatal(err)
		}
		status, out := g.post(g.client, socialPost, string(body))
		if status != 200 || out["isNewUser"] != isNew || out["email"] != "eve@example.com" || out["name"] != "Eve" || out["accessToken"] == "" || out["tenantId"] == "" {
			t.Fatalf("postlogin = %d %v", status, out)
		}
		if status, out := g.post(g.client, socialPost, string(body)); status != 401 {
			t.Errorf("OIDC-01 replayed: %d %v", status, out)
		}
	}
}

func TestAttackSocial(t *testing.T) {
	t.Parallel()
	g, p := newSocialGate(t)
	take := func(client *http.Client, a url.Values) (int, string) {
		res, err := client.Get(socialReturn + "?" + a.Encode())
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if cookieOf(res, "fe_refresh_") != "" || cookieOf(res, middleware.SessionCookieName) != "" {
			t.Error("a refusal left a session")
		}
		return res.StatusCode, string(text)
	}
	t.Run("OIDC-01 another browser", func(t *testing.T) {
		a := p.Authorize(g.door(g.client, socialDoor), eve())
		if status, _ := take(g.browser(), a); status != 401 {
			t.Errorf("%d, want 401: somebody could sign a stranger in as themselves", status)
		}
	})
	t.Run("OIDC-31 errors are told in one sentence", func(t *testing.T) {
		a := p.Deny(g.door(g.client, socialDoor), "access_denied")
		a.Set("error_description", "<script>alert(1)</script>")
		status, text := take(g.client, a)
		if status != 401 || strings.Contains(text, "<script>alert") || strings.Contains(text, "access_denied") {
			t.Errorf("%d %s", status, text)
		}
	})
	t.Run("OIDC-31 an error without state", func(t *testing.T) {
		if status, text := take(g.client, url.Values{"error": {"<script>"}}); status != 401 || strings.Contains(text, "<script>") {
			t.Errorf("%d %s", status, text)
		}
	})
	t.Run("the answer of one provider at another's address", func(t *testing.T) {
		a := p.Authorize(g.door(g.client, socialDoor), eve())
		body := `{"code":"` + a.Get("code") + `","state":"` + a.Get("state") + `"}`
		if status, out := g.post(g.client, strings.Replace(socialPost, "mine", "google", 1), body); status != 401 {
			t.Errorf("%d %v", status, out)
		}
	})
	t.Run("an answer of single sign-on, and the reverse", func(t *testing.T) {
		a := p.Authorize(g.door(g.client, socialDoor), eve())
		res, err := g.client.Get("https://app.example/oauth/account/oidc/callback?" + a.Encode())
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 {
			t.Errorf("a social answer at the callback of connections: %d", res.StatusCode)
		}
		b := g.oidc.Authorize(g.leave(g.client, "bob@globex.com"), ssotest.Person("bob@globex.com"))
		if status, text := take(g.client, b); status != 401 {
			t.Errorf("a connection's answer at the social callback: %d %s", status, text)
		}
	})
	t.Run("a provider that is off or was never there", func(t *testing.T) {
		for _, kind := range []string{"google", "nobody"} {
			res, err := g.client.Get(strings.Replace(socialDoor, "mine", kind, 1))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 404 {
				t.Errorf("%s: %d, want 404", kind, res.StatusCode)
			}
		}
	})
	t.Run("a domain of single sign-on", func(t *testing.T) {
		a := p.Authorize(g.door(g.client, socialDoor), ssotest.User{Subject: "8", Email: "ada@acme.com", EmailVerified: true})
		body := `{"code":"` + a.Get("code") + `","state":"` + a.Get("state") + `"}`
		if status, out := g.post(g.client, socialPost, body); status != 403 || out["errorCode"] != service.SSORequired {
			t.Errorf("%d %v, want %s", status, out, service.SSORequired)
		}
	})
	t.Run("a form from another site, as Apple sends it", func(t *testing.T) {
		a := p.Authorize(g.door(g.client, socialDoor), eve())
		a.Set("user", `{"name":{"firstName":"Eve"}}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, socialReturn, strings.NewReader(a.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://appleid.apple.com")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		res, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusFound || cookieOf(res, "fe_refresh_") == "" {
			t.Errorf("%d, want a session", res.StatusCode)
		}
	})
}
