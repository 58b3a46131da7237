package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/go-identity/identity/sso"
)

// maxParameter is the most that one parameter of an answer may hold, in bytes.
const maxParameter = 8 << 10

// word is an error code of RFC 6749 §5.2, which alone of an error is worth repeating.
var word = regexp.MustCompile(`^[a-z_]{1,40}$`)

// A Request is one sign-in: what [Party.Begin] asks for and [Party.Finish] holds the answer
// against. The two must be given the same.
type Request struct {
	Flow
	RedirectURI string        // one of its own for every connection, so that answers cannot be mixed up
	LoginHint   string        // an address, to save typing; may be empty
	Prompt      string        // "login" asks for a password again; may be empty
	MaxAge      time.Duration // how long ago the person may have signed in there; zero means any time
}

// Begin returns the address to send the browser to. The provider being away is a refusal.
func (p *Party) Begin(ctx context.Context, pr Provider, r Request) (string, error) {
	if err := pr.valid(); err != nil {
		return "", err
	}
	if r.State == "" || r.Nonce == "" || r.Verifier == "" || r.RedirectURI == "" {
		return "", errors.New("oidc: a request needs state, nonce, verifier and redirect URI")
	}
	doc, err := p.discover(ctx, pr)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{goidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)}
	if r.MaxAge > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(r.MaxAge.Seconds()))))
	}
	for name, value := range map[string]string{"login_hint": r.LoginHint, "prompt": r.Prompt} {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	return pr.config(doc, r).AuthCodeURL(r.State, options...), nil
}

func (pr Provider) config(doc document, r Request) *oauth2.Config {
	return &oauth2.Config{
		ClientID: pr.ClientID, ClientSecret: pr.ClientSecret, RedirectURL: r.RedirectURI, Scopes: pr.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: doc.Authorization, TokenURL: doc.Token, AuthStyle: pr.style()},
	}
}

// Finish turns the answer that the browser brought, the parameters of the redirect URI, into
// what the provider asserts. Everything that is wrong is a refusal with a diagnosis. That the
// state is used once, and by the browser that began, is for the caller to see to.
func (p *Party) Finish(ctx context.Context, pr Provider, r Request, answer url.Values) (sso.Assertion, error) {
	doc, err := p.discover(ctx, pr)
	if err != nil {
		return sso.Assertion{}, err
	}
	if err := checkAnswer(pr, doc, r, answer); err != nil {
		return sso.Assertion{}, err
	}
	code := answer.Get("code")
	tokens, err := p.redeem(ctx, pr.config(doc, r), r, code)
	if err != nil {
		return sso.Assertion{}, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return sso.Assertion{}, sso.Refuse("the token endpoint gave no ID token", nil)
	}
	id, alg, err := p.verifyID(ctx, pr, doc, raw)
	if err != nil {
		return sso.Assertion{}, err
	}
	e := expected{provider: pr, request: r, code: code, access: tokens.AccessToken, alg: alg, now: p.now()}
	if err := e.check(id); err != nil {
		return sso.Assertion{}, err
	}
	if id, err = p.complete(ctx, doc, id, tokens.AccessToken); err != nil {
		return sso.Assertion{}, err
	}
	a := pr.assertion(id)
	a.Hint = raw
	return a, nil
}

// checkAnswer comes before anything is sent anywhere: an answer that is not to our question
// costs nothing.
func checkAnswer(pr Provider, doc document, r Request, answer url.Values) error {
	small := true
	for _, values := range answer {
		small = small && len(values) == 1 && len(values[0]) <= maxParameter
	}
	says := answer.Get("error")
	if !word.MatchString(says) {
		says = "an error"
	}
	issuer, named := answer["iss"]
	return firstBroken([]rule{
		{small, "the answer has a parameter twice, or an overlong one"},
		{same(answer.Get("state"), r.State), "the answer belongs to another sign-in (state)"},
		{!named || issuer[0] == pr.Issuer, "the answer is of another issuer (iss)"},
		{named || !doc.NamesIssuer, "the answer does not name its issuer (iss), although the provider says it would"},
		{!answer.Has("error"), "the provider answered " + says},
		{!answer.Has("id_token") && !answer.Has("access_token"), "the answer holds a token: only codes are taken from a browser"},
		{answer.Get("code") != "", "the answer holds no code"},
	})
}

// redeem exchanges the code. The error of the library holds the whole answer, which goes
// nowhere, not even to the log.
func (p *Party) redeem(ctx context.Context, c *oauth2.Config, r Request, code string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tokens, err := c.Exchange(goidc.ClientContext(ctx, p.http), code, oauth2.VerifierOption(r.Verifier))
	var told *oauth2.RetrieveError
	switch {
	case errors.As(err, &told) && word.MatchString(told.ErrorCode):
		return nil, sso.Refuse("the token endpoint answered "+told.ErrorCode+hint(told), nil)
	case errors.As(err, &told):
		return nil, sso.Refuse(unusable, statusOf(told.Response))
	case err != nil:
		return nil, sso.Refuse(unusable, err)
	case !strings.EqualFold(tokens.TokenType, "bearer"):
		return nil, sso.Refuse("the token endpoint gave a token that is no bearer token", nil)
	}
	return tokens, nil
}

const unusable = "the token endpoint gave no usable answer"

// hint says what usually is behind a code.
func hint(e *oauth2.RetrieveError) string {
	switch e.ErrorCode {
	case "invalid_client":
		return ": compare client id, client secret and the way they are sent with what the provider has"
	case "invalid_grant":
		return ": the code was used, is too old, or the redirect URI is not the one registered"
	}
	return ""
}

func statusOf(a *http.Response) error { return fmt.Errorf("status %d", a.StatusCode) }

// complete adds what userinfo says to what the ID token does not: many providers keep claims
// about a person out of tokens.
func (p *Party) complete(ctx context.Context, doc document, id claims, access string) (claims, error) {
	if doc.Userinfo == "" || id.has("email") && id.has("name") {
		return id, nil
	}
	text, err := p.get(ctx, doc.Userinfo, access)
	if err != nil {
		return nil, sso.Refuse("the userinfo endpoint gave no usable answer", err)
	}
	more, err := parseClaims(text)
	if err != nil {
		return nil, sso.Refuse("the userinfo endpoint answered no proper JSON object", err)
	}
	if more.text("sub") != id.text("sub") {
		return nil, sso.Refuse("the userinfo endpoint speaks of somebody else than the ID token (sub)", nil)
	}
	return merge(id, more), nil
}

// merge prefers the ID token. An address and whether it is verified stay together: one
// source's word about the other's address proves nothing.
func merge(id, more claims) claims {
	all := claims{}
	for name, value := range more {
		all[name] = value
	}
	if id.has("email") {
		delete(all, "email_verified")
	}
	for name, value := range id {
		if name != "email_verified" || id.has("email") || !more.has("email") {
			all[name] = value
		}
	}
	return all
}
