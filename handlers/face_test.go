package handlers_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A face is the API over an empty store in memory. Its bearers are names: "host" is the
// host's back end, the others are as who says.
type face struct {
	*testing.T
	api *handlers.API
	svc *service.Services
	db  store.Store
	who map[string]*store.Principal
}

func newFace(t *testing.T) *face {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := &face{T: t, db: db, who: map[string]*store.Principal{"host": {Kind: store.ManagementKind, ID: "credential"}}}
	f.svc = faceServices(t, db)
	quiet := slog.New(slog.DiscardHandler)
	g, err := middleware.New(middleware.Config{Resolve: f.resolve, Log: quiet, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	f.api, err = handlers.New(handlers.Config{Services: f.svc, Guard: g, Log: quiet, Now: time.Now, BaseURL: "https://app.example"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func faceServices(t *testing.T, db store.Store) *service.Services {
	t.Helper()
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := service.New(t.Context(), service.Config{
		Store: db, Now: time.Now, Log: slog.New(slog.DiscardHandler), Ring: ring, Hasher: hasher,
		Send:    func(context.Context, store.Message) error { return nil },
		BaseURL: "https://app.example", Algorithm: "EdDSA", MaxToken: 7168, CachedTokens: 64,
		Outbound: outbound.New(outbound.Options{AllowPrivateNetworks: true}), // the providers of tests are here
		Session: service.SessionPolicy{
			Idle: time.Hour, Absolute: 24 * time.Hour, AccessToken: 5 * time.Minute, RevocationLag: time.Second,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *face) resolve(_ context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
	if p, ok := f.who[c.Bearer]; ok {
		return p, middleware.Renewal{}, nil
	}
	return nil, middleware.Renewal{}, fault.New(fault.Unauthenticated, "", "unknown bearer")
}

// An answer is what came back.
type answer struct {
	status int
	body   string
}

// send calls the API as a bearer; "" is nobody. Headers are "name: value".
func (f *face) send(as, methodAndPath, body string, headers ...string) answer {
	f.Helper()
	method, path, _ := strings.Cut(methodAndPath, " ")
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(f.Context(), method, "https://app.example"+path, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+as)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	return answer{w.Code, strings.TrimSpace(w.Body.String())}
}

// must is send for what has to have the status; it decodes the answer into out, if any.
func (f *face) must(status int, out any, as, methodAndPath, body string, headers ...string) {
	f.Helper()
	got := f.send(as, methodAndPath, body, headers...)
	if got.status != status {
		f.Fatalf("%s = %d %s, want %d", methodAndPath, got.status, got.body, status)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(got.body), out); err != nil {
		f.Fatalf("%s answered %s: %v", methodAndPath, got.body, err)
	}
}

// A try is one request and what it must come to.
type try struct {
	name, as, request, body string
	status                  int
	says                    string // in the answer
	header                  string
}

func (f *face) try(tries ...try) {
	f.Helper()
	for _, tt := range tries {
		var headers []string
		if tt.header != "" {
			headers = append(headers, tt.header)
		}
		got := f.send(tt.as, tt.request, tt.body, headers...)
		if got.status != tt.status || !strings.Contains(got.body, tt.says) {
			f.Errorf("%s: %s = %d %s, want %d %s", tt.name, tt.request, got.status, got.body, tt.status, tt.says)
		}
	}
}

// object is a JSON object.
type object = map[string]any

// tenant makes a tenant of that id.
func (f *face) tenant(id string) {
	f.Helper()
	f.must(http.StatusCreated, nil, "host", "POST /tenants/resources/tenants/v1", `{"tenantId":"`+id+`","name":"`+id+`"}`)
}

// role makes a role of that key, for a tenant or the environment, and returns its id.
func (f *face) role(tenantID, key string) string {
	f.Helper()
	var made []object
	var headers []string
	if tenantID != "" {
		headers = append(headers, "frontegg-tenant-id: "+tenantID)
	}
	f.must(http.StatusCreated, &made, "host", "POST /identity/resources/roles/v1",
		`[{"key":"`+key+`","name":"`+key+`","level":10}]`, headers...)
	return made[0]["id"].(string)
}

// permission makes a permission of that key and returns its id.
func (f *face) permission(key string) string {
	f.Helper()
	var made []object
	f.must(http.StatusCreated, &made, "host", "POST /identity/resources/permissions/v1", `[{"key":"`+key+`","name":"`+key+`"}]`)
	return made[0]["id"].(string)
}
