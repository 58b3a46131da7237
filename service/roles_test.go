package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestRolesCreateRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.role(t, host, "admin")
	ok := service.NewRole{Key: "editor", Name: "Editor"}
	with := func(edit func(*service.NewRole)) []service.NewRole {
		n := ok
		edit(&n)
		return []service.NewRole{n}
	}
	for _, tt := range []struct {
		name string
		by   store.Principal
		in   []service.NewRole
		want fault.Code
	}{
		{"no key", host, with(func(n *service.NewRole) { n.Key = "" }), fault.Invalid},
		{"no name", host, with(func(n *service.NewRole) { n.Name = "" }), fault.Invalid},
		{"long key", host, with(func(n *service.NewRole) { n.Key = strings.Repeat("k", 256) }), fault.Invalid},
		{"long description", host, with(func(n *service.NewRole) { n.Description = strings.Repeat("d", 4097) }), fault.Invalid},
		{"not text", host, with(func(n *service.NewRole) { n.Name = "a\xff" }), fault.Invalid},
		{"level below", host, with(func(n *service.NewRole) { n.Level = -1 }), fault.Invalid},
		{"level above", host, with(func(n *service.NewRole) { n.Level = 32768 }), fault.Invalid},
		{"too many", host, make([]service.NewRole, 1001), fault.Invalid},
		{"key taken", host, with(func(n *service.NewRole) { n.Key = "admin" }), fault.Conflict},
		{"key twice", host, []service.NewRole{ok, ok}, fault.Conflict},
		{"environment's key", hostIn("acme"), with(func(n *service.NewRole) { n.Key = "admin" }), fault.Conflict},
		{"unknown tenant", hostIn("nobody"), []service.NewRole{ok}, fault.NotFound},
		{"not signed in", store.Principal{}, []service.NewRole{ok}, fault.Forbidden},
		{"not signed in, in a tenant", store.Principal{TenantID: "acme"}, []service.NewRole{ok}, fault.Forbidden},
		{"user without tenant", store.Principal{Kind: store.UserKind, ID: "u"}, []service.NewRole{ok}, fault.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Roles.Create(t.Context(), tt.by, tt.in)
			if got := code(err); got != tt.want {
				t.Errorf("Create = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRolesCreateAllOrNone(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.role(t, host, "taken")
	_, err := c.Roles.Create(t.Context(), host, []service.NewRole{
		{Key: "first", Name: "First"}, {Key: "taken", Name: "Taken"},
	})
	if got, want := fault.From(err).Error(), "Roles already exists"; got != want {
		t.Errorf("Create = %q, want %q", got, want)
	}
	rs, err := c.Roles.List(t.Context(), host)
	if err != nil || len(rs) != 1 {
		t.Errorf("List = %d roles, %v; want the first one alone", len(rs), err)
	}
	if got := c.audited(t, "role.created"); len(got) != 1 {
		t.Errorf("audited %v, want one event", got)
	}
}

func TestRolesCreateReportsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := newCollection(t).Roles.Create(t.Context(), host, []service.NewRole{{Level: -1}, {Key: "k"}})
	want := []string{
		"[0].key should not be empty", "[0].name should not be empty",
		"[0].level must be between 0 and 32767", "[1].name should not be empty",
	}
	if got := fault.From(err).Messages(); !slices.Equal(got, want) {
		t.Errorf("messages = %q, want %q", got, want)
	}
}

// A key means one role to whoever holds it: the environment's and a tenant's never meet.
func TestRoleKeysNeverMeet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		first, second string // tenants of two roles that want the key; "" is the environment
		want          fault.Code
	}{
		{"twice in the environment", "", "", fault.Conflict},
		{"tenant after environment", "", "a", fault.Conflict},
		{"environment after tenant", "a", "", fault.Conflict},
		{"twice in a tenant", "a", "a", fault.Conflict},
		{"two tenants", "a", "b", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCollection(t)
			c.tenant(t, "a")
			c.tenant(t, "b")
			c.role(t, hostIn(tt.first), "editor")
			other := c.role(t, hostIn(tt.second), "other")
			_, err := c.Roles.Create(t.Context(), hostIn(tt.second), []service.NewRole{{Key: "editor", Name: "Editor"}})
			if code(err) != tt.want {
				t.Errorf("Create = %v, want %q", err, tt.want)
			}
			if err == nil {
				return
			}
			_, err = c.Roles.Update(t.Context(), hostIn(tt.second), other.ID, service.RoleChange{Key: ptr("editor")})
			if code(err) != tt.want {
				t.Errorf("Update = %v, want %q", err, tt.want)
			}
		})
	}
}

// An environment and a tenant that want one key at the same moment do not both get it,
// whether they make the role, rename one, or move one.
func TestRoleKeysNeverMeetInARace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		c := collectionOver(t, db)
		c.tenant(t, "a")
		for i := range 20 {
			key := fmt.Sprintf("key-%d", i)
			inA, inB := c.role(t, hostIn("a"), "of-a-"+key), c.role(t, host, "of-all-"+key)
			add := func(by store.Principal) func() error {
				return func() error {
					_, err := c.Roles.Create(t.Context(), by, []service.NewRole{{Key: key, Name: key}})
					return err
				}
			}
			rename := func(by store.Principal, id string) func() error {
				return func() error {
					_, err := c.Roles.Update(t.Context(), by, id, service.RoleChange{Key: &key})
					return err
				}
			}
			won := 0
			for _, err := range together(add(host), add(hostIn("a")), rename(host, inB.ID), rename(hostIn("a"), inA.ID)) {
				if err == nil {
					won++
				} else if code(err) != fault.Conflict {
					t.Errorf("lost with %v, want a conflict", err)
				}
			}
			if won != 1 {
				t.Errorf("%d roles got the key %s, want 1", won, key)
			}
		}
	})
}

func TestRolesList(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	c.role(t, host, "everyone")
	c.role(t, hostIn("a"), "ours")
	c.role(t, hostIn("b"), "theirs")
	for _, tt := range []struct {
		by   store.Principal
		want []string
	}{
		{host, []string{"everyone"}},
		{hostIn("a"), []string{"everyone", "ours"}},
		{store.Principal{Kind: store.UserKind, ID: "u", TenantID: "b"}, []string{"everyone", "theirs"}},
	} {
		rs, err := c.Roles.List(t.Context(), tt.by)
		var got []string
		for _, r := range rs {
			got = append(got, r.Key)
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("List for %q = %v, %v; want %v", tt.by.TenantID, got, err, tt.want)
		}
	}
}

func TestRolesUpdate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	r := c.role(t, host, "editor")
	got, err := c.Roles.Update(t.Context(), host, r.ID, service.RoleChange{Name: ptr("Writer"), Level: ptr(0), Default: ptr(true)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Key != "editor" || got.Name != "Writer" || got.Level != 0 || !got.Default || got.UpdatedAt.Before(r.UpdatedAt) {
		t.Errorf("Update = %+v, want the key kept and the rest changed", got)
	}
	stored, err := c.db.Role(t.Context(), "", r.ID)
	if err != nil || stored.Name != got.Name || stored.Level != got.Level || !stored.UpdatedAt.Equal(got.UpdatedAt) {
		t.Errorf("stored %+v, %v; want what Update returned", stored, err)
	}
	_, err = c.Roles.Update(t.Context(), host, r.ID, service.RoleChange{Name: ptr("")})
	if code(err) != fault.Invalid {
		t.Errorf("Update to no name = %v, want invalid", err)
	}
}

func TestRolesSetPermissions(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	r, read, write := c.role(t, host, "editor"), c.permission(t, "reports.read"), c.permission(t, "reports.write")
	for _, tt := range []struct {
		name string
		ids  []string
		want []string
		code fault.Code
	}{
		{"both, one twice", []string{write.ID, read.ID, write.ID}, []string{read.ID, write.ID}, ""},
		{"replaces", []string{write.ID}, []string{write.ID}, ""},
		{"unknown", []string{read.ID, "nothing"}, []string{write.ID}, fault.NotFound},
		{"none", nil, nil, ""},
	} {
		got, err := c.Roles.SetPermissions(t.Context(), host, r.ID, tt.ids)
		if code(err) != tt.code {
			t.Fatalf("%s: SetPermissions = %v, want %q", tt.name, err, tt.code)
		}
		want := slices.Sorted(slices.Values(tt.want))
		if err == nil && !slices.Equal(got.Permissions, want) {
			t.Errorf("%s: SetPermissions = %v, want %v", tt.name, got.Permissions, want)
		}
		stored, err := c.db.Role(t.Context(), "", r.ID)
		if err != nil || !slices.Equal(stored.Permissions, want) {
			t.Errorf("%s: stored %v, %v; want %v", tt.name, stored.Permissions, err, want)
		}
	}
}

func TestRolesMove(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	c.member(t, "u", "a", "b")
	r := c.role(t, host, "editor")
	c.give(t, "a", "u", r.ID)
	c.give(t, "b", "u", r.ID)

	moved, err := c.Roles.Move(t.Context(), host, r.ID, "a")
	if err != nil || moved.TenantID != "a" {
		t.Fatalf("Move to a = %+v, %v", moved, err)
	}
	if got, _ := c.rights(t, "a", "u"); !slices.Equal(got, []string{"editor"}) {
		t.Errorf("in a the user holds %v, want editor still", got)
	}
	if got, _ := c.rights(t, "b", "u"); len(got) != 0 {
		t.Errorf("in b the user holds %v, want nothing", got)
	}
	for _, tt := range []struct {
		name, id, to string
		want         fault.Code
	}{
		{"nowhere", r.ID, "nobody", fault.NotFound},
		{"unknown", "nothing", "b", fault.NotFound},
		{"where it is", r.ID, "a", ""},
		{"on", r.ID, "b", ""},
		{"to the environment", r.ID, "", ""},
	} {
		if _, err := c.Roles.Move(t.Context(), host, tt.id, tt.to); code(err) != tt.want {
			t.Errorf("Move %s = %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestRolesMoveRefusesATakenKey(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	inA := c.role(t, hostIn("a"), "editor")
	c.role(t, hostIn("b"), "editor")
	for _, to := range []string{"", "b"} {
		if _, err := c.Roles.Move(t.Context(), host, inA.ID, to); code(err) != fault.Conflict {
			t.Errorf("Move to %q = %v, want a conflict", to, err)
		}
	}
}

func TestRolesDelete(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.member(t, "u", "a")
	r := c.role(t, host, "editor")
	c.give(t, "a", "u", r.ID)
	if err := c.Roles.Delete(t.Context(), hostIn("a"), r.ID); code(err) != fault.NotFound {
		t.Errorf("Delete of an environment role for a tenant = %v, want not found", err)
	}
	if err := c.Roles.Delete(t.Context(), host, r.ID); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.rights(t, "a", "u"); len(got) != 0 {
		t.Errorf("the user still holds %v", got)
	}
	if err := c.Roles.Delete(t.Context(), host, r.ID); code(err) != fault.NotFound {
		t.Errorf("Delete again = %v, want not found", err)
	}
}

func TestRolesMigrate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	const users = 401 // three batches
	for i := range users {
		c.member(t, fmt.Sprintf("user-%03d", i), "a", "b")
	}
	migrated := func(by store.Principal, key string) store.Role {
		rs, err := c.Roles.Create(t.Context(), by, []service.NewRole{{Key: key, Name: key, Default: true, Migrate: true}})
		if err != nil {
			t.Fatalf("Create %s = %v", key, err)
		}
		return rs[0]
	}
	for _, tt := range []struct {
		role store.Role
		a, b int
	}{
		{migrated(host, "everyone"), users, users},
		{migrated(hostIn("a"), "ours"), users, 0},
	} {
		for tenantID, want := range map[string]int{"a": tt.a, "b": tt.b} {
			ids, err := c.db.Assigned(t.Context(), tenantID, tt.role.ID)
			if err != nil || len(ids) != want {
				t.Errorf("%s in %s: %d users, %v; want %d", tt.role.Key, tenantID, len(ids), err, want)
			}
		}
	}
}

func TestRolesMigrateNeedsDefault(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.member(t, "u", "a")
	r := c.role(t, host, "everyone")
	for _, tt := range []struct {
		change service.RoleChange
		want   int
	}{
		{service.RoleChange{Migrate: true}, 0},
		{service.RoleChange{Default: ptr(true)}, 0},
		{service.RoleChange{Migrate: true}, 1}, // default by now
	} {
		if _, err := c.Roles.Update(t.Context(), host, r.ID, tt.change); err != nil {
			t.Fatal(err)
		}
		if got, _ := c.rights(t, "a", "u"); len(got) != tt.want {
			t.Errorf("after %+v the user holds %v, want %d roles", tt.change, got, tt.want)
		}
	}
}

// Every change of a role is audited in its transaction, and tells the other processes when
// it changes what somebody may do.
func TestRolesAreRecorded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		action  string
		do      func(c collection, t *testing.T, by store.Principal, id string) error
		revokes bool
	}{
		{"role.updated", func(c collection, t *testing.T, by store.Principal, id string) error {
			_, err := c.Roles.Update(t.Context(), by, id, service.RoleChange{Name: ptr("Other")})
			return err
		}, false},
		{"role.updated", func(c collection, t *testing.T, by store.Principal, id string) error {
			_, err := c.Roles.Update(t.Context(), by, id, service.RoleChange{Level: ptr(1)})
			return err
		}, true},
		{"role.permissions_set", func(c collection, t *testing.T, by store.Principal, id string) error {
			_, err := c.Roles.SetPermissions(t.Context(), by, id, nil)
			return err
		}, true},
		{"role.deleted", func(c collection, t *testing.T, by store.Principal, id string) error {
			return c.Roles.Delete(t.Context(), by, id)
		}, true},
	} {
		for _, tenantID := range []string{"", "a"} {
			c := newCollection(t)
			c.tenant(t, "a")
			by := hostIn(tenantID)
			r := c.role(t, by, "editor")
			if err := tt.do(c, t, by, r.ID); err != nil {
				t.Fatalf("%s: %v", tt.action, err)
			}
			if got := c.audited(t, tt.action); !slices.Equal(got, []string{r.ID}) {
				t.Errorf("%s audited %v, want %v", tt.action, got, r.ID)
			}
			var want []string
			if tt.revokes {
				want = []string{tenantID}
			}
			if got := c.revoked(t); !slices.Equal(got, want) {
				t.Errorf("%s in %q revoked %q, want %q", tt.action, tenantID, got, want)
			}
		}
	}
}

// user returns a user of tenant a who holds roles of the levels, and the permissions.
func user(levels []int, keys ...store.Permission) store.Principal {
	p := store.Principal{Kind: store.UserKind, ID: "u", UserID: "u", TenantID: "a", Rights: store.NewPermissionSet(keys)}
	for i, l := range levels {
		p.Roles = append(p.Roles, store.RoleRef{ID: fmt.Sprintf("held-%d", i), TenantID: "a", Key: fmt.Sprintf("held-%d", i), Level: l})
	}
	return p
}

func TestAttackRoles(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	strong, err := c.Roles.Create(t.Context(), hostIn("a"), []service.NewRole{{Key: "owner", Name: "Owner", Level: 5}})
	if err != nil {
		t.Fatal(err)
	}
	theirs := c.role(t, hostIn("b"), "theirs")
	shared := c.role(t, host, "shared")
	ours := c.role(t, hostIn("a"), "ours")
	held, beyond, never := c.permission(t, "held.one"), c.permission(t, "beyond"), c.permission(t, "held.never")
	if _, err := c.Permissions.Classify(t.Context(), host, []string{held.ID, beyond.ID}, store.Assignable); err != nil {
		t.Fatal(err)
	}
	actor := user([]int{10, 70}, "held.*")
	create := func(level int) error {
		n := service.NewRole{Key: fmt.Sprintf("level-%d", level), Name: "New", Level: level}
		_, err := c.Roles.Create(t.Context(), actor, []service.NewRole{n})
		return err
	}
	update := func(by store.Principal, id string, ch service.RoleChange) error {
		_, err := c.Roles.Update(t.Context(), by, id, ch)
		return err
	}
	grant := func(id string, ps ...string) error {
		_, err := c.Roles.SetPermissions(t.Context(), actor, id, ps)
		return err
	}
	self := actor
	self.Roles = append(slices.Clone(self.Roles), store.RoleRef{ID: ours.ID, TenantID: "a", Key: ours.Key, Level: ours.Level})
	for _, tt := range []struct {
		name string
		err  error
		want fault.Code
	}{
		{"RBAC-06 role stronger than self", create(9), fault.Forbidden},
		{"RBAC-06 role as strong as self", create(10), ""},
		{"RBAC-06 permission the actor lacks", grant(ours.ID, beyond.ID), fault.Forbidden},
		{"RBAC-06 permission customers never assign", grant(ours.ID, never.ID), fault.Forbidden},
		{"RBAC-06 permission held by wildcard", grant(ours.ID, held.ID), ""},
		{"RBAC-06 raise a role above self", update(actor, ours.ID, service.RoleChange{Level: ptr(0)}), fault.Forbidden},
		{"RBAC-07 edit own role", update(self, ours.ID, service.RoleChange{Level: ptr(10)}), fault.Forbidden},
		{"RBAC-08 downgrade the owner", update(actor, strong[0].ID, service.RoleChange{Level: ptr(100)}), fault.Forbidden},
		{"RBAC-08 empty the owner's role", grant(strong[0].ID), fault.Forbidden},
		{"RBAC-08 delete the owner's role", c.Roles.Delete(t.Context(), actor, strong[0].ID), fault.Forbidden},
		{"RBAC-04 role of another tenant", update(actor, theirs.ID, service.RoleChange{Name: ptr("x")}), fault.NotFound},
		{"RBAC-04 role of the environment", update(actor, shared.ID, service.RoleChange{Name: ptr("x")}), fault.NotFound},
		{"RBAC-04 move a role", func() error { _, err := c.Roles.Move(t.Context(), actor, ours.ID, "b"); return err }(), fault.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if code(tt.err) != tt.want {
				t.Errorf("got %v, want %q", tt.err, tt.want)
			}
		})
	}
}
