package service_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// TestAttackSSOBrowsers binds a sign-in to the browser that began it.
func TestAttackSSOBrowsers(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		mallory := ssotest.Person("mallory@acme.com")
		victim := h.leave(t, service.Start{TenantID: "acme"})
		t.Run("SES-19 login CSRF", func(t *testing.T) {
			for name, browser := range map[string]string{"none": "", "another": victim.Browser, "garbage": strings.Repeat("x", 43)} {
				a := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), mallory)
				a.Browser = browser
				_, err := h.land(t, a)
				h.refused(t, "acme", err, "another browser")
				o := h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex"}), ssotest.Person("mallory@globex.com"))
				o.Browser = browser
				if _, err = h.land(t, o); sso.Diagnosis(err) == "" {
					t.Errorf("%s: OpenID Connect = %v, want a refusal", name, err)
				}
			}
			a := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), mallory)
			own := a.Browser
			a.Browser = victim.Browser
			_, err := h.land(t, a)
			h.refused(t, "acme", err, "another browser")
			a.Browser = own
			if _, err := h.land(t, a); err != nil {
				t.Errorf("the browser that began = %v: another one must not use its sign-in up", err)
			}
		})
		t.Run("SAML-23 each handle is good once", func(t *testing.T) {
			a := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), mallory)
			if _, err := h.land(t, a); err != nil {
				t.Fatal(err)
			}
			_, err := h.land(t, a)
			h.refused(t, "acme", err, "second time")
			a = h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), mallory)
			h.clock.advance(11 * time.Minute)
			_, err = h.land(t, a)
			h.refused(t, "acme", err, "too late")
			both := h.leave(t, service.Start{TenantID: "acme"})
			tab := h.leave(t, service.Start{TenantID: "acme", Browser: both.Browser})
			for _, d := range []service.Departure{tab, both} {
				if _, err := h.land(t, h.fromSAML(t, d, mallory)); err != nil || d.Browser != both.Browser {
					t.Errorf("two tabs: %v", err)
				}
			}
		})
		t.Run("SAML-25 answers that nobody asked for", func(t *testing.T) { unsolicited(t, h, mallory) })
		t.Run("OIDC-01 another kind of answer", func(t *testing.T) {
			d := h.leave(t, service.Start{TenantID: "acme"})
			a := h.fromSAML(t, d, mallory)
			o := h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex", Browser: d.Browser}), ssotest.Person("mallory@globex.com"))
			o.Answer.Set("state", a.RelayState)
			_, err := h.land(t, o)
			h.refused(t, "acme", err, "another kind")
		})
	})
}

// unsolicited sends answers to requests that nobody made.
func unsolicited(t *testing.T, h harbour, u ssotest.User) {
	t.Helper()
	id := h.ids["acme"]
	request := ssotest.Request{
		EntityID: "https://app.example/auth/saml/metadata/" + id, ACS: "https://app.example/auth/saml/callback/" + id,
		RelayState: "https://evil.example/",
	}
	answer := func() service.Arrival {
		m := h.saml.In(t).Respond(request, u)
		return service.Arrival{ConnectionID: id, SAMLResponse: m.Fields.Get("SAMLResponse"), RelayState: m.Fields.Get("RelayState")}
	}
	_, err := h.land(t, answer())
	h.refused(t, "acme", err, "nobody asked")
	h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.Unsolicited = true })
	out, err := h.land(t, answer())
	if err != nil || out.Onward == nil || out.Login.Secret != "" {
		t.Fatalf("where the provider may begin: %+v, %v, want another way to the provider", out, err)
	}
	if a, err := h.land(t, h.fromSAML(t, *out.Onward, u)); err != nil || a.Next != "/" || a.Kind != store.Browser {
		t.Errorf("the second way = %+v, %v", a, err)
	}
	loop := answer()
	loop.Browser = out.Onward.Browser
	_, err = h.land(t, loop)
	h.refused(t, "acme", err, "RelayState")
	shared := answer()
	shared.ConnectionID = ""
	if _, err = h.land(t, shared); sso.Diagnosis(err) == "" {
		t.Errorf("at the shared address = %v, want a refusal", err)
	}
	h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.Direct = true })
	direct := answer()
	if out, err = h.land(t, direct); err != nil || out.Login.Secret == "" || out.Next != "/" {
		t.Errorf("direct = %+v, %v, want a session, and home", out, err)
	}
	_, err = h.land(t, direct)
	h.refused(t, "acme", err, "sent before")
	asked := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), u)
	asked.RelayState = ""
	_, err = h.land(t, asked)
	h.refused(t, "acme", err, "answers another request")
	h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.Unsolicited, st.SAML.Direct = false, false })
}

// TestAttackSSOPanics sends what was signed, and then changed.
func TestAttackSSOPanics(t *testing.T) {
	t.Parallel()
	t.Run("SAML-67 panic containment", func(t *testing.T) {
		t.Parallel()
		h := newHarbour(t)
		u := ssotest.Person("ada@acme.com")
		whole := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), u)
		doc, err := base64.StdEncoding.DecodeString(whole.SAMLResponse)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 150 {
			a := h.leave(t, service.Start{TenantID: "acme"})
			handle := h.saml.Request(ssotest.Message{URL: a.Address}).RelayState
			bent := slices.Clone(doc)
			at := (i * 7919) % len(bent)
			switch i % 3 {
			case 0:
				bent[at] ^= 1 << (i % 8)
			case 1:
				bent = slices.Delete(bent, at, min(at+i, len(bent)))
			case 2:
				bent = slices.Insert(bent, at, []byte(strings.Repeat("<x>", i))...)
			}
			_, err := h.land(t, service.Arrival{
				ConnectionID: h.ids["acme"], Browser: a.Browser, RelayState: handle, SAMLResponse: base64.StdEncoding.EncodeToString(bent),
			})
			wantCode(t, fmt.Sprintf("change %d at %d", i, at), err, fault.Unauthenticated)
		}
		if n, err := h.db.CountUsers(t.Context()); err != nil || n != 0 {
			t.Errorf("%d users, %v, want nobody to have got in", n, err)
		}
	})
}

// TestAttackSSORaces sends what may be done once many times at once.
func TestAttackSSORaces(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		const callers = 8
		at := func(do func(i int) error) (succeeded int) {
			errs := make(chan error, callers)
			for i := range callers {
				go func() { errs <- do(i) }()
			}
			for range callers {
				if <-errs == nil {
					succeeded++
				}
			}
			return succeeded
		}
		t.Run("OIDC-28 many first sign-ins of one person", func(t *testing.T) {
			all := make([]service.Arrival, callers)
			for i := range all {
				all[i] = h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), ssotest.Person("once@acme.com"))
			}
			if n := at(func(i int) error { return errOf(h.SSO.Finish(t.Context(), someone, all[i])) }); n != callers {
				t.Errorf("%d of %d got in", n, callers)
			}
			if n, err := h.db.CountUsers(t.Context()); err != nil || n != 1 {
				t.Errorf("%d users, %v, want one", n, err)
			}
		})
		t.Run("SAML-22 one answer many times", func(t *testing.T) {
			a := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), ssotest.Person("once@acme.com"))
			if n := at(func(int) error { return errOf(h.SSO.Finish(t.Context(), someone, a)) }); n != 1 {
				t.Errorf("%d got in, want one", n)
			}
		})
		t.Run("SAML-61 one sign-out many times", func(t *testing.T) {
			m := h.saml.Logout(h.wish("acme", ssotest.Logout{Subject: ssotest.Person("once@acme.com").Subject, Form: true}))
			in := service.LogoutMessage{ConnectionID: h.ids["acme"], SAMLRequest: m.Fields.Get("SAMLRequest")}
			if n := at(func(int) error { return errOf(h.SSO.Receive(t.Context(), someone, in)) }); n != 1 {
				t.Errorf("%d were heard, want one", n)
			}
		})
	})
}
