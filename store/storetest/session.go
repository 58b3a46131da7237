package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func sessionTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Session": testSession, "SessionIsolation": testSessionIsolation, "SessionRotate": testSessionRotate,
		"SessionLife": testSessionLife, "SessionRevoke": testSessionRevoke, "SessionSweep": testSessionSweep,
		"SessionRotateRace": testSessionRotateRace, "SAML-43 session confined": testSessionConfined,
	}
}

func newSession(userID, id string) store.Session {
	return store.Session{
		UserID: userID, ID: id, Kind: store.Family, TenantID: "t1", Hash: []byte("hash-" + id), Device: "d", UserAgent: "ua",
		IP: "192.0.2.1", Methods: []string{"pwd", "otp"}, AuthTime: now(), CreatedAt: now(), LastUsedAt: now(),
		ExpiresAt: now().Add(time.Hour), EndsAt: now().Add(24 * time.Hour),
	}
}

func sessionID(s store.Session) string { return s.ID }

func testSession(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	n := newSession("u1", "s1")
	must(t, s.CreateSession(ctx, n))
	returns(s.Session(ctx, "u1", "s1"))(t, "Session", n)
	refused(t, "twice", s.CreateSession(ctx, n), store.ErrConflict)
	refused(t, "of an unknown user", s.CreateSession(ctx, newSession("nobody", "s1")), store.ErrNotFound)

	bare := store.Session{UserID: "u1", ID: "s0", Kind: store.Browser, CreatedAt: now().Add(-time.Second)}
	bare.ExpiresAt, bare.EndsAt = now().Add(time.Second), now().Add(time.Second)
	must(t, s.CreateSession(ctx, bare))
	returns(s.Session(ctx, "u1", "s0"))(t, "with nothing set", bare)

	late := newSession("u1", "s2")
	late.CreatedAt = now().Add(time.Second)
	must(t, s.CreateSession(ctx, late))
	for at, want := range map[time.Time]string{
		now(): "s2 s1 s0", now().Add(time.Second): "s2 s1", now().Add(time.Hour): "", now().Add(48 * time.Hour): "",
	} {
		got, err := s.Sessions(ctx, "u1", at)
		must(t, err)
		equal(t, "living at "+at.String(), words(got, sessionID), want)
	}
}

func testSessionIsolation(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	n := newSession("u1", "s1")
	must(t, s.CreateSession(ctx, n))
	fails(s.Session(ctx, "u2", "s1"))(t, "Session", store.ErrNotFound)
	returns(s.RevokeSessions(ctx, "u2", now(), "s1"))(t, "RevokeSessions", nil)
	refused(t, "RotateSession", s.RotateSession(ctx, rotation("u2", "s1", n.Hash)), store.ErrNotFound)
	refused(t, "ExtendSession", s.ExtendSession(ctx, "u2", "s1", now(), now()), store.ErrNotFound)
	refused(t, "MoveSession", s.MoveSession(ctx, "u2", "s1", "t2", now()), store.ErrNotFound)
	returns(s.Session(ctx, "u1", "s1"))(t, "unharmed", n)
	must(t, s.CreateSession(ctx, newSession("u2", "s1")))
}

func rotation(userID, id string, from []byte) store.Rotation {
	return store.Rotation{
		UserID: userID, ID: id, From: from, To: []byte("next"), Successor: []byte("sealed"), FromTenantID: "t1", TenantID: "t2",
		UserAgent: "ua2", IP: "192.0.2.2", At: now().Add(time.Minute), ExpiresAt: now().Add(2 * time.Hour),
	}
}

func testSessionRotate(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	n := newSession("u1", "s1")
	must(t, s.CreateSession(ctx, n))
	r := rotation("u1", "s1", n.Hash)
	elsewhere := r
	elsewhere.FromTenantID = "t3"
	refused(t, "rotating from a tenant that it left", s.RotateSession(ctx, elsewhere), store.ErrNotFound)
	must(t, s.RotateSession(ctx, r))
	want := n
	want.Hash, want.PreviousHash, want.Successor, want.RotatedAt = r.To, n.Hash, r.Successor, r.At
	want.TenantID, want.UserAgent, want.IP, want.LastUsedAt, want.ExpiresAt = "t2", "ua2", "192.0.2.2", r.At, r.ExpiresAt
	returns(s.Session(ctx, "u1", "s1"))(t, "rotated", want)
	refused(t, "rotating from the old hash", s.RotateSession(ctx, r), store.ErrNotFound)
	refused(t, "rotating from no hash", s.RotateSession(ctx, rotation("u1", "s1", nil)), store.ErrNotFound)
	returns(s.Session(ctx, "u1", "s1"))(t, "unchanged", want)

	for what, spoil := range map[string]func(*store.Session){
		"expired": func(d *store.Session) { d.ExpiresAt = r.At },
		"ended":   func(d *store.Session) { d.EndsAt = r.At },
		"revoked": func(d *store.Session) { d.RevokedAt = now() },
	} {
		dead := newSession("u1", what)
		spoil(&dead)
		must(t, s.CreateSession(ctx, dead))
		refused(t, what, s.RotateSession(ctx, rotation("u1", what, dead.Hash)), store.ErrNotFound)
		refused(t, "extend "+what, s.ExtendSession(ctx, "u1", what, r.At, r.At.Add(time.Hour)), store.ErrNotFound)
		refused(t, "move "+what, s.MoveSession(ctx, "u1", what, "t2", r.At), store.ErrNotFound)
		returns(s.RevokeSessions(ctx, "u1", r.At, what))(t, "revoke "+what, nil)
		returns(s.Session(ctx, "u1", what))(t, what+" stays as it was", dead)
	}
}

// testSessionConfined checks that no switch and no rotation takes a session out of the one
// tenant that it may act in.
func testSessionConfined(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	n := newSession("u1", "s1")
	n.OnlyTenantID = "t1"
	must(t, s.CreateSession(ctx, n))
	returns(s.Session(ctx, "u1", "s1"))(t, "Session", n)
	for _, tenant := range []string{"t2", "", "T1"} {
		refused(t, "MoveSession to "+tenant, s.MoveSession(ctx, "u1", "s1", tenant, now()), store.ErrNotFound)
		r := rotation("u1", "s1", n.Hash)
		r.TenantID = tenant
		refused(t, "RotateSession to "+tenant, s.RotateSession(ctx, r), store.ErrNotFound)
	}
	returns(s.Session(ctx, "u1", "s1"))(t, "where it was", n)
	must(t, s.MoveSession(ctx, "u1", "s1", "t1", now()), s.ExtendSession(ctx, "u1", "s1", now(), now().Add(time.Hour)))
	r := rotation("u1", "s1", n.Hash)
	r.TenantID = "t1"
	must(t, s.RotateSession(ctx, r))
	got, err := s.Session(ctx, "u1", "s1")
	must(t, err)
	equal(t, "tenants after a rotation", [2]string{got.TenantID, got.OnlyTenantID}, [2]string{"t1", "t1"})
	all, err := s.Sessions(ctx, "u1", now())
	must(t, err)
	equal(t, "a listed one says so", words(all, func(s store.Session) string { return s.OnlyTenantID }), "t1")
}

func testSessionLife(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	n := newSession("u1", "s1")
	must(t, s.CreateSession(ctx, n))
	at, expires := now().Add(time.Minute), now().Add(3*time.Hour)
	must(t, s.ExtendSession(ctx, "u1", "s1", at, expires))
	n.LastUsedAt, n.ExpiresAt = at, expires
	returns(s.Session(ctx, "u1", "s1"))(t, "extended", n)
	must(t, s.ExtendSession(ctx, "u1", "s1", now(), now().Add(time.Hour)))
	returns(s.Session(ctx, "u1", "s1"))(t, "never moved back", n)
	refused(t, "extending none", s.ExtendSession(ctx, "u1", "none", at, expires), store.ErrNotFound)
	must(t, s.MoveSession(ctx, "u1", "s1", "t2", at))
	n.TenantID = "t2"
	returns(s.Session(ctx, "u1", "s1"))(t, "moved", n)
	refused(t, "moving none", s.MoveSession(ctx, "u1", "none", "t2", at), store.ErrNotFound)
}

func testSessionRevoke(t *testing.T, s store.Store) {
	ctx, at := t.Context(), now().Add(time.Minute)
	exists(t, s, "u1", "u2")
	for _, id := range []string{"s3", "s1", "s2", "s4"} {
		must(t, s.CreateSession(ctx, newSession("u1", id)))
	}
	must(t, s.CreateSession(ctx, newSession("u2", "s1")))
	returns(s.RevokeSessions(ctx, "u1", at, "s2", "s1", "none", "s2"))(t, "those named", []string{"s1", "s2"})
	returns(s.RevokeSessions(ctx, "u1", at, "s2", "s1"))(t, "again", nil)
	got, err := s.Session(ctx, "u1", "s1")
	must(t, err)
	equal(t, "revoked at", got.RevokedAt, at)
	returns(s.RevokeSessions(ctx, "u1", at))(t, "all", []string{"s3", "s4"})
	living, err := s.Sessions(ctx, "u2", at)
	must(t, err)
	equal(t, "another user's", len(living), 1)
}

func testSessionSweep(t *testing.T, s store.Store) {
	ctx, before := t.Context(), now().Add(time.Minute)
	exists(t, s, "u1")
	expired, ended, revoked := newSession("u1", "expired"), newSession("u1", "ended"), newSession("u1", "revoked")
	expired.ExpiresAt, ended.EndsAt, revoked.RevokedAt = now(), now(), now()
	edge := newSession("u1", "edge")
	edge.ExpiresAt, edge.EndsAt, edge.RevokedAt = before, before, before
	must(t, s.CreateSession(ctx, expired), s.CreateSession(ctx, ended), s.CreateSession(ctx, revoked),
		s.CreateSession(ctx, edge), s.CreateSession(ctx, newSession("u1", "living")))
	returns(s.SweepSessions(ctx, before))(t, "swept", 3)
	for id, want := range map[string]string{
		"expired": "not found", "ended": "not found", "revoked": "not found", "edge": "ok", "living": "ok",
	} {
		_, err := s.Session(ctx, "u1", id)
		equal(t, id, outcome(err), want)
	}
}

func testSessionRotateRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	n := newSession("u1", "s1")
	must(t, s.CreateSession(ctx, n))
	got := race(50, func(i int) error {
		r := rotation("u1", "s1", n.Hash)
		if i%2 == 0 {
			return s.RotateSession(ctx, r)
		}
		return s.Short(ctx, func(tx store.Records) error { return tx.RotateSession(ctx, r) })
	})
	equal(t, "callers with one secret", got, map[string]int{"ok": 1, "not found": 49})
}
