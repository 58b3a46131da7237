package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Assign gives a member roles, all or none, and returns what it holds then. A role that is
// neither the environment's nor this tenant's is NotFound; one stronger than the caller's
// strongest is Forbidden.
func (s *Members) Assign(ctx context.Context, by store.Principal, userID string, roleIDs []string) (Member, error) {
	return s.reassign(ctx, by, assigning{"role.assigned", userID, roleIDs}, func(tx *unit, roleID string) error {
		a := store.Assignment{TenantID: by.TenantID, UserID: userID, RoleID: roleID, CreatedAt: tx.at}
		return tx.Assign(ctx, a)
	})
}

// Unassign takes roles from a member under the rules of [Members.Assign]. A member without
// roles may do nothing.
func (s *Members) Unassign(ctx context.Context, by store.Principal, userID string, roleIDs []string) (Member, error) {
	return s.reassign(ctx, by, assigning{"role.unassigned", userID, roleIDs}, func(tx *unit, roleID string) error {
		return tx.Unassign(ctx, by.TenantID, userID, roleID)
	})
}

// An assigning is a member whose roles are about to change.
type assigning struct {
	action, userID string
	roleIDs        []string
}

func (s *Members) reassign(
	ctx context.Context, by store.Principal, a assigning, apply func(tx *unit, roleID string) error,
) (Member, error) {
	if err := checkRoleIDs(a.roleIDs); err != nil {
		return Member{}, err
	}
	var changed Member
	err := s.change(ctx, by, a.action, a.userID, func(tx *unit) error {
		m, actor, err := s.managed(ctx, tx, by, a.userID)
		if err != nil {
			return err
		}
		roles, err := usableRoles(ctx, tx, by.TenantID, a.roleIDs)
		if err != nil {
			return err
		}
		if err := s.outrankAll(actor, roles); err != nil {
			return err
		}
		for _, r := range roles {
			if err := apply(tx, r.ID); err != nil {
				return err
			}
		}
		tx.detail = map[string]any{"roleIds": a.roleIDs}
		changed.Membership = m
		changed.Roles, _, err = tx.Rights(ctx, m.TenantID, m.UserID)
		if err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{TenantID: m.TenantID, UserID: m.UserID})
	})
	return changed, err
}

func checkRoleIDs(ids []string) error {
	var c fault.Checker
	c.Check(len(ids) > 0, "roleIds", "should not be empty")
	checkBatch(&c, "roleIds", len(ids))
	return c.Err()
}

// chosenRoles returns the roles named for a new member, or where none is named the ones
// that such a member is given.
func chosenRoles(ctx context.Context, tx store.Records, tenantID string, ids []string) ([]store.Role, error) {
	if len(ids) == 0 {
		return givenRoles(ctx, tx, tenantID, false)
	}
	if err := checkRoleIDs(ids); err != nil {
		return nil, err
	}
	return usableRoles(ctx, tx, tenantID, ids)
}

// givenRoles returns the default roles of the tenant; for its first user those meant for
// one, where there are any.
func givenRoles(ctx context.Context, tx store.Records, tenantID string, first bool) ([]store.Role, error) {
	roles, err := tx.Roles(ctx, "", tenantID)
	if err != nil {
		return nil, err
	}
	given := func(r store.Role) bool { return r.Default }
	if first && slices.ContainsFunc(roles, func(r store.Role) bool { return r.FirstUser }) {
		given = func(r store.Role) bool { return r.FirstUser }
	}
	return slices.DeleteFunc(roles, func(r store.Role) bool { return !given(r) }), nil
}

// usableRoles returns the roles with the ids, each once. One that members of the tenant
// cannot hold is NotFound, whether or not another tenant has it.
func usableRoles(ctx context.Context, tx store.Records, tenantID string, ids []string) ([]store.Role, error) {
	roles, err := tx.Roles(ctx, "", tenantID)
	if err != nil {
		return nil, err
	}
	ids = unique(ids)
	roles = slices.DeleteFunc(roles, func(r store.Role) bool { return !slices.Contains(ids, r.ID) })
	if len(roles) < len(ids) {
		return nil, missing(fmt.Errorf("%d of %d roles: %w", len(roles), len(ids), store.ErrNotFound), "role")
	}
	return roles, nil
}

// Roles returns the ids of the roles that the users hold, in byte order, by user: in the
// tenant that by acts in, or for the host that names none in all of them. Who is no member
// there is left out.
func (s *Members) Roles(ctx context.Context, by store.Principal, userIDs []string) (map[string][]string, error) {
	if err := scoped(by); err != nil {
		return nil, err
	}
	var c fault.Checker
	checkBatch(&c, "ids", len(userIDs))
	if err := c.Err(); err != nil || len(userIDs) == 0 {
		return map[string][]string{}, err
	}
	ms, err := s.store.Memberships(ctx, userIDs...)
	if err != nil {
		return nil, err
	}
	as, err := s.store.Assignments(ctx, userIDs...)
	if err != nil {
		return nil, err
	}
	seats, held := seated(as), map[string][]string{}
	for _, m := range ms {
		if by.TenantID == "" || m.TenantID == by.TenantID {
			held[m.UserID] = unique(append(held[m.UserID], seats[seat{m.TenantID, m.UserID}]...))
		}
	}
	return held, nil
}

// A seat is one user in one tenant.
type seat struct{ tenantID, userID string }

// seated returns the ids of the roles that are assigned in each seat.
func seated(as []store.Assignment) map[seat][]string {
	held := map[seat][]string{}
	for _, a := range as {
		at := seat{a.TenantID, a.UserID}
		held[at] = append(held[at], a.RoleID)
	}
	return held
}
