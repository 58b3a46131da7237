package oidc_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

// refusal wants err to be the one error that a caller sees, with a diagnosis that holds every part.
func refusal(t *testing.T, name string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", name)
		return
	}
	if got, want := fault.From(err).Error(), sso.Refuse("", nil).Error(); got != want {
		t.Errorf("%s: a caller sees %q (%v), want %q", name, got, err, want)
	}
	d := sso.Diagnosis(err)
	if d == "" || strings.Contains(d, "SECRET") {
		t.Errorf("%s: diagnosis %q", name, d)
	}
	for _, part := range parts {
		if !strings.Contains(d, part) {
			t.Errorf("%s: diagnosis %q, want it to tell of %s", name, d, part)
		}
	}
}

func TestAttackCallback(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		bend  func(answer url.Values, f *fake)
		parts string
	}{
		{"OIDC-01 state missing", func(a url.Values, _ *fake) { a.Del("state") }, "state"},
		{"OIDC-01 state empty", func(a url.Values, _ *fake) { a.Set("state", "") }, "state"},
		{"OIDC-01 state of another browser", func(a url.Values, _ *fake) { a.Set("state", oidc.NewFlow().State) }, "state"},
		{"OIDC-01 state of 1 MB", func(a url.Values, _ *fake) { a.Set("state", strings.Repeat("x", 1<<20)) }, "overlong"},
		{"OIDC-01 state twice", func(a url.Values, _ *fake) { a.Add("state", a.Get("state")) }, "twice"},
		{"OIDC-05 iss of another provider", func(a url.Values, _ *fake) { a.Set("iss", "https://other.example") }, "iss"},
		{"OIDC-05 iss empty", func(a url.Values, _ *fake) { a.Set("iss", "") }, "iss"},
		{"OIDC-05 iss missing though announced", func(_ url.Values, f *fake) {
			f.document = with(object{"authorization_response_iss_parameter_supported": true})
		}, "does not name its issuer"},
		{"OIDC-31 error", func(a url.Values, _ *fake) {
			a.Set("error", "access_denied")
			a.Set("error_description", "<script>SECRET</script>")
		}, "access_denied"},
		{"OIDC-31 error that is no word", func(a url.Values, _ *fake) { a.Set("error", "<script>SECRET") }, "an error"},
		{"OIDC-31 error without state", func(a url.Values, _ *fake) {
			a.Set("error", "access_denied")
			a.Del("state")
		}, "state"},
		{"OIDC-32 token in the browser", func(a url.Values, _ *fake) { a.Set("id_token", "x.y.z") }, "only codes"},
		{"OIDC-32 access token in the browser", func(a url.Values, _ *fake) { a.Set("access_token", "x") }, "only codes"},
		{"OIDC-32 nothing before the fragment", func(a url.Values, _ *fake) { a.Del("code") }, "no code"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			r := request()
			address, err := f.party().Begin(t.Context(), f.provider(), r)
			if err != nil {
				t.Fatal(err)
			}
			answer := f.authorize(address)
			tt.bend(answer, f)
			_, err = f.party().Finish(t.Context(), f.provider(), r, answer)
			refusal(t, tt.name, err, tt.parts)
			if got := f.hits("/token"); got != 0 {
				t.Errorf("%d token requests for an answer that is refused, want none", got)
			}
		})
	}
	t.Run("OIDC-05 iss of the right provider", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.document = with(object{"authorization_response_iss_parameter_supported": true})
		p, r := f.party(), request()
		address, err := p.Begin(t.Context(), f.provider(), r)
		if err != nil {
			t.Fatal(err)
		}
		answer := f.authorize(address)
		answer.Set("iss", f.issuer())
		if _, err := p.Finish(t.Context(), f.provider(), r, answer); err != nil {
			t.Error(sso.Diagnosis(err))
		}
	})
}

func TestAttackCode(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	p, pr := f.party(), f.provider()
	begin := func() (oidc.Request, url.Values) {
		r := request()
		address, err := p.Begin(t.Context(), pr, r)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(address, "code_challenge_method=S256") || strings.Contains(address, "plain") {
			t.Errorf("OIDC-03: %s, want S256", address)
		}
		return r, f.authorize(address)
	}
	t.Run("OIDC-03 another verifier", func(t *testing.T) {
		r, answer := begin()
		r.Verifier = oidc.NewFlow().Verifier
		_, err := p.Finish(t.Context(), pr, r, answer)
		refusal(t, "another verifier", err, "invalid_grant")
	})
	t.Run("OIDC-04 replay", func(t *testing.T) {
		r, answer := begin()
		if _, err := p.Finish(t.Context(), pr, r, answer); err != nil {
			t.Fatal(sso.Diagnosis(err))
		}
		_, err := p.Finish(t.Context(), pr, r, answer)
		refusal(t, "replay", err, "invalid_grant")
	})
	t.Run("OIDC-04 the attacker's code under the victim's state", func(t *testing.T) {
		_, attackers := begin()
		victim, answer := begin()
		answer.Set("code", attackers.Get("code"))
		_, err := p.Finish(t.Context(), pr, victim, answer)
		refusal(t, "PKCE", err, "invalid_grant")
	})
	t.Run("OIDC-04 where the provider ignores PKCE, the nonce", func(t *testing.T) {
		g := newFake(t)
		q := g.party()
		r := request()
		address, err := q.Begin(t.Context(), g.provider(), r)
		if err != nil {
			t.Fatal(err)
		}
		g.claims = with(object{"nonce": oidc.NewFlow().Nonce})
		_, err = q.Finish(t.Context(), g.provider(), r, g.authorize(address))
		refusal(t, "nonce", err, "nonce")
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
		"OIDC-33 500":                 text("text/plain", "SECRET", 500),
		"OIDC-33 403 with JSON":       text("application/json", `{"error":"<b>SECRET"}`, 403),
		"OIDC-33 HTML":                text("text/html", "<html>SECRET</html>", 200),
		"OIDC-33 10 MB":               text("application/json", `{"a":"`+strings.Repeat("x", 10<<20), 200),
		"OIDC-33 wrong type":          text("text/plain", `{"access_token":"a","token_type":"Bearer"}`, 200),
		"OIDC-33 token type mac":      text("application/json", `{"access_token":"a","token_type":"mac","id_token":"a.b.c"}`, 200),
		"OIDC-33 no ID token":         text("application/json", `{"access_token":"a","token_type":"Bearer"}`, 200),
		"OIDC-33 ID token is no text": text("application/json", `{"access_token":"a","token_type":"Bearer","id_token":{}}`, 200),
		"OIDC-33 nothing":             text("application/json", ``, 200),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.serve["/token"] = h
			_, err := f.signIn(f.party(), f.provider(), request())
			refusal(t, name, err)
			var r *sso.Refusal
			if errors.As(err, &r) && strings.Contains(r.Error(), "SECRET") {
				t.Errorf("the log would hold what the provider answered: %s", r.Error())
			}
			if got := f.hits("/elsewhere"); got != 0 {
				t.Error("the client's secret followed a redirect")
			}
		})
	}
	t.Run("OIDC-33 silence", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		p, r := f.party(), request()
		address, err := p.Begin(t.Context(), f.provider(), r)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		f.serve["/token"] = func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm() // a server notices that its client left once it has read everything
			cancel()
			<-r.Context().Done()
		}
		_, err = p.Finish(ctx, f.provider(), r, f.authorize(address))
		refusal(t, "silence", err, "token endpoint")
	})
}

func TestAttackUserinfo(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]object{
		"OIDC-24 another sub": {"sub": "bob"}, "OIDC-24 no sub": {"sub": nil}, "OIDC-24 sub is a number": {"sub": 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.userinfo = with(bend)
			_, err := f.signIn(f.party(), f.provider(), request())
			refusal(t, name, err, "sub")
		})
	}
	t.Run("OIDC-24 sub twice", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.serve["/userinfo"] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"sub":"bob","sub":"alice"}`))
		}
		_, err := f.signIn(f.party(), f.provider(), request())
		refusal(t, "sub twice", err, "userinfo")
	})
	for name, tt := range map[string]struct {
		value    any
		byOption bool // counts where text does
		want     bool
	}{
		"true": {true, true, true}, "false": {false, false, false}, "text true": {"true", true, false}, "text false": {"false", false, false},
		"1": {1, false, false}, "null": {nil, false, false}, "list": {[]bool{true}, false, false}, "TRUE": {"TRUE", false, false},
	} {
		t.Run("OIDC-25 "+name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.userinfo = func(o object) { o["email_verified"] = tt.value }
			for _, byOption := range []bool{false, true} {
				pr := f.provider()
				pr.TextVerified = byOption
				got, err := f.signIn(f.party(), pr, request())
				if err != nil {
					t.Fatal(sso.Diagnosis(err))
				}
				if want := tt.want || byOption && tt.byOption; got.EmailVerified != want {
					t.Errorf("%s, text counts %v: verified %v, want %v", name, byOption, got.EmailVerified, want)
				}
			}
		})
	}
	t.Run("OIDC-38 one subject at two connections", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		other := f.provider()
		other.Connection = "c2"
		a, err := f.signIn(f.party(), f.provider(), request())
		b, errB := f.signIn(f.party(), other, request())
		if err := errors.Join(err, errB); err != nil || a.Subject != b.Subject || a.Connection == b.Connection {
			t.Errorf("%q of %q and %q of %q, %v; want them told apart", a.Subject, a.Connection, b.Subject, b.Connection, err)
		}
	})
}

// base64url is what a hostile token is made of.
func base64url(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
