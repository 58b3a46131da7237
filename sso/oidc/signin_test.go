package oidc_test

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.claims = with(object{"auth_time": f.now.Unix() - 5, "acr": "2", "amr": []string{"pwd", "otp"}, "sid": "s1", "department": "R&D", "level": 3})
	got, err := f.signIn(f.party(), f.provider(), request())
	if err != nil {
		t.Fatalf("sign in: %v (%s)", err, sso.Diagnosis(err))
	}
	if got.Hint == "" {
		t.Error("no hint for a sign-out")
	}
	got.Hint = ""
	want := sso.Assertion{
		Connection: "c1", Subject: "alice", Email: "alice@example.test", EmailVerified: true, Name: "Alice", Groups: []string{"eng"},
		Attributes: map[string][]string{
			"email": {"alice@example.test"}, "email_verified": {"true"}, "name": {"Alice"}, "department": {"R&D"}, "level": {"3"},
		},
		AuthTime: f.now.Add(-5 * time.Second), ACR: "2", AMR: []string{"pwd", "otp"}, SessionIndex: "s1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestBegin(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	r := request()
	r.LoginHint, r.Prompt, r.MaxAge = "alice@example.test", "login", time.Minute
	address, err := f.party().Begin(t.Context(), f.provider(), r)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": client, "redirect_uri": redirect, "scope": "openid email profile", "state": r.State,
		"nonce": r.Nonce, "code_challenge_method": "S256", "login_hint": r.LoginHint, "prompt": "login", "max_age": "60",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if u.Query().Has("code_verifier") || len(r.Verifier) < 43 {
		t.Errorf("verifier %q: it stays here, and has 43 characters at least", r.Verifier)
	}
	if _, err := f.party().Begin(t.Context(), f.provider(), oidc.Request{RedirectURI: redirect}); err == nil {
		t.Error("a request without secrets began")
	}
}

func TestNoPKCE(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	pr, r := f.provider(), request()
	pr.NoPKCE = true
	f.redeemed = func(r *http.Request, _, _ string) {
		if r.PostFormValue("code_verifier") != "" {
			t.Error("a verifier went out")
		}
	}
	address, err := f.party().Begin(t.Context(), pr, r)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(address); err != nil || u.Query().Has("code_challenge") || u.Query().Get("nonce") != r.Nonce {
		t.Errorf("%s, %v; want a nonce alone", address, err)
	}
	if _, err := f.party().Finish(t.Context(), pr, r, f.authorize(address)); err == nil {
		t.Error("a fake that wants a verifier was content without")
	}
}

func TestVerifiedClaim(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	pr := f.provider()
	pr.VerifiedClaim, pr.TextVerified = "owned", true
	for _, tt := range []struct {
		name         string
		id, userinfo object
		want         bool
	}{
		{"text", object{"email": "a@x.test", "owned": "1"}, nil, true},
		{"boolean", object{"email": "a@x.test", "owned": true}, nil, true},
		{"the usual claim", object{"email": "a@x.test", "email_verified": true}, nil, false},
		{"of another address", object{"owned": true}, nil, false},
		{"of that address", nil, object{"owned": true}, true},
	} {
		f.claims, f.userinfo = with(tt.id), with(tt.userinfo)
		got, err := f.signIn(f.party(), pr, request())
		if err != nil || got.EmailVerified != tt.want {
			t.Errorf("%s: verified %v, %v; want %v", tt.name, got.EmailVerified, err, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	if err := f.party().Check(t.Context(), f.provider()); err != nil {
		t.Errorf("Check = %v (%s)", err, sso.Diagnosis(err))
	}
	for name, bend := range map[string]func(*oidc.Provider){
		"no issuer":     func(pr *oidc.Provider) { pr.Issuer = "" },
		"query":         func(pr *oidc.Provider) { pr.Issuer += "?a=b" },
		"no client":     func(pr *oidc.Provider) { pr.ClientID = "" },
		"no secret":     func(pr *oidc.Provider) { pr.ClientSecret = "" },
		"no auth style": func(pr *oidc.Provider) { pr.Auth = "" },
		"HMAC":          func(pr *oidc.Provider) { pr.Algorithms = []string{"HS256"} },
		"none":          func(pr *oidc.Provider) { pr.Algorithms = []string{"none"} },
	} {
		pr := f.provider()
		bend(&pr)
		if err := f.party().Check(t.Context(), pr); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("%s: Check = %v, want invalid", name, err)
		}
	}
	pr := f.provider()
	pr.Algorithms = []string{"RS256"}
	if err := f.party().Check(t.Context(), pr); sso.Diagnosis(err) == "" {
		t.Errorf("without a key for RS256: Check = %v, want a diagnosis", err)
	}
	if _, err := oidc.New(oidc.Options{}); err == nil {
		t.Error("New without a client and a clock made a Party")
	}
}

func TestUserinfo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		id, userinfo   object
		email          string
		verified, asks bool
	}{
		{"all in the token", object{"email": "a@x.test", "email_verified": true, "name": "A"}, nil, "a@x.test", true, false},
		{"all in userinfo", nil, nil, "alice@example.test", true, true},
		{"the token's address keeps its own word", object{"email": "a@x.test"}, nil, "a@x.test", false, true},
		{"userinfo's address keeps its own word", object{"email_verified": true}, object{"email_verified": nil}, "alice@example.test", false, true},
		{"no address at all", nil, object{"email": nil, "email_verified": nil}, "", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.claims, f.userinfo = with(tt.id), with(tt.userinfo)
			got, err := f.signIn(f.party(), f.provider(), request())
			if err != nil {
				t.Fatal(sso.Diagnosis(err))
			}
			if got.Email != tt.email || got.EmailVerified != tt.verified || (f.hits("/userinfo") > 0) != tt.asks {
				t.Errorf("got %q, verified %v, asked %d times; want %q, %v, %v", got.Email, got.EmailVerified, f.hits("/userinfo"), tt.email, tt.verified, tt.asks)
			}
		})
	}
}

func TestAuthStyles(t *testing.T) {
	t.Parallel()
	for _, style := range []oidc.AuthStyle{oidc.Basic, oidc.Post, oidc.None} {
		t.Run("OIDC-34 "+string(style), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			pr := f.provider()
			pr.Auth = style
			if style == oidc.None {
				pr.ClientSecret = ""
			}
			f.redeemed = func(r *http.Request, user, pass string) {
				wantUser, wantPass, wantForm := "", "", ""
				switch style {
				case oidc.Basic:
					wantUser, wantPass = client, url.QueryEscape(secret)
				case oidc.Post:
					wantForm = secret
				}
				if user != wantUser || pass != wantPass || r.PostFormValue("client_secret") != wantForm {
					t.Errorf("sent %q:%q and %q", user, pass, r.PostFormValue("client_secret"))
				}
			}
			if _, err := f.signIn(f.party(), pr, request()); err != nil {
				t.Error(sso.Diagnosis(err))
			}
			if got := f.hits("/token"); got != 1 {
				t.Errorf("%d token requests, want 1", got)
			}
			// A refusal is not tried again in another style.
			f.serve["/token"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
			if _, err := f.signIn(f.party(), pr, request()); err == nil || f.hits("/token") != 2 {
				t.Errorf("%d token requests and %v after a refusal, want 2 and an error", f.hits("/token"), err)
			}
		})
	}
}

// TestAnnouncedAuth asks the provider what it takes: basic where it says nothing.
func TestAnnouncedAuth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		says any
		form bool
	}{
		{"nothing", nil, false},
		{"both", []string{"client_secret_post", "client_secret_basic"}, false},
		{"post alone", []string{"client_secret_post", "private_key_jwt"}, true},
		{"neither", []string{"private_key_jwt"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.document = with(object{"token_endpoint_auth_methods_supported": tt.says})
			f.redeemed = func(r *http.Request, _, pass string) {
				if (r.PostFormValue("client_secret") == secret) != tt.form || (pass != "") == tt.form {
					t.Errorf("sent %q and %q", pass, r.PostFormValue("client_secret"))
				}
			}
			pr := f.provider()
			pr.Auth = oidc.Announced
			if _, err := f.signIn(f.party(), pr, request()); err != nil {
				t.Error(sso.Diagnosis(err))
			}
		})
	}
}

func TestLogoutURL(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	got, err := f.party().LogoutURL(t.Context(), f.provider(), oidc.LogoutRequest{Hint: "h", ReturnURI: "https://app.example/", State: "s"})
	if want := f.issuer() + "/end?client_id=rp&id_token_hint=h&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F&state=s"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	f.document = with(object{"end_session_endpoint": nil})
	if got, err := f.party().LogoutURL(t.Context(), f.provider(), oidc.LogoutRequest{}); err != nil || got != "" {
		t.Errorf("without an endpoint: %q, %v; want nothing", got, err)
	}
}
