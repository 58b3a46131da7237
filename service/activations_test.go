package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// byCode proves addresses by codes.
func byCode(c *service.Config) { c.SignUp.Code = true }

// A waiter is a browser that signed up and waits for a code.
type waiter struct {
	world
	service.SignedUp
	by store.Principal
}

// signsUp signs up in a browser and returns it.
func (w world) signsUp(t testing.TB, email, device string) waiter {
	t.Helper()
	by := someone
	by.Device = device
	s, err := w.SignUp.Create(t.Context(), by, service.NewSignUp{Email: email, Password: good, Company: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	return waiter{w, s, by}
}

func (w waiter) types(t testing.TB, code, pw string) (service.Login, error) {
	t.Helper()
	return w.SignUp.ActivateByCode(t.Context(), w.by, service.CodeActivation{
		Activation: service.Activation{UserID: w.UserID, Token: w.ActivationToken, Password: pw}, Code: code,
	})
}

// code returns the newest code that was mailed.
func (w waiter) code(t testing.TB) string {
	t.Helper()
	return codeIn(t, w.newest(t, "activation-code"))
}

func TestActivateByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byCode).signsUp(t, "ann@example.com", "a browser")
	if !w.ShouldActivate || w.UserID == "" || w.ActivationToken == "" || w.TenantID != "" || w.Login != nil {
		t.Errorf("sign-up = %+v, want what the code needs and nothing else", w.SignedUp)
	}
	needs, err := w.SignUp.NeedsPassword(t.Context(), w.by, w.UserID, w.ActivationToken)
	if err != nil || needs {
		t.Errorf("NeedsPassword = %v, %v; want false where it was given", needs, err)
	}
	l, err := w.types(t, w.code(t), "")
	wantCode(t, "ActivateByCode", err, "")
	if p := w.user(t, l); !p.Can("reports.read") || l.User.ID == w.UserID {
		t.Errorf("principal = %+v, want the first user of the tenant", p)
	}
	wantCode(t, "sign-in after", errOf(w.login(t, "ann@example.com", good)), "")
	wantCode(t, "ML-02 again", errOf(w.types(t, w.code(t), "")), fault.Invalid)
}

func TestActivateByCodeElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byCode).signsUp(t, "ann@example.com", "")
	needs, err := w.SignUp.NeedsPassword(t.Context(), w.by, w.UserID, w.ActivationToken)
	if err != nil || !needs {
		t.Errorf("NeedsPassword = %v, %v; want true without a device", needs, err)
	}
	wantCode(t, "without a password", errOf(w.types(t, w.code(t), "")), fault.Invalid)
	wantCode(t, "with a weak one", errOf(w.types(t, w.code(t), "short")), fault.Invalid)
	wantCode(t, "with a password", errOf(w.types(t, w.code(t), fresh)), "")
	wantCode(t, "sign-in", errOf(w.login(t, "ann@example.com", fresh)), "")
}

func TestActivateByCodeOrLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byCode).signsUp(t, "ann@example.com", "a browser")
	u, err := w.db.Identifier(t.Context(), "", store.Email, "ann@example.com")
	wantCode(t, "Identifier", err, "")
	_, token, err := w.SignUp.Link(t.Context(), host, u.UserID)
	wantCode(t, "a link of the host's", err, "")
	_, err = w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: w.UserID, Token: w.ActivationToken, Password: good})
	wantCode(t, "the token of a code as a link", err, fault.Gone)
	_, err = w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: u.UserID, Token: token, Password: fresh})
	wantCode(t, "the link", err, "")
	wantCode(t, "the code after the link", errOf(w.types(t, w.code(t), "")), fault.Invalid)
}

func TestAttackActivationCode(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(t *testing.T, w waiter)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, newWorld(t, byCode).signsUp(t, "ann@example.com", "a browser"))
		})
	}
	story("ML-03 ten minutes", func(t *testing.T, w waiter) {
		code := w.code(t)
		w.clock.advance(10 * time.Minute)
		wantCode(t, "at the end", errOf(w.types(t, code, "")), fault.Invalid)
		w.clock.advance(-time.Microsecond)
		wantCode(t, "just before", errOf(w.types(t, code, "")), "")
	})
	story("ML-04 LCK-15 a new code, the same browser", func(t *testing.T, w waiter) {
		old := w.code(t)
		w.clock.advance(11 * time.Minute)
		wantCode(t, "Resend", w.SignUp.Resend(t.Context(), someone, "ann@example.com"), "")
		code := w.code(t)
		if old != code {
			wantCode(t, "the old code", errOf(w.types(t, old, "")), fault.Invalid)
		}
		wantCode(t, "the new code", errOf(w.types(t, code, "")), "")
		for range 100 {
			wantCode(t, "Resend to who needs none", w.SignUp.Resend(t.Context(), someone, "ann@example.com"), "")
		}
		if n := w.kinds(t)["activation-code"]; n != 2 {
			t.Errorf("%d codes were mailed, want 2", n)
		}
	})
	story("ML-04 another browser signs up with the address", func(t *testing.T, w waiter) {
		old := w.code(t)
		w.clock.advance(time.Second)
		second := w.signsUp(t, "ann@example.com", "another browser")
		if second.UserID == w.UserID || second.ActivationToken == w.ActivationToken {
			t.Error("two sign-ups got one token")
		}
		wantCode(t, "the first browser, its code", errOf(w.types(t, old, "")), fault.Invalid)
		code := w.code(t)
		wantCode(t, "the first browser, the new code", errOf(w.types(t, code, "")), fault.Invalid)
		wantCode(t, "the second browser", errOf(second.types(t, code, "")), "")
	})
	story("ML-14 five guesses", func(t *testing.T, w waiter) {
		code := w.code(t)
		got := storm(30, func() error { return errOf(w.types(t, other(code), "")) })
		if got[fault.Invalid] != 30 {
			t.Errorf("outcomes = %v, want refusals", got)
		}
		wantCode(t, "the right code after them", errOf(w.types(t, code, "")), fault.Invalid)
		w.clock.advance(time.Second)
		wantCode(t, "Resend", w.SignUp.Resend(t.Context(), someone, "ann@example.com"), "")
		wantCode(t, "the next code", errOf(w.types(t, w.code(t), "")), "")
	})
	story("ML-14 ten guesses, however many codes", func(t *testing.T, w waiter) {
		for range 3 {
			code := w.code(t)
			for range 4 {
				wantCode(t, "a guess", errOf(w.types(t, other(code), "")), fault.Invalid)
			}
			w.clock.advance(time.Second)
			wantCode(t, "Resend", w.SignUp.Resend(t.Context(), someone, "ann@example.com"), "")
		}
		wantCode(t, "the right code after twelve", errOf(w.types(t, w.code(t), "")), fault.Invalid)
	})
	story("ML-14 the code without its token", func(t *testing.T, w waiter) {
		code := w.code(t)
		for _, change := range []func(*waiter){
			func(v *waiter) { v.ActivationToken = "" }, func(v *waiter) { v.UserID = "" }, func(v *waiter) { v.ActivationToken += "A" },
			func(v *waiter) { v.UserID = strings.ToUpper(v.UserID) + "x" },
		} {
			v := w
			change(&v)
			wantCode(t, "a browser that did not sign up", errOf(v.types(t, code, fresh)), fault.Invalid)
		}
		wantCode(t, "the browser", errOf(w.types(t, code, "")), "")
	})
	story("INV-10 a code does not activate a stranger's password", func(t *testing.T, w waiter) {
		code := w.code(t)
		thief := w
		thief.by.Device = "the owner's browser"
		wantCode(t, "in another browser", errOf(thief.types(t, code, "")), fault.Invalid)
		wantCode(t, "with its own password", errOf(thief.types(t, code, fresh)), "")
		wantCode(t, "the stranger's password", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	})
	story("ENU-04 ENU-06 an address that has an account", func(t *testing.T, w waiter) {
		wantCode(t, "ActivateByCode", errOf(w.types(t, w.code(t), "")), "")
		w.clock.advance(time.Hour)
		known, free := w.signsUp(t, "ann@example.com", "x"), w.signsUp(t, "bob@example.com", "x")
		if len(known.ActivationToken) != len(free.ActivationToken) || len(known.UserID) != len(free.UserID) {
			t.Errorf("sign-ups = %+v and %+v, want the same shape", known.SignedUp, free.SignedUp)
		}
		for _, v := range []waiter{known, free} {
			needs, err := v.SignUp.NeedsPassword(t.Context(), v.by, v.UserID, v.ActivationToken)
			if err != nil || needs {
				t.Errorf("NeedsPassword = %v, %v; want false for both", needs, err)
			}
			before := w.audited(t, "code.refused")
			for range 12 {
				wantCode(t, "a guess", errOf(v.types(t, "123456", fresh)), fault.Invalid)
			}
			if n := w.audited(t, "code.refused") - before; n != 12 {
				t.Errorf("%d refusals were recorded, want 12", n)
			}
		}
		if n := w.kinds(t)["sign-up-notice"]; n != 1 {
			t.Errorf("%d notices, want one", n)
		}
	})
}

// A code that is typed by many at once is used by one, on both databases.
func TestAttackActivationCodeRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		at := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		w := worldOver(t, db, at, byCode).signsUp(t, "ann@example.com", "a browser")
		code := w.code(t)
		got := storm(20, func() error { return errOf(w.types(t, code, "")) })
		if got[""] != 1 || got[fault.Invalid] != 19 {
			t.Errorf("ML-02 outcomes = %v, want one", got)
		}
	})
}
