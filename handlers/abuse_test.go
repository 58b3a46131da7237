package handlers_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

func TestAttackAbort(t *testing.T) {
	t.Parallel()
	a, log := newSample(t)
	t.Run("HTTP-21 client abort", func(t *testing.T) {
		t.Parallel()
		left := make(chan int, 1)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { left <- 1 }()
			a.ServeHTTP(w, r)
		}))
		t.Cleanup(srv.Close)
		for _, row := range a.Routes() {
			path := strings.NewReplacer("{how}", "x", "{thingId}", "x", "{tenantId}", "t1").Replace(row.Path)
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nX-Access-Token: backend\r\n"+
				"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"name\":", row.Method, path)
			_ = conn.Close()
			select {
			case <-left:
			case <-time.After(time.Minute):
				t.Fatalf("%s %s still runs", row.Method, path)
			}
		}
		if text := log.String(); strings.Contains(text, "level=ERROR") {
			t.Errorf("clients that left are in the log as errors: %s", text)
		}
	})
}

func TestAttackGoroutines(t *testing.T) { // not parallel: it counts the goroutines of the process
	most := 0
	a, _ := newSample(t, func(c *middleware.Config) {
		c.Resolve = func(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			most = max(most, runtime.NumGoroutine())
			return nil, middleware.Renewal{}, fault.New(fault.Unauthenticated, "", "no")
		}
	})
	t.Run("HTTP-24 no goroutines of our own", func(t *testing.T) {
		before := runtime.NumGoroutine()
		for range 1000 {
			ask(t, a, "GET", "/identity/resources/me/v1", "", "Authorization: Bearer x")
			ask(t, a, "POST", echo, `{"name":"n"}`)
		}
		if after := runtime.NumGoroutine(); most > before || after > before {
			t.Errorf("%d goroutines before, %d during, %d after", before, most, after)
		}
	})
	t.Run("HTTP-24 10,000 headers", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(a)
		srv.EnableHTTP2 = true
		srv.StartTLS()
		defer srv.Close()
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/identity/resources/nil/v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10_000 {
			r.Header.Set(fmt.Sprintf("X-%d", i), strings.Repeat("v", 100))
		}
		if res, err := srv.Client().Do(r); err == nil {
			_ = res.Body.Close()
			if res.StatusCode < 400 {
				t.Errorf("got %d, want a refusal", res.StatusCode)
			}
		}
		srv.Client().CloseIdleConnections()
		res, err := srv.Client().Get(srv.URL + "/identity/resources/nil/v1")
		if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 {
			t.Fatalf("afterwards: %v %v", res, err)
		}
		_ = res.Body.Close()
	})
}
