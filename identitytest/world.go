// Package identitytest lets a host test its own application: users with rights in one line,
// clients that are signed in, a clock to move and the mail that would have been sent.
//
//	w := identitytest.New(t, identity.Options{Permissions: []identity.Permission{"reports.read"}})
//	w.Serve(routes(w.Identity))
//	res, err := w.SignedIn(w.User("reports.read")).Get("/reports")
//
// Nothing in it leaves the process. A World is of its test alone, so that tests run in
// parallel; its methods fail the test instead of returning errors.
package identitytest

import (
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/testoption"
	"github.com/go-identity/identity/store/sqlite"
)

// A World is an Identity for one test. It is safe for concurrent use.
type World struct {
	*identity.Identity
	*state
	t testing.TB
}

// state is what a World shares with its views by [World.In].
type state struct {
	clock  *clock
	mail   *mailbox
	claims *claims
	base   *url.URL
	direct *http.Transport // to servers of the test

	mu     sync.Mutex
	app    http.Handler // what [World.Serve] was given
	home   *Tenant      // of [World.User]
	phones map[string]*authenticator
	users  int
	roles  int
}

// New returns a World whose Identity was made of the options, at most one; none means the
// zero Options. In the World, whatever the options say,
//   - the clock stands still until [World.Advance] moves it, and starts at Options.Now's time,
//     or at the present second;
//   - messages are caught ([World.Messages]), not sent;
//   - passwords are hashed for next to nothing, and addresses are not limited in how often
//     they may call;
//   - providers of single sign-on may be servers of the test.
//
// Where they say nothing, the store is a SQLite database in memory, tokens are signed with
// EdDSA, whose keys cost nothing to make, and warnings go to the log of the test. The World
// ends with the test.
func New(t testing.TB, options ...identity.Options) *World {
	t.Helper()
	if !testing.Testing() || len(options) > 1 {
		t.Fatal("identitytest: New is for tests, and takes one Options at most")
	}
	var o identity.Options
	if len(options) == 1 {
		o = options[0]
	}
	w := &World{t: t, state: &state{
		clock: newClock(o.Now), mail: &mailbox{}, claims: &claims{before: o.Token.BeforeMint}, direct: &http.Transport{},
		phones: map[string]*authenticator{},
	}}
	w.complete(&o)
	id, err := identity.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.direct.CloseIdleConnections()
		_ = id.Close()
	})
	w.Identity = id
	w.app = id.Handler()
	w.Messages() // the outbox is ours to empty: nobody needs to be told to call Run
	return w
}

// complete fills in what a World decides, and what the options leave open.
func (w *World) complete(o *identity.Options) {
	w.t.Helper()
	o.Now, o.Send, o.Token.BeforeMint = w.clock.now, w.mail.catch, w.claims.add
	o.Password.Test, o.Limits.Off = testoption.CheapHashing(), true
	o.Outbound.AllowPrivateNetworks = true
	if o.Token.Algorithm == "" && o.Token.Signer == nil {
		o.Token.Algorithm = "EdDSA"
	}
	if o.Logger == nil {
		l := &log{w: w.t.Output()}
		w.t.Cleanup(l.end)
		o.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if o.BaseURL == "" {
		o.BaseURL = "http://localhost:8080"
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		w.t.Fatal(err)
	}
	w.base = base
	if o.Store != nil {
		return
	}
	if o.Store, err = sqlite.Open(w.t.Context(), ":memory:"); err != nil {
		w.t.Fatal(err)
	}
}

// In returns the same World for a test below its own, so that what goes wrong there fails
// that test.
func (w *World) In(t testing.TB) *World { return &World{Identity: w.Identity, state: w.state, t: t} }

// Now returns the time in the World.
func (w *World) Now() time.Time { return w.clock.now() }

// Advance moves the clock: sessions expire, links grow old, locks open.
func (w *World) Advance(d time.Duration) { w.clock.advance(d) }

// A clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock(start func() time.Time) *clock {
	if start == nil {
		start = time.Now
	}
	return &clock{at: start().UTC().Truncate(time.Second)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A log writes until its test is over, after which the test's own output takes no more.
type log struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (l *log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = io.Discard
}
