package social_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
)

// refused wants err to be the one error that a caller sees, with a diagnosis that holds part,
// and nothing that a provider answered or that is ours to keep.
func refused(t *testing.T, f *fake, err error, part string) {
	t.Helper()
	if err == nil {
		t.Error("accepted")
		return
	}
	if got, want := fault.From(err).Error(), sso.Refuse("", nil).Error(); got != want {
		t.Errorf("a caller sees %q (%v), want %q", got, err, want)
	}
	d := sso.Diagnosis(err)
	if d == "" || !strings.Contains(d, part) {
		t.Errorf("diagnosis %q, want it to tell of %q", d, part)
	}
	var r *sso.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("%v is no refusal", err)
	}
	for _, secret := range []string{"SECRET", "our secret", "access", "PRIVATE"} {
		if strings.Contains(r.Error(), secret) && secret != "access" || strings.Contains(r.Error(), f.client.Secret) {
			t.Errorf("the log would hold %q: %s", secret, r.Error())
		}
	}
}

// kinds are one provider of each way.
func kinds() []string { return []string{"github", "google", "apple", "linkedin"} }

func TestAttackAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		bend  func(url.Values)
		parts string
	}{
		{"OIDC-01 state missing", func(a url.Values) { a.Del("state") }, "state"},
		{"OIDC-01 state of another sign-in", func(a url.Values) { a.Set("state", oidc.NewFlow().State) }, "state"},
		{"OIDC-01 state twice", func(a url.Values) { a.Add("state", a.Get("state")) }, "twice"},
		{"OIDC-01 state of 1 MB", func(a url.Values) { a.Set("state", strings.Repeat("x", 1<<20)) }, "overlong"},
		{"OIDC-31 denied", func(a url.Values) {
			a.Set("error", "access_denied")
			a.Set("error_description", "<script>SECRET</script>")
		}, "access_denied"},
		{"OIDC-31 an error that is no word", func(a url.Values) { a.Set("error", "<script>SECRET") }, "an error"},
		{"OIDC-31 an error without state", func(a url.Values) {
			a.Del("state")
			a.Set("error", "access_denied")
		}, "state"},
		{"OIDC-32 a token in the browser", func(a url.Values) { a.Set("access_token", "SECRET") }, "only codes"},
		{"OIDC-32 no code", func(a url.Values) { a.Del("code") }, "no code"},
	} {
		for _, kind := range kinds() {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, kind)
				p, r := f.party(), request()
				answer := f.authorize(f.begin(p, r))
				tt.bend(answer)
				_, err := p.Finish(t.Context(), f.at, f.client, r, answer)
				refused(t, f, err, tt.parts)
				if n := f.hits(f.tokenPath()); n != 0 {
					t.Errorf("%d token requests for an answer that is refused, want none", n)
				}
			})
		}
	}
}

func TestAttackCode(t *testing.T) {
	t.Parallel()
	f := newFake(t, "github")
	f.says = object{"id": 1}
	p := f.party()
	t.Run("OIDC-03 another verifier", func(t *testing.T) {
		r := request()
		answer := f.authorize(f.begin(p, r))
		r.Verifier = oidc.NewFlow().Verifier
		_, err := p.Finish(t.Context(), f.at, f.client, r, answer)
		refused(t, f, err, "invalid_grant")
	})
	t.Run("OIDC-04 replay", func(t *testing.T) {
		r := request()
		answer := f.authorize(f.begin(p, r))
		if _, err := p.Finish(t.Context(), f.at, f.client, r, answer); err != nil {
			t.Fatal(sso.Diagnosis(err))
		}
		_, err := p.Finish(t.Context(), f.at, f.client, r, answer)
		refused(t, f, err, "invalid_grant")
	})
	t.Run("OIDC-04 the attacker's code under the victim's state", func(t *testing.T) {
		attackers := f.authorize(f.begin(p, request()))
		r := request()
		answer := f.authorize(f.begin(p, r))
		answer.Set("code", attackers.Get("code"))
		_, err := p.Finish(t.Context(), f.at, f.client, r, answer)
		refused(t, f, err, "invalid_grant")
	})
	t.Run("OIDC-04 where there is no PKCE, the nonce", func(t *testing.T) {
		f := newFake(t, "slack")
		f.says = object{"sub": "s", "nonce": oidc.NewFlow().Nonce}
		_, err := f.signIn()
		refused(t, f, err, "nonce")
	})
	t.Run("another redirect URI", func(t *testing.T) {
		r := request()
		answer := f.authorize(f.begin(p, r))
		r.RedirectURI += "/"
		_, err := p.Finish(t.Context(), f.at, f.client, r, answer)
		refused(t, f, err, "invalid_grant")
	})
}

func TestAttackTokenEndpoint(t *testing.T) {
	t.Parallel()
	text := func(kind, body string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"OIDC-33 302": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"OIDC-33 307": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"OIDC-33 500":             text("text/plain", "SECRET", 500),
		"OIDC-33 HTML":            text("text/html", "<html>SECRET</html>", 200),
		"OIDC-33 10 MB":           text("application/json", `{"a":"`+strings.Repeat("x", 10<<20), 200),
		"OIDC-33 an error in 200": text("application/json", `{"error":"bad_verification_code","error_description":"SECRET"}`, 200),
		"OIDC-33 not ok in 200":   text("application/json", `{"ok":false,"error":"invalid_code"}`, 200),
		"OIDC-33 type mac":        text("application/json", `{"access_token":"a","token_type":"mac"}`, 200),
		"OIDC-33 no type":         text("application/x-www-form-urlencoded", `access_token=a&scope=user`, 200),
		"OIDC-33 nothing":         text("application/json", ``, 200),
		"OIDC-33 an empty token":  text("application/json", `{"access_token":"","token_type":"bearer"}`, 200),
	} {
		for _, kind := range kinds() {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, kind)
				f.says = object{"sub": "s", "id": "s"}
				f.serve[f.tokenPath()] = h
				_, err := f.signIn()
				refused(t, f, err, "token endpoint")
				if f.hits("/elsewhere") != 0 || f.hits(f.tokenPath()) != 1 {
					t.Errorf("asked %v: OIDC-34 a secret goes out once, and nowhere else", f.asked)
				}
			})
		}
	}
	for _, kind := range []string{"bearer", "Bearer", "BEARER"} {
		f := newFake(t, "x")
		f.says = object{"id": "1"}
		f.token = func(o object) { o["token_type"] = kind }
		if _, err := f.signIn(); err != nil {
			t.Errorf("token type %s: %s", kind, sso.Diagnosis(err))
		}
	}
	t.Run("OIDC-33 a form, as some answer", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "github")
		f.says = object{"id": 1}
		f.serve[f.tokenPath()] = text("application/x-www-form-urlencoded", "access_token=access&token_type=bearer", 200)
		if got, err := f.signIn(); err != nil || got.Subject != "1" {
			t.Errorf("%+v, %s", got, sso.Diagnosis(err))
		}
	})
	t.Run("OIDC-33 silence", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "github")
		p, r := f.party(), request()
		answer := f.authorize(f.begin(p, r))
		ctx, cancel := context.WithCancel(t.Context())
		f.serve[f.tokenPath()] = func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm() // a server notices that its client left once it has read everything
			cancel()
			<-r.Context().Done()
		}
		_, err := p.Finish(ctx, f.at, f.client, r, answer)
		refused(t, f, err, "token endpoint")
	})
}

func TestAttackUserinfo(t *testing.T) {
	t.Parallel()
	text := func(kind, body string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"302":          func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"401":          text("application/json", `{"message":"SECRET"}`, 401),
		"HTML":         text("text/html", `{"id":1}`, 200),
		"a list":       text("application/json", `[{"id":1}]`, 200),
		"null":         text("application/json", `null`, 200),
		"an id twice":  text("application/json", `{"id":2,"id":1}`, 200),
		"more after":   text("application/json", `{"id":1}{"id":2}`, 200),
		"no UTF-8":     text("application/json", "{\"id\":1,\"name\":\"\xff\"}", 200),
		"10 MB":        text("application/json", `{"id":1,"a":"`+strings.Repeat("x", 10<<20)+`"}`, 200),
		"a deep one":   text("application/json", `{"id":1,"a":`+strings.Repeat("[", 500_000)+strings.Repeat("]", 500_000)+`}`, 200),
		"an id of NUL": text("application/json", `{"id":"a\u0000b"}`, 200),
		"no id":        text("application/json", `{"ID":1}`, 200),
	} {
		for _, kind := range []string{"github", "facebook"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, kind)
				f.serve[pathOf(f.at.Userinfo)] = h
				_, err := f.signIn()
				refused(t, f, err, "userinfo")
				if f.hits("/elsewhere") != 0 {
					t.Error("the token followed a redirect")
				}
			})
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"403":       text("application/json", `{"message":"SECRET"}`, 403),
		"an object": text("application/json", `{"email":"a@x.test","primary":true,"verified":true}`, 200),
		"null":      text("application/json", `null`, 200),
	} {
		t.Run("addresses "+name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "github")
			f.says = object{"id": 1}
			f.serve[pathOf(f.at.Emails)] = h
			_, err := f.signIn()
			refused(t, f, err, "addresses")
		})
	}
}

func TestAttackSubjects(t *testing.T) {
	t.Parallel()
	t.Run("OIDC-38 one subject at two providers", func(t *testing.T) {
		t.Parallel()
		seen := map[string]string{}
		for _, pr := range append(social.Providers(), custom(true)) {
			f := newFakeOf(t, pr)
			f.says = object{"sub": "1", "id": "1"}
			got, err := f.signIn()
			if err != nil {
				t.Fatalf("%s: %s", pr.Type, sso.Diagnosis(err))
			}
			if other, taken := seen[got.Connection+" "+got.Subject]; taken || got.Subject != "1" {
				t.Errorf("%s and %s: %q of %q", pr.Type, other, got.Subject, got.Connection)
			}
			seen[got.Connection+" "+got.Subject] = pr.Type
		}
	})
	t.Run("OIDC-19 another tenant's issuer", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "microsoft")
		f.says = object{"sub": "s", "tid": "99999999-2222-3333-4444-555555555555"}
		_, err := f.signIn()
		refused(t, f, err, "issuer")
	})
	t.Run("OIDC-10 a provider that is away", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "google")
		f.serve[pathOf(f.at.Issuer)+"/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "SECRET", http.StatusForbidden)
		}
		_, err := f.party().Begin(t.Context(), f.at, f.client, request())
		refused(t, f, err, "discovery")
	})
	t.Run("a key that is none", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "apple")
		p, r := f.party(), request()
		answer := f.authorize(f.begin(p, r))
		f.client.Secret = "hush hush"
		_, err := p.Finish(t.Context(), f.at, f.client, r, answer)
		refused(t, f, err, "key")
	})
}
