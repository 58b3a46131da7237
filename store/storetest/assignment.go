package storetest

import (
	"testing"

	"github.com/go-identity/identity/store"
)

func assignmentTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Assignment": testAssignment, "Rights": testRights}
}

func testAssignment(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Assignment{TenantID: "t1", UserID: "u2", RoleID: "r1", CreatedAt: now()}
	must(t, s.Assign(ctx, a))
	again := a
	again.CreatedAt = now().AddDate(1, 0, 0)
	must(t, s.Assign(ctx, again))
	returns(s.Assignments(ctx, "u2"))(t, "Assignments", []store.Assignment{a})

	for _, other := range []store.Assignment{
		{TenantID: "t2", UserID: "u2", RoleID: "r1"}, {TenantID: "t1", UserID: "U1", RoleID: "r1"},
		{TenantID: "t1", UserID: "u1", RoleID: "r1"}, {TenantID: "t1", UserID: "u1", RoleID: "r2"},
	} {
		must(t, s.Assign(ctx, other))
	}
	got, err := s.Assignments(ctx, "u1", "u2", "nobody")
	must(t, err)
	equal(t, "of two users", len(got), 4)
	none, err := s.Assignments(ctx)
	must(t, err)
	equal(t, "of nobody", len(none), 0)
	returns(s.Assigned(ctx, "t1", "r1"))(t, "Assigned", []string{"U1", "u1", "u2"})
	must(t, s.Unassign(ctx, "t1", "u2", "r1"), s.Unassign(ctx, "t1", "u2", "r1"))
	returns(s.Assigned(ctx, "t1", "r1"))(t, "Assigned after Unassign", []string{"U1", "u1"})
	returns(s.Assigned(ctx, "t2", "r1"))(t, "Assigned in another tenant", []string{"u2"})
}

func testRights(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "a", "b", "B", "c")
	env := store.Role{ID: "env", Key: "env", Level: 5, Permissions: []string{"a", "b"}}
	own := store.Role{TenantID: "t1", ID: "own", Key: "own", Level: 1, Permissions: []string{"B", "b"}}
	bare := store.Role{ID: "bare", Key: "bare", Level: 5}
	must(t, s.CreateRole(ctx, env), s.CreateRole(ctx, own), s.CreateRole(ctx, bare),
		s.CreateRole(ctx, store.Role{TenantID: "t2", ID: "foreign", Key: "x", Permissions: []string{"c"}}))
	for _, id := range []string{"env", "own", "bare", "foreign", "gone"} {
		must(t, s.Assign(ctx, store.Assignment{TenantID: "t1", UserID: "u1", RoleID: id}))
	}
	must(t, s.Assign(ctx, store.Assignment{TenantID: "t2", UserID: "u1", RoleID: "foreign"}))

	roles, keys, err := s.Rights(ctx, "t1", "u1")
	must(t, err)
	equal(t, "roles: another tenant's never count", roles, []store.Role{own, bare, env})
	equal(t, "permissions", keys, []store.Permission{"k.B", "k.a", "k.b"})
	_, keys, err = s.Rights(ctx, "t2", "u1")
	must(t, err)
	equal(t, "permissions in the other tenant", keys, []store.Permission{"k.c"})
	roles, keys, err = s.Rights(ctx, "t1", "nobody")
	must(t, err)
	equal(t, "rights of nobody", len(roles)+len(keys), 0)
}
