package service

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A Gate turns credentials into principals. A token that was verified once is known by
// its hash; what it may do is read from the store, never from its claims, and read again
// whenever the [Feed] says that something changed.
type Gate struct {
	*base
	feed    *Feed
	keys    *Keys
	ring    *secret.Ring
	expect  token.Expect // but for the time, the type and the issuer
	tokens  *token.Cache[ticket]
	people  *people
	demands *demands
	session SessionPolicy
}

// A ticket is what the gate remembers of a verified token or cookie.
type ticket struct {
	kind      store.Kind
	userID    string // or the management credential
	sessionID string
	tenantID  string
	hash      []byte // of a cookie's secret; nil for a token: one is never taken for the other
	steppedUp bool   // the token was made when a second factor had just been shown
	expires   time.Time
	epoch     uint64 // of the keys that verified a token
	known     atomic.Pointer[standing]
}

// A standing is a principal as of one generation of the feed.
type standing struct {
	generation uint64
	principal  store.Principal
	renewAt    time.Time // of a cookie: extend the session when used after
}

// refused is the one answer to a credential that does not hold, whatever the reason.
func refused(cause error) error {
	return fault.New(fault.Unauthenticated, "", "sign in first").Because(cause)
}

// Resolve returns who the bearer token stands for; the principal is shared between
// requests and must not be changed. Every reason to refuse it is the same
// Unauthenticated error; Unavailable means that the store could not be asked.
func (g *Gate) Resolve(ctx context.Context, raw string) (*store.Principal, error) {
	now, err := g.current(ctx)
	if err != nil {
		return nil, err
	}
	if t, ok := g.tokens.Get(raw, now); ok && t.hash == nil && t.epoch == g.keys.epoch.Load() {
		return g.stand(ctx, t, now)
	}
	t, err := g.verify(ctx, raw, now)
	if err != nil {
		return nil, err
	}
	p, err := g.stand(ctx, t, now)
	if err == nil {
		g.tokens.Put(raw, t.expires, t)
	}
	return p, err
}

// verify checks everything about the token itself.
func (g *Gate) verify(ctx context.Context, raw string, now time.Time) (*ticket, error) {
	epoch := g.keys.epoch.Load() // before the keys: a revocation in between is noticed
	set := g.keys.chain.Load().set
	payload, err := set.Verify(raw, token.AccessType, now)
	kind := store.UserKind
	if errors.Is(err, token.ErrType) {
		payload, err = set.Verify(raw, token.ManagementType, now)
		kind = store.ManagementKind
	}
	if err != nil {
		return nil, refused(err)
	}
	c, err := token.ParseClaims(payload)
	if err != nil {
		return nil, refused(err)
	}
	want := g.expect
	if want.Issuer, err = g.keys.issued(ctx, c.Issuer); err != nil {
		return nil, err
	}
	want.Now, want.Type = now, userToken
	if kind == store.ManagementKind {
		want.Type = vendorToken
	}
	if err := c.Check(want); err != nil {
		return nil, refused(err)
	}
	t := &ticket{
		kind: kind, userID: c.Subject, sessionID: c.SessionID, tenantID: c.TenantID, expires: c.Expires(), epoch: epoch,
		steppedUp: c.Context == store.MultiFactor,
	}
	if kind == store.UserKind && (t.sessionID == "" || t.tenantID == "") {
		return nil, refused(token.ErrClaims)
	}
	return t, nil
}

// ResolveCookie returns who the session cookie stands for, and until when the cookie was
// renewed; a zero time means that it was not.
func (g *Gate) ResolveCookie(ctx context.Context, cookie string) (*store.Principal, time.Time, error) {
	none := time.Time{}
	now, err := g.current(ctx)
	if err != nil {
		return nil, none, err
	}
	t, ok := g.tokens.Get(cookie, now)
	if ok = ok && t.hash != nil; !ok {
		userID, sessionID, hash, err := g.ring.ParseToken(browserSecret, cookie)
		if err != nil {
			return nil, none, refused(err)
		}
		t = &ticket{kind: store.UserKind, userID: userID, sessionID: sessionID, hash: hash}
	}
	p, err := g.stand(ctx, t, now)
	if err != nil {
		return nil, none, err
	}
	if !ok {
		t.expires = p.ExpiresAt
		g.tokens.Put(cookie, t.expires, t)
	}
	until, err := g.extend(ctx, t, now)
	return p, until, err
}

// extend moves a browser session's expiry, at most once a minute.
func (g *Gate) extend(ctx context.Context, t *ticket, now time.Time) (time.Time, error) {
	st := t.known.Load()
	if st == nil || now.Before(st.renewAt) {
		return time.Time{}, nil
	}
	next := *st
	next.renewAt = now.Add(touchEvery)
	if !t.known.CompareAndSwap(st, &next) {
		return time.Time{}, nil // another request does it
	}
	s, err := g.people.session(ctx, t.userID, t.sessionID)
	if err != nil {
		return time.Time{}, refused(err)
	}
	until := g.session.slide(store.Browser, now, s.EndsAt)
	if err := g.store.ExtendSession(ctx, t.userID, t.sessionID, now, until); err != nil {
		return time.Time{}, refused(err)
	}
	g.people.forget(store.Revocation{UserID: t.userID})
	return until, nil
}

// touchEvery bounds how often the use of a session is written.
const touchEvery = time.Minute

// stand returns the principal of t as of now.
func (g *Gate) stand(ctx context.Context, t *ticket, now time.Time) (*store.Principal, error) {
	generation := g.feed.Generation()
	st := t.known.Load()
	if st == nil || st.generation != generation {
		p, renewAt, err := g.load(ctx, t)
		if err != nil {
			return nil, err
		}
		st = &standing{generation: generation, principal: p, renewAt: renewAt}
		t.known.Store(st)
	}
	if !st.principal.ExpiresAt.After(now) {
		return nil, refused(nil)
	}
	return &st.principal, nil
}

// current makes sure that what this process has cached is good enough to decide by, and
// returns the time to decide at.
func (g *Gate) current(ctx context.Context) (time.Time, error) {
	if now := g.now(); g.feed.fresh(now) && g.keys.settled(now) {
		return now, nil
	}
	_, err := g.keys.current(ctx)
	return g.now(), err
}

func (g *Gate) load(ctx context.Context, t *ticket) (store.Principal, time.Time, error) {
	if t.kind == store.ManagementKind {
		p, err := g.loadManagement(ctx, t)
		return p, time.Time{}, err
	}
	s, err := g.people.session(ctx, t.userID, t.sessionID)
	if err == nil && g.session.idle(s, g.now()) {
		s, err = g.people.freshSession(ctx, t.userID, t.sessionID) // another process may have seen it used
	}
	if err != nil {
		return store.Principal{}, time.Time{}, lost(err)
	}
	if !g.session.alive(s, g.now()) || t.hash != nil && !secret.Equal(t.hash, s.Hash) {
		return store.Principal{}, time.Time{}, refused(nil)
	}
	tenantID := t.tenantID
	if t.hash != nil {
		tenantID = s.TenantID // a cookie follows a switch at once, a token at its next refresh
	}
	if err := leaves(s.OnlyTenantID, tenantID); err != nil {
		return store.Principal{}, time.Time{}, refused(err)
	}
	r, err := g.people.resident(ctx, t.userID, tenantID)
	if err != nil {
		return store.Principal{}, time.Time{}, lost(err)
	}
	p := r.principal
	p.SessionID, p.Methods, p.AuthTime = s.ID, s.Methods, s.AuthTime
	p.ExpiresAt, p.OnlyTenantID = s.EndsAt, s.OnlyTenantID
	if t.hash != nil {
		p.ExpiresAt, p.StepUpUntil = s.ExpiresAt, s.AuthTime.Add(g.session.AccessToken)
		return p, s.LastUsedAt.Add(touchEvery), g.owing(ctx, r.demand, s)
	}
	if t.expires.Before(p.ExpiresAt) {
		p.ExpiresAt = t.expires
	}
	if t.steppedUp {
		p.StepUpUntil = p.ExpiresAt
	}
	return p, time.Time{}, nil
}

// owing refuses a cookie whose session lacks a second factor that a policy asks for by now.
// A token finds out when it is refreshed.
func (g *Gate) owing(ctx context.Context, asked demand, s store.Session) error {
	owed, err := g.demands.ofSession(ctx, asked, s)
	if err != nil {
		return lost(err)
	}
	if owed {
		return refused(errors.New("the session lacks a second factor"))
	}
	return nil
}

func (g *Gate) loadManagement(ctx context.Context, t *ticket) (store.Principal, error) {
	c, err := g.store.ManagementCredential(ctx, t.userID)
	if err != nil {
		return store.Principal{}, lost(err)
	}
	return store.Principal{Kind: store.ManagementKind, ID: c.ID, Name: c.Name, ExpiresAt: t.expires}, nil
}

// lost tells a credential that no longer holds from a store that does not answer.
func lost(err error) error {
	var f *fault.Error
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refused(err)
	case errors.As(err, &f):
		return err
	}
	return fault.Retry(fault.Unavailable, "rights cannot be checked now", time.Second).Because(err)
}
