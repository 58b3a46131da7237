package ssotest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// OIDCOptions change what an OpenID Connect provider is like. The zero value is a provider
// that knows one client with a secret, whatever its redirect URI.
type OIDCOptions struct {
	// Now is the provider's clock, such as that of the application's test. Nil means the
	// machine's.
	Now func() time.Time
	// ClientID and ClientSecret are the application's. Empty means made up ones.
	ClientID, ClientSecret string
	// Public takes the application without its secret. Zero means that the secret is wanted.
	Public bool
	// RedirectURIs are where answers may go. Nil means anywhere.
	RedirectURIs []string
	// Lean says who somebody is at the userinfo endpoint alone, as large providers do. Zero
	// means in the ID token too.
	Lean bool
	// Plain speaks OAuth 2.0 without OpenID Connect, as some social providers do: there are
	// no ID tokens, and changes change what the userinfo endpoint says. The endpoints are
	// /authorize, /token and /userinfo. Zero means OpenID Connect.
	Plain bool
	// RSA signs with RSA, as most providers do. Zero means P-256, whose keys cost nothing to
	// make.
	RSA bool
	// TLS makes the server speak TLS, see RootCAs. Zero means plain http.
	TLS bool
	// Discovery changes what the provider says of itself. Nil means nothing.
	Discovery func(document map[string]any)
}

// An OIDC is a provider of OpenID Connect. It is safe for concurrent use.
type OIDC struct {
	base
	*registry
}

// A registry is what an OpenID Connect provider remembers, shared by the views of [OIDC.In].
type registry struct {
	options OIDCOptions

	mu      sync.Mutex
	codes   map[string]grant
	access  map[string]map[string]any // claims by access token
	signOut []SignOut
}

// A SignOut is a browser that came to sign somebody out at the provider.
type SignOut struct {
	Subject, Session string // of the ID token that it brought; empty without one
	ReturnURI, State string
}

// NewOIDC starts a provider with the options, at most one; none means the zero OIDCOptions.
// It ends with the test.
func NewOIDC(t testing.TB, options ...OIDCOptions) *OIDC {
	t.Helper()
	var o OIDCOptions
	if len(options) > 1 {
		t.Fatal("ssotest: NewOIDC takes one OIDCOptions at most")
	}
	if len(options) == 1 {
		o = options[0]
	}
	o.ClientID, o.ClientSecret = or(o.ClientID, "client-"+rand.Text()), or(o.ClientSecret, rand.Text())
	mux := http.NewServeMux()
	p := &OIDC{newBase(t, setup{o.Now, o.RSA, o.TLS}, mux), &registry{
		options: o, codes: map[string]grant{}, access: map[string]map[string]any{},
	}}
	mux.HandleFunc("GET /.well-known/openid-configuration", p.serveDiscovery)
	mux.HandleFunc("GET /keys", p.serveKeys)
	mux.HandleFunc("/authorize", p.greet)
	mux.HandleFunc("POST /token", p.serveToken)
	mux.HandleFunc("/userinfo", p.serveUserinfo)
	mux.HandleFunc("/logout", p.serveLogout)
	return p
}

// In returns the same provider for a test below its own, so that what goes wrong there fails
// that test.
func (p *OIDC) In(t testing.TB) *OIDC { return &OIDC{base{t, p.site}, p.registry} }

// Issuer returns the provider's name, which is its address.
func (p *OIDC) Issuer() string { return p.server.URL }

// ClientID returns that of the application.
func (p *OIDC) ClientID() string { return p.options.ClientID }

// ClientSecret returns that of the application.
func (p *OIDC) ClientSecret() string { return p.options.ClientSecret }

func (p *OIDC) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	at := p.Issuer()
	doc := map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token",
		"userinfo_endpoint": at + "/userinfo", "jwks_uri": at + "/keys", "end_session_endpoint": at + "/logout",
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query", "form_post"},
		"subject_types_supported": []string{"public"}, "scopes_supported": []string{"openid", "email", "profile"},
		"id_token_signing_alg_values_supported":          []string{string(p.keys.current().algorithm())},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported":                   true, "backchannel_logout_session_supported": true,
	}
	if p.options.Discovery != nil {
		p.options.Discovery(doc)
	}
	answer(w, http.StatusOK, doc)
}

func (k key) algorithm() jose.SignatureAlgorithm {
	if k.method() == rsaSHA256 {
		return jose.RS256
	}
	return jose.ES256
}

func (p *OIDC) serveKeys(w http.ResponseWriter, _ *http.Request) {
	var set jose.JSONWebKeySet
	for _, k := range p.keys.published() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(k.algorithm()), Use: "sig"})
	}
	answer(w, http.StatusOK, set)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// SignIn plays the browser of somebody who signs in at the provider. It follows address,
// which the application gave out or which is the application's own, to the provider, and
// takes the answer back to the application. What the ID token says is changed where a test
// wants it. It returns what the application says to the answer: redirects are not followed
// any more, and the body may be left open. The client keeps the application's cookies; the
// provider never sees them.
func (p *OIDC) SignIn(client *http.Client, address string, u User, change ...func(claims map[string]any)) *http.Response {
	p.t.Helper()
	return p.walk(client, address, p.admit(p.approve(u, change)))
}

// Refuse is like [OIDC.SignIn], but the provider answers with an error such as
// "access_denied".
func (p *OIDC) Refuse(client *http.Client, address, code string) *http.Response {
	p.t.Helper()
	return p.walk(client, address, p.admit(func(w http.ResponseWriter, r *http.Request) {
		p.reply(w, r, func(a asked) url.Values { return p.denial(a, code) })
	}))
}

// Everyone signs every browser in that comes to the provider and is not played by
// [OIDC.SignIn].
func (p *OIDC) Everyone(u User, change ...func(claims map[string]any)) {
	p.everyone("", p.approve(u, change))
}

// approve answers a browser that u has signed in.
func (p *OIDC) approve(u User, change []func(map[string]any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.reply(w, r, func(a asked) url.Values { return p.grant(a, u, change) })
	}
}

// Authorize answers a request to sign somebody in, the address that the application sends
// the browser to, without a browser: it returns the parameters that go to the redirect URI,
// for a test to change and to take there. It fails the test where the provider would refuse.
func (p *OIDC) Authorize(address string, u User, change ...func(claims map[string]any)) url.Values {
	p.t.Helper()
	return p.grant(p.mustAsk(address), u, change)
}

// Deny is like [OIDC.Authorize], with an error such as "access_denied".
func (p *OIDC) Deny(address, code string) url.Values {
	p.t.Helper()
	return p.denial(p.mustAsk(address), code)
}

func (p *OIDC) mustAsk(address string) asked {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := p.ask(u.Query())
	if err != nil {
		p.t.Fatalf("the provider refuses %s: %v", address, err)
	}
	return a
}

// SignOuts returns who came to sign out at the provider so far, oldest first.
func (p *OIDC) SignOuts() []SignOut {
	p.registry.mu.Lock()
	defer p.registry.mu.Unlock()
	return slices.Clone(p.signOut)
}
