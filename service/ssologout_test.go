package service_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// TestSSORoutes sends somebody whose domain several tenants have to the one they act in.
func TestSSORoutes(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	if err := h.SSOPolicies.SetMultiple(t.Context(), store.System(), service.MultiplePolicy{
		Active: true, Unspecified: service.Block, UseActiveTenant: true,
	}); err != nil {
		t.Fatal(err)
	}
	h.claim(t, "acme", "shared.com")
	h.claim(t, "globex", "shared.com")
	_, err := h.SSO.Begin(t.Context(), someone, service.Start{Email: "ada@shared.com"})
	wantCode(t, "begin for nobody", err, fault.NotFound)
	d := h.leave(t, service.Start{Email: "ada@shared.com", TenantID: "acme"})
	if _, err := h.land(t, h.fromSAML(t, d, ssotest.Person("ada@shared.com"))); err != nil {
		t.Fatal(err)
	}
	if d := h.leave(t, service.Start{Email: "ADA@shared.com"}); d.TenantID != "acme" {
		t.Errorf("somebody who acts in acme is sent to %q", d.TenantID)
	}
	_, err = h.SSO.Begin(t.Context(), someone, service.Start{Email: "bob@shared.com"})
	wantCode(t, "begin for somebody else", err, fault.NotFound)
	if err := h.SSOPolicies.Exclude(t.Context(), store.System(), "ada@acme.com"); err != nil {
		t.Fatal(err)
	}
	_, err = h.SSO.Begin(t.Context(), someone, service.Start{Email: "ada@acme.com"})
	wantCode(t, "begin for who is spared", err, fault.NotFound)
	for _, in := range []service.Start{{}, {Email: "nothing"}, {TenantID: "unknown"}, {ConnectionID: "unknown"}} {
		_, err := h.SSO.Begin(t.Context(), someone, in)
		wantCode(t, fmt.Sprintf("begin for %+v", in), err, fault.NotFound)
	}
	if d := h.leave(t, service.Start{ConnectionID: h.ids["globex"]}); d.Protocol != store.OIDC {
		t.Errorf("straight to a connection = %+v", d)
	}
}

// TestSSOAway asks a provider that does not answer.
func TestSSOAway(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	h.clock.advance(48 * time.Hour) // what is known of it is too old by then
	h.oidc.Stop()
	_, err := h.SSO.Begin(t.Context(), someone, service.Start{TenantID: "globex"})
	h.refused(t, "globex", err, "discovery document")
}

// TestSSOLeavesOIDC signs out at an OpenID provider too, and at none that cannot be told.
func TestSSOLeavesOIDC(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	u := ssotest.Person("bob@globex.com")
	l, err := h.oidcLogin(t, u)
	if err != nil {
		t.Fatal(err)
	}
	stale := l.Secret
	if l, err = h.refresh(t, l.Secret); err != nil {
		t.Fatal(err)
	}
	d, err := h.SSO.Logout(t.Context(), someone, service.Leave{Secret: l.Secret})
	if err != nil || !strings.HasPrefix(d.Address, h.oidc.Issuer()) {
		t.Fatalf("log out = %+v, %v, want the provider's address", d, err)
	}
	if res := (ssotest.Message{URL: d.Address}).Send(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}); res.StatusCode != 200 {
		t.Errorf("the provider answers %d", res.StatusCode)
	}
	all := h.oidc.SignOuts()
	if len(all) != 1 || all[0].Subject != u.Subject || all[0].ReturnURI != "" {
		t.Errorf("the provider was told %+v", all)
	}
	for name, text := range map[string]string{"an old token": stale, "the token": l.Secret, "garbage": "x", "nothing": ""} {
		if d, err := h.SSO.Logout(t.Context(), someone, service.Leave{Secret: text}); err != nil || d.Address != "" {
			t.Errorf("log out with %s again = %+v, %v", name, d, err)
		}
	}
	h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.LogoutGet = "" })
	if l, err = h.samlLogin(t, ssotest.Person("ada@acme.com")); err != nil {
		t.Fatal(err)
	}
	if d, err = h.SSO.Logout(t.Context(), someone, service.Leave{Secret: l.Secret}); err != nil || d.Address != "" {
		t.Errorf("log out of a provider without an address for it = %+v, %v", d, err)
	}
	if _, err = h.refresh(t, l.Secret); err == nil {
		t.Error("the session is alive")
	}
}

// TestSSOLeavesSAML posts a sign-out where the provider wants a form, and takes its answer.
func TestSSOLeavesSAML(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.LogoutGet, st.SAML.LogoutPost = "", h.saml.LogoutURL() })
	doc, err := h.Connections.SPMetadata(t.Context(), h.ids["acme"])
	if err != nil {
		t.Fatal(err)
	}
	h.saml.Register(doc)
	l, err := h.samlLogin(t, ssotest.Person("ada@acme.com"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.SSO.Logout(t.Context(), someone, service.Leave{Secret: l.Secret, Next: "/bye"})
	if err != nil {
		t.Fatal(err)
	}
	handle := strings.TrimPrefix(d.Address, "https://app.example/auth/sso/")
	f, err := h.SSO.Form(t.Context(), handle, d.Browser)
	if err != nil || f.Action != h.saml.LogoutURL() {
		t.Fatalf("the form = %+v, %v", f, err)
	}
	_, err = h.SSO.Form(t.Context(), handle, "another")
	wantCode(t, "the form in another browser", err, fault.NotFound)
	wish := ssotest.Logout{ID: idOf(t, f.Fields.Get("SAMLRequest")), Issuer: "https://app.example/auth/saml/metadata/" + h.ids["acme"], RelayState: handle, Form: true}
	answer := func(change ...func(*ssotest.LogoutAnswer)) service.LogoutMessage {
		m := h.saml.AnswerLogout(wish, change...)
		return service.LogoutMessage{
			ConnectionID: h.ids["acme"], Browser: d.Browser, SAMLResponse: m.Fields.Get("SAMLResponse"), RelayState: m.Fields.Get("RelayState"),
		}
	}
	elsewhere := answer()
	elsewhere.Browser = ""
	_, err = h.SSO.Receive(t.Context(), someone, elsewhere)
	wantCode(t, "the answer in another browser", err, fault.Unauthenticated)
	out, err := h.SSO.Receive(t.Context(), someone, answer(func(a *ssotest.LogoutAnswer) { a.Status = ssotest.StatusResponder }))
	if err != nil || out.Next != "/bye" {
		t.Errorf("an answer that the provider could not = %+v, %v, want to go on", out, err)
	}
	_, err = h.SSO.Receive(t.Context(), someone, answer())
	wantCode(t, "the answer again", err, fault.Unauthenticated)
	if n := h.audited(t, "sso.signout_refused"); n != 3 {
		t.Errorf("%d refusals were recorded, want 3", n)
	}
}

// idOf returns the ID of a message.
func idOf(t testing.TB, message string) string {
	t.Helper()
	doc, err := base64.StdEncoding.DecodeString(message)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), ` ID="`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// TestSSOSignOutOfNoName ends nothing for a wish that names a session without a name.
func TestSSOSignOutOfNoName(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	u := ssotest.Person("ada@acme.com")
	l, err := h.samlLogin(t, u)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []bool{true, false} {
		m := h.saml.Logout(h.wish("acme", ssotest.Logout{Subject: u.Subject, Sessions: []string{""}, Form: form}))
		_, query, _ := strings.Cut(m.URL, "?")
		in := service.LogoutMessage{ConnectionID: h.ids["acme"], Query: query, SAMLRequest: m.Fields.Get("SAMLRequest")}
		_, err = h.SSO.Receive(t.Context(), someone, in)
		wantCode(t, "sign out of a session without a name", err, "")
	}
	_, err = h.refresh(t, l.Secret)
	wantCode(t, "the session", err, "")
}
