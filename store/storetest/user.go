package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func userTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"User": testUser, "UserDelete": testUserDelete,
		"SQL-04 SQL-08 SQL-15 user query": testUserQuery, "SQL-01 SQL-02 user sort": testUserSort,
	}
}

func newUser(id string) store.User {
	return store.User{
		ID: id, Email: "Ada@Example.com", Verified: true, Name: "Ada Lovelace", PictureURL: "https://x/p.png",
		PhoneNumber: "+44", Metadata: `{"plan":"pro"}`, VendorMetadata: `{"crm":[1,2]}`, ExternalID: "e-" + id,
		Provider: "local", Locked: true, MFABypass: true, Invisible: true, ActiveTenantID: "t1",
		LastLogin: now().Add(time.Hour), CreatedAt: now(), UpdatedAt: now().Add(time.Minute),
	}
}

func testUser(t *testing.T, s store.Store) {
	ctx, u := t.Context(), newUser("u1")
	must(t, s.CreateUser(ctx, u), s.CreateUser(ctx, store.User{ID: "u2", CreatedAt: now()}))
	returns(s.User(ctx, "u1"))(t, "User", u)
	returns(s.User(ctx, "u2"))(t, "User with nothing set", store.User{ID: "u2", CreatedAt: now()})
	refused(t, "the same id twice", s.CreateUser(ctx, store.User{ID: "u1"}), store.ErrConflict)
	returns(s.User(ctx, "u1"))(t, "User after a conflict", u)
	fails(s.User(ctx, "nobody"))(t, "unknown user", store.ErrNotFound)
	returns(s.CountUsers(ctx))(t, "CountUsers", 2)

	changed := store.User{ID: "u1", Email: "b@example.com", Name: "B", Metadata: `{}`, CreatedAt: u.CreatedAt, UpdatedAt: now()}
	must(t, s.UpdateUser(ctx, changed))
	returns(s.User(ctx, "u1"))(t, "User after UpdateUser", changed)
	refused(t, "update of nobody", s.UpdateUser(ctx, store.User{ID: "nobody"}), store.ErrNotFound)

	at := now().Add(time.Hour)
	must(t, s.RecordLogin(ctx, "u1", "t9", at))
	changed.LastLogin, changed.ActiveTenantID = at, "t9"
	returns(s.User(ctx, "u1"))(t, "User after RecordLogin", changed)
	refused(t, "login of nobody", s.RecordLogin(ctx, "nobody", "t9", at), store.ErrNotFound)
}

// testUserDelete checks that nothing of a user is left, and all of another.
func testUserDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	for _, id := range []string{"u1", "u2"} {
		must(t,
			s.CreateIdentifier(ctx, store.Identifier{Kind: store.Email, Value: id, UserID: id}),
			s.PutCredential(ctx, store.Credential{UserID: id, Kind: store.Password, Secret: "x"}),
			s.CreateFactor(ctx, newFactor(id, "f1", 0)),
			s.ReplaceRecoveryCodes(ctx, id, newRecoveryCodes(id, "a")),
			s.PutRememberedDevice(ctx, store.RememberedDevice{UserID: id, Device: "d1", Binding: []byte("b")}),
			s.CreateMembership(ctx, store.Membership{TenantID: "t1", UserID: id}),
			s.Assign(ctx, store.Assignment{TenantID: "t1", UserID: id, RoleID: "r1"}),
			s.CreateSession(ctx, newSession(id, "s1")),
			s.CreateChallenge(ctx, newChallenge("c-"+id, id)),
		)
	}
	must(t, s.DeleteUser(ctx, "u1"))
	refused(t, "deleting twice", s.DeleteUser(ctx, "u1"), store.ErrNotFound)
	for _, tt := range []struct {
		id   string
		left int
	}{{"u1", 0}, {"u2", 1}} {
		equal(t, "what is left of "+tt.id, remains(t, s, tt.id), remnants{
			tt.left, tt.left, tt.left, tt.left, tt.left, tt.left, tt.left, tt.left, tt.left,
		})
	}
	returns(s.CountUsers(ctx))(t, "CountUsers", 1)
}

// remnants counts the records of a user.
type remnants struct {
	identifiers, credentials, memberships, assignments, sessions, challenges, factors, codes, devices int
}

func remains(t *testing.T, s store.Store, id string) remnants {
	t.Helper()
	ctx := t.Context()
	identifiers, err1 := s.Identifiers(ctx, id)
	memberships, err2 := s.Memberships(ctx, id)
	assignments, err3 := s.Assignments(ctx, id)
	sessions, err4 := s.Sessions(ctx, id, now())
	factors, err5 := s.Factors(ctx, id)
	codes, err6 := s.RecoveryCodes(ctx, id)
	must(t, err1, err2, err3, err4, err5, err6)
	r := remnants{
		identifiers: len(identifiers), memberships: len(memberships), assignments: len(assignments),
		sessions: len(sessions), factors: len(factors), codes: len(codes),
	}
	if _, err := s.Credential(ctx, id, store.Password); err == nil {
		r.credentials++
	}
	if _, err := s.Challenge(ctx, store.Activation, []byte("c-"+id)); err == nil {
		r.challenges++
	}
	if _, err := s.RememberedDevice(ctx, id, "d1"); err == nil {
		r.devices++
	}
	return r
}

// people stores users to be found.
func people(t *testing.T, s store.Store) {
	t.Helper()
	for i, p := range []struct{ id, name, email, external string }{
		{"u1", "Élise", "elise@b.example", "x1"}, {"u2", "ada", "Ada@a.example", "x2"}, {"u3", "Adam", "adam%@a.example", ""},
		{"u4", "a_b", "ab@c.example", "x4"}, {"u5", "A%b", "zoe@c.example", ""}, {"u6", "İzmir", "i@c.example", ""},
	} {
		must(t, s.CreateUser(t.Context(), store.User{
			ID: p.id, Name: p.name, Email: p.email, ExternalID: p.external, Verified: i%2 == 0, Locked: i == 3,
			Provider: "p" + p.id, CreatedAt: now().Add(time.Duration(i) * time.Second),
		}))
	}
	for _, id := range []string{"u2", "u4", "u6"} {
		must(t, s.CreateMembership(t.Context(), store.Membership{TenantID: "t1", UserID: id, CreatedAt: now()}))
	}
}

func userID(u store.User) string { return u.ID }

func testUserQuery(t *testing.T, s store.Store) {
	people(t, s)
	for _, tt := range []struct {
		name string
		q    store.UserQuery
		want string
	}{
		{"all", store.UserQuery{}, "u1 u2 u3 u4 u5 u6"},
		{"tenant", store.UserQuery{TenantID: "t1"}, "u2 u4 u6"},
		{"unknown tenant", store.UserQuery{TenantID: "t2"}, ""},
		{"ids", store.UserQuery{IDs: []string{"u5", "u1", "nobody", "u1"}}, "u1 u5"},
		{"ids in tenant", store.UserQuery{TenantID: "t1", IDs: []string{"u1", "u2"}}, "u2"},
		{"email", store.UserQuery{Email: "ADA@a.example"}, "u2"},
		{"email is exact", store.UserQuery{Email: "ada@a"}, ""},
		{"email prefix", store.UserQuery{EmailPrefix: "ada"}, "u2 u3"},
		{"email prefix with %", store.UserQuery{EmailPrefix: "adam%"}, "u3"},
		{"name prefix", store.UserQuery{NamePrefix: "AD"}, "u2 u3"},
		{"name prefix folded", store.UserQuery{NamePrefix: "é"}, "u1"},
		{"name prefix dotted I", store.UserQuery{NamePrefix: "İz"}, "u6"},
		{"% is a letter", store.UserQuery{NamePrefix: "a%"}, "u5"},
		{"_ is a letter", store.UserQuery{NamePrefix: "a_"}, "u4"},
		{"backslash is a letter", store.UserQuery{NamePrefix: `a\`}, ""},
		{"filter: name or email", store.UserQuery{Filter: "z"}, "u5"},
		{"filter: both", store.UserQuery{Filter: "a"}, "u2 u3 u4 u5"},
		{"filter in tenant", store.UserQuery{TenantID: "t1", Filter: "a"}, "u2 u4"},
		{"greatest rune", store.UserQuery{NamePrefix: "\U0010FFFF"}, ""},
		{"external ids", store.UserQuery{ExternalIDs: []string{"x4", "x1"}}, "u1 u4"},
		{"no external id is none", store.UserQuery{ExternalIDs: []string{""}}, ""},
		{"injection", store.UserQuery{Filter: `'); drop table identity_users;--`}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Users(t.Context(), tt.q)
			must(t, err)
			equal(t, "users", words(got.Items, userID), tt.want)
			equal(t, "total", got.Total, len(got.Items))
		})
	}
}

func testUserSort(t *testing.T, s store.Store) {
	people(t, s)
	for _, tt := range []struct {
		sort string
		desc bool
		want string
	}{
		{"", false, "u1 u2 u3 u4 u5 u6"}, {"createdAt", true, "u6 u5 u4 u3 u2 u1"}, {"id", true, "u6 u5 u4 u3 u2 u1"},
		{"name", false, "u5 u4 u2 u3 u6 u1"}, {"name", true, "u1 u6 u3 u2 u4 u5"}, {"email", false, "u4 u2 u3 u1 u6 u5"},
		{"verified", false, "u2 u4 u6 u1 u3 u5"}, {"isLocked", true, "u4 u6 u5 u3 u2 u1"}, {"provider", false, "u1 u2 u3 u4 u5 u6"},
	} {
		got, err := s.Users(t.Context(), store.UserQuery{Page: store.Page{Sort: tt.sort, Desc: tt.desc}})
		must(t, err)
		equal(t, "sorted by "+tt.sort, words(got.Items, userID), tt.want)
	}
	for _, sort := range []string{"password_hash", "name desc", "(select 1)", "1", `"name"`, "CREATEDAT", "name\x00"} {
		_, err := s.Users(t.Context(), store.UserQuery{Page: store.Page{Sort: sort}})
		refused(t, "sorted by "+sort, err, store.ErrInvalid)
	}
}
