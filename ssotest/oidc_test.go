package ssotest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/ssotest"
)

const callback = "https://app.example/callback"

func provider(p *ssotest.OIDC) oidc.Provider {
	return oidc.Provider{Connection: "1", Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret(), Auth: oidc.Basic}
}

func flow() oidc.Request { return oidc.Request{Flow: oidc.NewFlow(), RedirectURI: callback} }

// direct signs u in without a browser.
func direct(t *testing.T, p *ssotest.OIDC, at *oidc.Party, bend func(url.Values), change ...func(map[string]any)) (sso.Assertion, error) {
	t.Helper()
	q := flow()
	address, err := at.Begin(t.Context(), provider(p), q)
	if err != nil {
		t.Fatal(sso.Diagnosis(err))
	}
	back := p.Authorize(address, ada(), change...)
	bend(back)
	return at.Finish(t.Context(), provider(p), q, back)
}

func honest(url.Values) {}

// TestAuthorizeRefused says what no honest provider says, and wants it refused with a sentence.
func TestAuthorizeRefused(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	at := party(t)
	for name, tt := range map[string]struct {
		want   string
		change func(map[string]any)
		bend   func(url.Values)
	}{
		"issuer":      {"issuer", func(c map[string]any) { c["iss"] = "https://other.example" }, honest},
		"audience":    {"audience", func(c map[string]any) { c["aud"] = "other" }, honest},
		"party":       {"azp", func(c map[string]any) { c["azp"] = "other" }, honest},
		"nonce":       {"nonce", func(c map[string]any) { c["nonce"] = "other" }, honest},
		"expired":     {"expiry", func(c map[string]any) { c["exp"] = noon().Add(-time.Hour).Unix() }, honest},
		"future":      {"future", func(c map[string]any) { c["iat"] = noon().Add(time.Hour).Unix() }, honest},
		"subject":     {"no subject", func(c map[string]any) { delete(c, "sub") }, honest},
		"token":       {"at_hash", func(c map[string]any) { c["at_hash"] = "other" }, honest},
		"state":       {"state", func(map[string]any) {}, func(v url.Values) { v.Set("state", "other") }},
		"answered by": {"issuer (iss)", func(map[string]any) {}, func(v url.Values) { v.Set("iss", "https://other.example") }},
		"unnamed":     {"does not name", func(map[string]any) {}, func(v url.Values) { v.Del("iss") }},
		"code":        {"invalid_grant", func(map[string]any) {}, func(v url.Values) { v.Set("code", "other") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := direct(t, p.In(t), at, tt.bend, tt.change)
			if got := sso.Diagnosis(err); !strings.Contains(got, tt.want) {
				t.Errorf("%v: %q, want %q", err, got, tt.want)
			}
		})
	}
}

// TestRefuse brings the provider's no to the application, over a browser and without.
func TestRefuse(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	a := newOIDCApp(t, p, func(*oidc.Provider) {})
	res := p.Refuse(client(t), a.URL+"/login", "access_denied")
	if text := body(t, res); res.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "access_denied") {
		t.Errorf("the application says %d: %s", res.StatusCode, text)
	}
	at, q := party(t), flow()
	address, err := at.Begin(t.Context(), provider(p), q)
	if err != nil {
		t.Fatal(err)
	}
	_, err = at.Finish(t.Context(), provider(p), q, p.Deny(address, "login_required"))
	if !strings.Contains(sso.Diagnosis(err), "login_required") {
		t.Errorf("%v: %s", err, sso.Diagnosis(err))
	}
}

func TestOIDCRotation(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	at := party(t)
	for _, step := range []func(){func() {}, p.Announce, p.Rotate, p.Retire} {
		step()
		if _, err := direct(t, p, at, honest); err != nil {
			t.Error(sso.Diagnosis(err))
		}
	}
	if err := at.Check(t.Context(), provider(p)); err != nil {
		t.Error(sso.Diagnosis(err))
	}
	p.Stop()
	if err := at.Check(t.Context(), provider(p)); !strings.Contains(sso.Diagnosis(err), "cannot be had") {
		t.Errorf("the provider is away: %v: %s", err, sso.Diagnosis(err))
	}
}

func TestLogoutToken(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	at := party(t)
	got, err := at.LogoutToken(t.Context(), provider(p), p.LogoutToken("ada", "s1"))
	if err != nil || got.Subject != "ada" || got.SessionIndex != "s1" || got.ID == "" {
		t.Errorf("%+v, %s", got, sso.Diagnosis(err))
	}
	for want, change := range map[string]func(map[string]any){
		"neither":   func(c map[string]any) { delete(c, "sub"); delete(c, "sid") },
		"nonce":     func(c map[string]any) { c["nonce"] = "x" },
		"no logout": func(c map[string]any) { c["events"] = map[string]any{"other": map[string]any{}} },
		"too old":   func(c map[string]any) { c["iat"] = noon().Add(-time.Hour).Unix() },
		"no id":     func(c map[string]any) { delete(c, "jti") },
	} {
		_, err := at.LogoutToken(t.Context(), provider(p), p.LogoutToken("ada", "s1", change))
		if got := sso.Diagnosis(err); got == "" {
			t.Errorf("a token with %q is taken: %v", want, err)
		}
	}
}

// TestSignOut brings a browser to the provider to sign out, and back.
func TestSignOut(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	at := party(t)
	in, err := direct(t, p, at, honest)
	if err != nil {
		t.Fatal(err)
	}
	p.Rotate() // a hint stays one, however old its key
	for _, q := range []oidc.LogoutRequest{
		{Hint: in.Hint, ReturnURI: "https://app.example/bye", State: "x"}, {ReturnURI: "https://app.example/bye"}, {},
	} {
		address, err := at.LogoutURL(t.Context(), provider(p), q)
		if err != nil {
			t.Fatal(err)
		}
		want := q.ReturnURI
		if q.State != "" {
			want += "?state=" + q.State
		}
		if got := (ssotest.Message{URL: address}).Send(t, http.DefaultClient).Header.Get("Location"); got != want {
			t.Errorf("the provider sends the browser to %q, want %q", got, want)
		}
	}
	all := p.SignOuts()
	if len(all) != 3 || all[0].Subject != in.Subject || all[0].Session != in.SessionIndex || all[0].State != "x" || all[1].Subject != "" {
		t.Errorf("the provider noted %+v", all)
	}
	for _, bad := range []string{"?id_token_hint=x", "", "?client_id=other", "?id_token_hint=" + ssotest.NewOIDC(t).LogoutToken("a", "b")} {
		if res := (ssotest.Message{URL: p.Issuer() + "/logout" + bad}).Send(t, http.DefaultClient); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: the provider says %d", bad, res.StatusCode)
		}
	}
}

// TestOIDCStrict sends what the provider itself refuses.
func TestOIDCStrict(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon, RedirectURIs: []string{callback}})
	p.Everyone(ada())
	good := url.Values{
		"client_id": {p.ClientID()}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {"c"}, "code_challenge_method": {"S256"},
	}
	asked := func(name, value string) int {
		q := maps.Clone(good)
		q.Set(name, value)
		return (ssotest.Message{URL: p.Issuer() + "/authorize?" + q.Encode()}).Send(t, http.DefaultClient).StatusCode
	}
	if got := asked("state", "other"); got != http.StatusFound {
		t.Errorf("an honest request: %d, want 302", got)
	}
	for name, values := range map[string][]string{
		"client_id": {"", "other"}, "redirect_uri": {"", "/callback", "https://evil.example/", callback + "#x"}, "response_type": {"", "token"},
		"scope": {"", "email"}, "state": {""}, "nonce": {""}, "code_challenge": {""}, "code_challenge_method": {"", "plain"},
	} {
		for _, value := range values {
			if got := asked(name, value); got != http.StatusBadRequest {
				t.Errorf("%s=%q: %d, want 400", name, value, got)
			}
		}
	}
	if got := asked("response_mode", "form_post"); got != http.StatusOK {
		t.Errorf("an answer by form: %d, want 200", got)
	}
}

// TestToken tries codes and secrets.
func TestToken(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	at, q := party(t), flow()
	fresh := func() url.Values {
		address, err := at.Begin(t.Context(), provider(p), q)
		if err != nil {
			t.Fatal(err)
		}
		return url.Values{
			"grant_type": {"authorization_code"}, "code": {p.Authorize(address, ada()).Get("code")}, "redirect_uri": {callback},
			"code_verifier": {q.Verifier}, "client_id": {p.ClientID()}, "client_secret": {p.ClientSecret()},
		}
	}
	redeem := func(form url.Values) string { return post(t, p.Issuer()+"/token", form) }
	once := fresh()
	if got := redeem(once); !strings.Contains(got, "id_token") {
		t.Errorf("an honest request: %s", got)
	}
	if got := redeem(once); !strings.Contains(got, "invalid_grant") {
		t.Errorf("the same code again: %s", got)
	}
	for name, want := range map[string]string{
		"code": "invalid_grant", "redirect_uri": "invalid_grant", "code_verifier": "invalid_grant", "grant_type": "invalid_grant",
		"client_id": "invalid_client", "client_secret": "invalid_client",
	} {
		form := fresh()
		form.Set(name, "other")
		if got := redeem(form); !strings.Contains(got, want) {
			t.Errorf("another %s: %s, want %s", name, got, want)
		}
	}
}

// post returns the answer to a form that a server sends.
func post(t *testing.T, address string, form url.Values) string {
	t.Helper()
	res, err := http.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !json.Valid(text) {
		t.Fatalf("%s, %v", text, err)
	}
	return string(text)
}

// TestDiscovery leaves out what some providers do not have, and speaks TLS.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{
		Now: noon, TLS: true, Public: true, Discovery: func(d map[string]any) { delete(d, "end_session_endpoint") },
	})
	secure := &http.Client{Transport: tlsTransport(p.RootCAs())}
	at, err := oidc.New(oidc.Options{HTTP: secure, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.Issuer(), "https://") {
		t.Errorf("the issuer is %s", p.Issuer())
	}
	pr := provider(p)
	pr.Auth, pr.ClientSecret = oidc.None, ""
	q := flow()
	address, err := at.Begin(t.Context(), pr, q)
	if err != nil {
		t.Fatal(sso.Diagnosis(err))
	}
	if _, err := at.Finish(t.Context(), pr, q, p.Authorize(address, ada())); err != nil {
		t.Error(sso.Diagnosis(err))
	}
	if out, err := at.LogoutURL(t.Context(), pr, oidc.LogoutRequest{}); err != nil || out != "" {
		t.Errorf("a browser that signs out goes to %q, %v", out, err)
	}
}

// TestPlain signs in where there are no ID tokens.
func TestPlain(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon, Plain: true})
	pr := social.Provider{
		Type: "acme", Authorization: p.Issuer() + "/authorize", Token: p.Issuer() + "/token", Userinfo: p.Issuer() + "/userinfo", Auth: oidc.Post,
		Profile: social.Profile{Subject: "sub", Email: "email", Name: "name"},
	}
	at, err := social.New(oidc.Options{HTTP: http.DefaultClient, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	for _, pr.NoPKCE = range []bool{false, true} {
		q, c := flow(), social.Client{ID: p.ClientID(), Secret: p.ClientSecret()}
		address, err := at.Begin(t.Context(), pr, c, q)
		if err != nil {
			t.Fatal(err)
		}
		back := p.Authorize(address, ada(), func(claims map[string]any) { claims["name"] = "Countess" })
		if got, err := at.Finish(t.Context(), pr, c, q, back); err != nil || got.Subject != "account-of-ada" || got.Name != "Countess" {
			t.Errorf("without a challenge %v: %+v, %s", pr.NoPKCE, got, sso.Diagnosis(err))
		}
	}
}
