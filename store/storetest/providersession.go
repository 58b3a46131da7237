package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func providerSessionTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"ProviderSession": testProviderSession, "ProviderSessions": testProviderSessions,
		"ProviderSessionSweep": testProviderSessionSweep,
	}
}

func newProviderSession(userID, sessionID, connectionID string) store.ProviderSession {
	return store.ProviderSession{
		UserID: userID, SessionID: sessionID, ConnectionID: connectionID, Subject: "Ada", Format: "persistent", Index: "_i1",
		Hint: []byte{0, 1, 0xff}, Attributes: `{"groups":["Staff","staff"]}`, CreatedAt: now(), ExpiresAt: now().Add(time.Hour),
	}
}

func providerSessionID(p store.ProviderSession) string { return p.UserID + "/" + p.SessionID }

func testProviderSession(t *testing.T, s store.Store) {
	ctx, p := t.Context(), newProviderSession("u1", "s1", "c1")
	exists(t, s, "u1", "u2")
	must(t, s.CreateProviderSession(ctx, p))
	returns(s.ProviderSession(ctx, "u1", "s1"))(t, "ProviderSession", p)
	refused(t, "twice", s.CreateProviderSession(ctx, p), store.ErrConflict)
	refused(t, "at another provider", s.CreateProviderSession(ctx, newProviderSession("u1", "s1", "c2")), store.ErrConflict)
	refused(t, "of nobody", s.CreateProviderSession(ctx, newProviderSession("nobody", "s1", "c1")), store.ErrNotFound)
	fails(s.ProviderSession(ctx, "u2", "s1"))(t, "another user's", store.ErrNotFound)
	fails(s.ProviderSession(ctx, "u1", "s2"))(t, "unknown session", store.ErrNotFound)

	bare := store.ProviderSession{UserID: "u2", SessionID: "s1", ConnectionID: "c1", CreatedAt: now(), ExpiresAt: now()}
	must(t, s.CreateProviderSession(ctx, bare))
	returns(s.ProviderSession(ctx, "u2", "s1"))(t, "with nothing set", bare)
	must(t, s.DeleteUser(ctx, "u1"))
	fails(s.ProviderSession(ctx, "u1", "s1"))(t, "of a deleted user", store.ErrNotFound)
	_, err := s.ProviderSession(ctx, "u2", "s1")
	must(t, err)
}

func testProviderSessions(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	for _, p := range []struct{ user, id, connection, subject, index string }{
		{"u2", "s1", "c1", "Ada", "_i1"}, {"u1", "s2", "c1", "Ada", "_i2"}, {"u1", "s1", "c1", "Ada", "_i1"},
		{"u1", "s3", "c1", "ada", "_i1"}, {"u1", "s4", "c1", "Ada", ""}, {"u1", "s5", "c1", "", "_i1"},
		{"u1", "s6", "c2", "Ada", "_i1"}, {"u2", "s7", "c1", "", ""},
	} {
		n := newProviderSession(p.user, p.id, p.connection)
		n.Subject, n.Index = p.subject, p.index
		must(t, s.CreateProviderSession(ctx, n))
	}
	for _, tt := range []struct{ connection, subject, index, want string }{
		{"c1", "Ada", "_i1", "u1/s1 u2/s1"}, {"c1", "Ada", "", "u1/s1 u1/s2 u1/s4 u2/s1"},
		{"c1", "", "_i1", "u1/s1 u1/s3 u1/s5 u2/s1"}, {"c1", "", "", "u1/s1 u1/s2 u1/s3 u1/s4 u1/s5 u2/s1 u2/s7"},
		{"c1", "ADA", "", ""}, {"c1", "Ada", "_I1", ""}, {"c1", "", "%", ""}, {"c2", "Ada", "_i1", "u1/s6"},
		{"c3", "", "", ""}, {"", "", "", ""}, {"C1", "Ada", "", ""}, {"c1", "' or 1=1 --", "", ""},
	} {
		got, err := s.ProviderSessions(ctx, tt.connection, tt.subject, tt.index)
		must(t, err)
		equal(t, "of "+tt.connection+" subject "+tt.subject+" index "+tt.index, words(got, providerSessionID), tt.want)
	}
}

func testProviderSessionSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	for id, at := range map[string]time.Time{
		"old": now().Add(-time.Microsecond), "edge": now(), "young": now().Add(time.Hour),
	} {
		p := newProviderSession("u1", id, "c1")
		p.ExpiresAt = at
		must(t, s.CreateProviderSession(ctx, p))
	}
	returns(s.SweepProviderSessions(ctx, now()))(t, "swept", 1)
	left, err := s.ProviderSessions(ctx, "c1", "", "")
	must(t, err)
	equal(t, "left", words(left, providerSessionID), "u1/edge u1/young")
	returns(s.SweepProviderSessions(ctx, now()))(t, "swept again", 0)
}
