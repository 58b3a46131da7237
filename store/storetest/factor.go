package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func factorTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Factor": testFactor, "FactorRace": testFactorRace}
}

func newFactor(userID, id string, age time.Duration) store.Factor {
	return store.Factor{UserID: userID, ID: id, Kind: store.TOTP, Sealed: []byte{0, 1, 0xff}, LastStep: 7, CreatedAt: now().Add(-age)}
}

func testFactor(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2", "u3")
	older, newer := newFactor("u1", "f2", time.Hour), newFactor("u1", "f1", 0)
	must(t, s.CreateFactor(ctx, newer), s.CreateFactor(ctx, older), s.CreateFactor(ctx, newFactor("u2", "f1", 0)))
	refused(t, "the same id twice", s.CreateFactor(ctx, newer), store.ErrConflict)
	refused(t, "of nobody", s.CreateFactor(ctx, newFactor("nobody", "f1", 0)), store.ErrNotFound)
	returns(s.Factors(ctx, "u1"))(t, "Factors, oldest first", []store.Factor{older, newer})
	returns(s.Enrolled(ctx, "u3", "u2", "u1", "u2", "nobody"))(t, "Enrolled", []string{"u1", "u2"})

	at := now().Add(time.Minute)
	must(t, s.UseFactor(ctx, "u1", "f1", 9, at))
	newer.LastStep, newer.UsedAt = 9, at
	for _, step := range []int64{9, 8, 7, -1} {
		refused(t, fmt.Sprint("step ", step), s.UseFactor(ctx, "u1", "f1", step, at), store.ErrNotFound)
	}
	refused(t, "another user's", s.UseFactor(ctx, "u2", "f2", 9, at), store.ErrNotFound)
	returns(s.Factors(ctx, "u1"))(t, "used", []store.Factor{older, newer})
	must(t, s.UseFactor(ctx, "u2", "f1", 9, at)) // the same step of another factor

	refused(t, "deleting another user's", s.DeleteFactor(ctx, "u2", "f2"), store.ErrNotFound)
	must(t, s.DeleteFactor(ctx, "u1", "f2"))
	refused(t, "deleting twice", s.DeleteFactor(ctx, "u1", "f2"), store.ErrNotFound)
	must(t, s.CreateFactor(ctx, older))
	returns(s.DeleteFactors(ctx, "u1"))(t, "DeleteFactors", 2)
	returns(s.DeleteFactors(ctx, "u1"))(t, "DeleteFactors again", 0)
	returns(s.Enrolled(ctx, "u1", "u2"))(t, "who is left", []string{"u2"})
}

func testFactorRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	must(t, s.CreateFactor(ctx, newFactor("u1", "f1", 0)))
	got := race(32, func(int) error { return s.UseFactor(ctx, "u1", "f1", 8, now()) })
	equal(t, "callers with one code", got, map[string]int{"ok": 1, "not found": 31})
}
