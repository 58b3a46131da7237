package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// A Trial is what an answer that came once would lead to under settings that are not kept.
// What it shows of people is shortened.
type Trial struct {
	Accepted  bool
	Diagnosis string // why it would be refused; empty where it would not
	Subject   string
	Email     string
	Name      string
	Groups    []string // those that are mapped whole
	RoleIDs   []string // that the connection and the groups would give, each once
}

// Replay tries an answer that was kept against a change of its connection. Nobody is signed
// in by it, and nothing is kept. An answer of OpenID Connect was used up when it came: there
// the provider's documents are looked at anew, and the mapping is made of what it said then.
func (s *SSOAttempts) Replay(ctx context.Context, by store.Principal, id string, ch ConnectionChange) (Trial, error) {
	if !by.Can(store.WriteSSO) {
		return Trial{}, mayNot()
	}
	a, c, document, err := s.find(ctx, by, id)
	if err != nil {
		return Trial{}, err
	}
	if document == "" {
		return Trial{Diagnosis: "the answer was not kept"}, nil
	}
	st, err := readConnectionSettings(c)
	if err != nil {
		return Trial{}, err
	}
	next, err := s.connections.apply(path{c, st}, ch)
	if err != nil {
		return Trial{}, err
	}
	said, err := s.again(ctx, next, document, a.At)
	if why := sso.Diagnosis(err); why != "" {
		return Trial{Diagnosis: why}, nil
	}
	if err != nil {
		return Trial{}, err
	}
	return s.outcome(ctx, next, said)
}

// Preview is [SSOAttempts.Replay] with another mapping and nothing else.
func (s *SSOAttempts) Preview(ctx context.Context, by store.Principal, id string, m AttributeMapping) (Trial, error) {
	return s.Replay(ctx, by, id, ConnectionChange{Settings: func(st *ConnectionSettings) { st.Attributes = m }})
}

// again reads an answer as it would have been read when it came.
func (s *SSOAttempts) again(ctx context.Context, w path, document string, at time.Time) (sso.Assertion, error) {
	if w.Protocol == store.SAML {
		e, err := s.connections.draft(w.Connection, w.st)
		if err != nil {
			return sso.Assertion{}, err
		}
		if e.Keys, err = s.connections.keys.made(ctx); err != nil {
			return sso.Assertion{}, err
		}
		e.Unsolicited = w.st.SAML.Unsolicited
		e.Once = func(context.Context, string, time.Time) (bool, error) { return true, nil }
		return e.Accept(ctx, saml.Answer{Body: document, RequestID: saml.InResponseTo(document), Now: at})
	}
	p, err := s.connections.relying(w.Connection, w.st)
	if err != nil {
		return sso.Assertion{}, err
	}
	if err := s.connections.party.Check(ctx, p); err != nil {
		return sso.Assertion{}, err
	}
	return claimsOf(document, w.st)
}

// said is all that a provider said of somebody, for the attempt that is kept.
func (st ConnectionSettings) said(a sso.Assertion) string {
	all := maps.Clone(a.Attributes)
	if all == nil {
		all = map[string][]string{}
	}
	if st.OIDC != nil { // the claims that the engine has taken out
		all["sub"] = []string{a.Subject}
		if len(a.Groups) > 0 {
			all[st.OIDC.groups()] = a.Groups
		}
	}
	doc, err := json.Marshal(all)
	if err != nil {
		return ""
	}
	return string(doc)
}

// groups is the claim that lists groups.
func (s OIDCSettings) groups() string { return cmp.Or(s.Groups, "groups") }

// claimsOf reads what a provider of OpenID Connect said.
func claimsOf(document string, st ConnectionSettings) (sso.Assertion, error) {
	var all map[string][]string
	if err := json.Unmarshal([]byte(document), &all); err != nil {
		return sso.Assertion{}, errors.New("the claims that were kept cannot be read")
	}
	one := func(names ...string) string {
		for _, n := range names {
			if len(all[n]) > 0 {
				return all[n][0]
			}
		}
		return ""
	}
	a := sso.Assertion{Subject: one("sub"), Email: one("email"), Name: one("name"), Groups: all[st.OIDC.groups()], Attributes: all}
	return st.Attributes.over(a), nil
}

// over returns the assertion as the mapping reads it. An address from an attribute of the
// tenant's choice is none that the provider calls verified. SAML's engine has done as much.
func (m AttributeMapping) over(a sso.Assertion) sso.Assertion {
	find := func(names []string) []string {
		for _, n := range names {
			if v := a.Attributes[n]; len(v) > 0 {
				return v
			}
		}
		return nil
	}
	if len(m.Email) > 0 {
		a.Email, a.EmailVerified = firstOf(find(m.Email)), false
	}
	if len(m.Name) > 0 {
		a.Name = firstOf(find(m.Name))
	}
	if len(m.GivenName)+len(m.FamilyName) > 0 && a.Name == "" {
		a.Name = joined(firstOf(find(m.GivenName)), firstOf(find(m.FamilyName)))
	}
	if len(m.Groups) > 0 {
		a.Groups = find(m.Groups)
	}
	return a
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func joined(given, family string) string {
	if given == "" || family == "" {
		return given + family
	}
	return given + " " + family
}

// known shortens the groups that are not mapped: any attribute can be said to hold groups.
func known(gs []store.GroupMapping, connectionID string, groups []string) []string {
	all := make([]string, len(groups))
	for i, name := range groups {
		mapped := func(g store.GroupMapping) bool { return g.ConnectionID == connectionID && g.Group == name }
		if all[i] = name; !slices.ContainsFunc(gs, mapped) {
			all[i] = redact(name)
		}
	}
	return all
}

// outcome is what an assertion would lead to.
func (s *SSOAttempts) outcome(ctx context.Context, w path, a sso.Assertion) (Trial, error) {
	gs, err := s.store.GroupMappings(ctx, w.TenantID)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{
		Accepted: true, Subject: redact(a.Subject), Email: redact(a.Email), Name: redact(a.Name), Groups: known(gs, w.ID, a.Groups),
		RoleIDs: unique(append(groupRoles(gs, w.ID, a.Groups), w.RoleIDs...)),
	}
	if a.Email == "" {
		t.Accepted, t.Diagnosis = false, "the provider sends no e-mail address: make it send one, or map the attribute that holds it"
	}
	return t, nil
}
