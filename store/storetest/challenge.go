package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func challengeTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Challenge": testChallenge, "ChallengeOf": testChallengeOf,
		"ChallengeConsume": testChallengeConsume, "ChallengeRace": testChallengeRace,
	}
}

// newChallenge returns an activation whose hash is its id.
func newChallenge(id, subject string) store.Challenge {
	return store.Challenge{
		ID: id, Purpose: store.Activation, Hash: []byte(id), Subject: subject, Binding: "b", Data: `{"a":1}`,
		CreatedAt: now(), ExpiresAt: now().Add(time.Hour),
	}
}

func testChallenge(t *testing.T, s store.Store) {
	ctx, c := t.Context(), newChallenge("c1", "u1")
	must(t, s.CreateChallenge(ctx, c))
	returns(s.Challenge(ctx, store.Activation, c.Hash))(t, "Challenge", c)
	fails(s.Challenge(ctx, "reset", c.Hash))(t, "another purpose", store.ErrNotFound)
	fails(s.Challenge(ctx, store.Activation, nil))(t, "no hash", store.ErrNotFound)
	same := newChallenge("c2", "u2")
	same.Hash = c.Hash
	refused(t, "the hash twice", s.CreateChallenge(ctx, same), store.ErrConflict)
	same.Purpose = "reset"
	must(t, s.CreateChallenge(ctx, same))

	must(t, s.TryChallenge(ctx, store.Activation, "c1", 2), s.TryChallenge(ctx, store.Activation, "c1", 2))
	refused(t, "the try after the last", s.TryChallenge(ctx, store.Activation, "c1", 2), store.ErrNotFound)
	refused(t, "another purpose's try", s.TryChallenge(ctx, "reset", "c1", 2), store.ErrNotFound)
	c.Tries = 2
	returns(s.Challenge(ctx, store.Activation, c.Hash))(t, "tried", c)

	must(t, s.CreateChallenge(ctx, newChallenge("c3", "u1")), s.CreateChallenge(ctx, newChallenge("c4", "u2")),
		s.DropChallenges(ctx, store.Activation, "u1"), s.DropChallenges(ctx, store.Activation, "nobody"))
	for hash, want := range map[string]string{"c1": "not found", "c3": "not found", "c4": "ok"} {
		_, err := s.Challenge(ctx, store.Activation, []byte(hash))
		equal(t, hash+" when u1's are dropped", outcome(err), want)
	}
	_, err := s.Challenge(ctx, "reset", []byte("c1"))
	must(t, err)

	old := newChallenge("c5", "u5")
	old.ExpiresAt = now()
	must(t, s.CreateChallenge(ctx, old))
	returns(s.SweepChallenges(ctx, now()))(t, "swept", 0)
	returns(s.SweepChallenges(ctx, now().Add(time.Microsecond)))(t, "swept", 1)
}

func testChallengeOf(t *testing.T, s store.Store) {
	ctx := t.Context()
	fails(s.ChallengeOf(ctx, store.Activation, "u1"))(t, "a subject without one", store.ErrNotFound)
	old, newest, other := newChallenge("c2", "u1"), newChallenge("c3", "u1"), newChallenge("c4", "u2")
	old.CreatedAt = now().Add(-time.Microsecond)
	twin := newChallenge("c1", "u1") // made at the same time as the newest: the greater id wins
	must(t, s.CreateChallenge(ctx, newest), s.CreateChallenge(ctx, old), s.CreateChallenge(ctx, twin), s.CreateChallenge(ctx, other))
	returns(s.ChallengeOf(ctx, store.Activation, "u1"))(t, "the newest", newest)
	returns(s.ChallengeOf(ctx, store.Activation, "u2"))(t, "another subject's", other)
	fails(s.ChallengeOf(ctx, store.Reset, "u1"))(t, "another purpose", store.ErrNotFound)
	_, err := s.ConsumeChallenge(ctx, store.Activation, newest.Hash, newest.ExpiresAt.Add(-time.Microsecond))
	must(t, err)
	newest.UsedAt = newest.ExpiresAt.Add(-time.Microsecond)
	returns(s.ChallengeOf(ctx, store.Activation, "u1"))(t, "a used one", newest)
}

func testChallengeConsume(t *testing.T, s store.Store) {
	ctx, c := t.Context(), newChallenge("c1", "u1")
	must(t, s.CreateChallenge(ctx, c))
	fails(s.ConsumeChallenge(ctx, store.Activation, c.Hash, c.ExpiresAt))(t, "expired", store.ErrNotFound)
	fails(s.ConsumeChallenge(ctx, "reset", c.Hash, now()))(t, "another purpose", store.ErrNotFound)
	used := c
	used.UsedAt = now().Add(time.Minute)
	returns(s.ConsumeChallenge(ctx, store.Activation, c.Hash, used.UsedAt))(t, "consumed", used)
	fails(s.ConsumeChallenge(ctx, store.Activation, c.Hash, used.UsedAt))(t, "twice", store.ErrNotFound)
	returns(s.Challenge(ctx, store.Activation, c.Hash))(t, "a used one is still there", used)
}

func testChallengeRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.CreateChallenge(ctx, newChallenge("c1", "u1")), s.CreateChallenge(ctx, newChallenge("c2", "u1")))
	got := race(32, func(int) error {
		_, err := s.ConsumeChallenge(ctx, store.Activation, []byte("c1"), now())
		return err
	})
	equal(t, "callers with one link", got, map[string]int{"ok": 1, "not found": 31})
	got = race(32, func(int) error { return s.TryChallenge(ctx, store.Activation, "c2", 5) })
	equal(t, "guesses at one code", got, map[string]int{"ok": 5, "not found": 27})
}
