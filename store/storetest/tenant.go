package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func tenantTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Tenant": testTenant, "TenantDelete": testTenantDelete, "TenantReturns": testTenantReturns, "TenantQuery": testTenantQuery,
	}
}

func newTenant(id string) store.Tenant {
	return store.Tenant{
		ID: id, Name: "Acme", Alias: "alias-" + id, Status: "active", Website: "w", ApplicationURL: "a", Logo: "l",
		LogoURL: "lu", Address: "ad", Timezone: "tz", Currency: "EUR", CreatorName: "cn", CreatorEmail: "ce",
		Reseller: true, ParentID: "p", Metadata: `{"seats":5}`, CreatedAt: now(), UpdatedAt: now().Add(time.Minute),
	}
}

func testTenant(t *testing.T, s store.Store) {
	ctx, n := t.Context(), newTenant("t1")
	must(t, s.CreateTenant(ctx, n))
	returns(s.Tenant(ctx, "t1"))(t, "Tenant", n)
	returns(s.TenantByAlias(ctx, "alias-t1"))(t, "TenantByAlias", n)
	refused(t, "a living id", s.CreateTenant(ctx, store.Tenant{ID: "t1"}), store.ErrConflict)
	fails(s.Tenant(ctx, "t2"))(t, "unknown tenant", store.ErrNotFound)
	fails(s.TenantByAlias(ctx, "x"))(t, "unknown alias", store.ErrNotFound)

	must(t, s.CreateTenant(ctx, store.Tenant{ID: "bare", CreatedAt: now()}))
	returns(s.Tenant(ctx, "bare"))(t, "with nothing set", store.Tenant{ID: "bare", CreatedAt: now()})
	fails(s.TenantByAlias(ctx, ""))(t, "no alias finds nobody", store.ErrNotFound)

	changed := store.Tenant{ID: "t1", Name: "B", CreatedAt: n.CreatedAt, UpdatedAt: now()}
	must(t, s.UpdateTenant(ctx, changed))
	returns(s.Tenant(ctx, "t1"))(t, "after UpdateTenant", changed)
	refused(t, "update of an unknown one", s.UpdateTenant(ctx, store.Tenant{ID: "t2"}), store.ErrNotFound)
}

func testTenantDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	for _, id := range []string{"t1", "t2"} {
		n := newTenant(id)
		n.ParentID = ""
		must(t, s.CreateTenant(ctx, n),
			s.CreateMembership(ctx, store.Membership{TenantID: id, UserID: "u1"}),
			s.CreatePermission(ctx, store.PermissionRecord{ID: "p-" + id, Key: store.Permission(id)}),
			s.CreateRole(ctx, store.Role{TenantID: id, ID: "r-" + id, Key: "k", Permissions: []string{"p-" + id}}),
			s.Assign(ctx, store.Assignment{TenantID: id, UserID: "u1", RoleID: "r-" + id}),
			s.PutSetting(ctx, id, "k", []byte(`{}`)))
		session := newSession("u1", "s-"+id)
		session.TenantID = id
		must(t, s.CreateSession(ctx, session))
		for _, p := range []store.Purpose{store.SSOSetup, store.SSOSetupSession, store.SSO} {
			c := newChallenge("c-"+id, id)
			c.Purpose = p
			must(t, s.CreateChallenge(ctx, c))
		}
		connects(t, s, id, "c-"+id)
		through(t, s, id, "c-"+id, "u1")
	}
	for id, parent := range map[string]string{"middle": "t2", "leaf": "middle"} {
		must(t, s.CreateTenant(ctx, store.Tenant{ID: id, ParentID: parent}))
	}
	must(t, s.DeleteTenant(ctx, "t1", now()), s.DeleteTenant(ctx, "middle", now()))
	refused(t, "deleting twice", s.DeleteTenant(ctx, "t1", now()), store.ErrNotFound)
	equal(t, "of t1", tenantRemains(t, s, "t1"), [5]int{})
	equal(t, "of t2", tenantRemains(t, s, "t2"), [5]int{1, 1, 1, 1, 1})
	for id, left := range map[string]int{"t1": 0, "t2": 1} {
		connections, err := s.Connections(ctx, id)
		must(t, err)
		equal(t, "connections of "+id, len(connections), left)
		for p, want := range map[store.Purpose]int{store.SSOSetup: left, store.SSOSetupSession: left, store.SSO: 1} {
			_, err := s.ChallengeOf(ctx, p, id)
			equal(t, string(p)+" of "+id, one(err == nil), want)
		}
		equal(t, "what came through them", came(t, s, id, "c-"+id, "u1"), [5]int{left, left, left, left, left})
	}
	leaf, err := s.Tenant(ctx, "leaf")
	must(t, err)
	equal(t, "the parent of the child", leaf.ParentID, "t2")
	all, err := s.Tenants(ctx, store.TenantQuery{})
	must(t, err)
	equal(t, "living tenants", all.Total, 2)
}

// tenantRemains counts memberships, assignments, roles, settings and sessions.
func tenantRemains(t *testing.T, s store.Store, id string) (n [5]int) {
	t.Helper()
	ctx := t.Context()
	members, err1 := s.Members(ctx, id)
	assigned, err2 := s.Assigned(ctx, id, "r-"+id)
	roles, err3 := s.Roles(ctx, id)
	must(t, err1, err2, err3)
	n = [5]int{members, len(assigned), len(roles)}
	if _, err := s.Setting(ctx, id, "k"); err == nil {
		n[3]++
	}
	if _, err := s.Session(ctx, "u1", "s-"+id); err == nil {
		n[4]++
	}
	return n
}

// testTenantReturns checks that a deleted tenant is gone for every read, and that creating
// its id brings the row back.
func testTenantReturns(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.CreateTenant(ctx, newTenant("t1")), s.DeleteTenant(ctx, "t1", now()))
	fails(s.Tenant(ctx, "t1"))(t, "Tenant", store.ErrNotFound)
	fails(s.TenantByAlias(ctx, "alias-t1"))(t, "TenantByAlias", store.ErrNotFound)
	refused(t, "UpdateTenant", s.UpdateTenant(ctx, newTenant("t1")), store.ErrNotFound)
	all, err := s.Tenants(ctx, store.TenantQuery{IDs: []string{"t1"}})
	must(t, err)
	equal(t, "Tenants", all, store.Listing[store.Tenant]{Items: all.Items})

	again := store.Tenant{ID: "t1", Name: "New", CreatedAt: now().Add(time.Hour)}
	must(t, s.CreateTenant(ctx, again))
	returns(s.Tenant(ctx, "t1"))(t, "brought back", again)
	refused(t, "then it lives", s.CreateTenant(ctx, again), store.ErrConflict)
}

func testTenantQuery(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i, name := range []string{"beta", "Alpha", "álpha", "a_x", "gamma"} {
		must(t, s.CreateTenant(ctx, store.Tenant{
			ID: string(rune('e' - i)), Name: name, CreatedAt: now().Add(time.Duration(i) * time.Second),
		}))
	}
	name := func(n store.Tenant) string { return n.Name }
	for _, tt := range []struct {
		what string
		q    store.TenantQuery
		want string
	}{
		{"all", store.TenantQuery{}, "beta Alpha álpha a_x gamma"},
		{"filter", store.TenantQuery{Filter: "A"}, "Alpha a_x"},
		{"filter by id", store.TenantQuery{Filter: "c"}, "álpha"},
		{"filter folded", store.TenantQuery{Filter: "ÁL"}, "álpha"},
		{"ids", store.TenantQuery{IDs: []string{"a", "e", "z"}}, "beta gamma"},
		{"by name", store.TenantQuery{Page: store.Page{Sort: "name"}}, "a_x Alpha beta gamma álpha"},
		{"by id", store.TenantQuery{Page: store.Page{Sort: "tenantId"}}, "gamma a_x álpha Alpha beta"},
		{"by time, backwards", store.TenantQuery{Page: store.Page{Sort: "createdAt", Desc: true}}, "gamma a_x álpha Alpha beta"},
	} {
		got, err := s.Tenants(ctx, tt.q)
		must(t, err)
		equal(t, tt.what, words(got.Items, name), tt.want)
	}
	_, err := s.Tenants(ctx, store.TenantQuery{Page: store.Page{Sort: "metadata"}})
	refused(t, "by metadata", err, store.ErrInvalid)
}
