package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func noon() *clock { return &clock{at: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} }

// fail makes n sign-ins with a wrong password.
func (w world) fail(t *testing.T, n int, email string) {
	t.Helper()
	for range n {
		wantCode(t, "wrong", errOf(w.login(t, email, "x")), fault.Unauthenticated)
	}
}

// joined signs somebody up and adds them to a second tenant, which it returns.
func (w world) joined(t *testing.T, email string) (service.Login, string) {
	t.Helper()
	l, second := w.signUp(t, email), w.tenant(t)
	if _, err := w.Members.Add(t.Context(), host, l.User.ID, service.TenantChoice{TenantID: second}); err != nil {
		t.Fatal(err)
	}
	return l, second
}

func TestAttackLockoutReset(t *testing.T) {
	t.Parallel()
	t.Run("LCK-03 success resets", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		w.signUp(t, "ann@example.com")
		for range 3 {
			w.fail(t, 4, "ann@example.com")
			wantCode(t, "right after four", errOf(w.login(t, "ann@example.com", good)), "")
		}
	})
	for name, other := range map[string]func(t *testing.T, w world, l service.Login, second string) error{
		"a tenant switch": func(t *testing.T, w world, l service.Login, second string) error {
			_, err := w.Profiles.Switch(t.Context(), w.user(t, l), second)
			return err
		},
		"a refresh": func(t *testing.T, w world, l service.Login, _ string) error {
			return errOf(w.refresh(t, l.Secret))
		},
		"a refresh into another tenant": func(t *testing.T, w world, l service.Login, second string) error {
			by := someone
			by.TenantID = second
			return errOf(w.SignIn.Refresh(t.Context(), by, l.Secret))
		},
		"a log-out": func(t *testing.T, w world, l service.Login, _ string) error {
			return w.SignIn.Logout(t.Context(), someone, l.Secret)
		},
		"a success of somebody else": func(t *testing.T, w world, _ service.Login, _ string) error {
			return errOf(w.login(t, "bob@example.com", good))
		},
		"asking for a link": func(t *testing.T, w world, _ service.Login, _ string) error {
			return w.SignUp.Resend(t.Context(), someone, "ann@example.com")
		},
		"the change of another field": func(t *testing.T, w world, l service.Login, _ string) error {
			_, err := w.Profiles.Change(t.Context(), w.user(t, l), service.ProfileChange{Name: ptr("Ann")})
			return err
		},
	} {
		t.Run("LCK-03 "+name+" does not", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, open)
			l, second := w.joined(t, "ann@example.com")
			w.signUp(t, "bob@example.com")
			w.fail(t, 4, "ann@example.com")
			if err := other(t, w, l, second); err != nil {
				t.Fatal(err)
			}
			w.fail(t, 1, "ann@example.com")
			wantCode(t, "right after five wrong", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
		})
	}
}

// A rude store lets the client of every attempt hang up at one moment of it.
type rude struct {
	store.Store
	hangUp        context.CancelFunc // set for each attempt
	before, after bool
	counted       int
}

func (r *rude) Attempt(ctx context.Context, subject string, now time.Time, l store.AttemptLimit) (store.Attempt, error) {
	if r.before {
		r.hangUp()
	}
	a, err := r.Store.Attempt(ctx, subject, now, l)
	if r.after {
		r.hangUp()
	}
	if err == nil {
		r.counted = a.Failures
	}
	return a, err
}

func (r *rude) Identifier(ctx context.Context, scope string, k store.IdentifierKind, value string) (store.Identifier, error) {
	defer r.hangUp()
	return r.Store.Identifier(ctx, scope, k, value)
}

func TestAttackHangUp(t *testing.T) {
	t.Parallel()
	const times = 1000
	for name, r := range map[string]*rude{
		"before it is counted": {before: true}, "after it was counted": {after: true}, "before it is checked": {},
	} {
		t.Run("STO-21 a client that hangs up "+name, func(t *testing.T) {
			t.Parallel()
			r.Store, r.hangUp = memory(t), func() {}
			w := worldOver(t, r, noon(), open, func(c *service.Config) { c.Lockout.Max = times })
			w.signUp(t, "ann@example.com")
			hashed := w.hasher.Runs()
			for range times {
				ctx, cancel := context.WithCancel(t.Context())
				r.hangUp = cancel
				_, err := w.SignIn.Password(ctx, someone, service.PasswordLogin{Email: "ann@example.com", Password: "x"})
				if err == nil {
					t.Fatal("a wrong password signed in")
				}
				cancel()
			}
			if r.counted != times || w.hasher.Runs()-hashed > times {
				t.Errorf("%d of %d attempts were counted, %d checked", r.counted, times, w.hasher.Runs()-hashed)
			}
			wantCode(t, "right afterwards", errOf(w.login(t, "ann@example.com", good)), fault.Unauthenticated)
		})
	}
}
