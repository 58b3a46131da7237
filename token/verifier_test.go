package token_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A publisher is an issuer as a verifier sees it: keys behind an address, and a clock.
type publisher struct {
	mu      sync.Mutex
	now     time.Time
	text    []byte
	err     error
	fetches int
	gate    chan struct{} // closed to let fetches through; nil lets all through
	failed  []error
}

func (p *publisher) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *publisher) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

func (p *publisher) publish(text []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.err = text, err
}

func (p *publisher) fetch(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	p.fetches++
	text, err, gate := p.text, p.err, p.gate
	p.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return text, err
}

func (p *publisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = append(p.failed, err)
}

func (p *publisher) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// newVerifier returns a verifier of what the set signs.
func newVerifier(t testing.TB, s *token.Set, change ...func(*token.VerifierConfig)) (*token.Verifier, *publisher) {
	t.Helper()
	p := &publisher{now: at, text: s.JWKS()}
	c := token.VerifierConfig{
		Fetch: p.fetch, Issuer: issuer, Audience: []string{"app"}, Now: p.clock, Roles: []string{"admin"}, Failed: p.fail,
	}
	for _, f := range change {
		f(&c)
	}
	v, err := token.NewVerifier(c)
	if err != nil {
		t.Fatal(err)
	}
	return v, p
}

// access signs an access token of a user.
func access(t testing.TB, s *token.Set, change ...func(*token.Values)) string {
	t.Helper()
	v := values()
	for _, f := range change {
		f(&v)
	}
	payload, err := token.Render(v, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, s, token.AccessType, string(payload))
}

// lasting makes a token last.
func lasting(d time.Duration) func(*token.Values) {
	return func(v *token.Values) { v.ExpiresAt = v.IssuedAt.Add(d) }
}

func TestVerifierGrantsWhatTokensClaim(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{token.RS256, token.ES256, token.EdDSA} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			s := newSet(t, generate(t, alg))
			v, p := newVerifier(t, s)
			raw := access(t, s, func(v *token.Values) { v.Roles = []string{"admin", "own"} })
			for range 3 {
				checkPrincipal(t, v, raw)
			}
			if p.count() != 1 {
				t.Errorf("%d fetches, want 1", p.count())
			}
			c, err := v.Verify(t.Context(), raw)
			if err != nil || c.Subject != "u" || c.SessionID != "s" || c.ExpiresAt != at.Add(5*time.Minute).Unix() {
				t.Errorf("Verify = %+v, %v, want the claims that were signed", c, err)
			}
		})
	}
}

func checkPrincipal(t *testing.T, v *token.Verifier, raw string) {
	t.Helper()
	got, err := v.Resolve(t.Context(), raw)
	if err != nil {
		t.Fatalf("Resolve = %v, want nil", err)
	}
	if got.Kind != store.UserKind || got.UserID != "u" || got.TenantID != "t" || got.SessionID != "s" || got.Email != "ann@example.com" {
		t.Errorf("Resolve = %+v, want the user of the token", got)
	}
	for permission, want := range map[store.Permission]bool{
		"reports.read": true, "fe.secure.read.users": true, "fe.other": false, "reports.write": false, "": false,
	} {
		if got.Can(permission) != want {
			t.Errorf("Can(%q) = %v, want %v", permission, !want, want)
		}
	}
	if !got.HasRole("admin") || got.HasRole("own") {
		t.Errorf("HasRole(admin), HasRole(own) = %v, %v, want that only a role of the environment counts", got.HasRole("admin"), got.HasRole("own"))
	}
}

func TestVerifierFollowsRotation(t *testing.T) {
	t.Parallel()
	first, second := generate(t, token.ES256), generate(t, token.EdDSA)
	s1 := newSet(t, first)
	s2 := newSet(t, second, first.Verifying(time.Time{}))
	v, p := newVerifier(t, s1)
	old := access(t, s1, lasting(time.Hour))
	checkPrincipal(t, v, old)

	p.publish(s2.JWKS(), nil)
	p.advance(time.Minute)
	checkPrincipal(t, v, access(t, s2)) // one fetch, because of the unknown key
	checkPrincipal(t, v, old)
	if p.count() != 2 {
		t.Errorf("%d fetches after a rotation, want 2", p.count())
	}

	p.publish(newSet(t, second).JWKS(), nil) // the old key is withdrawn
	p.advance(4 * time.Minute)
	checkPrincipal(t, v, old)
	p.advance(7 * time.Minute)
	if _, err := v.Resolve(t.Context(), old); fault.From(err).Code != fault.Unauthenticated {
		t.Errorf("Resolve of a cached token whose key is gone = %v, want Unauthenticated", err)
	}
}

func TestVerifierKeepsKeys(t *testing.T) {
	t.Parallel()
	k := generate(t, token.EdDSA)
	s := newSet(t, k)
	raw := access(t, s, lasting(48*time.Hour))
	many := make([]token.Verifying, 101)
	for i := range many {
		many[i] = generate(t, token.EdDSA).Verifying(time.Time{})
	}
	for _, tt := range []struct {
		name string
		text string
		err  error
	}{
		{"an outage", "", errors.New("connection refused")},
		{"an empty answer", "", nil},
		{"HTML", "<html>", nil},
		{"no keys", `{"keys":[]}`, nil},
		{"no member", `{}`, nil},
		{"too many keys", string(newSet(t, nil, many...).JWKS()), nil},
		{"too many bytes", `{"keys":[],"x":"` + strings.Repeat("x", 1<<20) + `"}`, nil},
		{"an id twice", strings.Replace(string(s.JWKS()), `[{`, `[`+jwkOf(s)+`,{`, 1), nil},
		{"JWT-12 a secret", `{"keys":[` + jwkOf(s) + `,{"kty":"oct","kid":"x","alg":"HS256","k":"AAAA"}]}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, p := newVerifier(t, s)
			checkPrincipal(t, v, raw)
			p.publish([]byte(tt.text), tt.err)
			p.advance(23 * time.Hour)
			checkPrincipal(t, v, raw)
			p.mu.Lock()
			if len(p.failed) != 1 {
				t.Errorf("Failed was told %v, want one error", p.failed)
			}
			p.mu.Unlock()
			p.advance(2 * time.Hour)
			if _, err := v.Resolve(t.Context(), raw); fault.From(err).Code != fault.Unavailable {
				t.Errorf("Resolve a day after the last keys = %v, want Unavailable", err)
			}
			p.publish(s.JWKS(), nil)
			p.advance(time.Minute)
			checkPrincipal(t, v, raw)
		})
	}
}

// jwkOf returns the first JWK of a set.
func jwkOf(s *token.Set) string {
	text := strings.TrimPrefix(string(s.JWKS()), `{"keys":[`)
	return text[:strings.Index(text, "}")+1]
}

func TestVerifierStarts(t *testing.T) {
	t.Parallel()
	s := newSet(t, generate(t, token.EdDSA))
	v, p := newVerifier(t, s)
	p.publish(nil, errors.New("not there yet"))
	if _, err := v.Resolve(t.Context(), access(t, s)); fault.From(err).Code != fault.Unavailable {
		t.Errorf("Resolve without keys = %v, want Unavailable", err)
	}
	p.publish(s.JWKS(), nil)
	p.advance(time.Second)
	checkPrincipal(t, v, access(t, s))
	for _, c := range []token.VerifierConfig{
		{},
		{Fetch: p.fetch, Now: p.clock},
		{Fetch: p.fetch, Now: p.clock, Issuer: issuer},
		{Fetch: p.fetch, Now: p.clock, Issuer: issuer, Audience: []string{""}},
		{Fetch: p.fetch, Issuer: issuer, Audience: []string{"app"}},
		{Fetch: p.fetch, Now: p.clock, Issuer: issuer, Audience: []string{"app"}, Skew: time.Hour},
		{Fetch: p.fetch, Now: p.clock, Issuer: issuer, Audience: []string{"app"}, MaxAge: -1},
	} {
		if _, err := token.NewVerifier(c); err == nil {
			t.Errorf("NewVerifier(%+v) = nil, want an error", c)
		}
	}
}

// TestVerifierFetchesOnce lets many callers wait for the same keys.
func TestVerifierFetchesOnce(t *testing.T) {
	t.Parallel()
	s := newSet(t, generate(t, token.EdDSA))
	v, p := newVerifier(t, s)
	p.gate = make(chan struct{})
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Resolve(impatient, access(t, s)); fault.From(err).Code != fault.Unavailable {
		t.Errorf("Resolve of a caller that left = %v, want Unavailable", err)
	}
	raw := access(t, s)
	var all sync.WaitGroup
	errs := make(chan error, 100)
	for range cap(errs) {
		all.Go(func() {
			_, err := v.Resolve(t.Context(), raw)
			errs <- err
		})
	}
	close(p.gate)
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Errorf("Resolve = %v, want nil", err)
		}
	}
	if p.count() != 1 {
		t.Errorf("%d fetches, want 1: the caller that left must not take it along", p.count())
	}
}

// TestVerifierDoesNotWait holds that nobody waits while keys are renewed in time.
func TestVerifierDoesNotWait(t *testing.T) {
	t.Parallel()
	s := newSet(t, generate(t, token.EdDSA))
	v, p := newVerifier(t, s)
	raw := access(t, s, lasting(time.Hour))
	checkPrincipal(t, v, raw)
	p.mu.Lock()
	p.gate = make(chan struct{})
	p.mu.Unlock()
	p.advance(6 * time.Minute)
	checkPrincipal(t, v, raw) // returns although the fetch does not
	close(p.gate)
}

func TestVerifierSurvivesPanic(t *testing.T) {
	t.Parallel()
	s := newSet(t, generate(t, token.EdDSA))
	v, _ := newVerifier(t, s, func(c *token.VerifierConfig) {
		c.Fetch = func(context.Context) ([]byte, error) { panic("the host's mistake") }
	})
	if _, err := v.Resolve(t.Context(), access(t, s)); fault.From(err).Code != fault.Unavailable {
		t.Errorf("Resolve = %v, want Unavailable", err)
	}
}

func TestAttackVerifier(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	set := func(name string, value any) func(*token.Values) {
		return func(v *token.Values) {
			switch name {
			case "iss":
				v.Issuer = value.(string)
			case "aud":
				v.Audience = value.(string)
			case "type":
				v.Type = value.(string)
			case "tenantId":
				v.TenantID = value.(string)
			case "exp":
				v.ExpiresAt = value.(time.Time)
			case "iat":
				v.IssuedAt = value.(time.Time)
			}
		}
	}
	for _, tt := range []struct {
		name string
		raw  string
		want error
	}{
		{"JWT-29 another audience", access(t, b.set, set("aud", "other")), token.ErrAudience},
		{"JWT-30 another issuer", access(t, b.set, set("iss", "https://evil.example")), token.ErrIssuer},
		{"JWT-31 a slash", access(t, b.set, set("iss", issuer+"/")), token.ErrIssuer},
		{"JWT-31 case", access(t, b.set, set("iss", "https://ID.example.com")), token.ErrIssuer},
		{"JWT-31 http", access(t, b.set, set("iss", "http://id.example.com")), token.ErrIssuer},
		{"JWT-26 type of a management token", sign(t, b.set, token.ManagementType, claims("tenantId", `"t"`)), token.ErrType},
		{"JWT-26 another type claim", access(t, b.set, set("type", "vendor")), token.ErrType},
		{"JWT-28 no tenant", access(t, b.set, set("tenantId", "")), token.ErrClaims},
		{"JWT-34 expired", access(t, b.set, set("iat", at.Add(-time.Hour)), set("exp", at.Add(-11*time.Second))), token.ErrExpired},
		{"JWT-36 from the future", access(t, b.set, set("iat", at.Add(time.Minute))), token.ErrNotYet},
		{"JWT-17 another key", newBench(t).good, token.ErrSignature},
		{"JWT-07 none", encode(`{"alg":"none","kid":"live"}`) + "." + encode(payload) + ".", token.ErrAlgorithm},
		{"JWT-01 JSON", `{"payload":"","protected":"","signature":""}`, token.ErrMalformed},
		{"JWT-23 a claim twice", b.forge(t, `{"alg":"RS256","kid":"live","typ":"at+jwt"}`, `{"sub":"u","sub":"v"}`), token.ErrClaims},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, _ := newVerifier(t, b.set)
			if c, err := v.Verify(t.Context(), tt.raw); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %+v, %v, want %v", c, err, tt.want)
			}
			if p, err := v.Resolve(t.Context(), tt.raw); p != nil || fault.From(err).Code != fault.Unauthenticated {
				t.Errorf("Resolve = %+v, %v, want Unauthenticated", p, err)
			}
		})
	}
	t.Run("JWT-15 a flood of unknown kids", func(t *testing.T) {
		t.Parallel()
		v, p := newVerifier(t, b.set)
		parts := strings.Split(b.good, ".")
		for i := range 10000 {
			head := encode(fmt.Sprintf(`{"alg":"RS256","kid":"%032x","typ":"at+jwt"}`, i))
			if _, err := v.Verify(t.Context(), head+"."+parts[1]+"."+parts[2]); !errors.Is(err, token.ErrUnknownKey) {
				t.Fatalf("Verify of token %d = %v, want ErrUnknownKey", i, err)
			}
		}
		if p.count() > 2 {
			t.Errorf("%d fetches for 10,000 tokens, want at most 2", p.count())
		}
	})
	t.Run("JWT-34 cached until it expires", func(t *testing.T) {
		t.Parallel()
		v, p := newVerifier(t, b.set)
		raw := access(t, b.set)
		checkPrincipal(t, v, raw)
		p.advance(6 * time.Minute)
		if _, err := v.Verify(t.Context(), raw); !errors.Is(err, token.ErrExpired) {
			t.Errorf("Verify after the end = %v, want ErrExpired", err)
		}
	})
}
