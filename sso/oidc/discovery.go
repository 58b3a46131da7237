package oidc

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
	"golang.org/x/net/publicsuffix"

	"github.com/go-identity/identity/sso"
)

// A document is what a provider says about itself (OpenID Connect Discovery 1.0 §3).
type document struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	Keys          string   `json:"jwks_uri"`
	EndSession    string   `json:"end_session_endpoint"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Auths         []string `json:"token_endpoint_auth_methods_supported"`
	NamesIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
}

// Check fetches the provider's document and keys anew and reports, as a refusal with a
// diagnosis, why nobody could sign in with it. Call it before a connection is saved.
func (p *Party) Check(ctx context.Context, pr Provider) error {
	if err := pr.valid(); err != nil {
		return err
	}
	doc, err := p.load(ctx, pr)
	if err == nil {
		err = p.pin(pr, doc)
	}
	if err != nil {
		return err
	}
	keys, err := p.loadKeys(ctx, doc.Keys)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(keys, func(k key) bool { return slices.ContainsFunc(pr.signing(doc), k.fits) }) {
		return sso.Refuse("the provider publishes no key for an algorithm that is accepted here", nil)
	}
	return nil
}

// discover returns the provider's document, from memory where it can.
func (p *Party) discover(ctx context.Context, pr Provider) (document, error) {
	whose := Provider{Issuer: pr.Issuer, Tenants: pr.Tenants} // no secret is kept with a document
	p.mu.Lock()
	k := slot(p.documents, pr.Issuer+" "+pr.Tenants, func() *kept[document] {
		return &kept[document]{now: p.now, load: func(ctx context.Context) (document, error) { return p.load(ctx, whose) }}
	})
	p.mu.Unlock()
	doc, err := k.current(ctx)
	if err != nil {
		return document{}, refuse("the provider's discovery document cannot be had", err)
	}
	return doc, p.pin(pr, doc)
}

// refuse keeps the diagnosis that an error has already.
func refuse(diagnosis string, err error) error {
	if sso.Diagnosis(err) != "" {
		return err
	}
	return sso.Refuse(diagnosis, err)
}

func (p *Party) load(ctx context.Context, pr Provider) (document, error) {
	at := strings.Replace(pr.Issuer, manyTenants, pr.Tenants, 1)
	text, err := p.client.Get(ctx, strings.TrimSuffix(at, "/")+"/.well-known/openid-configuration", "")
	if err != nil {
		return document{}, sso.Refuse("the provider's discovery document cannot be had", err)
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return document{}, sso.Refuse("the provider's discovery document is no such document", err)
	}
	if doc.Issuer != pr.Issuer {
		return document{}, sso.Refuse("the discovery document is of another issuer: "+
			"write the issuer exactly as the provider does, the final slash included", nil)
	}
	return doc, nil
}

// pin refuses a document that sends us elsewhere: what it says is as much in the hands of
// others as the tenant that chose the issuer.
func (p *Party) pin(pr Provider, doc document) error {
	for _, e := range []struct {
		name, address string
		optional      bool
	}{
		{"authorization_endpoint", doc.Authorization, false},
		{"token_endpoint", doc.Token, false},
		{"jwks_uri", doc.Keys, false},
		{"userinfo_endpoint", doc.Userinfo, true},
		{"end_session_endpoint", doc.EndSession, true},
	} {
		if e.address == "" && e.optional {
			continue
		}
		if err := p.pinned(pr, e.address); err != nil {
			return sso.Refuse("the provider's "+e.name+" may not be used: it must be a public https address "+
				"in the issuer's domain, or on a host approved for the connection", err)
		}
	}
	return nil
}

func (p *Party) pinned(pr Provider, address string) error {
	at, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("read %.200q: %w", address, err)
	}
	issuer, err := url.Parse(pr.Issuer)
	if err != nil {
		return fmt.Errorf("read the issuer: %w", err)
	}
	host := strings.ToLower(at.Hostname())
	if at.Scheme != "https" && at.Scheme != issuer.Scheme || at.User != nil || at.Fragment != "" || host == "" {
		return fmt.Errorf("%.200q is no https address", address)
	}
	if !sameSite(host, strings.ToLower(issuer.Hostname())) && !slices.Contains(pr.Approved, host) {
		return fmt.Errorf("host %.200q is not the issuer's", host)
	}
	return p.checkURL(address)
}

// sameSite reports whether two hosts are one or belong to one registrable domain.
func sameSite(a, b string) bool {
	if a == b {
		return true
	}
	if _, err := netip.ParseAddr(a); err == nil {
		return false
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(a)
	other, errOther := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && errOther == nil && site == other
}
