package service

import (
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Members are the rules about who belongs to a tenant, and what they may do there. All but
// Add and Activate work in the tenant that the caller acts in.
type Members struct{ *base }

// A TenantChoice names the tenant that a user is put into.
type TenantChoice struct {
	TenantID  string
	MustExist bool // a tenant that does not exist is NotFound, else it is made
}

// Add makes the user a member of a tenant, with its default roles, or the first user's
// where the tenant is made. One who is a member already becomes an activated one and keeps
// its roles.
func (s *Members) Add(ctx context.Context, by store.Principal, userID string, in TenantChoice) (Profile, error) {
	return s.place(ctx, by, placing{"member.added", userID, in}, func(tx *unit, u *store.User, isNew bool) error {
		m, err := tx.Membership(ctx, in.TenantID, u.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = enlist(ctx, tx, u, in.TenantID, isNew)
		case err == nil && !m.Activated:
			m.Activated, m.UpdatedAt = true, tx.at
			err = tx.UpdateMembership(ctx, m)
		}
		if u.ActiveTenantID == "" {
			u.ActiveTenantID = in.TenantID
		}
		return err
	})
}

// Activate makes a tenant the user's active one, in which its next session acts. The user
// must be a member who may enter, or NotFound, except of a tenant that is made.
func (s *Members) Activate(ctx context.Context, by store.Principal, userID string, in TenantChoice) (Profile, error) {
	p := placing{"user.switched_tenant", userID, in}
	return s.place(ctx, by, p, func(tx *unit, u *store.User, isNew bool) error {
		u.ActiveTenantID = in.TenantID
		if isNew {
			return enlist(ctx, tx, u, in.TenantID, isNew)
		}
		return enterable(ctx, tx, in.TenantID, u.ID)
	})
}

// A placing is a user about to be put into a tenant.
type placing struct {
	action, userID string
	in             TenantChoice
}

// place edits a user in a tenant of the host's choice, which is made where it may be. fn
// learns whether it was.
func (s *Members) place(
	ctx context.Context, by store.Principal, p placing, fn func(tx *unit, u *store.User, isNew bool) error,
) (Profile, error) {
	if err := hostOnly(by); err != nil {
		return Profile{}, err
	}
	var c fault.Checker
	tenantID := p.in.TenantID
	checkID(&c, "tenantId", tenantID)
	c.Check(by.TenantID == "" || by.TenantID == tenantID, "tenantId", "must be the tenant of the request")
	if err := c.Err(); err != nil {
		return Profile{}, err
	}
	by.TenantID = ""
	return s.edit(ctx, by, p.action, p.userID, func(tx *unit, u *store.User) error {
		tx.tenantID = tenantID
		isNew, err := s.found(ctx, tx, by, p.in)
		if err == nil {
			err = fn(tx, u, isNew)
		}
		if err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{TenantID: tenantID, UserID: u.ID})
	})
}

// found makes the tenant where it is missing and may be made, and reports whether it did.
func (s *Members) found(ctx context.Context, tx *unit, by store.Principal, in TenantChoice) (bool, error) {
	_, err := tx.Tenant(ctx, in.TenantID)
	if !errors.Is(err, store.ErrNotFound) || in.MustExist {
		return false, missing(err, "tenant")
	}
	t := store.Tenant{ID: in.TenantID, Name: in.TenantID, Metadata: "{}", CreatedAt: tx.at, UpdatedAt: tx.at}
	if err := tx.CreateTenant(ctx, t); err != nil {
		return false, err
	}
	return true, s.record(ctx, tx, by, "tenant.created", t.ID)
}

// enlist makes the user a member with the roles that nobody chose.
func enlist(ctx context.Context, tx *unit, u *store.User, tenantID string, first bool) error {
	roles, err := givenRoles(ctx, tx, tenantID, first)
	if err != nil {
		return err
	}
	return join(ctx, tx, tenantID, u.ID, roles)
}

// join makes the user an activated member with the roles.
func join(ctx context.Context, tx *unit, tenantID, userID string, roles []store.Role) error {
	m := store.Membership{TenantID: tenantID, UserID: userID, Activated: true, CreatedAt: tx.at, UpdatedAt: tx.at}
	if err := tx.CreateMembership(ctx, m); err != nil {
		return err
	}
	for _, r := range roles {
		a := store.Assignment{TenantID: tenantID, UserID: userID, RoleID: r.ID, CreatedAt: tx.at}
		if err := tx.Assign(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// leave takes the user out of the tenant, with its roles and sessions there. Where that was
// its active tenant, the first of the others becomes it.
func leave(ctx context.Context, tx *unit, u *store.User, tenantID string) error {
	if _, err := tx.Membership(ctx, tenantID, u.ID); err != nil {
		return missing(err, "member")
	}
	if err := tx.DeleteMembership(ctx, tenantID, u.ID); err != nil {
		return err
	}
	if u.ActiveTenantID == tenantID {
		left, err := tx.Memberships(ctx, u.ID)
		if err != nil {
			return err
		}
		u.ActiveTenantID = ""
		if i := slices.IndexFunc(left, func(m store.Membership) bool { return m.Activated && !m.Disabled }); i >= 0 {
			u.ActiveTenantID = left[i].TenantID
		}
	}
	return tx.revoke(ctx, store.Revocation{TenantID: tenantID, UserID: u.ID})
}

// Disable keeps a member out of the tenant until [Members.Enable]. It stays a member, and
// may act in its other tenants. Nobody disables itself or somebody stronger.
func (s *Members) Disable(ctx context.Context, by store.Principal, userID string) error {
	return s.able(ctx, by, "member.disabled", userID, true)
}

// Enable lets a disabled member back in.
func (s *Members) Enable(ctx context.Context, by store.Principal, userID string) error {
	return s.able(ctx, by, "member.enabled", userID, false)
}

func (s *Members) able(ctx context.Context, by store.Principal, action, userID string, disabled bool) error {
	return s.change(ctx, by, action, userID, func(tx *unit) error {
		m, actor, err := s.managed(ctx, tx, by, userID)
		if err != nil {
			return err
		}
		roles, _, err := tx.Rights(ctx, m.TenantID, userID)
		if err != nil {
			return err
		}
		if err := s.outrankAll(actor, roles); err != nil {
			return err
		}
		m.Disabled, m.UpdatedAt = disabled, tx.at
		if err := tx.UpdateMembership(ctx, m); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{TenantID: m.TenantID, UserID: userID})
	})
}

// managed returns the membership that by is about to change, and by with the roles it
// holds as of the transaction: those that its credential was resolved with may be a moment
// old. Nobody changes what it may do itself.
func (s *Members) managed(ctx context.Context, tx *unit, by store.Principal, userID string) (store.Membership, store.Principal, error) {
	m, err := tx.Membership(ctx, by.TenantID, userID)
	if err != nil {
		return m, by, missing(err, "member")
	}
	if fromHost(by) {
		return m, by, nil
	}
	if userID == by.UserID {
		return m, by, fault.New(fault.Forbidden, "", "ask somebody else to change your own rights")
	}
	roles, _, err := tx.Rights(ctx, by.TenantID, by.UserID)
	by.Roles = make([]store.RoleRef, len(roles))
	for i, r := range roles {
		by.Roles[i] = store.RoleRef{ID: r.ID, TenantID: r.TenantID, Key: r.Key, Level: r.Level}
	}
	return m, by, err
}

func (s *Members) outrankAll(by store.Principal, roles []store.Role) error {
	for _, r := range roles {
		if err := s.outrank(by, r.Level); err != nil {
			return err
		}
	}
	return nil
}
