package saml

import (
	"fmt"
	"slices"
	"time"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
)

// A profile checks a verified assertion against the web browser sign-in of SAML 2.0
// (profiles §4.1.4) and keeps what the outcome needs.
type profile struct {
	c  *Connection
	in Answer
	el *etree.Element

	name    *etree.Element // NameID; nil where an attribute names the person
	person  string         // what names the person
	authn   *etree.Element // AuthnStatement
	context string
	at      time.Time // of signing in
	expires time.Time // of the session; zero where it is not said
	until   time.Time // when the assertion is of no use any more
}

func (p *profile) check() error {
	for _, step := range []func() error{p.shape, p.issuer, p.issued, p.subject, p.confirmed, p.conditions, p.authenticated} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// shape wants the parts that are read to be there once, and no part that nobody knows.
func (p *profile) shape() error {
	if value(p.el, "Version") != "2.0" {
		return sso.Refuse("the assertion is not of SAML version 2.0", nil)
	}
	if !plainID(value(p.el, "ID")) {
		return sso.Refuse("the assertion has no usable ID", nil)
	}
	known := []string{"Issuer", "Subject", "Conditions", "Advice", "AuthnStatement", "AttributeStatement", "AuthzDecisionStatement"}
	for _, child := range p.el.ChildElements() {
		signature := is(child, nsSignature, "Signature")
		if !signature && (child.NamespaceURI() != nsAssertion || !slices.Contains(known, child.Tag)) {
			return sso.Refuse(fmt.Sprintf("the assertion has a part %.60q that is not known", child.Tag), nil)
		}
	}
	for _, name := range []string{"Subject", "Conditions"} {
		if only(p.el, nsAssertion, name) == nil {
			return sso.Refuse("the assertion must have exactly one "+name, nil)
		}
	}
	if len(children(p.el, nsAssertion, "AuthnStatement")) > 1 {
		return sso.Refuse("the assertion has several AuthnStatements", nil)
	}
	return nil
}

func (p *profile) issuer() error {
	issuer := only(p.el, nsAssertion, "Issuer")
	if issuer == nil {
		return sso.Refuse("the assertion has no issuer", nil)
	}
	if !p.c.mayIssue(issuer) {
		return sso.Refuse(p.c.wrongIssuer(issuer), nil)
	}
	return nil
}

// issued bounds the assertion's age, whatever end it gives itself, so that the memory of
// what came before is bounded too.
func (p *profile) issued() error {
	t, present, err := instant(p.el, "IssueInstant")
	if err != nil || !present {
		return sso.Refuse("the assertion does not say when it was issued, in UTC", err)
	}
	p.until = t.Add(maxAge)
	return p.within(t, p.until, "the assertion")
}

// within checks a span of time, the clocks' difference granted.
func (p *profile) within(from, to time.Time, what string) error {
	if p.in.Now.Add(p.c.skew()).Before(from) {
		return sso.Refuse(fmt.Sprintf("%s is not valid yet: from %s, and it is %s here. Set the provider's clock",
			what, from.Format(time.RFC3339), p.in.Now.Format(time.RFC3339)), nil)
	}
	if !p.in.Now.Add(-p.c.skew()).Before(to) {
		return sso.Refuse(fmt.Sprintf("%s is too old: until %s, and it is %s here. Set the provider's clock, or sign in again",
			what, to.Format(time.RFC3339), p.in.Now.Format(time.RFC3339)), nil)
	}
	return nil
}

// before checks an end that must be there, and remembers it when it is the earliest.
func (p *profile) before(el *etree.Element, what string) error {
	t, present, err := instant(el, "NotOnOrAfter")
	if err != nil || !present {
		return sso.Refuse(what+" has no end (NotOnOrAfter), in UTC", err)
	}
	if t.Before(p.until) {
		p.until = t
	}
	return p.within(time.Time{}, t, what)
}

func (p *profile) subject() error {
	subject := only(p.el, nsAssertion, "Subject")
	if len(children(subject, nsAssertion, "EncryptedID")) > 0 {
		return sso.Refuse("the subject's name is encrypted by itself: make the provider encrypt the whole assertion instead", nil)
	}
	p.name = only(subject, nsAssertion, "NameID")
	if ours := value(p.name, "SPNameQualifier"); ours != "" && ours != p.c.EntityID {
		return sso.Refuse("the subject's name is meant for another service", nil)
	}
	return p.named()
}

// named finds what names the person, today and at every other time.
func (p *profile) named() error {
	name := text(p.name)
	lasting := name != "" && value(p.name, "Format") != formatTransient
	if len(p.c.Attributes.Subject) > 0 || !lasting {
		given := values(p.attributes(), p.c.Attributes.Subject, subjectNames())
		switch {
		case len(given) == 1 && len(given[0]) > maxSubject:
			return sso.Refuse("the attribute that names the person is very long", nil)
		case len(given) == 1:
			p.person = given[0]
			return nil
		case len(given) > 1:
			return sso.Refuse("the attribute that names the person has several values: make the provider send one", nil)
		case len(p.c.Attributes.Subject) > 0:
			return sso.Refuse("the attribute that names the person is missing: make the provider send it, or map another", nil)
		}
	}
	switch {
	case name == "" || len(name) > maxSubject:
		return sso.Refuse("the subject has no name (NameID), or a very long one", nil)
	case !lasting:
		return sso.Refuse("the subject's name is transient, a new one each time: "+
			"make the provider send a persistent name or the e-mail address, or map an attribute that names the person", nil)
	}
	p.person = name
	return nil
}

// confirmed wants one bearer confirmation that is right in every respect, wherever it
// stands. Confirmations of other methods count for nothing.
func (p *profile) confirmed() error {
	all := children(only(p.el, nsAssertion, "Subject"), nsAssertion, "SubjectConfirmation")
	refusal := sso.Refuse("the subject has no bearer confirmation", nil)
	for _, confirmation := range all {
		if value(confirmation, "Method") != methodBearer {
			continue
		}
		until := p.until
		if refusal = p.bearer(only(confirmation, nsAssertion, "SubjectConfirmationData")); refusal == nil {
			return nil
		}
		p.until = until
	}
	return refusal
}

func (p *profile) bearer(proof *etree.Element) error {
	if proof == nil {
		return sso.Refuse("the bearer confirmation says neither for whom nor until when it is", nil)
	}
	if got := value(proof, "Recipient"); got != p.c.ACS {
		return sso.Refuse(fmt.Sprintf("the assertion's recipient is %.200q: set the provider's ACS URL to %q", got, p.c.ACS), nil)
	}
	if _, present := attribute(proof, "NotBefore"); present {
		return sso.Refuse("the bearer confirmation has a NotBefore, which the profile forbids", nil)
	}
	if err := p.before(proof, "the bearer confirmation"); err != nil {
		return err
	}
	return p.answers(proof)
}

// answers ties the assertion to the request that this browser was sent away with.
func (p *profile) answers(proof *etree.Element) error {
	id, present := attribute(proof, "InResponseTo")
	switch {
	case p.in.RequestID == "" && !p.c.Unsolicited:
		return sso.Refuse("nobody asked for this sign-in: start it here, or allow the connection to be started at the provider", nil)
	case p.in.RequestID == "" && present:
		return sso.Refuse("the assertion answers a request that this browser did not make", nil)
	case id != p.in.RequestID:
		return sso.Refuse("the assertion answers another request than this browser's, or none", nil)
	}
	return nil
}

// conditions must all be met, and one that is not known cannot be (core §2.5.1).
func (p *profile) conditions() error {
	el := only(p.el, nsAssertion, "Conditions")
	from, present, err := instant(el, "NotBefore")
	if err != nil {
		return sso.Refuse("the conditions' NotBefore is no time in UTC", err)
	}
	if present {
		if err := p.within(from, p.in.Now.Add(maxAge), "the assertion"); err != nil {
			return err
		}
	}
	if _, present := attribute(el, "NotOnOrAfter"); present {
		if err := p.before(el, "the assertion"); err != nil {
			return err
		}
	}
	restricted := false
	for _, condition := range el.ChildElements() {
		audience := is(condition, nsAssertion, "AudienceRestriction")
		if !audience && !is(condition, nsAssertion, "OneTimeUse") && !is(condition, nsAssertion, "ProxyRestriction") {
			return sso.Refuse(fmt.Sprintf("the assertion has a condition %.60q that is not known", condition.Tag), nil)
		}
		if audience && !p.addressed(condition) {
			return sso.Refuse(fmt.Sprintf("the assertion is for another audience: set the provider's audience (SP entity ID) to %q",
				p.c.EntityID), nil)
		}
		restricted = restricted || audience
	}
	if !restricted {
		return sso.Refuse(fmt.Sprintf("the assertion names no audience: "+
			"set the provider's audience (SP entity ID) to %q", p.c.EntityID), nil)
	}
	return nil
}

// addressed reports whether one of a restriction's audiences is us. Several restrictions
// must all hold.
func (p *profile) addressed(restriction *etree.Element) bool {
	return slices.ContainsFunc(children(restriction, nsAssertion, "Audience"), func(a *etree.Element) bool {
		return text(a) == p.c.EntityID
	})
}

// authenticated checks how and when the person signed in at the provider. The statement
// belongs there, but real providers leave it out: then nothing is known, and a connection
// that insists on a way or an age refuses.
func (p *profile) authenticated() error {
	p.authn = only(p.el, nsAssertion, "AuthnStatement")
	p.context = text(only(only(p.authn, nsAssertion, "AuthnContext"), nsAssertion, "AuthnContextClassRef"))
	if len(p.c.Contexts) > 0 && !slices.Contains(p.c.Contexts, p.context) {
		return sso.Refuse(fmt.Sprintf("the person signed in by %.120q, and this connection insists on %q", p.context, p.c.Contexts), nil)
	}
	if p.authn == nil && p.c.MaxAuthAge == 0 {
		return nil
	}
	at, present, err := instant(p.authn, "AuthnInstant")
	if err != nil || !present {
		return sso.Refuse("the assertion does not say when the person signed in, in UTC", err)
	}
	p.at = at
	end := p.in.Now.Add(maxAge)
	if p.c.MaxAuthAge > 0 {
		end = at.Add(p.c.MaxAuthAge)
	}
	if err := p.within(at, end, "the sign-in at the provider"); err != nil {
		return err
	}
	return p.session()
}

// session notes when the provider wants our session to end.
func (p *profile) session() error {
	end, present, err := instant(p.authn, "SessionNotOnOrAfter")
	if err != nil {
		return sso.Refuse("the session's end is no time in UTC", err)
	}
	if !present {
		return nil
	}
	p.expires = end
	return p.within(time.Time{}, end, "the provider's session")
}
