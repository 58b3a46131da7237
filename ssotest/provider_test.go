package ssotest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/ssotest"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func ada() ssotest.User {
	u := ssotest.Person("ada@acme.example")
	u.Groups = []string{"Staff", "Owners"}
	u.Attributes = map[string][]string{"department": {"Engines"}}
	return u
}

// memory remembers what came before.
func memory() func(context.Context, string, time.Time) (bool, error) {
	var seen sync.Map
	return func(_ context.Context, key string, _ time.Time) (bool, error) {
		_, known := seen.LoadOrStore(key, true)
		return !known, nil
	}
}

// An app is an application with one way in: what it makes of an answer is kept.
type app struct {
	*httptest.Server
	got sso.Assertion
	err error
}

// client keeps cookies, like a browser.
func client(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// finish answers the browser that came back, and wants the cookie that it left with.
func (a *app) finish(w http.ResponseWriter, r *http.Request, got sso.Assertion, err error) {
	if c, missing := r.Cookie("left"); missing != nil || c.Value != "yes" {
		http.Error(w, "another browser", http.StatusForbidden)
		return
	}
	if a.got, a.err = got, err; err != nil {
		http.Error(w, sso.Diagnosis(err), http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, "/home", http.StatusSeeOther)
}

func leave(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: "left", Value: "yes", Path: "/"})
}

// newSAMLApp connects an application to p.
func newSAMLApp(t testing.TB, p *ssotest.SAML, bend func(*saml.Connection)) *app {
	t.Helper()
	a, mux := &app{}, http.NewServeMux()
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	c := connection(t, p, a.URL)
	bend(c)
	var id string
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		m, err := c.Request(saml.Ask{RelayState: "handle", Now: noon()})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		id = m.ID
		leave(w)
		if m.Fields == nil {
			http.Redirect(w, r, m.URL, http.StatusFound)
			return
		}
		fmt.Fprintf(w, `<form method=POST action=%q><input type=hidden name=SAMLRequest value=%q></form>`, m.URL, m.Fields.Get("SAMLRequest"))
	})
	mux.HandleFunc("POST /acs", func(w http.ResponseWriter, r *http.Request) {
		got, err := c.Accept(r.Context(), saml.Answer{Body: r.PostFormValue("SAMLResponse"), RequestID: id, Now: noon()})
		a.finish(w, r, got, err)
	})
	return a
}

// connection is how an application at base sees p.
func connection(t testing.TB, p *ssotest.SAML, base string) *saml.Connection {
	t.Helper()
	provider, err := saml.ParseMetadata(p.Metadata(), saml.Source{Loopback: true, Now: noon()})
	if err != nil {
		t.Fatalf("the provider's metadata: %s", sso.Diagnosis(err))
	}
	return &saml.Connection{
		ID: "1", Provider: provider, EntityID: base + "/metadata", ACS: base + "/acs", SLO: base + "/slo", Once: memory(),
	}
}

// newOIDCApp connects an application to p.
func newOIDCApp(t testing.TB, p *ssotest.OIDC, bend func(*oidc.Provider)) *app {
	t.Helper()
	a, mux := &app{}, http.NewServeMux()
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	party, pr := party(t), oidc.Provider{
		Connection: "1", Issuer: p.Issuer(), ClientID: p.ClientID(), ClientSecret: p.ClientSecret(), Auth: oidc.Basic,
	}
	bend(&pr)
	q := oidc.Request{Flow: oidc.NewFlow(), RedirectURI: a.URL + "/callback"}
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		address, err := party.Begin(r.Context(), pr, q)
		if err != nil {
			http.Error(w, sso.Diagnosis(err), http.StatusBadGateway)
			return
		}
		leave(w)
		http.Redirect(w, r, address, http.StatusFound)
	})
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		got, err := party.Finish(r.Context(), pr, q, r.URL.Query())
		a.finish(w, r, got, err)
	})
	return a
}

func party(t testing.TB) *oidc.Party {
	t.Helper()
	p, err := oidc.New(oidc.Options{HTTP: http.DefaultClient, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// home wants a browser that was let in.
func home(t testing.TB, res *http.Response) {
	t.Helper()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/home" {
		t.Fatalf("the application says %d: %s", res.StatusCode, body(t, res))
	}
}

func TestSAMLSignIn(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]ssotest.SAMLOptions{
		"P-256": {Now: noon}, "RSA": {Now: noon, RSA: true}, "own name": {Now: noon, EntityID: "urn:acme:idp"},
	} {
		for _, form := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, form %v", name, form), func(t *testing.T) {
				t.Parallel()
				p := ssotest.NewSAML(t, options)
				a := newSAMLApp(t, p, func(c *saml.Connection) { c.PostRequests = form })
				home(t, p.SignIn(client(t), a.URL+"/login", ada()))
				if got := a.got; got.Subject != "account-of-ada" || got.Email != "ada@acme.example" || got.Name != "Ada" ||
					len(got.Groups) != 2 || got.Attributes["department"][0] != "Engines" || got.NameIDFormat != ssotest.Persistent ||
					!got.AuthTime.Equal(noon()) || got.ACR != ssotest.ByPassword || got.SessionIndex == "" {
					t.Errorf("the application got %+v", got)
				}
			})
		}
	}
}

func TestOIDCSignIn(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]ssotest.OIDCOptions{
		"P-256": {Now: noon}, "RSA": {Now: noon, RSA: true}, "lean": {Now: noon, Lean: true},
		"secret to be escaped": {Now: noon, ClientID: "a b", ClientSecret: "/+ %"},
	} {
		for _, style := range []oidc.AuthStyle{oidc.Basic, oidc.Post} {
			t.Run(fmt.Sprintf("%s, %s", name, style), func(t *testing.T) {
				t.Parallel()
				p := ssotest.NewOIDC(t, options)
				a := newOIDCApp(t, p, func(pr *oidc.Provider) { pr.Auth = style })
				u := ada()
				u.Context, u.Methods, u.Session = "high", []string{"pwd", "mfa"}, "s1"
				home(t, p.SignIn(client(t), a.URL+"/login", u))
				if got := a.got; got.Subject != "account-of-ada" || got.Email != "ada@acme.example" || !got.EmailVerified || got.Name != "Ada" ||
					len(got.Groups) != 2 || got.Attributes["department"][0] != "Engines" || !got.AuthTime.Equal(noon()) ||
					got.ACR != "high" || len(got.AMR) != 2 || got.SessionIndex != "s1" {
					t.Errorf("the application got %+v", got)
				}
			})
		}
	}
}
