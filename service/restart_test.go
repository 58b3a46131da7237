package service_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
)

// A crowd keeps calling while the server under it dies and comes back.
type crowd struct {
	world
	mu   sync.Mutex
	went map[string]time.Time // when a kind of call last went well
	bad  map[fault.Code]int   // what the others said
}

func (c *crowd) tell(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.went[what] = time.Now()
	} else {
		c.bad[code(err)]++
	}
}

// since returns whether every kind of call went well after at.
func (c *crowd) since(at time.Time, kinds ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range kinds {
		if !c.went[k].After(at) {
			return false
		}
	}
	return true
}

// work signs in, refreshes and calls until ctx ends. What it holds is good all the time.
func (c *crowd) work(ctx context.Context, t *testing.T, email string, held service.Login) {
	token := held.AccessToken
	for ctx.Err() == nil {
		_, err := c.Gate.Resolve(t.Context(), token)
		c.tell("resolve", err)
		l, err := c.SignIn.Refresh(t.Context(), someone, held.Secret)
		c.tell("refresh", err)
		if err == nil {
			held, token = l, l.AccessToken
		}
		_, err = c.SignIn.Password(t.Context(), someone, service.PasswordLogin{Email: email, Password: good})
		c.tell("login", err)
	}
}

func TestAttackRestart(t *testing.T) {
	t.Parallel()
	t.Run("STO-15 the server dies under load", func(t *testing.T) {
		t.Parallel()
		needs.Have(t, "postgres", pgtest.Installed(), "no initdb on PATH or under /usr/lib/postgresql")
		server, err := pgtest.Start(t.Context(), filepath.Join(t.TempDir(), "pg"), pgtest.Durable())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Stop(context.WithoutCancel(t.Context())) })
		db, err := postgres.Open(t.Context(), server.URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		c := &crowd{went: map[string]time.Time{}, bad: map[fault.Code]int{}}
		c.world = worldOver(t, db, noon(), open, func(c *service.Config) {
			c.Now, c.Lockout, c.Session.ReuseGrace, c.Session.RevocationLag = time.Now, store.AttemptLimit{}, time.Hour, 20*time.Millisecond
		})
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 4 {
			email := fmt.Sprintf("c%d@example.com", i)
			held := c.signUp(t, email)
			wg.Go(func() { c.work(ctx, t, email, held) })
		}
		kinds := []string{"resolve", "refresh", "login"}
		c.await(t, time.Now(), kinds)
		if err := errors.Join(server.Kill(), server.Restart(t.Context())); err != nil {
			t.Fatal(err)
		}
		up := time.Now()
		c.await(t, up, kinds)
		t.Logf("everything goes well %v after the restart", time.Since(up))
		stop()
		wg.Wait()
		if c.bad[fault.Unauthenticated] != 0 || c.bad[fault.Forbidden] != 0 || c.bad[fault.NotFound] != 0 || c.bad[fault.Conflict] != 0 {
			t.Errorf("somebody was told to be wrong: %v", c.bad)
		}
		if len(c.bad) == 0 {
			t.Error("nobody noticed the restart")
		}
		if n := c.audited(t, "session.reuse_detected"); n != 0 {
			t.Errorf("a lost answer was taken for a theft %d times", n)
		}
	})
}

// await waits until every kind of call went well after at. It should take two seconds at most;
// a machine under load gets a minute.
func (c *crowd) await(t *testing.T, at time.Time, kinds []string) {
	t.Helper()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for late := time.After(time.Minute); !c.since(at, kinds...); {
		select {
		case <-every.C:
		case <-late:
			t.Fatalf("not everything goes well again: %v, errors %v", c.went, c.bad)
		}
	}
}
