package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/store/sqlite"
)

// settled waits until at most n goroutines are left: those that end need a moment.
func settled(n int) int {
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > n && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	return runtime.NumGoroutine()
}

// untouchable is a transport that nobody may use.
type untouchable struct{ used atomic.Int64 }

func (f *untouchable) RoundTrip(*http.Request) (*http.Response, error) {
	f.used.Add(1)
	return nil, errors.New("the default client is the host's")
}

func TestAttackInstances(t *testing.T) { // not parallel: it counts the goroutines of the process
	transport, client, mux := http.DefaultTransport, http.DefaultClient, http.DefaultServeMux
	none := &untouchable{}
	http.DefaultTransport, http.DefaultClient = none, &http.Client{Transport: none}
	t.Cleanup(func() { http.DefaultTransport, http.DefaultClient = transport, client })
	logger := slog.Default()
	times := 100
	if os.Getenv("IDENTITY_REQUIRE") != "" {
		times = 1000 // where the build decides
	}
	one := func(t *testing.T) {
		t.Helper()
		db, err := sqlite.Open(t.Context(), ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		opened := runtime.NumGoroutine()
		id, err := identity.New(t.Context(), identity.Options{
			Store: db, Logger: slog.New(slog.DiscardHandler), Token: identity.TokenOptions{Algorithm: "EdDSA"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := settled(opened); n > opened {
			t.Fatalf("New left %d goroutines: %s", n-opened, stacks())
		}
		id.Mount(http.NewServeMux())
		w := httptest.NewRecorder()
		id.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/.well-known/jwks.json", nil))
		if err := errors.Join(id.Close(), id.Close()); err != nil || w.Code != http.StatusOK {
			t.Fatalf("close twice after %d: %v", w.Code, err)
		}
	}
	t.Run("OPS-10 a thousand times", func(t *testing.T) {
		one(t) // what is made once is made now
		before := runtime.NumGoroutine()
		for n := 0; n < times && !t.Failed(); n++ {
			one(t)
		}
		if after := settled(before); after > before {
			t.Errorf("%d goroutines after %d instances, %d before: %s", after, times, before, stacks())
		}
	})
	t.Run("OPS-10 nothing global", func(t *testing.T) {
		if n := none.used.Load(); n != 0 {
			t.Errorf("the default client was used %d times", n)
		}
		if http.DefaultServeMux != mux || slog.Default() != logger {
			t.Error("a default was replaced")
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/account/login", nil)
		if _, pattern := http.DefaultServeMux.Handler(r); pattern != "" {
			t.Errorf("the default mux has %s", pattern)
		}
	})
}

func stacks() string {
	text := make([]byte, 1<<16)
	return string(text[:runtime.Stack(text, true)])
}

func TestAttackShutdown(t *testing.T) {
	t.Parallel()
	t.Run("OPS-09 a message that leaves is awaited, and leaves once", func(t *testing.T) {
		t.Parallel()
		leaving, leave := make(chan struct{}), make(chan struct{})
		var sent atomic.Int64
		h := newHome(t, verified, func(o *identity.Options) {
			o.Send = func(context.Context, identity.Message) error {
				if sent.Add(1) == 1 {
					close(leaving)
				}
				<-leave
				return nil
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		h.told(t, http.StatusOK, "POST", signUpPath, newcomer("ann@acme.example"))
		<-leaving
		stop()
		select {
		case err := <-done:
			t.Fatalf("Run returned %v while a message was leaving", err)
		default:
		}
		close(leave)
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		again, end := context.WithCancel(t.Context())
		go func() { done <- h.Run(again) }()
		h.told(t, http.StatusOK, "POST", signUpPath, newcomer("bob@acme.example"))
		for n := 1; n > 0; {
			var err error
			if n, _, err = h.db.WaitingMessages(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		end()
		<-done
		if n := sent.Load(); n != 2 {
			t.Errorf("two messages left %d times", n)
		}
	})
	t.Run("OPS-09 nothing new is sent once it ends", func(t *testing.T) {
		t.Parallel()
		h := newHome(t, verified)
		h.told(t, http.StatusOK, "POST", signUpPath, newcomer("ann@acme.example"))
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := h.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		if n := len(h.mail.messages()); n != 0 {
			t.Errorf("%d messages left after the end", n)
		}
		if n, _, err := h.db.WaitingMessages(t.Context()); err != nil || n != 1 {
			t.Errorf("%d messages wait, %v; want 1", n, err)
		}
	})
	t.Run("OPS-09 close twice, and under requests", func(t *testing.T) {
		t.Parallel()
		h := newHome(t)
		login := h.signUp(t, "ann@acme.example")
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[int]int{}
		begun := make(chan struct{}, 100)
		for range 8 {
			wg.Go(func() {
				for range 10 {
					w := h.ask(t, "GET", mePath, nil, bearer(login))
					begun <- struct{}{}
					mu.Lock()
					got[w.Code]++
					mu.Unlock()
				}
			})
		}
		<-begun
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { errs[i] = h.Close() })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Errorf("Close = %v", err)
		}
		for code := range got {
			if code != http.StatusOK && code != http.StatusServiceUnavailable && code != http.StatusInternalServerError {
				t.Errorf("answers %v, want 200, and 500 or 503 once it is closed", got)
			}
		}
		if strings.Contains(h.log.String(), "panic") {
			t.Errorf("a request panicked: %s", h.log)
		}
	})
}
