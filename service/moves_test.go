package service_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A move is something that somebody does. What it does it to is chosen by numbers from what
// there is at that moment, so that a sequence still makes sense with some of its moves gone.
type move struct {
	name      string
	who       int // does it
	pick, arg int
	fate      fate // of the first transaction that it commits
}

// A deed makes a move and compares what came of it with the model.
type deed struct {
	name   string
	weight int
	do     func(*sequence, *person, move) error
	mute   bool // it comes to nothing that could be compared
}

func deeds() []deed {
	return []deed{
		{"log in", 12, (*sequence).logIn, false},
		{"refresh", 16, (*sequence).refresh, false},
		{"refresh with an older token", 7, (*sequence).refreshOld, false},
		{"enroll a device", 6, (*sequence).enroll, false},
		{"remove the device", 4, (*sequence).disable, false},
		{"unenroll", 1, (*sequence).unenroll, false},
		{"answer with a code", 12, (*sequence).answer, false},
		{"answer with a recovery code", 4, (*sequence).recover, false},
		{"step up", 3, (*sequence).stepUp, false},
		{"log out", 3, (*sequence).logOut, false},
		{"log out everywhere", 2, (*sequence).logOutEverywhere, false},
		{"end a session", 3, (*sequence).endSession, false},
		{"change the password", 4, (*sequence).changePassword, false},
		{"make a reset link", 2, (*sequence).makeLink, false},
		{"reset the password", 4, (*sequence).reset, false},
		{"lock", 1, (*sequence).lock, false},
		{"unlock", 4, (*sequence).unlock, false},
		{"disable in a tenant", 2, (*sequence).bar, false},
		{"enable in a tenant", 5, (*sequence).unbar, false},
		{"switch tenants", 4, (*sequence).switchTenant, false},
		{"guess at the password", 1, (*sequence).guessPassword, true},
		{"guess at the second factor", 2, (*sequence).guessCode, false},
		{"wait", 10, (*sequence).wait, true},
		{"go to the other process", 6, (*sequence).cross, true},
		{"restart", 4, (*sequence).restart, true},
	}
}

// by is the client that makes a move: the usual one, or seldom another.
func (m move) by() store.Principal {
	by := someone
	if m.arg%7 == 0 {
		by.UserAgent = "stranger/1"
	}
	return by
}

// tenant is one of the person's tenants, or with a chance none.
func (m move) tenant(p *person) string { return append([]string{"", ""}, p.tenants...)[m.pick%4] }

func (m move) kind() store.SessionKind {
	if m.pick%3 == 0 {
		return store.Browser
	}
	return store.Family
}

// chosen is one of all: half of the time the newest, where most can happen.
func chosen[T any](all []T, n int) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	if n%2 == 0 {
		return all[len(all)-1], true
	}
	return all[n/2%len(all)], true
}

func (x *sequence) logIn(p *person, m move) error {
	now, by, password := x.clock.now(), m.by(), p.password
	by.TenantID = m.tenant(p)
	if m.arg%4 == 0 {
		password = "not the right passphrase"
	}
	want, home := fault.Unauthenticated, p.home(by.TenantID)
	if p.signins.heard(now, x.lockout) && password == p.password && home != "" {
		want = ""
	}
	l, err := x.at().SignIn.Password(x.ctx, by, service.PasswordLogin{Email: p.email, Password: password, Kind: m.kind()})
	if done, err := x.verdict(err, want); !done {
		return err
	}
	p.signins = guessing{}
	if p.device != nil {
		return x.asked(p, l, pending{kind: m.kind(), tenant: by.TenantID})
	}
	return x.opened(p, l, &sitting{kind: m.kind(), tenant: home, client: by.UserAgent, ends: now.Add(x.session.Absolute)})
}

// guessPassword makes the wrong guesses that lock an account, and tries the right one.
func (x *sequence) guessPassword(p *person, m move) error {
	for range x.lockout.Max {
		if err := x.logIn(p, move{who: m.who, arg: 4}); err != nil {
			return err
		}
	}
	return x.logIn(p, move{who: m.who, pick: m.pick, arg: 1})
}

// asked is the end of a login that has to show a second factor.
func (x *sequence) asked(p *person, l service.Login, w pending) error {
	if l.MFAToken == "" && x.lost() {
		return nil
	}
	if !l.MFARequired || l.AccessToken != "" || l.Secret != "" {
		return errors.New("a login without its second factor was let in")
	}
	w.token, w.password, w.until = l.MFAToken, p.password, x.clock.now().Add(10*time.Minute)
	p.waiting = append(p.waiting, &w)
	return nil
}

// opened is the beginning of a session.
func (x *sequence) opened(p *person, l service.Login, s *sitting) error {
	now := x.clock.now()
	s.idle, s.secrets = now.Add(x.session.Idle), []string{l.Secret}
	p.active, p.sessions = s.tenant, append(p.sessions, s)
	if x.lost() {
		return nil
	}
	if l.MFARequired || l.Session.TenantID != s.tenant || l.User.ID != p.id {
		return fmt.Errorf("the login is %s in %s, want %s in %s", l.User.ID, l.Session.TenantID, p.id, s.tenant)
	}
	s.id = l.Session.ID
	x.minted(p, s, l)
	return nil
}

func (x *sequence) minted(p *person, s *sitting, l service.Login) {
	until := x.clock.now().Add(x.session.AccessToken)
	if s.ends.Before(until) {
		until = s.ends
	}
	if s.kind == store.Family {
		x.tickets[p] = append(x.tickets[p], ticket{l.AccessToken, s.tenant, s, until})
	}
}

func (x *sequence) refresh(p *person, m move) error    { return x.show(p, m, 0) }
func (x *sequence) refreshOld(p *person, m move) error { return x.show(p, m, 1+m.arg%2) }

// show refreshes with a token that has been replaced so often.
func (x *sequence) show(p *person, m move, back int) error {
	s, ok := chosen(slices.DeleteFunc(slices.Clone(p.sessions), func(s *sitting) bool {
		return s.kind != store.Family || s.id == ""
	}), m.pick)
	if !ok {
		return nil
	}
	at := max(0, len(s.secrets)-1-back)
	if s.secrets[at] == "" {
		at--
	}
	return x.exchange(p, s, s.secrets[at], m)
}

func (x *sequence) exchange(p *person, s *sitting, secret string, m move) error {
	now, by := x.clock.now(), m.by()
	by.TenantID = m.tenant(p)
	verdict, target := s.judge(secret, by.UserAgent, now, x.session.ReuseGrace), cmp.Or(by.TenantID, s.tenant)
	if verdict == repeated {
		target = s.tenant
	}
	want := fault.Unauthenticated
	switch enters := p.enters(target); {
	case verdict == exchanged && !enters && target != s.tenant:
		want = fault.Forbidden
	case (verdict == exchanged || verdict == repeated) && enters:
		want = ""
	}
	l, err := x.at().SignIn.Refresh(x.ctx, by, secret)
	done, err := x.verdict(err, want)
	switch {
	case err != nil:
		return err
	case verdict == stolen && !x.broken():
		s.over = true
	case done && verdict == exchanged:
		s.tenant, s.client, s.rotated, s.idle = target, by.UserAgent, now, now.Add(x.session.Idle)
		s.secrets = append(s.secrets, l.Secret)
	}
	if !done || x.lost() {
		return nil
	}
	if last := &s.secrets[len(s.secrets)-1]; cmp.Or(*last, l.Secret) != l.Secret {
		return errors.New("a refresh token has two successors")
	} else {
		*last = l.Secret
	}
	if l.Session.TenantID != s.tenant || l.User.ID != p.id {
		return fmt.Errorf("the refresh is %s in %s, want %s in %s", l.User.ID, l.Session.TenantID, p.id, s.tenant)
	}
	x.minted(p, s, l)
	return nil
}

// signedIn is somebody with a session that holds, or nobody.
func (x *sequence) signedIn(p *person, m move) (store.Principal, *sitting, error) {
	now := x.clock.now()
	if t, ok := chosen(slices.DeleteFunc(slices.Clone(x.tickets[p]), func(t ticket) bool { return !p.holds(t, now) }), m.pick); ok {
		by, err := x.at().Gate.Resolve(x.ctx, t.text)
		if err != nil {
			return store.Principal{}, nil, err
		}
		return *by, t.of, nil
	}
	s, ok := chosen(slices.DeleteFunc(slices.Clone(p.sessions), func(s *sitting) bool {
		return s.kind != store.Browser || s.id == "" || !s.alive(now) || !p.enters(s.tenant)
	}), m.pick)
	if !ok {
		return store.Principal{}, nil, nil
	}
	by, _, err := x.at().Gate.ResolveCookie(x.ctx, s.secrets[0])
	if err != nil {
		return store.Principal{}, nil, err
	}
	return *by, s, nil
}

// logOut shows any secret that a session ever had.
func (x *sequence) logOut(p *person, m move) error {
	s, ok := chosen(p.sessions, m.pick)
	if !ok {
		return nil
	}
	secret := s.secrets[m.arg%len(s.secrets)]
	done, err := x.verdict(x.at().SignIn.Logout(x.ctx, m.by(), secret), "")
	s.over = s.over || done && secret != ""
	return err
}

func (x *sequence) logOutEverywhere(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	if err != nil || s == nil {
		return err
	}
	done, err := x.verdict(x.at().Sessions.EndAll(x.ctx, by), "")
	if done {
		p.end(nil)
	}
	return err
}

// endSession ends one of the person's sessions, or tries to end somebody else's.
func (x *sequence) endSession(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	victim := x.people[m.arg%len(x.people)]
	if m.arg%3 > 0 {
		victim = p
	}
	target, ok := chosen(victim.sessions, m.pick/2)
	if err != nil || s == nil || !ok || target.id == "" {
		return err
	}
	want := fault.NotFound
	if victim == p && target.alive(x.clock.now()) {
		want = ""
	}
	done, err := x.verdict(x.at().Sessions.End(x.ctx, by, target.id), want)
	target.over = target.over || done
	return err
}

func (x *sequence) changePassword(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	if err != nil || s == nil {
		return err
	}
	current, want := p.password, fault.Unauthenticated
	if m.arg%3 == 0 {
		current = "not the right passphrase"
	}
	if p.changes.heard(x.clock.now(), x.lockout) && current == p.password {
		want = ""
	}
	next := x.passphrase()
	if done, err := x.verdict(x.at().Passwords.Change(x.ctx, by, current, next), want); !done {
		return err
	}
	p.rekey(next)
	p.end(s)
	return nil
}

func (x *sequence) makeLink(p *person, _ move) error {
	_, token, err := x.at().Resets.Link(x.ctx, host, p.id)
	done, err := x.verdict(err, "")
	if !done {
		return err
	}
	if x.lost() {
		token = "" // the link before is void all the same
	}
	p.link, p.until = token, x.clock.now().Add(time.Hour)
	x.links[p] = append(x.links[p], token)
	return nil
}

// reset follows any link that was ever made for the person, seldom in another's name.
func (x *sequence) reset(p *person, m move) error {
	token, ok := chosen(x.links[p], m.pick)
	if !ok {
		return nil
	}
	userID, want := p.id, fault.Gone
	if m.arg%6 == 0 {
		userID = x.people[(m.who+1)%len(x.people)].id
	} else if token != "" && token == p.link && x.clock.now().Before(p.until) {
		want = ""
	}
	next := x.passphrase()
	done, err := x.verdict(x.at().Resets.Reset(x.ctx, m.by(), service.PasswordChoice{UserID: userID, Token: token, Password: next}), want)
	if done {
		p.rekey(next)
		p.end(nil)
	}
	return err
}

func (x *sequence) lock(p *person, _ move) error {
	done, err := x.verdict(x.at().Users.Lock(x.ctx, host, p.id), "")
	if done {
		p.locked = true
		p.end(nil)
	}
	return err
}

func (x *sequence) unlock(p *person, _ move) error {
	done, err := x.verdict(x.at().Users.Unlock(x.ctx, host, p.id), "")
	if done {
		p.locked, p.signins, p.changes = false, guessing{}, guessing{}
	}
	return err
}

func (x *sequence) bar(p *person, m move) error {
	return x.able(p, m, (*service.Members).Disable, true)
}

func (x *sequence) unbar(p *person, m move) error {
	return x.able(p, m, (*service.Members).Enable, false)
}

func (x *sequence) able(p *person, m move, do func(*service.Members, context.Context, store.Principal, string) error, barred bool) error {
	tenant := p.tenants[m.pick%len(p.tenants)]
	done, err := x.verdict(do(x.at().Members, x.ctx, hostIn(tenant), p.id), "")
	if done {
		p.barred[tenant] = barred
	}
	return err
}

func (x *sequence) switchTenant(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	if err != nil || s == nil {
		return err
	}
	tenant := p.tenants[m.arg%len(p.tenants)]
	want := fault.Code("")
	if p.barred[tenant] {
		want = fault.Forbidden
	}
	_, err = x.at().Profiles.Switch(x.ctx, by, tenant)
	done, err := x.verdict(err, want)
	if done {
		s.tenant, p.active = tenant, tenant
	}
	return err
}

func (x *sequence) wait(_ *person, m move) error {
	all := []time.Duration{
		3 * time.Second, 7 * time.Second, 31 * time.Second, 31 * time.Second, 31 * time.Second, 61 * time.Second, 4 * time.Minute,
		16 * time.Minute, 13 * time.Hour, 25 * time.Hour,
	}
	x.clock.advance(all[m.arg%len(all)])
	return nil
}

// cross goes on at the other process, which has heard of everything once the lag has passed.
func (x *sequence) cross(*person, move) error {
	x.clock.advance(x.session.RevocationLag)
	x.here = 1 - x.here
	return nil
}

// restart forgets what one process has in memory. A start that crashes is made again.
func (x *sequence) restart(*person, move) error {
	w, err := startOver(x.t, x.db, x.clock, open)
	if errors.Is(err, errCrash) {
		w, err = startOver(x.t, x.db, x.clock, open)
	}
	x.processes[x.here] = w
	return err
}
