// Package social signs people in with an account that they have elsewhere: with one of the
// providers that [Providers] describes, or with one that a host describes itself. What comes
// of it is one [sso.Assertion].
//
// A provider that speaks OpenID Connect as it is written goes through the package oidc. The
// others speak OAuth 2.0, which says nothing about people: whom a token belongs to is asked of
// an endpoint of theirs, over TLS, with the token that our secret has just bought.
package social

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/internal/oauth"
	"github.com/go-identity/identity/sso/oidc"
)

// A Client is what a provider knows us by.
type Client struct {
	ID     string
	Secret string   // where the description is Signed, the private key, in PEM
	TeamID string   // where the description is Signed
	KeyID  string   // where the description is Signed
	Scopes []string // beside the description's
}

// A Party signs people in with any number of providers. It is safe for concurrent use.
type Party struct {
	client   *oauth.Client
	oidc     *oidc.Party
	checkURL func(address string) error
	now      func() time.Time
}

// New returns a Party, or an error where an option is missing.
func New(o oidc.Options) (*Party, error) {
	relying, err := oidc.New(o)
	if err != nil {
		return nil, err
	}
	if o.CheckURL == nil {
		o.CheckURL = func(string) error { return nil }
	}
	return &Party{client: oauth.NewClient(o.HTTP, o.CheckURL), oidc: relying, checkURL: o.CheckURL, now: o.Now}, nil
}

// Check reports every setting that cannot work, without asking the provider. Call it before a
// provider is saved.
func (p *Party) Check(pr Provider, c Client) error {
	var k fault.Checker
	k.Check(pr.Type != "", "type", "must not be empty")
	k.Check(c.ID != "", "clientId", "must not be empty")
	k.Check(c.Secret != "" || pr.Auth == oidc.None, "secret", "must not be empty")
	k.Check(pr.Auth == oidc.Basic || pr.Auth == oidc.Post || pr.Auth == oidc.None, "auth",
		"must be client_secret_basic, client_secret_post or none")
	for _, e := range pr.endpoints() {
		k.Check(p.usable(e.address), e.name, "must be an https address without a fragment that may be reached from here")
	}
	if pr.Signed {
		_, err := signingKey(c.Secret)
		k.Check(err == nil, "secret", "must be the private key of a P-256 pair in PEM")
		k.Check(c.TeamID != "", "teamId", "must not be empty")
		k.Check(c.KeyID != "", "keyId", "must not be empty")
	}
	return k.Err()
}

func (p *Party) usable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return p.checkURL(address) == nil
}

// Begin returns the address to send the browser to. The provider being away is a refusal.
func (p *Party) Begin(ctx context.Context, pr Provider, c Client, r oidc.Request) (string, error) {
	if err := p.Check(pr, c); err != nil {
		return "", err
	}
	if r.State == "" || r.Nonce == "" || r.Verifier == "" || r.RedirectURI == "" {
		return "", errors.New("social: a request needs state, nonce, verifier and redirect URI")
	}
	address := pr.authorization(c, r)
	if pr.Issuer != "" {
		var err error
		if address, err = p.oidc.Begin(ctx, pr.relying(c), r); err != nil {
			return "", err
		}
	}
	if pr.FormPost {
		address += "&response_mode=form_post"
	}
	return address, nil
}

// authorization is where plain OAuth 2.0 begins. Its address may hold a query already.
func (pr Provider) authorization(c Client, r oidc.Request) string {
	var options []oauth2.AuthCodeOption
	if !pr.NoPKCE {
		options = append(options, oauth2.S256ChallengeOption(r.Verifier))
	}
	return pr.config(c, r).AuthCodeURL(r.State, options...)
}

// Finish turns the answer that the browser brought, the parameters of the redirect URI or of
// the form posted to it, into what the provider asserts. Everything that is wrong is a refusal
// with a diagnosis. That the state is used once, for the provider it began with and by the
// browser that began, is for the caller to see to.
func (p *Party) Finish(ctx context.Context, pr Provider, c Client, r oidc.Request, answer url.Values) (sso.Assertion, error) {
	c, err := p.proving(pr, c)
	if err != nil {
		return sso.Assertion{}, err
	}
	finish := p.plain
	if pr.Issuer != "" {
		finish = p.connect
	}
	a, err := finish(ctx, pr, c, r, answer)
	if err != nil {
		return sso.Assertion{}, err
	}
	if pr.FormPost && a.Name == "" {
		a.Name = formName(answer.Get("user"))
	}
	return a, nil
}

// connect is the way through OpenID Connect.
func (p *Party) connect(ctx context.Context, pr Provider, c Client, r oidc.Request, answer url.Values) (sso.Assertion, error) {
	a, err := p.oidc.Finish(ctx, pr.relying(c), r, answer)
	a.EmailVerified = pr.proved(a.Email, a.EmailVerified)
	return a, err
}

// relying is the description as the package oidc has it.
func (pr Provider) relying(c Client) oidc.Provider {
	return oidc.Provider{
		Connection: pr.Connection(), Issuer: pr.Issuer, Tenants: pr.Tenants, Approved: pr.Approved,
		ClientID: c.ID, ClientSecret: c.Secret, Auth: pr.Auth, Scopes: pr.scopes(c), NoPKCE: pr.NoPKCE,
		VerifiedClaim: pr.Profile.Verified, TextVerified: pr.Profile.TextVerified,
	}
}

// plain is the way through OAuth 2.0 and an endpoint that says whose the token is.
func (p *Party) plain(ctx context.Context, pr Provider, c Client, r oidc.Request, answer url.Values) (sso.Assertion, error) {
	if err := oauth.CheckAnswer(answer, r.State); err != nil {
		return sso.Assertion{}, err
	}
	if pr.NoPKCE {
		r.Verifier = ""
	}
	tokens, err := p.client.Redeem(ctx, pr.config(c, r), answer.Get("code"), r.Verifier)
	if err != nil {
		return sso.Assertion{}, err
	}
	said, err := p.client.Get(ctx, pr.userinfo(c, tokens.AccessToken), tokens.AccessToken)
	if err != nil {
		return sso.Assertion{}, sso.Refuse("the userinfo endpoint gave no usable answer: look at its address and at the scopes", err)
	}
	if pr.Emails == "" {
		return pr.read(said, nil)
	}
	addresses, err := p.client.Get(ctx, pr.Emails, tokens.AccessToken)
	if err != nil {
		return sso.Assertion{}, sso.Refuse("the endpoint of addresses gave no usable answer: "+
			"the client must be allowed to read e-mail addresses", err)
	}
	return pr.read(said, addresses)
}

func (pr Provider) config(c Client, r oidc.Request) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if pr.Auth == oidc.Basic {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: r.RedirectURI, Scopes: pr.scopes(c),
		Endpoint: oauth2.Endpoint{AuthURL: pr.Authorization, TokenURL: pr.Token, AuthStyle: style},
	}
}

// formName reads the name that Apple posts beside the first answer, and never again. It comes
// by way of the browser and proves nothing: whatever else it holds stays unread.
func formName(text string) string {
	var user struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if json.Unmarshal([]byte(text), &user) != nil {
		return ""
	}
	return oauth.Claims{"name": strings.TrimSpace(user.Name.First + " " + user.Name.Last)}.Text("name")
}
