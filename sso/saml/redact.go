package saml

import (
	"encoding/xml"
	"slices"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
)

// Redact returns a response that came to an ACS as indented XML for people to read. What
// says who somebody is has gone through shorten; keys, digests, signatures and what is
// encrypted have given way to an ellipsis. One that cannot be read is refused.
func Redact(body string, shorten func(string) string) (doc string, err error) {
	defer contain(&err)
	root, err := response(body)
	if err != nil {
		return "", err
	}
	redact(root, shorten)
	d := etree.NewDocumentWithRoot(root)
	d.Indent(2)
	text, err := d.WriteToString()
	if err != nil {
		return "", sso.Refuse("the response cannot be written", err)
	}
	return text, nil
}

// InResponseTo returns the request that a response says it answers, unverified: to look at
// the response again. It is empty where the response names none, or cannot be read.
func InResponseTo(body string) (id string) {
	defer func() { _ = recover() }()
	root, err := response(body)
	if err != nil {
		return ""
	}
	return value(root, "InResponseTo")
}

// response reads a response without believing it.
func response(body string) (*etree.Element, error) {
	doc, err := unfold(body)
	if err != nil {
		return nil, err
	}
	if _, err := scanMessage(doc, xml.Name{Space: nsProtocol, Local: "Response"}); err != nil {
		return nil, err
	}
	root, err := parse(doc)
	if err != nil {
		return nil, sso.Refuse("the response is not well-formed XML", err)
	}
	return root, nil
}

// redact shortens every text but those that name a place or a way, not a person.
func redact(el *etree.Element, shorten func(string) string) {
	for i, a := range el.Attr {
		if slices.Contains([]string{"SessionIndex", "Address", "DNSName", "SPProvidedID"}, a.Key) {
			el.Attr[i].Value = shorten(a.Value)
		}
	}
	if inner := el.ChildElements(); len(inner) > 0 {
		el.Child = nil // nor what stands between the elements
		for _, child := range inner {
			redact(child, shorten)
			el.AddChild(child)
		}
		return
	}
	plain := []string{"Issuer", "Audience", "AuthnContextClassRef", "AuthenticatingAuthority"}
	switch space := el.NamespaceURI(); {
	case space == nsAssertion && slices.Contains(plain, el.Tag) || text(el) == "":
	case space == nsAssertion:
		el.SetText(shorten(text(el)))
	default:
		el.SetText("…")
	}
}
