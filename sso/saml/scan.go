package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-identity/identity/sso"
)

// Limits of a message. What a provider really sends stays far below; what is above is
// refused before anything is built of it.
const (
	maxBytes    = 256 << 10
	maxDepth    = 32
	maxNodes    = 5000 // elements, attributes and comments
	maxAttrs    = 64   // of one element
	maxPrefixes = 64   // in scope at one place: each costs work at every element below
)

// A limit is how large a document may be.
type limit struct{ bytes, nodes int }

// A scanner reads a document once, in constant memory, and refuses every shape that could
// make two readers of it disagree: it knows nothing of signatures or claims.
type scanner struct {
	limit
	roots []xml.Name      // one of these the document must be
	known map[string]bool // namespaces of elements; nil means any

	open  []frame
	ids   map[string]bool
	nodes int
	found census
}

// A frame is an element that is open.
type frame struct {
	name       xml.Name
	signatures int
	prefixes   int // declared here and above
}

// A census counts what a document holds.
type census struct{ roots, assertions, encrypted, nodes int }

// messageNamespaces returns the namespaces that a message has elements of.
func messageNamespaces() map[string]bool {
	return map[string]bool{nsProtocol: true, nsAssertion: true, nsSignature: true, nsEncryption: true, nsOAEP: true, nsExclusive: true}
}

// scanMessage scans a protocol message, or an assertion that was encrypted.
func scanMessage(doc []byte, root xml.Name) (census, error) {
	s := scanner{limit: limit{maxBytes, maxNodes}, roots: []xml.Name{root}, known: messageNamespaces()}
	return s.scan(doc)
}

func (s *scanner) scan(doc []byte) (census, error) {
	if len(doc) > s.bytes {
		return census{}, sso.Refuse(fmt.Sprintf("the document is larger than %d KiB", s.bytes>>10), nil)
	}
	if !utf8.Valid(doc) {
		return census{}, sso.Refuse("the document is not UTF-8", nil)
	}
	s.ids = map[string]bool{}
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		at := d.InputOffset()
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return s.end()
		}
		if err != nil {
			return s.found, sso.Refuse("the document is not well-formed XML", err)
		}
		if err := s.token(t, at); err != nil {
			return s.found, err
		}
	}
}

func (s *scanner) end() (census, error) {
	s.found.nodes = s.nodes
	if s.found.roots != 1 {
		return s.found, sso.Refuse("the document is empty", nil)
	}
	return s.found, nil
}

func (s *scanner) token(t xml.Token, at int64) error {
	switch t := t.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		s.open = s.open[:len(s.open)-1]
	case xml.CharData:
		if len(s.open) == 0 && len(bytes.Trim(t, " \t\r\n")) > 0 {
			return sso.Refuse("there is text around the document's root", nil)
		}
	case xml.Comment:
		if len(s.open) == 0 {
			return sso.Refuse("there is a comment around the document's root", nil)
		}
		return s.count(1)
	case xml.ProcInst:
		return s.instruction(t, at)
	default:
		return sso.Refuse("the document has a DOCTYPE", nil)
	}
	return nil
}

// instruction lets the XML declaration through, at the very start, and no other.
func (s *scanner) instruction(p xml.ProcInst, at int64) error {
	if p.Target != "xml" || at != 0 {
		return sso.Refuse("the document has a processing instruction", nil)
	}
	if declared := strings.ToLower(string(p.Inst)); strings.Contains(declared, "encoding") && !strings.Contains(declared, "utf-8") {
		return sso.Refuse("the document says that it is not UTF-8", nil)
	}
	return nil
}

func (s *scanner) count(n int) error {
	if s.nodes += n; s.nodes > s.limit.nodes {
		return sso.Refuse(fmt.Sprintf("the document has more than %d nodes", s.limit.nodes), nil)
	}
	return nil
}

func (s *scanner) start(e xml.StartElement) error {
	if err := s.count(1 + len(e.Attr)); err != nil {
		return err
	}
	if len(s.open) >= maxDepth || len(e.Attr) > maxAttrs {
		return sso.Refuse("the document is nested too deep or has too many attributes in one place", nil)
	}
	if s.known != nil && !s.known[e.Name.Space] || strings.Contains(e.Name.Local, ":") {
		return sso.Refuse(fmt.Sprintf("the document has an element %.60q that does not belong there", e.Name.Local), nil)
	}
	if err := s.place(e.Name); err != nil {
		return err
	}
	f := frame{name: e.Name}
	if len(s.open) > 0 {
		f.prefixes = s.open[len(s.open)-1].prefixes
	}
	for i, a := range e.Attr {
		if slices.ContainsFunc(e.Attr[:i], func(b xml.Attr) bool { return b.Name == a.Name }) {
			return sso.Refuse("an element has the same attribute twice", nil)
		}
		if err := s.attribute(&f, a); err != nil {
			return err
		}
	}
	s.open = append(s.open, f)
	return nil
}

// place refuses elements that stand where they may not.
func (s *scanner) place(n xml.Name) error {
	if len(s.open) == 0 {
		s.found.roots++
		if s.found.roots > 1 || !slices.Contains(s.roots, n) {
			return sso.Refuse(fmt.Sprintf("the document's root is %.60q, or it has several", n.Local), nil)
		}
		return nil
	}
	parent := &s.open[len(s.open)-1]
	assertion := n.Space == nsAssertion && n.Local == "Assertion"
	encrypted := n.Space == nsAssertion && n.Local == "EncryptedAssertion"
	switch {
	case n.Space == nsSignature && n.Local == "Signature":
		parent.signatures++
		return s.placeSignature(*parent)
	case n.Space == nsSignature && (n.Local == "Object" || n.Local == "Manifest"):
		return sso.Refuse("a signature carries content of its own", nil)
	case assertion:
		s.found.assertions++
	case encrypted:
		s.found.encrypted++
	}
	if (assertion || encrypted) && (len(s.open) != 1 || s.found.assertions+s.found.encrypted > 1) {
		return sso.Refuse("the response holds more than one assertion, or one where none may stand", nil)
	}
	return nil
}

// placeSignature allows one signature for the message and one for its assertion.
func (s *scanner) placeSignature(parent frame) error {
	signable := len(s.open) == 1 || len(s.open) == 2 && parent.name == xml.Name{Space: nsAssertion, Local: "Assertion"}
	if s.known == nil {
		signable = true // metadata's signatures are not relied on
	}
	if !signable || parent.signatures > 1 {
		return sso.Refuse("there is a second signature, or one where none may stand", nil)
	}
	return nil
}

func (s *scanner) attribute(f *frame, a xml.Attr) error {
	if strings.ContainsAny(a.Value, "\t\r\n") && s.known != nil {
		// Readers of XML disagree about white space in attributes, and so do signatures.
		return sso.Refuse(fmt.Sprintf("attribute %.60q has a tab or a line break", a.Name.Local), nil)
	}
	if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
		return s.declaration(f, a)
	}
	if strings.Contains(a.Name.Local, ":") || a.Name.Space != "" && !strings.Contains(a.Name.Space, ":") {
		return sso.Refuse(fmt.Sprintf("attribute %.60q has a prefix that is not declared", a.Name.Local), nil)
	}
	id := a.Name.Space == "" && strings.EqualFold(a.Name.Local, "id") || a.Name.Space == nsXML && a.Name.Local == "id"
	if !id {
		return nil
	}
	if s.ids[a.Value] {
		return sso.Refuse("two elements have the same ID", nil)
	}
	s.ids[a.Value] = true
	return nil
}

// declaration checks a namespace declaration. Two readers agree on plain addresses only.
func (s *scanner) declaration(f *frame, a xml.Attr) error {
	f.prefixes++
	plain := !strings.ContainsFunc(a.Value, func(r rune) bool { return r <= ' ' || r > '~' })
	reserved := a.Value == nsXMLNS || a.Name.Local == "xml" && a.Name.Space != "" ||
		a.Value == nsXML || a.Name.Space == "xmlns" && (a.Name.Local == "xmlns" || a.Value == "")
	if !plain || reserved || f.prefixes > maxPrefixes {
		return sso.Refuse("a namespace is declared in a way that is not allowed, or there are too many", nil)
	}
	return nil
}
