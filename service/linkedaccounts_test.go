package service_test

import (
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// TestLinkedAccounts is about the accounts elsewhere that somebody signs in with.
func TestLinkedAccounts(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := newSocialWorld(t, db)
		ann := verified("ann@example.test")
		for _, kind := range []string{"plain", "connect"} {
			if _, err := w.enter(t, kind, ann); err != nil {
				t.Fatal(err)
			}
			w.clock.advance(time.Second) // so that one is older
		}
		in, err := w.enter(t, "plain", ann)
		if err != nil {
			t.Fatal(err)
		}
		by := w.user(t, in.Login)
		all, err := w.Profiles.Accounts(t.Context(), by)
		if err != nil || len(all) != 2 || all[0].Type != "plain" || all[1].Name != "connect" || all[0].Email != ann.Email {
			t.Fatalf("%+v, %v", all, err)
		}
		unlink := func(a int) fault.Code {
			err := w.Profiles.Unlink(t.Context(), by, all[a].ConnectionID, all[a].Subject)
			if err == nil {
				return ""
			}
			return fault.From(err).Code
		}
		if got := w.Profiles.Unlink(t.Context(), by, all[0].ConnectionID, "somebody"); fault.From(got).Code != fault.NotFound {
			t.Errorf("unlink somebody else's = %v", got)
		}
		if err := w.Socials.Switch(t.Context(), host, "connect", false); err != nil {
			t.Fatal(err)
		}
		if got := unlink(0); got != fault.Conflict {
			t.Errorf("unlink the only way in = %q", got)
		}
		if err := w.Socials.Switch(t.Context(), host, "connect", true); err != nil {
			t.Fatal(err)
		}
		if got := unlink(0); got != "" {
			t.Errorf("unlink one of two = %q", got)
		}
		if got := unlink(0); got != fault.NotFound {
			t.Errorf("unlink it once more = %q", got)
		}
		if got := unlink(1); got != fault.Conflict {
			t.Errorf("unlink the last = %q", got)
		}
		if left, err := w.Profiles.Accounts(t.Context(), by); err != nil || len(left) != 1 || left[0].Type != "connect" {
			t.Errorf("left %+v, %v", left, err)
		}
	})
}

// TestAttackUnlink is about accounts that a tenant's provider vouches for, and sessions that it
// opened.
func TestAttackUnlink(t *testing.T) {
	t.Parallel()
	w := newSocialWorld(t, memory(t))
	in, err := w.enter(t, "plain", verified("ann@example.test"))
	if err != nil {
		t.Fatal(err)
	}
	w.bind(t, "acme.example")
	by, now := w.user(t, in.Login), w.clock.now()
	tied := store.LinkedIdentity{ConnectionID: "c1", Subject: "s", TenantID: "acme", UserID: by.UserID, Email: "ann@acme.example", CreatedAt: now, LastUsedAt: now}
	m := store.Membership{TenantID: "acme", UserID: by.UserID, Activated: true, CreatedAt: now, UpdatedAt: now}
	if err := w.db.CreateMembership(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := w.db.CreateLinkedIdentity(t.Context(), tied); err != nil {
		t.Fatal(err)
	}
	all, err := w.Profiles.Accounts(t.Context(), by)
	if err != nil || len(all) != 2 || all[1].Name != "Acme" || all[1].Type != "" {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := w.Profiles.Unlink(t.Context(), by, "c1", "s"); fault.From(err).Code != fault.Conflict {
		t.Errorf("unlink what the tenant vouches for = %v", err)
	}
	confined := by
	confined.OnlyTenantID, confined.TenantID = "acme", "acme"
	if seen, err := w.Profiles.Accounts(t.Context(), confined); err != nil || len(seen) != 1 || seen[0].TenantID != "acme" {
		t.Errorf("SAML-43 a confined session sees %+v, %v", seen, err)
	}
	if err := w.Profiles.Unlink(t.Context(), confined, all[0].ConnectionID, all[0].Subject); fault.From(err).Code != fault.Forbidden {
		t.Errorf("SAML-43 a confined session unlinks = %v", err)
	}
	if err := w.Profiles.Unlink(t.Context(), by, all[0].ConnectionID, all[0].Subject); err != nil {
		t.Errorf("unlink with another way in = %v", err)
	}
}
