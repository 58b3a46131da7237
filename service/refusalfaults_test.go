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

// What is refused stays refused whichever call to the store goes wrong meanwhile.
func TestAttackBrokenRefusal(t *testing.T) {
	t.Parallel()
	type fail = func(store.Store, int, error) *storetest.Faulty
	for name, prepare := range refusals() {
		for how, broken := range map[string]fail{"fails": storetest.Fault, "loses its answer": storetest.Lose} {
			t.Run(fmt.Sprintf("STO-01 STO-02 %s, while a call %s", name, how), func(t *testing.T) {
				t.Parallel()
				s := scene{[]func(*service.Config){open}, prepare}
				one := func(db store.Store, n int) *storetest.Faulty { return broken(db, n, errors.New("disk full")) }
				n := rounds(t, s, one, func(w *trial, taken step, l service.Login, err error) {
					if err == nil || l.Secret != "" || l.AccessToken != "" {
						t.Errorf("fault at call %d let it through: %v", w.n, err)
					}
					if l, err = taken.take(); code(err) != taken.lost || l.Secret != "" {
						t.Errorf("after a fault at call %d = %v, want %q", w.n, err, taken.lost)
					}
					taken.then()
				})
				if n == 0 && how == "fails" { // where nothing succeeds, no answer can be lost
					t.Error("the flow met no fault")
				}
			})
		}
	}
}

// refusals are flows that end in the code that lost says.
func refusals() map[string]func(*testing.T, *trial) step {
	return map[string]func(*testing.T, *trial) step{
		"a wrong password":                   wrongScene,
		"the password of nobody":             nobodyScene,
		"a locked account":                   lockedOutScene,
		"a user who was locked":              userLockedScene,
		"a disabled member":                  disabledScene,
		"a refresh after log-out":            endedScene,
		"a token after log-out":              endedTokenScene,
		"a token of who was removed":         removedScene,
		"a refresh token that was replaced":  reusedScene,
		"a link that was used":               usedLinkScene,
		"a link that expired":                expiredLinkScene,
		"a reset link that was used":         usedResetScene,
		"a change with the wrong password":   wrongChangeScene,
		"an API secret that was taken back":  secretScene,
		"a role above one's own":             roleScene,
		"another tenant by refresh":          foreignScene,
		"the session of somebody else ended": strangerScene,
	}
}

func wrongScene(t *testing.T, w *trial) step {
	w.newcomer(t)
	email := w.email()
	return step{lost: fault.Unauthenticated, then: nothing, take: func() (service.Login, error) { return w.login(t, email, "x") }}
}

func nobodyScene(t *testing.T, w *trial) step {
	email := w.email()
	return step{lost: fault.Unauthenticated, then: nothing, take: func() (service.Login, error) { return w.login(t, email, good) }}
}

func lockedOutScene(t *testing.T, w *trial) step {
	w.newcomer(t)
	email := w.email()
	w.fail(t, 5, email)
	return step{lost: fault.Unauthenticated, then: nothing, take: func() (service.Login, error) { return w.login(t, email, good) }}
}

func userLockedScene(t *testing.T, w *trial) step {
	l, email := w.newcomer(t), w.email()
	if err := w.Users.Lock(t.Context(), host, l.User.ID); err != nil {
		t.Fatal(err)
	}
	return step{lost: fault.Unauthenticated, then: nothing, take: func() (service.Login, error) { return w.login(t, email, good) }}
}

func disabledScene(t *testing.T, w *trial) step {
	l, email := w.newcomer(t), w.email()
	if err := w.Members.Disable(t.Context(), hostIn(l.Session.TenantID), l.User.ID); err != nil {
		t.Fatal(err)
	}
	return step{lost: fault.Unauthenticated, then: nothing, take: func() (service.Login, error) { return w.login(t, email, good) }}
}

func endedScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	if err := w.SignIn.Logout(t.Context(), someone, l.Secret); err != nil {
		t.Fatal(err)
	}
	return step{lost: fault.Unauthenticated, then: nothing, take: func() (service.Login, error) { return w.refresh(t, l.Secret) }}
}

// resolved is a step that shows an access token.
func (w *trial) resolved(t *testing.T, token string) step {
	return step{lost: fault.Unauthenticated, then: nothing, take: plain(func() error { return errOf(w.Gate.Resolve(t.Context(), token)) })}
}

func endedTokenScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	_ = w.user(t, l) // now it is cached
	if err := w.SignIn.Logout(t.Context(), someone, l.Secret); err != nil {
		t.Fatal(err)
	}
	return w.resolved(t, l.AccessToken)
}

func removedScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	_ = w.user(t, l)
	if err := w.Users.Delete(t.Context(), hostIn(l.Session.TenantID), l.User.ID); err != nil {
		t.Fatal(err)
	}
	return w.resolved(t, l.AccessToken)
}

func reusedScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	next, err := w.refresh(t, l.Secret)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Minute)
	return step{
		lost: fault.Unauthenticated, take: func() (service.Login, error) { return w.refresh(t, l.Secret) },
		then: func() {
			wantCode(t, "the rest of the family", errOf(w.refresh(t, next.Secret)), fault.Unauthenticated)
			wantCode(t, "its token", errOf(w.Gate.Resolve(t.Context(), next.AccessToken)), fault.Unauthenticated)
		},
	}
}

// activated is a step that follows a link.
func (w *trial) activated(t *testing.T, in service.Activation) step {
	return step{lost: fault.Gone, then: nothing, take: func() (service.Login, error) { return w.SignUp.Activate(t.Context(), someone, in) }}
}

// linked is somebody new who was made a link, as management may.
func (w *trial) linked(t *testing.T) service.Activation {
	t.Helper()
	u, err := w.Users.Create(t.Context(), host, service.NewUser{Email: w.email(), TenantID: w.tenant(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := w.SignUp.Link(t.Context(), host, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return service.Activation{UserID: u.ID, Token: token, Password: good}
}

func usedLinkScene(t *testing.T, w *trial) step {
	in := w.linked(t)
	if _, err := w.SignUp.Activate(t.Context(), someone, in); err != nil {
		t.Fatal(err)
	}
	return w.activated(t, in)
}

func expiredLinkScene(t *testing.T, w *trial) step {
	in := w.linked(t)
	w.clock.advance(time.Hour)
	return w.activated(t, in)
}

func usedResetScene(t *testing.T, w *trial) step {
	in := w.forgotten(t, w.newcomer(t).User.ID)
	if err := w.Resets.Reset(t.Context(), someone, in); err != nil {
		t.Fatal(err)
	}
	return step{lost: fault.Gone, then: nothing, take: plain(func() error { return w.Resets.Reset(t.Context(), someone, in) })}
}

func wrongChangeScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	by := w.user(t, l)
	return step{
		lost: fault.Unauthenticated, then: nothing,
		take: plain(func() error { return w.Passwords.Change(t.Context(), by, "x", "another long password of ann") }),
	}
}

func secretScene(t *testing.T, w *trial) step {
	c, secret, err := w.Credentials.Create(t.Context(), host, "back end")
	if err == nil {
		err = w.Credentials.Delete(t.Context(), host, c.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return step{lost: fault.Unauthenticated, then: nothing, take: plain(func() error {
		_, _, err := w.Credentials.Exchange(t.Context(), someone, w.Environment, secret)
		return err
	})}
}

func roleScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	tenant := hostIn(l.Session.TenantID)
	rs, err := w.Roles.Create(t.Context(), tenant, []service.NewRole{{Key: "strong", Name: "Strong", Level: 1}, {Key: "weak", Name: "Weak", Level: 9}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := w.Users.Create(t.Context(), host, service.NewUser{
		Email: "weak-" + w.email(), Password: good, TenantID: l.Session.TenantID, RoleIDs: []string{rs[1].ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := w.login(t, u.Email, good)
	if err != nil {
		t.Fatal(err)
	}
	by := w.user(t, in)
	return step{
		lost: fault.Forbidden, then: nothing,
		take: plain(func() error { return errOf(w.Members.Assign(t.Context(), by, u.ID, []string{rs[0].ID})) }),
	}
}

func foreignScene(t *testing.T, w *trial) step {
	l, by := w.newcomer(t), someone
	by.TenantID = w.tenant(t)
	return step{lost: fault.Forbidden, then: nothing, take: func() (service.Login, error) { return w.SignIn.Refresh(t.Context(), by, l.Secret) }}
}

func strangerScene(t *testing.T, w *trial) step {
	l := w.newcomer(t)
	eve := w.user(t, w.signUp(t, "eve-"+w.email()))
	return step{
		lost: fault.NotFound, take: plain(func() error { return w.Sessions.End(t.Context(), eve, l.Session.ID) }),
		then: func() { wantCode(t, "the session", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), "") },
	}
}

// A tally counts the attempts that the database has counted.
type tally struct {
	store.Store
	n int64
}

func (c *tally) Attempt(ctx context.Context, subject string, now time.Time, l store.AttemptLimit) (store.Attempt, error) {
	a, err := c.Store.Attempt(ctx, subject, now, l)
	if err == nil {
		c.n++
	}
	return a, err
}

func TestAttackBrokenCount(t *testing.T) {
	t.Parallel()
	for how, broken := range map[string]func(store.Store, int, error) *storetest.Faulty{"fails": storetest.Fault, "loses its answer": storetest.Lose} {
		t.Run("STO-01 no password is checked uncounted while a call "+how, func(t *testing.T) {
			t.Parallel()
			w := newTrial(t, open, func(c *service.Config) { c.Lockout.Max = 1000 })
			w.newcomer(t)
			counted, email := &tally{Store: w.relay.Store}, w.email()
			for n := 1; ; n++ {
				before, runs := counted.n, w.hasher.Runs()
				faulty := broken(counted, n, errors.New("disk full"))
				w.relay.Store = faulty
				_, err := w.login(t, email, "x")
				if err == nil {
					t.Fatalf("fault at call %d let a wrong password in", n)
				}
				if got := int64(w.hasher.Runs() - runs); got > counted.n-before {
					t.Errorf("fault at call %d: %d checks, %d counted", n, got, counted.n-before)
				}
				if !faulty.Reached() {
					return
				}
			}
		})
	}
}
