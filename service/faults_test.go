package service_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// A faultWorld has one of everything that the collections keep.
type faultWorld struct {
	collection
	role, other store.Role
	permission  store.PermissionRecord
}

func newFaultWorld(t *testing.T) faultWorld {
	t.Helper()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	c.member(t, "u", "a", "b")
	w := faultWorld{c, c.role(t, hostIn("a"), "of-a"), c.role(t, host, "of-all"), c.permission(t, "reports.read")}
	c.give(t, "a", "u", w.role.ID)
	c.give(t, "a", "u", w.other.ID)
	if _, err := c.Permissions.Link(t.Context(), host, w.permission.ID, []string{w.role.ID, w.other.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Categories.Create(t.Context(), host, service.NewCategory{ID: "reports", Name: "Reports"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// dump returns all that the collections keep, with the audit log and the feed.
func (w faultWorld) dump(t *testing.T) string {
	t.Helper()
	var all []any
	keep := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	ctx := t.Context()
	roles, err := w.db.Roles(ctx, "", "a", "b", "new")
	keep(roles, err)
	permissions, err := w.db.Permissions(ctx)
	keep(permissions, err)
	categories, err := w.db.Categories(ctx)
	keep(categories, err)
	tenants, err := w.db.Tenants(ctx, store.TenantQuery{})
	keep(tenants, err)
	members, err := w.db.Memberships(ctx, "u")
	keep(members, err)
	assigned, err := w.db.Assignments(ctx, "u")
	keep(assigned, err)
	audit, err := w.db.Audit(ctx, store.AuditQuery{})
	keep(audit.Total, err)
	return fmt.Sprintf("%+v %q", all, w.revoked(t))
}

// A flow is one change, by the services over a store that may fail.
type flow = func(t *testing.T, s *service.Services, w faultWorld) error

func flows() map[string]flow {
	all := roleFlows()
	maps.Copy(all, permissionFlows())
	maps.Copy(all, tenantFlows())
	return all
}

func roleFlows() map[string]flow {
	return map[string]flow{
		"create roles": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Roles.Create(t.Context(), hostIn("a"), []service.NewRole{{Key: "x", Name: "X"}, {Key: "y", Name: "Y"}})
			return err
		},
		"update a role": func(t *testing.T, s *service.Services, w faultWorld) error {
			_, err := s.Roles.Update(t.Context(), host, w.other.ID, service.RoleChange{Key: ptr("x"), Level: ptr(1)})
			return err
		},
		"set permissions": func(t *testing.T, s *service.Services, w faultWorld) error {
			_, err := s.Roles.SetPermissions(t.Context(), host, w.other.ID, nil)
			return err
		},
		"move a role": func(t *testing.T, s *service.Services, w faultWorld) error {
			_, err := s.Roles.Move(t.Context(), host, w.role.ID, "b")
			return err
		},
		"delete a role": func(t *testing.T, s *service.Services, w faultWorld) error {
			return s.Roles.Delete(t.Context(), host, w.other.ID)
		},
		"seed": func(t *testing.T, s *service.Services, w faultWorld) error {
			roles := []service.RoleSeed{{Key: "of-all", Name: "n", Permissions: reports}, {Key: "new", Name: "n"}}
			return s.Seed(t.Context(), reports, roles)
		},
	}
}

func permissionFlows() map[string]flow {
	return map[string]flow{
		"create permissions": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Permissions.Create(t.Context(), host, []service.NewPermission{{Key: "x", Name: "X", CategoryID: "reports"}, {Key: "y", Name: "Y"}})
			return err
		},
		"update a permission": func(t *testing.T, s *service.Services, w faultWorld) error {
			_, err := s.Permissions.Update(t.Context(), host, w.permission.ID, service.PermissionChange{Key: ptr(store.Permission("x"))})
			return err
		},
		"link a permission": func(t *testing.T, s *service.Services, w faultWorld) error {
			_, err := s.Permissions.Link(t.Context(), host, w.permission.ID, []string{w.role.ID, w.other.ID})
			return err
		},
		"classify permissions": func(t *testing.T, s *service.Services, w faultWorld) error {
			_, err := s.Permissions.Classify(t.Context(), host, []string{w.permission.ID}, store.AlwaysAssigned)
			return err
		},
		"delete a permission": func(t *testing.T, s *service.Services, w faultWorld) error {
			return s.Permissions.Delete(t.Context(), host, w.permission.ID)
		},
		"create a category": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Categories.Create(t.Context(), host, service.NewCategory{Name: "Other"})
			return err
		},
		"update a category": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Categories.Update(t.Context(), host, "reports", service.CategoryChange{Name: ptr("Other")})
			return err
		},
		"delete a category": func(t *testing.T, s *service.Services, _ faultWorld) error {
			return s.Categories.Delete(t.Context(), host, "reports")
		},
	}
}

func tenantFlows() map[string]flow {
	return map[string]flow{
		"create a tenant": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Tenants.Create(t.Context(), host, service.NewTenant{ID: "new", Alias: "new", ParentID: "a"})
			return err
		},
		"update a tenant": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Tenants.Update(t.Context(), host, "a", service.TenantChange{ParentID: ptr("b")})
			return err
		},
		"add metadata": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Tenants.AddMetadata(t.Context(), host, "a", `{"k":1}`)
			return err
		},
		"delete metadata": func(t *testing.T, s *service.Services, _ faultWorld) error {
			_, err := s.Tenants.DeleteMetadata(t.Context(), host, "a", "k")
			return err
		},
		"delete a tenant": func(t *testing.T, s *service.Services, _ faultWorld) error {
			return s.Tenants.Delete(t.Context(), host, "a")
		},
	}
}

// A change that fails at any of its steps leaves nothing behind: no record, no event in the
// audit log, nothing in the feed. One whose event cannot be kept is not made at all.
func TestAttackHalfDone(t *testing.T) {
	t.Parallel()
	for name, do := range flows() {
		for _, broken := range []error{errors.New("disk full"), context.Canceled} {
			t.Run(fmt.Sprintf("STO-01 STO-26 %s, %s", name, broken), func(t *testing.T) {
				t.Parallel()
				untilItWorks(t, broken, do)
			})
		}
	}
}

// untilItWorks fails the first call of a flow to the store, then the second, and so on.
func untilItWorks(t *testing.T, broken error, do flow) {
	t.Helper()
	w := newFaultWorld(t)
	for n, failed := 1, 0; ; n++ {
		before := w.dump(t)
		faulty := storetest.Fault(w.db, n, broken)
		s, err := openServices(t, faulty)
		if err != nil {
			continue // the start met the fault
		}
		err = do(t, s, w)
		if !faulty.Reached() {
			if err != nil || failed == 0 || w.dump(t) == before {
				t.Errorf("without a fault = %v after %d failures; want a change", err, failed)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Errorf("fault at call %d = %v, want %v", n, err, broken)
		}
		if after := w.dump(t); after != before {
			t.Fatalf("fault at call %d left\n%s\nof\n%s", n, after, before)
		}
		failed++
	}
}

// A change that was made although its answer was lost is made whole, and asking again does
// no harm.
func TestAttackLostAnswer(t *testing.T) {
	t.Parallel()
	for name, do := range flows() {
		t.Run("STO-02 "+name, func(t *testing.T) {
			t.Parallel()
			whole := newFaultWorld(t)
			if err := do(t, whole.Services, whole); err != nil {
				t.Fatal(err)
			}
			w, lost := newFaultWorld(t), errors.New("connection lost")
			before := w.dump(t)
			for n := 1; w.dump(t) == before; n++ {
				faulty := storetest.Lose(w.db, n, lost)
				s, err := openServices(t, faulty)
				if err != nil {
					continue
				}
				if err := do(t, s, w); !errors.Is(err, lost) {
					t.Fatalf("lost at call %d = %v, want %v", n, err, lost)
				}
			}
			if got, want := w.count(t), whole.count(t); got != want {
				t.Errorf("after a lost answer there are %s, want %s", got, want)
			}
			switch err := do(t, w.Services, w); code(err) {
			case "", fault.Conflict, fault.NotFound:
			default:
				t.Errorf("asking again = %v, want no failure", err)
			}
		})
	}
}

// count tells how many of everything there are.
func (w faultWorld) count(t *testing.T) string {
	t.Helper()
	events, err := w.db.Audit(t.Context(), store.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	roles, err := w.db.Roles(t.Context(), "", "a", "b", "new")
	if err != nil {
		t.Fatal(err)
	}
	permissions, err := w.db.Permissions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d events, %d roles, %d permissions, %d revocations",
		events.Total, len(roles), len(permissions), len(w.revoked(t)))
}

// A migration that breaks off has given the role in whole batches, and goes on when asked
// again.
func TestAttackBrokenMigration(t *testing.T) {
	t.Parallel()
	const users, batch = 250, 200
	broken := errors.New("disk full")
	for _, n := range []int{10, 100, 210, 230, 260} {
		t.Run(fmt.Sprintf("STO-01 at call %d", n), func(t *testing.T) {
			t.Parallel()
			c := newCollection(t)
			c.tenant(t, "a")
			for i := range users {
				c.member(t, fmt.Sprintf("user-%03d", i), "a")
			}
			r := c.role(t, host, "everyone")
			give := func(s *service.Services) (int, error) {
				_, err := s.Roles.Update(t.Context(), host, r.ID, service.RoleChange{Default: ptr(true), Migrate: true})
				ids, bad := c.db.Assigned(t.Context(), "a", r.ID)
				if bad != nil {
					t.Fatal(bad)
				}
				return len(ids), err
			}
			given, err := give(servicesOver(t, storetest.Fault(c.db, n, broken)))
			if !errors.Is(err, broken) || given%batch != 0 {
				t.Errorf("broken off = %v with %d users, want a whole batch or none", err, given)
			}
			if given, err = give(c.Services); err != nil || given != users {
				t.Errorf("asked again = %v with %d users, want %d", err, given, users)
			}
		})
	}
}
