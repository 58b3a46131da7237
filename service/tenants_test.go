package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestTenantsCreate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "taken")
	for _, tt := range []struct {
		name string
		by   store.Principal
		in   service.NewTenant
		want fault.Code
	}{
		{"made id", host, service.NewTenant{Name: "Acme"}, ""},
		{"chosen id", host, service.NewTenant{ID: "acme.example_1-2"}, ""},
		{"longest id", host, service.NewTenant{ID: strings.Repeat("a", 64)}, ""},
		{"child", host, service.NewTenant{ID: "child", ParentID: "taken"}, ""},
		{"metadata", host, service.NewTenant{Metadata: `{"plan":"free"}`}, ""},
		{"taken", host, service.NewTenant{ID: "taken"}, fault.Conflict},
		{"long id", host, service.NewTenant{ID: strings.Repeat("a", 65)}, fault.Invalid},
		{"odd id", host, service.NewTenant{ID: "a b"}, fault.Invalid},
		{"other script", host, service.NewTenant{ID: "\u0430cme"}, fault.Invalid},
		{"long name", host, service.NewTenant{Name: strings.Repeat("n", 256)}, fault.Invalid},
		{"metadata of a list", host, service.NewTenant{Metadata: `[]`}, fault.Invalid},
		{"unknown parent", host, service.NewTenant{ParentID: "nobody"}, fault.NotFound},
		{"by a user", user([]int{0}, "*"), service.NewTenant{}, fault.Forbidden},
		{"by nobody", store.Principal{}, service.NewTenant{}, fault.Forbidden},
	} {
		n, err := c.Tenants.Create(t.Context(), tt.by, tt.in)
		if code(err) != tt.want {
			t.Errorf("%s: Create = %v, want %q", tt.name, err, tt.want)
		}
		if err == nil && (n.ID == "" || tt.in.ID != "" && n.ID != tt.in.ID) {
			t.Errorf("%s: Create = %+v, want the id asked for", tt.name, n)
		}
		if tt.want == fault.Conflict && err.Error() != "Tenant already exists" {
			t.Errorf("%s: Create = %q, want the message that programs know", tt.name, err)
		}
	}
}

func TestTenantsComeBackEmpty(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.member(t, "u", "acme")
	r := c.role(t, hostIn("acme"), "ours")
	c.give(t, "acme", "u", r.ID)
	if err := c.db.PutSetting(t.Context(), "acme", "lockout", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.Tenants.Delete(t.Context(), host, "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Tenants.Read(t.Context(), host, "acme"); code(err) != fault.NotFound {
		t.Errorf("Read after Delete = %v, want not found", err)
	}
	if got, want := c.revoked(t), []string{"acme"}; !slices.Equal(got, want) {
		t.Errorf("revoked %q, want %q", got, want)
	}
	if _, err := c.Tenants.Create(t.Context(), host, service.NewTenant{ID: "acme", Name: "Again"}); err != nil {
		t.Fatalf("Create again = %v", err)
	}
	if got, _ := c.rights(t, "acme", "u"); len(got) != 0 {
		t.Errorf("the former member holds %v, want nothing", got)
	}
	if n, err := c.db.Members(t.Context(), "acme"); err != nil || n != 0 {
		t.Errorf("it has %d members, %v; want none", n, err)
	}
	if rs, err := c.Roles.List(t.Context(), hostIn("acme")); err != nil || len(rs) != 0 {
		t.Errorf("it has the roles %v, %v; want none", rs, err)
	}
	if _, err := c.db.Setting(t.Context(), "acme", "lockout"); err == nil {
		t.Error("it has its former setting, want none")
	}
}

func TestTenantsUpdate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "other")
	own := user([]int{0}, "*")
	for _, tt := range []struct {
		name string
		by   store.Principal
		id   string
		c    service.TenantChange
		want fault.Code
	}{
		{"name", host, "a", service.TenantChange{Name: ptr("Acme")}, ""},
		{"alias", host, "a", service.TenantChange{Alias: ptr("acme")}, ""},
		{"alias again", host, "a", service.TenantChange{Alias: ptr("acme")}, ""},
		{"alias taken", host, "other", service.TenantChange{Alias: ptr("acme")}, fault.Conflict},
		{"bad alias", host, "a", service.TenantChange{Alias: ptr("a/b")}, fault.Invalid},
		{"nothing", host, "a", service.TenantChange{}, fault.Invalid},
		{"long name", host, "a", service.TenantChange{Name: ptr(strings.Repeat("n", 256))}, fault.Invalid},
		{"unknown", host, "nobody", service.TenantChange{Name: ptr("x")}, fault.NotFound},
		{"RBAC-04 another tenant", own, "other", service.TenantChange{Name: ptr("x")}, fault.NotFound},
		{"own tenant", own, "a", service.TenantChange{Website: ptr("https://a.example")}, ""},
		{"own parent", own, "a", service.TenantChange{ParentID: ptr("other")}, fault.Forbidden},
		{"own resale", own, "a", service.TenantChange{Reseller: ptr(true)}, fault.Forbidden},
	} {
		if _, err := c.Tenants.Update(t.Context(), tt.by, tt.id, tt.c); code(err) != tt.want {
			t.Errorf("%s: Update = %v, want %q", tt.name, err, tt.want)
		}
	}
	got, err := c.Tenants.ByAlias(t.Context(), host, "acme")
	if err != nil || got.ID != "a" || got.Name != "Acme" || got.Website != "https://a.example" || got.ParentID != "" {
		t.Errorf("ByAlias = %+v, %v; want what was changed and nothing else", got, err)
	}
}

func TestAttackTenantTree(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for i, id := range []string{"root", "child", "grandchild"} {
		n := service.NewTenant{ID: id}
		if i > 0 {
			n.ParentID = []string{"root", "child"}[i-1]
		}
		if _, err := c.Tenants.Create(t.Context(), host, n); err != nil {
			t.Fatal(err)
		}
	}
	move := func(id, parent string) error {
		_, err := c.Tenants.Update(t.Context(), host, id, service.TenantChange{ParentID: &parent})
		return err
	}
	_, own := c.Tenants.Create(t.Context(), host, service.NewTenant{ID: "self", ParentID: "self"})
	for _, tt := range []struct {
		name string
		err  error
		want fault.Code
	}{
		{"RBAC-17 under its child", move("root", "child"), fault.Conflict},
		{"RBAC-17 under its grandchild", move("root", "grandchild"), fault.Conflict},
		{"RBAC-17 under itself", move("child", "child"), fault.Conflict},
		{"RBAC-17 made under itself", own, fault.Conflict},
		{"RBAC-17 under another", move("grandchild", "root"), ""},
		{"RBAC-17 to the top", move("grandchild", ""), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if code(tt.err) != tt.want {
				t.Errorf("got %v, want %q", tt.err, tt.want)
			}
		})
	}
}

// Two tenants that are put below each other at the same moment make no circle.
func TestTenantTreeInARace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		c := collectionOver(t, db)
		for i := range 20 {
			a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
			c.tenant(t, a)
			c.tenant(t, b)
			below := func(id, parent string) func() error {
				return func() error {
					_, err := c.Tenants.Update(t.Context(), host, id, service.TenantChange{ParentID: &parent})
					return err
				}
			}
			errs := together(below(a, b), below(b, a))
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("%v and %v, want exactly one refused", errs[0], errs[1])
			}
		}
	})
}

func TestTenantsDeleteLiftsChildren(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, n := range []service.NewTenant{{ID: "root"}, {ID: "child", ParentID: "root"}, {ID: "grandchild", ParentID: "child"}} {
		if _, err := c.Tenants.Create(t.Context(), host, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Tenants.Delete(t.Context(), host, "child"); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Tenants.Read(t.Context(), host, "grandchild"); err != nil || got.ParentID != "root" {
		t.Errorf("the grandchild's parent is %q, %v; want root", got.ParentID, err)
	}
}

func TestTenantsMetadata(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	for _, tt := range []struct {
		name, add string
		want      string
		code      fault.Code
	}{
		{"add", `{"plan":"free","seats":{"max":5}}`, `{"plan":"free","seats":{"max":5}}`, ""},
		{"merge", `{"seats":{"min":1},"z":null}`, `{"plan":"free","seats":{"min":1},"z":null}`, ""},
		{"big number", `{"seats":9007199254740993}`, `{"plan":"free","seats":9007199254740993,"z":null}`, ""},
		{"nothing", `{}`, `{"plan":"free","seats":9007199254740993,"z":null}`, ""},
		{"empty", ``, "", fault.Invalid},
		{"a list", `[1]`, "", fault.Invalid},
		{"null", `null`, "", fault.Invalid},
		{"text", `"x"`, "", fault.Invalid},
		{"not JSON", `{`, "", fault.Invalid},
		{"more than one", `{}{}`, "", fault.Invalid},
		{"key twice", `{"a":1,"a":2}`, "", fault.Invalid},
		{"NUL", `{"a":"\u0000"}`, "", fault.Invalid},
		{"too big", `{"a":"` + strings.Repeat("x", 64<<10) + `"}`, "", fault.Invalid},
	} {
		got, err := c.Tenants.AddMetadata(t.Context(), host, "a", tt.add)
		if code(err) != tt.code {
			t.Errorf("%s: AddMetadata = %v, want %q", tt.name, err, tt.code)
		}
		if err == nil && got.Metadata != tt.want {
			t.Errorf("%s: AddMetadata = %s, want %s", tt.name, got.Metadata, tt.want)
		}
	}
	for _, key := range []string{"seats", "z", "not there"} {
		if _, err := c.Tenants.DeleteMetadata(t.Context(), host, "a", key); err != nil {
			t.Errorf("DeleteMetadata(%s) = %v", key, err)
		}
	}
	if got, err := c.Tenants.Read(t.Context(), host, "a"); err != nil || got.Metadata != `{"plan":"free"}` {
		t.Errorf("metadata = %s, %v; want the plan alone", got.Metadata, err)
	}
	if _, err := c.Tenants.AddMetadata(t.Context(), host, "nobody", `{}`); code(err) != fault.NotFound {
		t.Errorf("AddMetadata of nobody = %v, want not found", err)
	}
	if _, err := c.Tenants.DeleteMetadata(t.Context(), host, "nobody", "k"); code(err) != fault.NotFound {
		t.Errorf("DeleteMetadata of nobody = %v, want not found", err)
	}
}

// SQL-07: what is accepted is the same on every database, and can be read again.
func TestAttackTenantMetadata(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		c := collectionOver(t, db)
		c.tenant(t, "a")
		for _, tt := range []struct {
			name, add, want string
		}{
			{"number beyond a float", `{"n":1e400}`, ""},
			{"number of many digits", `{"n":1.` + strings.Repeat("3", 300) + `e-300}`, ""},
			{"number beyond PostgreSQL", `{"n":1e200000}`, ""},
			{"lone surrogate", `{"n":"\ud800"}`, ""},
			{"escaped NUL", `{"n":"\u0000"}`, ""},
			{"key twice by an escape", `{"n":1,"\u006e":2}`, ""},
			{"negative zero", `{"n":-0}`, `{"n":0}`},
			{"exponent", `{"n":1.5E2}`, `{"n":150}`},
			{"integer beyond a float", `{"n":9007199254740993}`, `{"n":9007199254740993}`},
			{"markup", `{"n":"<&>"}`, `{"n":"<&>"}`},
		} {
			got, err := c.Tenants.AddMetadata(t.Context(), host, "a", tt.add)
			if (tt.want == "") != (code(err) == fault.Invalid) || err == nil && got.Metadata != tt.want {
				t.Errorf("%s: AddMetadata = %s, %v; want %q", tt.name, got.Metadata, err, tt.want)
			}
			if _, err := c.Tenants.Read(t.Context(), host, "a"); err != nil {
				t.Errorf("%s: Read = %v", tt.name, err)
			}
		}
	})
}

func TestTenantsMetadataStaysBounded(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	chunk := strings.Repeat("x", 20<<10)
	for i := range 4 {
		_, err := c.Tenants.AddMetadata(t.Context(), host, "a", fmt.Sprintf(`{"k%d":"%s"}`, i, chunk))
		want := fault.Code("")
		if i == 3 {
			want = fault.Invalid
		}
		if code(err) != want {
			t.Errorf("AddMetadata %d = %v, want %q", i, err, want)
		}
	}
}

func TestTenantsList(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, id := range []string{"c", "a", "b"} {
		c.tenant(t, id)
	}
	if err := c.Tenants.Delete(t.Context(), host, "b"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		q    store.TenantQuery
		want []string
		code fault.Code
	}{
		{"in order of creation", store.TenantQuery{}, []string{"c", "a"}, ""},
		{"by id", store.TenantQuery{Page: store.Page{Sort: "tenantId"}}, []string{"a", "c"}, ""},
		{"backwards", store.TenantQuery{Page: store.Page{Sort: "name", Desc: true}}, []string{"c", "a"}, ""},
		{"filtered", store.TenantQuery{Filter: "A"}, []string{"a"}, ""},
		{"some", store.TenantQuery{IDs: []string{"a", "b", "nobody"}}, []string{"a"}, ""},
		{"SQL-01 unknown sort", store.TenantQuery{Page: store.Page{Sort: "deleted_at"}}, nil, fault.Invalid},
		{"SQL-03 below", store.TenantQuery{Page: store.Page{Limit: -1}}, nil, fault.Invalid},
		{"SQL-03 above", store.TenantQuery{Page: store.Page{Limit: 201}}, nil, fault.Invalid},
		{"SQL-03 before the start", store.TenantQuery{Page: store.Page{Offset: -1}}, nil, fault.Invalid},
		{"SQL-04 metacharacters", store.TenantQuery{Filter: "%"}, nil, ""},
		{"SQL-06 not UTF-8", store.TenantQuery{Filter: "a\xff"}, nil, fault.Invalid},
	} {
		l, err := c.Tenants.List(t.Context(), host, tt.q)
		var got []string
		for _, n := range l.Items {
			got = append(got, n.ID)
		}
		if code(err) != tt.code || !slices.Equal(got, tt.want) {
			t.Errorf("%s: List = %v, %v; want %v, %q", tt.name, got, err, tt.want, tt.code)
		}
	}
	if all, err := c.Tenants.All(t.Context(), host); err != nil || len(all) != 2 {
		t.Errorf("All = %d tenants, %v; want 2", len(all), err)
	}
	for name, want := range map[string]int{"a": 1, "b": 0, "nobody": 0} {
		if found, err := c.Tenants.Find(t.Context(), host, name); err != nil || len(found) != want {
			t.Errorf("Find(%s) = %v, %v; want %d", name, found, err, want)
		}
	}
	if _, err := c.Tenants.List(t.Context(), user([]int{0}, "*"), store.TenantQuery{}); code(err) != fault.Forbidden {
		t.Errorf("List by a user = %v, want forbidden", err)
	}
}

// A filter is text on every database: letters match in any case, nothing else has a meaning.
func TestAttackTenantFilter(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		c := collectionOver(t, db)
		for i, name := range []string{"Écoute", "100% pure", "under_score", `back\slash`, "'); drop table identity_tenants;--"} {
			n := service.NewTenant{ID: fmt.Sprintf("t%d", i), Name: name}
			if _, err := c.Tenants.Create(t.Context(), host, n); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct{ name, filter, want string }{
			{"SQL-08 other case", "é", "[t0]"},
			{"SQL-08 no accent", "e", "[]"},
			{"by id", "t1", "[t1]"},
			{"SQL-04 percent", "%", "[]"},
			{"SQL-04 percent inside", "100%", "[t1]"},
			{"SQL-04 underscore", "under_", "[t2]"},
			{"SQL-04 underscore as any", "_nder", "[]"},
			{"SQL-04 backslash", `back\`, "[t3]"},
			{"SQL-15 second order", "'); drop table", "[t4]"},
			{"SQL-11 a second statement", "'; attach database", "[]"},
		} {
			l, err := c.Tenants.List(t.Context(), host, store.TenantQuery{Filter: tt.filter})
			got := []string{}
			for _, n := range l.Items {
				got = append(got, n.ID)
			}
			if err != nil || fmt.Sprint(got) != tt.want {
				t.Errorf("%s: List = %v, %v; want %s", tt.name, got, err, tt.want)
			}
		}
	})
}

// All reads page after page; a tenant more than a page must not be lost.
func TestTenantsAllReadsEveryPage(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	const n = store.MaxLimit + 1
	err := c.db.Tx(t.Context(), func(tx store.Records) error {
		for i := range n {
			at := time.Now()
			tn := store.Tenant{ID: fmt.Sprintf("t%05d", i), Metadata: "{}", CreatedAt: at, UpdatedAt: at}
			if err := tx.CreateTenant(t.Context(), tn); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := c.Tenants.All(t.Context(), host); err != nil || len(all) != n {
		t.Errorf("All = %d tenants, %v; want %d", len(all), err, n)
	}
}

func TestTenantsDeleteOwn(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "a")
	c.tenant(t, "b")
	by := user(nil)
	if err := c.Tenants.Delete(t.Context(), by, "b"); code(err) != fault.NotFound {
		t.Errorf("Delete of another tenant = %v, want not found", err)
	}
	if err := c.Tenants.Delete(t.Context(), by, "a"); err != nil {
		t.Errorf("Delete of the own tenant = %v", err)
	}
	if got := c.audited(t, "tenant.deleted"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("audited %v, want a", got)
	}
}
