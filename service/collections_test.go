package service_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// host is the host's own back end, for no tenant.
var host = store.Principal{Kind: store.ManagementKind, ID: "credential"}

// hostIn is the host's own back end, for one tenant.
func hostIn(tenantID string) store.Principal {
	by := host
	by.TenantID = tenantID
	return by
}

// A collection is every service over an empty store in memory, with that store to look
// behind them.
type collection struct {
	*service.Services
	db    store.Store
	known int // revocations that the start itself appended
}

func newCollection(t *testing.T) collection {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return collectionOver(t, db)
}

func collectionOver(t *testing.T, db store.Store) collection {
	t.Helper()
	c := collection{Services: servicesOver(t, db), db: db}
	c.known = len(c.revoked(t))
	return c
}

// servicesOver builds every service over db, as one process does.
func servicesOver(t *testing.T, db store.Store) *service.Services {
	t.Helper()
	s, err := openServices(t, db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openServices(t *testing.T, db store.Store) (*service.Services, error) {
	t.Helper()
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	return service.New(t.Context(), service.Config{
		Store: db, Now: time.Now, Log: slog.New(slog.DiscardHandler), Ring: ring, Hasher: hasher,
		Send:    func(context.Context, store.Message) error { return nil },
		BaseURL: "https://app.example", Algorithm: "EdDSA", MaxToken: 7168, CachedTokens: 64,
		Session: service.SessionPolicy{RevocationLag: time.Second},
	})
}

// tenant makes a tenant of that id.
func (c collection) tenant(t *testing.T, id string) {
	t.Helper()
	if _, err := c.Tenants.Create(t.Context(), host, service.NewTenant{ID: id, Name: id}); err != nil {
		t.Fatalf("create tenant %s: %v", id, err)
	}
}

// role makes a role of that key, in the caller's scope.
func (c collection) role(t *testing.T, by store.Principal, key string) store.Role {
	t.Helper()
	rs, err := c.Roles.Create(t.Context(), by, []service.NewRole{{Key: key, Name: key, Level: 50}})
	if err != nil {
		t.Fatalf("create role %s: %v", key, err)
	}
	return rs[0]
}

// permission makes a permission of that key.
func (c collection) permission(t *testing.T, key store.Permission) store.PermissionRecord {
	t.Helper()
	ps, err := c.Permissions.Create(t.Context(), host, []service.NewPermission{{Key: key, Name: string(key)}})
	if err != nil {
		t.Fatalf("create permission %s: %v", key, err)
	}
	return ps[0]
}

// member stores a user who belongs to the tenants.
func (c collection) member(t *testing.T, id string, tenantIDs ...string) {
	t.Helper()
	at := time.Now()
	u := store.User{ID: id, Email: id + "@example.com", Provider: "local", Metadata: "{}", VendorMetadata: "{}", CreatedAt: at, UpdatedAt: at}
	if err := c.db.CreateUser(t.Context(), u); err != nil {
		t.Fatalf("create user %s: %v", id, err)
	}
	for _, tenantID := range tenantIDs {
		m := store.Membership{TenantID: tenantID, UserID: id, Activated: true, CreatedAt: at, UpdatedAt: at}
		if err := c.db.CreateMembership(t.Context(), m); err != nil {
			t.Fatalf("add %s to %s: %v", id, tenantID, err)
		}
	}
}

// give assigns a role to a user behind the services.
func (c collection) give(t *testing.T, tenantID, userID, roleID string) {
	t.Helper()
	a := store.Assignment{TenantID: tenantID, UserID: userID, RoleID: roleID, CreatedAt: time.Now()}
	if err := c.db.Assign(t.Context(), a); err != nil {
		t.Fatalf("give %s the role %s: %v", userID, roleID, err)
	}
}

// rights returns the keys of the roles and the permissions that a user has in a tenant.
func (c collection) rights(t *testing.T, tenantID, userID string) (roles []string, ps []store.Permission) {
	t.Helper()
	rs, ps, err := c.db.Rights(t.Context(), tenantID, userID)
	if err != nil {
		t.Fatalf("rights of %s: %v", userID, err)
	}
	for _, r := range rs {
		roles = append(roles, r.Key)
	}
	return roles, ps
}

// audited returns the subjects of the events with the action, in byte order.
func (c collection) audited(t *testing.T, action string) []string {
	t.Helper()
	l, err := c.db.Audit(t.Context(), store.AuditQuery{Action: action})
	if err != nil {
		t.Fatalf("read the audit log: %v", err)
	}
	var subjects []string
	for _, e := range l.Items {
		subjects = append(subjects, e.Subject)
	}
	slices.Sort(subjects)
	return subjects
}

// revoked returns the tenants in the revocation feed since the start, oldest first.
func (c collection) revoked(t *testing.T) []string {
	t.Helper()
	rs, err := c.db.Revocations(t.Context(), time.Time{})
	if err != nil {
		t.Fatalf("read the feed: %v", err)
	}
	var tenants []string
	for _, r := range rs[c.known:] {
		tenants = append(tenants, r.TenantID)
	}
	return tenants
}

// code returns the code of an error, or "" without one.
func code(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// together runs all at once and returns what each came to.
func together(all ...func() error) []error {
	errs, start := make([]error, len(all)), make(chan struct{})
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() {
			<-start
			errs[i] = one()
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func ptr[T any](v T) *T { return &v }
