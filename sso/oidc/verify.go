package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strings"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/go-identity/identity/sso"
)

const (
	maxToken   = 64 << 10            // bytes
	maxSubject = 255                 // of them, by OpenID Connect Core §2
	maxLife    = 31 * 24 * time.Hour // of an ID token
)

var compact = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// An expected is what the claims of an ID token must agree with.
type expected struct {
	provider Provider
	request  Request
	code     string
	access   string // token
	alg      string
	now      time.Time
}

// verifier is go-oidc's for a provider, over keys of ours. Its clock runs a skew late, because
// it has no leeway of its own for the end of a token.
func (p *Party) verifier(pr Provider, doc document) *goidc.IDTokenVerifier {
	return goidc.NewVerifier(pr.Issuer, p.keySet(pr, doc), &goidc.Config{
		ClientID: pr.ClientID, SupportedSigningAlgs: pr.signing(doc),
		Now: func() time.Time { return p.now().Add(-skew) },
	})
}

// verifyID returns the claims of an ID token whose signature, issuer and audience are right.
func (p *Party) verifyID(ctx context.Context, pr Provider, doc document, token string) (claims, string, error) {
	head, err := header(token)
	if err != nil {
		return nil, "", sso.Refuse("the ID token is no compact JWS as it must be", err)
	}
	if kind := strings.ToLower(head.text("typ")); kind != "" && kind != "jwt" {
		return nil, "", sso.Refuse("the ID token is of another type", nil)
	}
	id, err := p.verifier(pr, doc).Verify(ctx, token)
	if err != nil {
		return nil, "", refuse("the ID token's signature, issuer, audience or expiry is wrong", err)
	}
	var payload json.RawMessage
	if err := id.Claims(&payload); err != nil {
		return nil, "", sso.Refuse("the ID token cannot be read", err)
	}
	c, err := parseClaims(payload)
	if err != nil {
		return nil, "", sso.Refuse("the ID token's claims are no proper JSON object", err)
	}
	return c, head.text("alg"), nil
}

// header reads the head of a token that is compact and asks for nothing unusual: a key that
// the token brings along, or names an address for, proves nothing.
func header(token string) (claims, error) {
	if len(token) > maxToken || !compact.MatchString(token) {
		return nil, errors.New("not three parts of base64url")
	}
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return nil, fmt.Errorf("decode the header: %w", err)
	}
	h, err := parseClaims(text)
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	for _, name := range []string{"jku", "jwk", "x5u", "crit", "b64", "zip"} {
		if _, there := h[name]; there {
			return nil, fmt.Errorf("a header with %s", name)
		}
	}
	return h, nil
}

// A rule is a check and the sentence that its failure is.
type rule struct {
	holds bool
	say   string
}

func firstBroken(rules []rule) error {
	for _, r := range rules {
		if !r.holds {
			return sso.Refuse(r.say, nil)
		}
	}
	return nil
}

// check holds the claims against everything that go-oidc leaves to its callers.
func (e expected) check(c claims) error {
	if err := firstBroken(e.whose(c)); err != nil {
		return err
	}
	return firstBroken(e.when(c))
}

func (e expected) whose(c claims) []rule {
	pr, audience := e.provider, c.texts("aud")
	party, named := c["azp"]
	sub := c.text("sub")
	return []rule{
		{c.text("iss") == pr.Issuer, "the ID token is of another issuer"},
		{sub != "" && len(sub) <= maxSubject, "the ID token has no subject, or one of more than 255 bytes"},
		{slices.Contains(audience, pr.ClientID), "the ID token is for another client"},
		{len(audience) == 1 || named, "the ID token is for several clients and does not say who asked (azp)"},
		{!named || party == pr.ClientID, "the ID token was given to another client (azp)"},
		{same(c.text("nonce"), e.request.Nonce), "the ID token belongs to another sign-in (nonce)"},
		{pr.Tenant == "" || c.text("tid") == pr.Tenant, "the ID token is of another tenant of the provider (tid)"},
		{e.hashed(c, "at_hash", e.access), "the access token is not the ID token's (at_hash)"},
		{e.hashed(c, "c_hash", e.code), "the code is not the ID token's (c_hash)"},
	}
}

func (e expected) when(c claims) []rule {
	latest := e.now.Add(skew)
	exp, expires := c.at("exp")
	iat, issued := c.at("iat")
	nbf, begins := c.at("nbf")
	auth, known := c.at("auth_time")
	old := e.request.MaxAge > 0 && (!known || auth.Before(e.now.Add(-e.request.MaxAge-skew)))
	return []rule{
		{expires && exp.After(e.now.Add(-skew)), "the ID token has expired"},
		{exp.Before(e.now.Add(maxLife)), "the ID token expires in more than 31 days"},
		{issued, "the ID token does not say when it was issued"},
		{!iat.After(latest), "the ID token was issued in the future: the provider's clock is ahead"},
		{!iat.Before(e.now.Add(-maxLife)), "the ID token was issued more than 31 days ago"},
		{!c.has("nbf") || begins && !nbf.After(latest), "the ID token is not valid yet"},
		{!known || !auth.After(latest), "the person signed in in the future: the provider's clock is ahead"},
		{!old, "the person signed in too long ago, or the provider does not say when (auth_time)"},
	}
}

// same compares secrets. An empty one is like nothing.
func same(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// hashed reports whether a claim is missing or the left half of the value's hash (Core §3.1.3.6).
func (e expected) hashed(c claims, name, value string) bool {
	if _, there := c[name]; !there {
		return true
	}
	var h hash.Hash
	switch {
	case strings.HasSuffix(e.alg, "256"):
		h = sha256.New()
	case strings.HasSuffix(e.alg, "384"):
		h = sha512.New384()
	default:
		h = sha512.New() // EdDSA with Ed25519 as well
	}
	h.Write([]byte(value))
	sum := h.Sum(nil)
	return value != "" && same(c.text(name), base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]))
}
