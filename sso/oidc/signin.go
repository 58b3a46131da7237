package oidc

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/internal/oauth"
)

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
	options := []oauth2.AuthCodeOption{goidc.Nonce(r.Nonce)}
	if !pr.NoPKCE {
		options = append(options, oauth2.S256ChallengeOption(r.Verifier))
	}
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
		Endpoint: oauth2.Endpoint{AuthURL: doc.Authorization, TokenURL: doc.Token, AuthStyle: pr.style(doc)},
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
	if pr.NoPKCE {
		r.Verifier = ""
	}
	tokens, err := p.client.Redeem(ctx, pr.config(doc, r), code, r.Verifier)
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
	if id, err = p.complete(ctx, pr, doc, id, tokens.AccessToken); err != nil {
		return sso.Assertion{}, err
	}
	a := pr.assertion(id)
	a.Hint = raw
	return a, nil
}

// checkAnswer holds an answer against the request, and against RFC 9207.
func checkAnswer(pr Provider, doc document, r Request, answer url.Values) error {
	issuer, named := answer["iss"]
	return oauth.CheckAnswer(answer, r.State,
		oauth.Rule{Holds: !named || issuer[0] == pr.Issuer, Say: "the answer is of another issuer (iss)"},
		oauth.Rule{Holds: named || !doc.NamesIssuer, Say: "the answer does not name its issuer (iss), although the provider says it would"},
	)
}

// complete adds what userinfo says to what the ID token does not: many providers keep claims
// about a person out of tokens.
func (p *Party) complete(ctx context.Context, pr Provider, doc document, id oauth.Claims, access string) (oauth.Claims, error) {
	if doc.Userinfo == "" || id.Has("email") && id.Has("name") {
		return id, nil
	}
	text, err := p.client.Get(ctx, doc.Userinfo, access)
	if err != nil {
		return nil, sso.Refuse("the userinfo endpoint gave no usable answer", err)
	}
	more, err := oauth.Parse(text)
	if err != nil {
		return nil, sso.Refuse("the userinfo endpoint answered no proper JSON object", err)
	}
	if more.Text("sub") != id.Text("sub") {
		return nil, sso.Refuse("the userinfo endpoint speaks of somebody else than the ID token (sub)", nil)
	}
	return pr.merge(id, more), nil
}

// merge prefers the ID token. An address and whether it is verified stay together: one
// source's word about the other's address proves nothing.
func (pr Provider) merge(id, more oauth.Claims) oauth.Claims {
	all := oauth.Claims{}
	for name, value := range more {
		all[name] = value
	}
	if id.Has("email") {
		delete(all, pr.verified())
	}
	for name, value := range id {
		if name != pr.verified() || id.Has("email") || !more.Has("email") {
			all[name] = value
		}
	}
	return all
}
