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
// enter it. Text that this environment never made is refused without a look at the store.
func (s *SignIn) Refresh(ctx context.Context, by store.Principal, refresh string) (Login, error) {
	userID, id, hash, err := s.ring.ParseToken(refreshSecret, refresh)
	if err != nil {
		return Login{}, errRefresh(err)
	}
	if err := s.feed.Fresh(ctx); err != nil {
		return Login{}, err
	}
	// A lost race is looked at once more: then the winner's rotation is there to see.
	for range 2 {
		o, err := s.store.Session(ctx, userID, id)
		if err != nil {
			return Login{}, refusedRefresh(err)
		}
		if o.Kind != store.Family || !s.policy.alive(o, s.now()) {
			return Login{}, errRefresh(errors.New("the session ended"))
		}
		if !secret.Equal(o.Hash, hash) {
			return s.replay(ctx, by, o, refresh, hash)
		}
		l, err := s.rotate(ctx, by, o, refresh, hash)
		if err != errRaced {
			return l, err
		}
	}
	return Login{}, errRefresh(errors.New("the session changed meanwhile"))
}

func refusedRefresh(err error) error {
	if err = lost(err); fault.From(err).Code == fault.Unauthenticated {
		return errRefresh(err)
	}
	return err
}

// errRaced means that another caller rotated the family first.
var errRaced = errors.New("the session was rotated meanwhile")

// rotate replaces the current secret of a family, or returns errRaced.
func (s *SignIn) rotate(ctx context.Context, by store.Principal, o store.Session, refresh string, hash []byte) (Login, error) {
	if by.TenantID != "" && by.TenantID != o.TenantID {
		if err := s.enter(ctx, o.UserID, by.TenantID); err != nil {
			return Login{}, err
		}
		o.TenantID = by.TenantID
	}
	l, err := s.standing(ctx, o)
	if err == nil {
		l, err = s.mint(ctx, l) // first: where there is no token to give, the refresh token stays good
	}
	if err != nil {
		return Login{}, err
	}
	text, next, err := s.ring.NewToken(refreshSecret, o.UserID, o.ID)
	if err != nil {
		return Login{}, fmt.Errorf("make a refresh token: %w", err)
	}
	sealed, err := secret.SealUnder([]byte(refresh), successorPurpose, []byte(text))
	if err != nil {
		return Login{}, fmt.Errorf("seal a refresh token: %w", err)
	}
	by.Kind, by.ID, by.TenantID = store.UserKind, o.UserID, o.TenantID
	r := store.Rotation{
		UserID: o.UserID, ID: o.ID, From: hash, To: next, Successor: sealed, TenantID: o.TenantID,
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
	l.Secret, l.Session.ExpiresAt, l.Session.LastUsedAt = text, r.ExpiresAt, r.At
	return l, nil
}

const successorPurpose = "refresh token successor"

// enter refuses a switch to a tenant that the user may not enter.
func (s *SignIn) enter(ctx context.Context, userID, tenantID string) error {
	_, err := s.people.principal(ctx, userID, tenantID)
	if errors.Is(err, store.ErrNotFound) {
		return fault.New(fault.Forbidden, "", "no member of this tenant").Because(err)
	}
	return err
}

// standing is the login that a session continues; its user must still be welcome.
func (s *SignIn) standing(ctx context.Context, o store.Session) (Login, error) {
	if _, err := s.people.principal(ctx, o.UserID, o.TenantID); err != nil {
		return Login{}, refusedRefresh(err)
	}
	u, err := s.store.User(ctx, o.UserID)
	if err != nil {
		return Login{}, refusedRefresh(err)
	}
	return Login{User: u, Session: o}, nil
}

// replay answers a refresh token that is not the current one.
func (s *SignIn) replay(ctx context.Context, by store.Principal, o store.Session, refresh string, hash []byte) (Login, error) {
	graceful := secret.Equal(o.PreviousHash, hash) && s.now().Before(o.RotatedAt.Add(s.policy.ReuseGrace))
	if graceful && s.sameClient(by, o) {
		text, err := secret.OpenUnder([]byte(refresh), successorPurpose, o.Successor)
		if err != nil {
			return Login{}, fmt.Errorf("open a refresh token: %w", err)
		}
		l, err := s.standing(ctx, o)
		if err != nil {
			return Login{}, err
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
