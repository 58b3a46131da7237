// Package oidc is the relying party of OpenID Connect: it sends a person to a provider and
// turns what comes back into one [sso.Assertion]. It speaks the authorization code flow with
// PKCE and nothing else.
//
// The signature of a token is checked by go-oidc and go-jose. Where the keys come from, which
// algorithms count, where the endpoints may lie and what the claims must say is decided here,
// because those libraries leave it to their callers.
package oidc

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso/internal/oauth"
)

const (
	skew    = time.Minute // between the provider's clock and ours
	maxKept = 1000        // providers whose documents are kept
)

// An AuthStyle is how a client proves itself at the token endpoint. It is always said: a
// client that tries one after the other sends its secret twice.
type AuthStyle string

// The styles of RFC 6749 §2.3.1, and that of a client without a secret. Announced is Basic,
// unless the provider says that it takes Post and not that.
const (
	Basic     AuthStyle = "client_secret_basic"
	Post      AuthStyle = "client_secret_post"
	None      AuthStyle = "none"
	Announced AuthStyle = "announced"
)

// manyTenants stands in the name of an issuer for the tenant that a token is of.
const manyTenants = "{tenantid}"

// A Provider says whom a connection trusts, and for what.
type Provider struct {
	Connection   string // goes into every assertion: a subject means nothing without it
	Issuer       string // byte for byte as the provider writes it
	ClientID     string
	ClientSecret string
	Auth         AuthStyle
	Scopes       []string // beside openid. Nil means email and profile

	// Approved are hosts where endpoints may lie although the issuer's registrable domain is
	// another: some large providers use several. Nil means none.
	Approved []string
	// Algorithms narrow what may sign. Nil means every asymmetric one that the provider
	// announces.
	Algorithms []string
	// Tenant is what the claim tid must be, for an issuer that serves many. Empty means that
	// the claim is not looked at.
	Tenant string
	// Tenants finds the document of an issuer that serves many tenants and whose name holds
	// {tenantid}: it stands in that place, as "common" does at Microsoft. A token may then be
	// of any tenant, and its issuer must be that of the tenant that it names (tid). Empty means
	// that the issuer is one.
	Tenants string
	// VerifiedClaim says whether the address is verified. Empty means "email_verified".
	VerifiedClaim string
	// TextVerified takes the texts "true" and "1" for a verified address. False means that only
	// a boolean counts.
	TextVerified bool
	// NoPKCE leaves PKCE out, for a provider that refuses it to a client with a secret. The
	// nonce remains. False means S256.
	NoPKCE bool
	// Groups is the claim that lists groups. Empty means "groups".
	Groups string
}

// Options are what a Party needs.
type Options struct {
	// HTTP sends every request. It decides what may be reached, and must not be nil.
	HTTP *http.Client
	// CheckURL judges every endpoint before it is used. Nil means that HTTP alone judges.
	CheckURL func(address string) error
	// Now is the clock, and must not be nil.
	Now func() time.Time
}

// A Party is the relying party for any number of providers. It keeps their documents and
// keys, and is safe for concurrent use.
type Party struct {
	client   *oauth.Client
	checkURL func(address string) error
	now      func() time.Time

	mu        sync.Mutex
	documents map[string]*kept[document]
	keys      map[string]*kept[[]key]
}

// New returns a Party, or an error where an option is missing.
func New(o Options) (*Party, error) {
	if o.HTTP == nil || o.Now == nil {
		return nil, errors.New("oidc: Options.HTTP and Options.Now are required")
	}
	if o.CheckURL == nil {
		o.CheckURL = func(string) error { return nil }
	}
	return &Party{
		client: oauth.NewClient(o.HTTP, o.CheckURL), checkURL: o.CheckURL, now: o.Now,
		documents: map[string]*kept[document]{}, keys: map[string]*kept[[]key]{},
	}, nil
}

// A Flow is the three secrets of one sign-in. They are kept by whoever began it, bound to the
// browser, and used once: state says that the answer belongs to this browser, nonce that the
// token belongs to this sign-in, verifier that whoever redeems the code asked for it.
type Flow struct{ State, Nonce, Verifier string }

// NewFlow makes the secrets of one sign-in.
func NewFlow() Flow {
	return Flow{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
}

// valid reports every setting that cannot work.
func (pr Provider) valid() error {
	var c fault.Checker
	c.Check(pr.Issuer != "" && !strings.ContainsAny(pr.Issuer, "?#"), "issuer", "must be a URL without query and fragment")
	c.Check(pr.Tenants == "" || strings.Contains(pr.Issuer, manyTenants), "issuer", "must hold "+manyTenants+" to serve many tenants")
	c.Check(pr.ClientID != "", "clientId", "must not be empty")
	c.Check(slices.Contains([]AuthStyle{Basic, Post, None, Announced}, pr.Auth), "auth",
		"must be client_secret_basic, client_secret_post, none or announced")
	c.Check(pr.Auth == None || pr.ClientSecret != "", "clientSecret", "must not be empty")
	for _, a := range pr.Algorithms {
		c.Check(slices.Contains(asymmetric, a), "algorithms", "must be asymmetric signature algorithms of RFC 7518")
	}
	return c.Err()
}

// scopes always begin with openid.
func (pr Provider) scopes() []string {
	rest := pr.Scopes
	if rest == nil {
		rest = []string{"email", "profile"}
	}
	rest = slices.DeleteFunc(slices.Clone(rest), func(s string) bool { return s == "openid" })
	return append([]string{"openid"}, rest...)
}

func (pr Provider) groups() string { return cmp.Or(pr.Groups, "groups") }

// style is never the library's own choice, which tries both.
func (pr Provider) style(doc document) oauth2.AuthStyle {
	basic := slices.Contains(doc.Auths, string(Basic)) || !slices.Contains(doc.Auths, string(Post))
	if pr.Auth == Basic || pr.Auth == Announced && basic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
