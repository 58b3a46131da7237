package service_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// rehearse sends an administrator to the provider of a tenant that need not be enabled.
func (h harbour) rehearse(t *testing.T, tenantID string) service.Departure {
	t.Helper()
	d, err := h.SSO.Rehearse(t.Context(), within(tenantID), service.Rehearsal{ConnectionID: h.ids[tenantID], Next: "/seen"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newest is the newest attempt through the connection of a tenant.
func (h harbour) newest(t *testing.T, tenantID string) store.SSOAttempt {
	t.Helper()
	all, err := h.SSOAttempts.List(t.Context(), within(tenantID), h.ids[tenantID])
	if err != nil || len(all) == 0 {
		t.Fatalf("attempts %v, %v", all, err)
	}
	return all[0]
}

// TestRehearsal is a sign-in through connections that are off.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	off := false
	for id := range h.ids {
		if _, err := h.Connections.Update(t.Context(), within(id), h.ids[id], service.ConnectionChange{Enabled: &off}); err != nil {
			t.Fatal(err)
		}
	}
	came := map[string]func(service.Departure, ssotest.User) service.Arrival{
		"acme":   func(d service.Departure, u ssotest.User) service.Arrival { return h.fromSAML(t, d, u) },
		"globex": func(d service.Departure, u ssotest.User) service.Arrival { return h.fromOIDC(t, d, u) },
	}
	for tenantID, from := range came {
		for address, diagnosis := range map[string]string{"eve@" + tenantID + ".com": "", "eve@elsewhere.example": "outside of the connection's domains"} {
			in := from(h.rehearse(t, tenantID), ssotest.Person(address))
			out, err := h.land(t, in)
			if err != nil || !out.Rehearsed || out.Next != "/seen" || out.Login.Secret != "" || out.Login.AccessToken != "" || out.Login.MFARequired {
				t.Errorf("%s: %+v, %v", address, out, err)
			}
			if a := h.newest(t, tenantID); a.Accepted != (diagnosis == "") || !strings.Contains(a.Diagnosis, diagnosis) || a.Email == "" {
				t.Errorf("%s: attempt %+v", address, a)
			}
			if _, err := h.land(t, in); err == nil {
				t.Errorf("SAML-20 %s: the same answer is heard twice", address)
			}
			if _, err := h.Users.ByEmail(t.Context(), host, address); fault.From(err).Code != fault.NotFound {
				t.Errorf("%s became a user: %v", address, err)
			}
		}
	}
}

// TestAttackRehearsal is about who may rehearse, and what comes of it.
func TestAttackRehearsal(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	rehearse := func(by store.Principal, id string) fault.Code {
		_, err := h.SSO.Rehearse(t.Context(), by, service.Rehearsal{ConnectionID: id, Next: "https://evil.example/"})
		return fault.From(err).Code
	}
	reader := store.Principal{Kind: store.UserKind, TenantID: "acme", Rights: store.NewPermissionSet([]store.Permission{store.ReadSSO})}
	if got := rehearse(reader, h.ids["acme"]); got != fault.Forbidden {
		t.Errorf("who may only look: %q", got)
	}
	if got := rehearse(within("globex"), h.ids["acme"]); got != fault.NotFound {
		t.Errorf("another tenant: %q", got)
	}
	c, err := h.Connections.Create(t.Context(), within("acme"), service.NewConnection{
		Protocol: store.SAML, Settings: service.ConnectionSettings{SAML: &service.SAMLSettings{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := rehearse(within("acme"), c.ID); got != fault.Invalid {
		t.Errorf("a connection that knows nothing: %q", got)
	}
	d, err := h.SSO.Rehearse(t.Context(), within("acme"), service.Rehearsal{ConnectionID: h.ids["acme"], Next: "https://evil.example/"})
	if err != nil {
		t.Fatal(err)
	}
	in := h.fromSAML(t, d, ssotest.Person("eve@acme.com"))
	in.Browser = strings.Repeat("x", len(in.Browser))
	if out, err := h.land(t, in); err == nil || out.Rehearsed {
		t.Errorf("SAML-27 in another browser: %+v, %v", out, err)
	}
	in.Browser, in.Kind = d.Browser, store.Family
	if out, err := h.land(t, in); err == nil {
		t.Errorf("on a page of the host's own: %+v", out)
	}
	d, err = h.SSO.Rehearse(t.Context(), within("acme"), service.Rehearsal{ConnectionID: h.ids["acme"], Next: "https://evil.example/"})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.land(t, h.fromSAML(t, d, ssotest.Person("eve@acme.com"))); err != nil || out.Next != "/" {
		t.Errorf("ML-06 leads to %q, %v", out.Next, err)
	}
}
