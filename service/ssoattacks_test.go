package service_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// nobody wants that a sign-in which was refused wrote nothing about anybody.
func (h harbour) nobody(t testing.TB, attempt func()) {
	t.Helper()
	count := func() int {
		n, err := h.db.CountUsers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	attempt()
	if after := count(); after != before {
		t.Errorf("%d users, before there were %d", after, before)
	}
}

// local signs in with the password of [harbour.member], past the requirement of single sign-on.
func (h harbour) local(t testing.TB, email string) (service.Login, error) {
	t.Helper()
	if err := h.SSOPolicies.Exclude(t.Context(), store.System(), email); err != nil {
		t.Fatal(err)
	}
	return h.login(t, email, good)
}

func TestAttackSSOTenants(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		h.connect(t, "rival", h.bySAML()) // the same provider with the same key
		t.Run("SAML-41 tenant confusion, ACS", func(t *testing.T) {
			ada := ssotest.Person("ada@acme.com")
			a := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), ada)
			a.ConnectionID = h.ids["rival"]
			_, err := h.land(t, a)
			h.refused(t, "acme", err, "address of another connection")
			a = h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), ada)
			b := h.leave(t, service.Start{TenantID: "rival"})
			stolen := h.fromSAML(t, b, ada)
			stolen.SAMLResponse = a.SAMLResponse
			_, err = h.land(t, stolen)
			h.refused(t, "rival", err, "set the provider's ACS URL")
			a.ConnectionID = "" // the address that connections share: the handle decides
			if l, err := h.land(t, a); err != nil || l.Login.Session.TenantID != "acme" {
				t.Errorf("at the shared address: %+v, %v", l.Login.Session, err)
			}
		})
		t.Run("SAML-42 tenant's IdP asserts someone else's e-mail", func(t *testing.T) {
			boss := h.member(t, "boss@globex.com")
			h.nobody(t, func() {
				_, err := h.samlLogin(t, ssotest.Person("boss@globex.com"))
				h.refused(t, "acme", err, "outside of the connection's domains")
				_, err = h.samlLogin(t, ssotest.Person("boss@acme.com.evil.example"))
				h.refused(t, "acme", err, "outside of the connection's domains")
				_, err = h.samlLogin(t, ssotest.User{Subject: "x"})
				h.refused(t, "acme", err, "asserts no address")
			})
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.AnyDomain = true })
			h.nobody(t, func() {
				_, err := h.samlLogin(t, ssotest.Person("boss@globex.com"))
				h.refused(t, "acme", err, "does not prove")
			})
			l, err := h.samlLogin(t, ssotest.Person("free@globex.com"))
			if err != nil || l.User.ID == boss.ID || l.User.Verified {
				t.Fatalf("an address of nobody's: %+v, %v", l.User, err)
			}
			if _, err := h.db.Identifier(t.Context(), "", store.Email, "free@globex.com"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the address is taken: %v", err)
			}
			owner, err := h.oidcLogin(t, ssotest.Person("free@globex.com"))
			if err != nil || owner.User.ID == l.User.ID || !owner.User.Verified {
				t.Errorf("the owner of the address: %+v, %v", owner.User, err)
			}
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.AnyDomain = false })
		})
		t.Run("SAML-43 a session is confined to the tenant", func(t *testing.T) { confinedToTenant(t, h) })
		t.Run("SAML-44 NameID format", func(t *testing.T) {
			for name, change := range map[string]func(*ssotest.Assertion){
				"transient": func(a *ssotest.Assertion) { a.NameIDFormat = ssotest.Transient },
				"no name":   func(a *ssotest.Assertion) { a.Subject = "" },
			} {
				h.nobody(t, func() {
					_, err := h.samlLogin(t, ssotest.Person("ada@acme.com"), change)
					wantCode(t, name, err, fault.Unauthenticated)
				})
			}
		})
		t.Run("SAML-46 group to role mapping", func(t *testing.T) {
			foreign, err := h.Roles.Create(t.Context(), within("rival"), []service.NewRole{{Key: "owner", Name: "Owner"}})
			if err != nil {
				t.Fatal(err)
			}
			g := store.GroupMapping{
				TenantID: "acme", ID: "m1", ConnectionID: h.ids["acme"], Group: "Owner", RoleIDs: []string{foreign[0].ID, "gone"},
				CreatedAt: h.clock.now(), UpdatedAt: h.clock.now(),
			}
			if err := h.db.CreateGroupMapping(t.Context(), g); err != nil { // past the rules
				t.Fatal(err)
			}
			strong, err := h.Roles.Create(t.Context(), within("acme"), []service.NewRole{{Key: "strong", Name: "Strong"}})
			if err != nil {
				t.Fatal(err)
			}
			beside, err := h.Connections.Create(t.Context(), within("acme"), h.byOIDC())
			if err != nil {
				t.Fatal(err)
			}
			rule := service.GroupRule{Group: "Owner", RoleIDs: []string{strong[0].ID}}
			if _, err := h.Connections.AddGroup(t.Context(), within("acme"), beside.ID, rule); err != nil {
				t.Fatal(err)
			}
			u := ssotest.Person("eve@acme.com")
			u.Groups = []string{"Owner", "admin"}
			l, err := h.samlLogin(t, u)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.rolesOf(t, "acme", l.User.ID); !slices.Equal(got, []string{"member"}) {
				t.Errorf("roles = %v, want those of any new member", got)
			}
		})
	})
}

// confinedToTenant lets a tenant sign in as one of its members who is in another tenant too.
func confinedToTenant(t *testing.T, h harbour) {
	t.Helper()
	both := h.member(t, "both@acme.com")
	l, err := h.samlLogin(t, ssotest.Person("both@acme.com"))
	if err != nil || l.User.ID != both.ID {
		t.Fatalf("signed in as %+v, %v, want the user who proved the address", l.User, err)
	}
	if l.Session.OnlyTenantID != "acme" {
		t.Errorf("the session may act in %q", l.Session.OnlyTenantID)
	}
	elsewhere := someone
	elsewhere.TenantID = "elsewhere"
	_, err = h.SignIn.Refresh(t.Context(), elsewhere, l.Secret)
	wantCode(t, "switch tenants", err, fault.Forbidden)
	again, err := h.refresh(t, l.Secret)
	if err != nil || again.Session.TenantID != "acme" || again.Session.OnlyTenantID != "acme" {
		t.Errorf("refreshed into %+v, %v", again.Session, err)
	}
	err = h.Passwords.Change(t.Context(), h.user(t, again), good, "another horse battery staple")
	wantCode(t, "change the password", err, fault.Forbidden)
	if _, err := h.local(t, "both@acme.com"); err != nil {
		t.Errorf("the user's own password = %v, want it to be good still", err)
	}
}

func TestAttackSSOAccounts(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		unproved := func(email string) ssotest.User {
			u := ssotest.Person(email)
			u.EmailVerified = false
			return u
		}
		t.Run("OIDC-26 account takeover by e-mail", func(t *testing.T) {
			ann := h.member(t, "ann@globex.com")
			h.nobody(t, func() {
				_, err := h.oidcLogin(t, unproved("ann@globex.com"))
				h.refused(t, "globex", err, "does not prove")
			})
			linked, err := h.db.LinkedIdentities(t.Context(), ann.ID)
			if err != nil || len(linked) > 0 {
				t.Errorf("linked with %v, %v", linked, err)
			}
			l, err := h.oidcLogin(t, ssotest.Person("ann@globex.com"))
			if err != nil || l.User.ID != ann.ID {
				t.Errorf("proved on both sides: %+v, %v, want %s", l.User, err, ann.ID)
			}
			h.member(t, "amy@globex.com")
			for _, said := range []any{"true", 1, nil, []any{true}} {
				_, err := h.oidcLogin(t, ssotest.Person("amy@globex.com"), func(claims map[string]any) { claims["email_verified"] = said })
				h.refused(t, "globex", err, "does not prove")
			}
		})
		t.Run("OIDC-27 nOAuth", func(t *testing.T) {
			first, err := h.oidcLogin(t, ssotest.Person("cat@globex.com"))
			if err != nil {
				t.Fatal(err)
			}
			thief := unproved("cat@globex.com")
			thief.Subject = "thief"
			h.nobody(t, func() {
				_, err := h.oidcLogin(t, thief)
				h.refused(t, "globex", err, "does not prove")
			})
			if l, err := h.oidcLogin(t, ssotest.Person("cat@globex.com")); err != nil || l.User.ID != first.User.ID {
				t.Errorf("the first subject is %+v, %v", l.User, err)
			}
		})
		t.Run("OIDC-28 sub reuse with changed e-mail", func(t *testing.T) {
			old := h.member(t, "old@globex.com")
			if l, err := h.oidcLogin(t, ssotest.Person("old@globex.com")); err != nil || l.User.ID != old.ID {
				t.Fatalf("%+v, %v", l.User, err)
			}
			ceo := h.member(t, "ceo@globex.com")
			u := ssotest.Person("ceo@globex.com")
			u.Subject = ssotest.Person("old@globex.com").Subject
			l, err := h.oidcLogin(t, u)
			if err != nil || l.User.ID != old.ID || l.User.Email != "old@globex.com" {
				t.Errorf("with another address: %+v, %v, want the same user and address, not %s", l.User, err, ceo.ID)
			}
			linked, err := h.db.LinkedIdentity(t.Context(), h.ids["globex"], u.Subject)
			if err != nil || linked.Email != "ceo@globex.com" {
				t.Errorf("the link says %+v, %v, want what was asserted last", linked, err)
			}
		})
		t.Run("OIDC-38 social provider id spoof", func(t *testing.T) {
			h.claim(t, "acme", "shared-a.com")
			a := ssotest.Person("one@acme.com")
			b := ssotest.Person("two@globex.com")
			a.Subject, b.Subject = "same", "same"
			la, errA := h.samlLogin(t, a)
			lb, errB := h.oidcLogin(t, b)
			if errA != nil || errB != nil || la.User.ID == lb.User.ID {
				t.Errorf("one subject at two providers: %s %v, %s %v, want two users", la.User.ID, errA, lb.User.ID, errB)
			}
		})
		t.Run("OIDC-29 IdP removed from tenant", func(t *testing.T) { removed(t, h) })
	})
}

// removed takes a connection away from who came through it.
func removed(t *testing.T, h harbour) {
	t.Helper()
	u := ssotest.Person("dan@globex.com")
	l, err := h.oidcLogin(t, u)
	if err != nil {
		t.Fatal(err)
	}
	off, on := false, true
	late := h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex"}), u)
	if _, err := h.Connections.Update(t.Context(), within("globex"), h.ids["globex"], service.ConnectionChange{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	_, err = h.land(t, late)
	h.refused(t, "globex", err, "disabled")
	_, err = h.SSO.Begin(t.Context(), someone, service.Start{TenantID: "globex"})
	wantCode(t, "begin through a disabled connection", err, fault.NotFound)
	_, err = h.refresh(t, l.Secret)
	wantCode(t, "refresh what came through it", err, fault.Unauthenticated)
	if _, err := h.Connections.Update(t.Context(), within("globex"), h.ids["globex"], service.ConnectionChange{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	late = h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex"}), u)
	if err := h.Connections.Delete(t.Context(), within("globex"), h.ids["globex"]); err != nil {
		t.Fatal(err)
	}
	_, err = h.land(t, late)
	wantCode(t, "come back through a deleted connection", err, fault.Unauthenticated)
	if linked, err := h.db.LinkedIdentities(t.Context(), l.User.ID); err != nil || len(linked) > 0 {
		t.Errorf("still linked: %v, %v", linked, err)
	}
}

// TestAttackSSOHijack lets somebody sign up with an address before its owner comes by single
// sign-on.
func TestAttackSSOHijack(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db, func(c *service.Config) { c.SignUp.SkipVerification = false })
		t.Run("INV-10 pre-registration hijack", func(t *testing.T) {
			h.enable(t, "acme", false) // nobody has to come through it yet
			attacker := store.Principal{IP: "192.0.2.66", Device: "attacker"}
			_, err := h.SignUp.Create(t.Context(), attacker, service.NewSignUp{Email: "eve@acme.com", Password: good, Company: "Evil"})
			if err != nil {
				t.Fatal(err)
			}
			userID, token := h.link(t)
			h.enable(t, "acme", true)
			l, err := h.samlLogin(t, ssotest.Person("eve@acme.com"))
			if err != nil || l.User.ID == userID || !l.User.Verified {
				t.Fatalf("the owner signs in as %+v, %v, want a user of their own", l.User, err)
			}
			_, err = h.local(t, "eve@acme.com")
			wantCode(t, "the attacker's password", err, fault.Unauthenticated)
			_, err = h.SignUp.Activate(t.Context(), attacker, service.Activation{UserID: userID, Token: token, Password: good})
			if err == nil {
				t.Error("the link that was mailed activates the attacker's account")
			}
			if _, err := h.db.User(t.Context(), userID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the attacker's account: %v", err)
			}
			if h.audited(t, "user.released") != 1 {
				t.Error("nobody can tell what became of the account")
			}
		})
		t.Run("INV-10 an account in use stays", func(t *testing.T) {
			h.enable(t, "acme", false)
			_, err := h.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "wait@acme.com", Password: good, Company: "Wait"})
			if err != nil {
				t.Fatal(err)
			}
			userID, _ := h.link(t)
			m := store.Membership{TenantID: "globex", UserID: userID, CreatedAt: h.clock.now(), UpdatedAt: h.clock.now()}
			if err := h.db.CreateMembership(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if _, err := h.oidcLogin(t, ssotest.Person("bob@globex.com")); err != nil {
				t.Fatal(err)
			}
			h.enable(t, "acme", true)
			h.nobody(t, func() {
				_, err := h.samlLogin(t, ssotest.Person("wait@acme.com"))
				h.refused(t, "acme", err, "never confirmed it")
			})
		})
	})
}

// enable turns a tenant's connection on or off.
func (h harbour) enable(t testing.TB, tenantID string, on bool) {
	t.Helper()
	if _, err := h.Connections.Update(t.Context(), within(tenantID), h.ids[tenantID], service.ConnectionChange{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
}

func TestAttackSSOFactors(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	t.Run("MFA-35 amr truth", func(t *testing.T) {
		const refeds = "https://refeds.org/profile/mfa"
		for i, tt := range []struct {
			context string
			methods []string
			since   time.Duration
			want    []string
			stepped bool
		}{
			{"", nil, 0, []string{"sso"}, false},
			{"", []string{"pwd"}, 0, []string{"sso", "pwd"}, false},
			{"", []string{"pwd", "mfa", "otp"}, 0, []string{"sso", "pwd", "mfa", "otp"}, true},
			{refeds, []string{"pwd"}, 0, []string{"sso", "pwd", "mfa"}, true},
			{refeds, nil, 72 * time.Hour, []string{"sso", "mfa"}, false},
			{"urn:something:multi-factor", []string{"recovery", "sso", "social", "MFA", "x"}, 0, []string{"sso"}, false},
		} {
			u := ssotest.Person(fmt.Sprintf("m%d@globex.com", i))
			u.Context, u.Methods, u.Since = tt.context, tt.methods, h.clock.now().Add(-tt.since)
			l, err := h.oidcLogin(t, u)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(l.Session.Methods, tt.want) {
				t.Errorf("%v and %q = %v, want %v", tt.methods, tt.context, l.Session.Methods, tt.want)
			}
			if p := h.user(t, l); p.SteppedUp(h.clock.now(), 0) != tt.stepped {
				t.Errorf("%v and %q, %s ago: stepped up = %t", tt.methods, tt.context, tt.since, !tt.stepped)
			}
		}
		u := ssotest.Person("never@globex.com")
		u.Methods = []string{"mfa"}
		l, err := h.oidcLogin(t, u, func(claims map[string]any) { delete(claims, "auth_time") })
		if err != nil {
			t.Fatal(err)
		}
		if p := h.user(t, l); p.SteppedUp(h.clock.now(), 0) {
			t.Error("two factors at a time that nobody knows count as just now")
		}
	})
	t.Run("MFA-35 the policy here still asks", func(t *testing.T) {
		h.force(t, "", service.Force)
		u := ssotest.Person("asked@globex.com")
		u.Methods = []string{"mfa"}
		l, err := h.oidcLogin(t, u)
		if err != nil || !l.MFARequired || l.Secret != "" {
			t.Errorf("under a policy that asks everybody: %+v, %v", l, err)
		}
		h.force(t, "", service.ForceExceptSSO)
		if l, err = h.oidcLogin(t, u); err != nil || l.MFARequired {
			t.Errorf("under one that spares single sign-on: %+v, %v", l, err)
		}
	})
}
