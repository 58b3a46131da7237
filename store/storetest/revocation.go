package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func revocationTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Revocation": testRevocation}
}

func testRevocation(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := store.Revocation{ID: "b", TenantID: "t1", UserID: "u1", SessionID: "s1", At: now()}
	must(t, s.AppendRevocation(ctx, first))
	refused(t, "twice", s.AppendRevocation(ctx, first), store.ErrConflict)
	for id, after := range map[string]time.Duration{"d": 2 * time.Microsecond, "c": time.Microsecond, "a": time.Microsecond} {
		must(t, s.AppendRevocation(ctx, store.Revocation{ID: id, At: now().Add(after)}))
	}
	id := func(r store.Revocation) string { return r.ID }
	for since, want := range map[time.Time]string{
		{}: "b a c d", now(): "b a c d", now().Add(time.Microsecond): "a c d", now().Add(time.Hour): "",
	} {
		got, err := s.Revocations(ctx, since)
		must(t, err)
		equal(t, "since "+since.String(), words(got, id), want)
	}
	all, err := s.Revocations(ctx, now())
	must(t, err)
	equal(t, "a revocation", all[0], first)
	returns(s.SweepRevocations(ctx, now().Add(time.Microsecond)))(t, "swept", 1)
	left, err := s.Revocations(ctx, time.Time{})
	must(t, err)
	equal(t, "left", words(left, id), "a c d")
}
