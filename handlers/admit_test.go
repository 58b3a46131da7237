package handlers_test

import (
	"strings"
	"testing"
)

func TestAudience(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	const (
		thing = "GET /identity/resources/things/v1/x"
		me    = "GET /identity/resources/me/v1"
		self  = "PUT /identity/resources/me/v1"
		mine  = "GET /identity/resources/mine/v1"
		free  = "GET /identity/resources/any/v1"
		open  = "GET /identity/resources/nil/v1"
	)
	for _, tt := range []struct {
		name, request string
		headers       []string
		want          int
		body          string
	}{
		{"management without a token", thing, nil, 401, ""},
		{"management with a user's", thing, []string{"Authorization: Bearer ann"}, 403, ""},
		{"management", thing, []string{"Authorization: Bearer backend"}, 200, `"tenantId":"","userId":""`},
		{"management in a tenant", thing, []string{"x-access-token: backend", "frontegg-tenant-id: t9"}, 200, `"tenantId":"t9"`},
		{"management for a user", thing, []string{"x-access-token: backend", "frontegg-user-id: u9"}, 200, `"userId":"u9"`},
		{"user without a token", me, nil, 401, ""},
		{"user with a bad token", me, []string{"Authorization: Bearer x"}, 401, ""},
		{"user", me, []string{"Authorization: Bearer ann"}, 200, `"tenantId":"t1","userId":"u1"`},
		{"user by cookie", me, []string{"Cookie: __Host-identity=ann"}, 200, `"id":"u1"`},
		{"back end names no tenant", me, []string{"Authorization: Bearer backend"}, 400, "frontegg-tenant-id"},
		{"back end names a tenant", me, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t1"}, 200, `"tenantId":"t1"`},
		{"back end names no user", self, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t1"}, 400, "frontegg-user-id"},
		{"back end names neither", self, []string{"Authorization: Bearer backend"}, 400, "frontegg-user-id"},
		{"back end names both", self, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t1", "frontegg-user-id: u1"}, 200, `"userId":"u1"`},
		{"back end where none is needed", free, []string{"Authorization: Bearer backend"}, 200, `"tenantId":""`},
		{"permission held", mine, []string{"Authorization: Bearer ann"}, 200, ""},
		{"permission lacked", mine, []string{"Authorization: Bearer bob"}, 403, "things.read"},
		{"permission of the back end", mine, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t1"}, 200, ""},
		{"public with a bad token", open, []string{"Authorization: Bearer x"}, 200, ""},
		{"public with two tokens", open, []string{"Authorization: Bearer x", "Authorization: Bearer y"}, 200, ""},
		{"device", me, []string{"Cookie: __Host-identity=ann; __Host-identity-device=d1"}, 200, `"device":"d1"`},
		{"two devices", me, []string{"Cookie: __Host-identity=ann; __Host-identity-device=d1; __Host-identity-device=d2"}, 200, `"device":""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			method, target, _ := strings.Cut(tt.request, " ")
			w := ask(t, a, method, target, "", tt.headers...)
			if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("got %d %s, want %d with %s", w.Code, w.Body, tt.want, tt.body)
			}
		})
	}
}

func TestAttackTenantHeader(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	const (
		me    = "/identity/resources/me/v1"
		twice = "/identity/resources/tenants/v1/t1/things"
		mine  = "/identity/resources/mine/v1/"
	)
	for _, tt := range []struct {
		name, method, target, body string
		headers                    []string
		want                       int
		text                       string
	}{
		{"RBAC-01 another tenant", "GET", me, "", []string{"Authorization: Bearer ann", "frontegg-tenant-id: t2"}, 403, ""},
		{"RBAC-01 its own", "GET", me, "", []string{"Authorization: Bearer ann", "frontegg-tenant-id: t1"}, 200, ""},
		{"RBAC-01 another case", "GET", me, "", []string{"Authorization: Bearer ann", "frontegg-tenant-id: T1"}, 403, ""},
		{"RBAC-01 another user", "GET", me, "", []string{"Authorization: Bearer ann", "frontegg-user-id: u2"}, 403, ""},
		{"RBAC-01 its own user", "GET", me, "", []string{"Authorization: Bearer ann", "frontegg-user-id: u1"}, 200, ""},
		{"RBAC-01 twice", "GET", me, "", []string{"Authorization: Bearer ann", "frontegg-tenant-id: t1", "frontegg-tenant-id: t1"}, 400, ""},
		{"RBAC-01 with a cookie", "GET", me, "", []string{"Cookie: __Host-identity=ann", "frontegg-tenant-id: t2"}, 403, ""},
		{"RBAC-01 not an id", "GET", me, "", []string{"Authorization: Bearer backend", "frontegg-tenant-id: a/b"}, 400, ""},
		{"RBAC-01 two in one", "GET", me, "", []string{"Authorization: Bearer backend", "frontegg-tenant-id: t1,t2"}, 400, ""},
		{"RBAC-01 too long", "GET", me, "", []string{"Authorization: Bearer backend", "frontegg-tenant-id: " + strings.Repeat("a", 65)}, 400, ""},
		{"RBAC-03 path and body agree", "POST", twice, `{"tenantId":"t1"}`, []string{"Authorization: Bearer backend"}, 200, `"tenantId":"t1"`},
		{"RBAC-03 path alone", "POST", twice, `{}`, []string{"Authorization: Bearer backend"}, 200, `"tenantId":"t1"`},
		{"RBAC-03 all agree", "POST", twice, `{"tenantId":"t1"}`, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t1"}, 200, `"tenantId":"t1"`},
		{"RBAC-03 body differs", "POST", twice, `{"tenantId":"t2"}`, []string{"Authorization: Bearer backend"}, 400, "tenantId"},
		{"RBAC-03 header differs", "POST", twice, `{}`, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t2"}, 400, "tenantId"},
		{"RBAC-03 body differs by escape", "POST", twice, `{"tenantId":"\u00742"}`, []string{"Authorization: Bearer backend"}, 400, "tenantId"},
		{"RBAC-04 a user's own tenant", "POST", mine + "t1/things", `{"tenantId":"t1"}`, []string{"Authorization: Bearer ann"}, 200, `"tenantId":"t1"`},
		{"RBAC-04 another tenant in the path", "POST", mine + "t2/things", `{}`, []string{"Authorization: Bearer ann"}, 404, ""},
		{"RBAC-04 another tenant in the body", "POST", mine + "t1/things", `{"tenantId":"t2"}`, []string{"Authorization: Bearer ann"}, 400, ""},
		{"RBAC-04 another tenant everywhere", "POST", mine + "t2/things", `{"tenantId":"t2"}`, []string{"Authorization: Bearer ann"}, 404, ""},
		{"RBAC-03 three differ", "POST", twice, `{"tenantId":"t2"}`, []string{"Authorization: Bearer backend", "frontegg-tenant-id: t3"}, 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, a, tt.method, tt.target, tt.body, tt.headers...)
			if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.text) {
				t.Errorf("got %d %s, want %d with %s", w.Code, w.Body, tt.want, tt.text)
			}
		})
	}
	t.Run("RBAC-01 empty", func(t *testing.T) {
		t.Parallel()
		r := request(t, "GET", me)
		r.Header.Set("Authorization", "Bearer backend")
		r.Header["Frontegg-Tenant-Id"] = []string{""}
		if w := serve(a, r); w.Code != 400 {
			t.Errorf("got %d, want 400", w.Code)
		}
	})
}

func TestAttackCookies(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	const cookie = "/identity/resources/cookie/v1"
	for _, tt := range []struct {
		name, method, target string
		headers              []string
		want                 int
	}{
		{"SES-11 two that differ", "GET", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann; __Host-identity=bob"}, 400},
		{"SES-11 reversed", "GET", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=bob; __Host-identity=ann"}, 400},
		{"SES-11 in two headers", "GET", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Cookie: __Host-identity=bob"}, 400},
		{"SES-12 without prefix", "GET", "/identity/resources/me/v1", []string{"Cookie: identity=ann; __host-identity=ann"}, 401},
		{"SES-15 cross-site", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Sec-Fetch-Site: cross-site"}, 403},
		{"SES-15 cross-site under the prefix", "PUT", "/frontegg/identity/resources/me/v1/", []string{"Cookie: __Host-identity=ann", "Sec-Fetch-Site: cross-site"}, 403},
		{"SES-15 evil origin", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Origin: https://evil.example"}, 403},
		{"SES-15 null origin", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Origin: null"}, 403},
		{"SES-15 same site", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Sec-Fetch-Site: same-site"}, 403},
		{"SES-15 same origin", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Sec-Fetch-Site: same-origin"}, 200},
		{"SES-15 none", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Sec-Fetch-Site: none"}, 200},
		{"SES-15 no browser", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann"}, 200},
		{"SES-15 listed origin", "PUT", "/identity/resources/me/v1", []string{"Cookie: __Host-identity=ann", "Origin: https://app.example.com", "Sec-Fetch-Site: cross-site"}, 200},
		{"SES-15 a token needs no origin", "PUT", "/identity/resources/me/v1", []string{"Authorization: Bearer ann", "Origin: https://evil.example"}, 200},
		{"SES-19 sign-in from another site", "POST", cookie, []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"SES-19 sign-in from ours", "POST", cookie, []string{"Origin: http://example.com", "Sec-Fetch-Site: same-origin"}, 200},
		{"SES-19 sign-in from a program", "POST", cookie, nil, 200},
		{"SES-20 sign-out from another site", "POST", cookie, []string{"Sec-Fetch-Site: cross-site"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if w := ask(t, a, tt.method, tt.target, "", tt.headers...); w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
		})
	}
	t.Run("SES-08 flags of a cleared cookie", func(t *testing.T) {
		t.Parallel()
		w := ask(t, a, "POST", cookie, "")
		want := "__Host-gone=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("Set-Cookie %q, want %q", got, want)
		}
	})
}

func TestAttackPreflight(t *testing.T) {
	t.Parallel()
	a, _ := newSample(t)
	for _, tt := range []struct {
		name    string
		headers []string
		origin  string
		methods bool
	}{
		{"SES-24 listed", []string{"Origin: https://app.example.com", "Access-Control-Request-Method: PUT",
			"Access-Control-Request-Headers: authorization, content-type,frontegg-tenant-id"}, "https://app.example.com", true},
		{"SES-24 unlisted origin", []string{"Origin: https://evil.example", "Access-Control-Request-Method: PUT"}, "", false},
		{"SES-24 null origin", []string{"Origin: null", "Access-Control-Request-Method: PUT"}, "", false},
		{"SES-24 a longer origin", []string{"Origin: https://app.example.com.evil.example", "Access-Control-Request-Method: PUT"}, "", false},
		{"SES-24 another scheme", []string{"Origin: http://app.example.com", "Access-Control-Request-Method: PUT"}, "", false},
		{"SES-24 two origins", []string{"Origin: https://app.example.com", "Origin: https://app.example.com", "Access-Control-Request-Method: PUT"}, "", false},
		{"SES-24 unlisted method", []string{"Origin: https://app.example.com", "Access-Control-Request-Method: TRACE"}, "https://app.example.com", false},
		{"SES-24 unlisted header", []string{"Origin: https://app.example.com", "Access-Control-Request-Method: PUT",
			"Access-Control-Request-Headers: x-evil"}, "https://app.example.com", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, a, "OPTIONS", "/identity/resources/me/v1", "", tt.headers...)
			h := w.Header()
			if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != tt.origin || (h.Get("Access-Control-Allow-Methods") != "") != tt.methods {
				t.Errorf("got %d %v", w.Code, h)
			}
			if h.Get("Vary") != "Origin" || h.Get("Set-Cookie") != "" {
				t.Errorf("headers %v", h)
			}
		})
	}
	t.Run("SES-24 the answer itself", func(t *testing.T) {
		t.Parallel()
		w := ask(t, a, "GET", "/identity/resources/me/v1", "", "Origin: https://app.example.com")
		if w.Code != 401 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
			w.Header().Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("got %d %v", w.Code, w.Header())
		}
	})
}
