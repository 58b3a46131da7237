package service_test

import (
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

// tried records an answer that came to a connection and returns the attempt.
func (w world) tried(t testing.TB, by store.Principal, c service.SSOConnection, document string) store.SSOAttempt {
	t.Helper()
	w.SSOAttempts.Record(t.Context(), w.kept(t, c), store.SSOAttempt{
		Diagnosis: "the provider's clock is wrong", Subject: "ada-1234567", Email: "ada@acme.example", IP: "192.0.2.7",
		UserAgent: "test/1", Attributes: `{"email":["ada@acme.example"],"name":["Ada Lovelace"],"groups":["Staff"],"sub":["ada-1234567"]}`,
	}, document)
	all, err := w.SSOAttempts.List(t.Context(), by, c.ID)
	if err != nil || len(all) == 0 {
		t.Fatalf("List = %d, %v", len(all), err)
	}
	return all[0]
}

func TestSSOAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t, ssotest.SAMLOptions{Now: w.clock.now})
	c := w.wired(t, by, p)
	for i := range 25 {
		w.clock.advance(time.Second)
		w.tried(t, by, c, fmt.Sprint(i))
	}
	body := w.answer(c, p).Body
	w.clock.advance(time.Second)
	a := w.tried(t, by, c, body)
	all, err := w.SSOAttempts.List(t.Context(), by, c.ID)
	if err != nil || len(all) != 20 || all[0].ID != a.ID || len(all[0].Document) != 0 {
		t.Fatalf("List = %d, %v; want the newest 20, without what came", len(all), err)
	}
	if a.Email != "a…@acme.example" || a.Subject != "ad…" || !strings.Contains(a.Attributes, "Ad…") {
		t.Errorf("kept of %q, %q: %s", a.Subject, a.Email, a.Attributes)
	}
	kept, err := w.db.SSOAttempt(t.Context(), by.TenantID, a.ID)
	if err != nil || len(kept.Document) == 0 || strings.Contains(string(kept.Document), body[:40]) {
		t.Errorf("the answer is kept in the clear, or not: %d bytes, %v", len(kept.Document), err)
	}
	r, err := w.SSOAttempts.Read(t.Context(), by, a.ID)
	if err != nil || !strings.Contains(r.Shown, p.EntityID()) || strings.Contains(r.Shown, "Lovelace") || strings.Contains(r.Shown, ">ada") {
		t.Errorf("Read = %s, %v", r.Shown, err)
	}
	if r, err := w.SSOAttempts.Read(t.Context(), by, all[19].ID); err != nil || r.Shown != "" || r.Document != nil {
		t.Errorf("Read of what is no answer = %+v, %v", r, err)
	}
	other := w.administrator(t, "bob@globex.example")
	_, err = w.SSOAttempts.Read(t.Context(), other, a.ID)
	wantCode(t, "Read by another tenant", err, fault.NotFound)
	_, err = w.SSOAttempts.Replay(t.Context(), other, a.ID, service.ConnectionChange{})
	wantCode(t, "Replay by another tenant", err, fault.NotFound)
	wantCode(t, "Delete", w.Connections.Delete(t.Context(), by, c.ID), "")
	w.SSOAttempts.Record(t.Context(), c.Connection, store.SSOAttempt{}, "late") // no panic, no warning
}

func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t, ssotest.SAMLOptions{Now: w.clock.now})
	c := w.wired(t, by, p)
	role := w.leveledRole(t, by.TenantID, "own", 10)
	_, err := w.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: "Staff", RoleIDs: []string{role}})
	wantCode(t, "AddGroup", err, "")
	in := w.answer(c, p, func(a *ssotest.Assertion) {
		a.Attributes = map[string][]string{"work": {"ada@acme.example"}, "called": {"Ada Lovelace"}, "teams": {"Staff", "Other"}}
	})
	a := w.tried(t, by, c, in.Body)
	w.clock.advance(time.Hour) // it is judged as of when it came

	got, err := w.SSOAttempts.Replay(t.Context(), by, a.ID, service.ConnectionChange{})
	if err != nil || got.Accepted || !strings.Contains(got.Diagnosis, "e-mail") {
		t.Errorf("Replay = %+v, %v; want a sentence about the address", got, err)
	}
	got, err = w.SSOAttempts.Preview(t.Context(), by, a.ID, service.AttributeMapping{
		Email: []string{"work"}, Name: []string{"called"}, Groups: []string{"teams"},
	})
	if err != nil || !got.Accepted || got.Email != "a…@acme.example" || got.Name != "Ad…" ||
		!slices.Equal(got.Groups, []string{"Staff", "…"}) || !slices.Equal(got.RoleIDs, []string{role}) {
		t.Errorf("Preview = %+v, %v", got, err)
	}
	got, err = w.SSOAttempts.Preview(t.Context(), by, a.ID, service.AttributeMapping{Email: []string{"work"}, Groups: []string{"work", "called"}})
	if err != nil || !slices.Equal(got.Groups, []string{"a…@acme.example"}) {
		t.Errorf("Preview of what is said of the person as groups = %+v, %v, want it shortened", got, err)
	}
	got, err = w.SSOAttempts.Replay(t.Context(), by, a.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.SAML.Certificates = certificates(ssotest.NewSAML(t))
	}})
	if err != nil || got.Accepted || !strings.Contains(got.Diagnosis, "signature") {
		t.Errorf("Replay with another key = %+v, %v", got, err)
	}
	w.clock.advance(-time.Hour)
	if _, err := w.Connections.Accept(t.Context(), w.kept(t, c), in); err != nil {
		t.Errorf("a replay uses the answer up: %v", err)
	}
	if now, err := w.Connections.Read(t.Context(), by, c.ID); err != nil || now.With.Attributes.Email != nil {
		t.Errorf("a replay is kept: %+v, %v", now.With, err)
	}
}

func TestReplayOIDC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: w.clock.now})
	c, err := w.Connections.Create(t.Context(), by, service.NewConnection{
		Protocol: store.OIDC, Enabled: true, Secret: p.ClientSecret(), Settings: service.ConnectionSettings{
			OIDC: &service.OIDCSettings{Issuer: p.Issuer(), ClientID: p.ClientID(), Groups: "teams"},
		},
	})
	wantCode(t, "Create", err, "")
	said := c.With.Said(sso.Assertion{
		Subject: "1234567890", Groups: []string{"Staff"}, Attributes: map[string][]string{"email": {"ada@acme.example"}, "given": {"Ada"}, "last": {"Lovelace"}},
	})
	w.SSOAttempts.Record(t.Context(), w.kept(t, c), store.SSOAttempt{Attributes: said}, "")
	all, err := w.SSOAttempts.List(t.Context(), by, c.ID)
	if err != nil || len(all) != 1 {
		t.Fatalf("List = %d, %v", len(all), err)
	}
	got, err := w.SSOAttempts.Preview(t.Context(), by, all[0].ID, service.AttributeMapping{GivenName: []string{"given"}, FamilyName: []string{"last"}})
	if err != nil || !got.Accepted || got.Email != "a…@acme.example" || got.Name != "Ad…" || !slices.Equal(got.Groups, []string{"…"}) {
		t.Errorf("Preview = %+v, %v", got, err)
	}
	if r, err := w.SSOAttempts.Read(t.Context(), by, all[0].ID); err != nil || !strings.Contains(r.Shown, "a…@acme.example") || strings.Contains(r.Shown, "1234567890") {
		t.Errorf("Read = %s, %v", r.Shown, err)
	}
	got, err = w.SSOAttempts.Replay(t.Context(), by, all[0].ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.OIDC.Issuer += "/nowhere"
	}})
	if err != nil || got.Accepted || got.Diagnosis == "" {
		t.Errorf("Replay with a provider that is not there = %+v, %v", got, err)
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "ada@acme.example": "a…@acme.example", "@acme.example": "@a…", "Ada": "…", "Ada Lovelace": "Ad…",
		"élodie@acme.example": "é…@acme.example", "a\x00b": "", "ÄÖÜäöüÄÖÜäöü": "ÄÖ…",
	} {
		if got := service.Redacted(in); got != want {
			t.Errorf("redact(%q) = %q, want %q", in, got, want)
		}
	}
}
