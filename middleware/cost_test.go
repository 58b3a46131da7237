package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
)

// A sink is a ResponseWriter that keeps nothing.
type sink struct{ h http.Header }

func (s sink) Header() http.Header         { return s.h }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}

func nothing(http.ResponseWriter, *http.Request) {}

// requests returns the same request each time, as a server would make it anew.
func requests(tb testing.TB, headers ...string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), "GET", "/", nil)
	r.Header.Set("User-Agent", "test")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// TestAllocsRequest holds what a guard adds to a request whose credential is known: two
// allocations of 400 bytes together.
func TestAllocsRequest(t *testing.T) { // not parallel: it counts allocations of the process
	g := newGuard(t)
	h := g.Authenticate(g.RequirePermission("c.d.e", "b.c.d")(http.HandlerFunc(nothing)))
	for name, r := range map[string]*http.Request{
		"bearer": requests(t, "Authorization", "Bearer ann"),
		"token":  requests(t, "X-Access-Token", "ann"),
		"cookie": requests(t, "Cookie", "a=b; __Host-identity=ann; c=d"),
	} {
		w := sink{http.Header{}}
		if allocs, size := cost(func() { h.ServeHTTP(w, r) }); allocs > 2 || size > 400 {
			t.Errorf("%s: %d allocations of %d bytes, want at most 2 of 400", name, allocs, size)
		}
	}
}

// cost returns the allocations of one run and their bytes.
func cost(f func()) (allocs, size uint64) {
	const runs = 2000
	f()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs
}

func BenchmarkRequest(b *testing.B) {
	g := newGuard(b)
	r := requests(b, "Authorization", "Bearer ann")
	w := sink{http.Header{}}
	for name, h := range map[string]http.Handler{
		"bare":    http.HandlerFunc(nothing),
		"guarded": g.Authenticate(g.RequirePermission("a.read")(http.HandlerFunc(nothing))),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
