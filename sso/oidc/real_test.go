package oidc_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/foreign"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

// signInThere goes the whole way with a provider that is not ours.
func signInThere(t *testing.T, pr oidc.Provider, typed map[string]string) sso.Assertion {
	t.Helper()
	p, err := oidc.New(oidc.Options{HTTP: http.DefaultClient, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context(), pr); err != nil {
		t.Fatal(err, sso.Diagnosis(err))
	}
	r := request()
	address, err := p.Begin(t.Context(), pr, r)
	if err != nil {
		t.Fatal(err, sso.Diagnosis(err))
	}
	b := foreign.NewBrowser(t, "", typed)
	back := b.WalkTo(t, foreign.At(t, address), redirect)
	a, err := p.Finish(t.Context(), pr, r, back.URL.Query())
	if err != nil {
		t.Fatal(err, sso.Diagnosis(err))
	}
	if to, err := p.LogoutURL(t.Context(), pr, oidc.LogoutRequest{Hint: a.Hint}); err != nil || to == "" {
		t.Errorf("no way to sign out there: %q, %v", to, err)
	}
	return a
}

func TestZitadel(t *testing.T) {
	t.Parallel()
	there := foreign.StartZitadel(t, redirect)
	a := signInThere(t, oidc.Provider{
		Connection: "c1", Issuer: there.Base + "/", ClientID: "web", ClientSecret: "secret", Auth: oidc.Basic,
	}, map[string]string{"username": "test-user@localhost", "password": "verysecure"})
	if a.Email != "test-user@zitadel.ch" || !a.EmailVerified {
		t.Errorf("got %+v", a)
	}
}

func TestOIDCProvider(t *testing.T) {
	t.Parallel()
	k := foreign.OIDCProvider(t)
	for _, id := range []string{"rp", "rp-es256"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			a := signInThere(t, oidc.Provider{
				Connection: "c1", Issuer: k.StartOIDCProvider(t, redirect).Base, ClientID: id, ClientSecret: "rp-secret-rp-secret-rp-secret-00", Auth: oidc.Basic,
			}, map[string]string{"login": "alice", "password": "any"})
			if a.Subject != "alice" || a.Email != "alice@example.test" || !a.EmailVerified || a.Name != "Test alice" {
				t.Errorf("got %+v", a)
			}
		})
	}
}
