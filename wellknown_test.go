package identity_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
	"github.com/go-identity/identity/token"
)

// TestDiscovery reads what other programs find by themselves, for each algorithm.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	for algorithm, kind := range map[string]string{"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"} {
		t.Run("JWT-52 "+algorithm, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t, func(o *identity.Options) { o.Token = identity.TokenOptions{Algorithm: algorithm} })
			if _, err := i.id.Keys.Rotate(t.Context(), identity.System()); err != nil {
				t.Fatal(err)
			}
			found := fetched[map[string]any](t, i, "/.well-known/openid-configuration")
			want := map[string]any{
				"issuer": "https://app.example", "jwks_uri": "https://app.example/.well-known/jwks.json",
				"subject_types_supported": []any{"public"}, "id_token_signing_alg_values_supported": []any{algorithm},
			}
			if got, want := render(t, found), render(t, want); got != want {
				t.Errorf("discovery = %s\nwant        %s", got, want)
			}
			set := fetched[struct{ Keys []map[string]string }](t, i, "/.well-known/jwks.json")
			if len(set.Keys) != 2 || set.Keys[0]["kid"] != header(i.login.AccessToken) || set.Keys[0]["kid"] == set.Keys[1]["kid"] {
				t.Errorf("keys = %v, want the one that signs and the next", set.Keys)
			}
			for _, k := range set.Keys {
				if k["kty"] != kind || k["alg"] != algorithm || k["use"] != "sig" || k["d"]+k["p"]+k["k"] != "" {
					t.Errorf("key %v, want the public half of a key for %s", k, algorithm)
				}
			}
		})
	}
}

// fetched reads a well-known document, which anybody may cache for five minutes.
func fetched[T any](t *testing.T, i *issuer, path string) T {
	t.Helper()
	var v T
	for _, prefix := range []string{"", "/frontegg"} {
		w := i.serve(httptest.NewRequest("GET", prefix+path, nil))
		if got := w.Header().Get("Cache-Control"); w.Code != 200 || got != "public, max-age=300" {
			t.Errorf("GET %s%s = %d, Cache-Control %q, want 200 and five minutes", prefix, path, w.Code, got)
		}
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
	}
	if w := i.serve(httptest.NewRequest("GET", path+"?x=1%zz", nil)); w.Code != 200 && w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a refusal has Cache-Control %q, want no-store", w.Header().Get("Cache-Control"))
	}
	return v
}

func render(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A branch is another service, which has nothing of the issuer's but its public keys.
type branch struct {
	handler http.Handler
	fetches int
}

func newBranch(t *testing.T, i *issuer, s *httptest.Server) *branch {
	t.Helper()
	b := &branch{}
	now := func() time.Time { return time.Unix(i.at.Load(), 0) }
	fetch := middleware.FetchKeys(s.Client(), s.URL+"/.well-known/jwks.json")
	v, err := token.NewVerifier(token.VerifierConfig{
		Issuer: "https://app.example", Audience: []string{i.id.Environment()}, Now: now, Roles: []string{"admin"},
		Fetch: func(ctx context.Context) ([]byte, error) {
			b.fetches++ // one at a time
			return fetch(ctx)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := middleware.New(middleware.Config{Resolve: middleware.Remote(v.Resolve), Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	reports := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := middleware.PrincipalFrom(r.Context())
		_, _ = w.Write([]byte(p.UserID))
	})
	mux := http.NewServeMux()
	mux.Handle("GET /reports", g.RequirePermission("reports.read")(reports))
	mux.Handle("GET /host", g.RequireRole("admin")(reports))
	b.handler = mux
	return b
}

func (b *branch) get(t *testing.T, path, raw string, want int) {
	t.Helper()
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, getWith(path, "Authorization", "Bearer "+raw))
	if w.Code != want {
		t.Errorf("GET %s = %d %s, want %d", path, w.Code, w.Body, want)
	}
}

// TestVerifyElsewhere follows an issuer through a rotation and a revocation from a service
// that has only its public keys.
func TestVerifyElsewhere(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, func(o *identity.Options) {
		o.Token = identity.TokenOptions{Lifetime: time.Hour}
		o.Permissions = []identity.Permission{"reports.read"}
	})
	s := httptest.NewTLSServer(i.mux)
	t.Cleanup(s.Close)
	b := newBranch(t, i, s)
	b.get(t, "/reports", i.login.AccessToken, 200) // by the wildcard of the first user's role
	b.get(t, "/host", i.login.AccessToken, 200)
	b.get(t, "/reports", i.login.AccessToken+"x", 401)
	b.get(t, "/reports", i.login.Secret, 401)

	next, err := i.id.Keys.Rotate(t.Context(), identity.System())
	if err != nil {
		t.Fatal(err)
	}
	i.at.Add(10 * 60)
	l, err := i.id.SignIn.Refresh(t.Context(), store.Principal{}, i.login.Secret)
	if err != nil || header(l.AccessToken) != next.ID {
		t.Fatalf("Refresh = a token of %s, %v, want one of %s", header(l.AccessToken), err, next.ID)
	}
	b.get(t, "/reports", l.AccessToken, 200)
	b.get(t, "/reports", i.login.AccessToken, 200)
	if b.fetches != 2 {
		t.Errorf("%d fetches, want 2", b.fetches)
	}

	if err := i.id.Keys.Revoke(t.Context(), identity.System(), header(i.login.AccessToken)); err != nil {
		t.Fatal(err)
	}
	i.at.Add(10 * 60)
	b.get(t, "/reports", i.login.AccessToken, 401)
	b.get(t, "/reports", l.AccessToken, 200)
	s.Close()
	i.at.Add(30 * 60)
	b.get(t, "/reports", l.AccessToken, 200) // the issuer is away, its keys are known
}

// TestVerifyingAloneIsLight keeps what a verifying service links apart from the rules and
// the databases.
func TestVerifyingAloneIsLight(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./token", "./middleware").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	for _, heavy := range []string{"github.com/go-identity/identity/service", "github.com/go-identity/identity/store/internal/sqlstore", "modernc.org/sqlite"} {
		if slices.Contains(deps, heavy) {
			t.Errorf("a service that only verifies links %s", heavy)
		}
	}
}

// TestKeyOptions refuses schedules under which a key would sign before it is known.
func TestKeyOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]identity.Options{
		"published too short":     {Token: identity.TokenOptions{Publish: time.Second}},
		"published less than nil": {Token: identity.TokenOptions{Publish: -time.Second}},
		"a long lag":              {Session: identity.SessionOptions{RevocationLag: 3 * time.Minute}},
		"rotated too often":       {Token: identity.TokenOptions{RotateEvery: 10 * time.Minute}},
		"rotated backwards":       {Token: identity.TokenOptions{RotateEvery: -time.Hour}},
		"an unknown algorithm":    {Token: identity.TokenOptions{Algorithm: "none"}},
		"a secret for all":        {Token: identity.TokenOptions{Algorithm: "HS256"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := sqlite.Open(t.Context(), ":memory:")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			o.Store, o.Logger = db, slog.New(slog.DiscardHandler)
			if _, err := identity.New(t.Context(), o); err == nil {
				t.Error("New = nil, want an error")
			}
		})
	}
}
