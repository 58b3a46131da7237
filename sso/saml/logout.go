package saml

import (
	"context"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/go-identity/identity/sso"
)

// An Incoming is what came to a connection's SLO: the raw query of a redirect, or the fields
// of a form.
type Incoming struct {
	Query      string // everything behind the question mark, as it came; empty means a form
	Body       string // SAMLRequest or SAMLResponse of the form
	RelayState string // of the form
	Now        time.Time
}

// A Logout is the provider's wish to end sessions of a person: only those of this connection.
type Logout struct {
	ID           string // what the answer names
	Subject      string
	NameIDFormat string
	Sessions     []string // the provider's; none means all of the subject's
	RelayState   string   // goes back with the answer
}

// AcceptLogout returns the sign-out that a provider asks for, if its key signed it, all of
// it, and it has not come before. Refusals are as with [Connection.Accept].
func (c *Connection) AcceptLogout(ctx context.Context, in Incoming) (out Logout, err error) {
	defer contain(&err)
	el, relay, err := c.receive(in, "SAMLRequest", "LogoutRequest")
	if err != nil {
		return out, err
	}
	until, err := c.fresh(el, in.Now)
	if err != nil {
		return out, err
	}
	name := only(el, nsAssertion, "NameID")
	if name == nil || text(name) == "" {
		return out, sso.Refuse("the sign-out names nobody, or by an encrypted name", nil)
	}
	out = Logout{ID: value(el, "ID"), Subject: text(name), NameIDFormat: value(name, "Format"), RelayState: relay}
	for _, s := range children(el, nsProtocol, "SessionIndex") {
		out.Sessions = append(out.Sessions, text(s))
	}
	return out, c.once(ctx, "sign-out", out.ID, until.Add(c.skew()))
}

// AcceptLogoutAnswer checks the provider's answer to our own sign-out and returns what was
// sent along with it. A provider that could not end everything is refused with a sentence:
// our own session has ended by then.
func (c *Connection) AcceptLogoutAnswer(in Incoming, requestID string) (relayState string, err error) {
	defer contain(&err)
	el, relay, err := c.receive(in, "SAMLResponse", "LogoutResponse")
	if err != nil {
		return "", err
	}
	if _, err := c.fresh(el, in.Now); err != nil {
		return "", err
	}
	if got := value(el, "InResponseTo"); requestID == "" || got != requestID {
		return "", sso.Refuse("the answer is to another sign-out than this browser's", nil)
	}
	return relay, status(el)
}

// receive reads a signed message of either binding and returns what the signature covers.
func (c *Connection) receive(in Incoming, field, root string) (*etree.Element, string, error) {
	name := xml.Name{Space: nsProtocol, Local: root}
	if in.Query == "" {
		doc, err := unfold(in.Body)
		if err != nil {
			return nil, "", err
		}
		el, err := open(doc, name)
		if err == nil {
			el, err = c.verified(el, in.Now)
		}
		return el, in.RelayState, err
	}
	q, err := readQuery(in.Query, field)
	if err != nil {
		return nil, "", err
	}
	if err := c.verifiedQuery(q, in.Now); err != nil {
		return nil, "", err
	}
	encoded, err := q.get(field)
	if err != nil {
		return nil, "", err
	}
	doc, err := inflate(encoded)
	if err != nil {
		return nil, "", err
	}
	relay, err := q.get("RelayState")
	if err != nil {
		return nil, "", err
	}
	el, err := open(doc, name)
	return el, relay, err
}

// verifiedQuery checks a redirect's signature before anything of it is unpacked.
func (c *Connection) verifiedQuery(q query, now time.Time) error {
	method, signature, err := q.signature()
	if err != nil {
		return err
	}
	return c.trust(method, []byte(q.signed), signature, now)
}

// open scans and parses a message.
func open(doc []byte, root xml.Name) (*etree.Element, error) {
	if _, err := scanMessage(doc, root); err != nil {
		return nil, err
	}
	el, err := parse(doc)
	if err != nil {
		return nil, sso.Refuse("the message is not well-formed XML", err)
	}
	return el, nil
}

// fresh checks what both kinds of message have, and returns when this one is of no use any more.
func (c *Connection) fresh(el *etree.Element, now time.Time) (time.Time, error) {
	if value(el, "Version") != "2.0" || !plainID(value(el, "ID")) {
		return time.Time{}, sso.Refuse("the message is not of SAML version 2.0, or has no usable ID", nil)
	}
	if got := value(el, "Destination"); c.SLO == "" || got != c.SLO {
		return time.Time{}, sso.Refuse(fmt.Sprintf("the message is addressed to %.200q: "+
			"set the provider's sign-out URL to %q", got, c.SLO), nil)
	}
	if issuer := only(el, nsAssertion, "Issuer"); issuer == nil || !c.issued(issuer) {
		return time.Time{}, sso.Refuse("the message is not from the connection's provider", nil)
	}
	at, present, err := instant(el, "IssueInstant")
	if err != nil || !present {
		return time.Time{}, sso.Refuse("the message does not say when it was issued, in UTC", err)
	}
	end, present, err := instant(el, "NotOnOrAfter")
	if err != nil {
		return time.Time{}, sso.Refuse("the message's NotOnOrAfter is no time in UTC", err)
	}
	if last := at.Add(maxAge); !present || end.After(last) {
		end = last
	}
	p := profile{c: c, in: Answer{Now: now}}
	return end, p.within(at, end, "the message")
}

// Leave returns a request to end the provider's session too.
func (c *Connection) Leave(out Logout, now time.Time) (Message, error) {
	r := saml.LogoutRequest{
		ID: newID(), Version: "2.0", IssueInstant: now.UTC(), Issuer: c.issuer(),
		NameID: &saml.NameID{Format: out.NameIDFormat, Value: out.Subject},
	}
	el := r.Element()
	for _, s := range out.Sessions {
		index := el.CreateElement("samlp:SessionIndex")
		index.SetText(s)
	}
	return c.send(el, way{
		name: "SAMLRequest", get: c.Provider.LogoutGet, post: c.Provider.LogoutPost,
		relayState: out.RelayState, signed: true,
	})
}

// AnswerLogout returns the answer to a provider's sign-out; done is whether everything ended.
func (c *Connection) AnswerLogout(out Logout, done bool, now time.Time) (Message, error) {
	code := statusSuccess
	if !done {
		code = statusResponder
	}
	r := saml.LogoutResponse{
		ID: newID(), Version: "2.0", IssueInstant: now.UTC(), Issuer: c.issuer(), InResponseTo: out.ID,
		Status: saml.Status{StatusCode: saml.StatusCode{Value: code}},
	}
	return c.send(r.Element(), way{
		name: "SAMLResponse", get: or(c.Provider.AnswerGet, c.Provider.LogoutGet),
		post:       or(c.Provider.AnswerPost, c.Provider.LogoutPost),
		relayState: out.RelayState, signed: true,
	})
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
