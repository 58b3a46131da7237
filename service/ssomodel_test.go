package service_test

import (
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// The model of single sign-on: who gets in as whom, where, and with which roles, told a second
// time in few lines and without a database. The moves of ssomoves_test.go hold the services
// against it.

// A soul is a user: one who was made here, or by coming through a provider.
type soul struct {
	id, email, password string
	found               bool     // the address leads to the user; else it is shown and no more
	tenants             []string // in the order of joining
	barred              map[string]bool
	locked              bool
	active              string
	roles               map[string][]string // by tenant
	stays               []*stay
}

// A stay is a session. What is not known, because the answer with it was lost, is empty.
type stay struct {
	id, tenant, only string
	through          *gateway // nil is a sign-in of our own
	subject          string   // there
	secret           string
	over             bool
	tokens           []string // with them goes the tenant that each is for
	tenants          []string
}

// A gateway is a connection.
type gateway struct {
	tenant, id string
	protocol   store.Protocol
	enabled    bool
	given      []string            // roles of whoever comes through it
	groups     map[string][]string // roles by group
	claims     map[string]string   // by name: the ids of its domains
	proved     map[string]bool     // by name
	ties       map[string]*tie     // by subject: an address never is
}

// A tie says that somebody whom a provider knows is a user.
type tie struct {
	who  *soul
	gave []string // roles, by group
}

// A word is what a provider says of somebody.
type word struct {
	subject, email string
	verified       bool
	groups         []string
}

// proves reports whether an address in a domain of the gateway's is then the person's.
func (g *gateway) proves(w word) bool { return g.protocol == store.SAML || w.verified }

func (p *soul) member(tenant string) bool { return slices.Contains(p.tenants, tenant) }

// enters reports whether the user may act in a tenant.
func (p *soul) enters(tenant string) bool { return !p.locked && p.member(tenant) && !p.barred[tenant] }

// home is the tenant that a session of our own begins in, or none.
func (p *soul) home(asked string) string {
	wanted := []string{asked}
	if asked == "" {
		wanted = append([]string{p.active}, p.tenants...)
	}
	if i := slices.IndexFunc(wanted, p.enters); i >= 0 {
		return wanted[i]
	}
	return ""
}

func (p *soul) end(which func(*stay) bool) {
	for _, s := range p.stays {
		s.over = s.over || which(s)
	}
}

func (p *soul) join(tenant string, roles []string) {
	p.tenants = append(p.tenants, tenant)
	p.barred[tenant], p.roles[tenant] = false, nil
	p.hold(tenant, roles)
}

func (p *soul) hold(tenant string, roles []string) {
	all := slices.Concat(p.roles[tenant], roles)
	slices.Sort(all)
	p.roles[tenant] = slices.Compact(all)
}

func (p *soul) holds(tenant, role string) bool { return slices.Contains(p.roles[tenant], role) }

// leave takes the user out of a tenant, and out of what led there.
func (p *soul) leave(tenant string, all []*gateway) {
	p.tenants = slices.DeleteFunc(p.tenants, func(id string) bool { return id == tenant })
	p.end(func(s *stay) bool { return s.tenant == tenant })
	delete(p.barred, tenant)
	delete(p.roles, tenant)
	if p.active == tenant {
		p.active = ""
		if i := slices.IndexFunc(p.tenants, func(id string) bool { return !p.barred[id] }); i >= 0 {
			p.active = p.tenants[i]
		}
	}
	for _, g := range all {
		for subject, t := range g.ties {
			if g.tenant == tenant && t.who == p {
				delete(g.ties, subject)
			}
		}
	}
}

// A register is everybody and everything that leads to them.
type register struct {
	souls      []*soul
	gateways   []*gateway // those that were deleted are not among them
	defaults   []string   // roles of whoever joins a tenant
	everyLogin bool       // groups count each time
}

func (r *register) of(tenant string) *gateway {
	i := slices.IndexFunc(r.gateways, func(g *gateway) bool { return g.tenant == tenant })
	if i < 0 {
		return nil
	}
	return r.gateways[i]
}

// bound reports whether somebody with the address signs in through a provider alone.
func (r *register) bound(email string) bool {
	return slices.ContainsFunc(r.gateways, func(g *gateway) bool { return g.enabled && g.proved[domainOf(email)] })
}

func (r *register) byEmail(email string) *soul {
	i := slices.IndexFunc(r.souls, func(p *soul) bool { return p.found && p.email == email })
	if i < 0 {
		return nil
	}
	return r.souls[i]
}

// admits returns the user that somebody is who comes through a gateway: nobody, a user who is
// there, or a new one.
func (r *register) admits(g *gateway, w word) (who *soul, want fault.Code) {
	proved := g.proves(w)
	switch t := g.ties[w.subject]; {
	case !g.enabled || !g.proved[domainOf(w.email)]:
		return nil, fault.Unauthenticated
	case t != nil:
		who = t.who
	default:
		who = r.byEmail(w.email)
		if who != nil && !proved {
			return nil, fault.Unauthenticated
		}
	}
	if who == nil {
		return &soul{email: w.email, found: proved, barred: map[string]bool{}, roles: map[string][]string{}}, ""
	}
	if who.locked || who.member(g.tenant) && who.barred[g.tenant] {
		return nil, fault.Unauthenticated
	}
	return who, ""
}

// admit is what becomes of somebody who was admitted.
func (r *register) admit(g *gateway, w word, who *soul) {
	if !slices.Contains(r.souls, who) {
		r.souls, who.active = append(r.souls, who), g.tenant
	}
	t, joins := g.ties[w.subject], !who.member(g.tenant)
	known := t != nil
	if g.proves(w) && w.email == who.email && r.byEmail(w.email) == nil {
		who.found = true // what a provider did not prove before
	}
	if !known {
		t = &tie{who: who}
		g.ties[w.subject] = t
	}
	if known && !joins && !r.everyLogin {
		return
	}
	if joins {
		who.join(g.tenant, r.defaults)
	}
	if joins || !known {
		who.hold(g.tenant, g.given)
	}
	r.regroup(g, w, t)
}

// regroup gives the roles of somebody's groups, and takes those that groups gave before.
func (r *register) regroup(g *gateway, w word, t *tie) {
	var all, gives []string
	for _, group := range w.groups {
		all = append(all, g.groups[group]...)
	}
	for _, role := range all {
		if !t.who.holds(g.tenant, role) || slices.Contains(t.gave, role) {
			gives = append(gives, role)
		}
	}
	for _, role := range t.gave {
		if !slices.Contains(all, role) {
			t.who.drop(g.tenant, role)
		}
	}
	t.gave = gives
	t.who.hold(g.tenant, all)
}

func (p *soul) drop(tenant, role string) {
	p.roles[tenant] = slices.DeleteFunc(p.roles[tenant], func(id string) bool { return id == role })
}
