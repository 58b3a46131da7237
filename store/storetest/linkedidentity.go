package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func linkedIdentityTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"LinkedIdentity": testLinkedIdentity, "LinkedIdentityRemoval": testLinkedIdentityRemoval,
		"LinkedIdentityRace": testLinkedIdentityRace,
	}
}

func newLinkedIdentity(connectionID, subject, tenantID, userID string) store.LinkedIdentity {
	return store.LinkedIdentity{
		ConnectionID: connectionID, Subject: subject, TenantID: tenantID, UserID: userID, Email: "Ada@acme.example",
		RoleIDs: []string{"r1", "r2"}, CreatedAt: now(), LastUsedAt: now().Add(time.Minute),
	}
}

func linked(l store.LinkedIdentity) string { return l.ConnectionID + "/" + l.Subject }

func testLinkedIdentity(t *testing.T, s store.Store) {
	ctx, l := t.Context(), newLinkedIdentity("c1", "Ada", "t1", "u1")
	exists(t, s, "u1", "u2")
	must(t, s.CreateLinkedIdentity(ctx, l))
	returns(s.LinkedIdentity(ctx, "c1", "Ada"))(t, "LinkedIdentity", l)
	refused(t, "twice", s.CreateLinkedIdentity(ctx, l), store.ErrConflict)
	refused(t, "another user's", s.CreateLinkedIdentity(ctx, newLinkedIdentity("c1", "Ada", "t2", "u2")), store.ErrConflict)
	refused(t, "of nobody", s.CreateLinkedIdentity(ctx, newLinkedIdentity("c1", "x", "t1", "nobody")), store.ErrNotFound)
	returns(s.LinkedIdentity(ctx, "c1", "Ada"))(t, "unharmed", l)

	bare := store.LinkedIdentity{ConnectionID: "c2", Subject: "Ada", UserID: "u1", CreatedAt: now().Add(-time.Second)}
	must(t, s.CreateLinkedIdentity(ctx, bare), s.CreateLinkedIdentity(ctx, newLinkedIdentity("c1", "ada", "t1", "u2")),
		s.CreateLinkedIdentity(ctx, newLinkedIdentity("c1", "Ada ", "t1", "u1"))) // subjects are bytes
	returns(s.LinkedIdentity(ctx, "c2", "Ada"))(t, "with nothing set", bare)
	for _, key := range [][2]string{{"c1", "ADA"}, {"c3", "Ada"}, {"", "Ada"}, {"c1", ""}, {"C1", "Ada"}, {"c1", "Ada@acme.example"}} {
		fails(s.LinkedIdentity(ctx, key[0], key[1]))(t, key[0]+"/"+key[1], store.ErrNotFound)
	}
	all, err := s.LinkedIdentities(ctx, "u1")
	must(t, err)
	equal(t, "of the user, oldest first", words(all, linked), "c2/Ada c1/Ada c1/Ada ")
	returns(s.LinkedIdentities(ctx, "nobody"))(t, "of nobody", nil)

	changed := newLinkedIdentity("c1", "Ada", "t9", "u2")
	changed.Email, changed.RoleIDs, changed.LastUsedAt, changed.CreatedAt = "b@acme.example", nil, now().Add(time.Hour), time.Time{}
	must(t, s.UpdateLinkedIdentity(ctx, changed))
	l.Email, l.RoleIDs, l.LastUsedAt = changed.Email, nil, changed.LastUsedAt
	returns(s.LinkedIdentity(ctx, "c1", "Ada"))(t, "after UpdateLinkedIdentity: whose it is stays", l)
	refused(t, "an update of none", s.UpdateLinkedIdentity(ctx, newLinkedIdentity("c1", "x", "t1", "u1")), store.ErrNotFound)

	refused(t, "deleting another user's", s.DeleteLinkedIdentity(ctx, "u2", "c1", "Ada"), store.ErrNotFound)
	must(t, s.DeleteLinkedIdentity(ctx, "u1", "c1", "Ada"))
	refused(t, "deleting twice", s.DeleteLinkedIdentity(ctx, "u1", "c1", "Ada"), store.ErrNotFound)
	must(t, s.CreateLinkedIdentity(ctx, newLinkedIdentity("c1", "Ada", "t1", "u2")))
}

// testLinkedIdentityRemoval checks what goes with a membership, a user, a tenant and a
// social provider.
func testLinkedIdentityRemoval(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	must(t, s.CreateTenant(ctx, store.Tenant{ID: "t1"}), s.CreateTenant(ctx, store.Tenant{ID: "t2"}))
	must(t, s.CreateSocialProvider(ctx, store.SocialProvider{ID: "p1", Type: "google"}))
	connects(t, s, "t1", "c1")
	connects(t, s, "t2", "c2")
	for _, id := range []string{"u1", "u2"} {
		for _, c := range [][2]string{{"c1", "t1"}, {"c2", "t2"}, {"p1", ""}} {
			must(t, s.CreateLinkedIdentity(ctx, newLinkedIdentity(c[0], id, c[1], id)),
				s.CreateProviderSession(ctx, newProviderSession(id, "s-"+c[0], c[0])))
		}
		must(t, s.CreateMembership(ctx, store.Membership{TenantID: "t1", UserID: id}),
			s.CreateMembership(ctx, store.Membership{TenantID: "t2", UserID: id}))
	}
	for _, tt := range []struct {
		what, u1, u2 string
		remove       func() error
	}{
		{"a membership", "c2/u1 p1/u1", "c1/u2 c2/u2 p1/u2", func() error { return s.DeleteMembership(ctx, "t1", "u1") }},
		{"a membership that is not there", "c2/u1 p1/u1", "c1/u2 c2/u2 p1/u2", func() error {
			refused(t, "twice", s.DeleteMembership(ctx, "t1", "u1"), store.ErrNotFound)
			refused(t, "of no tenant", s.DeleteMembership(ctx, "", "u1"), store.ErrNotFound)
			return nil
		}},
		{"a tenant", "p1/u1", "c1/u2 p1/u2", func() error { return s.DeleteTenant(ctx, "t2", now()) }},
		{"a social provider", "", "c1/u2", func() error { return s.DeleteSocialProvider(ctx, "p1") }},
		{"a user", "", "", func() error { return s.DeleteUser(ctx, "u2") }},
	} {
		must(t, tt.remove())
		for id, want := range map[string]string{"u1": tt.u1, "u2": tt.u2} {
			all, err := s.LinkedIdentities(ctx, id)
			must(t, err)
			equal(t, "of "+id+" without "+tt.what, words(all, linked), want)
			for _, l := range all {
				_, err := s.ProviderSession(ctx, id, "s-"+l.ConnectionID)
				must(t, err)
			}
			equal(t, "provider sessions of "+id, providerSessionsOf(t, s, id), len(all))
		}
	}
}

// providerSessionsOf counts the sessions of the user that came through c1, c2 and p1.
func providerSessionsOf(t *testing.T, s store.Store, userID string) (n int) {
	t.Helper()
	for _, c := range []string{"c1", "c2", "p1"} {
		_, err := s.ProviderSession(t.Context(), userID, "s-"+c)
		n += one(err == nil)
	}
	return n
}

// testLinkedIdentityRace lets callers bind one subject, each to a user that it makes: the
// losers leave nobody behind.
func testLinkedIdentityRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	got := race(12, func(i int) error {
		id := strconv.Itoa(i)
		return s.Tx(ctx, func(tx store.Records) error {
			if err := tx.CreateUser(ctx, store.User{ID: id, CreatedAt: now()}); err != nil {
				return err
			}
			return tx.CreateLinkedIdentity(ctx, newLinkedIdentity("c1", "same", "t1", id))
		})
	})
	equal(t, "callers with one subject", got, map[string]int{"ok": 1, "conflict": 11})
	returns(s.CountUsers(ctx))(t, "users", 1)
}
