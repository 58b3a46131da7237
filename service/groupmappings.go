package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// maxMappings is how many groups a tenant may map.
const maxMappings = 500

// Roles returns the ids of the roles that everybody gets who comes through the connection.
func (s *Connections) Roles(ctx context.Context, by store.Principal, id string) ([]string, error) {
	c, err := s.Read(ctx, by, id)
	return c.RoleIDs, err
}

// SetRoles sets the roles that everybody gets who comes through the connection; none is none.
// A role that is neither the environment's nor the tenant's is NotFound; one stronger than the
// caller's strongest is Forbidden.
func (s *Connections) SetRoles(ctx context.Context, by store.Principal, id string, roleIDs []string) error {
	return s.write(ctx, by, "connection.roles_set", id, func(tx *unit) error {
		w, err := findPath(ctx, tx, by.TenantID, id)
		if err != nil {
			return err
		}
		if w.RoleIDs, err = s.grantable(ctx, tx, by, roleIDs); err != nil {
			return err
		}
		tx.detail, w.UpdatedAt = map[string]any{"roleIds": w.RoleIDs}, tx.at
		return tx.UpdateConnection(ctx, w.Connection)
	})
}

// grantable returns the ids of roles that the caller may let a provider hand out: whoever
// runs the provider can then give them to anybody.
func (s *Connections) grantable(ctx context.Context, tx *unit, by store.Principal, ids []string) ([]string, error) {
	var c fault.Checker
	checkBatch(&c, "roleIds", len(ids))
	if err := c.Err(); err != nil || len(ids) == 0 {
		return nil, err
	}
	roles, err := usableRoles(ctx, tx, by.TenantID, ids)
	if err != nil {
		return nil, err
	}
	for _, r := range roles {
		if by.Kind == store.SetupKind && !r.Default {
			return nil, fault.New(fault.Forbidden, "roleIds", "may only be roles that everybody is given")
		}
		if err := s.outrank(by, r.Level); err != nil {
			return nil, err
		}
	}
	return unique(ids), nil
}

// Groups returns the mappings of a connection, oldest first.
func (s *Connections) Groups(ctx context.Context, by store.Principal, id string) ([]store.GroupMapping, error) {
	c, err := s.Read(ctx, by, id)
	return c.Groups, err
}

// A GroupRule gives roles to the members of a group at the provider.
type GroupRule struct {
	Group   string // as the provider sends it, byte for byte
	RoleIDs []string
}

func (r GroupRule) check() error {
	var c fault.Checker
	c.Check(r.Group != "", "group", "should not be empty")
	checkText(&c, "group", r.Group, maxEntityID)
	return c.Err()
}

// AddGroup maps a group of the connection's provider to roles, under the rules of
// [Connections.SetRoles]. A group that is mapped already is a Conflict.
func (s *Connections) AddGroup(ctx context.Context, by store.Principal, id string, r GroupRule) (store.GroupMapping, error) {
	if err := r.check(); err != nil {
		return store.GroupMapping{}, err
	}
	g := store.GroupMapping{TenantID: by.TenantID, ID: s.newID(), ConnectionID: id, Group: r.Group}
	err := s.write(ctx, by, "group_mapping.created", g.ID, func(tx *unit) (err error) {
		have, err := tx.GroupMappings(ctx, by.TenantID)
		if err != nil {
			return err
		}
		if len(have) >= maxMappings {
			return fault.New(fault.Invalid, "", "an account may map no more than 500 groups")
		}
		if g.RoleIDs, err = s.grantable(ctx, tx, by, r.RoleIDs); err != nil {
			return err
		}
		g.CreatedAt, g.UpdatedAt = tx.at, tx.at
		tx.detail = map[string]any{"connectionId": id, "group": g.Group, "roleIds": g.RoleIDs}
		return missing(conflict(tx.CreateGroupMapping(ctx, g), "group already exists"), "SSO configuration")
	})
	return g, err
}

// UpdateGroup changes a mapping under the rules of [Connections.AddGroup]. A nil RoleIDs
// leaves the roles, and they must be ones that the caller may give all the same: another
// group gets them.
func (s *Connections) UpdateGroup(ctx context.Context, by store.Principal, id, groupID string, r GroupRule) (store.GroupMapping, error) {
	if err := r.check(); err != nil {
		return store.GroupMapping{}, err
	}
	var g store.GroupMapping
	err := s.write(ctx, by, "group_mapping.updated", groupID, func(tx *unit) (err error) {
		if g, err = mapped(ctx, tx, by, id, groupID); err != nil {
			return err
		}
		if r.RoleIDs == nil {
			r.RoleIDs = g.RoleIDs
		}
		if g.RoleIDs, err = s.grantable(ctx, tx, by, r.RoleIDs); err != nil {
			return err
		}
		g.Group, g.UpdatedAt = r.Group, tx.at
		tx.detail = map[string]any{"connectionId": id, "group": g.Group, "roleIds": g.RoleIDs}
		return conflict(tx.UpdateGroupMapping(ctx, g), "group already exists")
	})
	return g, err
}

// DeleteGroup removes a mapping. What it gave stays with those who have it, until they come
// again where groups count at each login.
func (s *Connections) DeleteGroup(ctx context.Context, by store.Principal, id, groupID string) error {
	return s.write(ctx, by, "group_mapping.deleted", groupID, func(tx *unit) error {
		g, err := mapped(ctx, tx, by, id, groupID)
		if err != nil {
			return err
		}
		tx.detail = map[string]any{"connectionId": id, "group": g.Group}
		return tx.DeleteGroupMapping(ctx, by.TenantID, groupID)
	})
}

// mapped returns a mapping of the connection, in the tenant that by acts in.
func mapped(ctx context.Context, r store.Records, by store.Principal, id, groupID string) (store.GroupMapping, error) {
	g, err := r.GroupMapping(ctx, by.TenantID, groupID)
	if err == nil && g.ConnectionID != id {
		err = store.ErrNotFound
	}
	return g, missing(err, "SSO group")
}

// groupRoles returns the ids of the roles that the groups give, each once, in byte order.
func groupRoles(gs []store.GroupMapping, connectionID string, groups []string) []string {
	var ids []string
	for _, g := range gs {
		if g.ConnectionID == connectionID && slices.Contains(groups, g.Group) {
			ids = append(ids, g.RoleIDs...)
		}
	}
	return unique(ids)
}
