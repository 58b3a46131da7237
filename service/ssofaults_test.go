package service_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// living counts the sessions of everybody. Whoever is linked with a provider has to be whole: a
// member, with a role and an address.
func (h harbour) living(t *testing.T) (sessions int) {
	t.Helper()
	users, err := h.db.Users(t.Context(), store.UserQuery{Page: store.Page{Limit: 2000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users.Items {
		ls, err1 := h.db.LinkedIdentities(t.Context(), u.ID)
		ms, err2 := h.db.Memberships(t.Context(), u.ID)
		as, err3 := h.db.Assignments(t.Context(), u.ID)
		is, err4 := h.db.Identifiers(t.Context(), u.ID)
		ss, err5 := h.db.Sessions(t.Context(), u.ID, h.clock.now())
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		sessions += len(ss)
		if len(ls) > 0 && (len(ls) != 1 || len(ms) == 0 || len(as) == 0 || len(is) != 1) || u.Provider != "local" && len(ls) == 0 {
			t.Errorf("written by halves: %+v %v %v %v %v", u, ls, ms, as, is)
		}
	}
	return sessions
}

// A ssoStep is what a browser or a provider does, by services over a store that may fail.
type ssoStep struct {
	opens   bool // a session; else it ends some
	prepare func(t *testing.T, h harbour, n int) func(w world) (string, error)
}

func ssoSteps() map[string]ssoStep {
	land := func(a service.Arrival) func(t *testing.T, w world) (string, error) {
		return func(t *testing.T, w world) (string, error) {
			out, err := w.SSO.Finish(t.Context(), someone, a)
			return out.Login.Secret, err
		}
	}
	return map[string]ssoStep{
		"make a user": {true, func(t *testing.T, h harbour, n int) func(world) (string, error) {
			u := ssotest.Person(fmt.Sprintf("new%d@acme.com", n))
			u.Groups = []string{"Staff"}
			do := land(h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), u))
			return func(w world) (string, error) { return do(t, w) }
		}},
		"link a user": {true, func(t *testing.T, h harbour, n int) func(world) (string, error) {
			email := fmt.Sprintf("old%d@globex.com", n)
			h.member(t, email)
			do := land(h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex"}), ssotest.Person(email)))
			return func(w world) (string, error) { return do(t, w) }
		}},
		"release an account": {true, func(t *testing.T, h harbour, n int) func(world) (string, error) {
			u := store.User{
				ID: fmt.Sprintf("00000000-0000-7000-8000-%012d", n), Email: fmt.Sprintf("wait%d@acme.com", n), Metadata: "{}", VendorMetadata: "{}",
				Provider: "local", CreatedAt: h.clock.now(), UpdatedAt: h.clock.now(),
			}
			i := store.Identifier{Kind: store.Email, Value: u.Email, UserID: u.ID, Text: u.Email, Primary: true, CreatedAt: u.CreatedAt}
			if err := errors.Join(h.db.CreateUser(t.Context(), u), h.db.CreateIdentifier(t.Context(), i)); err != nil {
				t.Fatal(err)
			}
			do := land(h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), ssotest.Person(u.Email)))
			return func(w world) (string, error) { return do(t, w) }
		}},
		"log out": {false, func(t *testing.T, h harbour, n int) func(world) (string, error) {
			l, err := h.samlLogin(t, ssotest.Person(fmt.Sprintf("out%d@acme.com", n)))
			if err != nil {
				t.Fatal(err)
			}
			return func(w world) (string, error) {
				_, err := w.SSO.Logout(t.Context(), someone, service.Leave{Secret: l.Secret})
				return "", err
			}
		}},
		"be signed out by form": {false, func(t *testing.T, h harbour, n int) func(world) (string, error) {
			u := ssotest.Person(fmt.Sprintf("slo%d@acme.com", n))
			if _, err := h.samlLogin(t, u); err != nil {
				t.Fatal(err)
			}
			m := h.saml.Logout(h.wish("acme", ssotest.Logout{Subject: u.Subject, Form: true}))
			return func(w world) (string, error) {
				_, err := w.SSO.Receive(t.Context(), someone, service.LogoutMessage{
					ConnectionID: h.ids["acme"], SAMLRequest: m.Fields.Get("SAMLRequest"),
				})
				return "", err
			}
		}},
		"be signed out by the back channel": {false, func(t *testing.T, h harbour, n int) func(world) (string, error) {
			u := ssotest.Person(fmt.Sprintf("back%d@globex.com", n))
			if _, err := h.oidcLogin(t, u); err != nil {
				t.Fatal(err)
			}
			token := h.oidc.LogoutToken(u.Subject, "")
			return func(w world) (string, error) {
				return "", w.SSO.BackChannel(t.Context(), someone, h.ids["globex"], token)
			}
		}},
	}
}

// wish addresses a provider's sign-out to the tenant's connection.
func (h harbour) wish(tenantID string, l ssotest.Logout) ssotest.Logout {
	id := h.ids[tenantID]
	h.saml.RegisterService(ssotest.Service{
		EntityID: "https://app.example/auth/saml/metadata/" + id, ACS: "https://app.example/auth/saml/callback/" + id,
		SLO: "https://app.example/auth/saml/slo/" + id,
	})
	l.Service = "https://app.example/auth/saml/metadata/" + id
	return l
}

// TestAttackSSOHalfDone fails every call to the store once. Nobody is let in by a failure, and
// nothing is written by halves.
func TestAttackSSOHalfDone(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	for name, step := range ssoSteps() {
		t.Run("STO-01 fails: "+name, func(t *testing.T) {
			t.Parallel()
			h := newHarbour(t)
			h.staff(t)
			for n := 1; ; n++ {
				do := step.prepare(t, h, n)
				before := h.living(t)
				faulty := storetest.Fault(h.db, n, broken)
				w, err := startOver(t, faulty, h.clock, harbourly)
				if err != nil {
					continue // the start met the fault
				}
				secret, err := do(w)
				after := h.living(t)
				if !faulty.Reached() {
					if err != nil || after == before || step.opens != (secret != "") {
						t.Errorf("without a fault = %v, secret %t, changed %t", err, secret != "", after != before)
					}
					return
				}
				if err == nil { // a failure that may be: of the record for the administrator
					continue
				}
				if secret != "" || after != before {
					t.Errorf("fault at call %d = %v: secret %t; %d sessions, before there were %d", n, err, secret != "", after, before)
				}
				if f := fault.From(err); !errors.Is(err, broken) && f.Code != fault.Unavailable {
					t.Errorf("fault at call %d = %v, want to hear of the fault", n, err)
				}
			}
		})
		t.Run("STO-02 answer lost: "+name, func(t *testing.T) {
			t.Parallel()
			h := newHarbour(t)
			h.staff(t)
			for n := 1; ; n++ {
				do := step.prepare(t, h, n)
				faulty := storetest.Lose(h.db, n, broken)
				w, err := startOver(t, faulty, h.clock, harbourly)
				if err != nil {
					continue
				}
				secret, err := do(w)
				if err != nil && secret != "" {
					t.Errorf("answer lost at call %d = %v with a secret", n, err)
				}
				if !faulty.Reached() {
					if err != nil {
						t.Errorf("without a fault = %v", err)
					}
					return
				}
			}
		})
	}
}

// staff maps a group to a role.
func (h harbour) staff(t *testing.T) {
	t.Helper()
	roles, err := h.Roles.Create(t.Context(), within("acme"), []service.NewRole{{Key: "staff", Name: "Staff"}})
	if err == nil {
		_, err = h.Connections.AddGroup(t.Context(), within("acme"), h.ids["acme"], service.GroupRule{Group: "Staff", RoleIDs: []string{roles[0].ID}})
	}
	if err != nil {
		t.Fatal(err)
	}
}
