package routertest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

type guard = func(http.Handler) http.Handler

// A router serves GET and POST /t/{tenant}/reports behind guards, the first of them for
// all routes.
type router func(first guard, guards []guard, h http.Handler) http.Handler

func routers() map[string]router {
	return map[string]router{"http.ServeMux": mux, "chi": chiRouter, "gin": ginRouter, "echo": echoRouter}
}

func mux(first guard, guards []guard, h http.Handler) http.Handler {
	m := http.NewServeMux()
	for i := len(guards) - 1; i >= 0; i-- {
		h = guards[i](h)
	}
	m.Handle("/t/{tenant}/reports", h)
	return first(m)
}

func chiRouter(first guard, guards []guard, h http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(first)
	for _, method := range []string{"GET", "POST"} {
		r.With(guards...).Method(method, "/t/{tenant}/reports", h)
	}
	return r
}

func ginRouter(first guard, guards []guard, h http.Handler) http.Handler {
	gin.SetMode(gin.TestMode)
	e := gin.New()
	e.Use(forGin(first))
	var chain []gin.HandlerFunc
	for _, g := range guards {
		chain = append(chain, forGin(g))
	}
	chain = append(chain, gin.WrapH(h))
	e.GET("/t/:tenant/reports", chain...)
	e.POST("/t/:tenant/reports", chain...)
	return e
}

// forGin makes a gin handler of a guard. The path parameters go into the request, where
// middleware.PathTenant finds them.
func forGin(g guard) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		for _, p := range c.Params {
			c.Request.SetPathValue(p.Key, p.Value)
		}
		g(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}

func echoRouter(first guard, guards []guard, h http.Handler) http.Handler {
	e := echo.New()
	e.Use(echo.WrapMiddleware(first))
	var chain []echo.MiddlewareFunc
	for _, g := range guards {
		chain = append(chain, pathValues, echo.WrapMiddleware(g))
	}
	e.GET("/t/:tenant/reports", echo.WrapHandler(h), chain...)
	e.POST("/t/:tenant/reports", echo.WrapHandler(h), chain...)
	return e
}

// pathValues puts echo's path parameters into the request.
func pathValues(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, name := range c.ParamNames() {
			c.Request().SetPathValue(name, c.Param(name))
		}
		return next(c)
	}
}

func newGuard(t *testing.T) *middleware.Guard {
	t.Helper()
	callers := map[string]*store.Principal{
		"ann": {
			Kind: store.UserKind, ID: "ann", UserID: "ann", TenantID: "t1",
			Rights: store.NewPermissionSet([]store.Permission{"reports.*"}),
		},
		"bob": {Kind: store.UserKind, ID: "bob", UserID: "bob", TenantID: "t1"},
	}
	g, err := middleware.New(middleware.Config{
		Resolve: func(_ context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			if p := callers[c.Bearer+c.Cookie]; p != nil {
				return p, middleware.Renewal{}, nil
			}
			return nil, middleware.Renewal{}, store.ErrNotFound
		},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestRouters(t *testing.T) {
	t.Parallel()
	const bearer, cookie = "Authorization: Bearer ", "Cookie: __Host-identity="
	for name, build := range routers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuard(t)
			answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p, _ := middleware.PrincipalFrom(r.Context())
				_, _ = w.Write([]byte("hello " + p.ID))
			})
			guards := []guard{g.RequirePermission("reports.read"), g.RequireTenant(middleware.PathTenant("tenant"))}
			plain := func(next http.Handler) http.Handler { return next }
			for kind, h := range map[string]http.Handler{
				"authenticated for all routes": build(g.Authenticate, guards, answer),
				"by the guards alone":          build(plain, guards, answer),
			} {
				for _, tt := range []struct {
					name, method, target string
					headers              []string
					want                 int
					body                 string
				}{
					{"nobody", "GET", "/t/t1/reports", nil, 401, `"unauthenticated"`},
					{"may", "GET", "/t/t1/reports", []string{bearer + "ann"}, 200, "hello ann"},
					{"may by cookie", "GET", "/t/t1/reports", []string{cookie + "ann"}, 200, "hello ann"},
					{"may not", "GET", "/t/t1/reports", []string{bearer + "bob"}, 403, "reports.read"},
					{"another tenant", "GET", "/t/t2/reports", []string{bearer + "ann"}, 403, "tenant"},
					{"from another site", "POST", "/t/t1/reports", []string{cookie + "ann", "Sec-Fetch-Site: cross-site"}, 403, "cross-origin"},
					{"from this site", "POST", "/t/t1/reports", []string{cookie + "ann", "Sec-Fetch-Site: same-origin"}, 200, "hello ann"},
				} {
					w := ask(t, h, tt.method, tt.target, tt.headers...)
					if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.body) {
						t.Errorf("%s, %s: got %d %s, want %d with %s", kind, tt.name, w.Code, w.Body, tt.want, tt.body)
					}
				}
			}
		})
	}
}

func ask(t *testing.T, h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
