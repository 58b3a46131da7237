package service

import (
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A LinkedAccount is an account elsewhere that a user signs in with.
type LinkedAccount struct {
	store.LinkedIdentity
	Type string // of the social provider; empty for a tenant's own
	Name string // of the custom social provider, or of the tenant; may be empty
}

// Accounts returns the accounts elsewhere that the user signs in with whom by acts for, oldest
// first. A session that is confined to a tenant is told of that tenant's alone.
func (s *Profiles) Accounts(ctx context.Context, by store.Principal) ([]LinkedAccount, error) {
	ls, err := s.store.LinkedIdentities(ctx, by.UserID)
	if err != nil {
		return nil, err
	}
	var all []LinkedAccount
	for _, l := range ls {
		if by.OnlyTenantID != "" && l.TenantID != by.OnlyTenantID {
			continue
		}
		a := LinkedAccount{LinkedIdentity: l}
		if err := s.call(ctx, &a); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// call finds what the provider of an account is called. One that is gone has no name.
func (s *Profiles) call(ctx context.Context, a *LinkedAccount) error {
	if a.TenantID != "" {
		t, err := s.store.Tenant(ctx, a.TenantID)
		a.Name = t.Name
		return lest(err, store.ErrNotFound)
	}
	p, err := s.store.SocialProvider(ctx, a.ConnectionID)
	if err != nil {
		return lest(err, store.ErrNotFound)
	}
	read, err := readSocial(p)
	a.Type, a.Name = p.Type, read.Settings.Name
	return err
}

// lest returns err unless it is one that does not matter.
func lest(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// Unlink parts an account at a social provider from the user that by acts for. The last way to
// sign in stays, and so does what a tenant's provider vouches for: that is the tenant's to end.
// Both are Conflicts. Sessions that are open stay so.
func (s *Profiles) Unlink(ctx context.Context, by store.Principal, connectionID, subject string) error {
	return s.change(ctx, by, "identity.unlinked", by.UserID, func(tx *unit) error {
		if err := rooted(ctx, tx, by); err != nil {
			return err
		}
		if err := provenTwice(ctx, tx, by); err != nil {
			return err
		}
		ls, err := tx.LinkedIdentities(ctx, by.UserID)
		if err != nil {
			return err
		}
		same := func(l store.LinkedIdentity) bool { return l.ConnectionID == connectionID && l.Subject == subject }
		i := slices.IndexFunc(ls, same)
		if i < 0 {
			return missing(store.ErrNotFound, "linked account")
		}
		if ls[i].TenantID != "" {
			return fault.New(fault.Conflict, "", "this account belongs to the organization")
		}
		if err := another(ctx, tx, by.UserID, slices.DeleteFunc(ls, same)); err != nil {
			return err
		}
		tx.detail = map[string]string{"connectionId": connectionID}
		return tx.DeleteLinkedIdentity(ctx, by.UserID, connectionID, subject)
	})
}

// another refuses to leave a user without a way to sign in: a password, or an account elsewhere
// at a provider that works.
func another(ctx context.Context, r store.Records, userID string, left []store.LinkedIdentity) error {
	_, err := r.Credential(ctx, userID, store.Password)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, l := range left {
		works, err := opens(ctx, r, l)
		if err != nil || works {
			return err
		}
	}
	return fault.New(fault.Conflict, "", "this is the only way to sign in: set a password first")
}

// opens reports whether somebody can sign in by a linked identity.
func opens(ctx context.Context, r store.Records, l store.LinkedIdentity) (bool, error) {
	if l.TenantID == "" {
		p, err := r.SocialProvider(ctx, l.ConnectionID)
		return p.Active, lest(err, store.ErrNotFound)
	}
	c, err := r.Connection(ctx, l.TenantID, l.ConnectionID)
	if err != nil {
		return false, lest(err, store.ErrNotFound)
	}
	return working(ctx, r, c)
}
