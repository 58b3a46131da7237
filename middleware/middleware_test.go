package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	p, _ := middleware.PrincipalFrom(r.Context())
	w.Header().Set("X-Caller", p.ID)
})

// A journal is a log that a test reads.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// callers are whom the credentials of these tests stand for.
func callers() map[string]*store.Principal {
	return map[string]*store.Principal{
		"ann": {
			Kind: store.UserKind, ID: "ann", UserID: "ann", TenantID: "t1",
			Roles:  []store.RoleRef{{Key: "admin"}, {Key: "owner", TenantID: "t1"}},
			Rights: store.NewPermissionSet([]store.Permission{"a.read", "b.*"}),
		},
		"bob":     {Kind: store.UserKind, ID: "bob", UserID: "bob", TenantID: "t2"},
		"backend": {Kind: store.ManagementKind, ID: "backend"},
	}
}

var errDown = errors.New("secret text: the store is down")

// resolve knows the callers. The credential "down" fails, "late" cannot be checked.
func resolve(all map[string]*store.Principal) func(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
	return func(_ context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
		switch shown := c.Bearer + c.Cookie; {
		case shown == "down":
			return nil, middleware.Renewal{}, errDown
		case shown == "late":
			return nil, middleware.Renewal{}, fault.Retry(fault.Unavailable, "later", 3*time.Second)
		case all[shown] != nil:
			return all[shown], middleware.Renewal{}, nil
		}
		return nil, middleware.Renewal{}, fault.New(fault.Unauthenticated, "", "the token does not hold")
	}
}

func newGuard(t testing.TB, change ...func(*middleware.Config)) *middleware.Guard {
	t.Helper()
	c := middleware.Config{
		Resolve: resolve(callers()), Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Origins:  []string{"https://app.example.com"},
		Declared: func(k store.Permission) bool { return k != "undeclared" },
	}
	for _, f := range change {
		f(&c)
	}
	g, err := middleware.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ask sends one request. Headers come as "Name: value".
func ask(t testing.TB, h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
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

func TestCredentials(t *testing.T) {
	t.Parallel()
	g := newGuard(t)
	guarded := g.RequireUser(ok)
	for _, tt := range []struct {
		name    string
		headers []string
		want    int
		caller  string
	}{
		{"none", nil, 401, ""},
		{"bearer", []string{"Authorization: Bearer ann"}, 200, "ann"},
		{"scheme in any case", []string{"Authorization: bEARER ann"}, 200, "ann"},
		{"more space", []string{"Authorization: Bearer   ann"}, 200, "ann"},
		{"no token", []string{"Authorization: Bearer "}, 401, ""},
		{"no token and no space", []string{"Authorization: Bearer"}, 401, ""},
		{"no token but a cookie", []string{"Authorization: Bearer", "Cookie: __Host-identity=ann"}, 401, ""},
		{"another scheme", []string{"Authorization: Basic YTpi"}, 401, ""},
		{"another scheme and a token", []string{"Authorization: Basic YTpi", "x-access-token: ann"}, 200, "ann"},
		{"a scheme that begins alike", []string{"Authorization: BearerX ann", "x-access-token: bob"}, 200, "bob"},
		{"two bearers", []string{"Authorization: Bearer ann", "Authorization: Bearer ann"}, 400, ""},
		{"bearer before token", []string{"Authorization: Bearer ann", "x-access-token: bob"}, 200, "ann"},
		{"bad bearer before token", []string{"Authorization: Bearer x", "x-access-token: bob"}, 401, ""},
		{"token", []string{"x-access-token: bob"}, 200, "bob"},
		{"two tokens", []string{"x-access-token: bob", "x-access-token: bob"}, 400, ""},
		{"empty token", []string{"x-access-token: "}, 401, ""},
		{"token before cookie", []string{"x-access-token: bob", "Cookie: __Host-identity=ann"}, 200, "bob"},
		{"cookie", []string{"Cookie: a=b; __Host-identity=ann; c=d"}, 200, "ann"},
		{"cookie twice and equal", []string{"Cookie: __Host-identity=ann; __Host-identity=ann"}, 200, "ann"},
		{"empty cookie", []string{"Cookie: __Host-identity="}, 401, ""},
		{"not checked", []string{"Authorization: Bearer late"}, 503, ""},
		{"failed", []string{"Authorization: Bearer down"}, 500, ""},
		{"not a user", []string{"Authorization: Bearer backend"}, 403, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for name, h := range map[string]http.Handler{"alone": guarded, "authenticated before": g.Authenticate(guarded)} {
				w := ask(t, h, "GET", "/", tt.headers...)
				if w.Code != tt.want || w.Header().Get("X-Caller") != tt.caller {
					t.Errorf("%s: got %d %q, want %d %q", name, w.Code, w.Header().Get("X-Caller"), tt.want, tt.caller)
				}
			}
		})
	}
}

// TestOnce checks that a request is authenticated once, however many guards it meets.
func TestOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	inner := resolve(callers())
	g := newGuard(t, func(c *middleware.Config) {
		c.Resolve = func(ctx context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			calls.Add(1)
			return inner(ctx, c)
		}
	})
	h := g.Authenticate(g.RequireUser(g.Authenticate(g.RequirePermission("a.read")(g.RequireRole("admin")(ok)))))
	if w := ask(t, h, "GET", "/", "Authorization: Bearer ann"); w.Code != 200 || calls.Load() != 1 {
		t.Errorf("status %d after %d look-ups, want 200 after 1", w.Code, calls.Load())
	}
	if w := ask(t, h, "GET", "/", "Authorization: Bearer x"); w.Code != 401 || calls.Load() != 2 {
		t.Errorf("status %d after %d look-ups, want 401 after 2", w.Code, calls.Load())
	}
}

func TestAttackContext(t *testing.T) {
	t.Parallel()
	t.Run("OPS-13 context values", func(t *testing.T) {
		t.Parallel()
		type key struct{}
		g, other := newGuard(t), newGuard(t, func(c *middleware.Config) {
			c.Resolve = resolve(map[string]*store.Principal{"ann": {Kind: store.UserKind, ID: "another ann"}})
		})
		var seen string
		inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			p, _ := middleware.PrincipalFrom(r.Context())
			seen = p.ID
			if r.Context().Value(key{}) != "host" {
				t.Error("the host's value is lost")
			}
		})
		host := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx := context.WithValue(r.Context(), key{}, "host")
				//lint:ignore SA1029 a careless host does this
				ctx = context.WithValue(ctx, "principal", store.System())
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		}
		ask(t, host(g.RequireUser(inner)), "GET", "/", "Authorization: Bearer ann", "X-Principal: root")
		if seen != "ann" {
			t.Errorf("the caller is %q, want ann", seen)
		}
		ask(t, g.Authenticate(host(other.RequireUser(inner))), "GET", "/", "Authorization: Bearer ann")
		if seen != "another ann" {
			t.Errorf("a guard took another's word: %q", seen)
		}
	})
	t.Run("OPS-14 missing middleware", func(t *testing.T) {
		t.Parallel()
		p, signedIn := middleware.PrincipalFrom(t.Context())
		if signedIn || p.Kind != store.Anyone || p.ID != "" || p.Can("a.read") {
			t.Errorf("got %+v %t, want nobody", p, signedIn)
		}
		g := newGuard(t)
		h := g.Authenticate(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			p, signedIn := middleware.PrincipalFrom(r.Context())
			if signedIn || p.Kind != store.Anyone || p.ID != "" || p.IP != "192.0.2.1" {
				t.Errorf("got %+v %t, want nobody at 192.0.2.1", p, signedIn)
			}
		}))
		ask(t, h, "GET", "/", "Authorization: Bearer x")
	})
	t.Run("OPS-12 host middleware order", func(t *testing.T) {
		t.Parallel()
		g := newGuard(t)
		h := http.TimeoutHandler(g.Authenticate(bare(g.RequireUser(ok))), time.Minute, "late")
		if w := ask(t, h, "GET", "/", "Authorization: Bearer ann"); w.Code != 200 {
			t.Errorf("got %d, want 200", w.Code)
		}
		if w := ask(t, bare(http.MaxBytesHandler(h, 10)), "GET", "/"); w.Code != 401 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("got %d %s, want 401 in JSON", w.Code, w.Body)
		}
	})
}

// bare hides what a ResponseWriter can do besides writing.
func bare(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	g := newGuard(t, func(c *middleware.Config) {
		c.Now = func() time.Time { return at }
		c.Resolve = func(_ context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
			return callers()["ann"], middleware.Renewal{Until: at.Add(time.Hour)}, nil
		}
	})
	t.Run("SES-08 session cookie flags", func(t *testing.T) {
		t.Parallel()
		w := ask(t, g.RequireUser(ok), "GET", "/", "Cookie: __Host-identity=abc")
		want := "__Host-identity=abc; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("Set-Cookie %q, want %q", got, want)
		}
	})
	t.Run("a bearer token sets no cookie", func(t *testing.T) {
		t.Parallel()
		if w := ask(t, g.RequireUser(ok), "GET", "/", "Authorization: Bearer abc"); w.Header().Get("Set-Cookie") != "" {
			t.Errorf("Set-Cookie %q", w.Header().Get("Set-Cookie"))
		}
	})
}

func TestAttackCookie(t *testing.T) {
	t.Parallel()
	t.Run("SES-10 plain http", func(t *testing.T) {
		t.Parallel()
		for _, c := range []*http.Cookie{
			middleware.SessionCookie("abc", time.Hour), middleware.SessionCookie("", 0), middleware.HostCookie("__Host-x", "abc", time.Hour),
		} {
			if !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
				t.Errorf("%v would be sent over plain http, or from a subdomain", c)
			}
		}
	})
	t.Run("SES-14 control characters in a cookie", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{"a\r\nSet-Cookie: x=y", "a\x00b", "a;b", "a,b c", `a"b`, "é"} {
			w := httptest.NewRecorder()
			http.SetCookie(w, middleware.SessionCookie(value, time.Hour))
			got := w.Header().Values("Set-Cookie")
			if len(got) > 1 || len(got) == 1 && !strings.HasPrefix(got[0], "__Host-identity=; ") {
				t.Errorf("%q is sent as %q", value, got)
			}
		}
	})
	t.Run("SES-13 a renewed cookie stays small", func(t *testing.T) {
		t.Parallel()
		roles := make([]store.RoleRef, 500)
		g := newGuard(t, func(c *middleware.Config) {
			c.Resolve = func(context.Context, middleware.Credential) (*store.Principal, middleware.Renewal, error) {
				p := &store.Principal{Kind: store.UserKind, ID: "ann", Roles: roles}
				return p, middleware.Renewal{Until: time.Now().Add(time.Hour)}, nil
			}
		})
		w := ask(t, g.RequireUser(ok), "GET", "/", "Cookie: __Host-identity=abc")
		if got := w.Header().Get("Set-Cookie"); len(got) > 128 {
			t.Errorf("the cookie of a user with 500 roles has %d bytes: %s", len(got), got)
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	base := middleware.Config{Resolve: resolve(nil), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if _, err := middleware.New(base); err != nil {
		t.Fatal(err)
	}
	for _, origin := range []string{
		"*", "https://*", "https://*.example.com", "null", "", "example.com", "//example.com", "https://", "https://example.com/",
		"https://example.com/app", "https://example.com?x", "https://example.com#x", "https://u@example.com", "ftp://example.com",
		"HTTPS://example.com", "https://Example.com", "https://example.com ", "file:///", "https://exa mple.com", "https://[::1",
	} {
		t.Run("OPS-17 origin "+origin, func(t *testing.T) {
			t.Parallel()
			c := base
			c.Origins = []string{"https://good.example", origin}
			if _, err := middleware.New(c); err == nil {
				t.Errorf("%q is accepted", origin)
			}
		})
	}
	for _, login := range []string{"login", "javascript:alert(1)", "http://example.com/login"} {
		c := base
		c.LoginURL = login
		if _, err := middleware.New(c); err == nil {
			t.Errorf("login URL %q is accepted", login)
		}
	}
	_, err := middleware.New(middleware.Config{Origins: []string{"*", "x"}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three mistakes", err)
	}
}

func TestAttackAddress(t *testing.T) {
	t.Parallel()
	g := newGuard(t, func(c *middleware.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	})
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"LCK-08 no proxy", "203.0.113.9:1234", nil, "203.0.113.9"},
		{"LCK-08 not trusted", "203.0.113.9:1234", []string{"1.2.3.4"}, "203.0.113.9"},
		{"LCK-08 one hop", "10.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"LCK-08 evil, real", "10.0.0.1:1", []string{"6.6.6.6, 198.51.100.7"}, "198.51.100.7"},
		{"LCK-08 two hops", "10.0.0.1:1", []string{"6.6.6.6, 198.51.100.7, 10.9.9.9"}, "198.51.100.7"},
		{"LCK-08 two headers", "10.0.0.1:1", []string{"6.6.6.6", "198.51.100.7"}, "198.51.100.7"},
		{"LCK-08 all trusted", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"LCK-08 port", "10.0.0.1:1", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"LCK-08 v6 with port and zone", "[fd00::1]:1", []string{"[2001:db8::7%eth0]:4711"}, "2001:db8::7"},
		{"LCK-08 v6 with zone", "[fd00::1]:1", []string{"[2001:db8::7%eth0]:4711"}, "2001:db8::7"},
		{"LCK-08 v6 in brackets", "[fd00::1]:1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"LCK-08 peer with zone", "[fe80::1%eth0]:1", nil, "fe80::1"},
		{"LCK-08 garbage", "10.0.0.1:1", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"LCK-08 garbage behind a proxy", "10.0.0.1:1", []string{"' or 1=1, 10.0.0.2"}, "10.0.0.1"},
		{"LCK-08 empty", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"LCK-08 200 elements", "10.0.0.1:1", []string{strings.Repeat("6.6.6.6, ", 200) + "198.51.100.7"}, "198.51.100.7"},
		{"LCK-08 200 trusted elements", "10.0.0.1:1", []string{"6.6.6.6, " + strings.Repeat("10.0.0.2, ", 200) + "10.0.0.3"}, "10.0.0.1"},
		{"LCK-08 no address at all", "@", nil, ""},
		{"LCK-10 mapped peer", "[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"LCK-10 mapped proxy", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r.RemoteAddr = tt.peer
			for _, line := range tt.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			r.Header.Set("Forwarded", "for=6.6.6.6")
			r.Header.Set("X-Real-IP", "6.6.6.6")
			if got := g.AddressOf(r); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			g.Authenticate(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				r.Header.Set("X-Forwarded-For", "6.6.6.6") // another middleware's idea, too late
				r.RemoteAddr = "6.6.6.6:1"
				if p, _ := middleware.PrincipalFrom(r.Context()); p.IP != tt.want {
					t.Errorf("the caller's address is %q, want %q", p.IP, tt.want)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	g := newGuard(t)
	for _, agent := range []string{"a\xffb", "a\x00b", strings.Repeat("é", 600)} {
		h := g.Authenticate(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			p, _ := middleware.PrincipalFrom(r.Context())
			if !store.Storable(p.UserAgent) || len(p.UserAgent) > 520 || p.UserAgent == "" {
				t.Errorf("user agent %q cannot be kept", p.UserAgent)
			}
		}))
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header["User-Agent"] = []string{agent}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
