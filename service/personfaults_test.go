package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// A relay is a store that a test exchanges between two calls, for one that fails.
type relay struct{ store.Store }

// A trial is one world in which a flow meets every fault in turn, each time with somebody new.
type trial struct {
	world
	relay *relay
	n     int // of the round
}

func newTrial(t *testing.T, change ...func(*service.Config)) *trial {
	t.Helper()
	r := &relay{memory(t)}
	return &trial{world: worldOver(t, r, noon(), change...), relay: r}
}

func (w *trial) email() string { return fmt.Sprintf("ann%d@example.com", w.n) }

// newcomer signs up somebody whose address counts as proved.
func (w *trial) newcomer(t *testing.T) service.Login {
	t.Helper()
	return w.signUp(t, w.email())
}

// invitation is what the newest link brings back.
func (w *trial) invitation(t *testing.T) service.Activation {
	t.Helper()
	userID, token := w.link(t)
	for _, m := range w.waiting(t) {
		if err := w.db.FinishMessage(t.Context(), m.ID, w.clock.now()); err != nil {
			t.Fatal(err)
		}
	}
	return service.Activation{UserID: userID, Token: token, Password: good}
}

// A scene is one flow: prepare sets it up, without faults, and returns the step that will meet
// one. The step is taken again after the fault, as a person tries again.
type scene struct {
	change  []func(*service.Config)
	prepare func(t *testing.T, w *trial) step
}

type step struct {
	take func() (service.Login, error)
	// lost is what taking it again may say when it was done although its answer was lost.
	lost fault.Code
	// then checks what it came to.
	then func()
}

// plain is a step that signs nobody in.
func plain(take func() error) func() (service.Login, error) {
	return func() (service.Login, error) { return service.Login{}, take() }
}

// rounds takes the step with a fault at its first call to the store, then at its second, and
// so on, until the fault comes too late. It returns how many faults there were.
func rounds(t *testing.T, s scene, broken func(store.Store, int) *storetest.Faulty, judge func(*trial, step, service.Login, error)) int {
	t.Helper()
	w := newTrial(t, s.change...)
	db := w.relay.Store
	for w.n = 1; w.n < 200; w.n++ {
		taken := s.prepare(t, w)
		faulty := broken(db, w.n)
		w.relay.Store = faulty
		l, err := taken.take()
		w.relay.Store = db
		if !faulty.Reached() {
			judge(w, taken, l, err)
			return w.n - 1
		}
		judge(w, taken, l, err)
		w.clock.advance(2 * time.Second)
	}
	t.Errorf("the flow never ends")
	return 0
}

// broke wants an error to say that something broke here, and never that the caller is wrong.
func broke(t *testing.T, w *trial, err error) {
	t.Helper()
	switch c := fault.From(err).Code; c {
	case fault.Internal, fault.Unavailable:
	default:
		t.Errorf("fault at call %d = %s %v, want internal or unavailable", w.n, c, err)
	}
}

// welcome wants a login to be good for something.
func (w *trial) welcome(t *testing.T, l service.Login) {
	t.Helper()
	if l.Session.ID == "" {
		return
	}
	wantCode(t, "the token", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), "")
}

func TestAttackBrokenStep(t *testing.T) {
	t.Parallel()
	for name, s := range personScenes() {
		for _, err := range []error{errors.New("disk full"), context.Canceled} {
			t.Run(fmt.Sprintf("STO-01 %s, %v", name, err), func(t *testing.T) {
				t.Parallel()
				broken := func(db store.Store, n int) *storetest.Faulty { return storetest.Fault(db, n, err) }
				n := rounds(t, s, broken, func(w *trial, taken step, l service.Login, err error) {
					if err == nil {
						w.welcome(t, l)
					} else {
						broke(t, w, err)
						if l.Secret != "" || l.AccessToken != "" {
							t.Errorf("fault at call %d still gave a session", w.n)
						}
						w.clock.advance(time.Millisecond)
						if l, err = taken.take(); taken.lost == "" || code(err) != taken.lost { // the fault came after the commit
							wantCode(t, fmt.Sprintf("again after a fault at call %d", w.n), err, "")
						}
						if err == nil {
							w.welcome(t, l)
						}
					}
					taken.then()
					w.whole(t)
				})
				if n == 0 {
					t.Error("the flow met no fault")
				}
			})
		}
	}
}

func TestAttackBrokenAnswer(t *testing.T) {
	t.Parallel()
	for name, s := range personScenes() {
		t.Run("STO-02 "+name, func(t *testing.T) {
			t.Parallel()
			broken := func(db store.Store, n int) *storetest.Faulty {
				return storetest.Lose(db, n, errors.New("connection lost"))
			}
			n := rounds(t, s, broken, func(w *trial, taken step, l service.Login, err error) {
				if err != nil {
					broke(t, w, err)
					w.clock.advance(time.Millisecond)
					if l, err = taken.take(); taken.lost == "" || code(err) != taken.lost {
						wantCode(t, fmt.Sprintf("again after a lost answer at call %d", w.n), err, "")
					}
				}
				if err == nil {
					w.welcome(t, l)
				}
				taken.then()
				w.whole(t)
			})
			if n == 0 {
				t.Error("the flow met no fault")
			}
		})
	}
}

// whole wants nothing half done about anybody.
func (w *trial) whole(t *testing.T) {
	t.Helper()
	all, err := w.db.Users(t.Context(), store.UserQuery{Page: store.Page{Limit: store.MaxLimit}})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all.Items {
		is, err1 := w.db.Identifiers(t.Context(), u.ID)
		ms, err2 := w.db.Memberships(t.Context(), u.ID)
		as, err3 := w.db.Assignments(t.Context(), u.ID)
		told, err4 := w.db.Audit(t.Context(), store.AuditQuery{Subject: u.ID})
		if err := errors.Join(err1, err2, err3, err4); err != nil || len(is) != 1 || len(ms) == 0 || len(as) == 0 || told.Total == 0 {
			t.Errorf("round %d: %s has %d identifiers, %d memberships, %d roles, %d events, %v", w.n, u.Email, len(is), len(ms), len(as), told.Total, err)
		}
		if n, err := w.db.Tenant(t.Context(), ms[0].TenantID); err != nil || n.ID == "" {
			t.Errorf("round %d: the tenant of %s: %v", w.n, u.Email, err)
		}
		_, err := w.db.Credential(t.Context(), u.ID, store.Password)
		if u.Verified && err != nil || u.Verified != ms[0].Activated || u.Verified == is[0].VerifiedAt.IsZero() {
			t.Errorf("round %d: %s is verified: %t; membership %+v, identifier %+v, credential %v", w.n, u.Email, u.Verified, ms[0], is[0], err)
		}
	}
}

// lives reports how many sessions of a user do.
func (w *trial) lives(t *testing.T, userID string) int {
	t.Helper()
	ss, err := w.db.Sessions(t.Context(), userID, w.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	return len(ss)
}

func nothing() {}

func personScenes() map[string]scene {
	proved := []func(*service.Config){open}
	all := map[string]scene{
		"sign-up": {proved, signUpScene}, "sign-up with a link": {nil, linkScene}, "activation": {nil, activationScene},
		"sign-in": {proved, signInScene}, "sign-in with a cookie": {proved, cookieScene}, "refresh": {proved, refreshScene},
		"log-out": {proved, logoutScene}, "change of password": {proved, passwordScene}, "end of all sessions": {proved, endScene},
		"switch of tenant": {proved, switchScene}, "assignment": {proved, assignScene}, "new user": {proved, createScene},
		"resolving a token": {proved, resolveScene}, "reset of a password": {proved, resetScene},
	}
	return all
}

func signUpScene(t *testing.T, w *trial) step {
	email := w.email()
	return step{lost: fault.Conflict, then: func() { wantCode(t, "sign-in afterwards", errOf(w.login(t, email, good)), "") }, take: func() (service.Login, error) {
		s, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"})
		if s.Login == nil {
			return service.Login{}, err
		}
		return *s.Login, err
	}}
}

func linkScene(t *testing.T, w *trial) step {
	email := w.email()
	return step{
		take: plain(func() error {
			return errOf(w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"}))
		}),
		then: func() {
			l, err := w.SignUp.Activate(t.Context(), someone, w.invitation(t))
			wantCode(t, "the link", err, "")
			w.welcome(t, l)
		},
	}
}

func activationScene(t *testing.T, w *trial) step {
	_, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: w.email(), Password: good, Company: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	in, email := w.invitation(t), w.email()
	return step{lost: fault.Gone,
		take: func() (service.Login, error) { return w.SignUp.Activate(t.Context(), someone, in) },
		then: func() {
			wantCode(t, "sign-in afterwards", errOf(w.login(t, email, good)), "")
			wantCode(t, "the link afterwards", errOf(w.SignUp.Activate(t.Context(), someone, in)), fault.Gone)
		},
	}
}

func signInScene(t *testing.T, w *trial) step {
	l, email := w.newcomer(t), w.email()
	return step{
		take: func() (service.Login, error) { return w.login(t, email, good) },
		then: func() {
			if n := w.lives(t, l.User.ID); n < 2 || n > 3 {
				t.Errorf("round %d: %d sessions live, want two, or three where an answer was lost", w.n, n)
			}
		},
	}
}

func cookieScene(t *testing.T, w *trial) step {
	w.newcomer(t)
	in := service.PasswordLogin{Email: w.email(), Password: good, Kind: store.Browser}
	return step{then: nothing, take: plain(func() error {
		l, err := w.SignIn.Password(t.Context(), someone, in)
		if err == nil {
			_, _, err = w.Gate.ResolveCookie(t.Context(), l.Secret)
		}
		return err
	})}
}

func refreshScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	return step{
		take: func() (service.Login, error) { return w.refresh(t, l.Secret) },
		then: func() {
			next, err := w.refresh(t, l.Secret) // within the grace
			wantCode(t, "the grace afterwards", err, "")
			wantCode(t, "the successor", errOf(w.refresh(t, next.Secret)), "")
			if n := w.audited(t, "session.reuse_detected"); n != 0 {
				t.Errorf("round %d: a fault was taken for a theft", w.n)
			}
		},
	}
}

func logoutScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	return step{
		take: plain(func() error { return w.SignIn.Logout(t.Context(), someone, l.Secret) }),
		then: func() {
			wantCode(t, "refresh afterwards", errOf(w.refresh(t, l.Secret)), fault.Unauthenticated)
			wantCode(t, "the token afterwards", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), fault.Unauthenticated)
		},
	}
}

func passwordScene(t *testing.T, w *trial) step {
	l, email := w.newcomer(t), w.email()
	second, err := w.login(t, email, good)
	if err != nil {
		t.Fatal(err)
	}
	by := w.user(t, l)
	const next = "another long password of ann"
	return step{lost: fault.Unauthenticated, // the current password is the new one by then
		take: plain(func() error { return w.Passwords.Change(t.Context(), by, good, next) }),
		then: func() {
			wantCode(t, "the old password", errOf(w.login(t, email, good)), fault.Unauthenticated)
			wantCode(t, "the new password", errOf(w.login(t, email, next)), "")
			wantCode(t, "the other session", errOf(w.refresh(t, second.Secret)), fault.Unauthenticated)
			wantCode(t, "the own session", errOf(w.refresh(t, l.Secret)), "")
		},
	}
}

func endScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	by := w.user(t, l)
	return step{
		take: plain(func() error { return w.Sessions.EndAll(t.Context(), by) }),
		then: func() {
			if n := w.lives(t, l.User.ID); n != 0 {
				t.Errorf("round %d: %d sessions live", w.n, n)
			}
			wantCode(t, "the token afterwards", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), fault.Unauthenticated)
		},
	}
}

func switchScene(t *testing.T, w *trial) step {
	l, second := w.joined(t, w.email())
	by := w.user(t, l)
	return step{
		take: plain(func() error { return errOf(w.Profiles.Switch(t.Context(), by, second)) }),
		then: func() {
			next, err := w.refresh(t, l.Secret)
			wantCode(t, "refresh afterwards", err, "")
			if got := next.Session.TenantID; got != second {
				t.Errorf("round %d: the session acts in %s, want %s", w.n, got, second)
			}
		},
	}
}

func assignScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	by := hostIn(l.Session.TenantID)
	rs, err := w.Roles.Create(t.Context(), by, []service.NewRole{{Key: "extra", Name: "Extra"}})
	if err != nil {
		t.Fatal(err)
	}
	return step{
		take: plain(func() error { return errOf(w.Members.Assign(t.Context(), by, l.User.ID, []string{rs[0].ID})) }),
		then: func() {
			has := func(r store.RoleRef) bool { return r.Key == "extra" }
			if p := w.user(t, l); !slices.ContainsFunc(p.Roles, has) {
				t.Errorf("round %d: the role is not among %v", w.n, p.Roles)
			}
		},
	}
}

func createScene(t *testing.T, w *trial) step {
	in := service.NewUser{Email: w.email(), Password: good, TenantID: w.tenant(t)}
	return step{lost: fault.Conflict,
		take: plain(func() error { return errOf(w.Users.Create(t.Context(), host, in)) }),
		then: func() { wantCode(t, "sign-in afterwards", errOf(w.login(t, in.Email, good)), "") },
	}
}

func resetScene(t *testing.T, w *trial) step {
	l, email := w.newcomer(t), w.email()
	in := w.forgotten(t, l.User.ID)
	return step{lost: fault.Gone,
		take: plain(func() error { return w.Resets.Reset(t.Context(), someone, in) }),
		then: func() {
			wantCode(t, "the old password", errOf(w.login(t, email, good)), fault.Unauthenticated)
			wantCode(t, "the new password", errOf(w.login(t, email, in.Password)), "")
			wantCode(t, "a session from before", errOf(w.refresh(t, l.Secret)), fault.Unauthenticated)
			wantCode(t, "the link afterwards", w.Resets.Reset(t.Context(), someone, in), fault.Gone)
		},
	}
}

// forgotten is what a link to a new password brings back.
func (w *trial) forgotten(t *testing.T, userID string) service.PasswordChoice {
	t.Helper()
	_, token, err := w.Resets.Link(t.Context(), host, userID)
	if err != nil {
		t.Fatal(err)
	}
	return service.PasswordChoice{UserID: userID, Token: token, Password: "another long password of ann"}
}

func resolveScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	return step{then: nothing, take: plain(func() error { return errOf(w.Gate.Resolve(t.Context(), l.AccessToken)) })}
}
