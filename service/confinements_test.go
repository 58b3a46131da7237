package service_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A vouched is a world with ann, who has a tenant of her own and belongs to acme, whose
// provider knows her.
type vouched struct {
	world
	here  service.Login // her own session, at home
	visit service.Visit // through acme's provider
}

func newVouched(t testing.TB, change ...func(*service.Config)) vouched {
	t.Helper()
	return vouchedIn(t, newWorld(t, append(change, open, skewed)...))
}

func vouchedIn(t testing.TB, w world) vouched {
	t.Helper()
	v := vouched{world: w, here: w.signUp(t, "ann@home.example")}
	w.founds(t, "acme")
	v.visit = service.Visit{
		UserID: v.here.User.ID, TenantID: "acme", ConnectionID: w.bind(t, "acme", "acme.example"), Subject: "ann@idp",
		Methods: []string{"sso", "pwd"},
	}
	v.joins(t, v.visit.UserID, "acme")
	v.links(t, v.visit)
	return v
}

// founds makes a tenant.
func (w world) founds(t testing.TB, id string) {
	t.Helper()
	if _, err := w.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: id, Name: id}); err != nil {
		t.Fatal(err)
	}
}

// joins makes a user a member of a tenant.
func (w world) joins(t testing.TB, userID, tenantID string) {
	t.Helper()
	m := store.Membership{TenantID: tenantID, UserID: userID, Activated: true, CreatedAt: w.clock.now(), UpdatedAt: w.clock.now()}
	if err := w.db.CreateMembership(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.Forget(userID)
}

func (w world) links(t testing.TB, v service.Visit) {
	t.Helper()
	l := store.LinkedIdentity{
		ConnectionID: v.ConnectionID, Subject: v.Subject, TenantID: v.TenantID, UserID: v.UserID,
		CreatedAt: w.clock.now(), LastUsedAt: w.clock.now(),
	}
	if err := w.db.CreateLinkedIdentity(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

// forced has the environment ask everybody for a second factor.
func (w world) forced(t testing.TB, e service.Enforcement) {
	t.Helper()
	if _, err := w.MFAPolicies.Put(t.Context(), store.System(), service.MFAPolicyChange{Enforce: &e}); err != nil {
		t.Fatal(err)
	}
}

// comes opens a session through the provider.
func (w vouched) comes(t testing.TB, change ...func(*service.Visit)) service.Login {
	t.Helper()
	v := w.visit
	for _, f := range change {
		f(&v)
	}
	l, err := w.Come(t.Context(), someone, v)
	if err != nil {
		t.Fatalf("come through the provider: %v", err)
	}
	return l
}

func browserKind(v *service.Visit) { v.Kind = store.Browser }

// wantConfined fails the test unless err says that the session is for one tenant only.
func wantConfined(t testing.TB, what string, err error) {
	t.Helper()
	if f := fault.From(err); f == nil || f.Code != fault.Forbidden || f.Wire != "confined_session" {
		t.Errorf("%s = %v, want Forbidden with confined_session", what, err)
	}
}

func TestConfinement(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := vouchedIn(t, worldOver(t, db, newClock(), open, skewed))
		home := w.here.Session.TenantID
		for _, l := range []service.Login{w.comes(t), w.comes(t, browserKind)} {
			if l.Session.TenantID != "acme" || l.Session.OnlyTenantID != "acme" {
				t.Errorf("the session is %+v, want it in acme only", l.Session)
			}
		}
		u, err := w.db.User(t.Context(), w.visit.UserID)
		if err != nil || u.ActiveTenantID != home {
			t.Errorf("the user acts in %q (%v), want where she chose", u.ActiveTenantID, err)
		}
		l := w.comes(t, func(v *service.Visit) { v.Override = true })
		if u, err = w.db.User(t.Context(), w.visit.UserID); err != nil || u.ActiveTenantID != "acme" {
			t.Errorf("the user acts in %q (%v), want what the connection says", u.ActiveTenantID, err)
		}
		next, err := w.refresh(t, l.Secret)
		if err != nil || next.Session.OnlyTenantID != "acme" || show(claimsOf(t, next)["tenantIds"]) != `["acme"]` {
			t.Errorf("refreshed: %v, %v", claimsOf(t, next), err)
		}
		p, err := w.db.ProviderSession(t.Context(), w.visit.UserID, l.Session.ID)
		if err != nil || p.ConnectionID != w.visit.ConnectionID || p.Subject != "ann@idp" || !p.ExpiresAt.Equal(l.Session.EndsAt) {
			t.Errorf("what it came from = %+v, %v", p, err)
		}
		if got := show(claimsOf(t, w.here)["tenantIds"]); got != `["`+home+`"]` {
			t.Fatalf("her own session was in %s", got)
		}
		own, err := w.refresh(t, w.here.Secret)
		if err != nil || len(claimsOf(t, own)["tenantIds"].([]any)) != 2 {
			t.Errorf("her own session: %v, %v, want both tenants", claimsOf(t, own), err)
		}
	})
}

func TestAttackConfinement(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, vouched)) {
		t.Run("SAML-43 "+name, func(t *testing.T) {
			t.Parallel()
			fn(t, newVouched(t))
		})
	}
	story("acts in no other tenant", actsElsewhere)
	story("sees nothing of the others", seesElsewhere)
	story("changes nothing that counts everywhere", changesElsewhere)
	story("stays confined after a second factor", confinedAfterMFA)
	story("stays confined after a step-up", confinedAfterStepUp)
	story("enrolls no first device", enrollsNothing)
	story("who belongs to no other tenant", func(t *testing.T, w vouched) {
		id := w.visit.UserID
		if err := w.db.DeleteMembership(t.Context(), w.here.Session.TenantID, id); err != nil {
			t.Fatal(err)
		}
		w.Forget(id)
		by := w.user(t, w.comes(t))
		wantCode(t, "change the password", w.Passwords.Change(t.Context(), by, good, fresh), "")
		w.enroll(t, by)
	})
	story("who joins another tenant meanwhile", func(t *testing.T, w vouched) {
		id := w.visit.UserID
		if err := w.db.DeleteMembership(t.Context(), w.here.Session.TenantID, id); err != nil {
			t.Fatal(err)
		}
		w.Forget(id)
		by := w.user(t, w.comes(t))
		e, err := w.MFA.Enroll(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		w.founds(t, "other")
		if err := w.db.CreateMembership(t.Context(), store.Membership{TenantID: "other", UserID: id, CreatedAt: w.clock.now(), UpdatedAt: w.clock.now()}); err != nil {
			t.Fatal(err) // not even accepted
		}
		_, err = w.MFA.FinishEnroll(t.Context(), by, w.shownBy(t, e))
		wantConfined(t, "finish an enrollment", err)
		wantConfined(t, "change the password", w.Passwords.Change(t.Context(), by, good, fresh))
	})
	story("asks for another tenant", func(t *testing.T, w vouched) {
		by := someone
		by.TenantID = w.here.Session.TenantID
		wantCode(t, "at once", errOf(w.Come(t.Context(), by, w.visit)), fault.Unauthenticated)
		m, err := w.db.Membership(t.Context(), "acme", w.visit.UserID)
		if err != nil {
			t.Fatal(err)
		}
		m.Disabled = true
		if err := w.db.UpdateMembership(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "disabled in the tenant", errOf(w.Come(t.Context(), someone, w.visit)), fault.Unauthenticated)
	})
}

// TestAttackVouching: what opened the door must still hold when the door opens.
func TestAttackVouching(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(*testing.T, vouched){
		"OIDC-29 the connection was disabled": func(t *testing.T, w vouched) {
			c, err := w.db.Connection(t.Context(), "acme", w.visit.ConnectionID)
			if err != nil {
				t.Fatal(err)
			}
			c.Enabled = false
			if err := w.db.UpdateConnection(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		},
		"OIDC-29 the connection was deleted": func(t *testing.T, w vouched) {
			if err := w.db.DeleteConnection(t.Context(), "acme", w.visit.ConnectionID); err != nil {
				t.Fatal(err)
			}
		},
		"OIDC-29 the identity was taken away": func(t *testing.T, w vouched) {
			if err := w.db.DeleteLinkedIdentity(t.Context(), w.visit.UserID, w.visit.ConnectionID, w.visit.Subject); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newVouched(t)
			phone, _ := w.enroll(t, w.user(t, w.here))
			w.forced(t, service.Force)
			l := w.comes(t)
			if !l.MFARequired {
				t.Fatalf("the login is %+v, want a question", l)
			}
			take(t, w)
			wantCode(t, "the second factor", errOf(w.verify(t, l.MFAToken, phone.next(t))), fault.Unauthenticated)
			wantCode(t, "again from the beginning", errOf(w.Come(t.Context(), someone, w.visit)), fault.Unauthenticated)
			if n := w.sessions(t, w.visit.UserID); n != 1 {
				t.Errorf("%d sessions, want her own", n)
			}
		})
	}
	t.Run("somebody else's identity", func(t *testing.T) {
		t.Parallel()
		w := newVouched(t)
		bob := w.signUp(t, "bob@home.example")
		w.joins(t, bob.User.ID, "acme")
		v := w.visit
		v.UserID = bob.User.ID
		wantCode(t, "bob by ann's identity", errOf(w.Come(t.Context(), someone, v)), fault.Unauthenticated)
	})
	t.Run("a social account is not exempt from the domain", func(t *testing.T) {
		t.Parallel()
		w := newVouched(t)
		p := store.SocialProvider{ID: "sp", Type: "google", Active: true, Settings: "{}", CreatedAt: w.clock.now(), UpdatedAt: w.clock.now()}
		if err := w.db.CreateSocialProvider(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		v := w.visit
		v.TenantID, v.ConnectionID, v.Methods = "", "sp", []string{"social"}
		w.links(t, v)
		wantCode(t, "while nothing binds her", errOf(w.Come(t.Context(), someone, v)), "")
		w.bind(t, "acme", "home.example")
		wantSSO(t, "bound", errOf(w.Come(t.Context(), someone, v)))
		p.Active = false
		if err := w.db.UpdateSocialProvider(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "turned off", errOf(w.Come(t.Context(), someone, v)), fault.Unauthenticated)
	})
}

func actsElsewhere(t *testing.T, w vouched) {
	home := w.here.Session.TenantID
	l := w.comes(t)
	there := someone
	there.TenantID = home
	wantConfined(t, "refresh into another tenant", errOf(w.SignIn.Refresh(t.Context(), there, l.Secret)))
	by := w.user(t, l)
	if by.OnlyTenantID != "acme" || by.TenantID != "acme" {
		t.Errorf("the principal is %+v", by)
	}
	wantConfined(t, "switch", errOf(w.Profiles.Switch(t.Context(), by, home)))
	wantConfined(t, "switch to one that there is not", errOf(w.Profiles.Switch(t.Context(), by, "nowhere")))
	wantCode(t, "switch to its own", errOf(w.Profiles.Switch(t.Context(), by, "acme")), "")
	if err := w.db.MoveSession(t.Context(), by.UserID, by.SessionID, home, w.clock.now()); err == nil {
		t.Error("the store moves it")
	}
	next, err := w.refresh(t, l.Secret)
	if err != nil || next.Session.TenantID != "acme" || claimsOf(t, next)["tenantId"] != "acme" {
		t.Errorf("the session acts in %v, %v", next.Session, err)
	}
	cookie := w.comes(t, browserKind)
	p, _, err := w.Gate.ResolveCookie(t.Context(), cookie.Secret)
	if err != nil || p.TenantID != "acme" || p.OnlyTenantID != "acme" {
		t.Errorf("the cookie is %+v, %v", p, err)
	}
	if _, err := w.SignIn.Refresh(t.Context(), someone, next.Secret); err != nil {
		t.Errorf("the session goes on: %v", err)
	}
}

func seesElsewhere(t *testing.T, w vouched) {
	l := w.comes(t)
	by := w.user(t, l)
	h, err := w.Profiles.Tenants(t.Context(), by)
	if err != nil || len(h.Tenants) != 1 || h.Tenants[0].ID != "acme" || h.Active != "acme" {
		t.Errorf("tenants = %+v, %v, want acme alone", h, err)
	}
	me, err := w.Profiles.Me(t.Context(), by)
	if err != nil || len(me.Tenants) != 1 || me.Tenants[0].TenantID != "acme" || me.ActiveTenantID != "acme" {
		t.Errorf("profile = %+v, %v, want acme alone", me, err)
	}
	all, err := w.Sessions.List(t.Context(), by)
	if err != nil || len(all) != 1 || all[0].ID != l.Session.ID {
		t.Errorf("sessions = %+v, %v, want its own", all, err)
	}
	wantCode(t, "end one elsewhere", w.Sessions.End(t.Context(), by, w.here.Session.ID), fault.NotFound)
	wantCode(t, "end one that there is not", w.Sessions.End(t.Context(), by, "nothing"), fault.NotFound)
	other := w.comes(t)
	wantCode(t, "end another of acme", w.Sessions.End(t.Context(), by, other.Session.ID), "")
	wantCode(t, "end all", w.Sessions.EndAll(t.Context(), by), "")
	wantCode(t, "its own", errOf(w.refresh(t, l.Secret)), fault.Unauthenticated)
	wantCode(t, "her own", errOf(w.refresh(t, w.here.Secret)), "")
}

func changesElsewhere(t *testing.T, w vouched) {
	root := w.user(t, w.here)
	phone, recovery := w.enroll(t, root)
	l, err := w.verify(t, w.comesAsked(t).MFAToken, phone.next(t))
	if err != nil {
		t.Fatal(err)
	}
	by := w.user(t, l)
	if !slices.Contains(by.Methods, "mfa") {
		t.Fatalf("the session is by %v, want both factors", by.Methods)
	}
	devices := w.devices(t, by)
	phone.next(t)
	for name, do := range map[string]func() error{
		"password":             func() error { return w.Passwords.Change(t.Context(), by, good, fresh) },
		"a guess at it":        func() error { return w.Passwords.Change(t.Context(), by, "x", fresh) },
		"a guess at a device":  func() error { return w.MFA.Disable(t.Context(), by, "", "000000") },
		"a guess at codes":     func() error { return errOf(w.MFA.NewRecoveryCodes(t.Context(), by, "000000")) },
		"address":              func() error { return w.Emails.Ask(t.Context(), by, "ann@evil.example") },
		"another device":       func() error { return errOf(w.MFA.Enroll(t.Context(), by)) },
		"another device's end": func() error { return errOf(w.MFA.FinishEnroll(t.Context(), by, "123456")) },
		"a device":             func() error { return w.MFA.Disable(t.Context(), by, devices[0].ID, phone.shows(t, 0)) },
		"all devices":          func() error { return w.MFA.Disable(t.Context(), by, "", recovery[0]) },
		"recovery codes":       func() error { return errOf(w.MFA.NewRecoveryCodes(t.Context(), by, phone.shows(t, 0))) },
	} {
		if name != "another device's end" { // nothing was begun
			wantConfined(t, name, do())
		} else if do() == nil {
			t.Error("a device was enrolled that nobody began with")
		}
	}
	code := w.askEmail(t, root, "ann@new.example")
	wantConfined(t, "the address's end", w.Emails.Confirm(t.Context(), by, "ann@new.example", code))
	wantCode(t, "her own session", w.Emails.Confirm(t.Context(), root, "ann@new.example", code), "")
}

// comesAsked is comes as far as the question for the second factor.
func (w vouched) comesAsked(t testing.TB) service.Login {
	t.Helper()
	w.forced(t, service.Force)
	l := w.comes(t)
	if !l.MFARequired || l.Secret != "" || l.AccessToken != "" {
		t.Fatalf("the login is %+v, want a question and nothing else", l)
	}
	return l
}

func (w world) devices(t testing.TB, by store.Principal) []service.MFADevice {
	t.Helper()
	all, err := w.MFA.Devices(t.Context(), by)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func confinedAfterMFA(t *testing.T, w vouched) {
	phone, _ := w.enroll(t, w.user(t, w.here))
	asked := w.comesAsked(t)
	if _, err := w.db.ProviderSession(t.Context(), w.visit.UserID, ""); err == nil {
		t.Error("what it came from was kept before there was a session")
	}
	l, err := w.verify(t, asked.MFAToken, phone.next(t))
	if err != nil || l.Session.OnlyTenantID != "acme" || l.Session.TenantID != "acme" {
		t.Fatalf("the session is %+v, %v, want it in acme only", l.Session, err)
	}
	if got := strings.Join(l.Session.Methods, " "); got != "sso pwd otp mfa" {
		t.Errorf("methods are %q", got)
	}
	if p, err := w.db.ProviderSession(t.Context(), w.visit.UserID, l.Session.ID); err != nil || p.Subject != "ann@idp" {
		t.Errorf("what it came from = %+v, %v", p, err)
	}
	u, err := w.db.User(t.Context(), w.visit.UserID)
	if err != nil || u.ActiveTenantID != w.here.Session.TenantID {
		t.Errorf("the user acts in %q (%v), want where she chose", u.ActiveTenantID, err)
	}
	if got := show(claimsOf(t, l)["tenantIds"]); got != `["acme"]` {
		t.Errorf("tenantIds = %s", got)
	}
}

func confinedAfterStepUp(t *testing.T, w vouched) {
	phone, _ := w.enroll(t, w.user(t, w.here))
	l := w.comes(t)
	up, err := w.MFA.StepUp(t.Context(), w.user(t, l), 0)
	if err != nil || !up.MFARequired {
		t.Fatalf("StepUp = %+v, %v", up, err)
	}
	next, err := w.verify(t, up.MFAToken, phone.next(t))
	if err != nil || next.Session.OnlyTenantID != "acme" || next.Session.ID == l.Session.ID {
		t.Fatalf("the session is %+v, %v, want another in acme only", next.Session, err)
	}
	if p, err := w.db.ProviderSession(t.Context(), w.visit.UserID, next.Session.ID); err != nil || p.Subject != "ann@idp" {
		t.Errorf("what it came from = %+v, %v", p, err)
	}
	by := w.user(t, next)
	if by.OnlyTenantID != "acme" || !by.SteppedUp(w.clock.now(), time.Minute) {
		t.Errorf("the principal is %+v", by)
	}
	soon, err := w.MFA.StepUp(t.Context(), by, time.Minute)
	if err != nil || show(claimsOf(t, soon)["tenantIds"]) != `["acme"]` {
		t.Errorf("the token of a step-up: %v, %v", soon, err)
	}
	if n, err := w.EndProvided(t.Context(), w.visit.ConnectionID, "ann@idp", ""); err != nil || n != 1 {
		t.Errorf("%d sessions ended (%v), want the one in its place", n, err)
	}
	wantCode(t, "after it ended", errOf(w.refresh(t, next.Secret)), fault.Unauthenticated)
}

// What the provider said holds as well after a second factor that it did not ask for.
func TestComesAfterMFA(t *testing.T) {
	t.Parallel()
	w := newVouched(t)
	phone, _ := w.enroll(t, w.user(t, w.here))
	w.forced(t, service.Force)
	ends := w.clock.now().Add(time.Hour)
	asked := w.comes(t, func(v *service.Visit) {
		v.Methods, v.Ends, v.Override = []string{"sso", "otp", "mfa"}, ends, true
	})
	l, err := w.verify(t, asked.MFAToken, phone.next(t))
	if err != nil {
		t.Fatal(err)
	}
	if !l.Session.EndsAt.Equal(ends) || strings.Join(l.Session.Methods, " ") != "sso otp mfa" {
		t.Errorf("the session is %+v, want it to end at %s, each method once", l.Session, ends)
	}
	if u, err := w.db.User(t.Context(), w.visit.UserID); err != nil || u.ActiveTenantID != "acme" {
		t.Errorf("the user acts in %q (%v), want what the connection says", u.ActiveTenantID, err)
	}
}

func enrollsNothing(t *testing.T, w vouched) {
	open := w.comes(t)
	l := w.comesAsked(t)
	_, err := w.MFA.EnrollAtLogin(t.Context(), someone, l.MFAToken)
	wantConfined(t, "begin", err)
	again, err := w.refresh(t, open.Secret)
	if err != nil || !again.MFARequired {
		t.Fatalf("refresh = %+v, %v, want a question by now", again, err)
	}
	_, err = w.MFA.EnrollAtLogin(t.Context(), someone, again.MFAToken)
	wantConfined(t, "begin by a session that was open", err)
	asked := w.asked(t, "ann@home.example")
	e, err := w.MFA.EnrollAtLogin(t.Context(), someone, asked.MFAToken)
	if err != nil {
		t.Fatalf("by her own login: %v", err)
	}
	in := service.MFACode{Token: l.MFAToken, Code: w.shownBy(t, e)}
	if _, err := w.MFA.FinishEnrollAtLogin(t.Context(), someone, in); err == nil {
		t.Error("the login of the provider finished it")
	}
	in.Token = asked.MFAToken
	wantCode(t, "finish by her own login", errOf(w.MFA.FinishEnrollAtLogin(t.Context(), someone, in)), "")
}
