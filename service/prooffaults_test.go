package service_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// A journey is one change of the password journey: what goes before it, and the change, by
// services over a store that may fail.
type journey struct {
	reads   bool // for its answer, once the change is made
	change  []func(*service.Config)
	prepare func(t *testing.T, w world) func(world) error
}

// signedUp is ann, with an open account.
func signedUp(t *testing.T, w world) (service.Login, store.Principal) {
	t.Helper()
	up := w.signUp(t, "ann@example.com")
	return up, w.user(t, up)
}

func journeys() map[string]journey {
	opened, coded := []func(*service.Config){open}, []func(*service.Config){byCode}
	return map[string]journey{
		"ask for a reset": {false, opened, func(t *testing.T, w world) func(world) error {
			signedUp(t, w)
			return func(w world) error { return w.forgot(t, "ann@example.com") }
		}},
		"ask for nobody's reset": {false, opened, func(t *testing.T, _ world) func(world) error {
			return func(w world) error { return w.forgot(t, "nobody@example.com") }
		}},
		"reset": {false, opened, func(t *testing.T, w world) func(world) error {
			signedUp(t, w)
			userID, token := w.resetLink(t, "ann@example.com")
			return func(w world) error { return w.reset(t, userID, token, fresh) }
		}},
		"ask for an address": {false, opened, func(t *testing.T, w world) func(world) error {
			_, by := signedUp(t, w)
			return func(w world) error { return w.Emails.Ask(t.Context(), by, "new@example.com") }
		}},
		"confirm an address": {false, opened, func(t *testing.T, w world) func(world) error {
			_, by := signedUp(t, w)
			code := w.askEmail(t, by, "new@example.com")
			return func(w world) error { return w.Emails.Confirm(t.Context(), by, "new@example.com", code) }
		}},
		"set an address": {true, opened, func(t *testing.T, w world) func(world) error {
			up, _ := signedUp(t, w)
			return func(w world) error { return errOf(w.Emails.Set(t.Context(), host, up.User.ID, "new@example.com")) }
		}},
		"unlock": {false, opened, func(t *testing.T, w world) func(world) error {
			signedUp(t, w)
			w.lockOut(t, "ann@example.com")
			token := w.unlockToken(t)
			return func(w world) error { return w.Unlocks.Unlock(t.Context(), someone, token) }
		}},
		"sign up for a code": {false, coded, func(t *testing.T, _ world) func(world) error {
			in := service.NewSignUp{Email: "ann@example.com", Password: good, Company: "Acme"}
			return func(w world) error { return errOf(w.SignUp.Create(t.Context(), someone, in)) }
		}},
		"resend a code": {false, coded, func(t *testing.T, w world) func(world) error {
			w.signsUp(t, "ann@example.com", "a browser")
			return func(w world) error { return w.SignUp.Resend(t.Context(), someone, "ann@example.com") }
		}},
		"activate by a code": {true, coded, func(t *testing.T, w world) func(world) error {
			browser := w.signsUp(t, "ann@example.com", "a browser")
			code := browser.code(t)
			return func(w world) error {
				browser.world = w
				return errOf(browser.types(t, code, ""))
			}
		}},
	}
}

// state returns what the password journey changes, but for counts of tries.
func (w world) state(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	users, err := w.db.Users(ctx, store.UserQuery{})
	if err != nil {
		t.Fatal(err)
	}
	all := []any{w.kinds(t)}
	for _, u := range users.Items {
		is, err1 := w.db.Identifiers(ctx, u.ID)
		c, err2 := w.db.Credential(ctx, u.ID, store.Password)
		ss, err3 := w.db.Sessions(ctx, u.ID, w.clock.now())
		ms, err4 := w.db.Memberships(ctx, u.ID)
		if err := errors.Join(err1, err3, err4); err != nil || err2 != nil && !errors.Is(err2, store.ErrNotFound) {
			t.Fatal(err, err2)
		}
		all = append(all, u, is, c, len(ss), ms)
	}
	events, err := w.db.Audit(ctx, store.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v, %d events", all, events.Total)
}

// A step of the password journey that fails at any of its calls leaves nothing behind, and
// works when it is taken again: the link or the code is as good as before.
func TestAttackHalfReset(t *testing.T) {
	t.Parallel()
	for name, j := range journeys() {
		for _, broken := range []error{errors.New("disk full"), context.Canceled} {
			t.Run(fmt.Sprintf("STO-01 STO-26 %s, %s", name, broken), func(t *testing.T) {
				t.Parallel()
				n, failed := 1, 0
				for ; j.broken(t, n, broken, &failed); n++ {
				}
				if failed == 0 {
					t.Error("the fault was never met")
				}
			})
		}
	}
}

// broken takes the step over a store whose n-th call fails, and reports whether there was an
// n-th call.
func (j journey) broken(t *testing.T, n int, broken error, failed *int) bool {
	t.Helper()
	w := newWorld(t, j.change...)
	step := j.prepare(t, w)
	before := w.state(t)
	faulty := storetest.Fault(w.db, n, broken)
	v, err := startOver(t, faulty, w.clock, j.change...)
	if err != nil {
		return true // the start met the fault
	}
	err = step(v)
	if !faulty.Reached() {
		if err != nil || w.state(t) == before && len(w.waiting(t)) > 0 {
			t.Errorf("without a fault = %v, want a change", err)
		}
		return false
	}
	*failed++
	if !errors.Is(err, broken) {
		t.Errorf("fault at call %d = %v, want %v", n, err, broken)
	}
	if after := w.state(t); after != before {
		if !j.reads {
			t.Fatalf("fault at call %d left\n%s\nof\n%s", n, after, before)
		}
		again := code(step(v)) // the answer was lost: what was done is done, or says so
		if again != "" && again != fault.Invalid {
			t.Errorf("once more after the answer was lost = %q", again)
		}
		return true
	}
	wantCode(t, fmt.Sprintf("once more after the fault at call %d", n), step(w), "")
	return true
}

// A step whose answer was lost was taken whole: taken again it is done, or says that it was.
func TestAttackLostReset(t *testing.T) {
	t.Parallel()
	for name, j := range journeys() {
		t.Run("STO-02 "+name, func(t *testing.T) {
			t.Parallel()
			w, lost := newWorld(t, j.change...), errors.New("connection lost")
			step := j.prepare(t, w)
			before := w.state(t)
			for n := 1; w.state(t) == before; n++ {
				v, err := startOver(t, storetest.Lose(w.db, n, lost), w.clock, j.change...)
				if err != nil {
					continue
				}
				if err := step(v); !errors.Is(err, lost) && code(err) != fault.Invalid {
					t.Fatalf("lost at call %d = %v, want %v", n, err, lost)
				}
			}
			switch err := step(w); code(err) {
			case "", fault.Gone, fault.Invalid, fault.Conflict:
			default:
				t.Errorf("once more = %v, want no failure", err)
			}
		})
	}
}

// A message of a lockout that cannot be kept does not change what the sign-in says.
func TestAttackLockoutUntold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.signUp(t, "ann@example.com")
	broken, met := errors.New("disk full"), 0
	for n := 1; n < 60; n++ {
		w.clock.advance(16 * time.Minute)
		for range 4 {
			wantCode(t, "wrong", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
		}
		faulty := storetest.Fault(w.db, n, broken)
		v, err := startOver(t, faulty, w.clock, open)
		if err != nil {
			continue
		}
		_, err = v.login(t, "ann@example.com", "x")
		if !faulty.Reached() {
			break
		}
		met++
		if code(err) != fault.Unauthenticated && !errors.Is(err, broken) {
			t.Errorf("fault at call %d = %v", n, err)
		}
	}
	if met == 0 {
		t.Error("the fault was never met")
	}
}
