package middleware_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	g := newGuard(t)
	for _, tt := range []struct {
		name  string
		guard func(http.Handler) http.Handler
		want  map[string]int
	}{
		{"permission", g.RequirePermission("a.read"), map[string]int{"": 401, "x": 401, "ann": 200, "bob": 403, "backend": 200}},
		{"permission by wildcard", g.RequirePermission("b.c.d"), map[string]int{"ann": 200, "bob": 403}},
		{"permission not held", g.RequirePermission("c"), map[string]int{"ann": 403, "backend": 200}},
		{"user", g.RequireUser, map[string]int{"": 401, "ann": 200, "bob": 200, "backend": 403}},
		{"role", g.RequireRole("admin"), map[string]int{"": 401, "ann": 200, "bob": 403, "backend": 403}},
		{"any role", g.RequireRole("other", "admin"), map[string]int{"ann": 200, "bob": 403}},
		{"role of a tenant", g.RequireRole("owner"), map[string]int{"ann": 403}},
		{"tenant", g.RequireTenant(func(*http.Request) string { return "t1" }), map[string]int{"": 401, "ann": 200, "bob": 403, "backend": 200}},
		{"no tenant", g.RequireTenant(func(*http.Request) string { return "" }), map[string]int{"ann": 403, "bob": 403, "backend": 403}},
		{"step by step", func(h http.Handler) http.Handler { return g.RequireUser(g.RequirePermission("a.read")(h)) },
			map[string]int{"": 401, "ann": 200, "bob": 403, "backend": 403}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := tt.guard(ok)
			for caller, want := range tt.want {
				var headers []string
				if caller != "" {
					headers = []string{"Authorization: Bearer " + caller}
				}
				w := ask(t, h, "GET", "/", headers...)
				if w.Code != want {
					t.Errorf("%q gets %d, want %d", caller, w.Code, want)
				}
				if want >= 400 && !json.Valid(w.Body.Bytes()) {
					t.Errorf("%q gets %s, want JSON", caller, w.Body)
				}
			}
		})
	}
	if err := g.Err(); err != nil {
		t.Errorf("wiring: %v", err)
	}
}

func TestPathTenant(t *testing.T) {
	t.Parallel()
	g := newGuard(t)
	mux := http.NewServeMux()
	mux.Handle("GET /tenants/{tenant}/reports", g.RequireTenant(middleware.PathTenant("tenant"))(ok))
	for target, want := range map[string]int{"/tenants/t1/reports": 200, "/tenants/t2/reports": 403} {
		if w := ask(t, mux, "GET", target, "Authorization: Bearer ann"); w.Code != want {
			t.Errorf("%s = %d, want %d", target, w.Code, want)
		}
	}
}

func TestAttackGuards(t *testing.T) {
	t.Parallel()
	t.Run("RBAC-21 empty permission", func(t *testing.T) {
		t.Parallel()
		for name, guard := range map[string]func(*middleware.Guard) func(http.Handler) http.Handler{
			"empty":        func(g *middleware.Guard) func(http.Handler) http.Handler { return g.RequirePermission("") },
			"empty more":   func(g *middleware.Guard) func(http.Handler) http.Handler { return g.RequirePermission("a.read", "") },
			"empty of all": func(g *middleware.Guard) func(http.Handler) http.Handler { return g.RequireAll("") },
			"undeclared":   func(g *middleware.Guard) func(http.Handler) http.Handler { return g.RequirePermission("undeclared") },
			"one declared": func(g *middleware.Guard) func(http.Handler) http.Handler {
				return g.RequirePermission("a.read", "undeclared")
			},
			"empty role":    func(g *middleware.Guard) func(http.Handler) http.Handler { return g.RequireRole("") },
			"all declared?": func(g *middleware.Guard) func(http.Handler) http.Handler { return g.RequireAll("a.read", "undeclared") },
		} {
			g := newGuard(t)
			h := guard(g)(ok)
			for _, caller := range []string{"ann", "bob", "backend"} {
				if w := ask(t, h, "GET", "/", "Authorization: Bearer "+caller); w.Code != 403 {
					t.Errorf("%s: %s gets %d, want 403", name, caller, w.Code)
				}
			}
			if g.Err() == nil {
				t.Errorf("%s is not reported", name)
			}
		}
	})
	t.Run("RBAC-22 any and all", func(t *testing.T) {
		t.Parallel()
		g := newGuard(t)
		for name, tt := range map[string]struct {
			guard func(http.Handler) http.Handler
			want  int
		}{
			"any of two, one held":  {g.RequirePermission("c", "a.read"), 200},
			"any of two, none held": {g.RequirePermission("c", "d"), 403},
			"all of two, one held":  {g.RequireAll("a.read", "c"), 403},
			"all of two, both held": {g.RequireAll("a.read", "b.write"), 200},
		} {
			if w := ask(t, tt.guard(ok), "GET", "/", "Authorization: Bearer ann"); w.Code != tt.want {
				t.Errorf("%s = %d, want %d", name, w.Code, tt.want)
			}
		}
	})
	t.Run("RBAC-25 audit of denials", func(t *testing.T) {
		t.Parallel()
		var told []string
		g := newGuard(t, func(c *middleware.Config) {
			c.Denied = func(_ context.Context, by store.Principal, route string) {
				told = append(told, by.ID+" "+by.TenantID+" "+route)
			}
		})
		mux := http.NewServeMux()
		mux.Handle("GET /reports/{id}", g.RequirePermission("c")(ok))
		ask(t, mux, "GET", "/reports/secret?token=secret", "Authorization: Bearer ann")
		ask(t, mux, "GET", "/reports/secret", "Authorization: Bearer x")
		if len(told) != 1 || told[0] != "ann t1 GET /reports/{id}" {
			t.Errorf("told %q", told)
		}
	})
}

func TestLoginRedirect(t *testing.T) {
	t.Parallel()
	g := newGuard(t, func(c *middleware.Config) { c.LoginURL = "/account/login" })
	for _, tt := range []struct {
		name, method, target string
		headers              []string
		want                 int
		location             string
	}{
		{"page", "GET", "/reports?a=1&b=2", []string{"Accept: text/html,*/*"}, 303, "/account/login?next=%2Freports%3Fa%3D1%26b%3D2"},
		{"with an old cookie", "GET", "/r", []string{"Accept: text/html", "Cookie: __Host-identity=old"}, 303, "/account/login?next=%2Fr"},
		{"program", "GET", "/reports", []string{"Accept: application/json"}, 401, ""},
		{"form", "POST", "/reports", []string{"Accept: text/html"}, 401, ""},
		{"may not", "GET", "/reports", []string{"Accept: text/html", "Authorization: Bearer bob"}, 403, ""},
		{"not checked", "GET", "/reports", []string{"Accept: text/html", "Authorization: Bearer late"}, 503, ""},
		{"ML-06 another host", "GET", "//evil.example/x", []string{"Accept: text/html"}, 401, ""},
		{"ML-06 a backslash", "GET", `/\evil.example/x`, []string{"Accept: text/html"}, 303, "/account/login?next=%2F%255Cevil.example%2Fx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, g.RequirePermission("a.read")(ok), tt.method, tt.target, tt.headers...)
			if w.Code != tt.want || w.Header().Get("Location") != tt.location {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Header().Get("Location"), tt.want, tt.location)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
		})
	}
}

// TestFailures checks that what a caller must not see is in the log, once.
func TestFailures(t *testing.T) {
	t.Parallel()
	j := &journal{}
	g := newGuard(t, func(c *middleware.Config) { c.Log = slog.New(slog.NewTextHandler(j, nil)) })
	w := ask(t, g.RequireUser(ok), "GET", "/x?token=hush", "Authorization: Bearer down")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if text := j.String(); strings.Count(text, "secret text") != 1 || strings.Contains(text, "hush") {
		t.Errorf("the log is %s", text)
	}
	late := ask(t, g.RequireUser(ok), "GET", "/", "Authorization: Bearer late")
	if late.Code != 503 || late.Header().Get("Retry-After") != "3" {
		t.Errorf("got %d, Retry-After %q", late.Code, late.Header().Get("Retry-After"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := newGuard(t, func(c *middleware.Config) {
		c.Log = slog.New(slog.NewTextHandler(j, nil))
		c.Resolve = func(ctx context.Context, _ middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			return nil, middleware.Renewal{}, ctx.Err()
		}
	})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gone.RequireUser(ok).ServeHTTP(w, r.WithContext(ctx)) })
	if w := ask(t, h, "GET", "/", "Authorization: Bearer ann"); w.Code != 503 || strings.Count(j.String(), "level=ERROR") != 1 {
		t.Errorf("a caller that left: %d, log %s", w.Code, j)
	}
}
