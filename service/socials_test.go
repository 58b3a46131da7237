package service_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// A socialWorld is a process with two social providers: "plain" speaks OAuth 2.0, "connect"
// OpenID Connect.
type socialWorld struct {
	world
	plain, connect *ssotest.OIDC
}

// nearby lets the library reach providers on this machine.
func nearby(c *service.Config) {
	c.Outbound = outbound.New(outbound.Options{AllowPrivateNetworks: true})
}

func newSocialWorld(t *testing.T, db store.Store, change ...func(*service.Config)) socialWorld {
	t.Helper()
	k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	w := socialWorld{
		plain:   ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: k.now, Plain: true}),
		connect: ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: k.now}),
	}
	w.world = worldOver(t, db, k, append([]func(*service.Config){nearby}, change...)...)
	on := true
	for kind, p := range map[string]*ssotest.OIDC{"plain": w.plain, "connect": w.connect} {
		id, secret, at := p.ClientID(), p.ClientSecret(), p.Issuer()
		issuer, authorize, token, userinfo, auth := "", at+"/authorize", at+"/token", at+"/userinfo", oidc.Basic
		if kind == "connect" {
			issuer = at
		}
		_, err := w.Socials.CreateCustom(t.Context(), host, service.SocialChange{
			Type: &kind, Name: &kind, Active: &on, ClientID: &id, Secret: &secret, Issuer: &issuer,
			AuthorizationURL: &authorize, TokenURL: &token, UserInfoURL: &userinfo, Auth: &auth,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w socialWorld) provider(kind string) *ssotest.OIDC {
	if kind == "plain" {
		return w.plain
	}
	return w.connect
}

// leave begins a sign-in and returns how far it came.
func (w socialWorld) leave(t *testing.T, kind string, u ssotest.User) service.SocialArrival {
	t.Helper()
	d, err := w.Socials.Begin(t.Context(), someone, service.SocialStart{Type: kind, Kind: store.Family, Next: "/reports"})
	if err != nil {
		t.Fatalf("begin: %v (%s)", err, sso.Diagnosis(err))
	}
	return service.SocialArrival{Browser: d.Browser, Answer: w.provider(kind).In(t).Authorize(d.Address, u)}
}

// enter goes the whole way.
func (w socialWorld) enter(t *testing.T, kind string, u ssotest.User) (service.SocialLogin, error) {
	t.Helper()
	return w.Socials.Finish(t.Context(), someone, w.leave(t, kind, u))
}

func verified(email string) ssotest.User {
	return ssotest.User{Subject: "id of " + email, Email: email, EmailVerified: true, Name: "Ann"}
}

// TestSocialSignIn is a person's first and second sign-in.
func TestSocialSignIn(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := newSocialWorld(t, db)
		for _, kind := range []string{"plain", "connect"} {
			u := verified(kind + "@example.test")
			first, err := w.enter(t, kind, u)
			if err != nil {
				t.Fatalf("%s: %v (%s)", kind, err, sso.Diagnosis(err))
			}
			l := first.Login
			if !first.Made || first.Next != "/reports" || first.Kind != store.Family || l.AccessToken == "" ||
				l.User.Email != u.Email || !l.User.Verified || l.User.Provider != kind || l.User.Name != "Ann" {
				t.Errorf("%s: first %+v", kind, first)
			}
			if strings.Join(l.Session.Methods, " ") != "social" || l.Session.OnlyTenantID != "" {
				t.Errorf("%s: session %+v", kind, l.Session)
			}
			tenant, err := w.db.Tenant(t.Context(), l.Session.TenantID)
			if err != nil || tenant.Name != "Ann" || tenant.CreatorEmail != u.Email {
				t.Errorf("%s: tenant %+v, %v", kind, tenant, err)
			}
			if p := w.user(t, l); !p.Rights.Has("reports.read") {
				t.Errorf("%s: whoever signs up is no administrator of their tenant", kind)
			}
			u.Email, u.Name = "other@example.test", "Other"
			second, err := w.enter(t, kind, u)
			if err != nil || second.Made || second.Login.User.ID != l.User.ID || second.Login.User.Email != kind+"@example.test" {
				t.Errorf("%s: OIDC-28 second %+v, %v; want the same user, with the address they had", kind, second, err)
			}
		}
	})
}

// TestAttackSocialLinks is about whose account somebody gets into.
func TestAttackSocialLinks(t *testing.T) {
	t.Parallel()
	t.Run("OIDC-26 both proved it", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t), open)
		ann := w.signUp(t, "ann@example.test")
		got, err := w.enter(t, "plain", verified("ann@example.test"))
		if err != nil || got.Made || got.Login.User.ID != ann.User.ID {
			t.Errorf("%+v, %v; want Ann", got.Login.User, err)
		}
	})
	t.Run("OIDC-26 the provider does not", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t), open)
		w.signUp(t, "ann@example.test")
		for _, kind := range []string{"plain", "connect"} {
			u := verified("ann@example.test")
			u.EmailVerified = false
			_, err := w.enter(t, kind, u)
			wantCode(t, kind, err, fault.Unauthenticated)
			if d := sso.Diagnosis(err); !strings.Contains(d, "does not prove") {
				t.Errorf("%s: diagnosis %q", kind, d)
			}
		}
		if n := w.audited(t, "social.refused"); n != 2 {
			t.Errorf("%d refusals in the audit, want 2", n)
		}
	})
	t.Run("OIDC-26 the account here does not", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t))
		if _, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "ann@example.test", Password: good, Company: "Evil"}); err != nil {
			t.Fatal(err)
		}
		got, err := w.enter(t, "plain", verified("ann@example.test"))
		if err != nil || !got.Made {
			t.Fatalf("%+v, %v; want a user of her own", got, err)
		}
		if _, err := w.login(t, "ann@example.test", good); err == nil {
			t.Error("the password of whoever made the account opens it")
		}
	})
	t.Run("OIDC-26 nobody proves it", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t), open)
		u := verified("ann@example.test")
		u.EmailVerified = false
		got, err := w.enter(t, "plain", u)
		if err != nil || !got.Made || got.Login.User.Verified {
			t.Fatalf("%+v, %v; want a user whose address is not verified", got, err)
		}
		if ann := w.signUp(t, "ann@example.test"); ann.User.ID == got.Login.User.ID {
			t.Error("the owner of the address became whoever asserted it")
		}
	})
	t.Run("OIDC-38 one subject at two providers", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t))
		a, err := w.enter(t, "plain", ssotest.User{Subject: "1", Email: "a@example.test", EmailVerified: true})
		b, errB := w.enter(t, "connect", ssotest.User{Subject: "1", Email: "b@example.test", EmailVerified: true})
		if err != nil || errB != nil || a.Login.User.ID == b.Login.User.ID {
			t.Errorf("%s and %s, %v %v; want two people", a.Login.User.ID, b.Login.User.ID, err, errB)
		}
	})
	t.Run("OIDC-29 a provider that was deleted, and made again", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t))
		u := ssotest.User{Subject: "1"}
		first, err := w.enter(t, "plain", u)
		if err != nil {
			t.Fatal(err)
		}
		p := w.social(t, "plain")
		if err := w.Socials.DeleteCustom(t.Context(), host, p.ID); err != nil {
			t.Fatal(err)
		}
		if ls, err := w.db.LinkedIdentities(t.Context(), first.Login.User.ID); err != nil || len(ls) != 0 {
			t.Errorf("%d identities are left, %v", len(ls), err)
		}
	})
	t.Run("two users of one address, where users are per tenant", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t), open, func(c *service.Config) { c.PerTenant = true })
		ann := w.signUp(t, "ann@example.test")
		got, err := w.enter(t, "plain", verified("ann@example.test"))
		if err != nil || !got.Made || got.Login.User.ID == ann.User.ID || !got.Login.User.Verified {
			t.Fatalf("%+v, %v; want another user", got, err)
		}
		is, err := w.db.Identifiers(t.Context(), got.Login.User.ID)
		if err != nil || len(is) != 1 || is[0].Scope != got.Login.Session.TenantID || is[0].VerifiedAt.IsZero() {
			t.Errorf("found by %+v, %v; want the address in the user's own tenant", is, err)
		}
	})
}

func (w socialWorld) social(t *testing.T, kind string) service.Social {
	t.Helper()
	p, err := w.Socials.Get(t.Context(), host, kind)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAttackSocialVoyage is about answers that belong to nobody's sign-in.
func TestAttackSocialVoyage(t *testing.T) {
	t.Parallel()
	w := newSocialWorld(t, memory(t))
	ann := verified("ann@example.test")
	for _, tt := range []struct {
		name string
		bend func(*service.SocialArrival)
	}{
		{"OIDC-01 no state", func(a *service.SocialArrival) { a.Answer.Del("state") }},
		{"OIDC-01 another state", func(a *service.SocialArrival) { a.Answer.Set("state", oidc.NewFlow().State) }},
		{"OIDC-01 another browser", func(a *service.SocialArrival) { a.Browser = oidc.NewFlow().State }},
		{"OIDC-01 no browser", func(a *service.SocialArrival) { a.Browser = "" }},
		{"OIDC-31 refused there", func(a *service.SocialArrival) { a.Answer.Set("error", "access_denied") }},
		{"OIDC-32 a token", func(a *service.SocialArrival) { a.Answer.Set("access_token", "x") }},
		{"another provider", func(a *service.SocialArrival) { a.Type = "connect" }},
		{"another redirect URI", func(a *service.SocialArrival) { a.RedirectURI = "https://evil.example/" }},
		{"nothing", func(a *service.SocialArrival) { *a = service.SocialArrival{Answer: url.Values{}} }},
	} {
		a := w.leave(t, "plain", ann)
		tt.bend(&a)
		_, err := w.Socials.Finish(t.Context(), someone, a)
		wantCode(t, tt.name, err, fault.Unauthenticated)
		if got, want := fault.From(err).Error(), sso.Refuse("", nil).Error(); got != want {
			t.Errorf("%s: a caller sees %q, want %q", tt.name, got, want)
		}
	}
	a := w.leave(t, "plain", ann)
	if _, err := w.Socials.Finish(t.Context(), someone, a); err != nil {
		t.Fatal(sso.Diagnosis(err))
	}
	_, err := w.Socials.Finish(t.Context(), someone, a)
	wantCode(t, "OIDC-01 replayed", err, fault.Unauthenticated)
	late := w.leave(t, "plain", ann)
	w.clock.advance(10 * time.Minute)
	_, err = w.Socials.Finish(t.Context(), someone, late)
	wantCode(t, "OIDC-01 expired", err, fault.Unauthenticated)
	off := w.leave(t, "plain", ann)
	if err := w.Socials.Switch(t.Context(), host, "plain", false); err != nil {
		t.Fatal(err)
	}
	_, err = w.Socials.Finish(t.Context(), someone, off)
	wantCode(t, "OIDC-29 turned off meanwhile", err, fault.Unauthenticated)
	_, err = w.Socials.Begin(t.Context(), someone, service.SocialStart{Type: "plain"})
	wantCode(t, "OIDC-29 turned off before", err, fault.NotFound)
	_, err = w.Socials.Begin(t.Context(), someone, service.SocialStart{Type: "nobody"})
	wantCode(t, "never there", err, fault.NotFound)
}

// TestAttackSocialRules is about rules that a social sign-in must not get around.
func TestAttackSocialRules(t *testing.T) {
	t.Parallel()
	t.Run("sign-up is closed", func(t *testing.T) {
		t.Parallel()
		db := memory(t)
		w := newSocialWorld(t, db, open)
		w.signUp(t, "ann@example.test")
		w.Services = worldOver(t, db, w.clock, nearby, func(c *service.Config) { c.SignUp.Closed = true }).Services
		_, err := w.enter(t, "plain", verified("bob@example.test"))
		wantCode(t, "a stranger", err, fault.Forbidden)
		if got, err := w.enter(t, "plain", verified("ann@example.test")); err != nil || got.Made {
			t.Errorf("whoever is a user: %+v, %v", got, err)
		}
	})
	t.Run("MFA-35 a second factor is asked for", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t))
		enforce := service.ForceExceptSSO
		if _, err := w.MFAPolicies.Put(t.Context(), host, service.MFAPolicyChange{Enforce: &enforce}); err != nil {
			t.Fatal(err)
		}
		u := verified("ann@example.test")
		u.Methods, u.Context = []string{"mfa"}, store.MultiFactor
		got, err := w.enter(t, "connect", u)
		if err != nil || !got.Login.MFARequired || got.Login.AccessToken != "" {
			t.Errorf("%+v, %v; want the question for a second factor", got.Login, err)
		}
	})
	t.Run("MFA-35 whoever has a second factor shows it", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t), skewed)
		first, err := w.enter(t, "plain", verified("ann@example.test"))
		if err != nil {
			t.Fatal(err)
		}
		phone, _ := w.enroll(t, w.user(t, first.Login))
		asked, err := w.enter(t, "plain", verified("ann@example.test"))
		if err != nil || !asked.Login.MFARequired || asked.Next != "/reports" {
			t.Fatalf("%+v, %v; want the question", asked, err)
		}
		l, err := w.verify(t, asked.Login.MFAToken, phone.next(t))
		if err != nil || strings.Join(l.Session.Methods, " ") != "social otp mfa" {
			t.Errorf("%v, %v; want a session of both", l.Session.Methods, err)
		}
		if _, err := w.db.ProviderSession(t.Context(), l.User.ID, l.Session.ID); err != nil {
			t.Errorf("where the session came from: %v", err)
		}
		asked, err = w.enter(t, "plain", verified("ann@example.test"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Socials.Switch(t.Context(), host, "plain", false); err != nil {
			t.Fatal(err)
		}
		_, err = w.verify(t, asked.Login.MFAToken, phone.next(t))
		wantCode(t, "OIDC-29 a provider that was turned off while the code was waited for", err, fault.Unauthenticated)
	})
	t.Run("a locked user", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t))
		got, err := w.enter(t, "plain", verified("ann@example.test"))
		if err != nil {
			t.Fatal(err)
		}
		u := got.Login.User
		u.Locked = true
		if err := w.db.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		_, err = w.enter(t, "plain", verified("ann@example.test"))
		wantCode(t, "locked", err, fault.Unauthenticated)
	})
	t.Run("an address in a domain of single sign-on", func(t *testing.T) {
		t.Parallel()
		w := newSocialWorld(t, memory(t))
		before, err := w.enter(t, "plain", verified("ann@acme.test"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.enter(t, "plain", verified("carl@example.test")); err != nil {
			t.Fatal(err)
		}
		w.bind(t, "acme.test")
		for name, u := range map[string]ssotest.User{
			"who comes for the first time":              verified("bob@acme.test"),
			"who was here":                              verified("ann@acme.test"),
			"who was here, under another address":       {Subject: "id of ann@acme.test", Email: "ann@example.test", EmailVerified: true},
			"who was here, and is said to be elsewhere": {Subject: "id of carl@example.test", Email: "carl@acme.test", EmailVerified: true},
			"who proves nothing":                        {Subject: "x", Email: "eve@ACME.test"},
		} {
			_, err := w.enter(t, "plain", u)
			if f := fault.From(err); f == nil || f.Code != fault.Forbidden || f.Wire != service.SSORequired {
				t.Errorf("%s: %v, want %s", name, err, service.SSORequired)
			}
		}
		if n, err := w.db.CountUsers(t.Context()); err != nil || n != 2 {
			t.Errorf("%d users, %v; want %s and carl alone", n, err, before.Login.User.ID)
		}
	})
}

// bind gives a domain to a tenant's connection.
func (w socialWorld) bind(t *testing.T, domain string) {
	t.Helper()
	ctx, now := t.Context(), w.clock.now()
	for _, err := range []error{
		w.db.CreateTenant(ctx, store.Tenant{ID: "acme", Name: "Acme", Metadata: "{}", CreatedAt: now, UpdatedAt: now}),
		w.db.CreateConnection(ctx, store.Connection{
			TenantID: "acme", ID: "c1", Protocol: store.SAML, Enabled: true, Settings: "{}", CreatedAt: now, UpdatedAt: now,
		}),
		w.db.CreateDomain(ctx, store.Domain{TenantID: "acme", ConnectionID: "c1", ID: "d1", Name: domain, CreatedAt: now, ValidatedAt: now}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSocialRace is two first sign-ins of one person at once.
func TestSocialRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := newSocialWorld(t, db)
		arrivals := []service.SocialArrival{
			w.leave(t, "plain", verified("ann@example.test")), w.leave(t, "plain", verified("ann@example.test")),
			w.leave(t, "connect", verified("ann@example.test")),
		}
		ids := make(chan string, len(arrivals))
		for _, a := range arrivals {
			go func() {
				l, err := w.Socials.Finish(t.Context(), someone, a)
				if err != nil {
					t.Errorf("finish: %v (%s)", err, sso.Diagnosis(err))
				}
				ids <- l.Login.User.ID
			}()
		}
		seen := map[string]bool{}
		for range arrivals {
			seen[<-ids] = true
		}
		if n, err := w.db.CountUsers(t.Context()); err != nil || n != 1 || len(seen) != 1 {
			t.Errorf("%d users, %v, of %v; want one", n, err, seen)
		}
	})
}
