package middleware_test

import (
	"net/http"
	"testing"
)

func TestAttackOrigin(t *testing.T) {
	t.Parallel()
	g := newGuard(t)
	guarded := g.RequireUser(ok)
	setter := g.RequireSameOrigin(ok)
	for _, tt := range []struct {
		name   string
		header string
		want   int
	}{
		{"evil origin", "Origin: https://evil.example", 403},
		{"null origin", "Origin: null", 403},
		{"subdomain", "Origin: https://x.example.com", 403},
		{"cross-site", "Sec-Fetch-Site: cross-site", 403},
		{"same-site", "Sec-Fetch-Site: same-site", 403},
		{"same-origin", "Sec-Fetch-Site: same-origin", 200},
		{"typed by the user", "Sec-Fetch-Site: none", 200},
		{"neither header", "X-A: b", 200},
		{"our origin", "Origin: http://example.com", 200},
		{"listed origin", "Origin: https://app.example.com", 200},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			t.Run("SES-15 "+tt.name+" "+method, func(t *testing.T) {
				t.Parallel()
				if w := ask(t, guarded, method, "/", tt.header, "Cookie: __Host-identity=ann"); w.Code != tt.want {
					t.Errorf("with a cookie: got %d, want %d", w.Code, tt.want)
				}
				if w := ask(t, setter, method, "/", tt.header); w.Code != tt.want {
					t.Errorf("a route that sets cookies: got %d, want %d", w.Code, tt.want)
				}
				if w := ask(t, guarded, method, "/", tt.header, "Authorization: Bearer ann"); w.Code != 200 {
					t.Errorf("with a token: got %d, want 200", w.Code)
				}
			})
		}
		t.Run("SES-15 reading "+tt.name, func(t *testing.T) {
			t.Parallel()
			if w := ask(t, guarded, "GET", "/", tt.header, "Cookie: __Host-identity=ann"); w.Code != 200 {
				t.Errorf("got %d, want 200", w.Code)
			}
		})
	}
	t.Run("SES-15 nobody instead of the visitor", func(t *testing.T) {
		t.Parallel()
		w := ask(t, g.Authenticate(ok), "POST", "/", "Sec-Fetch-Site: cross-site", "Cookie: __Host-identity=ann")
		if w.Header().Get("X-Caller") != "" {
			t.Errorf("another site's request is %s's", w.Header().Get("X-Caller"))
		}
	})
	t.Run("SES-24 preflights stop here", func(t *testing.T) {
		t.Parallel()
		reached := false
		h := g.CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		ask(t, h, "OPTIONS", "/", "Origin: https://app.example.com", "Access-Control-Request-Method: PUT")
		if reached {
			t.Error("a preflight reached the handler")
		}
		ask(t, h, "OPTIONS", "/")
		if !reached {
			t.Error("a request that is no preflight was swallowed")
		}
	})
}
