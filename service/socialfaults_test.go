package service_test

import (
	"errors"
	"testing"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// kept counts what a social sign-in makes: users, tenants, identities and sessions.
func (w socialWorld) kept(t *testing.T) (users, tenants, identities, sessions int) {
	t.Helper()
	ctx := t.Context()
	us, err := w.db.Users(ctx, store.UserQuery{})
	if err != nil {
		t.Fatal(err)
	}
	ts, err := w.db.Tenants(ctx, store.TenantQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range us.Items {
		ls, err := w.db.LinkedIdentities(ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		ss, err := w.db.Sessions(ctx, u.ID, w.clock.now())
		if err != nil {
			t.Fatal(err)
		}
		identities, sessions = identities+len(ls), sessions+len(ss)
	}
	return us.Total, ts.Total, identities, sessions
}

// TestAttackSocialHalfDone breaks a first sign-in at every call to the store: it makes a whole
// user or none, and leaves no session that nobody has.
func TestAttackSocialHalfDone(t *testing.T) {
	t.Parallel()
	for how, broken := range map[string]func(store.Store, int, error) *storetest.Faulty{"STO-01 fails": storetest.Fault, "STO-02 loses its answer": storetest.Lose} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newSocialWorld(t, memory(t))
			failed := 0
			for n := 1; ; n++ {
				_, _, _, before := w.kept(t)
				a := w.leave(t, "plain", verified("ann@example.test"))
				faulty := broken(w.db, n, errors.New("disk full"))
				v, err := startOver(t, faulty, w.clock, nearby)
				if err != nil {
					continue // the start met the fault
				}
				l, err := v.Socials.Finish(t.Context(), someone, a)
				users, tenants, identities, after := w.kept(t)
				if users > 1 || tenants != users || identities != users {
					t.Fatalf("fault at call %d left %d users, %d tenants, %d identities", n, users, tenants, identities)
				}
				if (err == nil) != (l.Login.AccessToken != "") {
					t.Errorf("fault at call %d: %v with a token %t", n, err, l.Login.AccessToken != "")
				}
				if err != nil && how == "STO-01 fails" && after != before {
					t.Errorf("fault at call %d left a session", n)
				}
				if !faulty.Reached() {
					if err != nil || failed == 0 {
						t.Errorf("without a fault = %v after %d failures", err, failed)
					}
					return
				}
				if err != nil {
					failed++
				}
			}
		})
	}
}

// TestAttackSocialSetUpHalfDone breaks what sets providers up.
func TestAttackSocialSetUpHalfDone(t *testing.T) {
	t.Parallel()
	on, id, hush := true, "cid", "hush"
	full := service.SocialChange{Active: &on, ClientID: &id, Secret: &hush}
	for name, do := range map[string]func(w world, custom string) error{
		"set":    func(w world, _ string) error { return errOf(w.Socials.Set(t.Context(), host, "github", full)) },
		"change": func(w world, _ string) error { return errOf(w.Socials.Set(t.Context(), host, "google", full)) },
		"switch": func(w world, _ string) error { return w.Socials.Switch(t.Context(), host, "plain", false) },
		"update": func(w world, custom string) error {
			return errOf(w.Socials.UpdateCustom(t.Context(), host, custom, full))
		},
		"delete": func(w world, custom string) error { return w.Socials.DeleteCustom(t.Context(), host, custom) },
	} {
		t.Run("STO-01 STO-26 "+name, func(t *testing.T) {
			t.Parallel()
			w := newSocialWorld(t, memory(t))
			if _, err := w.Socials.Set(t.Context(), host, "google", service.SocialChange{}); err != nil {
				t.Fatal(err)
			}
			custom, broken := w.social(t, "connect").ID, errors.New("disk full")
			for n := 1; ; n++ {
				before := w.providers(t)
				faulty := storetest.Fault(w.db, n, broken)
				v, err := startOver(t, faulty, w.clock, nearby)
				if err != nil {
					continue // the start met the fault
				}
				err = do(v, custom)
				if !faulty.Reached() {
					if err != nil || w.providers(t) == before {
						t.Errorf("without a fault = %v; want a change", err)
					}
					return
				}
				if !errors.Is(err, broken) || w.providers(t) != before {
					t.Errorf("fault at call %d = %v; want nothing changed", n, err)
				}
			}
		})
	}
}

// providers is all that is kept of providers, with the audit of it.
func (w socialWorld) providers(t *testing.T) string {
	t.Helper()
	ps, err := w.db.SocialProviders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.db.Audit(t.Context(), store.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, p := range ps {
		text += p.ID + p.Type + p.Settings + string(p.Secret) + p.UpdatedAt.String()
		if p.Active {
			text += "on"
		}
	}
	return text + l.Items[0].ID
}
