package service_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// through makes the user's session one that came through the connection.
func (w world) through(t testing.TB, c service.SSOConnection, l service.Login) {
	t.Helper()
	err := w.db.CreateProviderSession(t.Context(), store.ProviderSession{
		UserID: l.User.ID, SessionID: l.Session.ID, ConnectionID: c.ID, Subject: "ada", Attributes: "{}",
		CreatedAt: w.clock.now(), ExpiresAt: w.clock.now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestConnectionEnds looks at what becomes of those who came through a connection.
func TestConnectionEnds(t *testing.T) {
	t.Parallel()
	other := ssotest.NewSAML(t)
	settings := func(f func(*service.SAMLSettings)) service.ConnectionChange {
		return service.ConnectionChange{Settings: func(s *service.ConnectionSettings) { f(s.SAML) }}
	}
	for name, tt := range map[string]struct {
		change *service.ConnectionChange // nil deletes it
		ends   bool
	}{
		"deleted":         {nil, true},
		"turned off":      {&service.ConnectionChange{Enabled: no()}, true},
		"its name":        {new(settings(func(s *service.SAMLSettings) { s.EntityID = "https://other.example" })), true},
		"its key":         {new(settings(func(s *service.SAMLSettings) { s.Certificates = certificates(other) })), true},
		"one more key":    {new(settings(func(s *service.SAMLSettings) { s.Certificates = append(s.Certificates, other.Certificate()) })), false},
		"its address":     {new(settings(func(s *service.SAMLSettings) { s.Redirect = "https://idp.example/" })), false},
		"nothing of note": {&service.ConnectionChange{Settings: func(s *service.ConnectionSettings) { s.Name = "Okta" }}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, near)
			by := w.administrator(t, "ada@acme.example")
			c := w.wired(t, by, ssotest.NewSAML(t))
			came, stayed := w.signUp(t, "eve@acme.example"), w.signUp(t, "bob@acme.example")
			w.through(t, c, came)
			if tt.change == nil {
				wantCode(t, "Delete", w.Connections.Delete(t.Context(), by, c.ID), "")
			} else {
				_, err := w.Connections.Update(t.Context(), by, c.ID, *tt.change)
				wantCode(t, "Update", err, "")
			}
			if got := w.sessions(t, came.User.ID) == 0; got != tt.ends {
				t.Errorf("who came through it is out: %t, want %t", got, tt.ends)
			}
			if _, err := w.Gate.Resolve(t.Context(), came.AccessToken); (err != nil) != tt.ends {
				t.Errorf("their token: %v, want refused %t", err, tt.ends)
			}
			if w.sessions(t, stayed.User.ID) != 1 {
				t.Error("somebody else is out")
			}
		})
	}
}

// notices returns what was written to whom about connections.
func (w world) notices(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, m := range w.waiting(t) {
		if m.Kind == "connection-changed" {
			all[m.To] = append(all[m.To], strings.Join(strings.Fields(m.Text), " "))
		}
	}
	return all
}

func TestAttackConnectionChanges(t *testing.T) {
	t.Parallel()
	t.Run("SAML-43 those who look after it are told", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, near)
		by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
		bob, eve := w.signUp(t, "bob@acme.example"), w.signUp(t, "eve@acme.example")
		w.join(t, bob.User.ID, by.TenantID)
		w.join(t, eve.User.ID, by.TenantID)
		for _, r := range by.Roles {
			w.assign(t, by.TenantID, bob.User.ID, r.ID)
		}
		c := w.wired(t, by, p)
		for _, ch := range []service.ConnectionChange{
			{Enabled: no()},
			{Settings: func(s *service.ConnectionSettings) { s.SAML.Certificates = []string{ssotest.NewSAML(t).Certificate()} }},
			{Settings: func(s *service.ConnectionSettings) { s.SAML.POST = "https://evil.example/" }},
			{Settings: func(s *service.ConnectionSettings) { s.Name = "nothing of note" }},
		} {
			_, err := w.Connections.Update(t.Context(), by, c.ID, ch)
			wantCode(t, "Update", err, "")
		}
		got := w.notices(t)
		for to, want := range map[string]int{"ada@acme.example": 4, "bob@acme.example": 4, "eve@acme.example": 0} {
			if len(got[to]) != want {
				t.Errorf("%s got %d notices, want %d", to, len(got[to]), want)
			}
		}
		all := strings.Join(got["bob@acme.example"], "\n")
		for _, want := range []string{"was added", "was turned off", "other keys", "other addresses"} {
			if !strings.Contains(all, want) {
				t.Errorf("no notice says %q:\n%s", want, all)
			}
		}
	})
	t.Run("SAML-43 a second factor is shown first", func(t *testing.T) {
		t.Parallel()
		w := newFactored(t, near)
		p := ssotest.NewSAML(t)
		c := w.wired(t, store.Principal{Kind: store.ManagementKind, ID: "m", TenantID: w.by.TenantID}, p)
		once := w.by // who enrolled has shown it; a session of before has not
		once.Methods = []string{"pwd"}
		_, updated := w.Connections.Update(t.Context(), once, c.ID, service.ConnectionChange{Enabled: no()})
		_, created := w.Connections.CreateFrom(t.Context(), once, service.Intake{Document: string(p.Metadata())})
		_, mapped := w.Connections.AddGroup(t.Context(), once, c.ID, service.GroupRule{Group: "Staff"})
		for what, err := range map[string]error{
			"Update": updated, "CreateFrom": created, "AddGroup": mapped,
			"SetRoles": w.Connections.SetRoles(t.Context(), once, c.ID, nil), "Delete": w.Connections.Delete(t.Context(), once, c.ID),
		} {
			if f := fault.From(err); f == nil || f.Code != fault.Forbidden || f.Wire != "step_up_required" {
				t.Errorf("%s = %v, want step_up_required", what, err)
			}
		}
		twice := once
		twice.Methods = append(slices.Clone(once.Methods), "otp", "mfa")
		_, err := w.Connections.Update(t.Context(), twice, c.ID, service.ConnectionChange{Enabled: no()})
		wantCode(t, "Update with both", err, "")
	})
	t.Run("SAML-43 a change that came meanwhile", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, near)
		by := w.administrator(t, "ada@acme.example")
		c := w.wired(t, by, ssotest.NewSAML(t))
		_, err := w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
			s.Name = "mine"
			_, err := w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Enabled: no()})
			wantCode(t, "Update inside", err, "")
		}})
		wantCode(t, "Update", err, fault.Conflict)
	})
}
