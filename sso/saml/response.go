package saml

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
)

// An Answer is what came to a connection's ACS.
type Answer struct {
	Body      string // SAMLResponse of the form
	RequestID string // of the request that this browser was sent away with; empty where there was none
	Now       time.Time
}

// Accept returns what the provider says in an answer. Every refusal is a sentence for the
// connection's administrator (see [sso.Diagnosis]) inside the one error that the person who
// signs in may see; other errors are the caller's: a store that breaks, or no memory of
// what came before. The caller has made sure that RequestID is used once.
func (c *Connection) Accept(ctx context.Context, in Answer) (a sso.Assertion, err error) {
	defer contain(&err)
	doc, err := unfold(in.Body)
	if err != nil {
		return a, err
	}
	if _, err := scanMessage(doc, xml.Name{Space: nsProtocol, Local: "Response"}); err != nil {
		return a, err
	}
	root, err := parse(doc)
	if err != nil {
		return a, sso.Refuse("the response is not well-formed XML", err)
	}
	assertion, err := c.signed(root, in)
	if err != nil {
		return a, err
	}
	p := profile{c: c, in: in, el: assertion}
	if err := p.check(); err != nil {
		return a, err
	}
	if err := c.once(ctx, "assertion", value(assertion, "ID"), p.until.Add(c.skew())); err != nil {
		return a, err
	}
	return p.assertion(), nil
}

// unfold decodes the field of a form. Line breaks are allowed in it (RFC 2045), nothing else is.
func unfold(body string) ([]byte, error) {
	if body == "" {
		return nil, sso.Refuse("the message is empty", nil)
	}
	if len(body) > base64.StdEncoding.EncodedLen(maxBytes)*11/10 {
		return nil, sso.Refuse(fmt.Sprintf("the document is larger than %d KiB", maxBytes>>10), nil)
	}
	doc, err := base64.StdEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, sso.Refuse("the message is not base64", err)
	}
	return doc, nil
}

// signed returns the assertion, read from what the provider signed.
func (c *Connection) signed(root *etree.Element, in Answer) (*etree.Element, error) {
	whole := len(children(root, nsSignature, "Signature")) > 0
	if whole {
		var err error
		if root, err = c.verified(root, in.Now); err != nil {
			return nil, err
		}
	}
	if err := c.envelope(root, whole, in); err != nil {
		return nil, err
	}
	assertion, pliable, err := c.enclosed(root)
	if err != nil {
		return nil, err
	}
	if pliable {
		if assertion, err = c.verified(assertion, in.Now); err != nil {
			return nil, errPliable(err)
		}
		return assertion, nil
	}
	switch own := len(children(assertion, nsSignature, "Signature")) > 0; {
	case own:
		return c.verified(assertion, in.Now)
	case whole && c.SignedResponse:
		return assertion, nil
	case whole:
		return nil, sso.Refuse("only the response is signed: make the provider sign the assertion, "+
			"or let a signed response be enough for this connection", nil)
	}
	return nil, sso.Refuse("neither the response nor the assertion is signed: make the provider sign the assertion", nil)
}

// enclosed returns the one assertion of a response, decrypted, and whether what it was
// encrypted with lets others change it.
func (c *Connection) enclosed(root *etree.Element) (assertion *etree.Element, pliable bool, err error) {
	if sealed := only(root, nsAssertion, "EncryptedAssertion"); sealed != nil {
		return c.decrypt(sealed)
	}
	if a := only(root, nsAssertion, "Assertion"); a != nil {
		return a, false, nil
	}
	return nil, false, sso.Refuse("the response holds no assertion", nil)
}

// envelope checks the response around the assertion. Where only the assertion is signed it
// can refuse, and never allow: an attacker may write there what they like.
func (c *Connection) envelope(root *etree.Element, signed bool, in Answer) error {
	if err := status(root); err != nil {
		return err
	}
	if value(root, "Version") != "2.0" {
		return sso.Refuse("the response is not of SAML version 2.0", nil)
	}
	if d, present := attribute(root, "Destination"); d != c.ACS && (present || signed) {
		return sso.Refuse(fmt.Sprintf("the response is addressed to %.200q: set the provider's ACS URL to %q", d, c.ACS), nil)
	}
	issuers := children(root, nsAssertion, "Issuer")
	if len(issuers) > 1 || len(issuers) == 1 && !c.mayIssue(issuers[0]) {
		return sso.Refuse(c.wrongIssuer(issuers[0]), nil)
	}
	if id, present := attribute(root, "InResponseTo"); present && id != in.RequestID {
		return sso.Refuse("the response answers another request than this browser's", nil)
	}
	return nil
}

// status refuses an answer that says no, and repeats the provider's reason: two codes of the
// specification or of the provider's, never free text.
func status(root *etree.Element) error {
	code := only(only(root, nsProtocol, "Status"), nsProtocol, "StatusCode")
	if code == nil {
		return sso.Refuse("the response has no status", nil)
	}
	if got := value(code, "Value"); got != statusSuccess {
		return sso.Refuse(fmt.Sprintf("the provider answered %.120q, %.120q: its log says why",
			got, value(only(code, nsProtocol, "StatusCode"), "Value")), nil)
	}
	return nil
}

// issued compares names byte for byte.
func (c *Connection) issued(issuer *etree.Element) bool {
	format, present := attribute(issuer, "Format")
	name := text(issuer)
	return name != "" && name == c.Provider.EntityID && (!present || format == formatEntity)
}

// mayIssue is issued for an answer, which may be where the provider's name is learned: its
// key is known, and the key has signed the name.
func (c *Connection) mayIssue(issuer *etree.Element) bool {
	if c.Provider.EntityID != "" || !c.FirstIssuer {
		return c.issued(issuer)
	}
	named := *c
	named.Provider.EntityID = text(issuer)
	return len(named.Provider.EntityID) <= maxSubject && named.issued(issuer)
}

func (c *Connection) wrongIssuer(issuer *etree.Element) string {
	return fmt.Sprintf("the issuer is %.200q and the connection's provider is %q: "+
		"upload the metadata of the provider that signs people in", text(issuer), c.Provider.EntityID)
}
