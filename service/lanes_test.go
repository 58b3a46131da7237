package service_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-identity/identity/service"
)

func TestLanes(t *testing.T) {
	t.Parallel()
	t.Run("one at a time", func(t *testing.T) {
		t.Parallel()
		var s service.Lanes
		var inside, most atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				leave, err := s.Enter(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				defer leave()
				most.Store(max(most.Load(), inside.Add(1)))
				inside.Add(-1)
			})
		}
		wg.Wait()
		if most.Load() != 1 || s.Known() != 0 {
			t.Errorf("%d at a time and %d keys left, want 1 and none", most.Load(), s.Known())
		}
	})
	t.Run("nobody waits for another key", func(t *testing.T) {
		t.Parallel()
		var s service.Lanes
		var leaves []func()
		for i := range 1000 { // all at the same time: one that waited for another would wait for ever
			leave, err := s.Enter(t.Context(), string(rune('a'+i)))
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		for _, leave := range leaves {
			leave()
		}
		if s.Known() != 0 {
			t.Errorf("%d keys left, want none", s.Known())
		}
	})
	t.Run("who gives up holds nothing", func(t *testing.T) {
		t.Parallel()
		var s service.Lanes
		leave, err := s.Enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Enter(gone, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("Enter by somebody who left = %v, want %v", err, context.Canceled)
		}
		leave()
		if leave, err = s.Enter(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		leave()
		if s.Known() != 0 {
			t.Errorf("%d keys left, want none", s.Known())
		}
	})
}
