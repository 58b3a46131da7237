package service_test

import (
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// force makes the policy of a tenant, or of the environment.
func (w world) force(t testing.TB, tenantID string, e service.Enforcement) {
	t.Helper()
	_, err := w.MFAPolicies.Put(t.Context(), hostIn(tenantID), service.MFAPolicyChange{Enforce: &e})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMFAEnrollAtLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, skewed)
	w.signUp(t, "ann@example.com")
	w.force(t, "", service.Force)
	l := w.asked(t, "ann@example.com")
	if l.MFAEnrolled || len(l.MFADevices) != 0 {
		t.Errorf("the question = %+v, want nobody enrolled", l)
	}
	e, err := w.MFA.EnrollAtLogin(t.Context(), someone, l.MFAToken)
	if err != nil || e.QR == "" || e.Secret == "" || e.URL == "" {
		t.Fatalf("EnrollAtLogin = %+v, %v", e, err)
	}
	p := newPhone(t, w, e.Secret)
	in, err := w.MFA.FinishEnrollAtLogin(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: p.shows(t, 0)})
	if err != nil || in.AccessToken == "" || len(in.RecoveryCodes) != 10 {
		t.Fatalf("FinishEnrollAtLogin = %+v, %v", in, err)
	}
	if left, err := w.MFA.RecoveryCodesLeft(t.Context(), w.user(t, in)); left != 10 || err != nil {
		t.Errorf("%d recovery codes are left, %v", left, err)
	}
	if n := w.sessions(t, in.User.ID); n != 1 {
		t.Errorf("%d sessions, want the others ended", n)
	}
	_, err = w.refresh(t, in.Secret)
	wantCode(t, "Refresh", err, "")
}

func TestAttackEnrollment(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, world, store.Principal)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open, skewed)
			fn(t, w, w.user(t, w.signUp(t, "ann@example.com")))
		})
	}
	begin := func(t *testing.T, w world, by store.Principal) phone {
		t.Helper()
		e, err := w.MFA.Enroll(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		return newPhone(t, w, e.Secret)
	}
	finish := func(t *testing.T, w world, by store.Principal, code string) error {
		t.Helper()
		return errOf(w.MFA.FinishEnroll(t.Context(), by, code))
	}
	story("MFA-23 enroll without verify", func(t *testing.T, w world, by store.Principal) {
		wantCode(t, "a code before anything", finish(t, w, by, "123456"), fault.Gone)
		first := begin(t, w, by)
		if l, err := w.login(t, "ann@example.com", good); err != nil || l.MFARequired {
			t.Errorf("a device that was never proved is asked for: %+v, %v", l, err)
		}
		second := begin(t, w, by)
		if first.key.Text() == second.key.Text() {
			t.Error("starting again gives the same secret")
		}
		wantCode(t, "a code of the secret before", finish(t, w, by, first.shows(t, 0)), fault.Invalid)
		w.clock.advance(10 * time.Minute)
		wantCode(t, "after ten minutes", finish(t, w, by, second.shows(t, 0)), fault.Gone)
		third := begin(t, w, by)
		for range 5 {
			wantCode(t, "a wrong code", finish(t, w, by, other(third.shows(t, 0))), fault.Invalid)
		}
		wantCode(t, "the right code after five wrong ones", finish(t, w, by, third.shows(t, 0)), fault.Gone)
		wantCode(t, "the right code", finish(t, w, by, begin(t, w, by).shows(t, 0)), "")
	})
	story("MFA-24 the code of another pending secret", func(t *testing.T, w world, by store.Principal) {
		elsewhere, err := w.login(t, "ann@example.com", good)
		if err != nil {
			t.Fatal(err)
		}
		there := w.user(t, elsewhere)
		here := begin(t, w, by)
		wantCode(t, "from another session", finish(t, w, there, here.shows(t, 0)), fault.Gone)
		newer := begin(t, w, there)
		wantCode(t, "the one begun before", finish(t, w, by, here.shows(t, 0)), fault.Gone)
		wantCode(t, "the newer one", finish(t, w, there, newer.shows(t, 0)), "")
		wantCode(t, "the newer one again", finish(t, w, there, newer.shows(t, 0)), fault.Gone)
		_, err = w.Gate.Resolve(t.Context(), elsewhere.AccessToken)
		wantCode(t, "the session that enrolled", err, "")
		_, err = w.MFA.Devices(t.Context(), by)
		if err != nil || w.sessions(t, by.UserID) != 1 {
			t.Errorf("the other sessions go on: %v", err)
		}
	})
	story("MFA-24 two logins", func(t *testing.T, w world, by store.Principal) {
		w.force(t, "", service.Force)
		a, b := w.asked(t, "ann@example.com"), w.asked(t, "ann@example.com")
		e, err := w.MFA.EnrollAtLogin(t.Context(), someone, a.MFAToken)
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, w, e.Secret)
		finish := func(l service.Login) error {
			return errOf(w.MFA.FinishEnrollAtLogin(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: p.shows(t, 0)}))
		}
		wantCode(t, "the login that did not begin", finish(b), fault.Gone)
		wantCode(t, "the login that began", finish(a), "")
		wantCode(t, "a login that enrolls over it", errOf(w.MFA.EnrollAtLogin(t.Context(), someone, b.MFAToken)), fault.Forbidden)
		wantCode(t, "the same again", finish(a), fault.Unauthenticated)
	})
	story("MFA-20 downgrade", func(t *testing.T, w world, by store.Principal) {
		p, _ := w.enroll(t, by)
		wantCode(t, "one more device, by a session without", errOf(w.MFA.Enroll(t.Context(), by)), fault.Forbidden)
		l := w.asked(t, "ann@example.com")
		wantCode(t, "another device in place of the code", errOf(w.MFA.EnrollAtLogin(t.Context(), someone, l.MFAToken)), fault.Forbidden)
		for _, guess := range []string{"", "123456", "000000"} {
			wantCode(t, "removal with "+guess, w.MFA.Disable(t.Context(), by, "", guess), fault.Invalid)
		}
		w.force(t, by.TenantID, service.Force)
		wantCode(t, "removal under a policy", w.MFA.Disable(t.Context(), by, "", p.next(t)), fault.Forbidden)
		wantCode(t, "the code is not spent", errOf(w.verify(t, w.asked(t, "ann@example.com").MFAToken, p.shows(t, 0))), "")
		w.force(t, "", service.Force)
		w.force(t, by.TenantID, service.DontForce)
		wantCode(t, "removal when the tenant relaxes", w.MFA.Disable(t.Context(), by, "", p.next(t)), fault.Forbidden)
	})
	story("MFA-31 last factor removal", func(t *testing.T, w world, by store.Principal) {
		p, _ := w.enroll(t, by)
		in, err := w.verify(t, w.asked(t, "ann@example.com").MFAToken, p.next(t))
		if err != nil {
			t.Fatal(err)
		}
		by = w.user(t, in)
		second, codes := w.enroll(t, by)
		if len(codes) != 0 {
			t.Errorf("a further device brings %d recovery codes", len(codes))
		}
		w.force(t, "", service.Force)
		ds, err := w.MFA.Devices(t.Context(), by)
		if err != nil || len(ds) != 2 {
			t.Fatalf("devices %v, %v", ds, err)
		}
		wantCode(t, "nobody's device", w.MFA.Disable(t.Context(), by, "nobody's", p.next(t)), fault.NotFound)
		wantCode(t, "one of two", w.MFA.Disable(t.Context(), by, ds[0].ID, second.next(t)), "")
		wantCode(t, "the last one", w.MFA.Disable(t.Context(), by, ds[1].ID, second.next(t)), fault.Forbidden)
		wantCode(t, "all of them", w.MFA.Disable(t.Context(), by, "", second.shows(t, 0)), fault.Forbidden)
		w.force(t, "", service.DontForce)
		wantCode(t, "the last one, when nothing asks for it", w.MFA.Disable(t.Context(), by, ds[1].ID, second.shows(t, 0)), "")
		if l, err := w.login(t, "ann@example.com", good); err != nil || l.MFARequired {
			t.Errorf("a login without devices: %+v, %v", l, err)
		}
		if left, _ := w.MFA.RecoveryCodesLeft(t.Context(), by); left != 0 {
			t.Errorf("%d recovery codes are left", left)
		}
		if n := w.kinds(t); n["factor-removed"] != 2 || n["factor-added"] != 2 {
			t.Errorf("notices = %v", n)
		}
	})
	story("at most ten devices", func(t *testing.T, w world, by store.Principal) {
		userID := by.UserID
		by = host
		by.UserID = userID
		for range 10 {
			w.enroll(t, by)
			w.clock.advance(time.Minute)
		}
		wantCode(t, "the eleventh", errOf(w.MFA.Enroll(t.Context(), by)), fault.Conflict)
	})
}

func TestAttackMFARace(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, factored)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, db store.Store) {
				k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
				fn(t, factoredIn(t, worldOver(t, db, k, open, skewed)))
			})
		})
	}
	story("MFA-03 TOTP replay race", func(t *testing.T, w factored) {
		code := w.phone.next(t)
		var tokens []string
		for range 50 {
			tokens = append(tokens, w.asked(t, "ann@example.com").MFAToken)
		}
		var mu sync.Mutex
		got := storm(50, func() error {
			mu.Lock()
			token := tokens[0]
			tokens = tokens[1:]
			mu.Unlock()
			return errOf(w.verify(t, token, code))
		})
		if got[""] != 1 || w.sessions(t, w.by.UserID) != 2 {
			t.Errorf("outcomes %v, %d sessions, want one success", got, w.sessions(t, w.by.UserID))
		}
	})
	story("MFA-18 mfaToken race", func(t *testing.T, w factored) {
		token, code := w.asked(t, "ann@example.com").MFAToken, w.phone.next(t)
		got := storm(5, func() error { return errOf(w.verify(t, token, code)) })
		if got[""] != 1 || got[fault.Unauthenticated] != 4 || w.sessions(t, w.by.UserID) != 2 {
			t.Errorf("outcomes %v, want one session", got)
		}
	})
	story("MFA-27 recovery code reuse", func(t *testing.T, w factored) {
		var tokens []string
		for range 50 {
			tokens = append(tokens, w.asked(t, "ann@example.com").MFAToken)
		}
		var mu sync.Mutex
		got := storm(50, func() error {
			mu.Lock()
			token := tokens[0]
			tokens = tokens[1:]
			mu.Unlock()
			return errOf(w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Token: token, Code: w.recovery[0]}))
		})
		if got[""] != 1 || got[fault.Unauthenticated] != 49 {
			t.Errorf("outcomes %v, want one success", got)
		}
		got = storm(50, func() error { return w.MFA.Recover(t.Context(), someone, "ann@example.com", w.recovery[1]) })
		if got[""] != 1 || got[fault.Unauthenticated] != 49 || w.audited(t, "mfa.recovered") != 1 {
			t.Errorf("recoveries %v, want one", got)
		}
	})
}
