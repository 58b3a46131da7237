package service_test

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// What people and the host do beside single sign-on, in the model of it.

func (x *passage) somebody(m move) *soul { return x.all.souls[m.who%len(x.all.souls)] }

func (x *passage) logIn(m move) error {
	p, by := x.somebody(m), someone
	by.TenantID = []string{"", "", x.tenants[0], x.tenants[1]}[m.pick%4]
	password, want, home := cmp.Or(p.password, "a password that nobody set"), fault.Unauthenticated, p.home(by.TenantID)
	if m.arg%9 == 0 {
		password = "not the right passphrase"
	}
	switch {
	case x.all.bound(p.email):
		want = fault.Forbidden
	case p.found && password == p.password && home != "":
		want = ""
	}
	l, err := x.at().SignIn.Password(x.ctx, by, service.PasswordLogin{Email: p.email, Password: password})
	if done, err := x.verdict(err, want); !done {
		return err
	}
	p.active = home
	return x.opened(p, l, &stay{tenant: home})
}

// held is one of somebody's sessions whose secret is known, or nil.
func held(p *soul, m move) *stay {
	s, _ := chosen(slices.DeleteFunc(slices.Clone(p.stays), func(s *stay) bool { return s.secret == "" }), m.pick)
	return s
}

func (x *passage) refresh(m move) error {
	p, by := x.somebody(m), someone
	s := held(p, m)
	if s == nil {
		return nil
	}
	by.TenantID = []string{"", x.tenants[0], x.tenants[1]}[m.arg%3]
	target, want := cmp.Or(by.TenantID, s.tenant), fault.Unauthenticated
	switch {
	case s.over:
	case target != s.tenant && (s.only != "" || !p.enters(target)):
		want = fault.Forbidden
	case p.enters(target):
		want = ""
	}
	l, err := x.at().SignIn.Refresh(x.ctx, by, s.secret)
	if done, err := x.verdict(err, want); !done {
		return err
	}
	if s.tenant = target; x.lost() {
		s.secret = ""
		return nil
	}
	s.secret = l.Secret
	s.tokens, s.tenants = append(s.tokens, l.AccessToken), append(s.tenants, target)
	return nil
}

// signedIn is one of all who have a token that holds, or nobody.
func (x *passage) signedIn(m move) (store.Principal, *soul, *stay, error) {
	type caller struct {
		p     *soul
		s     *stay
		token string
	}
	var all []caller
	for _, p := range x.all.souls {
		for _, s := range p.stays {
			for i, token := range s.tokens {
				if !s.over && p.enters(s.tenants[i]) {
					all = append(all, caller{p, s, token})
				}
			}
		}
	}
	if len(all) == 0 {
		return store.Principal{}, nil, nil, nil
	}
	c := all[m.pick%len(all)]
	by, err := x.at().Gate.Resolve(x.ctx, c.token)
	if err != nil {
		return store.Principal{}, nil, nil, err
	}
	return *by, c.p, c.s, nil
}

func (x *passage) switchTenant(m move) error {
	by, p, s, err := x.signedIn(m)
	if err != nil || s == nil {
		return err
	}
	tenant, want := x.tenants[m.arg%2], fault.Code("")
	switch {
	case s.only != "" && s.only != tenant, p.member(tenant) && p.barred[tenant]:
		want = fault.Forbidden
	case !p.member(tenant):
		want = fault.NotFound
	}
	_, err = x.at().Profiles.Switch(x.ctx, by, tenant)
	done, err := x.verdict(err, want)
	if done {
		s.tenant, p.active = tenant, tenant
	}
	return err
}

func (x *passage) setPassword(m move) error {
	p, fate := x.somebody(m), x.db.next
	x.db.next = unharmed
	_, token, err := x.at().Resets.Link(x.ctx, host, p.id)
	if err != nil {
		return err
	}
	x.db.next = fate
	next, want := x.passphrase(), fault.Code("")
	if x.all.bound(p.email) {
		want = fault.Forbidden
	}
	done, err := x.verdict(x.at().Resets.Reset(x.ctx, someone, service.PasswordChoice{UserID: p.id, Token: token, Password: next}), want)
	if done {
		p.password = next
		p.end(func(*stay) bool { return true })
	}
	return err
}

// changePassword is what a session must not do that one tenant's provider vouched for, where
// the user has other tenants.
func (x *passage) changePassword(m move) error {
	by, p, s, err := x.signedIn(m)
	if err != nil || s == nil {
		return err
	}
	next, want := x.passphrase(), fault.Unauthenticated
	switch {
	case s.only != "" && slices.ContainsFunc(p.tenants, func(id string) bool { return id != s.only }):
		want = fault.Forbidden
	case p.password != "":
		want = ""
	}
	done, err := x.verdict(x.at().Passwords.Change(x.ctx, by, cmp.Or(p.password, "none"), next), want)
	if done {
		p.password = next
		p.end(func(other *stay) bool { return other != s })
	}
	return err
}

func (x *passage) remove(m move) error {
	p, tenant := x.somebody(m), x.tenants[m.arg%2]
	done, err := x.verdict(x.at().Users.Delete(x.ctx, hostIn(tenant), p.id), x.unlessMember(p, tenant))
	if done {
		p.leave(tenant, x.all.gateways)
	}
	return err
}

func (x *passage) unlessMember(p *soul, tenant string) fault.Code {
	if p.member(tenant) {
		return ""
	}
	return fault.NotFound
}

func (x *passage) add(m move) error {
	p, tenant := x.somebody(m), x.tenants[m.arg%2]
	if by, who, _, err := x.signedIn(m); err == nil && who != nil && m.arg%4 > 0 {
		p, tenant = who, x.tenants[1-slices.Index(x.tenants, by.TenantID)]
	}
	_, err := x.at().Members.Add(x.ctx, host, p.id, service.TenantChoice{TenantID: tenant})
	done, err := x.verdict(err, "")
	if done && !p.member(tenant) {
		p.join(tenant, x.all.defaults)
	}
	if done {
		p.active = cmp.Or(p.active, tenant)
	}
	return err
}

func (x *passage) bar(m move) error   { return x.able(m, (*service.Members).Disable, true) }
func (x *passage) unbar(m move) error { return x.able(m, (*service.Members).Enable, false) }

func (x *passage) able(m move, do func(*service.Members, context.Context, store.Principal, string) error, barred bool) error {
	p, tenant := x.somebody(m), x.tenants[m.arg%2]
	done, err := x.verdict(do(x.at().Members, x.ctx, hostIn(tenant), p.id), x.unlessMember(p, tenant))
	if done {
		p.barred[tenant] = barred
	}
	return err
}

func (x *passage) lock(m move) error {
	p := x.somebody(m)
	done, err := x.verdict(x.at().Users.Lock(x.ctx, host, p.id), "")
	if done {
		p.locked = true
		p.end(func(*stay) bool { return true })
	}
	return err
}

func (x *passage) unlock(m move) error {
	p := x.somebody(m)
	done, err := x.verdict(x.at().Users.Unlock(x.ctx, host, p.id), "")
	p.locked = p.locked && !done
	return err
}

func (x *passage) give(m move) error {
	return x.reassign(m, (*service.Members).Assign, func(p *soul, tenant, role string) { p.hold(tenant, []string{role}) })
}

func (x *passage) take(m move) error { return x.reassign(m, (*service.Members).Unassign, (*soul).drop) }

func (x *passage) reassign(
	m move, do func(*service.Members, context.Context, store.Principal, string, []string) (service.Member, error),
	then func(p *soul, tenant, role string),
) error {
	p, i := x.somebody(m), m.arg%2
	if by, who, _, err := x.signedIn(m); err == nil && who != nil && m.arg%4 > 0 {
		p, i = who, slices.Index(x.tenants, by.TenantID)
	}
	role := x.roles[i][m.pick%len(x.roles[i])]
	_, err := do(x.at().Members, x.ctx, hostIn(x.tenants[i]), p.id, []string{role})
	done, err := x.verdict(err, x.unlessMember(p, x.tenants[i]))
	if done {
		then(p, x.tenants[i], role)
	}
	return err
}

func (x *passage) cross(move) error {
	x.clock.advance(x.session.RevocationLag)
	x.here = 1 - x.here
	return nil
}

// restart forgets what one process has in memory. A start that crashes is made again.
func (x *passage) restart(move) error {
	w, err := x.start()
	if errors.Is(err, errCrash) {
		w, err = x.start()
	}
	x.processes[x.here] = w
	return err
}
