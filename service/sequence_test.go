package service_test

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
	"github.com/go-identity/identity/store/storetest"
)

// A fate is what becomes of a transaction.
type fate string

const (
	unharmed    fate = ""
	answerLost  fate = "its answer is lost"
	commitFails fate = "its commit fails"
)

var errCrash = errors.New("the connection broke")

// A crashing store fails in the next transaction that writes, if it is told to.
type crashing struct {
	store.Store
	next fate
	met  fate // what became of the one before
}

func (s *crashing) Tx(ctx context.Context, fn func(store.Records) error) error {
	return s.crash(fn, func(db store.Store, fn func(store.Records) error) error { return db.Tx(ctx, fn) })
}

func (s *crashing) Short(ctx context.Context, fn func(store.Records) error) error {
	return s.crash(fn, func(db store.Store, fn func(store.Records) error) error { return db.Short(ctx, fn) })
}

func (s *crashing) crash(fn func(store.Records) error, run func(store.Store, func(store.Records) error) error) error {
	db, wrote := s.Store, false
	if s.next == answerLost {
		db = storetest.Lose(s.Store, 1, errCrash)
	}
	err := run(db, func(tx store.Records) error {
		wrote = false
		err := fn(auditing{tx, &wrote})
		if err == nil && wrote && s.next == commitFails {
			return errCrash
		}
		return err
	})
	if !errors.Is(err, errCrash) {
		return err
	}
	if !wrote {
		return nil // what was read was read
	}
	s.met, s.next = s.next, unharmed
	return err
}

// An auditing notes whether a transaction writes: every one that does leaves an audit event.
type auditing struct {
	store.Records
	wrote *bool
}

func (w auditing) AppendAudit(ctx context.Context, e store.AuditEvent) error {
	*w.wrote = true
	return w.Records.AppendAudit(ctx, e)
}

// A sequence is one sequence of moves, made by two people at two processes over one store.
type sequence struct {
	t         *testing.T
	ctx       context.Context // of the test
	db        *crashing
	clock     *clock
	processes [2]world
	here      int
	met       fate // what the last verdict met

	session          service.SessionPolicy
	lockout, guesses store.AttemptLimit

	deed     string // being done
	outcomes map[string]int

	people  []*person
	tickets map[*person][]ticket
	links   map[*person][]string
	phrases int
}

func (x *sequence) at() world    { return x.processes[x.here] }
func (x *sequence) lost() bool   { return x.met == answerLost }
func (x *sequence) broken() bool { return x.met == commitFails }

func (x *sequence) passphrase() string {
	x.phrases++
	return fmt.Sprintf("%s, number %d", good, x.phrases)
}

// verdict compares what a move came to with what it must come to, and reports whether it was
// done. One that met a crash says so, and was done if only its answer was lost.
func (x *sequence) verdict(err error, want fault.Code) (done bool, _ error) {
	if x.met = unharmed; errors.Is(err, errCrash) {
		x.met = x.db.met
		x.outcomes[x.deed+": "+string(x.met)]++
		return x.lost() && want == "", nil
	}
	if got := code(err); got != want {
		return false, fmt.Errorf("it came to %q, want %q (%v)", got, want, err)
	}
	x.outcomes[x.deed+": "+string(want)]++
	return want == "", nil
}

// A ground is a database that trials are held on, one after the other.
type ground struct {
	db       store.Store
	clock    *clock
	held     int
	outcomes map[string]int // what the moves came to, and how often
}

func (g *ground) sequence(t *testing.T) (*sequence, error) {
	g.held++
	g.clock.at = g.clock.at.Truncate(time.Hour).Add(2 * time.Hour) // nothing of the last sequence is of interest
	x := &sequence{
		t: t, ctx: t.Context(), db: &crashing{Store: g.db}, clock: g.clock, tickets: map[*person][]ticket{}, links: map[*person][]string{},
		outcomes: g.outcomes,
		guesses:  store.AttemptLimit{Max: 10, Window: 24 * time.Hour, Lock: 12 * time.Hour},
	}
	for i := range x.processes {
		w, err := startOver(t, x.db, x.clock, open, func(c *service.Config) { x.session, x.lockout = c.Session, c.Lockout })
		if err != nil {
			return nil, err
		}
		x.processes[i] = w
	}
	for _, name := range []string{"ann", "bob"} {
		if err := x.join(fmt.Sprintf("%s%d@example.com", name, g.held), fmt.Sprintf("shared-%d", g.held)); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// join signs somebody up, who becomes a member of a second tenant.
func (x *sequence) join(email, second string) error {
	s, err := x.at().SignUp.Create(x.ctx, someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"})
	if err != nil {
		return err
	}
	p := &person{id: s.UserID, email: email, password: good, barred: map[string]bool{}, tenants: []string{s.TenantID, second}}
	x.people = append(x.people, p)
	if _, err := x.at().Members.Add(x.ctx, host, p.id, service.TenantChoice{TenantID: second}); err != nil {
		return err
	}
	return x.opened(p, *s.Login, &sitting{
		kind: store.Family, tenant: s.TenantID, client: someone.UserAgent, ends: x.clock.now().Add(x.session.Absolute),
	})
}

// play makes the moves and returns how many were made when the services and the model parted.
func (x *sequence) play(moves []move) (int, error) {
	all := map[string]deed{}
	for _, d := range deeds() {
		all[d.name] = d
	}
	for i, m := range moves {
		x.db.next, x.db.met, x.met, x.deed = m.fate, unharmed, unharmed, m.name
		err := all[m.name].do(x, x.people[m.who], m)
		if err == nil {
			err = x.settle(m)
		}
		if err == nil {
			err = x.probe()
		}
		if err != nil {
			return i + 1, err
		}
	}
	return len(moves), x.close()
}

// settle goes on after a crash: the process is started anew, or learns from the feed.
func (x *sequence) settle(m move) error {
	x.db.next = unharmed
	switch {
	case x.db.met == unharmed:
		return nil
	case m.arg%2 == 0:
		return x.restart(nil, m)
	}
	x.clock.advance(x.session.RevocationLag)
	return nil
}

// probe shows every credential that can be shown without being used up.
func (x *sequence) probe() error {
	for _, p := range x.people {
		for _, t := range x.tickets[p] {
			by, err := x.at().Gate.Resolve(x.ctx, t.text)
			if err := compare(p, t.of, t.tenant, p.holds(t, x.clock.now()), by, err); err != nil {
				return fmt.Errorf("an access token: %w", err)
			}
		}
		x.tickets[p] = slices.DeleteFunc(x.tickets[p], func(t ticket) bool { return !x.clock.now().Before(t.until) })
		for _, s := range p.sessions {
			if err := x.cookie(p, s); err != nil {
				return fmt.Errorf("a cookie: %w", err)
			}
		}
		if err := x.listed(p); err != nil {
			return err
		}
	}
	return nil
}

// compare holds what a credential came to against what it must.
func compare(p *person, s *sitting, tenant string, want bool, by *store.Principal, err error) error {
	switch {
	case err != nil && (want || code(err) != fault.Unauthenticated):
		return fmt.Errorf("of %s in %s is refused: %w", p.email, tenant, err)
	case err == nil && !want:
		return fmt.Errorf("of %s in %s is accepted", p.email, tenant)
	case err == nil && (by.UserID != p.id || by.TenantID != tenant || by.SessionID != s.id):
		return fmt.Errorf("of %s in %s stands for %s in %s", p.id, tenant, by.UserID, by.TenantID)
	}
	return nil
}

// touch is how exactly a cookie's expiry is kept.
const touch = time.Minute

func (x *sequence) cookie(p *person, s *sitting) error {
	if s.kind != store.Browser || s.id == "" {
		return nil
	}
	now := x.clock.now()
	by, _, err := x.at().Gate.ResolveCookie(x.ctx, s.secrets[0])
	if s.unsure(now) && p.enters(s.tenant) {
		s.over = err != nil
	} else if err := compare(p, s, s.tenant, s.alive(now) && p.enters(s.tenant), by, err); err != nil {
		return err
	}
	if until := now.Add(x.session.Idle); err == nil && until.Sub(s.idle) >= touch {
		s.idle = until
	}
	return nil
}

// unsure reports whether it depends on the last write of a cookie's use whether it holds.
func (s *sitting) unsure(now time.Time) bool {
	return s.kind == store.Browser && !s.over && now.Before(s.ends) && !now.Before(s.idle) && now.Before(s.idle.Add(touch))
}

// listed compares the sessions that the person sees.
func (x *sequence) listed(p *person) error {
	got, err := x.at().Sessions.List(x.ctx, store.Principal{UserID: p.id})
	if err != nil {
		return err
	}
	var unnamed int
	want, now := map[string]bool{}, x.clock.now()
	for _, s := range p.sessions {
		switch {
		case s.id != "":
			want[s.id] = s.alive(now) || s.unsure(now)
		case s.alive(now):
			unnamed++
		}
	}
	for _, s := range got {
		if !want[s.ID] {
			unnamed--
		}
		delete(want, s.ID)
	}
	for id, missing := range want {
		if missing {
			return fmt.Errorf("session %s of %s is not listed", id, p.email)
		}
	}
	if unnamed != 0 {
		return fmt.Errorf("of %s %d sessions too many are listed", p.email, -unnamed)
	}
	return nil
}

// close shows what is used up by that: the newest token of every family, and its oldest.
func (x *sequence) close() error {
	x.deed, x.db.next = "at the end", unharmed
	for _, p := range x.people {
		for _, s := range p.sessions {
			if s.kind != store.Family || s.id == "" {
				continue
			}
			for _, secret := range []string{s.secrets[len(s.secrets)-1], s.secrets[0]} {
				if secret == "" {
					continue
				}
				if err := x.exchange(p, s, secret, move{arg: 1}); err != nil {
					return fmt.Errorf("at the end, a refresh token of %s: %w", p.email, err)
				}
			}
		}
	}
	return x.probe()
}

// moves draws a sequence.
func moves(r *rand.Rand, n int) []move {
	var names []string
	for _, d := range deeds() {
		names = append(names, slices.Repeat([]string{d.name}, d.weight)...)
	}
	all := make([]move, n)
	for i := range all {
		all[i] = move{name: names[r.IntN(len(names))], who: min(1, r.IntN(4)/3), pick: r.IntN(64), arg: r.IntN(420)}
		switch r.IntN(12) {
		case 0:
			all[i].fate = answerLost
		case 1:
			all[i].fate = commitFails
		}
	}
	return all
}

// found are sequences in which services and model once parted.
func found() [][]move {
	return [][]move{
		// The other process knew the session from before it was refreshed into another tenant.
		{
			{name: "disable in a tenant"}, {name: "go to the other process"},
			{name: "refresh", pick: 3, arg: 1, fate: answerLost}, {name: "go to the other process"},
		},
		// A login that waited for its second factor outlived the lock.
		{
			{name: "enroll a device", arg: 1}, {name: "log in", pick: 1, arg: 1}, {name: "lock"}, {name: "unlock"},
			{name: "answer with a code", arg: 2},
		},
	}
}

// shrink takes moves out of a sequence that fails, as long as it does.
func (g *ground) shrink(t *testing.T, failing []move) ([]move, error) {
	fails := func(ms []move) (int, error) {
		x, err := g.sequence(t)
		if err != nil {
			return 0, nil
		}
		return x.play(ms)
	}
	n, last := fails(failing)
	failing = failing[:n]
	for size := len(failing) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(failing); {
			less := slices.Concat(failing[:at], failing[at+size:])
			if n, err := fails(less); err != nil {
				failing, last = less[:n], err
			} else {
				at += size
			}
		}
	}
	return failing, last
}

// seed is IDENTITY_SEED, to see a failure again, or a new one.
func seed(t *testing.T) uint64 {
	t.Helper()
	if text := os.Getenv("IDENTITY_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var b [8]byte
	_, _ = crand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// TestAttackModel makes random sequences of moves, crashes among them, and after each holds
// every credential against the model. It is most of RT, MFA and LCK at once: a refresh token
// has one successor, a code is used once, and what was revoked is not accepted again.
func TestAttackModel(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T) (store.Store, error) {
		return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "model.db"))
	}
	few, many := 1, 1
	switch {
	case testing.Short():
		few = 5
	case os.Getenv("IDENTITY_LONG") != "":
		many = 10
	}
	for name, c := range map[string]struct {
		open   func(t *testing.T) (store.Store, error)
		trials int
	}{
		"memory":   {func(t *testing.T) (store.Store, error) { return sqlite.Open(t.Context(), ":memory:") }, 150},
		"file":     {file, 40},
		"postgres": {func(t *testing.T) (store.Store, error) { return postgres.Open(t.Context(), pgtest.URL(t)) }, 40},
	} {
		t.Run("RT MFA LCK on "+name, func(t *testing.T) {
			t.Parallel()
			db, err := c.open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			g := &ground{db: db, clock: noon(), outcomes: map[string]int{}}
			g.hold(t, seed(t), many*c.trials/few)
			if many > 1 {
				g.vacuous(t)
			}
		})
	}
}

// hold makes the sequences that were found, and then random ones.
func (g *ground) hold(t *testing.T, seed uint64, trials int) {
	t.Helper()
	for i := range trials {
		ms := moves(rand.New(rand.NewPCG(seed, uint64(i))), 40)
		if i < len(found()) {
			ms = found()[i]
		}
		x, err := g.sequence(t)
		if err != nil {
			t.Fatal(err)
		}
		n, err := x.play(ms)
		if err == nil {
			continue
		}
		short, last := g.shrink(t, ms[:n])
		var b strings.Builder
		for _, m := range short {
			fmt.Fprintf(&b, "\n\t%+v", m)
		}
		t.Fatalf("IDENTITY_SEED=%d, sequence %d: %v\nshort: %v, after%s", seed, i, err, last, b.String())
	}
}

// vacuous complains of deeds that were never done: a model that is not asked finds nothing.
func (g *ground) vacuous(t *testing.T) {
	t.Helper()
	for _, d := range deeds() {
		if g.outcomes[d.name+": "] == 0 && !d.mute {
			t.Errorf("in all sequences nobody came to %s: %v", d.name, g.outcomes)
		}
	}
}
