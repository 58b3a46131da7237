package oidc_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

func TestAttackDiscovery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		bend object
	}{
		{"OIDC-06 another host", object{"issuer": "https://other.example"}},
		{"OIDC-06 no issuer", object{"issuer": nil}},
		{"OIDC-19 a template", object{"issuer": "https://login.example/{tenantid}/v2.0"}},
		{"OIDC-07 jwks_uri inside", object{"jwks_uri": "http://169.254.169.254/latest"}},
		{"OIDC-07 token_endpoint is a file", object{"token_endpoint": "file:///etc/passwd"}},
		{"OIDC-07 userinfo_endpoint elsewhere", object{"userinfo_endpoint": "https://other.example/userinfo"}},
		{"OIDC-07 user name", object{"token_endpoint": "http://u@127.0.0.1/token"}},
		{"OIDC-07 authorization_endpoint is a script", object{"authorization_endpoint": "javascript:alert(1)"}},
		{"OIDC-07 end_session_endpoint elsewhere", object{"end_session_endpoint": "https://other.example/"}},
		{"OIDC-07 no jwks_uri", object{"jwks_uri": nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.document = with(tt.bend)
			_, err := f.party().Begin(t.Context(), f.provider(), request())
			refusal(t, tt.name, err)
			refusal(t, tt.name, f.party().Check(t.Context(), f.provider()))
		})
	}
	t.Run("OIDC-06 a final slash", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		pr := f.provider()
		pr.Issuer += "/"
		_, err := f.party().Begin(t.Context(), pr, request())
		refusal(t, "slash", err, "slash")
	})
	t.Run("OIDC-07 every endpoint is judged", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		for _, path := range []string{"/authorize", "/token", "/jwks", "/userinfo", "/end", "/.well-known/openid-configuration"} {
			p, err := oidc.New(oidc.Options{HTTP: f.server.Client(), Now: f.clock, CheckURL: func(a string) error {
				if strings.HasSuffix(a, path) {
					return errors.New("inside")
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Begin(t.Context(), f.provider(), request())
			refusal(t, path, err)
		}
	})
	t.Run("OIDC-08 a redirect", func(t *testing.T) {
		t.Parallel()
		f, other := newFake(t), newFake(t)
		f.serve["/.well-known/openid-configuration"] = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.issuer()+r.URL.Path, http.StatusFound)
		}
		_, err := f.party().Begin(t.Context(), f.provider(), request())
		refusal(t, "redirect", err)
		if got := other.hits("/.well-known/openid-configuration"); got != 0 {
			t.Error("the redirect was followed")
		}
	})
	t.Run("OIDC-10 what it answers stays there", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.serve["/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("SECRET"))
		}
		err := f.party().Check(t.Context(), f.provider())
		refusal(t, "echo", err)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "SECRET") {
				t.Errorf("%T holds the answer: %v", e, e)
			}
		}
	})
}

func TestAttackKeys(t *testing.T) {
	t.Parallel()
	t.Run("OIDC-15 no key id", func(t *testing.T) {
		t.Parallel()
		f, other := newFake(t), newFake(t)
		f.header = with(object{"kid": nil})
		if _, err := f.signIn(f.party(), f.provider(), request()); err != nil {
			t.Error(sso.Diagnosis(err))
		}
		f.jwks = with(object{"keys": []any{jwk(t, f.signer.Public(), "one", ""), jwk(t, other.signer.Public(), "two", "")}})
		_, err := f.signIn(f.party(), f.provider(), request())
		refusal(t, "two keys", err)
	})
	t.Run("OIDC-17 rotation", func(t *testing.T) {
		t.Parallel()
		f, next := newFake(t), newFake(t)
		p, pr := f.party(), f.provider()
		if _, err := f.signIn(p, pr, request()); err != nil {
			t.Fatal(sso.Diagnosis(err))
		}
		old := f.signer
		f.signer, f.kid = next.signer, "two"
		if _, err := f.signIn(p, pr, request()); err != nil || f.hits("/jwks") != 2 {
			t.Errorf("a new key: %v after %d requests, want it found by the second", sso.Diagnosis(err), f.hits("/jwks"))
		}
		f.raw = func(h, c object) string { h["kid"] = "one"; return signES(t, old, h, c) }
		_, err := f.signIn(p, pr, request())
		refusal(t, "withdrawn", err)
	})
	t.Run("OIDC-17 strangers' tokens cost few requests", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		p, pr := f.party(), f.provider()
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				token := signES(t, f.signer, object{"alg": "ES256", "kid": fmt.Sprint("made up ", i)}, object{"iss": f.issuer()})
				if _, err := p.LogoutToken(t.Context(), pr, token); err == nil {
					t.Error("accepted")
				}
			})
		}
		all.Wait()
		if got := f.hits("/jwks"); got > 2 {
			t.Errorf("%d requests for 50 made-up key ids, want at most 2", got)
		}
		f.pass(31 * time.Second)
		if _, err := f.signIn(p, pr, request()); err != nil {
			t.Error(sso.Diagnosis(err))
		}
	})
	t.Run("OIDC-17 an outage keeps what is known, for a day", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		p, pr := f.party(), f.provider()
		if _, err := f.signIn(p, pr, request()); err != nil {
			t.Fatal(sso.Diagnosis(err))
		}
		f.serve["/jwks"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		f.pass(time.Hour)
		if _, err := f.signIn(p, pr, request()); err != nil {
			t.Errorf("after an hour: %s", sso.Diagnosis(err))
		}
		f.pass(25 * time.Hour)
		_, err := f.signIn(p, pr, request())
		refusal(t, "after a day", err)
	})
	for name, bend := range map[string]func(*fake) object{
		"empty":   func(*fake) object { return object{"keys": []any{}} },
		"no keys": func(*fake) object { return object{"keys": nil} },
		"null":    func(*fake) object { return object{"keys": []any{nil}} },
		"10,000 keys": func(f *fake) object {
			return object{"keys": repeated(jwk(f.t, f.signer.Public(), "one", "ES256"), 10_000)}
		},
		"one id twice": func(f *fake) object { return object{"keys": repeated(jwk(f.t, f.signer.Public(), "one", "ES256"), 2)} },
		"a secret":     func(*fake) object { return object{"keys": []any{object{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}}} },
		"another use": func(f *fake) object {
			k := jwk(f.t, f.signer.Public(), "one", "")
			k["use"] = "enc"
			return object{"keys": []any{k}}
		},
	} {
		t.Run("OIDC-17 "+name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.jwks = with(bend(f))
			_, err := f.signIn(f.party(), f.provider(), request())
			refusal(t, name, err)
		})
	}
}

func repeated(k object, n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = k
	}
	return all
}

func TestAttackLogoutToken(t *testing.T) {
	t.Parallel()
	const event = "http://schemas.openid.net/event/backchannel-logout"
	for _, tt := range []struct {
		name         string
		header, bend object
		ok           bool
	}{
		{"as it must be", nil, nil, true},
		{"session only", nil, object{"sub": nil}, true},
		{"older type", object{"typ": "JWT"}, nil, true},
		{"another type", object{"typ": "at+jwt"}, nil, false},
		{"no events", nil, object{"events": nil}, false},
		{"another event", nil, object{"events": object{"x": object{}}}, false},
		{"event is no object", nil, object{"events": object{event: 1}}, false},
		{"nonce", nil, object{"nonce": "n"}, false},
		{"no id", nil, object{"jti": nil}, false},
		{"nobody", nil, object{"sub": nil, "sid": nil}, false},
		{"another client", nil, object{"aud": "other"}, false},
		{"several clients", nil, object{"aud": []string{client, "other"}}, false},
		{"another issuer", nil, object{"iss": "https://other.example"}, false},
		{"old", nil, object{"iat": -600}, false},
		{"of the future", nil, object{"iat": 600}, false},
		{"expired", nil, object{"exp": -120}, false},
	} {
		t.Run("OIDC-36 "+tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			c := with(tt.bend)
			claims := object{"iss": f.issuer(), "aud": client, "sub": "alice", "sid": "s1", "jti": "j1", "iat": 0, "exp": 120, "events": object{event: object{}}}
			c(claims)
			for _, name := range []string{"iat", "exp"} {
				claims[name] = f.now.Unix() + int64(claims[name].(int))
			}
			header := object{"alg": "ES256", "kid": "one", "typ": "logout+jwt"}
			with(tt.header)(header)
			got, err := f.party().LogoutToken(t.Context(), f.provider(), signES(t, f.signer, header, claims))
			if !tt.ok {
				refusal(t, tt.name, err)
			} else if err != nil || got.ID != "j1" || got.SessionIndex != "s1" {
				t.Errorf("got %+v, %v (%s)", got, err, sso.Diagnosis(err))
			}
		})
	}
}
