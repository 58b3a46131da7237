package service_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// An errand is a move of the model of single sign-on.
type errand struct {
	name   string
	weight int
	do     func(*passage, move) error
	mute   bool // it comes to nothing that could be compared
}

func errands() []errand {
	return []errand{
		{"come through a provider", 30, (*passage).come, false},
		{"leave for a provider", 4, (*passage).depart, true},
		{"come back from one", 8, (*passage).comeBack, false},
		{"rehearse", 4, (*passage).rehearse, false},
		{"sign out at a provider", 5, (*passage).signOut, false},
		{"log in here", 10, (*passage).logIn, false},
		{"refresh, perhaps into another tenant", 10, (*passage).refresh, false},
		{"switch tenants", 6, (*passage).switchTenant, false},
		{"set the password by a link", 4, (*passage).setPassword, false},
		{"change the password", 6, (*passage).changePassword, false},
		{"turn a connection off", 3, (*passage).turnOff, false},
		{"turn a connection on", 4, (*passage).turnOn, false},
		{"delete a connection", 2, (*passage).deleteConnection, false},
		{"connect", 6, (*passage).connect, true},
		{"take a domain back", 3, (*passage).takeBack, false},
		{"prove a domain", 6, (*passage).prove, false},
		{"remove a member", 3, (*passage).remove, false},
		{"add a member", 7, (*passage).add, false},
		{"disable a member", 2, (*passage).bar, false},
		{"enable a member", 4, (*passage).unbar, false},
		{"lock", 1, (*passage).lock, false},
		{"unlock", 3, (*passage).unlock, false},
		{"give a role by hand", 5, (*passage).give, false},
		{"take a role by hand", 3, (*passage).take, false},
		{"go to the other process", 5, (*passage).cross, true},
		{"restart", 2, (*passage).restart, true},
	}
}

func domainOf(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }

// word is what the provider of a tenant says of somebody: mostly what it said before, now and
// then another address, other groups, or somebody else's address.
func (x *passage) word(g *gateway, m move) word {
	subjects := []string{"ann", "bob", "eve"}
	w := word{subject: subjects[m.who%3], verified: m.arg%3 > 0}
	own := "@" + x.names[slices.Index(x.tenants, g.tenant)]
	other := "@" + x.names[1-slices.Index(x.tenants, g.tenant)]
	w.email = []string{
		w.subject + own, w.subject + own, w.subject + own, "lee" + own, "bob" + own, w.subject + other, "lee" + other,
		w.subject + "@" + x.names[2], "lee@" + x.names[2], "ann@elsewhere.example",
	}[m.pick%10]
	w.groups = [][]string{nil, {"staff"}, {"heads"}, {"staff", "heads"}, {"Staff", "owner"}}[m.arg%5]
	return w
}

// A voyager is a browser at a provider, with what it will bring back.
type voyager struct {
	gateway *gateway
	word    word
	browser string
	arrival service.Arrival
	over    bool
}

// leave sends a browser to a provider, or finds that there is no way there.
func (x *passage) leave(g *gateway, w word) (*voyager, error) {
	d, err := x.at().SSO.Begin(x.ctx, someone, service.Start{ConnectionID: g.id, Next: "/"})
	want := fault.NotFound
	if g.enabled {
		want = ""
	}
	if done, err := x.verdict(err, want); !done || x.lost() {
		return nil, err
	}
	return x.visit(g, w, d), nil
}

// visit is what a provider says to somebody who comes to it.
func (x *passage) visit(g *gateway, w word, d service.Departure) *voyager {
	v := &voyager{gateway: g, word: w, browser: d.Browser, arrival: service.Arrival{Browser: d.Browser}}
	u := ssotest.User{Subject: w.subject, Email: w.email, EmailVerified: w.verified, Name: "N", Groups: w.groups}
	i := slices.Index(x.tenants, g.tenant)
	if g.protocol == store.OIDC {
		v.arrival.Answer = x.ground.oidc[i].Authorize(d.Address, u)
		return v
	}
	v.say(x.ground.saml[i], x.ground.saml[i], d.Address, u)
	return v
}

// say lets a provider answer a request that was made to another, or to itself.
func (v *voyager) say(asked, answers *ssotest.SAML, address string, u ssotest.User) {
	form := answers.Respond(asked.Request(ssotest.Message{URL: address}), u).Fields
	v.arrival.ConnectionID = v.gateway.id
	v.arrival.SAMLResponse, v.arrival.RelayState = form.Get("SAMLResponse"), form.Get("RelayState")
}

func (x *passage) chosenGateway(m move) *gateway { return x.all.of(x.tenants[m.arg/64%2]) }

func (x *passage) come(m move) error {
	g := x.chosenGateway(m)
	if g == nil {
		return nil
	}
	late := m.arg%2 == 0 && x.db.next != unharmed
	fate := x.db.next
	if late {
		x.db.next = unharmed // it happens on the way back
	}
	v, err := x.leave(g, x.word(g, m))
	if err != nil || v == nil {
		return err
	}
	if late {
		x.db.next = fate
	}
	return x.arrive(v, m)
}

func (x *passage) depart(m move) error {
	g := x.chosenGateway(m)
	if g == nil || !g.enabled {
		return nil
	}
	v, err := x.leave(g, x.word(g, m))
	if v != nil {
		x.away = append(x.away, v)
	}
	return err
}

// comeBack comes with an answer to a request from before, as things are by now.
func (x *passage) comeBack(m move) error {
	v, ok := chosen(x.away, m.pick)
	if !ok {
		return nil
	}
	return x.arrive(v, m)
}

// arrive brings an answer, seldom with something wrong about it.
func (x *passage) arrive(v *voyager, m move) error {
	in, spoilt, spent := v.arrival, true, true
	switch other := x.all.of(x.tenants[1-slices.Index(x.tenants, v.gateway.tenant)]); {
	case m.pick%11 == 0:
		in.Browser, spent = "", false // the answer was stolen, and comes from elsewhere
	case m.pick%11 == 1 && other != nil:
		in.ConnectionID = other.id
	case m.pick%11 == 2 && in.SAMLResponse != "":
		in.SAMLResponse = x.forged(v)
	case m.pick%11 == 3 && in.Answer != nil:
		in.Answer = url.Values{"state": in.Answer["state"], "code": {"made-up"}, "iss": in.Answer["iss"]}
	default:
		spoilt = false
	}
	var who *soul
	want := fault.Unauthenticated
	if !spoilt && !v.over && x.stands(v.gateway) {
		who, want = x.all.admits(v.gateway, v.word)
	}
	v.over = v.over || spent
	a, err := x.at().SSO.Finish(x.ctx, someone, in)
	if done, err := x.verdict(err, want); !done {
		return err
	}
	x.all.admit(v.gateway, v.word, who)
	who.active = cmp.Or(who.active, v.gateway.tenant)
	if who.id == "" {
		who.id = a.Login.User.ID
	}
	if err := x.named(who, v); err != nil {
		return err
	}
	return x.opened(who, a.Login, &stay{tenant: v.gateway.tenant, only: v.gateway.tenant, through: v.gateway, subject: v.word.subject})
}

// rehearse is a sign-in that signs nobody in, through a connection that may be off.
func (x *passage) rehearse(m move) error {
	g := x.chosenGateway(m)
	if g == nil {
		return nil
	}
	d, err := x.at().SSO.Rehearse(x.ctx, hostIn(g.tenant), service.Rehearsal{ConnectionID: g.id})
	if done, err := x.verdict(err, ""); !done || x.lost() {
		return err
	}
	a, err := x.at().SSO.Finish(x.ctx, someone, x.visit(g, x.word(g, m), d).arrival)
	if err != nil || !a.Rehearsed || a.Login.Secret != "" || a.Login.AccessToken != "" || a.Login.MFARequired {
		return fmt.Errorf("a rehearsal came to %+v, %w", a, err)
	}
	return nil
}

// signOut ends what somebody came to through a provider that says so behind our back.
func (x *passage) signOut(m move) error {
	g := x.chosenGateway(m)
	if g == nil || g.protocol != store.OIDC {
		return nil
	}
	subject, want := x.word(g, m).subject, fault.Code("")
	token := x.ground.oidc[slices.Index(x.tenants, g.tenant)].LogoutToken(subject, "")
	if !g.enabled {
		want = fault.NotFound
	}
	done, err := x.verdict(x.at().SSO.BackChannel(x.ctx, someone, g.id, token), want)
	if done {
		for _, p := range x.all.souls {
			p.end(func(s *stay) bool { return s.through == g && s.subject == subject })
		}
	}
	return err
}

// stands reports whether nobody deleted the connection meanwhile.
func (x *passage) stands(g *gateway) bool { return slices.Contains(x.all.gateways, g) }

// forged is the answer as the provider of the other tenant would have signed it.
func (x *passage) forged(v *voyager) string {
	doc, err := base64.StdEncoding.DecodeString(v.arrival.SAMLResponse)
	if err != nil {
		return ""
	}
	i := slices.Index(x.tenants, v.gateway.tenant)
	honest := ssotest.Request{ID: between(string(doc), `InResponseTo="`), ACS: between(string(doc), `Destination="`), RelayState: v.arrival.RelayState}
	honest.EntityID = "https://app.example/auth/saml/metadata/" + v.gateway.id
	u := ssotest.User{Subject: v.word.subject, Email: v.word.email}
	name := x.ground.saml[i].EntityID()
	return x.ground.saml[1-i].Respond(honest, u, func(a *ssotest.Assertion) { a.Issuer = name }).Fields.Get("SAMLResponse")
}

func between(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// named learns the id of a user whose first answer was lost.
func (x *passage) named(p *soul, v *voyager) error {
	if p.id != "" {
		return nil
	}
	l, err := x.db.LinkedIdentity(x.ctx, v.gateway.id, v.word.subject)
	p.id = l.UserID
	return err
}

// opened is the beginning of a session.
func (x *passage) opened(p *soul, l service.Login, s *stay) error {
	p.stays = append(p.stays, s)
	if x.lost() {
		return nil
	}
	if l.MFARequired || l.User.ID != p.id || l.Session.TenantID != s.tenant || l.Session.OnlyTenantID != s.only {
		return fmt.Errorf("the login is %s in %s, confined to %q; want %s in %s, confined to %q",
			l.User.ID, l.Session.TenantID, l.Session.OnlyTenantID, p.id, s.tenant, s.only)
	}
	s.id, s.secret = l.Session.ID, l.Secret
	s.tokens, s.tenants = append(s.tokens, l.AccessToken), append(s.tenants, s.tenant)
	return nil
}

func (x *passage) turnOff(m move) error { return x.turn(m, false) }
func (x *passage) turnOn(m move) error  { return x.turn(m, true) }

func (x *passage) turn(m move, on bool) error {
	g := x.chosenGateway(m)
	if g == nil {
		return nil
	}
	_, err := x.at().Connections.Update(x.ctx, hostIn(g.tenant), g.id, service.ConnectionChange{Enabled: &on})
	done, err := x.verdict(err, "")
	if done {
		if g.enabled && !on {
			x.ends(g)
		}
		g.enabled = on
	}
	return err
}

// ends ends what came through a connection.
func (x *passage) ends(g *gateway) {
	for _, p := range x.all.souls {
		p.end(func(s *stay) bool { return s.through == g })
	}
}

func (x *passage) deleteConnection(m move) error {
	g := x.chosenGateway(m)
	if g == nil {
		return nil
	}
	done, err := x.verdict(x.at().Connections.Delete(x.ctx, hostIn(g.tenant), g.id), "")
	if done {
		x.ends(g)
		x.all.gateways = slices.DeleteFunc(x.all.gateways, func(other *gateway) bool { return other == g })
	}
	return err
}

// connect makes a connection for a tenant without one. Nothing goes wrong with that.
func (x *passage) connect(m move) error {
	i := m.arg / 64 % 2
	if x.db.next = unharmed; x.all.of(x.tenants[i]) != nil {
		return nil
	}
	return x.bridge(i, []store.Protocol{store.SAML, store.OIDC}[m.pick%2])
}

func (x *passage) takeBack(m move) error { return x.claim(m, false) }
func (x *passage) prove(m move) error    { return x.claim(m, true) }

// claim takes a tenant's claim for proved, or not any more. A domain is one tenant's: the
// second one is told.
func (x *passage) claim(m move, proved bool) error {
	tenant := x.tenants[m.arg/64%2]
	name := []string{x.names[m.arg/64%2], x.names[2]}[m.pick%2]
	g, other := x.all.of(tenant), x.all.of(x.tenants[1-m.arg/64%2])
	want := fault.Code("")
	switch {
	case g == nil || g.claims[name] == "":
		want = fault.NotFound
	case proved && other != nil && other.proved[name]:
		want = fault.Conflict
	}
	done, err := x.verdict(x.at().Domains.Force(x.ctx, hostIn(tenant), name, proved), want)
	if done {
		g.proved[name] = proved
	}
	return err
}
