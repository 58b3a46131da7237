package service_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A shaky store fails now and then: before a call, so that nothing happens, or after it, so
// that only the answer is lost. While it is cut off every call fails.
type shaky struct {
	store.Store
	mu   sync.Mutex
	dice *rand.Rand
	calm atomic.Bool // no more faults
	cut  atomic.Bool
}

var errShaky = errors.New("connection lost")

// roll says whether a call fails, before it or after.
func (f *shaky) roll() (before, after bool) {
	if f.calm.Load() {
		return false, false
	}
	if f.cut.Load() {
		return true, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.dice.IntN(20)
	return n == 0, n == 1
}

func (f *shaky) around(call func() error) error {
	before, after := f.roll()
	if before {
		return errShaky
	}
	if err := call(); err != nil || !after {
		return err
	}
	return errShaky
}

func (f *shaky) Tx(ctx context.Context, fn func(store.Records) error) error {
	return f.around(func() error { return f.Store.Tx(ctx, fn) })
}

func (f *shaky) Short(ctx context.Context, fn func(store.Records) error) error {
	return f.around(func() error { return f.Store.Short(ctx, fn) })
}

func (f *shaky) Session(ctx context.Context, userID, id string) (s store.Session, err error) {
	err = f.around(func() (err error) {
		s, err = f.Store.Session(ctx, userID, id)
		return err
	})
	return s, err
}

func (f *shaky) Revocations(ctx context.Context, since time.Time) (rs []store.Revocation, err error) {
	err = f.around(func() (err error) {
		rs, err = f.Store.Revocations(ctx, since)
		return err
	})
	return rs, err
}

// An act is one thing that a client did, and what it was told.
type act struct {
	what, session string
	token, next   string // what was shown and what was given
	process       int
	began, ended  int64 // in the order of the whole history
	at, done      time.Time
	err           error
}

// A history is what all clients saw.
type history struct {
	mu    sync.Mutex
	order atomic.Int64
	acts  []act
}

// record runs one act and writes it down.
func (h *history) record(a act, do func() (service.Login, error)) (service.Login, error) {
	a.began, a.at = h.order.Add(1), time.Now()
	l, err := do()
	a.ended, a.done, a.err = h.order.Add(1), time.Now(), err
	if err == nil && l.Session.ID != "" {
		a.session, a.next = l.Session.ID, l.Secret
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acts = append(h.acts, a)
	return l, err
}

// A client is one person with one session at a time, who calls now this process, now that.
type client struct {
	t     *testing.T
	h     *history
	ws    []world
	dice  *rand.Rand
	email string
	held  service.Login
	token string // an access token of the session
}

const historyLag = 40 * time.Millisecond

// step does one thing at random.
func (c *client) step() {
	p := c.dice.IntN(len(c.ws))
	w, ctx := c.ws[p], c.t.Context()
	if c.held.Secret == "" {
		l, err := c.h.record(act{what: "login", process: p}, func() (service.Login, error) { return w.login(c.t, c.email, good) })
		if err == nil {
			c.held, c.token = l, l.AccessToken
		}
		return
	}
	a := act{session: c.held.Session.ID, token: c.held.Secret, process: p}
	switch n := c.dice.IntN(10); {
	case n < 5:
		a.what = "refresh"
		if l, err := c.h.record(a, func() (service.Login, error) { return w.refresh(c.t, c.held.Secret) }); err == nil {
			c.held, c.token = l, l.AccessToken
		} else if code(err) == fault.Unauthenticated {
			c.held = service.Login{}
		}
	case n < 8:
		a.what = "resolve"
		_, _ = c.h.record(a, plain(func() error { return errOf(w.Gate.Resolve(ctx, c.token)) }))
	case n < 9:
		a.what = "revoke"
		_, _ = c.h.record(a, plain(func() error { return w.SignIn.Logout(ctx, someone, c.held.Secret) }))
	default:
		a.what = "revoke"
		by := store.Principal{Kind: store.UserKind, ID: c.held.User.ID, UserID: c.held.User.ID, TenantID: c.held.Session.TenantID}
		_, _ = c.h.record(a, plain(func() error { return w.Sessions.EndAll(ctx, by) }))
	}
}

// check finds what no single store without faults, asked one call after another, would say.
func (h *history) check(t *testing.T) {
	t.Helper()
	revoked, tried, next := map[string]act{}, map[string]bool{}, map[string]string{}
	for _, a := range h.acts {
		tried[a.session] = tried[a.session] || a.what == "revoke"
		if first, known := revoked[a.session]; a.what == "revoke" && a.err == nil && (!known || a.ended < first.ended) {
			revoked[a.session] = a
		}
	}
	for _, a := range h.acts {
		r, dead := revoked[a.session]
		switch {
		case a.what == "refresh" && a.err == nil && dead && a.began > r.ended:
			t.Errorf("session %s was refreshed at process %d after its end was acknowledged by process %d", a.session, a.process, r.process)
		case a.what == "resolve" && a.err == nil && dead && a.began > r.ended && a.process == r.process:
			t.Errorf("a token of session %s was taken by process %d, which had ended it", a.session, a.process)
		case a.what == "resolve" && a.err == nil && dead && a.at.After(r.done.Add(5*historyLag)):
			t.Errorf("a token of session %s was taken %v after its end", a.session, a.at.Sub(r.done))
		case a.what == "refresh" && code(a.err) == fault.Unauthenticated && !tried[a.session]:
			t.Errorf("session %s ended by itself: %v", a.session, a.err)
		case a.what == "refresh" && a.err == nil && next[a.token] != "" && next[a.token] != a.next:
			t.Errorf("one token of session %s has two successors", a.session)
		}
		if a.what == "refresh" && a.err == nil {
			next[a.token] = a.next
		}
	}
}

func (h *history) count(what string, ok bool) (n int) {
	for _, a := range h.acts {
		if a.what == what && (a.err == nil) == ok {
			n++
		}
	}
	return n
}

func TestAttackHistory(t *testing.T) {
	t.Parallel()
	t.Run("STO-25 what was revoked stays revoked, whatever breaks", func(t *testing.T) {
		t.Parallel()
		processes(t, func(t *testing.T, one, two store.Store) {
			const clients, steps = 8, 60
			fs := make([]*shaky, 0, 2)
			ws := make([]world, 0, 2)
			for i, db := range []store.Store{one, two} {
				f := &shaky{Store: db, dice: rand.New(rand.NewPCG(1, uint64(i)))}
				f.calm.Store(true)
				fs = append(fs, f)
				ws = append(ws, worldOver(t, f, noon(), open, func(c *service.Config) {
					c.Now, c.Session.RevocationLag, c.Lockout = time.Now, historyLag, store.AttemptLimit{}
					c.Session.ReuseGrace = time.Hour // a client that lost an answer tries again, however late
				}))
			}
			h := &history{}
			var wg sync.WaitGroup
			for i := range clients {
				c := &client{t: t, h: h, ws: ws, dice: rand.New(rand.NewPCG(2, uint64(i))), email: fmt.Sprintf("c%d@example.com", i)}
				ws[0].signUp(t, c.email)
				wg.Go(func() {
					for range steps {
						c.step()
					}
				})
			}
			for _, f := range fs {
				f.calm.Store(false)
			}
			done := make(chan struct{})
			go func() { wg.Wait(); close(done) }()
			fs[1].partition(done)
			h.check(t)
			for what, least := range map[string]int{"refresh": clients, "resolve": clients, "revoke": clients} {
				if got := h.count(what, true); got < least {
					t.Errorf("only %d times a %s went well", got, what)
				}
			}
			if h.count("refresh", false)+h.count("revoke", false) == 0 {
				t.Error("nothing ever broke")
			}
			t.Logf("%d acts", len(h.acts))
		})
	})
}

// partition cuts the store off now and then until done.
func (f *shaky) partition(done chan struct{}) {
	every := time.NewTicker(historyLag)
	defer every.Stop()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-every.C:
			f.cut.Store(n%8 == 0)
		}
	}
}
