package ssotest_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/ssotest"
)

func tlsTransport(roots *x509.CertPool) http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
}

// A recorder is a test that may fail without failing this one.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	panic(r) // ends the test, as Goexit would
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

// fails returns what a test fails with.
func fails(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		f(r)
	}()
	return r.said
}

// TestWrongUse fails the test with a sentence that says what to do.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	s, o := ssotest.NewSAML(t), ssotest.NewOIDC(t)
	loop := http.NewServeMux()
	loop.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	loop.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `<form method=post><input type=password name=password></form>`)
	})
	app := httptest.NewServer(loop)
	t.Cleanup(app.Close)
	for want, f := range map[string]func(testing.TB){
		"one SAMLOptions":          func(t testing.TB) { ssotest.NewSAML(t, ssotest.SAMLOptions{}, ssotest.SAMLOptions{}) },
		"one OIDCOptions":          func(t testing.TB) { ssotest.NewOIDC(t, ssotest.OIDCOptions{}, ssotest.OIDCOptions{}) },
		"no end":                   func(t testing.TB) { o.In(t).SignIn(app.Client(), app.URL+"/loop", ada()) },
		"/page leads nowhere: 200": func(t testing.TB) { o.In(t).SignIn(app.Client(), app.URL+"/page", ada()) },
		"/none leads nowhere: 404": func(t testing.TB) { s.In(t).SignIn(app.Client(), app.URL+"/none", ada()) },
		"go to":                    func(t testing.TB) { s.In(t).SignIn(app.Client(), "http://127.0.0.1:1/", ada()) },
		"parse":                    func(t testing.TB) { s.In(t).SignIn(app.Client(), ":", ada()) },
		"redirect_uri is missing":  func(t testing.TB) { o.In(t).Authorize(o.Issuer()+"/authorize", ada()) },
		"missing protocol":         func(t testing.TB) { o.In(t).Authorize(":", ada()) },
		"no SAMLRequest":           func(t testing.TB) { s.In(t).Request(ssotest.Message{URL: s.URL()}) },
		"AuthnRequest":             func(t testing.TB) { s.In(t).Request(ssotest.Message{Fields: url.Values{"SAMLRequest": {"PGEvPg=="}}}) },
		"metadata":                 func(t testing.TB) { s.In(t).Register([]byte("<a/>")) },
		"not registered":           func(t testing.TB) { s.In(t).Logout(ssotest.Logout{}) },
		"RSA certificate": func(t testing.TB) {
			s.In(t).Respond(ssotest.Request{}, ada(), func(a *ssotest.Assertion) { a.Encrypt = ssotest.AES256GCM })
		},
	} {
		if got := fails(t, f); !strings.Contains(got, want) {
			t.Errorf("the test fails with %q, want %q", got, want)
		}
	}
}

// TestEveryone lets browsers in that the test does not play.
func TestEveryone(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: noon})
	a := newOIDCApp(t, p, func(*oidc.Provider) {})
	ask := func() int {
		res, err := client(t).Get(a.URL + "/login")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if got := ask(); got != http.StatusForbidden {
		t.Errorf("nobody is signed in there: %d, want 403", got)
	}
	p.Everyone(ada())
	if ask(); a.got.Subject != "account-of-ada" {
		t.Errorf("the application got %+v", a.got)
	}
}

// TestOriginIsTheProviders makes sure that an answer looks like one of another site's page.
func TestOriginIsTheProviders(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: noon})
	var got http.Header
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	t.Cleanup(app.Close)
	p.Respond(ssotest.Request{EntityID: "urn:app", ACS: app.URL}, ada()).Send(t, app.Client())
	if got.Get("Sec-Fetch-Site") != "cross-site" || got.Get("Origin") != strings.TrimSuffix(p.URL(), "/sso") || len(got.Values("Cookie")) > 0 {
		t.Errorf("the application sees %v", got)
	}
}
