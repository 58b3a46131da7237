package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// SSOAttempts are what came through the connections of a tenant, for its administrator to
// find out why somebody does not get in. What they show of people is shortened.
type SSOAttempts struct {
	*base
	ring        *secret.Ring
	connections *Connections
}

const (
	keptAttempts   = 20        // of each connection
	maxDocument    = 256 << 10 // of an answer that is kept
	attemptPurpose = "sso attempt"
)

// An SSOAttempt is one try to sign in.
type SSOAttempt struct {
	store.SSOAttempt
	// Shown is the answer that came, for people to read; empty where none was kept.
	Shown string
}

// record keeps a try. Attributes is all that the provider said, a JSON object of lists of
// text. A SAML answer is kept as its form had it; one of OpenID Connect is worth nothing once
// it was used, so there it is the attributes. A try is kept even when the client hung up; a
// failure is logged.
func (s *SSOAttempts) record(ctx context.Context, c store.Connection, a store.SSOAttempt, document string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	if c.Protocol == store.OIDC {
		document = a.Attributes
	}
	a.TenantID, a.ConnectionID, a.ID, a.At = c.TenantID, c.ID, s.newID(), s.now()
	a.Subject, a.Email, a.Diagnosis = redact(a.Subject), redact(a.Email), clip(a.Diagnosis)
	a.IP, a.UserAgent, a.Attributes = clip(a.IP), clip(a.UserAgent), redactClaims(a.Attributes)
	err := s.seal(&a, document)
	if err == nil {
		err = s.store.CreateSSOAttempt(ctx, a, keptAttempts)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) { // the connection may have been deleted meanwhile
		s.log.WarnContext(ctx, "keep a single sign-on attempt", "connection", c.ID, "error", err)
	}
}

func (s *SSOAttempts) seal(a *store.SSOAttempt, document string) (err error) {
	a.Document = nil
	if document != "" && len(document) <= maxDocument {
		a.Document, err = s.ring.Seal(attemptPurpose, a.ID, []byte(document))
	}
	return err
}

// List returns the newest attempts through a connection of the caller's tenant, newest
// first, without what came.
func (s *SSOAttempts) List(ctx context.Context, by store.Principal, connectionID string) ([]store.SSOAttempt, error) {
	if !by.Can(store.ReadSSO) {
		return nil, mayNot()
	}
	if _, err := s.store.Connection(ctx, by.TenantID, connectionID); err != nil {
		return nil, missing(err, "SSO configuration")
	}
	return s.store.SSOAttempts(ctx, by.TenantID, connectionID)
}

// Read returns one attempt with what came, shortened.
func (s *SSOAttempts) Read(ctx context.Context, by store.Principal, id string) (SSOAttempt, error) {
	a, c, document, err := s.find(ctx, by, id)
	if err != nil {
		return SSOAttempt{}, err
	}
	out := SSOAttempt{SSOAttempt: a}
	out.Document = nil
	switch c.Protocol {
	case store.SAML:
		if out.Shown, err = saml.Redact(document, redact); err != nil {
			out.Shown = ""
		}
	case store.OIDC:
		out.Shown = redactClaims(document)
	}
	return out, nil
}

// find returns an attempt of the caller's tenant, its connection and what came.
func (s *SSOAttempts) find(
	ctx context.Context, by store.Principal, id string,
) (a store.SSOAttempt, c store.Connection, document string, err error) {
	if !by.Can(store.ReadSSO) {
		return a, c, "", mayNot()
	}
	if a, err = s.store.SSOAttempt(ctx, by.TenantID, id); err != nil {
		return a, c, "", missing(err, "SSO attempt")
	}
	if c, err = s.store.Connection(ctx, by.TenantID, a.ConnectionID); err != nil || len(a.Document) == 0 {
		return a, c, "", missing(err, "SSO configuration")
	}
	text, err := s.ring.Open(attemptPurpose, a.ID, a.Document)
	if err != nil { // the secret it was sealed under may be gone
		s.log.WarnContext(ctx, "open a single sign-on attempt", "attempt", a.ID, "error", err)
	}
	return a, c, string(text), nil
}

// redact shortens what may say who somebody is: of an address it leaves the first letter and
// the domain, of anything else that is not short two letters.
func redact(text string) string {
	if text == "" || !store.Storable(text) {
		return ""
	}
	letters := []rune(text[:min(len(text), 16)])
	if at := strings.LastIndexByte(text, '@'); at > 0 && len(text)-at < maxName {
		return string(letters[0]) + "…" + text[at:]
	}
	if len(letters) < 6 {
		return "…"
	}
	return string(letters[:2]) + "…"
}

// redactClaims shortens every text in a JSON object of lists of text. What is no such object
// is left out.
func redactClaims(doc string) string {
	var all map[string][]string
	if doc == "" || json.Unmarshal([]byte(doc), &all) != nil {
		return ""
	}
	for name, values := range all {
		values = slices.Clone(values)
		for i, v := range values {
			values[i] = redact(v)
		}
		all[name] = values
	}
	text, err := json.Marshal(all)
	if err != nil || !store.Storable(string(text)) {
		return ""
	}
	return string(text)
}

// Attributes returns what the provider said in an attempt, by name, shortened.
func Attributes(a store.SSOAttempt) map[string][]string {
	all := map[string][]string{}
	if a.Attributes == "" || json.Unmarshal([]byte(a.Attributes), &all) != nil || all == nil {
		return map[string][]string{}
	}
	return all
}
