package service

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A Feed keeps this process current with what every other one revoked. It reads the
// append-only feed of the store on the request path when its last reading is older than
// the lag; [Feed.Run] only reads ahead of that.
type Feed struct {
	*base
	lag     time.Duration
	overlap time.Duration // longer than the longest transaction and the clocks' skew

	generation atomic.Uint64 // moves whenever something cached may no longer hold
	read       atomic.Int64  // when the last successful reading began, in microseconds
	listeners  []func(store.Revocation)

	mu     sync.Mutex
	flight *flight
	seen   map[string]time.Time
}

// A flight is one reading that several callers wait for.
type flight struct {
	done chan struct{}
	err  error
}

// longestTx is more than what passes between the time of a revocation and its commit.
const longestTx = 15 * time.Second

// maxStale is how many lags may pass without a reading before nothing is trusted.
const maxStale = 5

func newFeed(b *base, p SessionPolicy) *Feed {
	f := &Feed{base: b, lag: p.RevocationLag, overlap: longestTx + p.Skew, seen: map[string]time.Time{}}
	f.read.Store(b.now().UnixMicro()) // nothing is cached yet
	return f
}

// Generation moves whenever a cached right or session may no longer hold. What was loaded
// under an older generation must be loaded again.
func (f *Feed) Generation() uint64 { return f.generation.Load() }

// Fresh returns once this process knows all revocations older than the lag. Nearly always
// that is at once, without I/O. While the feed cannot be read what is known stays good
// for five lags; then Fresh returns an Unavailable error.
func (f *Feed) Fresh(ctx context.Context) error {
	now := f.now()
	for age := f.age(now); age >= f.lag/2; age = f.age(now) { // again where a slow reading had begun too early
		fl, mine := f.board()
		if mine {
			f.fly(ctx, fl)
		} else if age < f.lag {
			return nil // somebody is reading ahead
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if mine || fl.err != nil {
			return f.landed(fl)
		}
	}
	return nil
}

// landed returns what a reading means to those who waited for it.
func (f *Feed) landed(fl *flight) error {
	if fl.err != nil && f.age(f.now()) > maxStale*f.lag {
		return fault.Retry(fault.Unavailable, "rights cannot be checked now", f.lag).Because(fl.err)
	}
	return nil
}

// fresh reports whether Fresh would return at once.
func (f *Feed) fresh(now time.Time) bool { return f.age(now) < f.lag/2 }

// age is how long before now the last reading began. A clock that jumped back makes it old.
func (f *Feed) age(now time.Time) time.Duration {
	age := time.Duration(now.UnixMicro()-f.read.Load()) * time.Microsecond
	if age < 0 {
		return maxStale*f.lag + 1
	}
	return age
}

// board returns the reading to wait for, and whether the caller has to do it.
func (f *Feed) board() (fl *flight, mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flight != nil {
		return f.flight, false
	}
	f.flight = &flight{done: make(chan struct{})}
	return f.flight, true
}

// fly reads the feed for everybody who waits. The caller's own cancellation must not
// become the others' error, so only its deadline is left behind.
func (f *Feed) fly(ctx context.Context, fl *flight) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	defer func() {
		f.mu.Lock()
		f.flight = nil
		f.mu.Unlock()
		close(fl.done)
	}()
	fl.err = f.pull(ctx)
}

const readTimeout = 3 * time.Second

func (f *Feed) pull(ctx context.Context) error {
	began := f.now()
	last := time.UnixMicro(f.read.Load()).UTC()
	since := last.Add(-f.overlap)
	rs, err := f.store.Revocations(ctx, since)
	if err != nil {
		f.log.WarnContext(ctx, "read revocations", "error", err)
		return err
	}
	f.learn(rs, began)
	if began.Before(last) { // the clock was ahead, and what was revoked meanwhile was not seen
		f.tell([]store.Revocation{{}})
	}
	f.read.Store(began.UnixMicro())
	return nil
}

// learn applies those of rs that are new here, and forgets ids that no reading overlaps.
func (f *Feed) learn(rs []store.Revocation, now time.Time) {
	f.mu.Lock()
	fresh := rs[:0]
	for _, r := range rs {
		if _, known := f.seen[r.ID]; !known {
			f.seen[r.ID] = r.At
			fresh = append(fresh, r)
		}
	}
	for id, at := range f.seen {
		if at.Before(now.Add(-4 * f.overlap)) {
			delete(f.seen, id)
		}
	}
	f.mu.Unlock()
	f.tell(fresh)
}

// commit is told of this process's own revocations right after they are committed.
func (f *Feed) commit(rs ...store.Revocation) {
	f.mu.Lock()
	for _, r := range rs {
		f.seen[r.ID] = r.At
	}
	f.mu.Unlock()
	f.tell(rs)
}

// tell drops what is cached. The generation moves before, so that nothing read earlier is
// cached any more, and after, so that whoever found the old entry in between looks again.
func (f *Feed) tell(rs []store.Revocation) {
	if len(rs) == 0 {
		return
	}
	f.generation.Add(1)
	for _, r := range rs {
		for _, l := range f.listeners {
			l(r)
		}
	}
	f.generation.Add(1)
}

// Run reads ahead of the requests, so that none of them waits for the feed, until ctx
// ends. Correctness does not need it.
func (f *Feed) Run(ctx context.Context) error {
	every := time.NewTicker(max(f.lag/3, 10*time.Millisecond))
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			if fl, mine := f.board(); mine {
				f.fly(ctx, fl)
			}
		}
	}
}
