package service_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// A shore is a database and the providers of two tenants; passages are held on it one after
// the other.
type shore struct {
	t        *testing.T
	db       store.Store
	clock    *clock
	saml     [2]*ssotest.SAML
	oidc     [2]*ssotest.OIDC
	held     int
	outcomes map[string]int
}

func newShore(t *testing.T, db store.Store) *shore {
	s := &shore{t: t, db: db, clock: noon(), outcomes: map[string]int{}}
	for i := range s.saml {
		s.saml[i] = ssotest.NewSAML(t, ssotest.SAMLOptions{Now: s.clock.now})
		s.oidc[i] = ssotest.NewOIDC(t, ssotest.OIDCOptions{Now: s.clock.now})
	}
	return s
}

// A passage is one sequence of errands, done at two processes over one store.
type passage struct {
	ground    *shore
	ctx       context.Context // of the test
	db        *crashing
	clock     *clock
	processes [2]world
	here      int
	met       fate
	session   service.SessionPolicy

	doing   string
	tenants []string
	names   [3]string   // domains: the first's, the second's, and one that both want
	roles   [2][]string // of the tenants' own: for whoever comes, by group staff, by group heads
	all     register
	away    []*voyager
	phrases int
}

func (x *passage) at() world  { return x.processes[x.here] }
func (x *passage) lost() bool { return x.met == answerLost }

func (x *passage) passphrase() string {
	x.phrases++
	return fmt.Sprintf("%s, number %d", good, x.phrases)
}

// verdict is sequence.verdict.
func (x *passage) verdict(err error, want fault.Code) (done bool, _ error) {
	if x.met = unharmed; errors.Is(err, errCrash) {
		x.met = x.db.met
		x.ground.outcomes[x.doing+": "+string(x.met)]++
		return x.lost() && want == "", nil
	}
	if got := code(err); got != want {
		return false, fmt.Errorf("it came to %q, want %q (%v)", got, want, err)
	}
	x.ground.outcomes[x.doing+": "+string(want)]++
	return want == "", nil
}

func (x *passage) start() (world, error) {
	return startOver(x.ground.t, x.db, x.clock, open, func(c *service.Config) {
		c.Lockout.Max, c.EveryGroup = 0, x.all.everyLogin
		c.Outbound = outbound.New(outbound.Options{AllowPrivateNetworks: true})
		x.session = c.Session
	})
}

// passage makes two tenants with a connection each, and two users who were made here.
func (s *shore) passage() (*passage, error) {
	s.held++
	s.clock.at = s.clock.at.Truncate(time.Hour).Add(2 * time.Hour)
	x := &passage{
		ground: s, ctx: s.t.Context(), db: &crashing{Store: s.db}, clock: s.clock, all: register{everyLogin: s.held%2 == 0},
		tenants: []string{fmt.Sprintf("t-%d-a", s.held), fmt.Sprintf("t-%d-b", s.held)},
		names:   [3]string{fmt.Sprintf("a%d.example", s.held), fmt.Sprintf("b%d.example", s.held), fmt.Sprintf("both%d.example", s.held)},
	}
	for i := range x.processes {
		var err error
		if x.processes[i], err = x.start(); err != nil {
			return nil, err
		}
	}
	environment, err := s.db.Roles(x.ctx, "")
	for _, r := range environment {
		if r.Default {
			x.all.defaults = append(x.all.defaults, r.ID)
		}
	}
	if err != nil || len(x.all.defaults) == 0 {
		return nil, fmt.Errorf("no role is given to everybody: %w", err)
	}
	for i := range x.tenants {
		if err := x.found(i); err != nil {
			return nil, err
		}
	}
	for i := range x.tenants {
		if err := x.bridge(i, []store.Protocol{store.SAML, store.OIDC}[(s.held+i)%2]); err != nil {
			return nil, err
		}
	}
	return x, errors.Join(x.live("lee@"+x.names[0], 0), x.live("ann@elsewhere.example", 1))
}

func (x *passage) found(i int) error {
	if _, err := x.at().Tenants.Create(x.ctx, host, service.NewTenant{ID: x.tenants[i], Name: x.tenants[i]}); err != nil {
		return err
	}
	rs, err := x.at().Roles.Create(x.ctx, hostIn(x.tenants[i]), []service.NewRole{
		{Key: "everybody-" + x.tenants[i], Name: "E", Level: 5}, {Key: "staff-" + x.tenants[i], Name: "S", Level: 5},
		{Key: "heads-" + x.tenants[i], Name: "H", Level: 5},
	})
	for _, r := range rs {
		x.roles[i] = append(x.roles[i], r.ID)
	}
	return err
}

// live makes a user here, with a password.
func (x *passage) live(email string, i int) error {
	if strings.HasSuffix(email, "@elsewhere.example") {
		email = fmt.Sprintf("ann%d@elsewhere.example", x.ground.held)
	}
	u, err := x.at().Users.Create(x.ctx, host, service.NewUser{TenantID: x.tenants[i], Email: email, Password: good})
	if err != nil {
		return err
	}
	p := &soul{id: u.User.ID, email: email, password: good, found: true, barred: map[string]bool{}, roles: map[string][]string{}, active: x.tenants[i]}
	p.join(x.tenants[i], x.all.defaults)
	x.all.souls = append(x.all.souls, p)
	return nil
}

// bridge connects a tenant to its provider. Its mappings name a role of the other tenant too,
// which must never be given.
func (x *passage) bridge(i int, protocol store.Protocol) error {
	by, st, secret := hostIn(x.tenants[i]), service.ConnectionSettings{}, ""
	if protocol == store.SAML {
		p := x.ground.saml[i]
		cert := base64.StdEncoding.EncodeToString(p.Certificates()[0].Raw)
		st.SAML = &service.SAMLSettings{EntityID: p.EntityID(), Redirect: p.URL(), Certificates: []string{cert}}
	} else {
		p := x.ground.oidc[i]
		st.OIDC, secret = &service.OIDCSettings{Issuer: p.Issuer(), ClientID: p.ClientID()}, p.ClientSecret()
	}
	c, err := x.at().Connections.Create(x.ctx, by, service.NewConnection{Protocol: protocol, Enabled: true, Secret: secret, Settings: st})
	if err != nil {
		return err
	}
	own, foreign := x.roles[i], x.roles[1-i][0]
	g := &gateway{
		tenant: x.tenants[i], id: c.ID, protocol: protocol, enabled: true, given: own[:1], claims: map[string]string{},
		groups: map[string][]string{"staff": own[1:2], "heads": own[1:3]}, proved: map[string]bool{}, ties: map[string]*tie{},
	}
	kept := c.Connection
	doc, err := json.Marshal(st)
	kept.Settings, kept.RoleIDs = string(doc), []string{own[0], foreign}
	before, missing := x.db.Connection(x.ctx, g.tenant, g.id)
	kept.Secret = before.Secret
	if err := errors.Join(err, missing, x.db.UpdateConnection(x.ctx, kept)); err != nil {
		return err
	}
	for group, ids := range g.groups {
		m := store.GroupMapping{TenantID: g.tenant, ID: g.id + group, ConnectionID: g.id, Group: group, RoleIDs: append(slices.Clone(ids), foreign)}
		if err := x.db.CreateGroupMapping(x.ctx, m); err != nil {
			return err
		}
	}
	x.all.gateways = append(x.all.gateways, g)
	return x.claims(g, i)
}

// claims claims the tenant's own domain, which is proved, and the one that both want.
func (x *passage) claims(g *gateway, i int) error {
	for _, name := range []string{x.names[i], x.names[2]} {
		d, err := x.at().Domains.Add(x.ctx, hostIn(g.tenant), g.id, name)
		if err != nil {
			return err
		}
		g.claims[name] = d.ID
	}
	g.proved[x.names[i]] = true
	return x.at().Domains.Force(x.ctx, hostIn(g.tenant), x.names[i], true)
}

// play does the errands and returns how many were done when the services and the model parted.
func (x *passage) play(moves []move) (int, error) {
	all := map[string]errand{}
	for _, e := range errands() {
		all[e.name] = e
	}
	for i, m := range moves {
		x.clock.advance(time.Second)
		x.db.next, x.db.met, x.met, x.doing = m.fate, unharmed, unharmed, m.name
		err := all[m.name].do(x, m)
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
	return len(moves), x.kept()
}

// settle goes on after a crash: the process is started anew, or learns from the feed.
func (x *passage) settle(m move) error {
	x.db.next = unharmed
	switch {
	case x.db.met == unharmed:
		return nil
	case m.arg%2 == 0:
		return x.restart(m)
	}
	x.clock.advance(x.session.RevocationLag)
	return nil
}

// probe shows every access token: whom it stands for, where, how far it reaches and with
// which roles.
func (x *passage) probe() error {
	for _, p := range x.all.souls {
		for _, s := range p.stays {
			for i, token := range s.tokens {
				by, err := x.at().Gate.Resolve(x.ctx, token)
				if err := x.judge(p, s, s.tenants[i], by, err); err != nil {
					return fmt.Errorf("a token of %s (%s) in %s: %w", p.email, p.id, s.tenants[i], err)
				}
			}
		}
	}
	return nil
}

func (x *passage) judge(p *soul, s *stay, tenant string, by *store.Principal, err error) error {
	want := !s.over && p.enters(tenant)
	switch {
	case err != nil && (want || code(err) != fault.Unauthenticated):
		return fmt.Errorf("is refused: %w", err)
	case err != nil:
		return nil
	case !want:
		return errors.New("is accepted")
	case by.UserID != p.id || by.TenantID != tenant || by.OnlyTenantID != s.only || s.only != "" && s.only != tenant:
		return fmt.Errorf("stands for %s in %s, confined to %q", by.UserID, by.TenantID, by.OnlyTenantID)
	}
	var held []string
	for _, r := range by.Roles {
		held = append(held, r.ID)
	}
	slices.Sort(held)
	if !slices.Equal(held, p.roles[tenant]) {
		return fmt.Errorf("has the roles %v, want %v", held, p.roles[tenant])
	}
	return nil
}

// kept compares what is kept of everybody: where they belong, and what leads to them.
func (x *passage) kept() error {
	for _, p := range x.all.souls {
		ms, err1 := x.db.Memberships(x.ctx, p.id)
		ls, err2 := x.db.LinkedIdentities(x.ctx, p.id)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		for _, m := range ms {
			if !p.member(m.TenantID) || m.Disabled != p.barred[m.TenantID] {
				return fmt.Errorf("at the end %s belongs to %s, disabled %t; want %v, %v", p.email, m.TenantID, m.Disabled, p.tenants, p.barred)
			}
		}
		ties := 0
		for _, g := range x.all.gateways {
			for _, t := range g.ties {
				if t.who == p {
					ties++
				}
			}
		}
		if len(ms) != len(p.tenants) || len(ls) != ties {
			return fmt.Errorf("at the end %s has %d memberships and %d identities, want %d and %d", p.email, len(ms), len(ls), len(p.tenants), ties)
		}
	}
	return nil
}

// voyages draws a sequence.
func voyages(r *rand.Rand, n int) []move {
	var names []string
	for _, e := range errands() {
		names = append(names, slices.Repeat([]string{e.name}, e.weight)...)
	}
	all := make([]move, n)
	for i := range all {
		all[i] = move{name: names[r.IntN(len(names))], who: r.IntN(60), pick: r.IntN(770), arg: r.IntN(128 * 45)}
		switch r.IntN(14) {
		case 0:
			all[i].fate = answerLost
		case 1:
			all[i].fate = commitFails
		}
	}
	return all
}

// shrink takes errands out of a sequence that fails, as long as it does.
func (s *shore) shrink(failing []move) ([]move, error) {
	parity := s.held % 2 // it decides what a passage is like
	fails := func(ms []move) (int, error) {
		if s.held%2 == parity {
			s.held++
		}
		x, err := s.passage()
		if err != nil {
			return 0, nil
		}
		return x.play(ms)
	}
	var last error
	for size := len(failing); size > 0; size /= 2 {
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

// TestAttackSSOModel makes random sequences of sign-ins through the providers of two tenants
// and of what happens around them, crashes among it, and after each holds every session
// against the model: who is signed in as whom, in which tenant and no other, with which
// roles; and what was deleted, disabled or taken back lets nobody in.
func TestAttackSSOModel(t *testing.T) {
	t.Parallel()
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
		"memory": {func(t *testing.T) (store.Store, error) { return sqlite.Open(t.Context(), ":memory:") }, 60},
		"file": {func(t *testing.T) (store.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "model.db"))
		}, 15},
		"postgres": {func(t *testing.T) (store.Store, error) { return postgres.Open(t.Context(), pgtest.URL(t)) }, 15},
	} {
		t.Run("SAML-41 SAML-42 SAML-43 OIDC-26 OIDC-28 OIDC-29 on "+name, func(t *testing.T) {
			t.Parallel()
			db, err := c.open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			newShore(t, db).hold(many * c.trials / few)
		})
	}
}

// hold makes sequences: the same every time, unless IDENTITY_SEED says others.
func (s *shore) hold(trials int) {
	s.t.Helper()
	first := uint64(5)
	if os.Getenv("IDENTITY_SEED") != "" {
		first = seed(s.t)
	}
	for i := range trials {
		ms := voyages(rand.New(rand.NewPCG(first, uint64(i))), 60)
		x, err := s.passage()
		if err != nil {
			s.t.Fatal(err)
		}
		n, err := x.play(ms)
		if err == nil {
			continue
		}
		short, last := s.shrink(ms[:n])
		var b strings.Builder
		for _, m := range short {
			fmt.Fprintf(&b, "\n\t%+v", m)
		}
		s.t.Fatalf("IDENTITY_SEED=%d, sequence %d: %v\nshort: %v, after%s", first, i, err, last, b.String())
	}
	if trials > 20 {
		s.vacuous()
	}
}

// vacuous complains of what never happened: a model that is not asked finds nothing.
func (s *shore) vacuous() {
	s.t.Helper()
	var wanted []string
	for _, e := range errands() {
		if !e.mute {
			wanted = append(wanted, e.name+": ")
		}
	}
	for _, o := range append(wanted,
		"come through a provider: unauthenticated", "come back from one: unauthenticated", "log in here: forbidden",
		"refresh, perhaps into another tenant: forbidden", "switch tenants: forbidden", "change the password: forbidden",
		"set the password by a link: forbidden", "prove a domain: conflict",
	) {
		if s.outcomes[o] == 0 {
			s.t.Errorf("in all sequences nobody came to %q: %v", o, s.outcomes)
		}
	}
}
