package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func permissionTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Permission": testPermission, "PermissionUse": testPermissionUse}
}

func permissionID(p store.PermissionRecord) string { return p.ID }

func testPermission(t *testing.T, s store.Store) {
	ctx := t.Context()
	p := store.PermissionRecord{
		ID: "p1", Key: "reports.read", Name: "n", Description: "d", CategoryID: "c", Use: store.Assignable, BuiltIn: true,
		CreatedAt: now(), UpdatedAt: now(),
	}
	must(t, s.CreatePermission(ctx, p))
	returns(s.Permission(ctx, "p1"))(t, "Permission", p)
	refused(t, "the key twice", s.CreatePermission(ctx, store.PermissionRecord{ID: "p2", Key: p.Key}), store.ErrConflict)
	refused(t, "the id twice", s.CreatePermission(ctx, store.PermissionRecord{ID: "p1", Key: "x"}), store.ErrConflict)
	fails(s.Permission(ctx, "p9"))(t, "unknown permission", store.ErrNotFound)

	must(t, s.CreatePermission(ctx, store.PermissionRecord{ID: "p3", Key: "Reports"}),
		s.CreatePermission(ctx, store.PermissionRecord{ID: "p4", Key: "reports-x"}))
	for what, tt := range map[string]struct {
		ids  []string
		want string
	}{
		"all": {nil, "p3 p4 p1"}, "some": {[]string{"p1", "p3", "p9", "p1"}, "p3 p1"}, "none": {[]string{"p9"}, ""},
	} {
		got, err := s.Permissions(ctx, tt.ids...)
		must(t, err)
		equal(t, what, words(got, permissionID), tt.want)
	}

	must(t, s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r2", Key: "k", Permissions: []string{"p1"}}),
		s.CreateRole(ctx, store.Role{ID: "r1", Key: "k"}), s.LinkPermission(ctx, "p1", "", "r1"))
	p.Name, p.Key, p.UpdatedAt, p.RoleIDs = "n2", "reports.view", now().Add(time.Hour), []string{"r1", "r2"}
	must(t, s.UpdatePermission(ctx, p))
	returns(s.Permission(ctx, "p1"))(t, "after UpdatePermission", p)
	taken := p
	taken.Key = "Reports"
	refused(t, "a key that is taken", s.UpdatePermission(ctx, taken), store.ErrConflict)
	refused(t, "update of an unknown one", s.UpdatePermission(ctx, store.PermissionRecord{ID: "p9", Key: "x"}), store.ErrNotFound)

	must(t, s.DeletePermission(ctx, "p1"))
	refused(t, "deleting twice", s.DeletePermission(ctx, "p1"), store.ErrNotFound)
	returns(s.Role(ctx, "t1", "r2"))(t, "its role", store.Role{TenantID: "t1", ID: "r2", Key: "k"})
}

func testPermissionUse(t *testing.T, s store.Store) {
	ctx := t.Context()
	permits(t, s, "p1", "p2", "p3")
	at := now()
	must(t, s.SetPermissionUse(ctx, []string{"p1", "p3"}, store.AlwaysAssigned, at))
	refused(t, "an unknown one", s.SetPermissionUse(ctx, []string{"p2", "p9"}, store.NeverAssigned, at), store.ErrNotFound)
	all, err := s.Permissions(ctx)
	must(t, err)
	equal(t, "uses", words(all, func(p store.PermissionRecord) string { return p.ID + string(p.Use) }), "p1ALWAYS p2 p3ALWAYS")
	equal(t, "changed at", all[0].UpdatedAt, at)
}
