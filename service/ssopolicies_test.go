package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestSSOPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	ann := w.user(t, w.signUp(t, "ann@a.example"))
	d, err := w.SSOPolicies.Domains(t.Context(), ann)
	if err != nil || d != (service.DomainPolicy{}) {
		t.Errorf("Domains at first = %+v, %v", d, err)
	}
	m, err := w.SSOPolicies.Multiple(t.Context(), host)
	if err != nil || m != (service.MultiplePolicy{Unspecified: service.Block}) {
		t.Errorf("Multiple at first = %+v, %v", m, err)
	}
	o, err := w.SSOPolicies.OIDC(t.Context(), ann)
	if err != nil || o != (service.OIDCSwitch{Active: true}) {
		t.Errorf("OIDC at first = %+v, %v", o, err)
	}
	newD := service.DomainPolicy{VerifiedUsersMayAdd: true, SkipVerification: true, BypassCrossValidation: true}
	newM := service.MultiplePolicy{Active: true, Unspecified: service.FirstCreated, UseActiveTenant: true}
	newO := service.OIDCSwitch{RedirectURI: "https://login.example/oidc"}
	for _, by := range []store.Principal{ann, {Kind: store.SetupKind, TenantID: ann.TenantID}, {}} {
		wantCode(t, "SetDomains", w.SSOPolicies.SetDomains(t.Context(), by, newD), fault.Forbidden)
		wantCode(t, "SetMultiple", w.SSOPolicies.SetMultiple(t.Context(), by, newM), fault.Forbidden)
		wantCode(t, "SetOIDC", w.SSOPolicies.SetOIDC(t.Context(), by, newO), fault.Forbidden)
		wantCode(t, "Exclude", w.SSOPolicies.Exclude(t.Context(), by, "root@a.example"), fault.Forbidden)
		wantCode(t, "Include", w.SSOPolicies.Include(t.Context(), by, "root@a.example"), fault.Forbidden)
		wantCode(t, "Excluded", errOf(w.SSOPolicies.Excluded(t.Context(), by)), fault.Forbidden)
	}
	wantCode(t, "SetDomains", w.SSOPolicies.SetDomains(t.Context(), hostIn(ann.TenantID), newD), "")
	wantCode(t, "SetMultiple", w.SSOPolicies.SetMultiple(t.Context(), host, newM), "")
	wantCode(t, "SetOIDC", w.SSOPolicies.SetOIDC(t.Context(), host, newO), "")
	if d, err = w.SSOPolicies.Domains(t.Context(), host); err != nil || d != newD {
		t.Errorf("Domains = %+v, %v", d, err)
	}
	if m, err = w.SSOPolicies.Multiple(t.Context(), host); err != nil || m != newM {
		t.Errorf("Multiple = %+v, %v", m, err)
	}
	if o, err = w.SSOPolicies.OIDC(t.Context(), host); err != nil || o != newO {
		t.Errorf("OIDC = %+v, %v", o, err)
	}
	wantCode(t, "a strategy that is none", w.SSOPolicies.SetMultiple(t.Context(), host, service.MultiplePolicy{Unspecified: "block"}), fault.Invalid)
	for _, bad := range []string{
		"http://login.example/", "login.example", "https://", "https://u@login.example/", "https://login.example/#f", "javascript:alert(1)",
		"https://login.example/\x00", "https://" + strings.Repeat("a", 2048), "http://localhost.evil.example/",
	} {
		wantCode(t, "SetOIDC "+bad, w.SSOPolicies.SetOIDC(t.Context(), host, service.OIDCSwitch{RedirectURI: bad}), fault.Invalid)
	}
	for _, fine := range []string{"", "http://localhost:8080/x", "http://127.0.0.1/x", "https://login.example:8443/x?y=z"} {
		wantCode(t, "SetOIDC "+fine, w.SSOPolicies.SetOIDC(t.Context(), host, service.OIDCSwitch{RedirectURI: fine}), "")
	}
}

func TestSSOExclusions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	for _, email := range []string{"Root@A.example", "emergency@b.example", "root@a.example"} {
		wantCode(t, "Exclude", w.SSOPolicies.Exclude(t.Context(), host, email), "")
	}
	wantCode(t, "what is no address", w.SSOPolicies.Exclude(t.Context(), host, "root"), fault.Invalid)
	l, err := w.SSOPolicies.Excluded(t.Context(), host)
	if err != nil || !slices.Equal(l, []string{"emergency@b.example", "root@a.example"}) {
		t.Errorf("Excluded = %q, %v", l, err)
	}
	for email, want := range map[string]bool{
		"root@a.example": true, "ROOT@A.EXAMPLE": true, "root@a.example.": true, "root2@a.example": false, "a.example": false, "": false,
	} {
		if got, err := w.Services.Excluded(t.Context(), email); got != want || err != nil {
			t.Errorf("excluded(%q) = %t, %v, want %t", email, got, err, want)
		}
	}
	wantCode(t, "Include", w.SSOPolicies.Include(t.Context(), host, "ROOT@a.example"), "")
	wantCode(t, "Include again", w.SSOPolicies.Include(t.Context(), host, "root@a.example"), fault.NotFound)
	if got, _ := w.Services.Excluded(t.Context(), "root@a.example"); got {
		t.Error("an address that was taken off the list is on it")
	}
}

func TestSSOExclusionsAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	for i := range 1000 {
		if err := w.SSOPolicies.Exclude(t.Context(), host, fmt.Sprintf("u%d@a.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, "one more", w.SSOPolicies.Exclude(t.Context(), host, "more@a.example"), fault.Invalid)
	wantCode(t, "one of them again", w.SSOPolicies.Exclude(t.Context(), host, "u7@a.example"), "")
}

func TestProvenTwice(t *testing.T) {
	t.Parallel()
	w := newFactored(t)
	bob := w.user(t, w.signUp(t, "bob@b.example"))
	wantCode(t, "a user without a second factor", w.ProvenTwice(t.Context(), bob), "")
	wantCode(t, "a user with one, who has not shown it", w.ProvenTwice(t.Context(), w.by), fault.Forbidden)
	shown := w.by
	shown.Methods = []string{"pwd", "otp", "mfa"}
	wantCode(t, "a user with one, who has", w.ProvenTwice(t.Context(), shown), "")
	for _, by := range []store.Principal{host, store.System(), {Kind: store.SetupKind}} {
		wantCode(t, string(by.Kind), w.ProvenTwice(t.Context(), by), "")
	}
}
