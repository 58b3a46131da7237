package service_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

var reports = []store.Permission{"reports.read", "reports.create"}

// held returns the keys of the permissions of each environment role.
func (c collection) held(t *testing.T) map[string][]store.Permission {
	t.Helper()
	ps, err := c.db.Permissions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]store.Permission{}
	for _, p := range ps {
		keys[p.ID] = p.Key
	}
	rs, err := c.db.Roles(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	held := map[string][]store.Permission{}
	for _, r := range rs {
		held[r.Key] = []store.Permission{}
		for _, id := range r.Permissions {
			held[r.Key] = append(held[r.Key], keys[id])
		}
		slices.Sort(held[r.Key])
	}
	return held
}

func TestSeedDefaults(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	if err := c.Seed(t.Context(), reports, nil); err != nil {
		t.Fatal(err)
	}
	held := c.held(t)
	if want := []store.Permission{"fe.secure.*", "reports.create", "reports.read"}; !slices.Equal(held["admin"], want) {
		t.Errorf("admin holds %v, want %v", held["admin"], want)
	}
	if got, ok := held["member"]; !ok || len(got) != 0 {
		t.Errorf("member holds %v (%t), want nothing", got, ok)
	}
	rs, err := c.Roles.List(t.Context(), host)
	if err != nil || len(rs) != 2 || !rs[0].FirstUser || rs[0].Level != 0 || !rs[1].Default {
		t.Errorf("List = %+v, %v; want the first user's admin and everyone's member", rs, err)
	}
}

// A second start changes nothing, and what was changed by hand stays.
func TestSeedAgain(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	seed := func(declared []store.Permission, roles ...service.RoleSeed) {
		t.Helper()
		if err := c.Seed(t.Context(), declared, roles); err != nil {
			t.Fatal(err)
		}
	}
	viewer := service.RoleSeed{Key: "viewer", Name: "Viewer", Level: 10, Permissions: reports[:1]}
	seed(reports, viewer)
	seed(reports, viewer)
	if got := len(c.audited(t, "catalogue.seeded")); got != 1 {
		t.Errorf("two seedings audited %d changes, want 1", got)
	}
	byHand := c.permission(t, "reports.audit")
	rs, err := c.Roles.List(t.Context(), host)
	if err != nil || len(rs) != 1 {
		t.Fatalf("List = %v, %v", rs, err)
	}
	if _, err := c.Permissions.Link(t.Context(), host, byHand.ID, []string{rs[0].ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Roles.Update(t.Context(), host, rs[0].ID, service.RoleChange{Name: ptr("Onlooker"), Level: ptr(20)}); err != nil {
		t.Fatal(err)
	}
	before := len(c.revoked(t))
	viewer.Permissions = reports
	seed(reports, viewer)
	want := []store.Permission{"reports.audit", "reports.create", "reports.read"}
	if got := c.held(t)["viewer"]; !slices.Equal(got, want) {
		t.Errorf("viewer holds %v, want %v", got, want)
	}
	if r, err := c.db.Role(t.Context(), "", rs[0].ID); err != nil || r.Name != "Onlooker" || r.Level != 20 {
		t.Errorf("viewer is %+v, %v; want it as it was left", r, err)
	}
	if got := c.revoked(t)[before:]; !slices.Equal(got, []string{""}) {
		t.Errorf("a permission more revoked %q, want everything", got)
	}
}

func TestSeedRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.role(t, hostIn("a"), "theirs")
	for _, tt := range []struct {
		name     string
		declared []store.Permission
		roles    []service.RoleSeed
		want     string
	}{
		{"bad permission", []store.Permission{"a*"}, nil, `permission "a*"`},
		{"undeclared permission", reports, []service.RoleSeed{{Key: "k", Name: "n", Permissions: []store.Permission{"report.read"}}}, "report.read is not declared"},
		{"no key", nil, []service.RoleSeed{{Name: "n"}}, "key should not be empty"},
		{"bad level", nil, []service.RoleSeed{{Key: "k", Name: "n", Level: -1}}, "level must be between"},
		{"a tenant's key", nil, []service.RoleSeed{{Key: "theirs", Name: "n"}}, "Roles already exists"},
	} {
		err := c.Seed(t.Context(), tt.declared, tt.roles)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Seed = %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if got := c.held(t); len(got) != 0 {
		t.Errorf("refused seedings left the roles %v", got)
	}
}

func TestSeedTakesWildcards(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	roles := []service.RoleSeed{{Key: "editor", Name: "Editor", Permissions: []store.Permission{"reports.*", "fe.secure.read.users"}}}
	if err := c.Seed(t.Context(), reports, roles); err != nil {
		t.Fatal(err)
	}
	if got, want := c.held(t)["editor"], []store.Permission{"fe.secure.read.users", "reports.*"}; !slices.Equal(got, want) {
		t.Errorf("editor holds %v, want %v", got, want)
	}
}

// Ten processes that start together on an empty store end with one catalogue.
func TestSeedRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		c := collectionOver(t, db)
		processes := make([]func() error, 10)
		for i := range processes {
			s := servicesOver(t, db)
			processes[i] = func() error { return s.Seed(t.Context(), reports, nil) }
		}
		for _, err := range together(processes...) {
			if err != nil {
				t.Errorf("Seed = %v", err)
			}
		}
		if held := c.held(t); len(held) != 2 {
			t.Errorf("the roles are %v, want admin and member", held)
		}
	})
}
