package service_test

import (
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestMFAPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	ann := w.user(t, w.signUp(t, "ann@example.com"))
	for _, by := range []store.Principal{host, ann} {
		_, err := w.MFAPolicies.Read(t.Context(), by)
		wantCode(t, "Read before", err, fault.NotFound)
		_, err = w.MFAPolicies.Change(t.Context(), by, service.MFAPolicyChange{Remember: ptr(true)})
		wantCode(t, "Change before", err, fault.NotFound)
		p, err := w.MFAPolicies.Create(t.Context(), by, service.MFAPolicyChange{})
		if err != nil || p.ID == "" || p.Enforce != service.Force || p.Remember || p.RememberFor != 14*24*time.Hour {
			t.Errorf("Create = %+v, %v", p, err)
		}
		_, err = w.MFAPolicies.Create(t.Context(), by, service.MFAPolicyChange{})
		wantCode(t, "Create again", err, fault.Conflict)
		_, err = w.MFAPolicies.Change(t.Context(), by, service.MFAPolicyChange{})
		wantCode(t, "Change of nothing", err, fault.Invalid)
		w.clock.advance(time.Minute)
		q, err := w.MFAPolicies.Change(t.Context(), by, service.MFAPolicyChange{RememberFor: ptr(time.Hour)})
		if err != nil || q.ID != p.ID || q.Enforce != service.Force || q.RememberFor != time.Hour || !q.UpdatedAt.After(p.UpdatedAt) {
			t.Errorf("Change = %+v, %v", q, err)
		}
		got, err := w.MFAPolicies.Read(t.Context(), by)
		if err != nil || got != q {
			t.Errorf("Read = %+v, %v, want %+v", got, err, q)
		}
		wantCode(t, "Put", errOf(w.MFAPolicies.Put(t.Context(), by, service.MFAPolicyChange{Enforce: ptr(service.DontForce)})), "")
	}
	for _, bad := range []service.MFAPolicyChange{
		{Enforce: ptr(service.Enforcement("force"))}, {Enforce: ptr(service.Enforcement(""))},
		{RememberFor: ptr(time.Duration(0))}, {RememberFor: ptr(-time.Second)}, {RememberFor: ptr(time.Second + 1)},
		{RememberFor: ptr(366 * 24 * time.Hour)},
	} {
		_, err := w.MFAPolicies.Put(t.Context(), host, bad)
		wantCode(t, "a policy that cannot be", err, fault.Invalid)
	}
	_, err := w.MFAPolicies.Put(t.Context(), hostIn("nowhere"), service.MFAPolicyChange{})
	wantCode(t, "a tenant that is not there", err, fault.NotFound)
	nowhere := ann
	nowhere.TenantID = ""
	_, err = w.MFAPolicies.Put(t.Context(), nowhere, service.MFAPolicyChange{})
	wantCode(t, "the environment's, by a user", err, fault.Forbidden)
	e, err := w.MFAPolicies.Environment(t.Context(), ann)
	if err != nil || e.Enforce != service.DontForce {
		t.Errorf("Environment = %+v, %v", e, err)
	}
}

func TestMFAMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(c *service.Config) { c.Brand = "Acme: reports" })
	by := w.user(t, w.signUp(t, "ann@example.com"))
	m, err := w.MFAPolicies.Methods(t.Context(), host)
	if err != nil || !m.App.Active || m.App.ServiceName != "Acme  reports" || m.SMS.Active || m.Email.Active {
		t.Errorf("Methods = %+v, %v", m, err)
	}
	wantCode(t, "turned off by a user", w.MFAPolicies.Activate(t.Context(), by, service.AuthenticatorApp, false), fault.Forbidden)
	for _, s := range service.Strategies()[1:] {
		wantCode(t, "turned on, what is not built: "+string(s), w.MFAPolicies.Activate(t.Context(), host, s, true), fault.Invalid)
		wantCode(t, "turned off, what is not built: "+string(s), w.MFAPolicies.Activate(t.Context(), host, s, false), "")
	}
	wantCode(t, "turned off", w.MFAPolicies.Activate(t.Context(), hostIn("anywhere"), service.AuthenticatorApp, false), "")
	wantCode(t, "Enroll", errOf(w.MFA.Enroll(t.Context(), by)), fault.Forbidden)
	_, err = w.MFAPolicies.Create(t.Context(), host, service.MFAPolicyChange{})
	wantCode(t, "a policy that nobody can satisfy", err, fault.Conflict)
	wantCode(t, "turned on", w.MFAPolicies.Activate(t.Context(), host, service.AuthenticatorApp, true), "")
	w.force(t, "", service.ForceExceptSSO)
	wantCode(t, "turned off under a policy", w.MFAPolicies.Activate(t.Context(), host, service.AuthenticatorApp, false), fault.Conflict)
	for _, bad := range []service.MFAMethodsChange{
		{App: &service.AppMethod{Active: true}}, {App: &service.AppMethod{Active: true, ServiceName: "a:b"}},
		{App: &service.AppMethod{Active: true, ServiceName: "a\nb"}},
		{SMS: &service.CodeMethod{Life: time.Minute}}, {SMS: &service.CodeMethod{Active: true, Life: 10 * time.Minute}},
		{Email: &service.EmailMethod{CodeMethod: service.CodeMethod{Life: time.Hour}}},
	} {
		_, err := w.MFAPolicies.Configure(t.Context(), host, bad)
		wantCode(t, "methods that cannot be", err, fault.Invalid)
	}
	m, err = w.MFAPolicies.Configure(t.Context(), host, service.MFAMethodsChange{SMS: &service.CodeMethod{Life: 300 * time.Second}})
	if err != nil || m.SMS.Life != 300*time.Second || !m.App.Active || m.App.ServiceName != "Acme  reports" {
		t.Errorf("Configure = %+v, %v", m, err)
	}
}

// TestMFAStrictest lays the policies of the environment and of two tenants over each other.
func TestMFAStrictest(t *testing.T) {
	t.Parallel()
	const none, mild, sso, force = "", service.DontForce, service.ForceExceptSSO, service.Force
	for _, tt := range []struct {
		environment, here, there service.Enforcement
		asked                    bool
	}{
		{none, none, none, false}, {mild, none, none, false}, {mild, mild, mild, false},
		{force, none, none, true}, {force, mild, mild, true}, {none, force, none, true},
		{none, none, force, true}, {mild, none, sso, true}, {sso, mild, none, true},
	} {
		w := newWorld(t, open, skewed)
		ann := w.user(t, w.signUp(t, "ann@example.com"))
		bob := w.user(t, w.signUp(t, "bob@example.com"))
		w.join(t, ann.UserID, bob.TenantID)
		for tenantID, e := range map[string]service.Enforcement{"": tt.environment, ann.TenantID: tt.here, bob.TenantID: tt.there} {
			if e != none {
				w.force(t, tenantID, e)
			}
		}
		l, err := w.login(t, "ann@example.com", good)
		if err != nil || l.MFARequired != tt.asked {
			t.Errorf("%+v: asked %t, %v", tt, l.MFARequired, err)
		}
	}
}

func TestMFABypass(t *testing.T) {
	t.Parallel()
	w := newFactored(t)
	w.force(t, "", service.Force)
	w.asked(t, "ann@example.com")
	if _, err := w.Users.Change(t.Context(), host, w.by.UserID, service.UserChange{MFABypass: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	l, err := w.login(t, "ann@example.com", good)
	if err != nil || l.MFARequired {
		t.Fatalf("a user who is spared: %+v, %v", l, err)
	}
	if _, err = w.refresh(t, l.Secret); err != nil {
		t.Errorf("Refresh: %v", err)
	}
	if w.user(t, l).SteppedUp(w.clock.now(), 0) {
		t.Error("who is spared has shown a second factor")
	}
	if _, err := w.Users.Change(t.Context(), host, w.by.UserID, service.UserChange{MFABypass: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	w.asked(t, "ann@example.com")
}

func TestAttackMFATightened(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, world, service.Login)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open, skewed)
			fn(t, w, w.signUp(t, "ann@example.com"))
		})
	}
	story("RT-15 a policy becomes stricter", func(t *testing.T, w world, r1 service.Login) {
		w.force(t, r1.Session.TenantID, service.Force)
		asked, err := w.refresh(t, r1.Secret)
		if err != nil || !asked.MFARequired || asked.AccessToken != "" || asked.Secret != "" || asked.MFAEnrolled {
			t.Fatalf("Refresh = %+v, %v, want a question", asked, err)
		}
		w.force(t, r1.Session.TenantID, service.DontForce)
		if r2, err := w.refresh(t, r1.Secret); err != nil || r2.MFARequired {
			t.Errorf("the refresh token after the policy went = %+v, %v", r2, err)
		}
	})
	story("RT-15 tenant switch into one that forces", func(t *testing.T, w world, r1 service.Login) {
		bob := w.user(t, w.signUp(t, "bob@example.com"))
		w.force(t, bob.TenantID, service.Force)
		w.join(t, r1.User.ID, bob.TenantID)
		there := someone
		there.TenantID = bob.TenantID
		asked, err := w.SignIn.Refresh(t.Context(), there, r1.Secret)
		if err != nil || !asked.MFARequired || asked.AccessToken != "" {
			t.Fatalf("Refresh = %+v, %v, want a question", asked, err)
		}
		e, err := w.MFA.EnrollAtLogin(t.Context(), someone, asked.MFAToken)
		if err != nil {
			t.Fatal(err)
		}
		in, err := w.MFA.FinishEnrollAtLogin(t.Context(), someone, service.MFACode{Token: asked.MFAToken, Code: newPhone(t, w, e.Secret).shows(t, 0)})
		if err != nil || in.Session.TenantID != bob.TenantID || in.Session.EndsAt.After(r1.Session.EndsAt) {
			t.Fatalf("the session = %+v, %v, want one in bob's tenant that lasts no longer", in.Session, err)
		}
		_, err = w.refresh(t, r1.Secret)
		wantCode(t, "the refresh token of before", err, fault.Unauthenticated)
		if r2, err := w.refresh(t, in.Secret); err != nil || r2.MFARequired {
			t.Errorf("the new one = %+v, %v", r2, err)
		}
	})
	story("a cookie of before has to sign in again", func(t *testing.T, w world, _ service.Login) {
		l, err := w.SignIn.Password(t.Context(), someone, service.PasswordLogin{Email: "ann@example.com", Password: good, Kind: store.Browser})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.Gate.ResolveCookie(t.Context(), l.Secret)
		wantCode(t, "the cookie", err, "")
		w.force(t, "", service.Force)
		_, _, err = w.Gate.ResolveCookie(t.Context(), l.Secret)
		wantCode(t, "the cookie under a policy", err, fault.Unauthenticated)
		w.force(t, "", service.DontForce)
		_, _, err = w.Gate.ResolveCookie(t.Context(), l.Secret)
		wantCode(t, "the cookie after it", err, "")
	})
	story("a session that showed two goes on", func(t *testing.T, w world, up service.Login) {
		p, _ := w.enroll(t, w.user(t, up))
		in, err := w.verify(t, w.asked(t, "ann@example.com").MFAToken, p.next(t))
		if err != nil {
			t.Fatal(err)
		}
		w.force(t, "", service.Force)
		if r2, err := w.refresh(t, in.Secret); err != nil || r2.MFARequired {
			t.Errorf("Refresh = %+v, %v", r2, err)
		}
	})
}
