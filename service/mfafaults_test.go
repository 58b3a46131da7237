package service_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// A mfaStep is one change of a second factor: what goes before it, and the change, by
// services over a store that may fail.
type mfaStep struct {
	opens   bool // a session: what was shown for it is used up though its token was not made
	prepare func(t *testing.T, w factored) func(world) error
}

func mfaSteps() map[string]mfaStep {
	all := map[string]mfaStep{
		"ask": {true, func(t *testing.T, _ factored) func(world) error {
			return func(w world) error { return errOf(w.login(t, "ann@example.com", good)) }
		}},
		"verify": {true, func(t *testing.T, w factored) func(world) error {
			token, code := w.asked(t, "ann@example.com").MFAToken, w.phone.next(t)
			return func(w world) error { return errOf(w.verify(t, token, code)) }
		}},
		"verify and remember": {true, func(t *testing.T, w factored) func(world) error {
			if _, err := w.MFAPolicies.Put(t.Context(), host, service.MFAPolicyChange{Remember: ptr(true)}); err != nil {
				t.Fatal(err)
			}
			l, err := w.SignIn.Password(t.Context(), on("d1"), service.PasswordLogin{Email: "ann@example.com", Password: good})
			if err != nil {
				t.Fatal(err)
			}
			c := service.MFACode{Token: l.MFAToken, Code: w.phone.next(t), Remember: true}
			return func(w world) error { return errOf(w.MFA.Verify(t.Context(), on("d1"), c)) }
		}},
		"verify a recovery code": {true, func(t *testing.T, w factored) func(world) error {
			c := service.MFACode{Token: w.asked(t, "ann@example.com").MFAToken, Code: w.recovery[0]}
			return func(w world) error { return errOf(w.MFA.VerifyRecovery(t.Context(), someone, c)) }
		}},
		"step up": {true, func(t *testing.T, f factored) func(world) error {
			return func(w world) error { return errOf(w.MFA.StepUp(t.Context(), f.by, 0)) }
		}},
		"ask at a refresh": {true, func(t *testing.T, w factored) func(world) error {
			w.force(t, "", service.Force)
			return func(v world) error { return errOf(v.refresh(t, w.ann.Secret)) }
		}},
		"enroll at a login": {true, func(t *testing.T, w factored) func(world) error {
			if err := w.MFA.Unenroll(t.Context(), host, w.by.UserID); err != nil {
				t.Fatal(err)
			}
			w.force(t, "", service.Force)
			l := w.asked(t, "ann@example.com")
			e, err := w.MFA.EnrollAtLogin(t.Context(), someone, l.MFAToken)
			if err != nil {
				t.Fatal(err)
			}
			c := service.MFACode{Token: l.MFAToken, Code: newPhone(t, w.world, e.Secret).shows(t, 0)}
			return func(w world) error { return errOf(w.MFA.FinishEnrollAtLogin(t.Context(), someone, c)) }
		}},
	}
	for name, prepare := range settledSteps() {
		all[name] = mfaStep{false, prepare}
	}
	return all
}

// settledSteps open no session.
func settledSteps() map[string]func(t *testing.T, w factored) func(world) error {
	acting := func(w factored) store.Principal {
		by := host
		by.UserID = w.by.UserID
		return by
	}
	return map[string]func(t *testing.T, w factored) func(world) error{
		"begin to enroll": func(t *testing.T, f factored) func(world) error {
			return func(w world) error { return errOf(w.MFA.Enroll(t.Context(), acting(f))) }
		},
		"enroll": func(t *testing.T, f factored) func(world) error {
			e, err := f.MFA.Enroll(t.Context(), acting(f))
			if err != nil {
				t.Fatal(err)
			}
			code := newPhone(t, f.world, e.Secret).shows(t, 0)
			return func(w world) error { return errOf(w.MFA.FinishEnroll(t.Context(), acting(f), code)) }
		},
		"disable": func(t *testing.T, f factored) func(world) error {
			code := f.phone.next(t)
			return func(w world) error { return w.MFA.Disable(t.Context(), f.by, "", code) }
		},
		"recover": func(t *testing.T, f factored) func(world) error {
			return func(w world) error { return w.MFA.Recover(t.Context(), someone, "ann@example.com", f.recovery[0]) }
		},
		"unenroll": func(t *testing.T, f factored) func(world) error {
			return func(w world) error { return w.MFA.Unenroll(t.Context(), host, f.by.UserID) }
		},
		"replace recovery codes": func(t *testing.T, f factored) func(world) error {
			return func(w world) error { return errOf(w.MFA.NewRecoveryCodes(t.Context(), f.by, f.recovery[0])) }
		},
		"put a policy": func(t *testing.T, f factored) func(world) error {
			return func(w world) error {
				return errOf(w.MFAPolicies.Put(t.Context(), hostIn(f.by.TenantID), service.MFAPolicyChange{}))
			}
		},
	}
}

// secondState returns what a second factor's changes change.
func (f factored) secondState(t *testing.T) string {
	t.Helper()
	ctx, id := t.Context(), f.by.UserID
	fs, err1 := f.db.Factors(ctx, id)
	codes, err2 := f.db.RecoveryCodes(ctx, id)
	d, err3 := f.db.RememberedDevice(ctx, id, "d1")
	if errors.Is(err3, store.ErrNotFound) {
		err3 = nil
	}
	policies, err4 := f.db.Settings(ctx, "mfa-policy", "", f.by.TenantID)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v", []any{fs, codes, d, policies, f.kinds(t), f.sessions(t, id)})
}

// A change of a second factor that fails at any of its calls leaves nothing behind, opens
// nothing, and works when it is made again.
func TestAttackHalfMFA(t *testing.T) {
	t.Parallel()
	for name, s := range mfaSteps() {
		t.Run("STO-01 STO-26 "+name, func(t *testing.T) {
			t.Parallel()
			faults := []error{errors.New("disk full"), context.Canceled}
			n, failed := 1, 0
			for ; s.broken(t, n, faults[n%len(faults)], &failed); n++ {
			}
			if failed == 0 {
				t.Error("the fault was never met")
			}
		})
	}
}

// broken makes the change over a store whose n-th call fails, and reports whether there was
// an n-th call.
func (s mfaStep) broken(t *testing.T, n int, broken error, failed *int) bool {
	t.Helper()
	w := newFactored(t)
	step := s.prepare(t, w)
	before, open := w.secondState(t), w.sessions(t, w.by.UserID)
	faulty := storetest.Fault(w.db, n, broken)
	v, err := startOver(t, faulty, w.clock, openAndSkewed)
	if err != nil {
		return true // the start met the fault
	}
	err = step(v)
	if !faulty.Reached() {
		wantCode(t, "without a fault", err, "")
		return false
	}
	*failed++
	if !errors.Is(err, broken) {
		t.Errorf("fault at call %d = %v, want %v", n, err, broken)
	}
	if now := w.sessions(t, w.by.UserID); now > open {
		t.Fatalf("fault at call %d left %d sessions of %d open", n, now, open)
	}
	if after := w.secondState(t); after != before {
		if !s.opens {
			t.Fatalf("fault at call %d left\n%s\nof\n%s", n, after, before)
		}
		if again := code(step(v)); again != "" && again != fault.Unauthenticated {
			t.Errorf("once more after the token was lost = %q", again)
		}
		return true
	}
	wantCode(t, fmt.Sprintf("once more after the fault at call %d", n), step(w.world), "")
	return true
}

func openAndSkewed(c *service.Config) { open(c); skewed(c) }

// A wrong code gets nobody in, whatever fails while it is counted and compared.
func TestAttackMFAUncounted(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	w := newFactored(t)
	for n, met := 1, true; met; n++ {
		token := w.asked(t, "ann@example.com").MFAToken
		faulty := storetest.Fault(w.db, n, broken)
		v, err := startOver(t, faulty, w.clock, openAndSkewed)
		if err != nil {
			continue
		}
		l, err := v.verify(t, token, other(w.phone.next(t)))
		met = faulty.Reached()
		if err == nil || l.AccessToken != "" {
			t.Errorf("STO-01 fault at call %d let a wrong code in", n)
		}
		if got := code(err); got != fault.Unauthenticated && got != fault.Limited && !errors.Is(err, broken) {
			t.Errorf("STO-01 fault at call %d = %v", n, err)
		}
	}
}
