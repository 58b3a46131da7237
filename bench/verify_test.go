package bench_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

const (
	issuer   = "https://app.example"
	audience = "0b1f2b0e-7a5c-4a53-9a1b-6a0d1b7d9c11"
)

// values is what a token of somebody with ten permissions says.
func values() token.Values {
	now := time.Now()
	return token.Values{
		Issuer: issuer, Audience: audience, Subject: "019cb73d-3218-7000-8410-c7df8b02047f", Type: "userToken",
		TenantID: "019cb73d-3218-7000-8410-c7df8b020480", TenantIDs: []string{"019cb73d-3218-7000-8410-c7df8b020480"},
		SessionID: "019cb73d-3218-7000-8410-c7df8b020481", ID: "019cb73d-3218-7000-8410-c7df8b020482",
		IssuedAt: now, ExpiresAt: now.Add(5 * time.Hour), AuthTime: now, Methods: []string{"pwd"},
		Name: "Ann of Acme", Email: "ann@acme.example", EmailVerified: true, Roles: []string{"reader"},
		Permissions: catalogue()[:held], Metadata: `{"theme":"dark"}`, ApplicationID: audience,
		PictureURL: "https://app.example/ann.png",
	}
}

// A signed is a token under one algorithm, with both halves of its key.
type signed struct {
	alg             string
	raw             string
	set             *token.Set
	private, public any
}

func newSigned(tb testing.TB, alg string) signed {
	tb.Helper()
	k, err := token.Generate(alg)
	if err != nil {
		tb.Fatal(err)
	}
	s := signed{alg: alg}
	if s.set, err = token.NewSet(k); err != nil {
		tb.Fatal(err)
	}
	payload, err := token.Render(values(), 0)
	if err != nil {
		tb.Fatal(err)
	}
	if s.raw, err = s.set.Sign(token.AccessType, payload); err != nil {
		tb.Fatal(err)
	}
	der, err := k.MarshalPrivate()
	if err != nil {
		tb.Fatal(err)
	}
	if s.private, s.public = any(der), any(der); alg != token.HS256 {
		if s.private, err = x509.ParsePKCS8PrivateKey(der); err != nil {
			tb.Fatal(err)
		}
		s.public = s.private.(crypto.Signer).Public()
	}
	return s
}

// A verifier reads a token: signature, times, issuer, audience, and the claims.
type verifier struct {
	name string
	do   func() error
}

func (s signed) verifiers() []verifier {
	return []verifier{{"ours", s.ours}, {"jwx", s.jwx()}, {"golang-jwt", s.golangJWT()}, {"go-jose", s.goJOSE}}
}

func (s signed) ours() error {
	payload, err := s.set.Verify(s.raw, token.AccessType, time.Now())
	if err != nil {
		return err
	}
	c, err := token.ParseClaims(payload)
	if err != nil {
		return err
	}
	return c.Check(token.Expect{Issuer: issuer, Audience: []string{audience}, Type: "userToken", Now: time.Now()})
}

func (s signed) jwx() func() error {
	alg, _ := jwa.LookupSignatureAlgorithm(s.alg)
	raw := []byte(s.raw)
	return func() error {
		_, err := jwxjwt.Parse(raw, jwxjwt.WithKey(alg, s.public), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(audience))
		return err
	}
}

func (s signed) golangJWT() func() error {
	p := jwt.NewParser(jwt.WithValidMethods([]string{s.alg}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
	return func() error {
		var c golangClaims
		_, err := p.ParseWithClaims(s.raw, &c, func(*jwt.Token) (any, error) { return s.public, nil })
		return err
	}
}

func (s signed) goJOSE() error {
	t, err := josejwt.ParseSigned(s.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.alg)})
	if err != nil {
		return err
	}
	var c josejwt.Claims
	var more struct {
		TenantID    string             `json:"tenantId"`
		Permissions []store.Permission `json:"permissions"`
	}
	if err := t.Claims(s.public, &c, &more); err != nil {
		return err
	}
	return c.Validate(josejwt.Expected{Issuer: issuer, AnyAudience: []string{audience}, Time: time.Now()})
}

var algorithms = []string{token.RS256, token.ES256, token.HS256}

// BenchmarkVerify is G5: a token that nobody has seen before.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		for _, v := range newSigned(b, alg).verifiers() {
			bench(b, v.name+"/"+alg, v.do)
		}
	}
}

// verifyGoals is G5.
func verifyGoals(t *testing.T, b *board) {
	for _, alg := range algorithms {
		all := newSigned(t, alg).verifiers()
		for _, other := range all[1:] {
			want := 1.0
			if other.name == "jwx" {
				want = 1.7
			}
			b.report(t, other.name+" / ours, "+alg, atLeast(want), compared(other.do, all[0].do).ratios(t))
		}
	}
}

// A hostile is a token that somebody made to be refused.
type hostile struct{ name, raw string }

// hostiles are made from a good token.
func hostiles(raw string) []hostile {
	p := strings.Split(raw, ".")
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"x","typ":"at+jwt"}`))
	forged := []byte(p[2])
	if forged[10]++; forged[10]&^0x20 < 'A' || forged[10]&^0x20 > 'Z' {
		forged[10] = 'A' // another digit of base64url, whatever it was
	}
	return []hostile{
		{"wrong-alg", header + "." + p[1] + "." + p[2]},
		{"none", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + p[1] + "."},
		{"junk", strings.Repeat("A", len(raw))},
		{"junk-in-parts", p[0] + "." + strings.Repeat("A", 300) + "!." + p[2]},
		{"long-header", strings.Repeat("A", 64<<10) + "." + p[1] + "." + p[2]},
		{"forged", p[0] + "." + p[1] + "." + string(forged)},
	}
}

// refusing returns a request with a token that does not hold, with the answer that it gets.
func (a *arena) refusing(h hostile) func() error {
	s := newStand(contestant{h.name, a.guarded(shown), []http.Header{bearer(h.raw)}})
	return func() error {
		if code := s.ask(); code != http.StatusUnauthorized {
			return fmt.Errorf("%s: status %d, want 401", h.name, code)
		}
		return nil
	}
}

// rejecting is finding out, by itself, that a token does not hold.
func (s signed) rejecting(h hostile) func() error {
	now := time.Now()
	return func() error {
		if _, err := s.set.Verify(h.raw, token.AccessType, now); err == nil {
			return fmt.Errorf("%s was accepted", h.name)
		}
		return nil
	}
}

// BenchmarkReject is G6: what a hostile token costs, and the whole request that it gets
// nowhere with.
func BenchmarkReject(b *testing.B) {
	a, s := newArena(b, 0), newSigned(b, token.RS256)
	for _, h := range hostiles(s.raw) {
		bench(b, h.name, s.rejecting(h))
	}
	for _, h := range hostiles(a.token) {
		bench(b, "request/"+h.name, a.refusing(h))
	}
	bench(b, "raw-rsa-verify", a.rawVerify(b))
}

// rejectGoals is G6.
func rejectGoals(t *testing.T, b *board) {
	a, s := newArena(t, 0), newSigned(t, token.RS256)
	raw := a.rawVerify(t)
	for _, h := range hostiles(s.raw) {
		want := 1.0 / 20
		if h.name == "forged" {
			want = 1.3
		}
		b.report(t, h.name+" / an RSA signature verified", atMost(want), compared(s.rejecting(h), raw).ratios(t))
	}
	for _, h := range hostiles(a.token) {
		want := 1.0
		if h.name == "forged" {
			want = 1.8 // as much as a good one that nobody knows (G3)
		}
		b.report(t, h.name+", the whole request and its answer / an RSA signature verified", atMost(want),
			compared(a.refusing(h), raw).ratios(t))
	}
}
