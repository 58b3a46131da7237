package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/middleware"
)

// A clock is moved by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) Now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) jump(d time.Duration) { c.at.Add(int64(d)) }
func newClock() *clock                { c := &clock{}; c.at.Store(1_800_000_000_000_000_000); return c }
func five() map[string]middleware.Rate {
	return map[string]middleware.Rate{"f": {Requests: 5, Window: time.Minute}}
}

// spend returns how many of n requests pass.
func spend(l *middleware.Limiter, family, address string, n int) int {
	passed := 0
	for range n {
		if _, ok := l.Allow(family, address); ok {
			passed++
		}
	}
	return passed
}

func TestRate(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := middleware.NewLimiter(c.Now, five())
	if got := spend(l, "f", "192.0.2.1", 10); got != 5 {
		t.Errorf("%d of 10 pass, want 5", got)
	}
	wait, ok := l.Allow("f", "192.0.2.1")
	if ok || wait <= 0 || wait > 12*time.Second {
		t.Errorf("wait %v, want up to 12s", wait)
	}
	c.jump(wait)
	if got := spend(l, "f", "192.0.2.1", 2); got != 1 {
		t.Errorf("after the wait %d pass, want 1", got)
	}
	c.jump(time.Hour)
	if got := spend(l, "f", "192.0.2.1", 10); got != 5 {
		t.Errorf("after an hour %d pass, want 5", got)
	}
	if got := spend(l, "other", "192.0.2.1", 10); got != 10 {
		t.Errorf("a family without a rate passes %d, want 10", got)
	}
	if got := spend(nil, "f", "192.0.2.1", 10); got != 10 {
		t.Errorf("no limiter passes %d, want 10", got)
	}
}

func TestAttackLimit(t *testing.T) {
	t.Parallel()
	t.Run("LCK-09 IPv6 rotation", func(t *testing.T) {
		t.Parallel()
		l := middleware.NewLimiter(newClock().Now, five())
		passed := 0
		for i := range 10_000 {
			passed += spend(l, "f", fmt.Sprintf("2001:db8:1:2:%x:%x:0:1", i/256, i), 1)
		}
		if passed != 5 {
			t.Errorf("%d pass from one /64, want 5", passed)
		}
		if got := spend(l, "f", "2001:db8:1:3::1", 9); got != 5 {
			t.Errorf("%d pass from another /64, want 5", got)
		}
	})
	t.Run("LCK-10 v4-mapped", func(t *testing.T) {
		t.Parallel()
		l := middleware.NewLimiter(newClock().Now, five())
		if got := spend(l, "f", "1.2.3.4", 3) + spend(l, "f", "::ffff:1.2.3.4", 9); got != 5 {
			t.Errorf("%d pass, want 5", got)
		}
		if got := spend(l, "f", "1.2.3.5", 9); got != 5 {
			t.Errorf("%d pass from the neighbour, want 5", got)
		}
	})
	t.Run("LCK-17 limiter clock jump", func(t *testing.T) {
		t.Parallel()
		for _, jump := range []time.Duration{-time.Hour, time.Hour, -100 * 365 * 24 * time.Hour, 100 * 365 * 24 * time.Hour} {
			c := newClock()
			l := middleware.NewLimiter(c.Now, five())
			spend(l, "f", "192.0.2.1", 9)
			c.jump(jump)
			if got := spend(l, "f", "192.0.2.1", 99); got > 5 {
				t.Errorf("%v: %d pass, want at most 5", jump, got)
			}
			c.jump(time.Minute)
			if got := spend(l, "f", "192.0.2.1", 99); got != 5 {
				t.Errorf("%v: a minute later %d pass, want 5", jump, got)
			}
			c.jump(-jump)
			spend(l, "f", "192.0.2.1", 99)
			c.jump(time.Minute)
			if got := spend(l, "f", "192.0.2.1", 99); got != 5 {
				t.Errorf("%v and back: a minute later %d pass, want 5", jump, got)
			}
		}
	})
	t.Run("LCK-18 rate limit before work", func(t *testing.T) {
		t.Parallel()
		var worked atomic.Int32
		g := newGuard(t, func(c *middleware.Config) { c.Limiter = middleware.NewLimiter(newClock().Now, five()) })
		h := g.Limit("f")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { worked.Add(1) }))
		for range 1000 {
			w := ask(t, h, "POST", "/")
			late, _ := strconv.Atoi(w.Header().Get("Retry-After"))
			if w.Code == 429 && late < 1 || w.Code != 429 && w.Code != 200 {
				t.Fatalf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		}
		if worked.Load() != 5 {
			t.Errorf("%d of 1000 did work, want 5", worked.Load())
		}
	})
	t.Run("LCK-19 HTTP/2 multiplex burst", func(t *testing.T) {
		t.Parallel()
		g := newGuard(t, func(c *middleware.Config) { c.Limiter = middleware.NewLimiter(newClock().Now, five()) })
		if passed, major := burst(t, g.Limit("f")(ok), 1000); passed != 5 || major != 2 {
			t.Errorf("%d streams pass over HTTP/%d, want 5 over HTTP/2", passed, major)
		}
	})
}

func TestAttackLimitMemory(t *testing.T) { // not parallel: it measures the heap of the process
	t.Run("LCK-16 limit store memory", func(t *testing.T) {
		l := middleware.NewLimiter(newClock().Now, five())
		if got := spend(l, "f", "203.0.113.1", 9); got != 5 {
			t.Fatalf("%d pass, want 5", got)
		}
		before := heap()
		for i := range 1_000_000 {
			l.Allow("f", netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String())
		}
		if grown := int64(heap()) - int64(before); grown > 4<<20 {
			t.Errorf("a million addresses took %d bytes", grown)
		}
		if got := spend(l, "f", "203.0.113.1", 9); got != 0 {
			t.Errorf("the flood made room: %d pass, want 0", got)
		}
	})
}

// heap returns the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// burst sends n requests at once on one connection, and counts those that pass.
func burst(t *testing.T, h http.Handler, n int) (passed int32, major int) {
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	var count, proto atomic.Int32
	get := func() {
		res, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		proto.Store(int32(res.ProtoMajor))
		if res.StatusCode == 200 {
			count.Add(1)
		}
	}
	get() // opens the connection that the others share
	var wg sync.WaitGroup
	for range n - 1 {
		wg.Go(get)
	}
	wg.Wait()
	return count.Load(), int(proto.Load())
}

// TestLimitRace checks that an exact number passes, however many race.
func TestLimitRace(t *testing.T) {
	t.Parallel()
	l := middleware.NewLimiter(newClock().Now, map[string]middleware.Rate{"f": {Requests: 100, Window: time.Minute}})
	var passed atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { passed.Add(int32(spend(l, "f", "192.0.2.1", 10))) })
	}
	wg.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d of 500 pass, want 100", passed.Load())
	}
}
