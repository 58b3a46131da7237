package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestStepUp(t *testing.T) {
	t.Parallel()
	w := newFactored(t)
	if w.by.SteppedUp(w.clock.now(), 0) {
		t.Fatal("a password alone has stepped up")
	}
	l, err := w.MFA.StepUp(t.Context(), w.by, 0)
	if err != nil || !l.MFARequired || l.MFAToken == "" || !l.MFAEnrolled || len(l.MFADevices) != 1 || l.AccessToken != "" {
		t.Fatalf("StepUp = %+v, %v, want a question", l, err)
	}
	if _, err := w.refresh(t, w.ann.Secret); err != nil {
		t.Fatalf("the session goes on meanwhile: %v", err)
	}
	in, err := w.verify(t, l.MFAToken, w.phone.next(t))
	if err != nil || !in.Session.EndsAt.Equal(w.ann.Session.EndsAt) || in.Session.TenantID != w.by.TenantID {
		t.Fatalf("Verify = %+v, %v, want a session that lasts no longer", in, err)
	}
	p := w.user(t, in)
	if !p.SteppedUp(w.clock.now(), time.Second) || strings.Join(p.Methods, " ") != "pwd otp mfa" {
		t.Errorf("the new session = %+v", p)
	}
	_, err = w.Gate.Resolve(t.Context(), w.ann.AccessToken)
	wantCode(t, "the session of before", err, fault.Unauthenticated)
	if n := w.sessions(t, w.by.UserID); n != 1 {
		t.Errorf("%d sessions, want the new one", n)
	}

	w.clock.advance(time.Minute)
	if p.SteppedUp(w.clock.now(), time.Minute-time.Second) || !p.SteppedUp(w.clock.now(), time.Minute) {
		t.Error("the age does not count")
	}
	refreshed, err := w.refresh(t, in.Secret)
	if err != nil || w.user(t, refreshed).SteppedUp(w.clock.now(), 0) {
		t.Errorf("a refresh keeps the step-up: %v", err)
	}
	by := w.user(t, refreshed)
	soon, err := w.MFA.StepUp(t.Context(), by, 2*time.Minute)
	if err != nil || soon.MFARequired || soon.AccessToken == "" || soon.Secret != "" {
		t.Fatalf("StepUp within the age = %+v, %v, want a token", soon, err)
	}
	if p := w.user(t, soon); !p.SteppedUp(w.clock.now(), 2*time.Minute) || !p.AuthTime.Equal(in.Session.AuthTime) {
		t.Errorf("its principal = %+v", p)
	}
	w.clock.advance(4 * time.Minute)
	for _, age := range []time.Duration{0, 2 * time.Minute} {
		if l, err := w.MFA.StepUp(t.Context(), by, age); err != nil || !l.MFARequired {
			t.Errorf("StepUp after the age %s = %+v, %v, want a question", age, l, err)
		}
	}
}

func TestAttackStepUpService(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(*testing.T, factored)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, newFactored(t))
		})
	}
	story("MFA-21 who cannot step up", func(t *testing.T, w factored) {
		bob := w.user(t, w.signUp(t, "bob@example.com"))
		_, err := w.MFA.StepUp(t.Context(), bob, 0)
		wantCode(t, "without a device", err, fault.Forbidden)
		if fault.From(err).Error() != "MFA is not enrolled" {
			t.Errorf("says %v", err)
		}
		acting := host
		acting.UserID, acting.TenantID = w.by.UserID, w.by.TenantID
		wantCode(t, "the host on her behalf", errOf(w.MFA.StepUp(t.Context(), acting, 0)), fault.Forbidden)
		wantCode(t, "a negative age", errOf(w.MFA.StepUp(t.Context(), w.by, -time.Second)), fault.Invalid)
	})
	story("MFA-21 the session ended meanwhile", func(t *testing.T, w factored) {
		l, err := w.MFA.StepUp(t.Context(), w.by, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SignIn.Logout(t.Context(), someone, w.ann.Secret); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "Verify", errOf(w.verify(t, l.MFAToken, w.phone.next(t))), fault.Unauthenticated)
		if n := w.sessions(t, w.by.UserID); n != 0 {
			t.Errorf("%d sessions were opened", n)
		}
	})
	story("MFA-21 a recovery code is no device", func(t *testing.T, w factored) {
		l, err := w.MFA.StepUp(t.Context(), w.by, 0)
		if err != nil {
			t.Fatal(err)
		}
		in, err := w.MFA.VerifyRecovery(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: w.recovery[0]})
		if err != nil || w.user(t, in).SteppedUp(w.clock.now(), 0) {
			t.Errorf("a recovery code stepped up: %v", err)
		}
	})
	story("MFA-21 a browser session", func(t *testing.T, w factored) {
		in := service.PasswordLogin{Email: "ann@example.com", Password: good, Kind: store.Browser}
		l, err := w.SignIn.Password(t.Context(), someone, in)
		if err != nil || !l.MFARequired {
			t.Fatal(l, err)
		}
		opened, err := w.MFA.Verify(t.Context(), someone, service.MFACode{Token: l.MFAToken, Code: w.phone.next(t), Kind: store.Browser})
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := w.Gate.ResolveCookie(t.Context(), opened.Secret)
		if err != nil || !p.SteppedUp(w.clock.now(), 0) {
			t.Fatalf("right after: %+v, %v", p, err)
		}
		w.clock.advance(5 * time.Minute)
		if p, _, err = w.Gate.ResolveCookie(t.Context(), opened.Secret); err != nil || p.SteppedUp(w.clock.now(), 0) {
			t.Fatalf("as long as a token lives later: %+v, %v", p, err)
		}
		again, err := w.MFA.StepUp(t.Context(), *p, 0)
		if err != nil || !again.MFARequired {
			t.Fatalf("StepUp = %+v, %v", again, err)
		}
		wantCode(t, "as a family", errOf(w.verify(t, again.MFAToken, w.phone.next(t))), fault.Unauthenticated)
		next, err := w.MFA.Verify(t.Context(), someone, service.MFACode{Token: again.MFAToken, Code: w.phone.shows(t, 0), Kind: store.Browser})
		if err != nil {
			t.Fatal(err)
		}
		if p, _, err = w.Gate.ResolveCookie(t.Context(), next.Secret); err != nil || !p.SteppedUp(w.clock.now(), time.Minute) {
			t.Errorf("after it: %+v, %v", p, err)
		}
		_, _, err = w.Gate.ResolveCookie(t.Context(), opened.Secret)
		wantCode(t, "the cookie of before", err, fault.Unauthenticated)
	})
}
