package handlers_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// An office is the whole API over a store in memory, with two tenants: acme has an admin
// and a worker, other has a victim. A bearer token is "host", or a user and a tenant:
// "<user id>@<tenant id>".
type office struct {
	*handlers.API
	svc *service.Services
	db  store.Store

	admin, worker, victim string // user ids
	roles                 map[string]string
}

func newOffice(t *testing.T) office {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o := office{db: db, svc: faceServices(t, db), roles: map[string]string{}}
	g, err := middleware.New(middleware.Config{Resolve: o.resolve, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o.API, err = handlers.New(handlers.Config{
		Services: o.svc, Guard: g, Log: slog.New(slog.DiscardHandler), Now: time.Now, BaseURL: "https://app.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	o.furnish(t)
	return o
}

// furnish makes the tenants, the users and a role between admin and member.
func (o *office) furnish(t *testing.T) {
	t.Helper()
	if err := o.svc.Seed(t.Context(), []store.Permission{"reports.read"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"acme", "other"} {
		if _, err := o.svc.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
		by := store.System()
		by.TenantID = id
		rs, err := o.svc.Roles.Create(t.Context(), by, []service.NewRole{{Key: "own-" + id, Name: "Own", Level: 50}})
		if err != nil {
			t.Fatal(err)
		}
		o.roles[rs[0].Key] = rs[0].ID
	}
	rs, err := o.svc.Roles.List(t.Context(), store.System())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		o.roles[r.Key] = r.ID
	}
	o.admin = o.user(t, "admin@acme.example", "acme", "admin")
	o.worker = o.user(t, "worker@acme.example", "acme", "member")
	o.victim = o.user(t, "victim@other.example", "other", "admin")
}

func (o office) user(t *testing.T, email, tenantID, role string) string {
	t.Helper()
	p, err := o.svc.Users.Create(t.Context(), store.System(), service.NewUser{
		TenantID: tenantID, Email: email, RoleIDs: []string{o.roles[role]}, VendorMetadata: `{"score":1}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func (o office) resolve(ctx context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
	none := middleware.Renewal{}
	if c.Bearer == "host" {
		return &store.Principal{Kind: store.ManagementKind, ID: "credential"}, none, nil
	}
	userID, tenantID, ok := strings.Cut(c.Bearer, "@")
	if !ok {
		return nil, none, fault.New(fault.Unauthenticated, "", "sign in first")
	}
	roles, keys, err := o.db.Rights(ctx, tenantID, userID)
	p := &store.Principal{
		Kind: store.UserKind, ID: userID, UserID: userID, TenantID: tenantID, Rights: store.NewPermissionSet(keys),
	}
	for _, r := range roles {
		p.Roles = append(p.Roles, store.RoleRef{ID: r.ID, TenantID: r.TenantID, Key: r.Key, Level: r.Level})
	}
	return p, none, err
}

// fill puts the ids of the office into a path or a body.
func (o office) fill(text string) string {
	text = strings.NewReplacer("{admin}", o.admin, "{worker}", o.worker, "{victim}", o.victim).Replace(text)
	for key, id := range o.roles {
		text = strings.ReplaceAll(text, "{role:"+key+"}", id)
	}
	return text
}

// call sends one request: "METHOD path". Who is "host", "admin", "worker" or nobody.
func (o office) call(t *testing.T, who, request, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	method, path, _ := strings.Cut(o.fill(request), " ")
	switch who {
	case "host":
		headers = append(headers, "Authorization: Bearer host")
	case "admin":
		headers = append(headers, "Authorization: Bearer "+o.admin+"@acme")
	case "worker":
		headers = append(headers, "Authorization: Bearer "+o.worker+"@acme")
	}
	for i := range headers {
		headers[i] = o.fill(headers[i])
	}
	return ask(t, o, method, path, o.fill(body), headers...)
}

// told is call for an answer that must have the status; it returns its body.
func (o office) told(t *testing.T, who, request, body string, status int, headers ...string) map[string]any {
	t.Helper()
	w := o.call(t, who, request, body, headers...)
	if w.Code != status {
		t.Fatalf("%s by %s = %d %s, want %d", request, who, w.Code, w.Body, status)
	}
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil && w.Body.String()[0] == '{' {
		t.Fatalf("%s: %v", request, err)
	}
	return out
}

// An exchange is one row of a table of requests.
type exchange struct {
	name, who, request, body string
	headers                  []string
	want                     int
}

func (o office) exchange(t *testing.T, rows []exchange) {
	t.Helper()
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			w := o.call(t, tt.who, tt.request, tt.body, tt.headers...)
			if w.Code != tt.want {
				t.Errorf("%s by %s = %d %s, want %d", tt.request, tt.who, w.Code, w.Body, tt.want)
			}
			if w.Code >= 400 {
				problem(t, w)
			}
		})
	}
}
