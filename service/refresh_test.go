package service_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A counted store counts what a refresh may read of a user.
type counted struct {
	store.Store
	reads *atomic.Int64
}

func (c counted) Session(ctx context.Context, userID, id string) (store.Session, error) {
	c.reads.Add(1)
	return c.Store.Session(ctx, userID, id)
}

func (c counted) User(ctx context.Context, id string) (store.User, error) {
	c.reads.Add(1)
	return c.Store.User(ctx, id)
}

func (c counted) Membership(ctx context.Context, tenantID, userID string) (store.Membership, error) {
	c.reads.Add(1)
	return c.Store.Membership(ctx, tenantID, userID)
}

func (c counted) Memberships(ctx context.Context, userIDs ...string) ([]store.Membership, error) {
	c.reads.Add(1)
	return c.Store.Memberships(ctx, userIDs...)
}

func (c counted) Rights(ctx context.Context, tenantID, userID string) ([]store.Role, []store.Permission, error) {
	c.reads.Add(1)
	return c.Store.Rights(ctx, tenantID, userID)
}

// TestRefreshReadsNothing: a refresh after another one writes its rotation and reads nothing
// of the user. What the feed tells of is read again, once.
func TestRefreshReadsNothing(t *testing.T) {
	t.Parallel()
	db := counted{memory(t), &atomic.Int64{}}
	w := worldOver(t, db, &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, open)
	l := w.signUp(t, "ann@example.com")
	again := func() int64 {
		before := db.reads.Load()
		next, err := w.refresh(t, l.Secret)
		if err != nil {
			t.Fatal(err)
		}
		l = next
		return db.reads.Load() - before
	}
	again()
	for range 3 {
		if n := again(); n != 0 {
			t.Errorf("a refresh read %d times, want never", n)
		}
	}
	by := w.user(t, l)
	name := "Ann of Acme"
	if _, err := w.Profiles.Change(t.Context(), by, service.ProfileChange{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if n := again(); n == 0 || l.User.Name != name || claimsOf(t, l)["name"] != name {
		t.Errorf("after %d reads the token names %v, want %s", n, claimsOf(t, l)["name"], name)
	}
	if n := again(); n != 0 {
		t.Errorf("the refresh after that read %d times, want never", n)
	}
}

// TestRefreshElsewhere: what one process cached does not hold another's changes back.
func TestRefreshElsewhere(t *testing.T) {
	t.Parallel()
	pair := func(t *testing.T, change ...func(*service.Config)) (a, b world, l service.Login) {
		change = append(change, open)
		a = newWorld(t, change...)
		b = worldOver(t, a.db, a.clock, change...)
		l = a.signUp(t, "ann@example.com")
		for _, w := range []world{b, a, b} { // both have it cached, and each is behind the other
			next, err := w.refresh(t, l.Secret)
			if err != nil {
				t.Fatal(err)
			}
			l = next
		}
		return a, b, l
	}
	t.Run("a switch is not undone", func(t *testing.T) {
		t.Parallel()
		a, b, l := pair(t)
		by := a.user(t, l)
		if _, err := a.Members.Add(t.Context(), host, by.UserID, service.TenantChoice{TenantID: "second"}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Profiles.Switch(t.Context(), by, "second"); err != nil {
			t.Fatal(err)
		}
		next, err := b.refresh(t, l.Secret) // b has not heard of it
		if err != nil {
			t.Fatal(err)
		}
		if got := claimsOf(t, next)["tenantId"]; got != "second" {
			t.Errorf("the next token is for %v, want second", got)
		}
	})
	t.Run("a name follows within the lag", func(t *testing.T) {
		t.Parallel()
		a, b, l := pair(t)
		name := "Ann of Acme"
		if _, err := a.Profiles.Change(t.Context(), a.user(t, l), service.ProfileChange{Name: &name}); err != nil {
			t.Fatal(err)
		}
		a.clock.advance(time.Second)
		next, err := b.refresh(t, l.Secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := claimsOf(t, next)["name"]; got != name {
			t.Errorf("the next token names %v, want %s", got, name)
		}
	})
	t.Run("RT-11 a logout holds at once", func(t *testing.T) {
		t.Parallel()
		a, b, l := pair(t)
		wantCode(t, "Logout", a.SignIn.Logout(t.Context(), someone, l.Secret), "")
		wantCode(t, "refresh at a process that has not heard of it", errOf(b.refresh(t, l.Secret)), fault.Unauthenticated)
	})
	t.Run("RT-01 reuse is seen behind a cache", func(t *testing.T) {
		t.Parallel()
		a, b, l := pair(t)
		next, err := a.refresh(t, l.Secret)
		if err != nil {
			t.Fatal(err)
		}
		a.clock.advance(11 * time.Second)
		wantCode(t, "reuse at the process that made it", errOf(b.refresh(t, l.Secret)), fault.Unauthenticated)
		wantCode(t, "the family", errOf(a.refresh(t, next.Secret)), fault.Unauthenticated)
	})
	t.Run("use elsewhere keeps a session", func(t *testing.T) {
		t.Parallel()
		a, b, l := pair(t, func(c *service.Config) { c.Session.Idle = 6 * time.Minute })
		var err error
		for range 4 {
			a.clock.advance(4 * time.Minute)
			if l, err = a.refresh(t, l.Secret); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "the token at the other process", errOf(b.Gate.Resolve(t.Context(), l.AccessToken)), "")
		}
	})
}

// TestRefreshOfMuch: what is too long to be kept is in the token all the same.
func TestRefreshOfMuch(t *testing.T) {
	t.Parallel()
	var seen string
	w := newWorld(t, open, func(c *service.Config) {
		c.MaxToken = 1 << 20
		c.BeforeMint = func(_ context.Context, m *service.MintContext) error {
			seen = m.User.Metadata
			return nil
		}
	})
	l := w.signUp(t, "ann@example.com")
	w.template(t, sketch("lean", with(`"size":"{{user.name}}"`)))
	w.target(t, "lean", everybody)
	long := `{"x":"` + strings.Repeat("x", 9<<10) + `"}`
	if _, err := w.Profiles.Change(t.Context(), w.user(t, l), service.ProfileChange{Metadata: &long}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		next, err := w.refresh(t, l.Secret)
		if err != nil {
			t.Fatal(err)
		}
		if l = next; seen != long {
			t.Errorf("the hook saw %d bytes of metadata, want %d", len(seen), len(long))
		}
	}
}
