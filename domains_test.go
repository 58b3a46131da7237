package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// A zone is what name servers say.
type zone struct {
	mu      sync.Mutex
	records []string
}

// LookupTXT says the same of every name.
func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.records) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return z.records, nil
}

// TestAttackDomainRace has many tenants prove one domain at the same time, at two processes.
func TestAttackDomainRace(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T) func() (store.Store, error) {
		path := filepath.Join(t.TempDir(), "identity.db")
		return func() (store.Store, error) { return sqlite.Open(t.Context(), path) }
	}
	server := func(t *testing.T) func() (store.Store, error) {
		url := pgtest.URL(t)
		return func() (store.Store, error) { return postgres.Open(t.Context(), url) }
	}
	for name, database := range map[string]func(*testing.T) func() (store.Store, error){"sqlite": file, "postgres": server} {
		t.Run("INV-12 "+name, func(t *testing.T) {
			t.Parallel()
			open, z := database(t), &zone{}
			ids := []*identity.Identity{domainProcess(t, open, z), domainProcess(t, open, z)}
			claims := claimAll(t, ids[0], z, 8)
			won := make([]error, len(claims))
			var all sync.WaitGroup
			for i, d := range claims {
				all.Go(func() { _, won[i] = ids[i%2].Domains.Validate(t.Context(), hostFor(d.TenantID), d.ConnectionID, d.ID) })
			}
			all.Wait()
			winners := 0
			for _, err := range won {
				var e *identity.Error
				switch {
				case err == nil:
					winners++
				case !errors.As(err, &e) || e.Code != fault.Conflict:
					t.Errorf("a tenant that lost = %v, want a conflict", err)
				}
			}
			if winners != 1 {
				t.Errorf("%d tenants have the domain, want one", winners)
			}
		})
	}
}

func domainProcess(t *testing.T, open func() (store.Store, error), z *zone) *identity.Identity {
	t.Helper()
	db, err := open()
	if err != nil {
		t.Fatal(err)
	}
	o := identity.Options{
		Store: db, Logger: slog.New(slog.DiscardHandler), Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")},
	}
	o.SSO.Resolver = z
	id, err := identity.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = id.Close() })
	return id
}

func hostFor(tenantID string) identity.Principal {
	return identity.Principal{Kind: store.ManagementKind, ID: "test", TenantID: tenantID}
}

// claimAll has n tenants claim one domain, and all their records published.
func claimAll(t *testing.T, id *identity.Identity, z *zone, n int) []store.Domain {
	t.Helper()
	var all []store.Domain
	for i := range n {
		tenant := fmt.Sprintf("tenant%d", i)
		if _, err := id.Tenants.Create(t.Context(), hostFor(""), service.NewTenant{ID: tenant, Name: tenant}); err != nil {
			t.Fatal(err)
		}
		c, err := id.Connections.Create(t.Context(), hostFor(tenant), service.NewConnection{
			Protocol: store.SAML, Settings: service.ConnectionSettings{SAML: &service.SAMLSettings{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d, err := id.Domains.Add(t.Context(), hostFor(tenant), c.ID, "corp.example")
		if err != nil {
			t.Fatal(err)
		}
		all, z.records = append(all, d), append(z.records, d.Challenge)
	}
	return all
}
