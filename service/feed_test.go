package service_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A sluggish store takes its time, once it is asked to, to hand over the revocations that it
// has read.
type sluggish struct {
	store.Store
	hold chan chan struct{} // what the next reading waits for
}

func (s sluggish) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error) {
	rs, err := s.Store.Revocations(ctx, since)
	select {
	case free := <-s.hold:
		<-free
	default:
	}
	return rs, err
}

// TestFeedReadingThatTakesLong is about callers who find a reading under way that began before
// what they have to know.
func TestFeedReadingThatTakesLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		slow := sluggish{memory(t), make(chan chan struct{}, 1)}
		here, there := worldOver(t, slow.Store, k, open), worldOver(t, slow, k, open)
		ann := here.signUp(t, "ann@example.com")
		k.advance(2 * time.Second)
		there.user(t, ann)

		k.advance(2 * time.Second)
		free, answers := make(chan struct{}), make(chan error, 1)
		resolve := func(answers chan error) { answers <- errOf(there.Gate.Resolve(t.Context(), ann.AccessToken)) }
		slow.hold <- free
		go resolve(make(chan error, 1)) // it came before, so either answer is right
		synctest.Wait()
		wantCode(t, "sign out", here.SignIn.Logout(t.Context(), someone, ann.Secret), "")
		k.advance(2 * time.Second)
		go resolve(answers)
		synctest.Wait()
		close(free)
		wantCode(t, "a token of a session that ended two seconds ago", <-answers, fault.Unauthenticated)
	})
}
