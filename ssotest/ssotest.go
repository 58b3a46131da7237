// Package ssotest is an identity provider for tests: one that speaks SAML 2.0 ([NewSAML]) and
// one that speaks OpenID Connect ([NewOIDC]). A test connects its application to it as to a
// real one and lets people sign in there:
//
//	provider := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: w.Now})
//	// … a connection to provider.Issuer(), provider.ClientID(), provider.ClientSecret()
//	res := provider.SignIn(w.Anonymous(), address, ssotest.Person("ada@acme.example"))
//
// What a provider says can be bent before it is signed, so that a test may send what an
// honest one never would. Everything stays on this machine. A provider is of its test alone,
// so that tests run in parallel; its methods fail the test instead of returning errors.
package ssotest

import (
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A User is somebody who has an account at a provider.
type User struct {
	Subject       string // the account's name there. Empty means the address
	Email         string
	EmailVerified bool // OpenID Connect only: SAML has no way to say so
	Name          string
	Groups        []string
	Attributes    map[string][]string // whatever else the provider says

	Context string    // how they signed in: acr, or SAML's class of context. Empty means by password
	Methods []string  // the same as amr, OpenID Connect only. Nil means that nothing is said
	Since   time.Time // when they did. Zero means now
	Session string    // of theirs at the provider: sid, or SAML's index. Empty means a new one each time
}

// Person returns a user with a verified address, a name and a subject that are made of it.
func Person(email string) User {
	local, _, _ := strings.Cut(email, "@")
	name := local
	if local != "" {
		name = strings.ToUpper(local[:1]) + local[1:]
	}
	return User{Subject: "account-of-" + local, Email: email, EmailVerified: true, Name: name}
}

func (u User) subject() string { return or(u.Subject, u.Email) }
func (u User) session() string { return or(u.Session, "_"+rand.Text()) }
func (u User) since(now time.Time) time.Time {
	if u.Since.IsZero() {
		return now
	}
	return u.Since
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A base is what both kinds of provider are made of, as one test sees it.
type base struct {
	t testing.TB
	*site
}

// A site is a provider's server and keys.
type site struct {
	now    func() time.Time
	server *httptest.Server
	keys   *ring

	mu       sync.Mutex
	visitors map[string]http.HandlerFunc // by their cookie; "" is everyone else
}

// A setup is what the options of both kinds of provider have in common.
type setup struct {
	now      func() time.Time
	rsa, tls bool
}

// newBase starts a provider whose answers h gives.
func newBase(t testing.TB, s setup, h http.Handler) base {
	t.Helper()
	if !testing.Testing() {
		t.Fatal("ssotest: a provider is for tests")
	}
	if s.now == nil {
		s.now = time.Now
	}
	now := func() time.Time { return s.now().UTC() }
	b := base{t, &site{now: now, keys: &ring{rsa: s.rsa, now: now}, visitors: map[string]http.HandlerFunc{}}}
	b.Rotate()
	start := httptest.NewServer
	if s.tls {
		start = httptest.NewTLSServer
	}
	b.server = start(h)
	t.Cleanup(b.server.Close)
	return b
}

// Announce publishes the next key beside the present one, which goes on signing.
func (b base) Announce() {
	b.t.Helper()
	if err := b.keys.announce(); err != nil {
		b.t.Fatalf("make a key: %v", err)
	}
}

// Rotate makes the announced key sign, or a new one where none was announced. The keys of
// before stay published.
func (b base) Rotate() {
	b.t.Helper()
	if err := b.keys.rotate(); err != nil {
		b.t.Fatalf("make a key: %v", err)
	}
}

// Retire takes the keys of before the present one out of what is published.
func (b base) Retire() { b.keys.retire() }

// Stop takes the provider's server away: what a test makes of the provider without it, an
// answer or a token, it still makes.
func (b base) Stop() { b.server.Close() }

// RootCAs returns who vouches for the provider's server where it speaks TLS.
func (b base) RootCAs() *x509.CertPool {
	pool := x509.NewCertPool()
	if c := b.server.Certificate(); c != nil {
		pool.AddCert(c)
	}
	return pool
}

const cookieName = "ssotest"

// admit lets answer speak to whoever brings the cookie that it returns.
func (s *site) admit(answer http.HandlerFunc) *http.Cookie {
	c := &http.Cookie{Name: cookieName, Value: rand.Text()}
	s.everyone(c.Value, answer)
	return c
}

func (s *site) everyone(cookie string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visitors[cookie] = answer
}

// greet answers a browser at the endpoint where people sign in.
func (s *site) greet(w http.ResponseWriter, r *http.Request) {
	visitor := ""
	if c, err := r.Cookie(cookieName); err == nil {
		visitor = c.Value
	}
	s.mu.Lock()
	answer := s.visitors[visitor]
	s.mu.Unlock()
	if answer == nil {
		http.Error(w, "nobody is signed in at this provider: use SignIn or Everyone", http.StatusForbidden)
		return
	}
	answer(w, r)
}
