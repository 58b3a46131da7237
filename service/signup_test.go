package service_test

import (
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func invited(t *testing.T, w world, by store.Principal) (userID, token string) {
	t.Helper()
	in := service.NewSignUp{Email: "ann@example.com", Password: good, Name: "Ann", Company: "Acme"}
	if _, err := w.SignUp.Create(t.Context(), by, in); err != nil {
		t.Fatal(err)
	}
	return w.link(t)
}

func TestActivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	userID, token := invited(t, w, someone)
	wantCode(t, "sign-in before", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	l, err := w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good})
	wantCode(t, "Activate", err, "")
	if p := w.user(t, l); p.ID != userID || !p.Can("reports.read") {
		t.Errorf("principal = %+v, want the first user of the tenant", p)
	}
	wantCode(t, "sign-in after", errOf(w.login(t, "ann@example.com", good)), "")
}

func TestAttackActivation(t *testing.T) {
	t.Parallel()
	activate := func(t *testing.T, w world, userID, token string) error {
		t.Helper()
		return errOf(w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good}))
	}
	t.Run("ML-02 a link works once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		userID, token := invited(t, w, someone)
		var mu sync.Mutex
		won := 0
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				err := activate(t, w, userID, token)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else {
					wantCode(t, "a second use", err, fault.Gone)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d uses of one link won, want 1", won)
		}
	})
	t.Run("ML-03 expiry", func(t *testing.T) {
		t.Parallel()
		for after, want := range map[time.Duration]fault.Code{
			time.Hour - time.Second: "", time.Hour: fault.Gone, time.Hour + time.Second: fault.Gone,
		} {
			w := newWorld(t)
			userID, token := invited(t, w, someone)
			w.clock.advance(after)
			wantCode(t, "after "+after.String(), activate(t, w, userID, token), want)
		}
	})
	t.Run("ML-04 the newest only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		userID, old := invited(t, w, someone)
		w.clock.advance(time.Second)
		wantCode(t, "Resend", w.SignUp.Resend(t.Context(), someone, "ann@example.com"), "")
		_, newest := w.link(t)
		wantCode(t, "the old link", activate(t, w, userID, old), fault.Gone)
		wantCode(t, "the new link", activate(t, w, userID, newest), "")
	})
	t.Run("ML-13 a link opens no session for who only has the link", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		by := someone
		by.Device = "the browser that signed up"
		userID, token := invited(t, w, by)
		_, err := w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token})
		wantCode(t, "in another browser", err, fault.Invalid)
		live, err := w.db.Sessions(t.Context(), userID, w.clock.now())
		if err != nil || len(live) != 0 {
			t.Errorf("%d sessions, %v; want none", len(live), err)
		}
		_, err = w.SignUp.Activate(t.Context(), by, service.Activation{UserID: userID, Token: token})
		wantCode(t, "in the same", err, "")
	})
	t.Run("the link of another user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, token := invited(t, w, someone)
		wantCode(t, "Activate", activate(t, w, "another", token), fault.Gone)
	})
	t.Run("INV-10 a password given before the address was proved", func(t *testing.T) {
		t.Parallel()
		attacker, owner := someone, someone
		attacker.Device, owner.Device = "attacker's browser", "owner's browser"
		w := newWorld(t)
		userID, token := invited(t, w, attacker)
		needs, err := w.SignUp.NeedsPassword(t.Context(), owner, userID, token)
		if err != nil || !needs {
			t.Errorf("NeedsPassword for another browser = %v, %v; want true", needs, err)
		}
		_, err = w.SignUp.Activate(t.Context(), owner, service.Activation{UserID: userID, Token: token})
		wantCode(t, "activating a stranger's password", err, fault.Invalid)
		_, err = w.SignUp.Activate(t.Context(), owner, service.Activation{UserID: userID, Token: token, Password: "the owner's own password"})
		wantCode(t, "activating with a password of one's own", err, "")
		wantCode(t, "the attacker's password", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	})
	t.Run("INV-10 the browser that signed up is not asked again", func(t *testing.T) {
		t.Parallel()
		by := someone
		by.Device = "a browser"
		w := newWorld(t)
		userID, token := invited(t, w, by)
		_, err := w.SignUp.Activate(t.Context(), by, service.Activation{UserID: userID, Token: token})
		wantCode(t, "Activate", err, "")
		wantCode(t, "sign-in", errOf(w.login(t, "ann@example.com", good)), "")
	})
}

func TestSignUpRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.signUp(t, "ann@example.com")
	for _, tt := range []struct {
		name string
		in   service.NewSignUp
		want fault.Code
	}{
		{"known address", service.NewSignUp{Email: "Ann@example.com", Password: good, Company: "B"}, fault.Conflict},
		{"no address", service.NewSignUp{Email: "ann", Password: good, Company: "B"}, fault.Invalid},
		{"no company", service.NewSignUp{Email: "b@example.com", Password: good}, fault.Invalid},
		{"no password", service.NewSignUp{Email: "b@example.com", Company: "B"}, fault.Invalid},
		{"short password", service.NewSignUp{Email: "b@example.com", Password: "short", Company: "B"}, fault.Invalid},
		{"common password", service.NewSignUp{Email: "b@example.com", Password: "password123456789", Company: "B"}, fault.Invalid},
		{"its own address", service.NewSignUp{Email: "bob.builder@example.com", Password: "bob.builder@example.com", Company: "B"}, fault.Invalid},
		{"metadata", service.NewSignUp{Email: "b@example.com", Password: good, Company: "B", Metadata: "[]"}, fault.Invalid},
		{"INV-14 roles", service.NewSignUp{Email: "b@example.com", Password: good, Company: "B", RoleIDs: []string{"x"}}, fault.Invalid},
		{"another provider", service.NewSignUp{Email: "b@example.com", Password: good, Company: "B", Provider: "google"}, fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := w.SignUp.Create(t.Context(), someone, tt.in)
			wantCode(t, "Create", err, tt.want)
		})
	}
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *service.Config) { c.SignUp.Closed = true })
		_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "b@example.com", Password: good, Company: "B"})
		wantCode(t, "Create", err, fault.Forbidden)
	})
}

func TestAttackPassword(t *testing.T) {
	t.Parallel()
	t.Run("PW-21 a change needs the old password", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		here, other := w.signUp(t, "ann@example.com"), service.Login{}
		other, err := w.login(t, "ann@example.com", good)
		wantCode(t, "second device", err, "")
		by := w.user(t, here)
		const next = "a wholly different passphrase"
		wantCode(t, "wrong old", w.Passwords.Change(t.Context(), by, "wrong", next), fault.Unauthenticated)
		wantCode(t, "no old", w.Passwords.Change(t.Context(), by, "", next), fault.Unauthenticated)
		wantCode(t, "same", w.Passwords.Change(t.Context(), by, good, good), fault.Invalid)
		wantCode(t, "weak", w.Passwords.Change(t.Context(), by, good, "short"), fault.Invalid)
		wantCode(t, "Change", w.Passwords.Change(t.Context(), by, good, next), "")
		wantCode(t, "this session", errOf(w.Gate.Resolve(t.Context(), here.AccessToken)), "")
		wantCode(t, "the other session", errOf(w.Gate.Resolve(t.Context(), other.AccessToken)), fault.Unauthenticated)
		wantCode(t, "the other refresh token", errOf(w.refresh(t, other.Secret)), fault.Unauthenticated)
		wantCode(t, "the old password", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
		wantCode(t, "the new password", errOf(w.login(t, "ann@example.com", next)), "")
		if ms := w.waiting(t); len(ms) != 1 || ms[0].Kind != "password-changed" {
			t.Errorf("notices = %v, want one of the change", ms)
		}
	})
	t.Run("PW-16 an old hash is replaced once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		up := w.signUp(t, "ann@example.com")
		old := store.Credential{UserID: up.User.ID, Kind: store.Password, CreatedAt: w.clock.now(), UpdatedAt: w.clock.now()}
		old.Secret = "$2a$04$2sZ2NLbeqbVBqzLoUvFVOOWZRDwqCkHCOYJwaqVELKYrdEmUrF1d."
		if err := w.db.PutCredential(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "a wrong password", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
		c, err := w.db.Credential(t.Context(), up.User.ID, store.Password)
		if err != nil || c.Secret != old.Secret {
			t.Errorf("a failed sign-in changed the hash: %v", err)
		}
	})
	t.Run("PW-28 management may ask whether a password is right", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		up := w.signUp(t, "ann@example.com")
		ok, err := w.Passwords.Verify(t.Context(), host, "ann@example.com", good)
		if err != nil || !ok {
			t.Errorf("Verify = %v, %v; want true", ok, err)
		}
		ok, err = w.Passwords.Verify(t.Context(), host, "ann@example.com", "wrong")
		if err != nil || ok {
			t.Errorf("Verify of a wrong one = %v, %v; want false", ok, err)
		}
		_, err = w.Passwords.Verify(t.Context(), w.user(t, up), "ann@example.com", good)
		wantCode(t, "a user asks", err, fault.Forbidden)
	})
}

func TestManagementCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, text, err := w.Credentials.Create(t.Context(), store.System(), "ci")
	wantCode(t, "Create", err, "")
	token, _, err := w.Credentials.Exchange(t.Context(), someone, w.Environment, text)
	wantCode(t, "Exchange", err, "")
	p, err := w.Gate.Resolve(t.Context(), token)
	wantCode(t, "Resolve", err, "")
	if p.Kind != store.ManagementKind || p.ID != c.ID {
		t.Errorf("principal = %+v, want the credential %s", p, c.ID)
	}
	for name, try := range map[string][2]string{
		"another client id": {"x", text}, "no secret": {w.Environment, ""}, "a cut secret": {w.Environment, text[1:]},
	} {
		_, _, err := w.Credentials.Exchange(t.Context(), someone, try[0], try[1])
		wantCode(t, name, err, fault.Unauthenticated)
	}
	wantCode(t, "Delete", w.Credentials.Delete(t.Context(), host, c.ID), "")
	wantCode(t, "the token of a deleted credential", errOf(w.Gate.Resolve(t.Context(), token)), fault.Unauthenticated)
	_, _, err = w.Credentials.Exchange(t.Context(), someone, w.Environment, text)
	wantCode(t, "a deleted credential", err, fault.Unauthenticated)
	_, _, err = w.Credentials.Create(t.Context(), store.Principal{Kind: store.UserKind}, "x")
	wantCode(t, "a user makes one", err, fault.Forbidden)
}
