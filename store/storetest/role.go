package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func roleTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Role": testRole, "RoleIsolation": testRoleIsolation, "RoleLists": testRoleLists,
		"RolePermissions": testRolePermissions, "RoleMove": testRoleMove, "RoleDelete": testRoleDelete,
	}
}

// permits makes permissions whose keys are "k." and the id.
func permits(t *testing.T, s store.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(t, s.CreatePermission(t.Context(), store.PermissionRecord{ID: id, Key: store.Permission("k." + id)}))
	}
}

func testRole(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "p1", "p2")
	r := store.Role{
		TenantID: "t1", ID: "r1", Key: "admin", Name: "Admin", Description: "d", Level: 3, Default: true, FirstUser: true,
		Permissions: []string{"p1", "p2"}, CreatedAt: now(), UpdatedAt: now(),
	}
	given := r
	given.Permissions = []string{"p2", "p1", "p2"}
	must(t, s.CreateRole(ctx, given))
	returns(s.Role(ctx, "t1", "r1"))(t, "Role", r)
	refused(t, "the key twice", s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r2", Key: "admin"}), store.ErrConflict)
	refused(t, "the id twice", s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r1", Key: "other"}), store.ErrConflict)
	must(t, s.CreateRole(ctx, store.Role{TenantID: "t2", ID: "r3", Key: "admin"}), s.CreateRole(ctx, store.Role{ID: "r4", Key: "admin"}))
	refused(t, "an unknown permission",
		s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r5", Key: "k5", Permissions: []string{"p1", "p9"}}), store.ErrNotFound)
	fails(s.Role(ctx, "t1", "r5"))(t, "nothing of it is left", store.ErrNotFound)

	changed := store.Role{
		TenantID: "t1", ID: "r1", Key: "boss", Name: "Boss", Level: 1, Permissions: r.Permissions,
		CreatedAt: r.CreatedAt, UpdatedAt: now().Add(time.Hour),
	}
	update := changed
	update.Permissions, update.CreatedAt = nil, time.Time{}
	must(t, s.UpdateRole(ctx, update))
	returns(s.Role(ctx, "t1", "r1"))(t, "after UpdateRole", changed)
	must(t, s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r6", Key: "six"}))
	changed.Key = "six"
	refused(t, "a key that is taken", s.UpdateRole(ctx, changed), store.ErrConflict)
}

func testRoleIsolation(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "p1")
	must(t, s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r1", Key: "k"}), s.CreateRole(ctx, store.Role{ID: "r0", Key: "k0"}))
	for _, tt := range []struct{ tenant, id string }{{"t2", "r1"}, {"", "r1"}, {"t1", "r0"}} {
		what := "role " + tt.id + " by way of tenant " + tt.tenant
		fails(s.Role(ctx, tt.tenant, tt.id))(t, what, store.ErrNotFound)
		refused(t, "update "+what, s.UpdateRole(ctx, store.Role{TenantID: tt.tenant, ID: tt.id, Key: "x"}), store.ErrNotFound)
		refused(t, "permissions of "+what, s.SetRolePermissions(ctx, tt.tenant, tt.id, []string{"p1"}), store.ErrNotFound)
		refused(t, "link to "+what, s.LinkPermission(ctx, "p1", tt.tenant, tt.id), store.ErrNotFound)
		refused(t, "move "+what, s.MoveRole(ctx, tt.tenant, tt.id, "t3"), store.ErrNotFound)
		refused(t, "delete "+what, s.DeleteRole(ctx, tt.tenant, tt.id), store.ErrNotFound)
	}
	returns(s.Role(ctx, "t1", "r1"))(t, "unharmed", store.Role{TenantID: "t1", ID: "r1", Key: "k"})
	returns(s.Role(ctx, "", "r0"))(t, "unharmed", store.Role{ID: "r0", Key: "k0"})
}

func roleID(r store.Role) string { return r.ID }

func testRoleLists(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, r := range []store.Role{
		{TenantID: "t1", ID: "r1", Key: "b", Level: 2}, {TenantID: "t1", ID: "r2", Key: "a-b", Level: 2},
		{TenantID: "t1", ID: "r3", Key: "ab", Level: 2}, {TenantID: "t1", ID: "r4", Key: "B", Level: 2},
		{ID: "r5", Key: "z", Level: 1}, {TenantID: "t2", ID: "r6", Key: "b", Level: 0}, {TenantID: "t1", ID: "r7", Key: "été", Level: 2},
	} {
		must(t, s.CreateRole(ctx, r))
	}
	for _, tt := range []struct {
		what string
		list func() ([]store.Role, error)
		want string
	}{
		{"of t1", func() ([]store.Role, error) { return s.Roles(ctx, "t1") }, "r4 r2 r3 r1 r7"},
		{"of t1 and the environment", func() ([]store.Role, error) { return s.Roles(ctx, "t1", "") }, "r5 r4 r2 r3 r1 r7"},
		{"of no tenant", func() ([]store.Role, error) { return s.Roles(ctx) }, ""},
		{"by key", func() ([]store.Role, error) { return s.RolesByKey(ctx, "z", "b", "none") }, "r1 r5 r6"},
		{"by no key", func() ([]store.Role, error) { return s.RolesByKey(ctx) }, ""},
		{"by id", func() ([]store.Role, error) { return s.RolesByID(ctx, "r6", "r1", "r9") }, "r1 r6"},
	} {
		got, err := tt.list()
		must(t, err)
		equal(t, tt.what, words(got, roleID), tt.want)
	}
}

func testRolePermissions(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "p1", "p2", "p3")
	must(t, s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r1", Key: "k", Permissions: []string{"p1"}}))
	must(t, s.SetRolePermissions(ctx, "t1", "r1", []string{"p3", "p2", "p3"}))
	returns(s.Role(ctx, "t1", "r1"))(t, "the set", store.Role{TenantID: "t1", ID: "r1", Key: "k", Permissions: []string{"p2", "p3"}})
	refused(t, "an unknown permission", s.SetRolePermissions(ctx, "t1", "r1", []string{"p1", "p9"}), store.ErrNotFound)
	returns(s.Role(ctx, "t1", "r1"))(t, "the set stays", store.Role{TenantID: "t1", ID: "r1", Key: "k", Permissions: []string{"p2", "p3"}})
	must(t, s.LinkPermission(ctx, "p1", "t1", "r1"), s.LinkPermission(ctx, "p1", "t1", "r1"))
	refused(t, "linking an unknown one", s.LinkPermission(ctx, "p9", "t1", "r1"), store.ErrNotFound)
	returns(s.Role(ctx, "t1", "r1"))(t, "linked", store.Role{TenantID: "t1", ID: "r1", Key: "k", Permissions: []string{"p1", "p2", "p3"}})
	must(t, s.SetRolePermissions(ctx, "t1", "r1", nil))
	returns(s.Role(ctx, "t1", "r1"))(t, "emptied", store.Role{TenantID: "t1", ID: "r1", Key: "k"})
}

func testRoleMove(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "p1")
	r := store.Role{ID: "r1", Key: "k", Permissions: []string{"p1"}, CreatedAt: now()}
	must(t, s.CreateRole(ctx, r), s.CreateRole(ctx, store.Role{TenantID: "t9", ID: "r9", Key: "k"}))
	for _, tenant := range []string{"t1", "t2"} {
		must(t, s.Assign(ctx, store.Assignment{TenantID: tenant, UserID: "u1", RoleID: "r1"}))
	}
	refused(t, "to where the key is taken", s.MoveRole(ctx, "", "r1", "t9"), store.ErrConflict)
	must(t, s.MoveRole(ctx, "", "r1", "t1"))
	fails(s.Role(ctx, "", "r1"))(t, "where it was", store.ErrNotFound)
	r.TenantID = "t1"
	returns(s.Role(ctx, "t1", "r1"))(t, "where it is", r)
	left, err := s.Assignments(ctx, "u1")
	must(t, err)
	equal(t, "assignments left", left, []store.Assignment{{TenantID: "t1", UserID: "u1", RoleID: "r1"}})

	must(t, s.MoveRole(ctx, "t1", "r1", ""), s.MoveRole(ctx, "", "r1", ""))
	r.TenantID = ""
	returns(s.Role(ctx, "", "r1"))(t, "back in the environment", r)
	left, err = s.Assignments(ctx, "u1")
	must(t, err)
	equal(t, "its assignments stay", len(left), 1)
}

func testRoleDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "p1")
	must(t, s.CreateRole(ctx, store.Role{ID: "r0", Key: "k0", Permissions: []string{"p1"}}),
		s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r1", Key: "k1"}))
	for _, a := range []store.Assignment{
		{TenantID: "t1", UserID: "u1", RoleID: "r0"}, {TenantID: "t2", UserID: "u1", RoleID: "r0"},
		{TenantID: "t1", UserID: "u1", RoleID: "r1"},
	} {
		must(t, s.Assign(ctx, a))
	}
	must(t, s.DeleteRole(ctx, "", "r0"))
	refused(t, "deleting twice", s.DeleteRole(ctx, "", "r0"), store.ErrNotFound)
	left, err := s.Assignments(ctx, "u1")
	must(t, err)
	equal(t, "assignments left", left, []store.Assignment{{TenantID: "t1", UserID: "u1", RoleID: "r1"}})
	p, err := s.Permission(ctx, "p1")
	must(t, err)
	equal(t, "roles of its permission", len(p.RoleIDs), 0)
}
