package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func attemptTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Attempt": testAttempt, "AttemptWindow": testAttemptWindow, "AttemptRace": testAttemptRace, "AttemptSweep": testAttemptSweep,
	}
}

func strict() store.AttemptLimit {
	return store.AttemptLimit{Max: 3, Window: 10 * time.Minute, Lock: time.Hour}
}

func testAttempt(t *testing.T, s store.Store) {
	ctx, at := t.Context(), now()
	for n := 1; n <= 2; n++ {
		returns(s.Attempt(ctx, "a", at.Add(time.Duration(n)*time.Second), strict()))(t, "attempt",
			store.Attempt{Subject: "a", Failures: n, StartedAt: at.Add(time.Second)})
	}
	third := at.Add(time.Minute)
	returns(s.Attempt(ctx, "a", third, strict()))(t, "the attempt that locks",
		store.Attempt{Subject: "a", Failures: 3, StartedAt: at.Add(time.Second), LockedUntil: third.Add(time.Hour)})
	for range 3 {
		fails(s.Attempt(ctx, "a", third.Add(time.Hour-time.Microsecond), strict()))(t, "locked", store.ErrNotFound)
	}
	returns(s.Attempt(ctx, "b", at, strict()))(t, "another subject", store.Attempt{Subject: "b", Failures: 1, StartedAt: at})
	over := third.Add(time.Hour)
	returns(s.Attempt(ctx, "a", over, strict()))(t, "when the lock ended", store.Attempt{Subject: "a", Failures: 1, StartedAt: over})

	must(t, s.ClearAttempts(ctx, "a"), s.ClearAttempts(ctx, "nobody"))
	returns(s.Attempt(ctx, "a", over, strict()))(t, "when cleared", store.Attempt{Subject: "a", Failures: 1, StartedAt: over})

	once := strict()
	once.Max = 1
	returns(s.Attempt(ctx, "c", at, once))(t, "a limit of one locks at once",
		store.Attempt{Subject: "c", Failures: 1, StartedAt: at, LockedUntil: at.Add(time.Hour)})
	fails(s.Attempt(ctx, "c", at, once))(t, "after it", store.ErrNotFound)
}

func testAttemptWindow(t *testing.T, s store.Store) {
	ctx, at := t.Context(), now()
	_, err := s.Attempt(ctx, "a", at, strict())
	must(t, err)
	inside, outside := at.Add(10*time.Minute), at.Add(10*time.Minute+time.Microsecond)
	returns(s.Attempt(ctx, "a", inside, strict()))(t, "within the window", store.Attempt{Subject: "a", Failures: 2, StartedAt: at})
	returns(s.Attempt(ctx, "a", outside, strict()))(t, "after it", store.Attempt{Subject: "a", Failures: 1, StartedAt: outside})
}

func testAttemptRace(t *testing.T, s store.Store) {
	ctx, l := t.Context(), store.AttemptLimit{Max: 150, Window: time.Hour, Lock: time.Hour}
	got := race(200, func(int) error {
		_, err := s.Attempt(ctx, "a", now(), l)
		return err
	})
	equal(t, "200 attempts, 150 allowed", got, map[string]int{"ok": 150, "not found": 50})
}

func testAttemptSweep(t *testing.T, s store.Store) {
	ctx := t.Context()
	for subject, at := range map[string]time.Time{"old": now().Add(-2 * time.Hour), "young": now()} {
		_, err := s.Attempt(ctx, subject, at, strict())
		must(t, err)
	}
	once := store.AttemptLimit{Max: 1, Window: time.Minute, Lock: 24 * time.Hour}
	_, err := s.Attempt(ctx, "locked", now().Add(-3*time.Hour), once)
	must(t, err)
	returns(s.SweepAttempts(ctx, now().Add(-time.Hour), now()))(t, "swept", 1)
	fails(s.Attempt(ctx, "locked", now(), once))(t, "the locked one is kept", store.ErrNotFound)
	returns(s.SweepAttempts(ctx, now().Add(-time.Hour), now().Add(24*time.Hour)))(t, "swept when the lock ended", 1)
	got, err := s.Attempt(ctx, "young", now(), strict())
	must(t, err)
	equal(t, "the young count goes on", got.Failures, 2)
}
