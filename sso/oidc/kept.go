package oidc

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-identity/identity/sso/internal/oauth"
)

const (
	fresh = 10 * time.Minute // a document is asked for again after
	stale = 24 * time.Hour   // and given up after, if it cannot be had
	pause = 30 * time.Second // between requests that a stranger's token can cause
	retry = 5 * time.Second  // between requests while nothing was ever had
)

var errEarly = errors.New("asked a moment ago")

// A kept is something of a provider's that is fetched rarely, by one caller at a time. While
// the provider is away the last one counts, for a day.
type kept[T any] struct {
	load func(ctx context.Context) (T, error)
	now  func() time.Time

	mu                  sync.Mutex
	value               T
	got, failed, missed time.Time
	err                 error
	flight              chan struct{}
}

// current returns what is known, fetching it where that is old.
func (k *kept[T]) current(ctx context.Context) (T, error) {
	k.mu.Lock()
	now := k.now()
	wait := pause
	if k.got.IsZero() {
		wait = retry
	}
	if now.Sub(k.got) < fresh || now.Sub(k.failed) < wait {
		defer k.mu.Unlock()
		return k.answer(now)
	}
	return k.fetch(ctx)
}

// renewed fetches although what is known is fresh: somebody names a key that is not there.
// That may be anybody with a made-up token, so it happens rarely.
func (k *kept[T]) renewed(ctx context.Context) (T, error) {
	k.mu.Lock()
	if now := k.now(); k.flight == nil {
		if now.Sub(k.missed) < pause {
			defer k.mu.Unlock()
			return k.answer(now)
		}
		k.missed = now
	}
	return k.fetch(ctx)
}

// answer returns what is known, if it is not too old. It needs the lock.
func (k *kept[T]) answer(now time.Time) (T, error) {
	if !k.got.IsZero() && now.Sub(k.got) < stale {
		return k.value, nil
	}
	var none T
	if k.err == nil {
		return none, errEarly
	}
	return none, k.err
}

// fetch loads, or waits for whoever does. It is called with the lock and gives it back.
func (k *kept[T]) fetch(ctx context.Context) (T, error) {
	if others := k.flight; others != nil {
		k.mu.Unlock()
		select {
		case <-others:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.answer(k.now())
	}
	k.flight = make(chan struct{})
	k.mu.Unlock()
	k.lead(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.answer(k.now())
}

// lead loads for everybody who waits: its own caller may leave, the others stay.
func (k *kept[T]) lead(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), oauth.Patience)
	defer cancel()
	var value T
	err := errors.New("the fetch ended in a panic")
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		close(k.flight)
		k.flight, k.err = nil, err
		if err != nil {
			k.failed = k.now()
			return
		}
		k.value, k.got = value, k.now()
	}()
	value, err = k.load(ctx)
}

// slot returns the kept one of a name. Where there are too many, any other one goes: it is
// fetched again when it is needed.
func slot[T any](all map[string]*kept[T], name string, make func() *kept[T]) *kept[T] {
	if k, ok := all[name]; ok {
		return k
	}
	for other := range all {
		if len(all) < maxKept {
			break
		}
		delete(all, other)
	}
	all[name] = make()
	return all[name]
}
