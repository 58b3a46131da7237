package handlers_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A target is the API with its limits on and a clock that stands still.
type target struct {
	api    http.Handler
	hasher *password.Hasher
}

func newTarget(t *testing.T) target {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	now, quiet := func() time.Time { return at }, slog.New(slog.DiscardHandler)
	svc, err := service.New(t.Context(), service.Config{
		Store: db, Now: now, Log: quiet, Ring: ring, Hasher: hasher, BaseURL: "https://app.example", Algorithm: "EdDSA", MaxToken: 7168,
		Send:    func(context.Context, store.Message) error { return nil },
		Lockout: store.AttemptLimit{Max: 5, Window: time.Hour, Lock: time.Hour},
		Session: service.SessionPolicy{Idle: time.Hour, Absolute: time.Hour, RevocationLag: time.Second, AccessToken: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := middleware.New(middleware.Config{
		Resolve: (&face{}).resolve, Log: quiet, Now: now, Limiter: middleware.NewLimiter(now, middleware.Rates()),
	})
	if err != nil {
		t.Fatal(err)
	}
	api, err := handlers.New(handlers.Config{Services: svc, Guard: g, Log: quiet, Now: now, BaseURL: "https://app.example"})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := svc.Tenants.Create(t.Context(), store.System(), service.NewTenant{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range victims() {
		u, err := svc.Users.Create(t.Context(), store.System(), service.NewUser{Email: name, Password: wholePassword, TenantID: tenant.ID})
		if err == nil {
			err = svc.Users.Verify(t.Context(), store.System(), u.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return target{api, hasher}
}

func victims() []string {
	return []string{"user0@acme.example", "user500@acme.example", "user9999@acme.example"}
}

// login tries a password from an address.
func (s target) login(t *testing.T, address, email, pass string) int {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, pass)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "https://app.example/identity/resources/auth/v1/user", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w.Code
}

func TestAttackSpray(t *testing.T) {
	t.Parallel()
	const accounts, most = 10_000, 1000
	for _, from := range []struct {
		name, form string // the form of an address in it
		n          int
		next       string // an address of the network beside it
	}{
		{"a /24", "203.0.113.%d:1234", 256, "203.0.112.1:1234"},
		{"a /48", "[2001:db8:1:%x::1]:1234", 1 << 16, "[2001:db8:2:1::1]:1234"},
	} {
		t.Run("LCK-11 one password for 10,000 accounts from "+from.name, func(t *testing.T) {
			t.Parallel()
			s := newTarget(t)
			before, got := s.hasher.Runs(), map[int]int{}
			for i := range accounts {
				got[s.login(t, fmt.Sprintf(from.form, i%from.n), fmt.Sprintf("user%d@acme.example", i), "Winter2026! Winter2026!")]++
			}
			if got[http.StatusUnauthorized] > most || got[http.StatusUnauthorized]+got[http.StatusTooManyRequests] != accounts {
				t.Errorf("answers %v, want at most %d times 401 and 429 for the rest", got, most)
			}
			if n := s.hasher.Runs() - before; n > most {
				t.Errorf("%d passwords were checked, want at most %d", n, most)
			}
			for _, email := range victims() {
				if code := s.login(t, from.next, email, wholePassword); code != http.StatusOK {
					t.Errorf("the owner of %s, from the network beside it = %d, want 200", email, code)
				}
			}
		})
	}
	t.Run("LCK-11 a neighbour who calls too often takes nobody's share", func(t *testing.T) {
		t.Parallel()
		s := newTarget(t)
		for i := range 2 * most {
			s.login(t, "203.0.113.7:1234", fmt.Sprintf("user%d@acme.example", i), "Winter2026! Winter2026!")
		}
		if code := s.login(t, "203.0.113.8:1234", victims()[0], wholePassword); code != http.StatusOK {
			t.Errorf("the neighbour = %d, want 200", code)
		}
	})
}
