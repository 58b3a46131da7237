package service_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// stateOf is the handle that a departure gives to the provider.
func stateOf(t testing.TB, d service.Departure) string {
	t.Helper()
	u, err := url.Parse(d.Address)
	if err != nil || u.Query().Get("state") == "" {
		t.Fatalf("there is no state in %q, %v", d.Address, err)
	}
	return u.Query().Get("state")
}

// TestAttackSSOMixUp lets somebody with a provider of their own get hold of what another one
// says.
func TestAttackSSOMixUp(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		thiefs := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: h.clock.now})
		n := h.byOIDC()
		n.Secret, n.Settings.OIDC.Issuer, n.Settings.OIDC.ClientID = thiefs.ClientSecret(), thiefs.Issuer(), thiefs.ClientID()
		h.connect(t, "thieves", n)
		t.Run("OIDC-05 mix-up, no iss support", func(t *testing.T) {
			// The thief has begun at the honest provider. The victim begins at the thief's, which
			// sends them on to the honest one with what the thief has begun there, but their own
			// state. What comes back is a code that fits the thief's sign-in.
			own := h.leave(t, service.Start{TenantID: "globex"})
			victim := h.leave(t, service.Start{TenantID: "thieves"})
			got := h.fromOIDC(t, own, ssotest.Person("ada@globex.com"))
			code := got.Answer.Get("code")
			_, err := h.land(t, service.Arrival{Browser: victim.Browser, Answer: url.Values{"code": {code}, "state": {stateOf(t, victim)}}})
			h.refused(t, "thieves", err, "")
			h.nobody(t, func() {
				_, err := h.land(t, got)
				h.refused(t, "globex", err, "came here before")
			})
			l, err := h.oidcLogin(t, ssotest.Person("ada@globex.com"))
			if err != nil || l.Session.TenantID != "globex" {
				t.Errorf("the victim's next sign-in: %+v, %v", l.Session, err)
			}
		})
		t.Run("OIDC-04 code injection", func(t *testing.T) {
			// The thief brings the victim's code, which they have from a log, to a sign-in of theirs.
			code := h.fromOIDC(t, h.leave(t, service.Start{TenantID: "globex"}), ssotest.Person("ada@globex.com")).Answer.Get("code")
			own := h.leave(t, service.Start{TenantID: "globex"})
			answer := url.Values{"code": {code}, "state": {stateOf(t, own)}, "iss": {h.oidc.Issuer()}}
			_, err := h.land(t, service.Arrival{Browser: own.Browser, Answer: answer})
			h.refused(t, "globex", err, "invalid_grant")
		})
		t.Run("SAML-41 a handle of another protocol", func(t *testing.T) {
			d := h.leave(t, service.Start{TenantID: "globex"})
			saml := h.fromSAML(t, h.leave(t, service.Start{TenantID: "acme"}), ssotest.Person("ada@acme.com"))
			_, err := h.land(t, service.Arrival{Browser: d.Browser, SAMLResponse: saml.SAMLResponse, RelayState: stateOf(t, d)})
			h.refused(t, "globex", err, "of another kind")
			d = h.leave(t, service.Start{TenantID: "acme"})
			u, err := url.Parse(d.Address)
			if err != nil {
				t.Fatal(err)
			}
			answer := url.Values{"code": {"c"}, "state": {u.Query().Get("RelayState")}}
			_, err = h.land(t, service.Arrival{Browser: d.Browser, Answer: answer})
			h.refused(t, "acme", err, "of another kind")
			d = h.leave(t, service.Start{TenantID: "globex"})
			_, err = h.Socials.Finish(t.Context(), someone, service.SocialArrival{
				Browser: d.Browser, Answer: url.Values{"code": {"c"}, "state": {stateOf(t, d)}},
			})
			wantCode(t, "the handle of a tenant's provider at the address of social ones", err, fault.Unauthenticated)
		})
	})
}

// A meanwhile does something once, right after a provider's answer was believed.
type meanwhile struct {
	store.Store
	do func()
}

func (m *meanwhile) CreateChallenge(ctx context.Context, c store.Challenge) error {
	err := m.Store.CreateChallenge(ctx, c)
	if do := m.do; do != nil && c.Purpose == store.SSOReplay {
		m.do = nil
		do()
	}
	return err
}

// TestAttackSSOReplaced takes the keys of a provider away whose word somebody is about to be let
// in by: whoever stole them may be waiting for just that.
func TestAttackSSOReplaced(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		m := &meanwhile{Store: db}
		h := harbourOver(t, m)
		other := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: h.clock.now})
		replace := func() {
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.Certificates = []string{other.Certificate()} })
		}
		restore := func() {
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.SAML.Certificates = []string{h.saml.Certificate()} })
		}
		t.Run("OIDC-29 while the answer was looked at", func(t *testing.T) {
			m.do = replace
			h.nobody(t, func() {
				_, err := h.samlLogin(t, ssotest.Person("ada@acme.com"))
				h.refused(t, "acme", err, "got another provider meanwhile")
			})
			restore()
			if _, err := h.samlLogin(t, ssotest.Person("ada@acme.com")); err != nil {
				t.Errorf("with its own keys again: %v", err)
			}
		})
		t.Run("OIDC-29 while the issuer was asked", func(t *testing.T) {
			next := ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: h.clock.now})
			m.do = func() {
				h.set(t, "globex", func(st *service.ConnectionSettings) { st.OIDC.Issuer = next.Issuer() })
			}
			h.nobody(t, func() {
				_, err := h.oidcLogin(t, ssotest.Person("bob@globex.com"))
				h.refused(t, "globex", err, "got another provider meanwhile")
			})
		})
		t.Run("OIDC-29 while the second factor was waited for", func(t *testing.T) {
			h.force(t, "acme", service.Force)
			l, err := h.samlLogin(t, ssotest.Person("ada@acme.com"))
			if err != nil || !l.MFARequired || l.MFAEnrolled {
				t.Fatalf("the login is %+v, %v, want it to ask for a first device", l, err)
			}
			h.clock.advance(time.Second)
			replace()
			e, err := h.MFA.EnrollAtLogin(t.Context(), someone, l.MFAToken)
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.MFA.FinishEnrollAtLogin(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: h.shownBy(t, e)})
			wantCode(t, "get in by a first device", err, fault.Unauthenticated)
			if fs, err := h.db.Factors(t.Context(), l.User.ID); err != nil || len(fs) > 0 {
				t.Errorf("devices = %v, %v, want none", fs, err)
			}
		})
	})
}

// TestAttackSSOWords has a provider say what is to break something here.
func TestAttackSSOWords(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		h := harbourOver(t, db)
		t.Run("SAML-42 an address that is none", func(t *testing.T) {
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.AnyDomain = true })
			for _, email := range []string{
				"eve", "eve@", "@acme.com", "CORP\\eve", "eve@acme.com\r\nBcc: all@globex.com", "eve@acme.com,ceo@acme.com", "<eve@acme.com>",
				`"eve@globex.com"@acme.com`, "eve@globex.com@acme.com", "eve@acme.com@globex.com", strings.Repeat("e", 300) + "@acme.com",
			} {
				u := ssotest.Person("eve@acme.com")
				u.Email, u.Subject = email, "who says "+email
				l, err := h.samlLogin(t, u)
				if err != nil {
					continue
				}
				is, failed := h.db.Identifiers(t.Context(), l.User.ID)
				if l.User.Email != "" || l.User.Verified || failed != nil || len(is) > 0 {
					t.Errorf("%q is %+v, found by %v, %v", email, l.User, is, failed)
				}
			}
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.AnyDomain = false })
		})
		t.Run("SAML-42 one domain, spelled in many ways", func(t *testing.T) {
			first, err := h.samlLogin(t, ssotest.Person("eve@acme.com"))
			if err != nil {
				t.Fatal(err)
			}
			for i, email := range []string{"eve@ACME.com", "EVE@acme.COM", "eve@acme.com.", " eve@acme.com ", "eve@ａｃｍｅ.com", "eve@acme。com"} {
				u := ssotest.Person(email)
				u.Subject = fmt.Sprint("spelled ", i)
				if l, err := h.samlLogin(t, u); err != nil || l.User.ID != first.User.ID {
					t.Errorf("%q is %+v, %v, want the one who has that address", email, l.User, err)
				}
			}
			for i, email := range []string{"eve@аcme.com", "eve@acme.com.evil.example", "eve@sub.acme.com", "eve@com", "eve@acme.co", "eve@acmé.com"} {
				u := ssotest.Person(email)
				u.Subject = fmt.Sprint("another ", i)
				h.nobody(t, func() {
					_, err := h.samlLogin(t, u)
					h.refused(t, "acme", err, "")
				})
			}
		})
		t.Run("OIDC-20 subjects that are nearly one", func(t *testing.T) {
			ids := map[string]string{}
			for i, subject := range []string{"nia", "Nia", "nia ", "n\u0131a", "ni\u0430", "nía", "ni\u0301a"} {
				u := ssotest.Person(fmt.Sprintf("nia%d@globex.com", i))
				u.Subject = subject
				l, err := h.oidcLogin(t, u)
				if err != nil {
					t.Errorf("subject %q: %v", subject, err)
				}
				if other, taken := ids[l.User.ID]; taken {
					t.Errorf("subject %q is the user of %q", subject, other)
				}
				ids[l.User.ID] = subject
			}
		})
		t.Run("SAML-25 what strangers send is not kept", func(t *testing.T) {
			_, err := h.land(t, service.Arrival{ConnectionID: h.ids["acme"], SAMLResponse: strings.Repeat("QUFB", 50_000)})
			h.refused(t, "acme", err, "nobody asked for this sign-in")
			all, err := h.db.SSOAttempts(t.Context(), "acme", h.ids["acme"])
			if err != nil || len(all) == 0 {
				t.Fatalf("%d attempts, %v", len(all), err)
			}
			if a, err := h.db.SSOAttempt(t.Context(), "acme", all[0].ID); err != nil || len(a.Document) > 0 {
				t.Errorf("%d bytes of it are kept, %v", len(a.Document), err)
			}
		})
		t.Run("SAML-44 names of any length", func(t *testing.T) {
			subject := []string{"uid"}
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.Attributes.Subject = subject })
			for _, n := range []struct{ name, uid int }{{1024, 1024}, {1, 1025}, {1025, 1}, {50_000, 10}, {10, 50_000}} {
				u := ssotest.Person(fmt.Sprintf("long%d-%d@acme.com", n.name, n.uid))
				u.Subject = strings.Repeat("n", n.name)
				u.Attributes = map[string][]string{"uid": {strings.Repeat("u", n.uid)}}
				_, err := h.samlLogin(t, u)
				if n.name <= 1024 && n.uid <= 1024 {
					wantCode(t, "names that can be kept", err, "")
					continue
				}
				h.refused(t, "acme", err, "")
			}
			h.set(t, "acme", func(st *service.ConnectionSettings) { st.Attributes.Subject = nil })
		})
		t.Run("SAML-42 an address that nobody can write to", func(t *testing.T) {
			roles, err := h.Roles.Create(t.Context(), within("acme"), []service.NewRole{{Key: "keeper", Name: "Keeper"}})
			if err != nil {
				t.Fatal(err)
			}
			l, err := h.samlLogin(t, ssotest.Person("-eve@acme.com"))
			if err != nil {
				t.Fatal(err)
			}
			all, err := h.db.Permissions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(all, func(p store.PermissionRecord) bool { return p.Key == store.WriteSSO })
			if _, err := h.Roles.SetPermissions(t.Context(), within("acme"), roles[0].ID, []string{all[i].ID}); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Members.Assign(t.Context(), within("acme"), l.User.ID, []string{roles[0].ID}); err != nil {
				t.Fatal(err)
			}
			h.enable(t, "acme", false)
			_, err = h.refresh(t, l.Secret)
			wantCode(t, "refresh through a provider that was turned off", err, fault.Unauthenticated)
		})
	})
}

// TestSSOSetupOutlived: who made a link, and is sent away then, does not come back by it.
func TestSSOSetupOutlived(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(t *testing.T, w domainWorld, by store.Principal) error{
		"removed": func(t *testing.T, w domainWorld, by store.Principal) error {
			return w.Users.Delete(t.Context(), hostIn(by.TenantID), by.UserID)
		},
		"deleted": func(t *testing.T, w domainWorld, by store.Principal) error {
			return w.Users.Delete(t.Context(), host, by.UserID)
		},
		"locked": func(t *testing.T, w domainWorld, by store.Principal) error {
			return w.Users.Lock(t.Context(), host, by.UserID)
		},
		"disabled": func(t *testing.T, w domainWorld, by store.Principal) error {
			return w.Members.Disable(t.Context(), hostIn(by.TenantID), by.UserID)
		},
		"without the right": func(t *testing.T, w domainWorld, by store.Principal) error {
			_, err := w.Members.Unassign(t.Context(), hostIn(by.TenantID), by.UserID, []string{by.Roles[0].ID})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDomainWorld(t)
			ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
			_, link := w.setupLink(t, ann)
			_, cookie := w.opened(t, bob)
			wantCode(t, "send them away", away(t, w, ann), "")
			wantCode(t, "send them away", away(t, w, bob), "")
			wantCode(t, "look", errOf3(w.SSOSetups.Look(t.Context(), link)), fault.Gone)
			wantCode(t, "open", errOf3(w.SSOSetups.Open(t.Context(), someone, link)), fault.Gone)
			_, err := w.SSOSetups.Principal(t.Context(), someone, cookie)
			wantCode(t, "go on", err, fault.Unauthenticated)
		})
	}
	w := newDomainWorld(t)
	ann := w.admin(t, "ann@a.example")
	_, cookie := w.opened(t, hostIn(ann.TenantID))
	wantCode(t, "remove a member", w.Users.Delete(t.Context(), hostIn(ann.TenantID), ann.UserID), "")
	_, err := w.SSOSetups.Principal(t.Context(), someone, cookie)
	wantCode(t, "go on with a link of the host's", err, "")
}
