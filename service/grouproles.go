package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/store"
)

// grouproles is what the roles of somebody who comes through a connection are made of, each a
// list of ids of roles that a member of the tenant can hold.
type grouproles struct {
	held    []string // now
	given   []string // by default or by the connection, to who comes for the first time
	mapped  []string // by the groups that the person is in
	others  []string // by groups, through other connections
	blessed []string // by groups, through this one, until now
}

// roles reads what the roles of a guest are made of. A mapping or a connection may name a role
// that is gone, or was moved to another tenant: it gives nothing.
func (s *SSO) roles(ctx context.Context, tx *unit, g settling, joined bool) (grouproles, error) {
	c, userID := g.connection, g.guest.user.ID
	r := grouproles{blessed: g.guest.link.RoleIDs}
	usable, err := tx.Roles(ctx, "", c.TenantID)
	if err != nil {
		return r, err
	}
	add := func(to *[]string, ids []string) {
		for _, role := range usable {
			if slices.Contains(ids, role.ID) && !slices.Contains(*to, role.ID) {
				*to = append(*to, role.ID)
			}
		}
	}
	if g.guest.linked || joined {
		add(&r.given, c.RoleIDs)
	}
	if joined {
		defaults, err := givenRoles(ctx, tx, c.TenantID, false)
		if err != nil {
			return r, err
		}
		add(&r.given, roleIDs(defaults))
	}
	all, err := tx.GroupMappings(ctx, c.TenantID)
	if err != nil {
		return r, err
	}
	for _, m := range all {
		if m.ConnectionID == c.ID && slices.Contains(g.groups, m.Group) {
			add(&r.mapped, m.RoleIDs)
		}
	}
	return r, r.read(ctx, tx, g, userID)
}

// read adds what the guest has.
func (r *grouproles) read(ctx context.Context, tx *unit, g settling, userID string) error {
	as, err := tx.Assignments(ctx, userID)
	if err != nil {
		return err
	}
	for _, a := range as {
		if a.TenantID == g.connection.TenantID {
			r.held = append(r.held, a.RoleID)
		}
	}
	ls, err := tx.LinkedIdentities(ctx, userID)
	for _, l := range ls {
		if l.TenantID == g.connection.TenantID && l.ConnectionID != g.connection.ID {
			r.others = append(r.others, l.RoleIDs...)
		}
	}
	return err
}

// apply gives and takes roles, and notes in the link which of them the groups gave. A role
// that somebody gave by hand is never taken: it was there before the groups gave it.
func (r grouproles) apply(ctx context.Context, tx *unit, l *store.LinkedIdentity) (changed bool, err error) {
	var byGroups []string
	for _, id := range unique(slices.Concat(r.given, r.mapped)) {
		held := slices.Contains(r.held, id)
		if slices.Contains(r.mapped, id) && !slices.Contains(r.given, id) && (!held || slices.Contains(r.blessed, id)) {
			byGroups = append(byGroups, id)
		}
		if held {
			continue
		}
		a := store.Assignment{TenantID: l.TenantID, UserID: l.UserID, RoleID: id, CreatedAt: tx.at}
		if err := tx.Assign(ctx, a); err != nil {
			return false, err
		}
		changed = true
	}
	for _, id := range r.blessed {
		if slices.Contains(r.mapped, id) || slices.Contains(r.others, id) || slices.Contains(r.given, id) {
			continue
		}
		if err := tx.Unassign(ctx, l.TenantID, l.UserID, id); err != nil {
			return false, err
		}
		changed = true
	}
	if slices.Equal(byGroups, l.RoleIDs) {
		return changed, nil
	}
	l.RoleIDs = byGroups
	return changed, tx.UpdateLinkedIdentity(ctx, *l)
}
