package service_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestAttackPermissionKeys(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, tt := range []struct {
		name string
		key  store.Permission
		ok   bool
	}{
		{"RBAC-11 all", "*", true},
		{"RBAC-11 all below", "a.*", true},
		{"RBAC-11 all deeper below", "a.b.*", true},
		{"RBAC-11 two asterisks", "a.**", false},
		{"RBAC-11 asterisk in a segment", "a*", false},
		{"RBAC-11 asterisk before", "*.a", false},
		{"RBAC-11 asterisk between", "a.*.b", false},
		{"RBAC-11 asterisk twice", "a.*.*", false},
		{"RBAC-11 no segment", ".*", false},
		{"RBAC-11 question mark", "a.?", false},
		{"RBAC-11 empty", "", false},
		{"RBAC-11 empty segment", "a..b", false},
		{"RBAC-11 dot before", ".a", false},
		{"RBAC-11 dot after", "a.", false},
		{"RBAC-11 upper case", "A.B", true},
		{"RBAC-11 colon, hyphen, underscore", "reports:read-all_of.it", true},
		{"RBAC-11 longest", store.Permission(strings.Repeat("k", 255)), true},
		{"RBAC-11 too long", store.Permission(strings.Repeat("k", 256)), false},
		{"RBAC-12 zero width space", "users.read\u200b", false},
		{"RBAC-12 letter of another script", "us\u0435rs.read", false},
		{"RBAC-12 space", "users.read ", false},
		{"RBAC-12 line feed", "users.read\n", false},
		{"RBAC-12 NUL", "users\x00read", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Permissions.Create(t.Context(), host, []service.NewPermission{{Key: tt.key, Name: "n"}})
			want := fault.Invalid
			if tt.ok {
				want = ""
			}
			if code(err) != want {
				t.Errorf("Create(%q) = %v, want %q", tt.key, err, want)
			}
		})
	}
}

func TestPermissionsCreate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	g, err := c.Categories.Create(t.Context(), host, service.NewCategory{Name: "Reports"})
	if err != nil {
		t.Fatal(err)
	}
	ps, err := c.Permissions.Create(t.Context(), host, []service.NewPermission{
		{Key: "reports.read", Name: "See", CategoryID: g.ID, Use: store.Assignable},
		{Key: "Reports.Read", Name: "Another, since case counts"},
	})
	if err != nil || len(ps) != 2 {
		t.Fatalf("Create = %v, %v", ps, err)
	}
	if ps[0].CategoryID != g.ID || ps[0].Use != store.Assignable || ps[1].Use != store.NeverAssigned {
		t.Errorf("Create = %+v, want the category and use asked for, NEVER without", ps)
	}
	want := slices.Sorted(slices.Values([]string{ps[0].ID, ps[1].ID}))
	if got := c.audited(t, "permission.created"); !slices.Equal(got, want) {
		t.Errorf("audited %v, want %v", got, want)
	}
}

func TestPermissionsCreateRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.permission(t, "taken")
	ok := service.NewPermission{Key: "new", Name: "New"}
	for _, tt := range []struct {
		name string
		by   store.Principal
		in   []service.NewPermission
		want fault.Code
	}{
		{"taken", host, []service.NewPermission{ok, {Key: "taken", Name: "Taken"}}, fault.Conflict},
		{"twice", host, []service.NewPermission{ok, ok}, fault.Conflict},
		{"no name", host, []service.NewPermission{{Key: "new"}}, fault.Invalid},
		{"unknown use", host, []service.NewPermission{{Key: "new", Name: "New", Use: "SOMETIMES"}}, fault.Invalid},
		{"unknown category", host, []service.NewPermission{{Key: "new", Name: "New", CategoryID: "nothing"}}, fault.NotFound},
		{"too many", host, make([]service.NewPermission, 1001), fault.Invalid},
		{"by a user", user([]int{0}, "*"), []service.NewPermission{ok}, fault.Forbidden},
		{"by nobody", store.Principal{}, []service.NewPermission{ok}, fault.Forbidden},
	} {
		_, err := c.Permissions.Create(t.Context(), tt.by, tt.in)
		if code(err) != tt.want {
			t.Errorf("%s: Create = %v, want %q", tt.name, err, tt.want)
		}
		if tt.want == fault.Conflict && !strings.Contains(err.Error(), "already exist") {
			t.Errorf("%s: Create = %q, want a message that programs know", tt.name, err)
		}
	}
	if ps, err := c.Permissions.List(t.Context(), host); err != nil || len(ps) != 1 {
		t.Errorf("List = %d permissions, %v; want the first one alone", len(ps), err)
	}
}

func TestPermissionsUpdate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.member(t, "u", "a")
	p, r := c.permission(t, "reports.read"), c.role(t, host, "viewer")
	c.permission(t, "taken")
	c.give(t, "a", "u", r.ID)
	if _, err := c.Permissions.Link(t.Context(), host, p.ID, []string{r.ID}); err != nil {
		t.Fatal(err)
	}
	before := len(c.revoked(t))

	got, err := c.Permissions.Update(t.Context(), host, p.ID, service.PermissionChange{Name: ptr("See reports")})
	if err != nil || got.Name != "See reports" || got.Key != p.Key || !slices.Equal(got.RoleIDs, []string{r.ID}) {
		t.Fatalf("Update = %+v, %v; want a new name alone", got, err)
	}
	if got := len(c.revoked(t)); got != before {
		t.Errorf("a new name revoked %d times, want none", got-before)
	}
	if _, err := c.Permissions.Update(t.Context(), host, p.ID, service.PermissionChange{Key: ptr(store.Permission("reports.see"))}); err != nil {
		t.Fatal(err)
	}
	if _, ps := c.rights(t, "a", "u"); !slices.Equal(ps, []store.Permission{"reports.see"}) {
		t.Errorf("the user may %v, want the new key", ps)
	}
	if got := c.revoked(t)[before:]; !slices.Equal(got, []string{""}) {
		t.Errorf("a new key revoked %q, want everything", got)
	}
	for _, tt := range []struct {
		name, id string
		c        service.PermissionChange
		want     fault.Code
	}{
		{"taken key", p.ID, service.PermissionChange{Key: ptr(store.Permission("taken"))}, fault.Conflict},
		{"bad key", p.ID, service.PermissionChange{Key: ptr(store.Permission("a*"))}, fault.Invalid},
		{"no name", p.ID, service.PermissionChange{Name: ptr("")}, fault.Invalid},
		{"unknown category", p.ID, service.PermissionChange{CategoryID: ptr("nothing")}, fault.NotFound},
		{"unknown permission", "nothing", service.PermissionChange{}, fault.NotFound},
	} {
		if _, err := c.Permissions.Update(t.Context(), host, tt.id, tt.c); code(err) != tt.want {
			t.Errorf("%s: Update = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// Linking adds, unlike setting the permissions of a role, and reaches roles of any tenant.
func TestPermissionsLink(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	p := c.permission(t, "reports.read")
	shared, inA, inB := c.role(t, host, "shared"), c.role(t, hostIn("a"), "ours"), c.role(t, hostIn("b"), "ours")
	link := func(ids ...string) (store.PermissionRecord, error) {
		return c.Permissions.Link(t.Context(), host, p.ID, ids)
	}
	if _, err := link(inA.ID); err != nil {
		t.Fatal(err)
	}
	got, err := link(inB.ID, inA.ID, inB.ID)
	if want := slices.Sorted(slices.Values([]string{inA.ID, inB.ID})); err != nil || !slices.Equal(got.RoleIDs, want) {
		t.Errorf("Link = %v, %v; want %v", got.RoleIDs, err, want)
	}
	if got, want := slices.Sorted(slices.Values(c.revoked(t))), []string{"a", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("revoked %q, want %q", got, want)
	}
	if _, err := link(shared.ID, "nothing"); code(err) != fault.NotFound {
		t.Errorf("Link to an unknown role = %v, want not found", err)
	}
	if r, err := c.db.Role(t.Context(), "", shared.ID); err != nil || len(r.Permissions) != 0 {
		t.Errorf("after a refused Link the role holds %v, %v; want nothing", r.Permissions, err)
	}
	if _, err := c.Permissions.Link(t.Context(), host, "nothing", nil); code(err) != fault.NotFound {
		t.Errorf("Link of an unknown permission = %v, want not found", err)
	}
}

func TestPermissionsClassify(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	p, q := c.permission(t, "p"), c.permission(t, "q")
	for _, tt := range []struct {
		name string
		ids  []string
		use  store.PermissionUse
		want fault.Code
	}{
		{"none", nil, store.Assignable, fault.Invalid},
		{"unknown use", []string{p.ID}, "", fault.Invalid},
		{"unknown permission", []string{p.ID, "nothing"}, store.AlwaysAssigned, fault.NotFound},
		{"both", []string{q.ID, p.ID}, store.Assignable, ""},
	} {
		got, err := c.Permissions.Classify(t.Context(), host, tt.ids, tt.use)
		if code(err) != tt.want {
			t.Errorf("%s: Classify = %v, want %q", tt.name, err, tt.want)
		}
		if err == nil && (got.ID != q.ID || got.Use != store.Assignable) {
			t.Errorf("%s: Classify = %+v, want the first one named, changed", tt.name, got)
		}
	}
	ps, err := c.db.Permissions(t.Context(), p.ID, q.ID)
	if err != nil || len(ps) != 2 || ps[0].Use != store.Assignable || ps[1].Use != store.Assignable {
		t.Errorf("stored %+v, %v; want both assignable", ps, err)
	}
}

func TestPermissionsDelete(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.member(t, "u", "a")
	p, r := c.permission(t, "reports.read"), c.role(t, host, "viewer")
	c.give(t, "a", "u", r.ID)
	if _, err := c.Permissions.Link(t.Context(), host, p.ID, []string{r.ID}); err != nil {
		t.Fatal(err)
	}
	if err := c.Permissions.Delete(t.Context(), host, p.ID); err != nil {
		t.Fatal(err)
	}
	if _, ps := c.rights(t, "a", "u"); len(ps) != 0 {
		t.Errorf("the user may still %v", ps)
	}
	if err := c.Permissions.Delete(t.Context(), host, p.ID); code(err) != fault.NotFound {
		t.Errorf("Delete again = %v, want not found", err)
	}
}

// What the library brings along stays as it is, but roles may hold it.
func TestBuiltInsStay(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	if err := c.Seed(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	ps, err := c.Permissions.List(t.Context(), host)
	if err != nil || len(ps) == 0 || !ps[0].BuiltIn {
		t.Fatalf("List = %v, %v; want built-in permissions", ps, err)
	}
	gs, err := c.Categories.List(t.Context(), host)
	if err != nil || len(gs) != 1 || !gs[0].BuiltIn {
		t.Fatalf("List = %v, %v; want the built-in category", gs, err)
	}
	id, category := ps[0].ID, gs[0].ID
	update := func(ch service.PermissionChange) error {
		_, err := c.Permissions.Update(t.Context(), host, id, ch)
		return err
	}
	for name, err := range map[string]error{
		"rename": update(service.PermissionChange{Name: ptr("Other")}),
		"rekey":  update(service.PermissionChange{Key: ptr(store.Permission("other"))}),
		"move":   update(service.PermissionChange{CategoryID: ptr("")}),
		"delete": c.Permissions.Delete(t.Context(), host, id),
		"rename category": func() error {
			_, err := c.Categories.Update(t.Context(), host, category, service.CategoryChange{Name: ptr("Other")})
			return err
		}(),
		"delete category": c.Categories.Delete(t.Context(), host, category),
	} {
		if code(err) != fault.Forbidden {
			t.Errorf("%s = %v, want forbidden", name, err)
		}
	}
	r := c.role(t, host, "viewer")
	if _, err := c.Permissions.Link(t.Context(), host, id, []string{r.ID}); err != nil {
		t.Errorf("Link = %v, want it given", err)
	}
}
