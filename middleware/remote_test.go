package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

func TestRemote(t *testing.T) {
	t.Parallel()
	known := &store.Principal{
		Kind: store.UserKind, ID: "u", UserID: "u", TenantID: "t", Rights: store.NewPermissionSet([]store.Permission{"reports.*"}),
	}
	g, err := middleware.New(middleware.Config{
		Resolve: middleware.Remote(func(_ context.Context, raw string) (*store.Principal, error) {
			switch raw {
			case "good":
				return known, nil
			case "down":
				return nil, fault.Retry(fault.Unavailable, "tokens cannot be checked now", time.Second)
			}
			return nil, fault.New(fault.Unauthenticated, "", "sign in first")
		}),
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := g.RequirePermission("reports.read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := middleware.PrincipalFrom(r.Context())
		_, _ = w.Write([]byte(p.UserID + "@" + p.TenantID))
	}))
	for _, tt := range []struct {
		name, header, value, body string
		status                    int
	}{
		{"bearer", "Authorization", "Bearer good", "u@t", 200},
		{"published clients' header", "X-Access-Token", "good", "u@t", 200},
		{"nothing", "X", "", "", 401},
		{"JWT-05 another token", "Authorization", "Bearer bad", "", 401},
		{"a cookie says nothing here", "Cookie", middleware.SessionCookieName + "=good", "", 401},
		{"no keys", "Authorization", "Bearer down", "", 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/reports", nil)
			r.Header.Set(tt.header, tt.value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || tt.body != "" && w.Body.String() != tt.body {
				t.Errorf("GET = %d %s, want %d %s", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
}

func TestFetchKeys(t *testing.T) {
	t.Parallel()
	const keys = `{"keys":[]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/keys":
			_, _ = w.Write([]byte(keys))
		case "/moved":
			http.Redirect(w, r, "/keys", http.StatusFound)
		case "/huge":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20+1))
		case "/slow":
			<-r.Context().Done()
		default:
			http.Error(w, "no", http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	got, err := middleware.FetchKeys(s.Client(), s.URL+"/keys")(t.Context())
	if err != nil || string(got) != keys {
		t.Errorf("FetchKeys = %s, %v, want the keys", got, err)
	}
	for name, address := range map[string]string{
		"SSRF-05 a redirect": s.URL + "/moved", "SSRF-12 too much": s.URL + "/huge", "an error": s.URL + "/500",
		"plain http": "http://id.example.com/keys", "a file": "file:///etc/passwd", "nothing": "", "no URL": "https://\x7f",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := middleware.FetchKeys(s.Client(), address)(t.Context()); err == nil {
				t.Errorf("FetchKeys(%s) = %.40s, want an error", address, got)
			}
		})
	}
	t.Run("no client", func(t *testing.T) {
		t.Parallel()
		if got, err := middleware.FetchKeys(nil, s.URL+"/keys")(t.Context()); err == nil {
			t.Errorf("FetchKeys = %s, want an error", got)
		}
	})
	t.Run("SSRF-12 a slow answer ends with the context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := middleware.FetchKeys(s.Client(), s.URL+"/slow")(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("FetchKeys = %v, want %v", err, context.Canceled)
		}
	})
	if c := s.Client(); c.CheckRedirect != nil {
		t.Error("FetchKeys changed the host's client")
	}
}
