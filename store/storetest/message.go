package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func messageTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Message": testMessage, "MessageClaim": testMessageClaim, "MessageClaimRace": testMessageClaimRace,
	}
}

func newMessage(id string, after time.Duration) store.Message {
	return store.Message{
		ID: id, Kind: "activation", To: "a@example.com", Subject: "s", Text: "t", HTML: "<p>",
		CreatedAt: now().Add(after), NextAt: now().Add(after),
	}
}

func messageID(m store.Message) string { return m.ID }

func testMessage(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.EnqueueMessage(ctx, newMessage("m1", 0)), s.EnqueueMessage(ctx, newMessage("m2", time.Second)),
		s.EnqueueMessage(ctx, newMessage("m3", time.Hour)))
	refused(t, "twice", s.EnqueueMessage(ctx, newMessage("m1", 0)), store.ErrConflict)
	n, oldest, err := s.WaitingMessages(ctx)
	must(t, err)
	equal(t, "waiting", n, 3)
	equal(t, "since", oldest, now())

	must(t, s.FinishMessage(ctx, "m1", now()), s.RetryMessage(ctx, "m2", now(), now()))
	refused(t, "finishing an unknown one", s.FinishMessage(ctx, "m9", now()), store.ErrNotFound)
	refused(t, "retrying an unknown one", s.RetryMessage(ctx, "m9", now(), time.Time{}), store.ErrNotFound)
	n, oldest, err = s.WaitingMessages(ctx)
	must(t, err)
	equal(t, "waiting when one is sent and one dead", n, 1)
	equal(t, "since", oldest, now().Add(time.Hour))

	returns(s.SweepMessages(ctx, now()))(t, "swept at the edge", 0)
	returns(s.SweepMessages(ctx, now().Add(time.Second)))(t, "swept", 2)
	must(t, s.FinishMessage(ctx, "m3", now()))
	n, oldest, err = s.WaitingMessages(ctx)
	must(t, err)
	equal(t, "waiting when none is left", n, 0)
	equal(t, "since", oldest, time.Time{})
}

func testMessageClaim(t *testing.T, s store.Store) {
	ctx, lease := t.Context(), now().Add(time.Minute)
	must(t, s.EnqueueMessage(ctx, newMessage("m2", 0)), s.EnqueueMessage(ctx, newMessage("m1", -time.Second)),
		s.EnqueueMessage(ctx, newMessage("m3", time.Second)), s.EnqueueMessage(ctx, newMessage("m4", 0)))
	got, err := s.ClaimMessages(ctx, now(), lease, 2)
	must(t, err)
	equal(t, "the longest due", words(got, messageID), "m1 m2")
	want := newMessage("m1", -time.Second)
	want.Attempts, want.NextAt = 1, lease
	equal(t, "a claimed message", got[0], want)
	for _, tt := range []struct {
		at   time.Time
		want string
	}{{now(), "m4"}, {now(), ""}, {lease, "m1 m2 m3"}} {
		got, err := s.ClaimMessages(ctx, tt.at, lease.Add(time.Hour), 10)
		must(t, err)
		equal(t, "due at "+tt.at.String(), words(got, messageID), tt.want)
	}
	must(t, s.RetryMessage(ctx, "m1", now(), time.Time{}), s.RetryMessage(ctx, "m2", now(), now()), s.FinishMessage(ctx, "m3", now()))
	got, err = s.ClaimMessages(ctx, now(), lease, 10)
	must(t, err)
	equal(t, "what was scheduled again", words(got, messageID), "m1")
	equal(t, "attempts", got[0].Attempts, 3)
}

// testMessageClaimRace checks that each message is taken by one caller.
func testMessageClaimRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range 40 {
		must(t, s.EnqueueMessage(ctx, newMessage(string(rune('A'+i)), 0)))
	}
	var mu sync.Mutex
	taken := map[string]int{}
	race(8, func(int) error {
		for {
			got, err := s.ClaimMessages(ctx, now(), now().Add(time.Hour), 3)
			if err != nil || len(got) == 0 {
				return err
			}
			mu.Lock()
			for _, m := range got {
				taken[m.ID]++
			}
			mu.Unlock()
		}
	})
	for id, n := range taken {
		equal(t, "claims of "+id, n, 1)
	}
	left, err := s.ClaimMessages(ctx, now(), now().Add(time.Hour), 100)
	must(t, err)
	equal(t, "messages that anyone claimed", len(taken)+len(left), 40)
}
