package service

import (
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Profiles are what users see and change of themselves.
type Profiles struct{ *base }

// Me returns the user that by acts for, with its rights in the tenant that by acts in.
func (s *Profiles) Me(ctx context.Context, by store.Principal) (Profile, error) {
	u, err := s.store.User(ctx, by.UserID)
	if err != nil {
		return Profile{}, err
	}
	return s.profile(ctx, by, u)
}

// A ProfileChange is what a user may change of itself; nil leaves a field as it is.
type ProfileChange struct{ Name, PictureURL, PhoneNumber, Metadata *string }

// Change changes the user that by acts for.
func (s *Profiles) Change(ctx context.Context, by store.Principal, c ProfileChange) (Profile, error) {
	var wanted store.User
	c.apply(&wanted)
	var check fault.Checker
	checkUser(&check, wanted)
	if err := check.Err(); err != nil {
		return Profile{}, err
	}
	return s.edit(ctx, by, "user.changed", by.UserID, func(_ *unit, u *store.User) error {
		c.apply(u)
		return nil
	})
}

func (c ProfileChange) apply(u *store.User) {
	set(&u.Name, c.Name)
	set(&u.PictureURL, c.PictureURL)
	set(&u.PhoneNumber, c.PhoneNumber)
	set(&u.Metadata, c.Metadata)
	u.Metadata = object(u.Metadata)
}

// Home is where a user may act: its tenants and which of them is the active one.
type Home struct {
	Tenants []store.Tenant // by name
	Active  string         // an id; empty where the user may act in none
}

// Tenants returns the tenants in which the user that by acts for is activated and not
// disabled. A session that is confined to one of them is told of that one.
func (s *Profiles) Tenants(ctx context.Context, by store.Principal) (Home, error) {
	u, err := s.store.User(ctx, by.UserID)
	if err != nil {
		return Home{}, err
	}
	ms, err := s.store.Memberships(ctx, u.ID)
	if err != nil {
		return Home{}, err
	}
	ids := tenantIDs(slices.DeleteFunc(ms, func(m store.Membership) bool { return !m.Activated || m.Disabled }))
	ids = confine(ids, by.OnlyTenantID)
	if len(ids) == 0 {
		return Home{}, nil
	}
	page := store.Page{Limit: store.MaxLimit, Sort: "name"}
	l, err := s.store.Tenants(ctx, store.TenantQuery{Page: page, IDs: ids})
	if err != nil {
		return Home{}, err
	}
	h := Home{Tenants: l.Items}
	for _, id := range []string{u.ActiveTenantID, by.TenantID} {
		if slices.Contains(ids, id) {
			h.Active = id // the one that the caller acts in wins
		}
	}
	return h, nil
}

// Switch makes the tenant the active one of the user that by acts for, and moves by's
// session there: its next refresh gives a token of that tenant. A tenant that the user is
// not a member of, or has not accepted, is NotFound; where it is disabled, or by's session
// is confined to another, Forbidden.
func (s *Profiles) Switch(ctx context.Context, by store.Principal, tenantID string) (Profile, error) {
	if err := leaves(by.OnlyTenantID, tenantID); err != nil {
		return Profile{}, err
	}
	by.TenantID = tenantID
	return s.edit(ctx, by, "user.switched_tenant", by.UserID, func(tx *unit, u *store.User) error {
		if err := enterable(ctx, tx, tenantID, u.ID); err != nil {
			return err
		}
		u.ActiveTenantID = tenantID
		if by.SessionID == "" {
			return nil
		}
		err := tx.MoveSession(ctx, u.ID, by.SessionID, tenantID, tx.at)
		if errors.Is(err, store.ErrNotFound) {
			return refused(err) // it ended meanwhile
		}
		if err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: u.ID, SessionID: by.SessionID})
	})
}

// enterable checks that the user may act in the tenant.
func enterable(ctx context.Context, tx store.Records, tenantID, userID string) error {
	m, err := tx.Membership(ctx, tenantID, userID)
	if err != nil {
		return err
	}
	if !m.Activated {
		return store.ErrNotFound
	}
	if m.Disabled {
		return fault.New(fault.Forbidden, "", "user is disabled in this tenant")
	}
	_, err = tx.Tenant(ctx, tenantID)
	return err
}
