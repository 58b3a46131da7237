package ssotest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/beevik/etree"
)

// A Logout is a wish that sessions of somebody end, of the provider's or of a service's. In
// one that a test makes, what is empty is filled in as an honest provider would.
type Logout struct {
	ID           string
	Issuer       string // who wishes
	Destination  string
	Subject      string // whose sessions
	NameIDFormat string
	Sessions     []string // the provider's; nil means all
	RelayState   string
	IssuedAt     time.Time
	NotOnOrAfter time.Time // zero leaves it out

	Service  string // the entity ID of the service it goes to; empty means the only one that is registered
	Form     bool   // it goes by form; zero means by redirect
	Unsigned bool
	By       *SAML // whose key signs; nil means the provider's own
}

// A LogoutAnswer is what the other side says to a [Logout].
type LogoutAnswer struct {
	ID           string
	Issuer       string
	Destination  string
	InResponseTo string
	RelayState   string
	Status       string
	IssuedAt     time.Time

	Form     bool // it goes by form; zero means by redirect
	Unsigned bool
	By       *SAML // whose key signs; nil means the provider's own
}

// Logout returns the provider's wish that sessions at a registered service end. A browser
// takes it there; see [Message.Send].
func (p *SAML) Logout(l Logout) Message {
	p.t.Helper()
	s, known := p.service(l.Service)
	if !known && l.Destination == "" {
		p.t.Fatal("the service to sign out of is not registered")
	}
	l.ID, l.Issuer, l.Destination = or(l.ID, "_"+rand.Text()), or(l.Issuer, p.entityID), or(l.Destination, s.SLO)
	l.NameIDFormat = or(l.NameIDFormat, Persistent)
	if l.IssuedAt.IsZero() {
		l.IssuedAt = p.now()
	}
	el := head("samlp:LogoutRequest", l.ID, l.Issuer, l.Destination, l.IssuedAt)
	setTime(el, "NotOnOrAfter", l.NotOnOrAfter)
	set(text(el, "saml:NameID", l.Subject), "Format", l.NameIDFormat)
	for _, index := range l.Sessions {
		text(el, "samlp:SessionIndex", index)
	}
	w := way{field: "SAMLRequest", to: or(s.SLO, l.Destination), relayState: l.RelayState, form: l.Form, by: p.signer(l.By, l.Unsigned)}
	m, err := p.send(el, w)
	if err != nil {
		p.t.Fatalf("write a sign-out: %v", err)
	}
	return m
}

// End plays the browser that takes the provider's wish to the application, and the
// application's answer back, which it returns. The client is that of whoever signs out.
func (p *SAML) End(client *http.Client, l Logout) LogoutAnswer {
	p.t.Helper()
	l.ID = or(l.ID, "_"+rand.Text())
	back := Next(p.t, p.Logout(l).Send(p.t, client))
	res := back.Send(p.t, p.server.Client())
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		p.t.Fatalf("the provider does not take the answer to a sign-out: %s", body)
	}
	all := p.LogoutAnswers()
	at := slices.IndexFunc(all, func(a LogoutAnswer) bool { return a.InResponseTo == l.ID })
	if at < 0 {
		p.t.Fatalf("the provider was told nothing about its sign-out %s", l.ID)
	}
	return all[at]
}

// AnswerLogout returns the provider's answer to a service's wish: that everything has ended,
// unless changes say something else.
func (p *SAML) AnswerLogout(l Logout, change ...func(*LogoutAnswer)) Message {
	p.t.Helper()
	m, err := p.answerLogout(l, change)
	if err != nil {
		p.t.Fatalf("answer a sign-out: %v", err)
	}
	return m
}

func (p *SAML) answerLogout(l Logout, change []func(*LogoutAnswer)) (Message, error) {
	s, _ := p.service(l.Issuer)
	a := LogoutAnswer{
		ID: "_" + rand.Text(), Issuer: p.entityID, Destination: s.SLO, InResponseTo: l.ID, RelayState: l.RelayState,
		Status: StatusSuccess, IssuedAt: p.now(), Form: l.Form,
	}
	for _, c := range change {
		c(&a)
	}
	el := head("samlp:LogoutResponse", a.ID, a.Issuer, a.Destination, a.IssuedAt)
	set(el, "InResponseTo", a.InResponseTo)
	status(el, a.Status, "")
	return p.send(el, way{field: "SAMLResponse", to: s.SLO, relayState: a.RelayState, form: a.Form, by: p.signer(a.By, a.Unsigned)})
}

// Logouts returns the wishes that services sent so far, oldest first: signed, where the
// service is registered with a certificate.
func (p *SAML) Logouts() []Logout {
	p.federation.mu.Lock()
	defer p.federation.mu.Unlock()
	return slices.Clone(p.asked)
}

// LogoutAnswers returns what services answered to the provider's wishes, oldest first.
func (p *SAML) LogoutAnswers() []LogoutAnswer {
	p.federation.mu.Lock()
	defer p.federation.mu.Unlock()
	return slices.Clone(p.answered)
}

// serveLogout takes a service's wish, and answers it, or a service's answer.
func (p *SAML) serveLogout(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("SAMLResponse") != "" {
		p.serveLogoutAnswer(w, r)
		return
	}
	in, el, err := p.signedMessage(r, "SAMLRequest")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l := Logout{
		ID: el.SelectAttrValue("ID", ""), Issuer: textOf(el, "./Issuer"), Destination: el.SelectAttrValue("Destination", ""),
		Subject: textOf(el, "./NameID"), RelayState: in.relayState, Form: in.form, Unsigned: !in.signed, Service: textOf(el, "./Issuer"),
	}
	if name := el.FindElement("./NameID"); name != nil {
		l.NameIDFormat = name.SelectAttrValue("Format", "")
	}
	for _, index := range el.FindElements("./SessionIndex") {
		l.Sessions = append(l.Sessions, index.Text())
	}
	p.federation.mu.Lock()
	p.asked = append(p.asked, l)
	p.federation.mu.Unlock()
	m, err := p.answerLogout(l, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	hand(w, r, m)
}

func (p *SAML) serveLogoutAnswer(w http.ResponseWriter, r *http.Request) {
	in, el, err := p.signedMessage(r, "SAMLResponse")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a := LogoutAnswer{
		ID: el.SelectAttrValue("ID", ""), Issuer: textOf(el, "./Issuer"), Destination: el.SelectAttrValue("Destination", ""),
		InResponseTo: el.SelectAttrValue("InResponseTo", ""), RelayState: in.relayState, Form: in.form, Unsigned: !in.signed,
	}
	if code := el.FindElement("./Status/StatusCode"); code != nil {
		a.Status = code.SelectAttrValue("Value", "")
	}
	p.federation.mu.Lock()
	p.answered = append(p.answered, a)
	p.federation.mu.Unlock()
	_, _ = fmt.Fprint(w, "signed out")
}

// signedMessage reads a message and wants the signature of a service that has a certificate.
func (p *SAML) signedMessage(r *http.Request, field string) (incoming, *etree.Element, error) {
	in, err := received(r, field)
	if err != nil {
		return in, nil, err
	}
	el, err := in.root()
	if err != nil {
		return in, nil, err
	}
	s, known := p.service(textOf(el, "./Issuer"))
	if !known {
		return in, nil, fmt.Errorf("service %q is not registered", textOf(el, "./Issuer"))
	}
	if to := el.SelectAttrValue("Destination", ""); to != p.LogoutURL() {
		return in, nil, fmt.Errorf("the message is addressed to %q, not to %s", to, p.LogoutURL())
	}
	if len(s.Certificates) > 0 {
		err = in.verify(s.Certificates, p.now())
	}
	return in, el, err
}

func textOf(el *etree.Element, path string) string {
	if found := el.FindElement(path); found != nil {
		return found.Text()
	}
	return ""
}

// head begins a protocol message.
func head(name, id, issuer, destination string, at time.Time) *etree.Element {
	el := etree.NewElement(name)
	set(el, "xmlns:samlp", nsProtocol)
	set(el, "xmlns:saml", nsAssertion)
	set(el, "ID", id)
	set(el, "Version", "2.0")
	setTime(el, "IssueInstant", at)
	set(el, "Destination", destination)
	text(el, "saml:Issuer", issuer)
	return el
}
