package bench_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

const callers = 16

// A loopback is a server on this machine with callers that keep their connections.
type loopback struct {
	url    string
	shown  http.Header
	client *http.Client
}

func newLoopback(tb testing.TB, c contestant) *loopback {
	tb.Helper()
	s := httptest.NewServer(c.handler)
	tb.Cleanup(s.Close)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	tb.Cleanup(client.CloseIdleConnections)
	return &loopback{s.URL + path, c.shown[0], client}
}

// call makes n requests, several at a time.
func (l *loopback) call(n int) error {
	var left atomic.Int64
	left.Store(int64(n))
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for errs[i] == nil && left.Add(-1) >= 0 {
				errs[i] = l.once()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *loopback) once() error {
	r, err := http.NewRequest(http.MethodGet, l.url, nil)
	if err != nil {
		return err
	}
	r.Header = l.shown
	res, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("status %d: %w", res.StatusCode, err)
	}
	return nil
}

// BenchmarkE2E is G4: requests over a real connection, by the processor time of server and
// callers together.
func BenchmarkE2E(b *testing.B) {
	a := newArena(b, 0)
	ours := a.cached(shown)
	ours.name = "ours"
	for _, c := range []contestant{a.bare(), ours} {
		b.Run(fmt.Sprintf("%s/c=%d", c.name, callers), func(b *testing.B) {
			l := newLoopback(b, c)
			b.ResetTimer()
			begun := processor()()
			if err := l.call(b.N); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(processor()()-begun)/float64(b.N), "cpu-ns/op")
		})
	}
}

// serverGoals is G4.
func serverGoals(t *testing.T, b *board) {
	a := newArena(t, 0)
	bare, ours := newLoopback(t, a.bare()), newLoopback(t, a.cached(shown))
	b.report(t, "a request to a server, ours / bare, processor time of server and client", atMost(1.15),
		pair{processor(), 41, side{800, ours.call}, side{800, bare.call}}.ratios(t))
}
