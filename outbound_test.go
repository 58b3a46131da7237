package identity_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store/sqlite"
)

// calling makes an Identity with a tenant, and has it take a connection from an address.
func calling(t *testing.T, o identity.OutboundOptions, address string) (*identity.Identity, error) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.New(t.Context(), identity.Options{Store: db, Outbound: o, Token: identity.TokenOptions{Algorithm: "EdDSA"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = id.Close() })
	by := identity.System()
	tenant, err := id.Tenants.Create(t.Context(), by, service.NewTenant{ID: "acme", Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	by.TenantID = tenant.ID
	_, err = id.Connections.CreateFrom(t.Context(), by, service.Intake{URL: address})
	return id, err
}

func TestOutbound(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t)
	if _, err := calling(t, identity.OutboundOptions{AllowPrivateNetworks: true}, p.MetadataURL()); err != nil {
		t.Errorf("a provider on this machine, which is allowed: %v", err)
	}
	var calls atomic.Int64
	plain := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = w.Write(p.Metadata())
	})
	here, secure := httptest.NewServer(plain), httptest.NewTLSServer(plain)
	t.Cleanup(here.Close)
	t.Cleanup(secure.Close)
	for _, address := range []string{here.URL, secure.URL} {
		if _, err := calling(t, identity.OutboundOptions{}, address); err == nil {
			t.Errorf("%s is called, want public addresses only", address)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("the machine was called %d times", n)
	}
	if _, err := calling(t, identity.OutboundOptions{AllowPrivateNetworks: true}, secure.URL); err == nil {
		t.Error("a certificate of nobody is trusted")
	}
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	id, err := calling(t, identity.OutboundOptions{AllowPrivateNetworks: true, RootCAs: roots}, secure.URL)
	if err != nil {
		t.Errorf("a certificate that is trusted: %v", err)
	}
	if err := id.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}
