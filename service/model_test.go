package service_test

import (
	"slices"
	"time"

	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/store"
)

// The model: which credential must be accepted, as whom and where, told a second time in few
// lines and without a database. The moves of moves_test.go hold the services against it.

// A person is a user as the model knows it.
type person struct {
	id, email, password string
	locked              bool
	barred              map[string]bool // the tenants where the user is disabled
	tenants             []string
	active              string

	device  *mfa.Key // the second factor
	step    int64    // of its newest code that was used
	unspent []string // recovery codes
	spent   []string

	signins, changes, guesses guessing
	link                      string // the reset that works, until
	until                     time.Time

	sessions []*sitting
	waiting  []*pending
}

// A guessing is a count of wrong attempts.
type guessing struct {
	n            int
	from, locked time.Time
}

// heard counts an attempt and reports whether it is looked at.
func (c *guessing) heard(now time.Time, l store.AttemptLimit) bool {
	if now.Before(c.locked) {
		return false
	}
	if !c.locked.IsZero() || now.Sub(c.from) > l.Window {
		*c = guessing{from: now}
	}
	if c.n++; c.n == l.Max {
		c.locked = now.Add(l.Lock)
	}
	return true
}

// A sitting is a session. Of its secrets the last one counts; one is empty while nobody knows
// it, because the answer with it was lost.
type sitting struct {
	id, tenant, client string
	kind               store.SessionKind
	second, over       bool // a second factor, or a recovery code, was shown; it was ended
	secrets            []string
	rotated            time.Time
	idle, ends         time.Time
}

func (s *sitting) alive(now time.Time) bool {
	return !s.over && now.Before(s.idle) && now.Before(s.ends)
}

// A ticket is an access token.
type ticket struct {
	text, tenant string
	of           *sitting
	until        time.Time
}

// A pending login waits for its second factor.
type pending struct {
	token, tenant, password string
	kind                    store.SessionKind
	tries                   int
	over                    bool
	until                   time.Time
	replaces                *sitting
}

// enters reports whether the user may act in a tenant, and holds whether a credential is accepted.
func (p *person) enters(tenant string) bool { return !p.locked && tenant != "" && !p.barred[tenant] }

func (p *person) holds(t ticket, now time.Time) bool {
	return t.of.alive(now) && now.Before(t.until) && p.enters(t.tenant)
}

// home is the tenant that a session begins in, or none.
func (p *person) home(asked string) string {
	wanted := []string{asked}
	if asked == "" {
		wanted = append([]string{p.active}, p.tenants...)
	}
	if i := slices.IndexFunc(wanted, p.enters); i >= 0 {
		return wanted[i]
	}
	return ""
}

// end ends all sessions but one; where none is kept, no login that waits goes on either.
func (p *person) end(keep *sitting) {
	for _, s := range p.sessions {
		s.over = s.over || s != keep
	}
	if keep == nil {
		p.drop()
	}
}

func (p *person) drop() {
	for _, w := range p.waiting {
		w.over = true
	}
}

// disarm takes the second factor off.
func (p *person) disarm() {
	p.device, p.unspent, p.guesses = nil, nil, guessing{}
	p.drop()
}

// goes reports whether a pending login comes to a session once its second factor was shown.
func (p *person) goes(w *pending, now time.Time) bool {
	return w.password == p.password && p.enters(p.home(w.tenant)) && (w.replaces == nil || w.replaces.alive(now))
}

// rekey sets the password: guesses at the old one are forgotten, and the link is void.
func (p *person) rekey(password string) {
	p.password, p.link, p.signins, p.changes = password, "", guessing{}, guessing{}
}

// What becomes of a refresh token that is shown.
const (
	refused   = "refused"
	exchanged = "exchanged" // for its successor
	repeated  = "repeated"  // the same successor once more
	stolen    = "stolen"    // and the session is over
)

// judge says what becomes of a secret. There is at most one successor of each.
func (s *sitting) judge(secret, client string, now time.Time, grace time.Duration) string {
	at, last := slices.Index(s.secrets, secret), len(s.secrets)-1
	switch {
	case !s.alive(now):
		return refused
	case at == last:
		return exchanged
	case at == last-1 && client == s.client && now.Before(s.rotated.Add(grace)):
		return repeated
	}
	return stolen
}
