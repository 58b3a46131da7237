package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A catalogue is what every environment has from its first start: the library's own
// permissions, those that the host declares, and the environment's first roles.
type catalogue struct {
	*base
	declared []store.Permission
	roles    []RoleSeed
}

// A RoleSeed is an environment role that exists from the first start. Once it exists, a
// start only adds permissions to it: what was changed by hand stays.
type RoleSeed struct {
	Key, Name, Description string
	Level                  int  // 0 is the strongest
	Default                bool // given to every member added without roles
	FirstUser              bool // given to the first user of a new tenant
	Permissions            []store.Permission
}

// builtInCategory groups the library's own permissions.
const builtInCategory = "account-management"

// builtIn returns the permissions that guard the library's own routes, and their names.
func builtIn() [][2]string {
	return [][2]string{
		{"fe.secure.*", "All of account management"},
		{"fe.secure.read.users", "See users"},
		{"fe.secure.write.users", "Invite and change users"},
		{"fe.secure.delete.users", "Remove users"},
		{"fe.secure.read.roles", "See roles"},
		{"fe.secure.write.roles", "Make and change roles"},
		{"fe.secure.read.tenant", "See the account's details"},
		{"fe.secure.write.tenant", "Change the account's details"},
		{"fe.secure.revoke.sessions", "End sessions"},
		{"fe.secure.read.security", "See the security settings"},
		{"fe.secure.write.security", "Change the security settings"},
		{"fe.secure.read.audits", "See the audit log"},
		{string(store.ReadSSO), "See how single sign-on is set up"},
		{string(store.WriteSSO), "Set single sign-on up"},
		{"fe.account-settings.delete.account", "Delete the account"},
	}
}

// BuiltIn returns the permissions that guard the library's own routes.
func (s *Services) BuiltIn() []store.Permission {
	var keys []store.Permission
	for _, b := range builtIn() {
		keys = append(keys, store.Permission(b[0]))
	}
	return keys
}

// defaultRoles are the roles of an environment whose host names none: an administrator,
// given to the first user of a tenant, who may do all that the host declares and manage
// the account, though not delete it; and a member, given to everyone else, who may do
// nothing.
func defaultRoles(declared []store.Permission) []RoleSeed {
	all := append([]store.Permission{"fe.secure.*"}, declared...)
	return []RoleSeed{
		{Key: "admin", Name: "Admin", FirstUser: true, Permissions: all},
		{Key: "member", Name: "Member", Level: 100, Default: true},
	}
}

// seedTries is how often a seeding that lost a race to another process starts again.
const seedTries = 5

// Seed makes what is missing of the built-in permissions, the declared permissions and the
// roles, in one transaction. Without roles it makes an "admin" and a "member". A role may
// hold what is built in, what is declared, and any wildcard; another permission is an
// error, since nothing would ever ask for it. A complete catalogue costs reads only, and
// any number of processes may seed at once.
func (s *Services) Seed(ctx context.Context, declared []store.Permission, roles []RoleSeed) error {
	if len(roles) == 0 {
		roles = defaultRoles(declared)
	}
	c := catalogue{base: s.base, declared: declared, roles: roles}
	if err := c.check(); err != nil {
		return fmt.Errorf("seed the catalogue: %w", err)
	}
	err := c.seed(ctx)
	for try := 1; try < seedTries && errors.Is(err, store.ErrConflict); try++ {
		err = c.seed(ctx)
	}
	if err != nil {
		return fmt.Errorf("seed the catalogue: %w", err)
	}
	return nil
}

func (c catalogue) seed(ctx context.Context) error {
	plan, err := c.plan(ctx, c.store)
	if err != nil || plan.empty() {
		return err
	}
	return c.change(ctx, store.System(), "catalogue.seeded", builtInCategory, func(tx *unit) error {
		plan, err := c.plan(ctx, tx)
		if err != nil {
			return err
		}
		return plan.carryOut(ctx, tx)
	})
}

func (c catalogue) check() error {
	var f fault.Checker
	known := map[store.Permission]bool{}
	for _, p := range builtIn() {
		known[store.Permission(p[0])] = true
	}
	for _, k := range c.declared {
		known[k] = true
		f.Check(validKey(k), fmt.Sprintf("permission %q", k), keyForm)
	}
	for _, r := range c.roles {
		at := fmt.Sprintf("role %q: ", r.Key)
		NewRole{Key: r.Key, Name: r.Name, Description: r.Description, Level: r.Level}.check(&f, at)
		for _, k := range r.Permissions {
			wild := validKey(k) && strings.HasSuffix(string(k), "*")
			f.Check(known[k] || wild, at+string(k), "is not declared")
		}
	}
	return f.Err()
}

// A seeding is what a catalogue lacks.
type seeding struct {
	categories  []store.Category
	permissions []store.PermissionRecord
	roles       []store.Role
	links       []seedLink
}

// A seedLink is a permission that a role which exists lacks.
type seedLink struct{ permissionID, roleID string }

func (p seeding) empty() bool {
	return len(p.categories)+len(p.permissions)+len(p.roles)+len(p.links) == 0
}

// plan compares the catalogue with what it should hold.
func (c catalogue) plan(ctx context.Context, r store.Records) (seeding, error) {
	p := seeding{}
	categories, err := r.Categories(ctx)
	if err != nil {
		return p, err
	}
	if !slices.ContainsFunc(categories, func(g store.Category) bool { return g.ID == builtInCategory }) {
		p.categories = []store.Category{{
			ID: builtInCategory, Name: "Account management", BuiltIn: true, CreatedAt: c.now(),
			Description: "What users may do to their own account",
		}}
	}
	stored, err := r.Permissions(ctx)
	if err != nil {
		return p, err
	}
	ids := map[store.Permission]string{}
	for _, have := range stored {
		ids[have.Key] = have.ID
	}
	p.permissions = c.lacking(ids)
	roles, err := r.Roles(ctx, "")
	if err != nil {
		return p, err
	}
	for _, seed := range c.roles {
		c.planRole(&p, ids, roles, seed)
	}
	return p, nil
}

// lacking returns the permissions that have no id yet, and gives them one.
func (c catalogue) lacking(ids map[store.Permission]string) []store.PermissionRecord {
	var lack []store.PermissionRecord
	at := c.now()
	add := func(p store.PermissionRecord) {
		if ids[p.Key] != "" {
			return
		}
		p.ID, p.CreatedAt, p.UpdatedAt = c.newID(), at, at
		ids[p.Key] = p.ID
		lack = append(lack, p)
	}
	for _, b := range builtIn() {
		add(store.PermissionRecord{
			Key: store.Permission(b[0]), Name: b[1], CategoryID: builtInCategory,
			Use: store.Assignable, BuiltIn: true,
		})
	}
	keys := slices.Clone(c.declared)
	for _, seed := range c.roles {
		keys = append(keys, seed.Permissions...)
	}
	for _, k := range keys {
		add(store.PermissionRecord{Key: k, Name: string(k), Use: store.NeverAssigned})
	}
	return lack
}

// planRole adds a role that does not exist, or the links that one which does lacks.
func (c catalogue) planRole(p *seeding, ids map[store.Permission]string, have []store.Role, seed RoleSeed) {
	want := make([]string, len(seed.Permissions))
	for i, k := range seed.Permissions {
		want[i] = ids[k]
	}
	want = unique(want)
	i := slices.IndexFunc(have, func(r store.Role) bool { return r.Key == seed.Key })
	if i < 0 {
		at := c.now()
		p.roles = append(p.roles, store.Role{
			ID: c.newID(), Key: seed.Key, Name: seed.Name, Description: seed.Description,
			Level: seed.Level, Default: seed.Default, FirstUser: seed.FirstUser,
			Permissions: want, CreatedAt: at, UpdatedAt: at,
		})
		return
	}
	for _, id := range want {
		if !slices.Contains(have[i].Permissions, id) {
			p.links = append(p.links, seedLink{id, have[i].ID})
		}
	}
}

// carryOut makes what is lacking.
func (p seeding) carryOut(ctx context.Context, tx *unit) error {
	for _, g := range p.categories {
		if err := tx.CreateCategory(ctx, g); err != nil {
			return err
		}
	}
	for _, r := range p.permissions {
		if err := tx.CreatePermission(ctx, r); err != nil {
			return err
		}
	}
	if len(p.roles) > 0 {
		if err := addRoles(ctx, tx, p.roles); err != nil {
			return err
		}
	}
	for _, l := range p.links {
		if err := tx.LinkPermission(ctx, l.permissionID, "", l.roleID); err != nil {
			return err
		}
	}
	if len(p.links) == 0 {
		return nil
	}
	return revokeRights(ctx, tx, "")
}
