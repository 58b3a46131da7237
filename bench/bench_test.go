// Package bench_test measures the library against what it stands on and against peers.
// Goals are ratios within one run, because the cores of a test machine are shared.
package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store/sqlite"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(stormKind); kind != "" {
		if err := storm(kind, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const passphrase = "correct horse battery staple"

// A site is the library on a SQLite file with full durability, as a host would run it, but
// for the rate limits: everything here comes from one address.
type site struct {
	id      *identity.Identity
	handler http.Handler
}

func newSite(ctx context.Context, dir string, users, cached int) (*site, error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, "bench.db"))
	if err != nil {
		return nil, err
	}
	id, err := identity.New(ctx, identity.Options{
		Store: db, Limits: identity.LimitOptions{Off: true}, Logger: slog.New(slog.DiscardHandler),
		SignUp: identity.SignUpOptions{SkipVerification: true}, Permissions: catalogue(),
		Roles: []identity.RoleSeed{{Key: "reader", Name: "Reader", Default: true, Permissions: catalogue()[:held]}},
		Token: identity.TokenOptions{Lifetime: time.Hour, Cached: cached},
	})
	if err != nil {
		return nil, err
	}
	s := &site{id, id.Handler()}
	t, err := id.Tenants.Create(ctx, identity.System(), service.NewTenant{ID: "acme", Name: "Acme"})
	for i := 0; i < users && err == nil; i++ {
		_, err = id.Users.Create(ctx, identity.System(), service.NewUser{TenantID: t.ID, Email: address(i), Password: passphrase})
	}
	return s, err
}

func address(i int) string { return fmt.Sprintf("user%d@acme.example", i) }

// catalogue is what the host's guards ask for. Everybody holds the first of them.
func catalogue() []identity.Permission {
	all := make([]identity.Permission, held+1)
	for i := range all {
		all[i] = identity.Permission(fmt.Sprintf("reports.section%d.read", i))
	}
	return all
}

const held = 10

// A pass is what a sign-in or a refresh gives.
type pass struct{ AccessToken, RefreshToken string }

// login signs a user in over the wire.
func (s *site) login(user int) (pass, error) {
	return s.token("/identity/resources/auth/v1/user", map[string]string{"email": address(user), "password": passphrase})
}

// refresh exchanges a refresh token for its successor and a new access token.
func (s *site) refresh(token string) (pass, error) {
	return s.token("/identity/resources/auth/v1/user/token/refresh", map[string]string{"refreshToken": token})
}

func (s *site) token(path string, body map[string]string) (out pass, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return out, err
	}
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Body)
	if err != nil || w.Code >= 300 {
		return out, fmt.Errorf("%s: %d %s %w", path, w.Code, text, err)
	}
	return out, json.Unmarshal(text, &out)
}
