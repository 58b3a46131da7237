package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func membershipTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Membership": testMembership, "MembershipDelete": testMembershipDelete}
}

func testMembership(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	m := store.Membership{TenantID: "t1", UserID: "u1", Activated: true, CreatedAt: now(), UpdatedAt: now()}
	must(t, s.CreateMembership(ctx, m))
	returns(s.Membership(ctx, "t1", "u1"))(t, "Membership", m)
	refused(t, "twice", s.CreateMembership(ctx, m), store.ErrConflict)
	fails(s.Membership(ctx, "t2", "u1"))(t, "another tenant", store.ErrNotFound)
	fails(s.Membership(ctx, "t1", "u2"))(t, "another user", store.ErrNotFound)

	m.Activated, m.Disabled, m.UpdatedAt = false, true, now().Add(time.Hour)
	must(t, s.UpdateMembership(ctx, m))
	returns(s.Membership(ctx, "t1", "u1"))(t, "after UpdateMembership", m)
	refused(t, "update of none", s.UpdateMembership(ctx, store.Membership{TenantID: "t2", UserID: "u1"}), store.ErrNotFound)

	must(t, s.CreateMembership(ctx, store.Membership{TenantID: "t0", UserID: "u1", CreatedAt: now().Add(time.Second)}),
		s.CreateMembership(ctx, store.Membership{TenantID: "t1", UserID: "u2", CreatedAt: now().Add(-time.Second)}))
	all, err := s.Memberships(ctx, "u2", "u1", "nobody")
	must(t, err)
	equal(t, "Memberships", words(all, func(m store.Membership) string { return m.UserID + "/" + m.TenantID }), "u1/t1 u1/t0 u2/t1")
	none, err := s.Memberships(ctx)
	must(t, err)
	equal(t, "of nobody", len(none), 0)
	returns(s.Members(ctx, "t1"))(t, "Members", 2)
	returns(s.Members(ctx, "t9"))(t, "Members of an unknown tenant", 0)
}

func testMembershipDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	for _, at := range [][2]string{{"t1", "u1"}, {"t1", "u2"}, {"t2", "u1"}} {
		session := newSession(at[1], "s-"+at[0])
		session.TenantID = at[0]
		must(t, s.CreateMembership(ctx, store.Membership{TenantID: at[0], UserID: at[1]}),
			s.Assign(ctx, store.Assignment{TenantID: at[0], UserID: at[1], RoleID: "r"}), s.CreateSession(ctx, session))
	}
	must(t, s.DeleteMembership(ctx, "t1", "u1"))
	refused(t, "deleting twice", s.DeleteMembership(ctx, "t1", "u1"), store.ErrNotFound)
	fails(s.Membership(ctx, "t1", "u1"))(t, "the membership", store.ErrNotFound)
	fails(s.Session(ctx, "u1", "s-t1"))(t, "its session", store.ErrNotFound)
	left, err := s.Assignments(ctx, "u1", "u2")
	must(t, err)
	equal(t, "assignments left", words(left, func(a store.Assignment) string { return a.UserID + "/" + a.TenantID }), "u1/t2 u2/t1")
	_, err1 := s.Session(ctx, "u1", "s-t2")
	_, err2 := s.Session(ctx, "u2", "s-t1")
	must(t, err1, err2)
}
