package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A SessionPolicy says how long a sign-in lasts.
type SessionPolicy struct {
	Idle          time.Duration // without use
	Absolute      time.Duration // in any case
	Max           int           // sessions a user may have at once, the oldest ends; 0 is no limit
	ReuseGrace    time.Duration // in which a refresh token that was replaced still gets its successor
	RevocationLag time.Duration // after which a revocation holds in every process
	Skew          time.Duration // by which the clocks of the processes may differ
	AccessToken   time.Duration // life of an access token
}

// slide returns the expiry of a session that is used at now.
func (p SessionPolicy) slide(_ store.SessionKind, now, ends time.Time) time.Time {
	if until := now.Add(p.Idle); until.Before(ends) {
		return until
	}
	return ends
}

// alive reports whether a session may be used at now. One from the future was made while a
// clock was wrong and would live too long.
func (p SessionPolicy) alive(s store.Session, now time.Time) bool {
	return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) && now.Before(s.EndsAt) && !now.Add(p.Skew).Before(s.CreatedAt)
}

// idle reports whether nothing but a lack of use has ended the session.
func (p SessionPolicy) idle(s store.Session, now time.Time) bool {
	return s.RevokedAt.IsZero() && !now.Before(s.ExpiresAt) && now.Before(s.EndsAt)
}

// Sessions are the sign-ins of a user, as the user sees and ends them.
type Sessions struct{ *base }

// List returns the living sessions of the user that by acts for, newest first. A session that
// is confined to one tenant sees and ends those that act there, and no others.
func (s *Sessions) List(ctx context.Context, by store.Principal) ([]store.Session, error) {
	all, err := s.store.Sessions(ctx, by.UserID, s.now())
	return slices.DeleteFunc(all, func(o store.Session) bool { return leaves(by.OnlyTenantID, o.TenantID) != nil }), err
}

// Current returns the session of by's own credential, or NotFound where it has none.
func (s *Sessions) Current(ctx context.Context, by store.Principal) (store.Session, error) {
	if by.SessionID == "" {
		return store.Session{}, fault.New(fault.NotFound, "", "this credential belongs to no session")
	}
	return s.store.Session(ctx, by.UserID, by.SessionID)
}

// End ends one session of the user that by acts for. One that is not the user's, or ended
// already, is NotFound.
func (s *Sessions) End(ctx context.Context, by store.Principal, id string) error {
	return s.change(ctx, by, "session.ended", id, func(tx *unit) error {
		if by.OnlyTenantID != "" {
			o, err := tx.Session(ctx, by.UserID, id)
			if err != nil || o.TenantID != by.OnlyTenantID {
				return errors.Join(err, store.ErrNotFound)
			}
		}
		ended, err := endSessions(ctx, tx, by.UserID, id)
		if err == nil && len(ended) == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// EndAll ends every session of the user that by acts for, the caller's own included.
func (s *Sessions) EndAll(ctx context.Context, by store.Principal) error {
	return s.change(ctx, by, "session.all_ended", by.UserID, func(tx *unit) error {
		if by.OnlyTenantID != "" {
			return endIn(ctx, tx, by.UserID, by.OnlyTenantID)
		}
		_, err := endSessions(ctx, tx, by.UserID)
		return err
	})
}

// Revoke ends the sessions that a user has in the caller's tenant; management and system
// without a tenant end all of them. A user outside the tenant is NotFound.
func (s *Sessions) Revoke(ctx context.Context, by store.Principal, userID string) error {
	return s.change(ctx, by, "session.all_revoked", userID, func(tx *unit) error {
		if by.TenantID == "" && by.Kind != store.UserKind {
			if _, err := tx.User(ctx, userID); err != nil {
				return err
			}
			_, err := endSessions(ctx, tx, userID)
			return err
		}
		if _, err := tx.Membership(ctx, by.TenantID, userID); err != nil {
			return err
		}
		return endIn(ctx, tx, userID, by.TenantID)
	})
}

// endIn ends the sessions that a user has in a tenant.
func endIn(ctx context.Context, tx *unit, userID, tenantID string) error {
	all, err := tx.Sessions(ctx, userID, tx.at)
	if err != nil {
		return err
	}
	ids := sessionIDs(all, func(o store.Session) bool { return o.TenantID == tenantID })
	if len(ids) == 0 {
		return nil
	}
	_, err = endSessions(ctx, tx, userID, ids...)
	return err
}

// endSessions revokes the user's sessions, those named or all, and tells the feed.
func endSessions(ctx context.Context, tx *unit, userID string, ids ...string) ([]string, error) {
	if len(ids) == 0 { // nor does a login get through that waits for its second factor
		if err := drop(ctx, tx, userID, store.MFA); err != nil {
			return nil, err
		}
	}
	ended, err := tx.RevokeSessions(ctx, userID, tx.at, ids...)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 { // also where none is left: this process may not have heard who ended them
		return ended, tx.revoke(ctx, store.Revocation{UserID: userID})
	}
	for _, id := range ended {
		if err := tx.revoke(ctx, store.Revocation{UserID: userID, SessionID: id}); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

// endOthers ends all sessions of the user but one.
func endOthers(ctx context.Context, tx *unit, userID, keep string) error {
	all, err := tx.Sessions(ctx, userID, tx.at)
	if err != nil {
		return err
	}
	ids := sessionIDs(all, func(o store.Session) bool { return o.ID != keep })
	if len(ids) == 0 {
		return nil
	}
	_, err = endSessions(ctx, tx, userID, ids...)
	return err
}

func sessionIDs(all []store.Session, want func(store.Session) bool) []string {
	var ids []string
	for _, o := range all {
		if want(o) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// limit makes room for one more session, ending the oldest.
func (p SessionPolicy) limit(ctx context.Context, tx *unit, userID string) error {
	if p.Max <= 0 {
		return nil
	}
	all, err := tx.Sessions(ctx, userID, tx.at) // newest first
	if err != nil || len(all) < p.Max {
		return err
	}
	ids := sessionIDs(slices.Clip(all[p.Max-1:]), func(store.Session) bool { return true })
	_, err = endSessions(ctx, tx, userID, ids...)
	return err
}
