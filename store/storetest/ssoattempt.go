package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func ssoAttemptTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"SSOAttempt": testSSOAttempt, "SSOAttemptKeep": testSSOAttemptKeep, "SSOAttemptRace": testSSOAttemptRace,
		"SSOAttemptSweep": testSSOAttemptSweep,
	}
}

func newSSOAttempt(tenantID, id, connectionID string) store.SSOAttempt {
	return store.SSOAttempt{
		TenantID: tenantID, ConnectionID: connectionID, ID: id, Accepted: true, Diagnosis: "it is signed by another key",
		Subject: "A…", Email: "a…@acme.example", IP: "192.0.2.1", UserAgent: "ua", Attributes: `{"groups":["…"]}`,
		Document: []byte{0, 1, 0xff}, At: now(),
	}
}

func ssoAttemptID(a store.SSOAttempt) string { return a.ID }

func testSSOAttempt(t *testing.T, s store.Store) {
	ctx, a := t.Context(), newSSOAttempt("t1", "a1", "c1")
	connects(t, s, "t1", "c1", "c2")
	must(t, s.CreateSSOAttempt(ctx, a, 9))
	returns(s.SSOAttempt(ctx, "t1", "a1"))(t, "SSOAttempt", a)
	refused(t, "the id twice", s.CreateSSOAttempt(ctx, a, 9), store.ErrConflict)
	refused(t, "of no connection", s.CreateSSOAttempt(ctx, newSSOAttempt("t1", "a2", "c9"), 9), store.ErrNotFound)
	for _, tenant := range []string{"t2", "", "T1"} {
		fails(s.SSOAttempt(ctx, tenant, "a1"))(t, "by way of tenant "+tenant, store.ErrNotFound)
		returns(s.SSOAttempts(ctx, tenant, "c1"))(t, "SSOAttempts by way of tenant "+tenant, nil)
	}
	fails(s.SSOAttempt(ctx, "t1", "a9"))(t, "unknown attempt", store.ErrNotFound)

	bare := store.SSOAttempt{TenantID: "t1", ConnectionID: "c1", ID: "a0", At: now().Add(time.Second)}
	must(t, s.CreateSSOAttempt(ctx, bare, 9), s.CreateSSOAttempt(ctx, newSSOAttempt("t1", "a2", "c1"), 9),
		s.CreateSSOAttempt(ctx, newSSOAttempt("t1", "a3", "c2"), 9))
	returns(s.SSOAttempt(ctx, "t1", "a0"))(t, "with nothing set", bare)
	all, err := s.SSOAttempts(ctx, "t1", "c1")
	must(t, err)
	equal(t, "newest first", words(all, ssoAttemptID), "a0 a2 a1")
	a.Document = nil
	equal(t, "without its document", all[2], a)
}

// testSSOAttemptKeep checks that only the newest of each connection stay.
func testSSOAttemptKeep(t *testing.T, s store.Store) {
	ctx := t.Context()
	connects(t, s, "t1", "c1", "c2")
	connects(t, s, "t2", "c3")
	must(t, s.CreateSSOAttempt(ctx, newSSOAttempt("t1", "other", "c2"), 1),
		s.CreateSSOAttempt(ctx, newSSOAttempt("t2", "other", "c3"), 1))
	for i, want := range []string{"a0", "a1 a0", "a2 a1 a0", "a3 a2 a1", "a4 a3 a2"} {
		a := newSSOAttempt("t1", "a"+strconv.Itoa(i), "c1")
		a.At = now().Add(time.Duration(i/2) * time.Second) // pairs of one moment
		must(t, s.CreateSSOAttempt(ctx, a, 3))
		all, err := s.SSOAttempts(ctx, "t1", "c1")
		must(t, err)
		equal(t, "the newest three", words(all, ssoAttemptID), want)
	}
	late := newSSOAttempt("t1", "late", "c1")
	late.At = now().Add(-time.Hour)
	must(t, s.CreateSSOAttempt(ctx, late, 3)) // older than all that are kept
	fails(s.SSOAttempt(ctx, "t1", "late"))(t, "one that is too old to stay", store.ErrNotFound)
	refused(t, "of no connection", s.CreateSSOAttempt(ctx, newSSOAttempt("t2", "x", "c1"), 0), store.ErrNotFound)
	must(t, s.Tx(ctx, func(tx store.Records) error { return tx.CreateSSOAttempt(ctx, newSSOAttempt("t1", "in", "c1"), 2) }))
	for c, want := range map[[2]string]string{{"t1", "c1"}: "a4 a3", {"t1", "c2"}: "other", {"t2", "c3"}: "other"} {
		all, err := s.SSOAttempts(ctx, c[0], c[1])
		must(t, err)
		equal(t, "left at "+c[1], words(all, ssoAttemptID), want)
	}
}

// testSSOAttemptRace lets many sign in through one connection at once: none may lose to
// another.
func testSSOAttemptRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	connects(t, s, "t1", "c1")
	create := func(i int) error {
		a := newSSOAttempt("t1", strconv.Itoa(i), "c1")
		a.At = now().Add(time.Duration(i) * time.Second)
		if i%2 == 0 {
			return s.CreateSSOAttempt(ctx, a, 5)
		}
		return s.Short(ctx, func(tx store.Records) error { return tx.CreateSSOAttempt(ctx, a, 5) })
	}
	equal(t, "callers at once", race(40, create), map[string]int{"ok": 40})
	must(t, create(40))
	all, err := s.SSOAttempts(ctx, "t1", "c1")
	must(t, err)
	equal(t, "kept", words(all, ssoAttemptID), "40 39 38 37 36")
}

func testSSOAttemptSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	connects(t, s, "t1", "c1")
	connects(t, s, "t2", "c2")
	for id, at := range map[string]time.Time{"old": now().Add(-time.Microsecond), "edge": now(), "young": now().Add(time.Hour)} {
		for tenant, c := range map[string]string{"t1": "c1", "t2": "c2"} {
			a := newSSOAttempt(tenant, id, c)
			a.At = at
			must(t, s.CreateSSOAttempt(ctx, a, 9))
		}
	}
	returns(s.SweepSSOAttempts(ctx, now()))(t, "swept", 2)
	left, err := s.SSOAttempts(ctx, "t1", "c1")
	must(t, err)
	equal(t, "left", words(left, ssoAttemptID), "young edge")
}
