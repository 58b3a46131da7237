package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// TestKeysThroughFaults starts, rotates and revokes over a store that fails at each call in
// turn, or loses its answer: whatever happens something signs, all processes agree, and no
// token is lost that was not meant to be.
func TestKeysThroughFaults(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is full")
	for name, fail := range map[string]func(store.Store, int, error) *storetest.Faulty{
		"a call fails": storetest.Fault, "an answer is lost": storetest.Lose,
	} {
		for what, flow := range map[string]func(context.Context, *service.Services, string) error{
			"rotate": func(ctx context.Context, s *service.Services, _ string) error {
				_, err := s.Keys.Rotate(ctx, store.System())
				return err
			},
			"revoke": func(ctx context.Context, s *service.Services, id string) error {
				return s.Keys.Revoke(ctx, store.System(), id)
			},
			"sweep": func(ctx context.Context, s *service.Services, _ string) error { return s.Sweep(ctx) },
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				for n := 1; n < 200 && throughFault(t, n, func(s store.Store) *storetest.Faulty { return fail(s, n, broken) }, flow); n++ {
				}
			})
		}
	}
}

// throughFault runs a flow over a store that fails once, and reports whether it did.
func throughFault(
	t *testing.T, n int, breaks func(store.Store) *storetest.Faulty, flow func(context.Context, *service.Services, string) error,
) bool {
	t.Helper()
	k, db := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, memory(t)
	a := worldOver(t, db, k, rotating)
	raw := a.signUp(t, "ann@example.com").AccessToken
	next := a.rotate(t) // so that there is something to follow
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	faulty := breaks(db)
	c := config(db, k, ring)
	c.Store, c.Keys.Publish = faulty, publish
	s, err := service.New(t.Context(), c)
	if err == nil {
		err = flow(t.Context(), s, next.ID)
	}
	if !faulty.Reached() && err != nil {
		t.Errorf("fault %d was not reached, and there is an error: %v", n, err)
	}
	k.advance(publish)
	b := worldOver(t, db, k, rotating)
	for _, w := range []world{a, b} {
		if l := w.again(t); !accepted(t, l.AccessToken, a, b) {
			t.Errorf("fault %d: a new token is refused", n)
		}
	}
	rows, err := a.Keys.List(t.Context(), store.System())
	if err != nil || rows[len(rows)-1].ID != kid(t, raw) || !rows[len(rows)-1].RevokedAt.IsZero() {
		t.Errorf("fault %d: List = %+v, %v, want that the first key is as it was", n, rows, err)
	}
	if signing := unended(rows); signing != 1 {
		t.Errorf("fault %d: %d keys have no end, want one", n, signing)
	}
	return faulty.Reached()
}

// unended counts the keys that sign until another comes.
func unended(rows []store.SigningKey) (n int) {
	for _, k := range rows {
		if k.RetiredAt.IsZero() {
			n++
		}
	}
	return n
}

// TestKeysRotateInRun lets Run see to the schedule.
func TestKeysRotateInRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rotating, func(c *service.Config) { c.Keys.RotateEvery = 24 * time.Hour })
	w.clock.advance(24 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for w.audited(t, "key.rotated") == 0 {
		<-every.C
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if n := w.audited(t, "key.rotated"); n != 1 {
		t.Errorf("Run rotated %d times, want once", n)
	}
}
