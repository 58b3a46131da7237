package ssotest_test

import (
	"net/http"
	"testing"

	"github.com/go-identity/identity/identitytest"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/ssotest"
)

// login is an application where people sign in at one provider.
func login(party *oidc.Party, pr oidc.Provider, q oidc.Request) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		address, err := party.Begin(r.Context(), pr, q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		http.Redirect(w, r, address, http.StatusFound)
	})
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		a, err := party.Finish(r.Context(), pr, q, r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("hello, " + a.Name))
	})
	return mux
}

// A test of an application signs somebody in, and then somebody whom the provider says
// something strange of.
func TestLogin(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	provider := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: w.Now})
	party, err := oidc.New(oidc.Options{HTTP: http.DefaultClient, Now: w.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.Serve(login(party, oidc.Provider{
		Issuer: provider.Issuer(), ClientID: provider.ClientID(), ClientSecret: provider.ClientSecret(), Auth: oidc.Basic,
	}, oidc.Request{Flow: oidc.NewFlow(), RedirectURI: "http://localhost:8080/callback"}))

	ada := ssotest.Person("ada@acme.example")
	if got := body(t, provider.SignIn(w.Anonymous(), "/login", ada)); got != "hello, Ada" {
		t.Errorf("the application says %q", got)
	}
	for another := range map[string]any{"aud": "another application", "nonce": "another sign-in"} {
		bend := func(claims map[string]any) { claims[another] = "x" }
		if res := provider.SignIn(w.Anonymous(), "/login", ada, bend); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("with another %s the application says %d, want 401", another, res.StatusCode)
		}
	}
}
