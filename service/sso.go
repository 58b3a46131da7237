package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/store"
)

// SSO signs people in through the identity providers of tenants, and out.
//
// Somebody leaves for a provider by [SSO.Begin] and comes back by [SSO.Finish], in the browser
// that they left from. Whatever is wrong with what they bring, they see the one refusal of
// [sso.Refuse]; the administrator of the connection sees the diagnosis.
type SSO struct {
	*base
	signin      *SignIn
	connections *Connections
	domains     *Domains
	visitors    *visitors
	attempts    *SSOAttempts
	party       *oidc.Party
	ring        *secret.Ring
	targets     targets
	baseURL     string
	everyLogin  bool // a person's groups count at each login; else at the first
}

// A Start says who wants to sign in, how the session is to be carried, and where to go then.
type Start struct {
	Email        string // its domain leads to a connection
	TenantID     string // leads to the tenant's; may be empty
	ConnectionID string // leads straight to one, in place of the others; may be empty
	Kind         store.SessionKind
	Next         string // a path here, or an address at a trusted origin; anything else is home
	Browser      string // the value of the cookie that [Departure] named; empty where the browser has none
}

// A Departure is how a browser gets to a provider.
type Departure struct {
	Address      string // to send the browser to: the provider's, or a page of ours with a form for it
	Browser      string // for the browser's cookie, for VoyageLife: only this browser can come back
	ConnectionID string
	TenantID     string
	Protocol     store.Protocol
}

// VoyageLife is how long the cookie of a browser lasts that left for a provider.
const VoyageLife = 15 * time.Minute

// A Form is a message that goes to a provider by a form which sends itself.
type Form struct {
	Action string     `json:"action"`
	Fields url.Values `json:"fields"`
}

// A voyage is a browser on its way to a provider and back. Its handle is known to that
// browser and the provider; only a hash of it is kept.
type voyage struct {
	ConnectionID string            `json:"connectionId"`
	TenantID     string            `json:"tenantId"`
	Kind         store.SessionKind `json:"kind,omitempty"`
	Next         string            `json:"next"`

	RequestID   string `json:"requestId,omitempty"` // SAML
	Form        *Form  `json:"form,omitempty"`
	Nonce       string `json:"nonce,omitempty"` // OpenID Connect
	Verifier    string `json:"verifier,omitempty"`
	RedirectURI string `json:"redirectUri,omitempty"`

	Leaving   bool `json:"leaving,omitempty"`   // to sign out there
	Rehearsal bool `json:"rehearsal,omitempty"` // to sign nobody in
}

// errVoyage is the refusal of what belongs to no sign-in that this browser began.
func errVoyage(diagnosis string) error { return sso.Refuse(diagnosis, nil) }

// launch keeps a voyage until it is over.
func (s *SSO) launch(ctx context.Context, by store.Principal, handle []byte, browser string, f voyage) error {
	doc, err := json.Marshal(f)
	if err != nil {
		return err
	}
	action := "sso.begun"
	if f.Leaving {
		action = "sso.left"
	}
	by.TenantID = f.TenantID
	return s.hot(ctx, by, action, f.ConnectionID, func(tx *unit) error {
		return tx.CreateChallenge(ctx, store.Challenge{
			ID: tx.newID(), Purpose: store.SSO, Hash: handle, Subject: s.subjectOf(f, browser), Binding: s.binding(browser),
			Data: string(doc), CreatedAt: tx.at, ExpiresAt: tx.at.Add(challengeLife),
		})
	})
}

// subjectOf is what the newest voyage of a browser through a connection is found by.
func (s *SSO) subjectOf(f voyage, browser string) string {
	return subject(s.ring.MAC("sso voyage", f.ConnectionID, browser))
}

// binding is what is kept of a browser.
func (s *SSO) binding(browser string) string { return subject(s.ring.MAC("sso browser", browser)) }

// browserOf returns the value of the cookie that binds a browser: its own, so that several tabs
// can be on their way at once, or a new one.
func browserOf(value string) (string, error) {
	if len(value) == linkTokenSize {
		return value, nil
	}
	text, _, err := secret.NewLinkToken()
	return text, err
}

const linkTokenSize = 43 // of 256 bits in base64url

// errNoVoyage means that a handle is none of ours.
var errNoVoyage = errors.New("no such voyage")

// voyage finds what a handle stands for, if it is this browser's and not over.
func (s *SSO) voyage(ctx context.Context, handle, browser string) (voyage, store.Challenge, error) {
	var f voyage
	if handle == "" || len(handle) != linkTokenSize {
		return f, store.Challenge{}, errNoVoyage
	}
	c, err := s.store.Challenge(ctx, store.SSO, secret.Hash(handle))
	if errors.Is(err, store.ErrNotFound) {
		return f, c, errNoVoyage
	}
	if err != nil {
		return f, c, fmt.Errorf("find a sign-in: %w", err)
	}
	if err := json.Unmarshal([]byte(c.Data), &f); err != nil {
		return f, c, fmt.Errorf("read a sign-in: %w", err)
	}
	switch {
	case browser == "" || c.Binding != s.binding(browser):
		return f, c, errVoyage("the answer came to another browser than the sign-in began in, or its cookies were lost")
	case !c.UsedAt.IsZero():
		return f, c, errVoyage("the answer came for the second time: each sign-in is good for one")
	case !s.now().Before(c.ExpiresAt):
		return f, c, errVoyage("the answer came too late: more than 10 minutes after the sign-in began")
	}
	return f, c, nil
}

// land is voyage for an answer: of many that come at once exactly one gets it.
func (s *SSO) land(ctx context.Context, handle, browser string) (voyage, error) {
	f, c, err := s.voyage(ctx, handle, browser)
	if err != nil {
		return f, err
	}
	_, err = s.store.ConsumeChallenge(ctx, store.SSO, c.Hash, s.now())
	if errors.Is(err, store.ErrNotFound) {
		return f, errVoyage("the answer came for the second time: each sign-in is good for one")
	}
	return f, err
}

// Form returns the form that the browser which left with the handle takes to the provider.
// There is none for any other.
func (s *SSO) Form(ctx context.Context, handle, browser string) (Form, error) {
	f, _, err := s.voyage(ctx, handle, browser)
	switch {
	case err == nil && f.Form != nil:
		return *f.Form, nil
	case err == nil || errors.Is(err, errNoVoyage) || sso.Diagnosis(err) != "":
		return Form{}, fault.New(fault.NotFound, "", "this sign-in is over: begin again").Because(err)
	}
	return Form{}, err
}

func newSSO(b *base, c Config, s *Services) *SSO {
	return &SSO{
		base: b, signin: s.SignIn, connections: s.Connections, domains: s.Domains, visitors: &visitors{b, c.PerTenant},
		attempts: s.SSOAttempts, party: s.Connections.party, ring: c.Ring, targets: newTargets(c), baseURL: c.BaseURL,
		everyLogin: c.EveryGroup,
	}
}
