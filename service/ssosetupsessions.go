package service

import (
	"context"
	"errors"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// Look returns the set-up that a link is for, without opening it. A link that was opened,
// revoked or has expired is Gone.
func (s *SSOSetups) Look(ctx context.Context, token string) (SSOSetup, store.Tenant, error) {
	c, err := s.links.look(ctx, token)
	if err != nil {
		return SSOSetup{}, store.Tenant{}, err
	}
	in, err := setupOf(c)
	if err != nil {
		return in, store.Tenant{}, err
	}
	t, err := s.tenant(ctx, s.store, c)
	if errors.Is(err, store.ErrNotFound) {
		err = errGone()
	}
	return in, t, err
}

// tenant returns the tenant of a set-up. One that was made later under the same id is another,
// and who lost the right to let others in lets nobody in: a link is no way back.
func (s *SSOSetups) tenant(ctx context.Context, r store.Records, c store.Challenge) (store.Tenant, error) {
	t, err := r.Tenant(ctx, c.Subject)
	if err == nil && t.CreatedAt.After(c.CreatedAt) {
		err = store.ErrNotFound
	}
	if err != nil {
		return t, err
	}
	d, err := readSetup(c)
	if err != nil || d.UserID == "" {
		return t, err
	}
	maker, err := readResident(ctx, r, d.UserID, t.ID)
	if err == nil && !maker.principal.Can(store.WriteSSO) {
		err = store.ErrNotFound
	}
	return t, err
}

// Open uses a link up and returns what the browser that opened it shows from then on, and
// until when. A link that was opened, revoked or has expired is Gone.
func (s *SSOSetups) Open(ctx context.Context, by store.Principal, token string) (cookie string, until time.Time, err error) {
	in, t, err := s.Look(ctx, token)
	if err != nil {
		return "", until, err
	}
	cookie, hash, err := secret.NewLinkToken()
	if err != nil {
		return "", until, err
	}
	by = store.Principal{Kind: store.SetupKind, ID: in.ID, TenantID: t.ID, IP: by.IP, UserAgent: by.UserAgent}
	err = s.change(ctx, by, "sso_setup.opened", in.ID, func(tx *unit) error {
		c, err := tx.ConsumeChallenge(ctx, store.SSOSetup, secret.Hash(token), tx.at)
		if errors.Is(err, store.ErrNotFound) {
			return errGone()
		}
		if err != nil {
			return err
		}
		until = tx.at.Add(setupSessionLife)
		return tx.CreateChallenge(ctx, store.Challenge{
			ID: c.ID, Purpose: store.SSOSetupSession, Hash: hash, Subject: c.Subject, Data: c.Data, CreatedAt: tx.at, ExpiresAt: until,
		})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return cookie, until, nil
}

// Principal returns who a browser with the cookie of an open set-up is: somebody who can see
// and change the single sign-on of one tenant, and give the roles that everybody is given. Any
// other cookie is Unauthenticated. Where the request comes from is by's to say.
func (s *SSOSetups) Principal(ctx context.Context, by store.Principal, cookie string) (store.Principal, error) {
	c, err := s.session(ctx, cookie)
	if err != nil {
		return store.Principal{}, err
	}
	t, err := s.tenant(ctx, s.store, c)
	if errors.Is(err, store.ErrNotFound) {
		return store.Principal{}, refused(err)
	}
	if err != nil {
		return store.Principal{}, err
	}
	given, err := givenRoles(ctx, s.store, t.ID, false)
	if err != nil {
		return store.Principal{}, err
	}
	roles := make([]store.RoleRef, len(given))
	for i, r := range given {
		roles[i] = store.RoleRef{ID: r.ID, TenantID: r.TenantID, Key: r.Key, Level: r.Level}
	}
	return store.Principal{
		Kind: store.SetupKind, ID: c.ID, TenantID: t.ID, Roles: roles, ExpiresAt: c.ExpiresAt,
		IP: by.IP, UserAgent: by.UserAgent, Device: by.Device,
	}, nil
}

// session finds the set-up that a cookie has open.
func (s *SSOSetups) session(ctx context.Context, cookie string) (store.Challenge, error) {
	c, err := s.store.Challenge(ctx, store.SSOSetupSession, secret.Hash(cookie))
	if errors.Is(err, store.ErrNotFound) {
		return c, refused(err)
	}
	if err == nil && (!c.UsedAt.IsZero() || !s.now().Before(c.ExpiresAt)) {
		err = refused(errors.New("the set-up is over"))
	}
	return c, err
}

// End closes the set-up that a cookie has open. Any other cookie is no error.
func (s *SSOSetups) End(ctx context.Context, by store.Principal, cookie string) error {
	c, err := s.session(ctx, cookie)
	if f := fault.From(err); f != nil && f.Code == fault.Unauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	by = store.Principal{Kind: store.SetupKind, ID: c.ID, TenantID: c.Subject, IP: by.IP, UserAgent: by.UserAgent}
	return s.change(ctx, by, "sso_setup.ended", c.ID, func(tx *unit) error {
		return tx.DropChallenges(ctx, store.SSOSetupSession, c.Subject)
	})
}
