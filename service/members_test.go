package service_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestMembersAdd(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	first := service.NewRole{Key: "owner", Name: "Owner", FirstUser: true}
	given := service.NewRole{Key: "member", Name: "Member", Level: 100, Default: true}
	if _, err := c.Roles.Create(t.Context(), host, []service.NewRole{first, given}); err != nil {
		t.Fatal(err)
	}
	c.member(t, "ada")
	for _, tt := range []struct {
		name  string
		in    service.TenantChoice
		want  fault.Code
		roles []string
	}{
		{"a tenant that exists", service.TenantChoice{TenantID: "acme"}, "", []string{"member"}},
		{"again", service.TenantChoice{TenantID: "acme"}, "", []string{"member"}},
		{"a tenant that must exist", service.TenantChoice{TenantID: "unborn", MustExist: true}, fault.NotFound, nil},
		{"a new tenant", service.TenantChoice{TenantID: "unborn"}, "", []string{"owner"}},
		{"no tenant id", service.TenantChoice{TenantID: "a/b"}, fault.Invalid, nil},
	} {
		p, err := c.Members.Add(t.Context(), host, "ada", tt.in)
		if code(err) != tt.want {
			t.Errorf("%s: Add = %v, want %v", tt.name, err, tt.want)
		}
		if err != nil {
			continue
		}
		if roles, _ := c.rights(t, tt.in.TenantID, "ada"); !slices.Equal(roles, tt.roles) || p.ActiveTenantID != "acme" {
			t.Errorf("%s: roles = %v, active in %q, want %v, acme", tt.name, roles, p.ActiveTenantID, tt.roles)
		}
	}
	if got := c.audited(t, "tenant.created"); !slices.Contains(got, "unborn") {
		t.Errorf("audited tenants %v, want unborn among them", got)
	}
	if _, err := c.Members.Add(t.Context(), host, "nobody", service.TenantChoice{TenantID: "acme"}); code(err) != fault.NotFound {
		t.Errorf("Add of nobody = %v, want not found", err)
	}
}

func TestMembersAddActivates(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.member(t, "ada")
	m := store.Membership{TenantID: "acme", UserID: "ada", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if err := c.db.CreateMembership(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Members.Add(t.Context(), host, "ada", service.TenantChoice{TenantID: "acme"}); err != nil {
		t.Fatal(err)
	}
	if m, err := c.db.Membership(t.Context(), "acme", "ada"); err != nil || !m.Activated {
		t.Errorf("membership = %+v, %v, want an activated one", m, err)
	}
}

func TestMembersActivate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	c.member(t, "ada", "acme")
	for _, tt := range []struct {
		name string
		by   store.Principal
		in   service.TenantChoice
		want fault.Code
	}{
		{"a member", host, service.TenantChoice{TenantID: "acme"}, ""},
		{"no member", host, service.TenantChoice{TenantID: "other"}, fault.NotFound},
		{"a tenant that must exist", host, service.TenantChoice{TenantID: "unborn", MustExist: true}, fault.NotFound},
		{"tenants disagree", hostIn("other"), service.TenantChoice{TenantID: "acme"}, fault.Invalid},
		{"a user", c.acting(t, "ada", "acme"), service.TenantChoice{TenantID: "acme"}, fault.Forbidden},
		{"a new tenant", host, service.TenantChoice{TenantID: "unborn"}, ""},
	} {
		p, err := c.Members.Activate(t.Context(), tt.by, "ada", tt.in)
		if code(err) != tt.want {
			t.Errorf("%s: Activate = %v, want %v", tt.name, err, tt.want)
		}
		if err == nil && (p.ActiveTenantID != tt.in.TenantID || p.TenantID != tt.in.TenantID) {
			t.Errorf("%s: active in %q, want %q", tt.name, p.ActiveTenantID, tt.in.TenantID)
		}
	}
}

func TestMembersAssign(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	editor, reader := c.leveled(t, host, "editor", 10), c.leveled(t, hostIn("acme"), "reader", 20)
	c.member(t, "ada", "acme")
	before := len(c.revoked(t))
	m, err := c.Members.Assign(t.Context(), hostIn("acme"), "ada", []string{reader, editor, reader})
	if err != nil || len(m.Roles) != 2 || m.Roles[0].ID != editor || m.TenantID != "acme" || m.UserID != "ada" {
		t.Fatalf("Assign = %+v, %v, want editor and reader", m, err)
	}
	m, err = c.Members.Unassign(t.Context(), hostIn("acme"), "ada", []string{editor})
	if err != nil || len(m.Roles) != 1 || m.Roles[0].ID != reader {
		t.Errorf("Unassign = %+v, %v, want reader", m, err)
	}
	if got := c.revoked(t)[before:]; !slices.Equal(got, []string{"acme", "acme"}) {
		t.Errorf("revoked %v, want acme twice", got)
	}
	if got := c.audited(t, "role.assigned"); !slices.Equal(got, []string{"ada"}) {
		t.Errorf("audited %v, want ada", got)
	}
}

func TestMembersAssignRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	editor, foreign := c.leveled(t, host, "editor", 10), c.leveled(t, hostIn("other"), "foreign", 10)
	c.member(t, "ada", "acme")
	c.member(t, "eve", "other")
	for _, tt := range []struct {
		name, user string
		by         store.Principal
		roles      []string
		want       fault.Code
	}{
		{"no roles", "ada", hostIn("acme"), nil, fault.Invalid},
		{"too many roles", "ada", hostIn("acme"), make([]string, 1001), fault.Invalid},
		{"unknown role", "ada", hostIn("acme"), []string{editor, "nothing"}, fault.NotFound},
		{"no member", "eve", hostIn("acme"), []string{editor}, fault.NotFound},
		{"unknown user", "nobody", hostIn("acme"), []string{editor}, fault.NotFound},
		{"RBAC-10 role of another tenant", "ada", hostIn("acme"), []string{foreign}, fault.NotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := c.Members.Assign(t.Context(), tt.by, tt.user, tt.roles); code(err) != tt.want {
				t.Errorf("Assign = %v, want %v", err, tt.want)
			}
			if roles, _ := c.rights(t, "acme", tt.user); len(roles) > 0 {
				t.Errorf("roles = %v, want none", roles)
			}
		})
	}
}

func TestMembersDisable(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.member(t, "ada", "acme")
	for _, disabled := range []bool{true, false} {
		do := c.Members.Enable
		if disabled {
			do = c.Members.Disable
		}
		if err := do(t.Context(), hostIn("acme"), "ada"); err != nil {
			t.Fatal(err)
		}
		if m, err := c.db.Membership(t.Context(), "acme", "ada"); err != nil || m.Disabled != disabled {
			t.Errorf("membership = %+v, %v, want disabled: %t", m, err, disabled)
		}
	}
	if err := c.Members.Disable(t.Context(), hostIn("acme"), "nobody"); code(err) != fault.NotFound {
		t.Errorf("Disable of nobody = %v, want not found", err)
	}
}

func TestMembersRoles(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	editor := c.leveled(t, host, "editor", 10)
	c.member(t, "ada", "acme", "other")
	c.member(t, "eve", "other")
	c.give(t, "acme", "ada", editor)
	c.give(t, "other", "eve", editor)
	ids := []string{"ada", "eve", "nobody"}
	for _, tt := range []struct {
		name string
		by   store.Principal
		want map[string]int
	}{
		{"the host", host, map[string]int{"ada": 1, "eve": 1}},
		{"the host in a tenant", hostIn("other"), map[string]int{"ada": 0, "eve": 1}},
		{"a user", c.acting(t, "ada", "acme"), map[string]int{"ada": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			held, err := c.Members.Roles(t.Context(), tt.by, ids)
			if err != nil || len(held) != len(tt.want) {
				t.Fatalf("Roles = %v, %v, want %v", held, err, tt.want)
			}
			for id, n := range tt.want {
				if len(held[id]) != n {
					t.Errorf("Roles of %s = %v, want %d", id, held[id], n)
				}
			}
		})
	}
}

func TestAttackMembers(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	boss, lead, staff := c.leveled(t, host, "boss", 0), c.leveled(t, host, "lead", 10), c.leveled(t, host, "staff", 20)
	owner := c.user(t, "owner@example.com", "acme", boss)
	manager := c.user(t, "manager@example.com", "acme", lead)
	worker := c.user(t, "worker@example.com", "acme", staff)
	by := c.acting(t, manager.ID, "acme")
	for _, tt := range []struct {
		name string
		do   func() error
		want fault.Code
	}{
		{"RBAC-05 a stronger role", func() error {
			_, err := c.Members.Assign(t.Context(), by, worker.ID, []string{boss})
			return err
		}, fault.Forbidden},
		{"RBAC-05 a stronger role among others", func() error {
			_, err := c.Members.Assign(t.Context(), by, worker.ID, []string{staff, boss})
			return err
		}, fault.Forbidden},
		{"RBAC-05 the own level", func() error {
			_, err := c.Members.Assign(t.Context(), by, worker.ID, []string{lead})
			return err
		}, ""},
		{"RBAC-07 itself", func() error {
			_, err := c.Members.Assign(t.Context(), by, manager.ID, []string{staff})
			return err
		}, fault.Forbidden},
		{"RBAC-08 downgrade somebody stronger", func() error {
			_, err := c.Members.Unassign(t.Context(), by, owner.ID, []string{boss})
			return err
		}, fault.Forbidden},
		{"RBAC-08 disable somebody stronger", func() error { return c.Members.Disable(t.Context(), by, owner.ID) }, fault.Forbidden},
		{"RBAC-08 disable itself", func() error { return c.Members.Disable(t.Context(), by, manager.ID) }, fault.Forbidden},
		{"disable somebody weaker", func() error { return c.Members.Disable(t.Context(), by, worker.ID) }, ""},
	} {
		if err := tt.do(); code(err) != tt.want {
			t.Errorf("%s = %v, want %q", tt.name, err, tt.want)
		}
	}
	t.Run("RBAC-13 no role is no right", func(t *testing.T) {
		m, err := c.Members.Unassign(t.Context(), hostIn("acme"), worker.ID, []string{staff, lead})
		if err != nil || len(m.Roles) != 0 {
			t.Fatalf("Unassign = %v, %v, want no roles left", m.Roles, err)
		}
		by := c.acting(t, worker.ID, "acme")
		p, err := c.Profiles.Me(t.Context(), by)
		if err != nil || len(p.Permissions) > 0 || by.Can("reports.read") || by.Can("") {
			t.Errorf("without roles the worker may %v, %v, want nothing", p.Permissions, err)
		}
	})
	t.Run("RBAC-20 rights that were taken do not count", func(t *testing.T) {
		if _, err := c.Members.Unassign(t.Context(), hostIn("acme"), manager.ID, []string{lead}); err != nil {
			t.Fatal(err)
		}
		// by still carries the role that it was resolved with.
		if _, err := c.Members.Assign(t.Context(), by, worker.ID, []string{staff}); code(err) != fault.Forbidden {
			t.Errorf("Assign = %v, want forbidden", err)
		}
	})
}

// TestAttackStanding proves that what happens to a user or a member counts at once for the
// token that it has already.
func TestAttackStanding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, w world, by store.Principal) error
		want fault.Code // of the next request with the same token
	}{
		{"RBAC-18 the tenant is deleted", func(t *testing.T, w world, by store.Principal) error {
			return w.Tenants.Delete(t.Context(), host, by.TenantID)
		}, fault.Unauthenticated},
		{"RBAC-18 the user is deleted", func(t *testing.T, w world, by store.Principal) error {
			return w.Users.Delete(t.Context(), host, by.UserID)
		}, fault.Unauthenticated},
		{"RBAC-18 the user is removed", func(t *testing.T, w world, by store.Principal) error {
			return w.Users.Delete(t.Context(), hostIn(by.TenantID), by.UserID)
		}, fault.Unauthenticated},
		{"RBAC-19 the user is disabled", func(t *testing.T, w world, by store.Principal) error {
			return w.Members.Disable(t.Context(), hostIn(by.TenantID), by.UserID)
		}, fault.Unauthenticated},
		{"the user is locked", func(t *testing.T, w world, by store.Principal) error {
			return w.Users.Lock(t.Context(), host, by.UserID)
		}, fault.Unauthenticated},
		{"RBAC-20 the role is taken", func(t *testing.T, w world, by store.Principal) error {
			_, err := w.Members.Unassign(t.Context(), hostIn(by.TenantID), by.UserID, []string{by.Roles[0].ID})
			return err
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			l := w.signUp(t, "ada@example.com")
			by := w.user(t, l)
			if len(by.Roles) != 1 || !by.Can("reports.read") {
				t.Fatalf("the first user has %v, want one role that can read reports", by.Roles)
			}
			if err := tt.do(t, w, by); err != nil {
				t.Fatal(err)
			}
			p, err := w.Gate.Resolve(t.Context(), l.AccessToken)
			wantCode(t, "Resolve", err, tt.want)
			if err == nil && (len(p.Roles) > 0 || p.Can("reports.read")) {
				t.Errorf("the token still gives %v", p.Roles)
			}
		})
	}
}

// TestMembersEnableBringsBack proves that a disabled member goes on where it was.
func TestMembersEnableBringsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	l := w.signUp(t, "ada@example.com")
	by := w.user(t, l)
	for _, do := range []func(context.Context, store.Principal, string) error{w.Members.Disable, w.Members.Enable} {
		if err := do(t.Context(), hostIn(by.TenantID), by.UserID); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.user(t, l); got.TenantID != by.TenantID || len(got.Roles) != 1 {
		t.Errorf("the token gives %+v, want the same as before", got)
	}
}
