package ssotest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/beevik/etree"
)

// The formats of a subject's name.
const (
	Persistent   = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	Transient    = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	EmailAddress = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
)

// How somebody may have signed in at a provider.
const (
	ByPassword = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	ByTwo      = "https://refeds.org/profile/mfa" // a password and something else
)

// The codes of a provider that says no.
const (
	StatusSuccess     = "urn:oasis:names:tc:SAML:2.0:status:Success"
	StatusResponder   = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	StatusAuthnFailed = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
)

// What a provider may sign.
const (
	SignAssertion Signing = iota // the usual
	SignResponse
	SignBoth
	SignNothing
)

// A Signing says what of an answer is signed.
type Signing int

// How an assertion may be encrypted, its key always by RSA-OAEP.
const (
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
)

// An Assertion is an answer of a SAML provider before it is written and signed: what an
// honest provider would say, for a test to change. What is empty is left out.
type Assertion struct {
	ID, ResponseID string
	Issuer         string // of the assertion, and of the response
	IssuedAt       time.Time
	Status, Reason string // codes; with another Status than StatusSuccess there is no assertion
	Destination    string // of the response
	InResponseTo   string
	RelayState     string

	Subject, NameIDFormat   string
	Recipient               string    // of the bearer confirmation
	ConfirmedUntil          time.Time // its end
	Audience                string
	NotBefore, NotOnOrAfter time.Time // of the conditions

	AuthnInstant        time.Time // zero leaves the whole statement out
	Context             string
	SessionIndex        string
	SessionNotOnOrAfter time.Time

	Attributes map[string][]string // "email", "name", "groups" and the user's own

	Sign      Signing
	By        *SAML                   // whose key signs; nil means the provider's own
	Encrypt   string                  // AES256GCM or another; empty means in the clear
	EncryptTo *x509.Certificate       // the registered service's, where it has an RSA key
	Draft     func(xml string) string // changes the assertion before it is signed; nil leaves it
	Final     func(xml string) string // changes the whole response, signed; nil leaves it
}

// minutes is how long what a provider says is good for.
const minutes = 5 * time.Minute

// Respond returns the provider's answer to a request, in a form for the browser: what an
// honest provider says of u, after the changes. To a Request without an ID the answer is
// unsolicited.
func (p *SAML) Respond(r Request, u User, change ...func(*Assertion)) Message {
	p.t.Helper()
	m, err := p.respond(r, u, change)
	if err != nil {
		p.t.Fatalf("answer a request: %v", err)
	}
	return m
}

func (p *SAML) respond(r Request, u User, change []func(*Assertion)) (Message, error) {
	a := p.assertion(r, u)
	for _, c := range change {
		c(&a)
	}
	doc, err := p.write(a)
	m := Message{URL: r.ACS, from: p.server.URL, Fields: url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(doc)}}}
	if a.RelayState != "" {
		m.Fields.Set("RelayState", a.RelayState)
	}
	return m, err
}

// assertion is what an honest provider says.
func (p *SAML) assertion(r Request, u User) Assertion {
	now := p.now()
	a := Assertion{
		ID: "_" + rand.Text(), ResponseID: "_" + rand.Text(), Issuer: p.entityID, IssuedAt: now, Status: StatusSuccess,
		Destination: r.ACS, InResponseTo: r.ID, RelayState: r.RelayState,
		Subject: u.subject(), NameIDFormat: Persistent, Recipient: r.ACS, ConfirmedUntil: now.Add(minutes),
		Audience: r.EntityID, NotBefore: now.Add(-minutes), NotOnOrAfter: now.Add(minutes),
		AuthnInstant: u.since(now), Context: or(u.Context, ByPassword), SessionIndex: u.session(), Attributes: u.attributes(),
	}
	switch r.NameIDFormat {
	case EmailAddress:
		a.Subject, a.NameIDFormat = u.Email, EmailAddress
	case Transient:
		a.Subject, a.NameIDFormat = "_"+rand.Text(), Transient
	}
	if s, known := p.service(r.EntityID); known {
		a.EncryptTo = s.sealable()
	}
	return a
}

func (u User) attributes() map[string][]string {
	all := map[string][]string{}
	for name, value := range map[string]string{"email": u.Email, "name": u.Name} {
		if value != "" {
			all[name] = []string{value}
		}
	}
	if len(u.Groups) > 0 {
		all["groups"] = slices.Clone(u.Groups)
	}
	maps.Copy(all, u.Attributes)
	return all
}

// element writes the assertion, as yet without a signature.
func (a Assertion) element() *etree.Element {
	el := etree.NewElement("saml:Assertion")
	set(el, "xmlns:saml", nsAssertion)
	set(el, "ID", a.ID)
	set(el, "Version", "2.0")
	setTime(el, "IssueInstant", a.IssuedAt)
	text(el, "saml:Issuer", a.Issuer)
	subject := el.CreateElement("saml:Subject")
	set(text(subject, "saml:NameID", a.Subject), "Format", a.NameIDFormat)
	confirmation := subject.CreateElement("saml:SubjectConfirmation")
	set(confirmation, "Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer")
	proof := confirmation.CreateElement("saml:SubjectConfirmationData")
	set(proof, "Recipient", a.Recipient)
	setTime(proof, "NotOnOrAfter", a.ConfirmedUntil)
	set(proof, "InResponseTo", a.InResponseTo)
	conditions := el.CreateElement("saml:Conditions")
	setTime(conditions, "NotBefore", a.NotBefore)
	setTime(conditions, "NotOnOrAfter", a.NotOnOrAfter)
	if a.Audience != "" {
		text(conditions.CreateElement("saml:AudienceRestriction"), "saml:Audience", a.Audience)
	}
	a.statements(el)
	return el
}

func (a Assertion) statements(el *etree.Element) {
	if !a.AuthnInstant.IsZero() {
		authn := el.CreateElement("saml:AuthnStatement")
		setTime(authn, "AuthnInstant", a.AuthnInstant)
		set(authn, "SessionIndex", a.SessionIndex)
		setTime(authn, "SessionNotOnOrAfter", a.SessionNotOnOrAfter)
		text(authn.CreateElement("saml:AuthnContext"), "saml:AuthnContextClassRef", a.Context)
	}
	if len(a.Attributes) == 0 {
		return
	}
	statement := el.CreateElement("saml:AttributeStatement")
	for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		attribute := statement.CreateElement("saml:Attribute")
		set(attribute, "Name", name)
		for _, v := range a.Attributes[name] {
			text(attribute, "saml:AttributeValue", v)
		}
	}
}

// response writes what is around the assertion.
func (a Assertion) response() *etree.Element {
	el := etree.NewElement("samlp:Response")
	set(el, "xmlns:samlp", nsProtocol)
	set(el, "xmlns:saml", nsAssertion)
	set(el, "ID", a.ResponseID)
	set(el, "Version", "2.0")
	setTime(el, "IssueInstant", a.IssuedAt)
	set(el, "Destination", a.Destination)
	set(el, "InResponseTo", a.InResponseTo)
	text(el, "saml:Issuer", a.Issuer)
	status(el, a.Status, a.Reason)
	return el
}

func status(el *etree.Element, first, second string) {
	code := el.CreateElement("samlp:Status").CreateElement("samlp:StatusCode")
	set(code, "Value", first)
	if second != "" {
		set(code.CreateElement("samlp:StatusCode"), "Value", second)
	}
}

func set(el *etree.Element, name, value string) {
	if value != "" {
		el.CreateAttr(name, value)
	}
}

func setTime(el *etree.Element, name string, at time.Time) {
	if !at.IsZero() {
		el.CreateAttr(name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}

func text(el *etree.Element, name, value string) *etree.Element {
	child := el.CreateElement(name)
	child.SetText(value)
	return child
}
