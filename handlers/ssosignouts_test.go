package handlers_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

func TestAttackSSOSignOuts(t *testing.T) {
	t.Parallel()
	g := newGatehouse(t)
	ada := ssotest.Person("ada@acme.com")
	id := g.ids["acme"]
	metadata := g.knock(g.client, "GET", "/auth/saml/metadata/"+id, nil, "")
	doc, err := io.ReadAll(metadata.Body)
	if err != nil || metadata.StatusCode != 200 {
		t.Fatalf("metadata = %d, %v", metadata.StatusCode, err)
	}
	g.saml.Register(doc)
	slo := "/auth/saml/slo/" + id
	login := func(client *http.Client, u ssotest.User) string {
		t.Helper()
		res := g.saml.SignIn(client, g.leave(client, u.Email), u)
		if res.StatusCode != http.StatusFound {
			t.Fatalf("sign in = %d", res.StatusCode)
		}
		return cookieOf(res, "fe_refresh_")
	}
	lives := func(client *http.Client) bool {
		t.Helper()
		status, _ := g.post(client, "/identity/resources/auth/v1/user/token/refresh", "{}")
		return status == 201
	}
	t.Run("SAML-60 SLO LogoutResponse empty", func(t *testing.T) {
		for _, body := range []string{"", "<!-- x -->", "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>"} {
			res := g.knock(g.client, "POST", slo, url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(body))}}, g.saml.URL())
			if !out(res) {
				t.Errorf("%q by form = %d", body, res.StatusCode)
			}
			if res = g.knock(g.client, "GET", slo+"?SAMLResponse="+url.QueryEscape(body), nil, ""); !out(res) {
				t.Errorf("%q by query = %d", body, res.StatusCode)
			}
		}
	})
	t.Run("SAML-61 SLO LogoutRequest", func(t *testing.T) {
		u := ada
		u.Session = "one"
		here, other, bob := g.browser(), g.browser(), g.browser()
		login(here, u)
		second := ada
		second.Session = "two"
		login(other, second)
		login(bob, ssotest.Person("bob@acme.com"))
		wish := ssotest.Logout{Subject: ada.Subject, Sessions: []string{"one"}}
		bad := map[string]ssotest.Message{}
		add := func(name string, change func(*ssotest.Logout)) {
			l := wish
			change(&l)
			for _, form := range []bool{false, true} {
				l.Form = form
				bad[fmt.Sprint(name, form)] = g.saml.Logout(l)
			}
		}
		add("unsigned", func(l *ssotest.Logout) { l.Unsigned = true })
		add("another key", func(l *ssotest.Logout) { l.By = ssotest.NewSAML(t) })
		add("old", func(l *ssotest.Logout) { l.NotOnOrAfter = time.Unix(1e9, 0) })
		add("another issuer", func(l *ssotest.Logout) { l.Issuer = "https://other.example" })
		add("another address", func(l *ssotest.Logout) { l.Destination = "https://app.example/auth/saml/slo/" + g.ids["globex"] })
		for name, m := range bad {
			if res := m.Send(t, g.browser()); !out(res) {
				t.Errorf("%s = %d", name, res.StatusCode)
			}
		}
		wrapped := g.saml.Logout(wish)
		wrapped.URL += "&SAMLRequest=x"
		if res := wrapped.Send(t, g.browser()); !out(res) {
			t.Errorf("two messages = %d", res.StatusCode)
		}
		if !lives(here) || !lives(other) || !lives(bob) {
			t.Fatal("a sign-out that nobody signed ended a session")
		}
		good := g.saml.Logout(wish)
		if res := good.Send(t, g.browser()); res.StatusCode != http.StatusFound || !strings.HasPrefix(res.Header.Get("Location"), g.saml.LogoutURL()) {
			t.Errorf("a good one = %d to %q", res.StatusCode, res.Header.Get("Location"))
		}
		if lives(here) || !lives(other) || !lives(bob) {
			t.Error("it ended other sessions than the one that it names")
		}
		if res := good.Send(t, g.browser()); !out(res) {
			t.Errorf("the second time = %d", res.StatusCode)
		}
		all := g.saml.Logout(ssotest.Logout{Subject: ada.Subject, Form: true})
		if res := all.Send(t, g.browser()); res.StatusCode != http.StatusFound {
			t.Errorf("by form = %d", res.StatusCode)
		}
		if lives(other) || !lives(bob) {
			t.Error("one for all of a person's sessions ended others")
		}
	})
	t.Run("SAML-62 SLO DoS", func(t *testing.T) {
		client := g.browser()
		login(client, ada)
		for range 200 {
			m := g.saml.Logout(ssotest.Logout{Subject: ada.Subject, Unsigned: true})
			if res := m.Send(t, g.browser()); !out(res) {
				t.Fatalf("unsigned = %d", res.StatusCode)
			}
		}
		if !lives(client) {
			t.Error("the session is gone")
		}
		limited := g.limited(t)
		for range 1000 {
			if res := ask(t, limited, "POST", slo, "SAMLRequest=x", "Content-Type: application/x-www-form-urlencoded"); res.Code == http.StatusTooManyRequests {
				return
			}
		}
		t.Error("nobody stops whoever asks a thousand times")
	})
	t.Run("SES-03 logout at both", func(t *testing.T) {
		client := g.browser()
		login(client, ada)
		status, body := g.post(client, "/identity/resources/auth/v1/logout", "{}")
		address, _ := body["address"].(string)
		if status != 201 || !strings.HasPrefix(address, g.saml.LogoutURL()) {
			t.Fatalf("logout = %d %v, want the provider's address", status, body)
		}
		if lives(client) {
			t.Error("the session here is alive before the provider has answered")
		}
		res := g.saml.SignOut(client, address)
		if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/" {
			t.Errorf("back from the provider = %d to %q", res.StatusCode, res.Header.Get("Location"))
		}
		asked := g.saml.Logouts()
		if len(asked) != 1 || asked[0].Subject != ada.Subject || asked[0].Unsigned {
			t.Errorf("the provider was asked %+v", asked)
		}
		if status, body = g.post(client, "/identity/resources/auth/v1/logout", "{}"); status != 201 || body["address"] != nil {
			t.Errorf("the second time = %d %v", status, body)
		}
	})
}

// limited is the API with the limits that it has unless told otherwise.
func (g gatehouse) limited(t *testing.T) http.Handler {
	t.Helper()
	guard, err := middleware.New(middleware.Config{
		Resolve: func(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			return nil, middleware.Renewal{}, nil
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Limiter: middleware.NewLimiter(time.Now, middleware.Rates()),
	})
	if err != nil {
		t.Fatal(err)
	}
	api, err := handlers.New(handlers.Config{
		Services: g.svc, Guard: guard, Log: slog.New(slog.DiscardHandler), Now: time.Now, BaseURL: "https://app.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestAttackSSOBackChannel(t *testing.T) {
	t.Parallel()
	t.Run("OIDC-36 back-channel logout", func(t *testing.T) {
		t.Parallel()
		g := newGatehouse(t)
		bob, cat := ssotest.Person("bob@globex.com"), ssotest.Person("cat@globex.com")
		bob.Session = "s1"
		path := "/oauth/account/oidc/logout/" + g.ids["globex"]
		in := func(u ssotest.User) *http.Client {
			client := g.browser()
			g.Helper()
			if res := g.oidc.SignIn(client, g.leave(client, u.Email), u); res.StatusCode != http.StatusFound {
				t.Fatalf("sign in = %d", res.StatusCode)
			}
			return client
		}
		lives := func(client *http.Client) bool {
			status, _ := g.post(client, "/identity/resources/auth/v1/user/token/refresh", "{}")
			return status == 201
		}
		send := func(path, token string) *http.Response {
			res := g.knock(g.browser(), "POST", path, url.Values{"logout_token": {token}}, "")
			if res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control = %q", res.Header.Get("Cache-Control"))
			}
			return res
		}
		one, two := in(bob), in(cat)
		for name, change := range map[string]func(map[string]any){
			"nonce":     func(c map[string]any) { c["nonce"] = "x" },
			"no events": func(c map[string]any) { delete(c, "events") },
			"old":       func(c map[string]any) { c["iat"] = 1 },
			"audience":  func(c map[string]any) { c["aud"] = "other" },
			"no jti":    func(c map[string]any) { delete(c, "jti") },
			"nobody":    func(c map[string]any) { delete(c, "sub"); delete(c, "sid") },
		} {
			if res := send(path, g.oidc.LogoutToken(bob.Subject, "s1", change)); res.StatusCode != 400 {
				t.Errorf("%s = %d, want 400", name, res.StatusCode)
			}
		}
		if res := send(path, ""); res.StatusCode != 400 {
			t.Errorf("no token = %d", res.StatusCode)
		}
		if res := send("/oauth/account/oidc/logout/"+g.ids["acme"], g.oidc.LogoutToken(bob.Subject, "")); res.StatusCode != 400 {
			t.Errorf("another connection = %d", res.StatusCode)
		}
		if !lives(one) || !lives(two) {
			t.Fatal("a token that is not right ended a session")
		}
		token := g.oidc.LogoutToken("", "s1")
		if res := send(path, token); res.StatusCode != 200 {
			t.Errorf("a good one = %d", res.StatusCode)
		}
		if lives(one) || !lives(two) {
			t.Error("it did not end the one session that it names")
		}
		if res := send(path, token); res.StatusCode != 400 {
			t.Errorf("the second time = %d", res.StatusCode)
		}
		if res := send(path, g.oidc.LogoutToken(cat.Subject, "")); res.StatusCode != 200 || lives(two) {
			t.Errorf("a person's sessions = %d", res.StatusCode)
		}
	})
}
