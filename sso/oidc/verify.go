package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
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
	"github.com/go-identity/identity/sso/internal/oauth"
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
		SkipIssuerCheck: pr.Tenants != "", // it is held against the tenant, see issued
		Now:             func() time.Time { return p.now().Add(-skew) },
	})
}

// verifyID returns the claims of an ID token whose signature, issuer and audience are right.
func (p *Party) verifyID(ctx context.Context, pr Provider, doc document, token string) (oauth.Claims, string, error) {
	head, err := header(token)
	if err != nil {
		return nil, "", sso.Refuse("the ID token is no compact JWS as it must be", err)
	}
	if kind := strings.ToLower(head.Text("typ")); kind != "" && kind != "jwt" {
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
	c, err := oauth.Parse(payload)
	if err != nil {
		return nil, "", sso.Refuse("the ID token's claims are no proper JSON object", err)
	}
	return c, head.Text("alg"), nil
}

// header reads the head of a token that is compact and asks for nothing unusual: a key that
// the token brings along, or names an address for, proves nothing.
func header(token string) (oauth.Claims, error) {
	if len(token) > maxToken || !compact.MatchString(token) {
		return nil, errors.New("not three parts of base64url")
	}
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return nil, fmt.Errorf("decode the header: %w", err)
	}
	h, err := oauth.Parse(text)
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

// check holds the claims against everything that go-oidc leaves to its callers.
func (e expected) check(c oauth.Claims) error {
	if err := oauth.FirstBroken(e.whose(c)); err != nil {
		return err
	}
	return oauth.FirstBroken(e.when(c))
}

func (e expected) whose(c oauth.Claims) []oauth.Rule {
	pr, audience := e.provider, c.Texts("aud")
	party, named := c["azp"]
	sub := c.Text("sub")
	return []oauth.Rule{
		{Holds: pr.issued(c), Say: "the ID token is of another issuer"},
		{Holds: sub != "" && len(sub) <= maxSubject, Say: "the ID token has no subject, or one of more than 255 bytes"},
		{Holds: slices.Contains(audience, pr.ClientID), Say: "the ID token is for another client"},
		{Holds: len(audience) == 1 || named, Say: "the ID token is for several clients and does not say who asked (azp)"},
		{Holds: !named || party == pr.ClientID, Say: "the ID token was given to another client (azp)"},
		{Holds: oauth.Same(c.Text("nonce"), e.request.Nonce), Say: "the ID token belongs to another sign-in (nonce)"},
		{Holds: pr.Tenant == "" || c.Text("tid") == pr.Tenant, Say: "the ID token is of another tenant of the provider (tid)"},
		{Holds: e.hashed(c, "at_hash", e.access), Say: "the access token is not the ID token's (at_hash)"},
		{Holds: e.hashed(c, "c_hash", e.code), Say: "the code is not the ID token's (c_hash)"},
	}
}

func (e expected) when(c oauth.Claims) []oauth.Rule {
	latest := e.now.Add(skew)
	exp, expires := c.At("exp")
	iat, issued := c.At("iat")
	nbf, begins := c.At("nbf")
	auth, known := c.At("auth_time")
	old := e.request.MaxAge > 0 && (!known || auth.Before(e.now.Add(-e.request.MaxAge-skew)))
	return []oauth.Rule{
		{Holds: expires && exp.After(e.now.Add(-skew)), Say: "the ID token has expired"},
		{Holds: exp.Before(e.now.Add(maxLife)), Say: "the ID token expires in more than 31 days"},
		{Holds: issued, Say: "the ID token does not say when it was issued"},
		{Holds: !iat.After(latest), Say: "the ID token was issued in the future: the provider's clock is ahead"},
		{Holds: !iat.Before(e.now.Add(-maxLife)), Say: "the ID token was issued more than 31 days ago"},
		{Holds: !c.Has("nbf") || begins && !nbf.After(latest), Say: "the ID token is not valid yet"},
		{Holds: !known || !auth.After(latest), Say: "the person signed in in the future: the provider's clock is ahead"},
		{Holds: !old, Say: "the person signed in too long ago, or the provider does not say when (auth_time)"},
	}
}

// tenantID is what large providers name their tenants by.
var tenantID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// issued reports whether a token is of the issuer, or, where that serves many tenants, of the
// issuer that its own tenant (tid) has.
func (pr Provider) issued(c oauth.Claims) bool {
	if pr.Tenants == "" {
		return c.Text("iss") == pr.Issuer
	}
	tid := c.Text("tid")
	return tenantID.MatchString(tid) && c.Text("iss") == strings.Replace(pr.Issuer, manyTenants, tid, 1)
}

// hashed reports whether a claim is missing or the left half of the value's hash (Core §3.1.3.6).
func (e expected) hashed(c oauth.Claims, name, value string) bool {
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
	return value != "" && oauth.Same(c.Text(name), base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]))
}
