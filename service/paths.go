package service

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/store"
)

// A path is a connection with what its settings say.
type path struct {
	store.Connection
	st ConnectionSettings
}

func findPath(ctx context.Context, r store.Records, tenantID, id string) (path, error) {
	c, err := r.Connection(ctx, tenantID, id)
	if err != nil {
		return path{}, missing(err, "SSO configuration")
	}
	st, err := readConnectionSettings(c)
	return path{c, st}, err
}

// same reports whether nobody changed the connection between two reads.
func (w path) same(other path) bool {
	return w.Settings == other.Settings && w.Enabled == other.Enabled && slices.Equal(w.Secret, other.Secret) &&
		slices.Equal(w.RoleIDs, other.RoleIDs)
}

// turned returns the connection as a change leaves it, checked. It asks an OpenID Connect
// provider, so it must not be called inside a transaction.
func (s *Connections) turned(ctx context.Context, by store.Principal, before path, ch ConnectionChange) (path, error) {
	if !by.Can(store.WriteSSO) {
		return path{}, mayNot()
	}
	if err := provenTwice(ctx, s.store, by); err != nil {
		return path{}, err
	}
	next, err := s.apply(before, ch)
	if err != nil {
		return path{}, err
	}
	if next.st.AnyDomain && !before.st.AnyDomain && !fromHost(by) {
		return path{}, fault.New(fault.Forbidden, "skipEmailDomainValidation", "may be set by the environment itself only")
	}
	return next, s.reached(ctx, before, next)
}

// apply makes a change to a copy, and checks it.
func (s *Connections) apply(before path, ch ConnectionChange) (path, error) {
	if ch.Protocol != "" && ch.Protocol != before.Protocol {
		return path{}, fault.New(fault.Invalid, "type", "cannot be changed: add another SSO configuration")
	}
	next := before
	next.st = before.st.copy()
	set(&next.Enabled, ch.Enabled)
	if ch.Settings != nil {
		ch.Settings(&next.st)
	}
	if ch.Secret != nil {
		next.Secret = nil
	}
	if ch.Secret != nil && *ch.Secret != "" {
		if len(*ch.Secret) > maxClientSecret {
			return path{}, fault.New(fault.Invalid, "oidcSecret", "is too long")
		}
		var err error
		if next.Secret, err = s.ring.Seal(connectionPurpose, next.ID, []byte(*ch.Secret)); err != nil {
			return path{}, fmt.Errorf("seal the secret of connection %s: %w", next.ID, err)
		}
	}
	if next.st.SAML != nil {
		var err error
		if next.st.SAML.Certificates, err = settled(next.st.SAML.Certificates); err != nil {
			return path{}, err
		}
	}
	next.st.settle(before.st)
	if err := s.check(next); err != nil {
		return path{}, err
	}
	doc, err := json.Marshal(next.st)
	if err != nil {
		return path{}, fmt.Errorf("write settings of connection %s: %w", next.ID, err)
	}
	next.Settings = string(doc)
	return next, nil
}

// copy shares no memory with s.
func (s ConnectionSettings) copy() ConnectionSettings {
	if s.SAML != nil {
		c := *s.SAML
		c.Certificates, c.Contexts = slices.Clone(c.Certificates), slices.Clone(c.Contexts)
		s.SAML = &c
	}
	if s.OIDC != nil {
		c := *s.OIDC
		c.Scopes, c.Approved = slices.Clone(c.Scopes), slices.Clone(c.Approved)
		s.OIDC = &c
	}
	return s
}

// settle forgets a name that the provider before gave itself, where all keys are others: the
// name belongs to whoever holds the keys.
func (s *ConnectionSettings) settle(before ConnectionSettings) {
	if s.SAML == nil {
		return
	}
	if before.SAML == nil {
		s.SAML.Pinned = false
		return
	}
	s.SAML.Pinned = before.SAML.Pinned && s.SAML.EntityID == before.SAML.EntityID && s.SAML.MetadataAt.Equal(before.SAML.MetadataAt)
	kept := func(c string) bool { return slices.Contains(s.SAML.Certificates, c) }
	if s.SAML.Pinned && !slices.ContainsFunc(before.SAML.Certificates, kept) {
		s.SAML.EntityID, s.SAML.Pinned = "", false
	}
}

// reached makes sure that an OpenID Connect provider which is about to be used is there.
func (s *Connections) reached(ctx context.Context, before, next path) error {
	if next.Protocol != store.OIDC || !next.Enabled || before.Enabled && reflect.DeepEqual(before.st.OIDC, next.st.OIDC) {
		return nil
	}
	p, err := s.relying(next.Connection, next.st)
	if err != nil {
		return err
	}
	err = s.party.Check(ctx, p)
	if why := sso.Diagnosis(err); why != "" { // whoever sets it up has to know
		return fault.New(fault.Invalid, "ssoEndpoint", why).Because(err)
	}
	return err
}

// differences says what of a change concerns those who look after the connection.
func (w path) differences(next path, ch ConnectionChange) []string {
	var what []string
	switch {
	case next.Enabled && !w.Enabled:
		what = append(what, "was turned on")
	case w.Enabled && !next.Enabled:
		what = append(what, "was turned off")
	}
	if ch.Secret != nil || !slices.Equal(w.st.keys(), next.st.keys()) {
		what = append(what, "got other keys")
	}
	if !slices.Equal(w.st.addresses(), next.st.addresses()) {
		what = append(what, "got another provider or other addresses")
	}
	return what
}

// keys are what answers are believed by.
func (s ConnectionSettings) keys() []string {
	if s.SAML == nil {
		return nil
	}
	return s.SAML.Certificates
}

// addresses are where people are sent, who answers and where to.
func (s ConnectionSettings) addresses() []string {
	if o := s.OIDC; o != nil {
		return append([]string{o.Issuer, o.ClientID}, o.Approved...)
	}
	if l := s.SAML; l != nil {
		return []string{
			l.EntityID, l.Redirect, l.POST, l.LogoutGet, l.LogoutPost, l.AnswerGet, l.AnswerPost, l.MetadataURL, l.ACS, l.SPEntityID,
		}
	}
	return nil
}

// replaced reports whether whoever vouched for people before does not any more.
func (w path) replaced(next path) bool {
	if old, now := w.st.OIDC, next.st.OIDC; old != nil && now != nil {
		return old.Issuer != now.Issuer && old.Issuer != ""
	}
	if old, now := w.st.SAML, next.st.SAML; old != nil && now != nil {
		lost := func(c string) bool { return !slices.Contains(now.Certificates, c) }
		return old.EntityID != now.EntityID && old.EntityID != "" || slices.ContainsFunc(old.Certificates, lost)
	}
	return false
}

// A turn is a change that was made to a connection, for what follows from it.
type turn struct {
	by           store.Principal
	before, next path
	what         []string // happened, for those who look after it; empty is nothing of note
	ends         bool     // the sessions that came through it end in any case
}

// follow tells of a change, and ends the sessions that it concerns.
func (s *Connections) follow(ctx context.Context, tx *unit, t turn) error {
	ended, err := 0, error(nil)
	if t.ends || t.before.Enabled && !t.next.Enabled || t.before.replaced(t.next) {
		ended, err = endThrough(ctx, tx, t.before.ID)
	}
	if err != nil {
		return err
	}
	tx.detail = map[string]any{"type": t.next.Protocol, "enabled": t.next.Enabled, "changes": t.what, "sessions": ended}
	if t.before.Enabled != t.next.Enabled { // everybody with an address in its domains is concerned
		if err := tx.revoke(ctx, store.Revocation{TenantID: t.next.TenantID}); err != nil {
			return err
		}
	}
	return s.notices.write(ctx, tx, t)
}

// endThrough ends the sessions that came through a connection.
func endThrough(ctx context.Context, tx *unit, connectionID string) (int, error) {
	all, err := tx.ProviderSessions(ctx, connectionID, "", "")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range all {
		ended, err := endSessions(ctx, tx, p.UserID, p.SessionID)
		if err != nil {
			return n, err
		}
		n += len(ended)
	}
	return n, nil
}

// When a connection has to be looked after.
const (
	metadataEvery = 24 * time.Hour      // its provider's metadata is read again
	expiryAhead   = 30 * 24 * time.Hour // before a certificate runs out its administrators are told
)

// due is when somebody has to look after the connection next: zero is never.
func (s ConnectionSettings) due(now time.Time) time.Time {
	if s.SAML == nil {
		return time.Time{}
	}
	if s.SAML.MetadataURL != "" {
		return now.Add(metadataEvery)
	}
	p, err := s.SAML.provider()
	if err != nil || len(p.Certificates) == 0 {
		return time.Time{}
	}
	first := p.Certificates[0].NotAfter
	for _, c := range p.Certificates {
		if c.NotAfter.Before(first) {
			first = c.NotAfter
		}
	}
	if at := first.Add(-expiryAhead); at.After(now) {
		return at.UTC()
	}
	return now.Add(metadataEvery)
}
