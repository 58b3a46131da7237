package service_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	up := w.signUp(t, "ann@example.com")
	in, err := w.login(t, " Ann@Example.com ", good)
	if err != nil {
		t.Fatal(err)
	}
	p := w.user(t, in)
	if p.ID != up.User.ID || p.TenantID != up.Session.TenantID || p.SessionID != in.Session.ID {
		t.Errorf("principal = %+v, want user %s in %s", p, up.User.ID, up.Session.TenantID)
	}
	if !p.Can("reports.read") || p.Can("reports.write") {
		t.Error("the first user of a tenant must hold the catalogue and nothing else")
	}
	if in.ExpiresIn != 5*time.Minute || in.AccessToken == "" || in.Secret == "" {
		t.Errorf("login = %+v, want a token of five minutes and a refresh token", in)
	}
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	w.signUp(t, "ann@example.com")
	for _, tt := range []struct {
		name string
		in   service.PasswordLogin
		want fault.Code
	}{
		{"wrong password", service.PasswordLogin{Email: "ann@example.com", Password: "x"}, fault.Unauthenticated},
		{"no password", service.PasswordLogin{Email: "ann@example.com"}, fault.Unauthenticated},
		{"unknown user", service.PasswordLogin{Email: "bob@example.com", Password: good}, fault.Unauthenticated},
		{"no address", service.PasswordLogin{Email: "not an address", Password: good}, fault.Unauthenticated},
		{"unknown username", service.PasswordLogin{Username: "ann", Password: good}, fault.Unauthenticated},
		{"nobody", service.PasswordLogin{Password: good}, fault.Invalid},
		{"two", service.PasswordLogin{Email: "a@b.c", Username: "a", Password: good}, fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := w.SignIn.Password(t.Context(), someone, tt.in)
			wantCode(t, "Password", err, tt.want)
		})
	}
}

func TestAttackRefresh(t *testing.T) {
	t.Parallel()
	story := func(name string, fn func(t *testing.T, w world, first service.Login)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			fn(t, w, w.signUp(t, "ann@example.com"))
		})
	}
	story("RT-01 single use", func(t *testing.T, w world, r1 service.Login) {
		r2, err := w.refresh(t, r1.Secret)
		wantCode(t, "first refresh", err, "")
		if r2.Secret == r1.Secret {
			t.Fatal("the refresh token did not rotate")
		}
		w.clock.advance(11 * time.Second)
		_, err = w.refresh(t, r1.Secret)
		wantCode(t, "reuse after the grace", err, fault.Unauthenticated)
		_, err = w.refresh(t, r2.Secret)
		wantCode(t, "the successor of a reused token", err, fault.Unauthenticated)
		_, err = w.Gate.Resolve(t.Context(), r2.AccessToken)
		wantCode(t, "the access token of the family", err, fault.Unauthenticated)
		if n := w.audited(t, "session.reuse_detected"); n != 1 {
			t.Errorf("reuse was recorded %d times, want 1", n)
		}
	})
	story("RT-02 one successor for a thousand callers", func(t *testing.T, w world, r1 service.Login) {
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				l, err := w.refresh(t, r1.Secret)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				got[l.Secret]++
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Errorf("%d different successors, want 1", len(got))
		}
	})
	story("RT-05 a lost answer is given again", func(t *testing.T, w world, r1 service.Login) {
		r2, _ := w.refresh(t, r1.Secret)
		w.clock.advance(5 * time.Second)
		again, err := w.refresh(t, r1.Secret)
		wantCode(t, "replay in the grace", err, "")
		if again.Secret != r2.Secret {
			t.Error("the replay got another branch")
		}
		_, err = w.refresh(t, r2.Secret)
		wantCode(t, "the successor", err, "")
	})
	story("RT-06 the grace ends with the successor's use", func(t *testing.T, w world, r1 service.Login) {
		r2, _ := w.refresh(t, r1.Secret)
		r3, err := w.refresh(t, r2.Secret)
		wantCode(t, "the successor", err, "")
		_, err = w.refresh(t, r1.Secret)
		wantCode(t, "replay after the successor was used", err, fault.Unauthenticated)
		_, err = w.refresh(t, r3.Secret)
		wantCode(t, "the family", err, fault.Unauthenticated)
	})
	story("RT-06 the grace is for the same client", func(t *testing.T, w world, r1 service.Login) {
		r2, _ := w.refresh(t, r1.Secret)
		thief := store.Principal{IP: "203.0.113.9", UserAgent: "thief/1"}
		_, err := w.SignIn.Refresh(t.Context(), thief, r1.Secret)
		wantCode(t, "replay by another client", err, fault.Unauthenticated)
		_, err = w.refresh(t, r2.Secret)
		wantCode(t, "the family", err, fault.Unauthenticated)
	})
	story("RT-11 logout", func(t *testing.T, w world, r1 service.Login) {
		wantCode(t, "Logout", w.SignIn.Logout(t.Context(), someone, r1.Secret), "")
		_, err := w.refresh(t, r1.Secret)
		wantCode(t, "refresh after logout", err, fault.Unauthenticated)
	})
	story("RT-13 ends at the absolute limit", func(t *testing.T, w world, l service.Login) {
		var err error
		for range 4 {
			w.clock.advance(20 * time.Hour)
			if l, err = w.refresh(t, l.Secret); err != nil {
				break
			}
		}
		wantCode(t, "refresh after 72 hours", err, fault.Unauthenticated)
	})
	story("RT-15 a tenant the user is not in", func(t *testing.T, w world, r1 service.Login) {
		other := w.signUp(t, "bob@example.com")
		by := someone
		by.TenantID = other.Session.TenantID
		_, err := w.SignIn.Refresh(t.Context(), by, r1.Secret)
		wantCode(t, "refresh into another tenant", err, fault.Forbidden)
		_, err = w.refresh(t, r1.Secret)
		wantCode(t, "refresh afterwards", err, "")
	})
	story("RT-16 no bearer", func(t *testing.T, w world, r1 service.Login) {
		_, err := w.Gate.Resolve(t.Context(), r1.Secret)
		wantCode(t, "a refresh token as bearer", err, fault.Unauthenticated)
		_, _, err = w.Gate.ResolveCookie(t.Context(), r1.Secret)
		wantCode(t, "a refresh token as session cookie", err, fault.Unauthenticated)
	})
	story("JWT-26 a credential counts in its own place only, cached or not", func(t *testing.T, w world, r1 service.Login) {
		in := service.PasswordLogin{Email: "ann@example.com", Password: good, Kind: store.Browser}
		b, err := w.SignIn.Password(t.Context(), someone, in)
		wantCode(t, "sign-in with a cookie", err, "")
		for range 2 {
			_, _, err = w.Gate.ResolveCookie(t.Context(), b.Secret)
			wantCode(t, "the cookie as cookie", err, "")
			wantCode(t, "the token as token", errOf(w.Gate.Resolve(t.Context(), r1.AccessToken)), "")
			wantCode(t, "the cookie as bearer", errOf(w.Gate.Resolve(t.Context(), b.Secret)), fault.Unauthenticated)
			_, _, err = w.Gate.ResolveCookie(t.Context(), r1.AccessToken)
			wantCode(t, "the token as cookie", err, fault.Unauthenticated)
			wantCode(t, "the cookie as refresh token", errOf(w.refresh(t, b.Secret)), fault.Unauthenticated)
			wantCode(t, "the token as refresh token", errOf(w.refresh(t, r1.AccessToken)), fault.Unauthenticated)
		}
	})
	story("RT-17 hashed at rest", func(t *testing.T, w world, r1 service.Login) {
		s, err := w.db.Session(t.Context(), r1.User.ID, r1.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Hash, secret.Hash(r1.Secret)) || bytes.Contains(s.Hash, []byte(r1.Secret)) {
			t.Error("the store must keep the SHA-256 of the token and nothing else of it")
		}
	})
	story("RT-18 garbage ends nobody's session", func(t *testing.T, w world, r1 service.Login) {
		for _, bad := range []string{
			"", "x", r1.Secret[:len(r1.Secret)-1], r1.Secret + "A", strings.ToUpper(r1.Secret), r1.Secret + "\n", " " + r1.Secret,
		} {
			_, err := w.refresh(t, bad)
			wantCode(t, "refresh with garbage", err, fault.Unauthenticated)
		}
		_, err := w.refresh(t, r1.Secret)
		wantCode(t, "the real token afterwards", err, "")
	})
	story("RT-19 a forged secret of somebody's family", func(t *testing.T, w world, r1 service.Login) {
		forger, err := secret.New([][]byte{[]byte("another secret of another host !")})
		if err != nil {
			t.Fatal(err)
		}
		forged, _, err := forger.NewToken('r', r1.User.ID, r1.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.refresh(t, forged)
		wantCode(t, "a forged token", err, fault.Unauthenticated)
		_, err = w.refresh(t, r1.Secret)
		wantCode(t, "the real token afterwards", err, "")
	})
}

// TestAttackRefreshFollowsRights is RT-12: a refresh never carries on what ended.
func TestAttackRefreshFollowsRights(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, world, service.Login) error{
		"locked": func(t *testing.T, w world, l service.Login) error {
			return w.Users.Lock(t.Context(), host, l.User.ID)
		},
		"disabled": func(t *testing.T, w world, l service.Login) error {
			return w.Members.Disable(t.Context(), hostIn(l.Session.TenantID), l.User.ID)
		},
		"deleted": func(t *testing.T, w world, l service.Login) error {
			return w.Users.Delete(t.Context(), host, l.User.ID)
		},
		"removed from the tenant": func(t *testing.T, w world, l service.Login) error {
			return w.Users.Delete(t.Context(), hostIn(l.Session.TenantID), l.User.ID)
		},
		"tenant deleted": func(t *testing.T, w world, l service.Login) error {
			return w.Tenants.Delete(t.Context(), host, l.Session.TenantID)
		},
		"sessions ended": func(t *testing.T, w world, l service.Login) error {
			return w.Sessions.EndAll(t.Context(), w.user(t, l))
		},
	} {
		t.Run("RT-12 "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			l := w.signUp(t, "ann@example.com")
			wantCode(t, "resolve before", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), "")
			if err := end(t, w, l); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "resolve after", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), fault.Unauthenticated)
			wantCode(t, "refresh after", errOf(w.refresh(t, l.Secret)), fault.Unauthenticated)
		})
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestAttackRefreshAcrossProcesses is RT-03 with two processes on one store.
func TestAttackRefreshAcrossProcesses(t *testing.T) {
	t.Parallel()
	a := newWorld(t, open)
	b := worldOver(t, a.db, a.clock, open)
	r1 := a.signUp(t, "ann@example.com")
	var mu sync.Mutex
	got := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 100 {
		w := []world{a, b}[i%2]
		wg.Go(func() {
			l, err := w.refresh(t, r1.Secret)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			got[l.Secret] = true
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Errorf("RT-03: %d live successors, want 1", len(got))
	}
}

func TestAttackSession(t *testing.T) {
	t.Parallel()
	t.Run("SES-01 a sign-in is a new session", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		a := w.signUp(t, "ann@example.com")
		b, err := w.login(t, "ann@example.com", good)
		if err != nil || a.Session.ID == b.Session.ID || a.Secret == b.Secret {
			t.Errorf("second sign-in = %v, %v; want a session of its own", b.Session.ID, err)
		}
	})
	t.Run("SES-03 SES-04 logout everywhere", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		all := []service.Login{w.signUp(t, "ann@example.com")}
		for range 2 {
			l, err := w.login(t, "ann@example.com", good)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, l)
		}
		wantCode(t, "EndAll", w.Sessions.EndAll(t.Context(), w.user(t, all[1])), "")
		for _, l := range all {
			wantCode(t, "token", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), fault.Unauthenticated)
			wantCode(t, "refresh", errOf(w.refresh(t, l.Secret)), fault.Unauthenticated)
		}
	})
	t.Run("SES-05 sessions of another tenant's user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		a, b := w.signUp(t, "ann@example.com"), w.signUp(t, "bob@example.com")
		wantCode(t, "Revoke", w.Sessions.Revoke(t.Context(), w.user(t, a), b.User.ID), fault.NotFound)
		wantCode(t, "End", w.Sessions.End(t.Context(), w.user(t, a), b.Session.ID), fault.NotFound)
		wantCode(t, "the session", errOf(w.Gate.Resolve(t.Context(), b.AccessToken)), "")
	})
	t.Run("SES-06 the cap holds under a storm", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open, func(c *service.Config) { c.Session.Max = 1 })
		l := w.signUp(t, "ann@example.com")
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := w.login(t, "ann@example.com", good); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		live, err := w.db.Sessions(t.Context(), l.User.ID, w.clock.now())
		if err != nil || len(live) != 1 {
			t.Errorf("%d live sessions, %v; want 1", len(live), err)
		}
	})
	t.Run("SES-07 idle and absolute", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			after time.Duration
			want  fault.Code
		}{{24*time.Hour - time.Second, ""}, {24 * time.Hour, fault.Unauthenticated}, {24*time.Hour + time.Second, fault.Unauthenticated}} {
			w := newWorld(t, open)
			l := w.signUp(t, "ann@example.com")
			w.clock.advance(tt.after)
			wantCode(t, "refresh after "+tt.after.String(), errOf(w.refresh(t, l.Secret)), tt.want)
		}
	})
	t.Run("SES-27 secrets are long and never the same", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		seen := map[string]bool{}
		l := w.signUp(t, "ann@example.com")
		for range 50 {
			var err error
			if l, err = w.refresh(t, l.Secret); err != nil || seen[l.Secret] || len(l.Secret) < 64 {
				t.Fatalf("refresh = %q, %v", l.Secret, err)
			}
			seen[l.Secret] = true
		}
	})
	t.Run("SES-29 use is written once a minute", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		in := service.PasswordLogin{Email: "ann@example.com", Password: good, Kind: store.Browser}
		l, err := w.SignIn.Password(t.Context(), someone, in)
		if err != nil {
			t.Fatal(err)
		}
		renewed := 0
		for range 300 {
			w.clock.advance(500 * time.Millisecond)
			_, until, err := w.Gate.ResolveCookie(t.Context(), l.Secret)
			if err != nil {
				t.Fatal(err)
			}
			if !until.IsZero() {
				renewed++
			}
		}
		if renewed != 2 {
			t.Errorf("150 s of use renewed the session %d times, want 2", renewed)
		}
	})
}

func TestAttackLockout(t *testing.T) {
	t.Parallel()
	t.Run("LCK-01 the threshold", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		for range 4 {
			wantCode(t, "wrong", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
		}
		wantCode(t, "right after four", errOf(w.login(t, "ann@example.com", good)), "")
		for range 5 {
			wantCode(t, "wrong", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
		}
		_, locked := w.login(t, "ann@example.com", good)
		_, wrong := w.login(t, "ann@example.com", "x")
		wantCode(t, "right while locked", locked, fault.Unauthenticated)
		if locked.Error() != wrong.Error() {
			t.Errorf("locked says %q, wrong says %q", locked, wrong)
		}
		w.clock.advance(15*time.Minute + time.Second)
		wantCode(t, "LCK-12 right after the lock", errOf(w.login(t, "ann@example.com", good)), "")
	})
	t.Run("LCK-02 parallel guessing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() { wantCode(t, "guess", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated) })
		}
		wg.Wait()
		wantCode(t, "right after 200 guesses", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	})
	t.Run("LCK-04 one counter for all spellings", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		for _, e := range []string{"ann@example.com", "ANN@example.com", " ann@EXAMPLE.com ", "ann@example.com.", "ann@ｅｘａｍｐｌｅ.com"} {
			wantCode(t, "wrong", errOf(w.login(t, e, "x")), fault.Unauthenticated)
		}
		wantCode(t, "right after five spellings", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
	})
	t.Run("ENU-12 unknown accounts are counted too", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		for range 6 {
			wantCode(t, "unknown", errOf(w.login(t, "bob@example.com", "x")), fault.Unauthenticated)
		}
		w.signUp(t, "bob@example.com")
		wantCode(t, "locked before it existed", errOf(w.login(t, "bob@example.com", good)), fault.Unauthenticated)
	})
}

func TestAttackEnumeration(t *testing.T) {
	t.Parallel()
	t.Run("ENU-03 every failure does the work of one hash", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open, func(c *service.Config) { c.Lockout.Max = 3 })
		up := w.signUp(t, "ann@example.com")
		disabled, locked := w.signUp(t, "dis@example.com"), w.signUp(t, "loc@example.com")
		for range 4 {
			_, _ = w.login(t, "many@example.com", "x")
		}
		if err := w.Members.Disable(t.Context(), hostIn(disabled.Session.TenantID), disabled.User.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.Users.Lock(t.Context(), host, locked.User.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.db.DeleteCredential(t.Context(), up.User.ID, store.Password); err != nil {
			t.Fatal(err)
		}
		said := map[string]bool{}
		for _, email := range []string{"ann@example.com", "dis@example.com", "loc@example.com", "many@example.com", "nobody@example.com", "not an address"} {
			before := w.hasher.Runs()
			_, err := w.login(t, email, "some wrong password")
			wantCode(t, email, err, fault.Unauthenticated)
			said[err.Error()] = true
			if n := w.hasher.Runs() - before; n != 1 {
				t.Errorf("%s cost %d hashes, want 1", email, n)
			}
		}
		for _, email := range []string{"dis@example.com", "loc@example.com"} {
			_, err := w.login(t, email, good)
			wantCode(t, email+" with the right password", err, fault.Unauthenticated)
			said[err.Error()] = true
		}
		if len(said) != 1 {
			t.Errorf("failures say different things: %v", said)
		}
	})
	t.Run("ENU-03 an unproved address is told to who knows the password", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.Users.Create(t.Context(), host, service.NewUser{Email: "x@example.com", Password: good, TenantID: w.tenant(t)})
		wantCode(t, "Create", err, "")
	})
	t.Run("ENU-04 sign-up says the same for every address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := service.NewSignUp{Email: "ann@example.com", Password: good, Company: "Acme"}
		first, err1 := w.SignUp.Create(t.Context(), someone, in)
		w.clock.advance(time.Second)
		again, err2 := w.SignUp.Create(t.Context(), someone, in)
		userID, token := w.link(t)
		_, err3 := w.SignUp.Activate(t.Context(), someone, service.Activation{UserID: userID, Token: token, Password: good})
		w.clock.advance(time.Second)
		proved, err4 := w.SignUp.Create(t.Context(), someone, in)
		for _, err := range []error{err1, err2, err3, err4} {
			wantCode(t, "sign-up", err, "")
		}
		if want := (service.SignedUp{ShouldActivate: true}); first != want || again != want || proved != want {
			t.Errorf("answers = %+v, %+v, %+v; want all %+v", first, again, proved, want)
		}
	})
}

// tenant makes a tenant and returns its id.
func (w world) tenant(t testing.TB) string {
	t.Helper()
	n, err := w.Tenants.Create(t.Context(), host, service.NewTenant{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	return n.ID
}
