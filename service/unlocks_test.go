package service_test

import (
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
)

// lockOut guesses until the account is locked.
func (w world) lockOut(t testing.TB, email string) {
	t.Helper()
	for range 5 {
		wantCode(t, "wrong", errOf(w.login(t, email, "x")), fault.Unauthenticated)
	}
}

// unlockToken returns what the newest unlock link carries.
func (w world) unlockToken(t testing.TB) string {
	t.Helper()
	_, token := tokenIn(t, w.newest(t, "unlock"))
	return token
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	here := w.signUp(t, "ann@example.com")
	for range 4 {
		wantCode(t, "wrong", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
	}
	if n := w.kinds(t)["unlock"]; n != 0 {
		t.Errorf("%d messages before the lock, want none", n)
	}
	for range 10 {
		wantCode(t, "wrong", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
	}
	if n := w.kinds(t)["unlock"]; n != 1 {
		t.Errorf("%d messages of one lock, want one", n)
	}
	token := w.unlockToken(t)
	wantCode(t, "Check", w.Unlocks.Check(t.Context(), token), "")
	wantCode(t, "while locked", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	wantCode(t, "the session meanwhile", errOf(w.Gate.Resolve(t.Context(), here.AccessToken)), "")
	wantCode(t, "Unlock", w.Unlocks.Unlock(t.Context(), someone, token), "")
	wantCode(t, "unlocked", errOf(w.login(t, "ann@example.com", good)), "")
	if n := w.audited(t, "user.lockout_ended"); n != 1 {
		t.Errorf("the unlock was recorded %d times, want once", n)
	}
}

func TestAttackUnlock(t *testing.T) {
	t.Parallel()
	t.Run("LCK-13 reuse, a stranger's, expired, another's", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		up := w.signUp(t, "ann@example.com")
		w.signUp(t, "bob@example.com")
		unlock := func(token string) error { return w.Unlocks.Unlock(t.Context(), someone, token) }
		w.lockOut(t, "ann@example.com")
		first := w.unlockToken(t)
		w.clock.advance(time.Second)
		w.lockOut(t, "bob@example.com")
		bobs := w.unlockToken(t)
		wantCode(t, "of bob", unlock(bobs), "")
		wantCode(t, "ann after bob's", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
		got := storm(20, func() error { return unlock(first) })
		if got[""] != 1 || got[fault.Gone] != 19 {
			t.Errorf("outcomes = %v, want one", got)
		}
		wantCode(t, "Check of a used one", w.Unlocks.Check(t.Context(), first), fault.Gone)
		w.clock.advance(time.Hour)
		w.lockOut(t, "ann@example.com")
		second := w.unlockToken(t)
		for _, bad := range []string{"", "x", second[1:], second + "A"} {
			wantCode(t, "a stranger's", unlock(bad), fault.Gone)
		}
		w.clock.advance(time.Hour)
		wantCode(t, "expired", unlock(second), fault.Gone)
		w.lockOut(t, "ann@example.com")
		third := w.unlockToken(t)
		wantCode(t, "Delete", w.Users.Delete(t.Context(), host, up.User.ID), "")
		wantCode(t, "of nobody", unlock(third), fault.Gone)
	})
	t.Run("LCK-13 no way around the host's lock", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		up := w.signUp(t, "ann@example.com")
		w.lockOut(t, "ann@example.com")
		token := w.unlockToken(t)
		wantCode(t, "Lock", w.Users.Lock(t.Context(), host, up.User.ID), "")
		wantCode(t, "Unlock", w.Unlocks.Unlock(t.Context(), someone, token), "")
		wantCode(t, "sign-in", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
		w.clock.advance(time.Hour)
		w.lockOut(t, "ann@example.com")
		if n := w.kinds(t)["unlock"]; n != 1 {
			t.Errorf("%d messages, want none while the host has locked", n)
		}
	})
	t.Run("LCK-12 the host unlocks what guessing locked", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		up := w.signUp(t, "ann@example.com")
		w.lockOut(t, "ann@example.com")
		wantCode(t, "Unlock", w.Users.Unlock(t.Context(), host, up.User.ID), "")
		wantCode(t, "sign-in", errOf(w.login(t, "ann@example.com", good)), "")
	})
	t.Run("LCK-15 a flood of locks", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open, func(c *service.Config) { c.Lockout.Lock = time.Second })
		w.signUp(t, "ann@example.com")
		for range 20 {
			w.clock.advance(2 * time.Second)
			w.lockOut(t, "ann@example.com")
		}
		if n := w.kinds(t)["unlock"]; n != 5 {
			t.Errorf("%d messages of twenty locks, want 5", n)
		}
		if n := w.audited(t, "user.locked_out"); n != 20 {
			t.Errorf("%d locks were recorded, want 20", n)
		}
	})
	t.Run("ENU-12 a lock costs the same for nobody", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		for _, email := range []string{"ann@example.com", "nobody@example.com"} {
			before := w.audited(t, "user.locked_out")
			w.lockOut(t, email)
			if n := w.audited(t, "user.locked_out") - before; n != 1 {
				t.Errorf("the lock of %s cost %d writes, want one", email, n)
			}
		}
		if got := w.kinds(t); got["unlock"] != 1 {
			t.Errorf("messages = %v, want one", got)
		}
	})
	t.Run("LCK-12 silent where the host wants it so", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open, func(c *service.Config) { c.SilentLocks = true })
		w.signUp(t, "ann@example.com")
		w.lockOut(t, "ann@example.com")
		if got := w.kinds(t); got["unlock"] != 0 {
			t.Errorf("messages = %v, want none", got)
		}
	})
}

// from signs in from the browser with the device cookie.
func (w world) from(t testing.TB, device, email, pw string) error {
	t.Helper()
	by := someone
	by.Device = device
	return errOf(w.SignIn.Password(t.Context(), by, service.PasswordLogin{Email: email, Password: pw}))
}

func TestAttackKnownBrowser(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(t *testing.T, w world, userID string)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			id := w.signUp(t, "ann@example.com").User.ID
			wantCode(t, "the first time", w.from(t, "laptop", "ann@example.com", good), "")
			fn(t, w, id)
		})
	}
	story("LCK-12 strangers do not lock out the browser that signed in before", func(t *testing.T, w world, _ string) {
		for range 3 {
			w.lockOut(t, "ann@example.com")
			wantCode(t, "a stranger", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
			wantCode(t, "another browser", w.from(t, "phone", "ann@example.com", good), fault.Unauthenticated)
			wantCode(t, "the browser", w.from(t, "laptop", "ann@example.com", good), "")
			wantCode(t, "a stranger still", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
			w.clock.advance(16 * time.Minute)
		}
	})
	story("LCK-12 it is locked by its own failures", func(t *testing.T, w world, _ string) {
		for range 5 {
			wantCode(t, "wrong", w.from(t, "laptop", "ann@example.com", "x"), fault.Unauthenticated)
		}
		wantCode(t, "right", w.from(t, "laptop", "ann@example.com", good), fault.Unauthenticated)
		wantCode(t, "elsewhere", errOf(w.login(t, "ann@example.com", good)), "")
		wantCode(t, "Unlock", w.Unlocks.Unlock(t.Context(), someone, w.unlockToken(t)), "")
		wantCode(t, "unlocked, from another browser", w.from(t, "laptop", "ann@example.com", good), "")
	})
	story("LCK-12 a browser is known for its account only", func(t *testing.T, w world, _ string) {
		w.signUp(t, "bob@example.com")
		w.lockOut(t, "bob@example.com")
		wantCode(t, "bob", w.from(t, "laptop", "bob@example.com", good), fault.Unauthenticated)
	})
	story("LCK-12 where the link was followed is known", func(t *testing.T, w world, _ string) {
		w.lockOut(t, "ann@example.com")
		by := someone
		by.Device = "phone"
		wantCode(t, "Unlock", w.Unlocks.Unlock(t.Context(), by, w.unlockToken(t)), "")
		w.lockOut(t, "ann@example.com")
		wantCode(t, "there", w.from(t, "phone", "ann@example.com", good), "")
	})
	story("LCK-03 a reset forgets who was known", func(t *testing.T, w world, _ string) {
		userID, token := w.resetLink(t, "ann@example.com")
		wantCode(t, "Reset", w.reset(t, userID, token, fresh), "")
		w.lockOut(t, "ann@example.com")
		wantCode(t, "the browser that was known", w.from(t, "laptop", "ann@example.com", fresh), fault.Unauthenticated)
	})
	story("LCK-12 not for ever", func(t *testing.T, w world, _ string) {
		w.clock.advance(91 * 24 * time.Hour)
		w.lockOut(t, "ann@example.com")
		wantCode(t, "after three months", w.from(t, "laptop", "ann@example.com", good), fault.Unauthenticated)
	})
}
