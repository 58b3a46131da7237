package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Roles are the rules about roles. The caller's tenant says whose roles are meant; the
// host that names none means the environment's, which every tenant may use.
type Roles struct{ *base }

// rolesExist is a message that programs match on.
const rolesExist = "Roles already exists"

// NewRole is what a caller may choose about a role.
type NewRole struct {
	Key, Name, Description string
	Level                  int  // 0 is the strongest, 32767 the weakest
	Default                bool // given to every member added without roles
	FirstUser              bool // given to the first user of a new tenant
	Migrate                bool // with Default: given to everyone there is, too
}

func (n NewRole) check(c *fault.Checker, at string) {
	checkName(c, at+"key", n.Key)
	checkName(c, at+"name", n.Name)
	checkText(c, at+"description", n.Description, maxDescription)
	c.Check(n.Level >= 0 && n.Level <= maxLevel, at+"level", fmt.Sprintf("must be between 0 and %d", maxLevel))
}

// RoleChange is what a caller may change about a role. A nil field stays as it is.
type RoleChange struct {
	Key, Name, Description *string
	Level                  *int
	Default, FirstUser     *bool
	Migrate                bool // where the role is a default one: given to everyone there is
}

func (c RoleChange) apply(r store.Role) store.Role {
	set(&r.Key, c.Key)
	set(&r.Name, c.Name)
	set(&r.Description, c.Description)
	set(&r.Level, c.Level)
	set(&r.Default, c.Default)
	set(&r.FirstUser, c.FirstUser)
	return r
}

// List returns the roles that the caller's tenant may use: the environment's and its own.
func (s *Roles) List(ctx context.Context, by store.Principal) ([]store.Role, error) {
	if err := scoped(by); err != nil {
		return nil, err
	}
	return s.store.Roles(ctx, unique([]string{"", by.TenantID})...)
}

// Create adds roles, all or none. A key that is taken is a conflict: an environment role
// and a tenant's role never share one.
func (s *Roles) Create(ctx context.Context, by store.Principal, ns []NewRole) ([]store.Role, error) {
	if err := s.mayCreate(by, ns); err != nil {
		return nil, err
	}
	roles, at := make([]store.Role, len(ns)), s.now()
	for i, n := range ns {
		roles[i] = store.Role{
			ID: s.newID(), TenantID: by.TenantID,
			Key: n.Key, Name: n.Name, Description: n.Description,
			Level: n.Level, Default: n.Default, FirstUser: n.FirstUser,
			CreatedAt: at, UpdatedAt: at,
		}
	}
	err := s.changeEach(ctx, by, "role.created", roleIDs(roles), func(tx *unit) error {
		return addRoles(ctx, tx, roles)
	})
	for i := 0; err == nil && i < len(ns); i++ {
		if ns[i].Default && ns[i].Migrate {
			err = s.migrate(ctx, by, roles[i])
		}
	}
	return roles, err
}

func (s *Roles) mayCreate(by store.Principal, ns []NewRole) error {
	if err := scoped(by); err != nil {
		return err
	}
	var c fault.Checker
	checkBatch(&c, "roles", len(ns))
	for i, n := range ns {
		n.check(&c, fmt.Sprintf("[%d].", i))
	}
	if err := c.Err(); err != nil {
		return err
	}
	for _, n := range ns {
		if err := s.outrank(by, n.Level); err != nil {
			return err
		}
	}
	return nil
}

// Update changes a role. One that the caller holds, or that is stronger than the caller,
// is refused.
func (s *Roles) Update(ctx context.Context, by store.Principal, id string, c RoleChange) (store.Role, error) {
	var changed store.Role
	err := s.edit(ctx, by, "role.updated", id, func(tx *unit, r store.Role) error {
		changed = c.apply(r)
		changed.UpdatedAt = tx.at
		return s.update(ctx, tx, by, r, changed)
	})
	if err == nil && changed.Default && c.Migrate {
		err = s.migrate(ctx, by, changed)
	}
	return changed, err
}

func (s *Roles) update(ctx context.Context, tx *unit, by store.Principal, old, r store.Role) error {
	var c fault.Checker
	NewRole{Key: r.Key, Name: r.Name, Description: r.Description, Level: r.Level}.check(&c, "")
	if err := c.Err(); err != nil {
		return err
	}
	if err := s.outrank(by, r.Level); err != nil {
		return err
	}
	if err := vacant(ctx, tx, r); err != nil {
		return err
	}
	if err := tx.UpdateRole(ctx, r); err != nil {
		return conflict(err, rolesExist)
	}
	if r.Key == old.Key && r.Level == old.Level {
		return nil
	}
	return revokeRights(ctx, tx, r.TenantID)
}

// Delete removes a role and takes it from everyone who has it.
func (s *Roles) Delete(ctx context.Context, by store.Principal, id string) error {
	return s.edit(ctx, by, "role.deleted", id, func(tx *unit, r store.Role) error {
		tx.detail = map[string]any{"key": r.Key}
		if err := tx.DeleteRole(ctx, r.TenantID, id); err != nil {
			return err
		}
		return revokeRights(ctx, tx, r.TenantID)
	})
}

// edit changes a role of the caller's scope that the caller may manage.
func (s *Roles) edit(
	ctx context.Context, by store.Principal, action, id string, fn func(tx *unit, r store.Role) error,
) error {
	if err := scoped(by); err != nil {
		return err
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		r, err := tx.Role(ctx, by.TenantID, id)
		if err != nil {
			return missing(err, "role")
		}
		if slices.ContainsFunc(by.Roles, func(own store.RoleRef) bool { return own.ID == id }) {
			return fault.New(fault.Forbidden, "", "a role cannot be changed by those who hold it")
		}
		if err := s.outrank(by, r.Level); err != nil {
			return err
		}
		return fn(tx, r)
	})
}

// scoped refuses a user who acts in no tenant: only the host reaches environment roles.
func scoped(by store.Principal) error {
	if by.Kind == store.UserKind && by.TenantID != "" {
		return nil
	}
	return hostOnly(by)
}

// addRoles stores new roles of one scope.
func addRoles(ctx context.Context, tx *unit, roles []store.Role) error {
	if err := vacantIn(ctx, tx, roles...); err != nil {
		return err
	}
	for _, r := range roles {
		if err := tx.CreateRole(ctx, r); err != nil {
			return conflict(err, rolesExist)
		}
	}
	return nil
}

// vacantIn is vacant for roles that are new in their tenant, which must exist.
func vacantIn(ctx context.Context, tx store.Records, roles ...store.Role) error {
	if id := roles[0].TenantID; id != "" {
		if _, err := tx.Tenant(ctx, id); err != nil {
			return missing(err, "tenant")
		}
	}
	return vacant(ctx, tx, roles...)
}

// vacant refuses roles of one scope whose key another role has: in the same scope, in the
// environment for a tenant's role, in any tenant for an environment role. A guard that asks
// for a role by key must never mean one that a tenant made.
func vacant(ctx context.Context, tx store.Records, roles ...store.Role) error {
	keys := make([]string, len(roles))
	for i, r := range roles {
		keys[i] = r.Key
	}
	taken, err := tx.RolesByKey(ctx, keys...)
	if err != nil {
		return err
	}
	scope, ids := roles[0].TenantID, roleIDs(roles)
	clash := func(t store.Role) bool {
		return !slices.Contains(ids, t.ID) && (scope == "" || t.TenantID == "" || t.TenantID == scope)
	}
	if slices.ContainsFunc(taken, clash) {
		return fault.New(fault.Conflict, "", rolesExist)
	}
	return nil
}

func roleIDs(roles []store.Role) []string {
	ids := make([]string, len(roles))
	for i, r := range roles {
		ids[i] = r.ID
	}
	return ids
}
