package service

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// Refresh exchanges a refresh token for its successor and a new access token. A token
// that was replaced already gets that same successor while the grace lasts, for the
// client that had it; any other use of it is a theft: the family ends and the reuse is
// recorded. A tenant in by moves the session there: Forbidden where the user may not
// enter it, or the session is confined to another. Text that this environment never made is refused without a look at the store.
func (s *SignIn) Refresh(ctx context.Context, by store.Principal, refresh string) (Login, error) {
	userID, id, hash, err := s.ring.ParseToken(refreshSecret, refresh)
	if err != nil {
		return Login{}, errRefresh(err)
	}
	if err := s.feed.Fresh(ctx); err != nil {
		return Login{}, err
	}
	x := exchange{text: refresh, hash: hash, generation: s.feed.Generation()}
	// What is cached can only lose the race for the statement that replaces the secret. What it
	// refuses is looked at once more: the session may have been refreshed into another tenant by
	// another process since, and then the token is an old one.
	if o, ok := s.people.sessionSlot(userID, id).get(); ok && s.continues(o) && secret.Equal(o.Hash, hash) {
		if l, err := s.rotate(ctx, by, o, x); err != errRaced && !refuses(err) {
			return l, err
		}
	}
	// A lost race is looked at once more: then the winner's rotation is there to see.
	for range 2 {
		o, err := s.people.freshSession(ctx, userID, id)
		if err != nil {
			return Login{}, refusedRefresh(err)
		}
		if !s.continues(o) {
			return Login{}, errRefresh(errors.New("the session ended"))
		}
		if !secret.Equal(o.Hash, hash) {
			return s.replay(ctx, by, o, x)
		}
		l, err := s.rotate(ctx, by, o, x)
		if err != errRaced {
			return l, err
		}
	}
	return Login{}, errRefresh(errors.New("the session changed meanwhile"))
}

// An exchange is a refresh token that was shown to get its successor.
type exchange struct {
	text       string
	hash       []byte
	generation uint64 // of the feed, before anything was read
}

// continues reports whether a session can be refreshed.
func (s *SignIn) continues(o store.Session) bool {
	return o.Kind == store.Family && s.policy.alive(o, s.now())
}

func refusedRefresh(err error) error {
	if err = lost(err); fault.From(err).Code == fault.Unauthenticated {
		return errRefresh(err)
	}
	return err
}

// refuses reports whether err says that the session may not go on as asked.
func refuses(err error) bool {
	f := fault.From(err)
	return f != nil && (f.Code == fault.Unauthenticated || f.Code == fault.Forbidden)
}

// errRaced means that another caller rotated the family first.
var errRaced = errors.New("the session was rotated meanwhile")

// rotate replaces the current secret of a family, or returns errRaced.
func (s *SignIn) rotate(ctx context.Context, by store.Principal, o store.Session, x exchange) (Login, error) {
	from := o.TenantID
	if by.TenantID != "" && by.TenantID != from {
		if err := leaves(o.OnlyTenantID, by.TenantID); err != nil {
			return Login{}, err
		}
		if err := s.enter(ctx, o.UserID, by.TenantID); err != nil {
			return Login{}, err
		}
		o.TenantID = by.TenantID
	}
	l, err := s.standing(ctx, by, o)
	if err == nil && !l.MFARequired {
		l, err = s.mint(ctx, l) // first: where there is no token to give, the refresh token stays good
	}
	if err != nil || l.MFARequired {
		return l, err
	}
	text, next, err := s.ring.NewToken(refreshSecret, o.UserID, o.ID)
	if err != nil {
		return Login{}, fmt.Errorf("make a refresh token: %w", err)
	}
	sealed, err := secret.SealUnder([]byte(x.text), successorPurpose, []byte(text))
	if err != nil {
		return Login{}, fmt.Errorf("seal a refresh token: %w", err)
	}
	by.Kind, by.ID, by.TenantID = store.UserKind, o.UserID, o.TenantID
	r := store.Rotation{
		UserID: o.UserID, ID: o.ID, From: x.hash, To: next, Successor: sealed, FromTenantID: from, TenantID: o.TenantID,
		UserAgent: clip(by.UserAgent), IP: by.IP,
	}
	err = s.hot(ctx, by, "session.refreshed", o.ID, func(tx *unit) error {
		r.At, r.ExpiresAt = tx.at, s.policy.slide(store.Family, tx.at, o.EndsAt)
		return tx.RotateSession(ctx, r)
	})
	if errors.Is(err, store.ErrNotFound) {
		return Login{}, errRaced
	}
	if err != nil {
		return Login{}, err
	}
	l.Secret, l.Session = text, rotated(o, r)
	s.people.sessionSlot(o.UserID, o.ID).put(l.Session, x.generation)
	return l, nil
}

// rotated is what r made of the session.
func rotated(o store.Session, r store.Rotation) store.Session {
	o.Hash, o.PreviousHash, o.Successor, o.RotatedAt = r.To, r.From, r.Successor, r.At
	o.TenantID, o.UserAgent, o.IP, o.LastUsedAt, o.ExpiresAt = r.TenantID, r.UserAgent, r.IP, r.At, r.ExpiresAt
	return o
}

const successorPurpose = "refresh token successor"

// enter refuses a switch to a tenant that the user may not enter.
func (s *SignIn) enter(ctx context.Context, userID, tenantID string) error {
	_, err := s.people.resident(ctx, userID, tenantID)
	if errors.Is(err, store.ErrNotFound) {
		return fault.New(fault.Forbidden, "", "no member of this tenant").Because(err)
	}
	return err
}

// standing is the login that a session continues; its user must still be welcome. A session
// that lacks a second factor by now is answered with the question for it.
func (s *SignIn) standing(ctx context.Context, by store.Principal, o store.Session) (Login, error) {
	r, err := s.people.resident(ctx, o.UserID, o.TenantID)
	if err == nil {
		r, err = s.people.whole(ctx, r)
	}
	if err != nil {
		return Login{}, refusedRefresh(err)
	}
	owed, err := s.demands.ofSession(ctx, r.demand, o)
	if err != nil {
		return Login{}, lost(err)
	}
	if owed {
		return s.askAgain(ctx, by, r.user, o)
	}
	return Login{User: r.user, Session: o, tenantIDs: confine(r.tenantIDs, o.OnlyTenantID)}, nil
}

// replay answers a refresh token that is not the current one.
func (s *SignIn) replay(ctx context.Context, by store.Principal, o store.Session, x exchange) (Login, error) {
	graceful := secret.Equal(o.PreviousHash, x.hash) && s.now().Before(o.RotatedAt.Add(s.policy.ReuseGrace))
	if graceful && s.sameClient(by, o) {
		text, err := secret.OpenUnder([]byte(x.text), successorPurpose, o.Successor)
		if err != nil {
			return Login{}, fmt.Errorf("open a refresh token: %w", err)
		}
		l, err := s.standing(ctx, by, o)
		if err != nil || l.MFARequired {
			return l, err
		}
		l.Secret = string(text)
		return s.mint(ctx, l)
	}
	by.TenantID = o.TenantID
	err := s.change(ctx, by, "session.reuse_detected", o.ID, func(tx *unit) error {
		_, err := endSessions(ctx, tx, o.UserID, o.ID)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	return Login{}, errRefresh(errors.New("a refresh token was used again"))
}

// sameClient reports whether by looks like the client that rotated the session: by the
// device cookie, or without one by user agent and network.
func (s *SignIn) sameClient(by store.Principal, o store.Session) bool {
	if o.Device != "" {
		return s.device(by) == o.Device
	}
	return clip(by.UserAgent) == o.UserAgent && network(by.IP) == network(o.IP)
}

// network is the part of an address that a client keeps while it moves about.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	bits := 64
	if a = a.Unmap(); a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ip
	}
	return p.String()
}
