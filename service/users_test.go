package service_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// user makes a user of a tenant with the address and the roles.
func (c collection) user(t *testing.T, email, tenantID string, roleIDs ...string) service.Profile {
	t.Helper()
	p, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: tenantID, Email: email, RoleIDs: roleIDs})
	if err != nil {
		t.Fatalf("create user %s: %v", email, err)
	}
	return p
}

// acting is the user as a caller in a tenant, with the rights it has there now.
func (c collection) acting(t *testing.T, userID, tenantID string) store.Principal {
	t.Helper()
	roles, keys, err := c.db.Rights(t.Context(), tenantID, userID)
	if err != nil {
		t.Fatalf("rights of %s: %v", userID, err)
	}
	p := store.Principal{Kind: store.UserKind, ID: userID, UserID: userID, TenantID: tenantID, Rights: store.NewPermissionSet(keys)}
	for _, r := range roles {
		p.Roles = append(p.Roles, store.RoleRef{ID: r.ID, TenantID: r.TenantID, Key: r.Key, Level: r.Level})
	}
	return p
}

// leveled makes a role of that level, in the caller's scope.
func (c collection) leveled(t *testing.T, by store.Principal, key string, level int) string {
	t.Helper()
	rs, err := c.Roles.Create(t.Context(), by, []service.NewRole{{Key: key, Name: key, Level: level}})
	if err != nil {
		t.Fatalf("create role %s: %v", key, err)
	}
	return rs[0].ID
}

// session stores a living session of the user in a tenant.
func (c collection) session(t *testing.T, userID, tenantID, id string) {
	t.Helper()
	at := time.Now()
	s := store.Session{
		UserID: userID, ID: id, Kind: store.Family, TenantID: tenantID, Hash: []byte(id), AuthTime: at,
		CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(time.Hour), EndsAt: at.Add(time.Hour),
	}
	if err := c.db.CreateSession(t.Context(), s); err != nil {
		t.Fatalf("create session %s: %v", id, err)
	}
}

func TestUsersCreate(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	editor := c.role(t, hostIn("acme"), "editor")
	p, err := c.Users.Create(t.Context(), host, service.NewUser{
		TenantID: "acme", Email: "Ada@Example.com", Username: "Ada", Name: "Ada", Password: "correct horse battery staple",
		PhoneNumber: "+14155552671", Metadata: `{"a":1}`, VendorMetadata: `{"b":2}`, ExternalID: "x-1", RoleIDs: []string{editor.ID, editor.ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Verified || p.Provider != "local" || p.TenantID != "acme" || p.ActiveTenantID != "acme" || p.VendorMetadata != `{"b":2}` {
		t.Errorf("Create = %+v, want a verified local user of acme", p.User)
	}
	if m, ok := p.Member(); !ok || !m.Activated || len(m.Roles) != 1 || m.Roles[0].ID != editor.ID {
		t.Errorf("member = %+v, want one with the role editor", m)
	}
	cred, err := c.db.Credential(t.Context(), p.ID, store.Password)
	if err != nil || !strings.HasPrefix(cred.Secret, "$argon2id$") {
		t.Errorf("credential = %q, %v, want an argon2id hash", cred.Secret, err)
	}
	if got := c.audited(t, "user.created"); !slices.Equal(got, []string{p.ID}) {
		t.Errorf("audited %v, want %s", got, p.ID)
	}
	if _, err := c.db.Identifier(t.Context(), "", store.Username, "ada"); err != nil {
		t.Errorf("the username is not known: %v", err)
	}
}

func TestUsersCreateDefaultRoles(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	for _, by := range []store.Principal{host, hostIn("acme"), hostIn("other")} {
		n := service.NewRole{Key: "default-" + by.TenantID, Name: "Default", Default: true}
		if _, err := c.Roles.Create(t.Context(), by, []service.NewRole{n, {Key: "plain-" + by.TenantID, Name: "Plain"}}); err != nil {
			t.Fatal(err)
		}
	}
	p := c.user(t, "ada@example.com", "acme")
	roles, _ := c.rights(t, "acme", p.ID)
	if want := []string{"default-", "default-acme"}; !slices.Equal(roles, want) {
		t.Errorf("roles = %v, want %v", roles, want)
	}
}

func TestUsersCreateRefuses(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	foreign := c.role(t, hostIn("other"), "foreign")
	c.user(t, "taken@example.com", "other")
	admin := c.acting(t, c.user(t, "admin@example.com", "acme").ID, "acme")
	ok := service.NewUser{TenantID: "acme", Email: "new@example.com"}
	with := func(edit func(*service.NewUser)) service.NewUser {
		n := ok
		edit(&n)
		return n
	}
	for _, tt := range []struct {
		name string
		by   store.Principal
		in   service.NewUser
		want fault.Code
	}{
		{"address taken", host, with(func(n *service.NewUser) { n.Email = "TAKEN@example.com" }), fault.Conflict},
		{"no tenant", host, with(func(n *service.NewUser) { n.TenantID = "" }), fault.Invalid},
		{"unknown tenant", host, with(func(n *service.NewUser) { n.TenantID = "nobody" }), fault.NotFound},
		{"tenants disagree", hostIn("other"), ok, fault.Invalid},
		{"unknown role", host, with(func(n *service.NewUser) { n.RoleIDs = []string{"nothing"} }), fault.NotFound},
		{"role of another tenant", host, with(func(n *service.NewUser) { n.RoleIDs = []string{foreign.ID} }), fault.NotFound},
		{"weak password", host, with(func(n *service.NewUser) { n.Password = "short" }), fault.Invalid},
		{"long name", host, with(func(n *service.NewUser) { n.Name = strings.Repeat("é", 256) }), fault.Invalid},
		{"name with U+0000", host, with(func(n *service.NewUser) { n.Name = "a\x00" }), fault.Invalid},
		{"phone number", host, with(func(n *service.NewUser) { n.PhoneNumber = "0123" }), fault.Invalid},
		{"script as a picture", host, with(func(n *service.NewUser) { n.PictureURL = "javascript:alert(1)" }), fault.Invalid},
		{"temporary", host, with(func(n *service.NewUser) { n.Temporary = true }), fault.Invalid},
		{"a user", admin, ok, fault.Forbidden},
		{"nobody", store.Principal{}, ok, fault.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := c.Users.Create(t.Context(), tt.by, tt.in); code(err) != tt.want {
				t.Errorf("Create = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestUsersCreateAllOrNothing proves that a refused user leaves no half of itself behind.
func TestUsersCreateAllOrNothing(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	if _, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "acme", Email: "a@example.com", Username: "taken"}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "acme", Email: "b@example.com", Username: "taken"})
	if got := code(err); got != fault.Conflict {
		t.Fatalf("Create = %v, want a conflict", err)
	}
	if _, err := c.Users.ByEmail(t.Context(), host, "b@example.com"); code(err) != fault.NotFound {
		t.Errorf("ByEmail = %v, want not found", err)
	}
	if n, err := c.db.CountUsers(t.Context()); n != 1 || err != nil {
		t.Errorf("CountUsers = %d, %v, want 1", n, err)
	}
}

func TestUsersAreSeenWithinTheirTenant(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	for _, id := range []string{"acme", "other"} {
		c.tenant(t, id)
	}
	ada := c.user(t, "ada@example.com", "acme")
	both := c.user(t, "both@example.com", "acme")
	if _, err := c.Members.Add(t.Context(), host, both.ID, service.TenantChoice{TenantID: "other"}); err != nil {
		t.Fatal(err)
	}
	stranger := c.user(t, "stranger@example.com", "other")
	for _, tt := range []struct {
		name    string
		by      store.Principal
		id      string
		want    fault.Code
		tenants int
	}{
		{"the host sees all", host, both.ID, "", 2},
		{"the host in a tenant sees its members", hostIn("acme"), both.ID, "", 2},
		{"and nobody else", hostIn("acme"), stranger.ID, fault.NotFound, 0},
		{"a user sees members", c.acting(t, ada.ID, "acme"), both.ID, "", 1},
		{"and nobody else", c.acting(t, ada.ID, "acme"), stranger.ID, fault.NotFound, 0},
		{"a user sees itself whole", c.acting(t, both.ID, "acme"), both.ID, "", 2},
		{"unknown", host, "nobody", fault.NotFound, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := c.Users.User(t.Context(), tt.by, tt.id)
			if code(err) != tt.want || len(p.Tenants) != tt.tenants {
				t.Errorf("User = %d tenants, %v, want %d, %v", len(p.Tenants), err, tt.tenants, tt.want)
			}
		})
	}
}

func TestUsersSearch(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	ada, eve := c.user(t, "ada@example.com", "acme"), c.user(t, "eve@example.com", "acme")
	bob := c.user(t, "bob@example.com", "other")
	admin := c.acting(t, ada.ID, "acme")
	for _, tt := range []struct {
		name string
		by   store.Principal
		q    service.UserSearch
		want []string
	}{
		{"the host lists all", host, service.UserSearch{}, []string{ada.ID, eve.ID, bob.ID}},
		{"the host asks for a tenant", host, service.UserSearch{UserQuery: store.UserQuery{TenantID: "other"}}, []string{bob.ID}},
		{"a user lists its tenant", admin, service.UserSearch{}, []string{ada.ID, eve.ID}},
		{"by ids", host, service.UserSearch{UserQuery: store.UserQuery{IDs: []string{bob.ID, "nobody"}}}, []string{bob.ID}},
		{"by address", host, service.UserSearch{UserQuery: store.UserQuery{Email: "EVE@example.com"}}, []string{eve.ID}},
		{"by identifier", host, service.UserSearch{Identifier: " Bob@EXAMPLE.com."}, []string{bob.ID}},
		{"by identifier among ids", host, service.UserSearch{Identifier: "bob@example.com", UserQuery: store.UserQuery{IDs: []string{ada.ID}}}, nil},
		{"by an identifier that nobody has", host, service.UserSearch{Identifier: "bobby", IdentifierKind: store.Username}, nil},
		{"by what cannot be an address", host, service.UserSearch{Identifier: "bobby"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := c.Users.Search(t.Context(), tt.by, tt.q)
			if got := profileIDs(l.Items); err != nil || !slices.Equal(got, tt.want) || l.Total != len(tt.want) {
				t.Errorf("Search = %v of %d, %v, want %v", got, l.Total, err, tt.want)
			}
		})
	}
}

func profileIDs(ps []service.Profile) []string {
	var ids []string
	for _, p := range ps {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestUsersChange(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	ada := c.user(t, "ada@example.com", "acme")
	p, err := c.Users.Change(t.Context(), host, ada.ID, service.UserChange{
		ProfileChange: service.ProfileChange{Name: ptr("Ada"), PictureURL: ptr("https://example.com/a.png")},
		ExternalID:    ptr("x-1"), MFABypass: ptr(true), VendorMetadata: ptr(`{"plan":"gold"}`),
	})
	if err != nil || p.Name != "Ada" || p.ExternalID != "x-1" || !p.MFABypass || p.VendorMetadata != `{"plan":"gold"}` || p.Email != ada.Email {
		t.Fatalf("Change = %+v, %v", p.User, err)
	}
	p, err = c.Users.Change(t.Context(), host, ada.ID, service.UserChange{ProfileChange: service.ProfileChange{PictureURL: ptr("")}})
	if err != nil || p.PictureURL != "" || p.Name != "Ada" {
		t.Errorf("Change = %+v, %v, want no picture and the same name", p.User, err)
	}
	if got := c.audited(t, "user.changed"); len(got) != 2 {
		t.Errorf("audited %v, want two changes", got)
	}
	if _, err := c.Users.Change(t.Context(), host, "nobody", service.UserChange{}); code(err) != fault.NotFound {
		t.Errorf("Change of nobody = %v, want not found", err)
	}
}

func TestUsersLock(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	ada := c.user(t, "ada@example.com", "acme")
	c.session(t, ada.ID, "acme", "s1")
	if err := c.Users.Lock(t.Context(), hostIn("acme"), ada.ID); err != nil {
		t.Fatal(err)
	}
	u, err := c.db.User(t.Context(), ada.ID)
	if err != nil || !u.Locked {
		t.Errorf("user = %+v, %v, want a locked one", u, err)
	}
	if ss, err := c.db.Sessions(t.Context(), ada.ID, time.Now()); err != nil || len(ss) > 0 {
		t.Errorf("sessions = %v, %v, want none", ss, err)
	}
	rs, err := c.db.Revocations(t.Context(), time.Time{})
	if err != nil || len(rs) == 0 || rs[len(rs)-1].UserID != ada.ID || rs[len(rs)-1].TenantID != "" {
		t.Errorf("revocations = %+v, %v, want one of the user everywhere", rs, err)
	}
	if err := c.Users.Unlock(t.Context(), host, ada.ID); err != nil {
		t.Fatal(err)
	}
	if u, err = c.db.User(t.Context(), ada.ID); err != nil || u.Locked {
		t.Errorf("user = %+v, %v, want an unlocked one", u, err)
	}
}

func TestUsersVerify(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.member(t, "ada", "acme")
	i := store.Identifier{Kind: store.Email, Value: "ada@example.com", UserID: "ada", Text: "ada@example.com", Primary: true, CreatedAt: time.Now()}
	if err := c.db.CreateIdentifier(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Users.Verify(t.Context(), host, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	u, err := c.db.User(t.Context(), "ada")
	if err != nil || !u.Verified {
		t.Errorf("user = %+v, %v, want a verified one", u, err)
	}
	is, err := c.db.Identifiers(t.Context(), "ada")
	if err != nil || len(is) != 1 || is[0].VerifiedAt.IsZero() {
		t.Errorf("identifiers = %+v, %v, want a verified one", is, err)
	}
}

func TestUsersDelete(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	ada := c.user(t, "ada@example.com", "acme")
	if _, err := c.Members.Add(t.Context(), host, ada.ID, service.TenantChoice{TenantID: "other"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Users.Delete(t.Context(), hostIn("acme"), ada.ID); err != nil {
		t.Fatal(err)
	}
	p, err := c.Users.User(t.Context(), host, ada.ID)
	if err != nil || len(p.Tenants) != 1 || p.ActiveTenantID != "other" {
		t.Fatalf("User = %+v, %v, want a member of other only", p, err)
	}
	if err := c.Users.Delete(t.Context(), hostIn("acme"), ada.ID); code(err) != fault.NotFound {
		t.Errorf("second removal = %v, want not found", err)
	}
	if err := c.Users.Delete(t.Context(), host, ada.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.Users.Delete(t.Context(), host, ada.ID); code(err) != fault.NotFound {
		t.Errorf("second deletion = %v, want not found", err)
	}
	if again := c.user(t, "ada@example.com", "acme"); again.ID == ada.ID {
		t.Errorf("the address gave the old id %s again", ada.ID)
	}
}

// TestUsersVerifyOpensTheTenant proves that a user whom the host verifies can come in.
func TestUsersVerifyOpensTheTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "ada@example.com", Password: good, Company: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Users.ByEmail(t.Context(), host, "ada@example.com")
	if err != nil || p.Verified || p.Tenants[0].Activated {
		t.Fatalf("signed up as %+v, %v, want an unverified user outside", p, err)
	}
	if err := w.Users.Verify(t.Context(), host, p.ID); err != nil {
		t.Fatal(err)
	}
	if p, err = w.Users.User(t.Context(), host, p.ID); err != nil || !p.Verified || !p.Tenants[0].Activated {
		t.Errorf("verified as %+v, %v, want a verified member", p, err)
	}
}

// TestUsersPerTenant proves that one address may be two users where the host wants that.
func TestUsersPerTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *service.Config) { c.PerTenant = true })
	ids := map[string]string{}
	for _, id := range []string{"acme", "other"} {
		if _, err := w.Tenants.Create(t.Context(), host, service.NewTenant{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
		p, err := w.Users.Create(t.Context(), host, service.NewUser{TenantID: id, Email: "ada@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = p.ID
	}
	for id, want := range ids {
		if p, err := w.Users.ByEmail(t.Context(), hostIn(id), "ADA@example.com"); err != nil || p.ID != want {
			t.Errorf("ByEmail in %s = %s, %v, want %s", id, p.ID, err, want)
		}
		_, err := w.Users.Create(t.Context(), host, service.NewUser{TenantID: id, Email: "Ada@example.com"})
		wantCode(t, "Create again in "+id, err, fault.Conflict)
	}
}

// A counter counts the reads of a listing.
type counter struct {
	store.Store
	reads *atomic.Int64
}

func (c counter) Users(ctx context.Context, q store.UserQuery) (store.Listing[store.User], error) {
	c.reads.Add(1)
	return c.Store.Users(ctx, q)
}

func (c counter) User(ctx context.Context, id string) (store.User, error) {
	c.reads.Add(1)
	return c.Store.User(ctx, id)
}

func (c counter) Memberships(ctx context.Context, ids ...string) ([]store.Membership, error) {
	c.reads.Add(1)
	return c.Store.Memberships(ctx, ids...)
}

func (c counter) Assignments(ctx context.Context, ids ...string) ([]store.Assignment, error) {
	c.reads.Add(1)
	return c.Store.Assignments(ctx, ids...)
}

func (c counter) Roles(ctx context.Context, ids ...string) ([]store.Role, error) {
	c.reads.Add(1)
	return c.Store.Roles(ctx, ids...)
}

func (c counter) Permissions(ctx context.Context, ids ...string) ([]store.PermissionRecord, error) {
	c.reads.Add(1)
	return c.Store.Permissions(ctx, ids...)
}

// TestUsersSearchReadsOnce proves that a longer page takes no more queries.
func TestUsersSearchReadsOnce(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	p, role := c.permission(t, "reports.read"), c.leveled(t, host, "reader", 10)
	if err := c.db.SetRolePermissions(t.Context(), "", role, []string{p.ID}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c.user(t, fmt.Sprintf("u%d@example.com", i), "acme", role)
	}
	db := counter{c.db, new(atomic.Int64)}
	s := servicesOver(t, db)
	for _, limit := range []int{1, 20} {
		db.reads.Store(0)
		l, err := s.Users.Search(t.Context(), hostIn("acme"), service.UserSearch{UserQuery: store.UserQuery{Page: store.Page{Limit: limit}}, Permissions: true})
		if err != nil || len(l.Items) != limit || len(l.Items[0].Permissions) != 1 {
			t.Fatalf("Search = %d users, %v, want %d", len(l.Items), err, limit)
		}
		if n := db.reads.Load(); n != 5 {
			t.Errorf("%d users took %d reads, want 5", limit, n)
		}
	}
}

func TestAttackUsers(t *testing.T) {
	t.Parallel()
	c := newCollection(t)
	c.tenant(t, "acme")
	c.tenant(t, "other")
	admin := c.user(t, "admin@example.com", "acme", c.leveled(t, host, "admin", 0))
	victim := c.user(t, "victim@example.com", "other")
	by := c.acting(t, admin.ID, "acme")
	t.Run("RBAC-04 no user reaches another tenant's", func(t *testing.T) {
		t.Parallel()
		_, err := c.Users.User(t.Context(), by, victim.ID)
		_, byEmail := c.Users.ByEmail(t.Context(), by, "victim@example.com")
		for what, err := range map[string]error{
			"User": err, "ByEmail": byEmail, "Lock": c.Users.Lock(t.Context(), by, victim.ID),
			"Delete": c.Users.Delete(t.Context(), by, victim.ID), "Disable": c.Members.Disable(t.Context(), by, victim.ID),
		} {
			if got := code(err); got != fault.NotFound && got != fault.Forbidden {
				t.Errorf("%s = %v, want not found or forbidden", what, err)
			}
		}
	})
	t.Run("RBAC-26 a search stays in the tenant", func(t *testing.T) {
		t.Parallel()
		for name, q := range map[string]service.UserSearch{
			"address":    {UserQuery: store.UserQuery{Email: "victim@example.com"}},
			"identifier": {Identifier: "victim@example.com"},
			"id":         {UserQuery: store.UserQuery{IDs: []string{victim.ID}}},
		} {
			if l, err := c.Users.Search(t.Context(), by, q); err != nil || l.Total != 0 || len(l.Items) != 0 {
				t.Errorf("Search by %s = %d of %d, %v, want nobody", name, len(l.Items), l.Total, err)
			}
		}
		_, err := c.Users.Search(t.Context(), by, service.UserSearch{UserQuery: store.UserQuery{TenantID: "other"}})
		if got := code(err); got != fault.Forbidden {
			t.Errorf("Search in another tenant = %v, want forbidden", err)
		}
		by := by
		by.TenantID = ""
		if _, err := c.Users.Search(t.Context(), by, service.UserSearch{}); code(err) != fault.Forbidden {
			t.Errorf("Search without a tenant = %v, want forbidden", err)
		}
	})
	t.Run("ENU-13 ids cannot be guessed", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for i := range 100 {
			p, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "acme", Username: fmt.Sprint("u", i)})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.ID) != 36 || p.ID[14] != '7' || seen[p.ID[19:]] {
				t.Fatalf("id %q is not a UUIDv7 with fresh random bits", p.ID)
			}
			seen[p.ID[19:]] = true
		}
	})
	t.Run("SQL-01 sort by allowed names only", func(t *testing.T) {
		t.Parallel()
		for _, sort := range []string{"password_hash", "(select 1)", "1", `"id"`, "Name", "email;drop table users"} {
			q := service.UserSearch{UserQuery: store.UserQuery{Page: store.Page{Sort: sort}}}
			if _, err := c.Users.Search(t.Context(), by, q); code(err) != fault.Invalid {
				t.Errorf("Search sorted by %q = %v, want invalid", sort, err)
			}
		}
	})
	t.Run("SQL-04 wildcards stand for themselves", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"%", "_", `\`, "%' escape '"} {
			q := service.UserSearch{UserQuery: store.UserQuery{NamePrefix: text, EmailPrefix: text}}
			if l, err := c.Users.Search(t.Context(), by, q); err != nil || len(l.Items) > 0 {
				t.Errorf("Search for %q = %d users, %v, want none", text, len(l.Items), err)
			}
		}
	})
	t.Run("SQL-08 a search folds the same on every store", func(t *testing.T) {
		t.Parallel()
		for name, prefix := range map[string]string{"Éva Lind": "éva", "ßen": "SS", "İpek": "i"} {
			p, err := c.Users.Create(t.Context(), host, service.NewUser{TenantID: "other", Username: fmt.Sprintf("fold-%x", name), Name: name})
			if err != nil {
				t.Fatal(err)
			}
			q := service.UserSearch{UserQuery: store.UserQuery{NamePrefix: prefix}}
			l, err := c.Users.Search(t.Context(), hostIn("other"), q)
			want := strings.HasPrefix(store.Fold(name), store.Fold(prefix))
			if got := slices.Contains(profileIDs(l.Items), p.ID); err != nil || got != want {
				t.Errorf("Search for %q found %q: %t, %v, want %t", prefix, name, got, err, want)
			}
		}
	})
	t.Run("SQL-09 forty thousand ids are refused", func(t *testing.T) {
		t.Parallel()
		ids := make([]string, 40_000)
		for i := range ids {
			ids[i] = fmt.Sprint(i)
		}
		_, err := c.Users.Search(t.Context(), by, service.UserSearch{UserQuery: store.UserQuery{IDs: ids}})
		wantCode(t, "Search", err, fault.Invalid)
		_, err = c.Members.Roles(t.Context(), by, ids)
		wantCode(t, "Roles", err, fault.Invalid)
	})
	t.Run("SQL-06 text must be UTF-8", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"\xff", "a\x00b"} {
			q := service.UserSearch{UserQuery: store.UserQuery{Filter: text}}
			if _, err := c.Users.Search(t.Context(), by, q); code(err) != fault.Invalid {
				t.Errorf("Search for %q = %v, want invalid", text, err)
			}
		}
	})
}
