package service

import (
	"context"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Users are the rules about user records: who somebody is in the whole environment.
// Changing one takes the host's back end; a user changes itself through [Profiles].
type Users struct {
	*base
	passwords *Passwords
	perTenant bool // the same address may be two users in two tenants
}

// scope is where identifiers are unique: the environment, or one tenant.
func (s *Users) scope(tenantID string) string {
	if s.perTenant {
		return tenantID
	}
	return ""
}

// User returns a user. Where by acts in a tenant, who is not a member of it is NotFound.
func (s *Users) User(ctx context.Context, by store.Principal, id string) (Profile, error) {
	u, err := s.store.User(ctx, id)
	if err != nil {
		return Profile{}, err
	}
	return s.profile(ctx, by, u)
}

// ByEmail returns the user that has the address, under the same rule as [Users.User]. Where
// users are per tenant, by must act in one.
func (s *Users) ByEmail(ctx context.Context, by store.Principal, email string) (Profile, error) {
	value, err := normalizeEmail(email)
	if err != nil {
		return Profile{}, err
	}
	i, err := s.store.Identifier(ctx, s.scope(by.TenantID), store.Email, value)
	if err != nil {
		return Profile{}, err
	}
	return s.User(ctx, by, i.UserID)
}

// A UserChange is what the host's back end may change of a user; nil leaves a field as it
// is.
type UserChange struct {
	ProfileChange
	VendorMetadata *string
	ExternalID     *string
	MFABypass      *bool
}

func (c UserChange) apply(u *store.User) {
	c.ProfileChange.apply(u)
	set(&u.VendorMetadata, c.VendorMetadata)
	set(&u.ExternalID, c.ExternalID)
	set(&u.MFABypass, c.MFABypass)
	u.VendorMetadata = object(u.VendorMetadata)
}

// Change changes a user in the whole environment.
func (s *Users) Change(ctx context.Context, by store.Principal, id string, c UserChange) (Profile, error) {
	var wanted store.User
	c.apply(&wanted)
	var check fault.Checker
	checkUser(&check, wanted)
	if err := check.Err(); err != nil {
		return Profile{}, err
	}
	return s.amend(ctx, by, "user.changed", id, func(tx *unit, u *store.User) error {
		bypass := u.MFABypass
		if c.apply(u); u.MFABypass != bypass {
			return tx.revoke(ctx, store.Revocation{UserID: id})
		}
		return nil
	})
}

// Verify marks a user's primary address as proved, as if the user had followed the link: the
// tenants that waited for that are open to it. One that is proved already stays so.
func (s *Users) Verify(ctx context.Context, by store.Principal, id string) error {
	_, err := s.amend(ctx, by, "user.verified", id, func(tx *unit, u *store.User) error {
		is, err := tx.Identifiers(ctx, id)
		if err != nil {
			return err
		}
		for _, i := range is {
			if i.Kind != store.Email || !i.Primary || !i.VerifiedAt.IsZero() {
				continue
			}
			if err := tx.VerifyIdentifier(ctx, id, i, tx.at); err != nil {
				return err
			}
		}
		if !u.Verified {
			if err := admitAll(ctx, tx, id); err != nil {
				return err
			}
		}
		u.Verified = true
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
	return err
}

// Lock refuses the user everywhere until [Users.Unlock], and ends its sessions and the logins
// that wait for their second factor.
func (s *Users) Lock(ctx context.Context, by store.Principal, id string) error {
	_, err := s.amend(ctx, by, "user.locked", id, func(tx *unit, u *store.User) error {
		u.Locked = true
		if err := drop(ctx, tx, id, store.MFA); err != nil {
			return err
		}
		if _, err := tx.RevokeSessions(ctx, id, tx.at); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
	return err
}

// Unlock lets a locked user sign in again, whoever or whatever locked it.
func (s *Users) Unlock(ctx context.Context, by store.Principal, id string) error {
	_, err := s.amend(ctx, by, "user.unlocked", id, func(tx *unit, u *store.User) error {
		u.Locked = false
		if err := s.passwords.attempts.forgive(ctx, tx, by, id); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
	return err
}

// Delete removes a user from the tenant that by names, or where it names none the user
// itself with all that is the user's, in every tenant.
func (s *Users) Delete(ctx context.Context, by store.Principal, id string) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	if by.TenantID != "" {
		return s.expel(ctx, by, id)
	}
	return s.change(ctx, by, "user.deleted", id, func(tx *unit) error {
		if _, err := tx.User(ctx, id); err != nil {
			return missing(err, "user")
		}
		if err := tx.DeleteUser(ctx, id); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{UserID: id})
	})
}

func (s *Users) expel(ctx context.Context, by store.Principal, id string) error {
	return s.change(ctx, by, "member.removed", id, func(tx *unit) error {
		u, err := tx.User(ctx, id)
		if err != nil {
			return missing(err, "user")
		}
		if err := leave(ctx, tx, &u, by.TenantID); err != nil {
			return err
		}
		u.UpdatedAt = tx.at
		return tx.UpdateUser(ctx, u)
	})
}

// amend is edit for the host's back end only. It concerns the user in every tenant, so the
// tenant that by names does not matter.
func (s *Users) amend(ctx context.Context, by store.Principal, action, id string, fn func(*unit, *store.User) error) (Profile, error) {
	if err := hostOnly(by); err != nil {
		return Profile{}, err
	}
	by.TenantID = ""
	return s.edit(ctx, by, action, id, fn)
}
