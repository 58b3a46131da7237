package service_test

import (
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// toward fails the test unless the route leads to the connection; "" is nowhere.
func (w domainWorld) toward(t testing.TB, want string, in ...string) {
	t.Helper()
	in = append(in, "", "")
	c, err := w.Route(t.Context(), in[0], in[1], in[2])
	if want != "" {
		if err != nil || c.ID != want {
			t.Errorf("route %q = %q, %v, want %q", in, c.ID, err, want)
		}
		return
	}
	if f := fault.From(err); f == nil || f.Code != fault.NotFound || f.Error() != "SSO domain was not found" {
		t.Errorf("route %q = %q, %v, want nowhere", in, c.ID, err)
	}
}

func (w domainWorld) enable(t testing.TB, tenantID, id string, enabled bool) {
	t.Helper()
	c, err := w.db.Connection(t.Context(), tenantID, id)
	if err == nil {
		c.Enabled = enabled
		err = w.db.UpdateConnection(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDomainRoutes(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
	pending := w.claim(t, ann, "acme.example")
	w.toward(t, "", "x@acme.example")
	d := w.proved(t, ann, "corp.example")
	w.toward(t, d.ConnectionID, "x@corp.example")
	w.toward(t, d.ConnectionID, "Somebody.Else@CORP.example.")
	for _, address := range []string{"x@sub.corp.example", "x@example", "x", "", "x@corp.example@evil.example", "x@b.example"} {
		w.toward(t, "", address)
	}
	t.Run("a tenant that was named", func(t *testing.T) {
		w.toward(t, d.ConnectionID, "x@corp.example", ann.TenantID)
		w.toward(t, pending.ConnectionID, "x@b.example", ann.TenantID) // the first of its own
		w.toward(t, pending.ConnectionID, "", ann.TenantID)
		w.toward(t, "", "x@corp.example", bob.TenantID)
		w.toward(t, "", "x@corp.example", "nowhere")
		w.enable(t, ann.TenantID, pending.ConnectionID, false)
		w.toward(t, d.ConnectionID, "", ann.TenantID)
	})
	w.enable(t, ann.TenantID, d.ConnectionID, false)
	w.toward(t, "", "x@corp.example")
	w.toward(t, "", "", ann.TenantID)
	if got, err := w.Bound(t.Context(), "corp.example"); err != nil || len(got) != 0 {
		t.Errorf("bound to %+v, %v", got, err)
	}
}

func TestDomainRoutesOIDC(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	by := hostIn(w.admin(t, "ann@a.example").TenantID)
	id := w.connected(t, by.TenantID, store.OIDC)
	if _, err := w.Domains.Add(t.Context(), by, id, "corp.example"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "Force", w.Domains.Force(t.Context(), host, "corp.example", true), "")
	w.toward(t, id, "x@corp.example")
	wantCode(t, "SetOIDC", w.SSOPolicies.SetOIDC(t.Context(), host, service.OIDCSwitch{}), "")
	w.toward(t, "", "x@corp.example")
	w.toward(t, "", "", by.TenantID)
}

func TestDomainRoutesOfSeveral(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	w.multiple(t, service.MultiplePolicy{Active: true, Unspecified: service.Block})
	ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
	a := w.claim(t, ann, "corp.example")
	b := w.proved(t, bob, "corp.example")
	w.toward(t, b.ConnectionID, "x@corp.example")
	w.publish(a)
	w.clock.advance(time.Second)
	if _, err := w.Domains.Validate(t.Context(), ann, a.ConnectionID, a.ID); err != nil {
		t.Fatal(err)
	}
	first, second := a.ConnectionID, b.ConnectionID
	for _, tt := range []struct {
		name                         string
		policy                       service.MultiplePolicy
		nobody, inAnn, inBob, inElse string
	}{
		{"blocked", service.MultiplePolicy{Active: true, Unspecified: service.Block}, "", "", "", ""},
		{"the first", service.MultiplePolicy{Active: true, Unspecified: service.FirstCreated}, first, first, first, first},
		{"the active", service.MultiplePolicy{Active: true, Unspecified: service.Block, UseActiveTenant: true}, "", first, second, ""},
		{"either", service.MultiplePolicy{Active: true, Unspecified: service.FirstCreated, UseActiveTenant: true}, first, first, second, first},
		{"no longer several", service.MultiplePolicy{Unspecified: service.FirstCreated, UseActiveTenant: true}, second, second, second, second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.multiple(t, tt.policy)
			w.toward(t, tt.nobody, "x@corp.example")
			w.toward(t, tt.inAnn, "x@corp.example", "", ann.TenantID)
			w.toward(t, tt.inBob, "x@corp.example", "", bob.TenantID)
			w.toward(t, tt.inElse, "x@corp.example", "", "elsewhere")
			w.toward(t, first, "x@corp.example", ann.TenantID, bob.TenantID)
			w.toward(t, second, "x@corp.example", bob.TenantID, ann.TenantID)
		})
	}
}
