package saml

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

var errRoot = errors.New("the document has no root")

// parse builds the tree of a document that has been scanned.
func parse(doc []byte) (*etree.Element, error) {
	d := etree.NewDocument()
	d.ReadSettings.MaxDepth = maxDepth + 1
	if err := d.ReadFromBytes(doc); err != nil {
		return nil, fmt.Errorf("read a document: %w", err)
	}
	if d.Root() == nil {
		return nil, errRoot
	}
	return d.Root(), nil
}

func is(el *etree.Element, space, tag string) bool {
	return el != nil && el.Tag == tag && el.NamespaceURI() == space
}

// children returns the children of that name.
func children(el *etree.Element, space, tag string) []*etree.Element {
	var all []*etree.Element
	for _, c := range el.ChildElements() {
		if is(c, space, tag) {
			all = append(all, c)
		}
	}
	return all
}

// only returns the one child of that name, or nil where there is none or are several.
func only(el *etree.Element, space, tag string) *etree.Element {
	if el == nil {
		return nil
	}
	if all := children(el, space, tag); len(all) == 1 {
		return all[0]
	}
	return nil
}

// text returns all text of an element, however it is cut by comments, and "" where the
// element has elements.
func text(el *etree.Element) string {
	if el == nil || len(el.ChildElements()) > 0 {
		return ""
	}
	var b strings.Builder
	for _, t := range el.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// attribute returns the value of an attribute without a namespace: etree's own look-up would
// take one of any namespace.
func attribute(el *etree.Element, name string) (string, bool) {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value, true
		}
	}
	return "", false
}

func value(el *etree.Element, name string) string {
	if el == nil {
		return ""
	}
	v, _ := attribute(el, name)
	return v
}

// instant reads an attribute that is a time. One without a zone is no instant.
func instant(el *etree.Element, name string) (t time.Time, present bool, err error) {
	if el == nil {
		return t, false, nil
	}
	v, present := attribute(el, name)
	if !present {
		return t, false, nil
	}
	t, err = time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return t, true, fmt.Errorf("read %s: %w", name, err)
	}
	return t.UTC(), true, nil
}

// detach copies an element out of its document and takes the namespaces along that are
// declared around it.
func detach(el *etree.Element) *etree.Element {
	alone := el.Copy()
	for up := el.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			declares := a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns"
			if declares && !declared(alone, a) {
				alone.Attr = append(alone.Attr, etree.Attr{Space: a.Space, Key: a.Key, Value: a.Value})
			}
		}
	}
	return alone
}

func declared(el *etree.Element, a etree.Attr) bool {
	for _, b := range el.Attr {
		if b.Space == a.Space && b.Key == a.Key {
			return true
		}
	}
	return false
}

// canonical returns the exclusive canonical form of an element that nobody else uses.
func canonical(alone *etree.Element, prefixes string) ([]byte, error) {
	out, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes).Canonicalize(alone)
	if err != nil {
		return nil, fmt.Errorf("canonicalize an element: %w", err)
	}
	return out, nil
}

// squeeze removes the white space that documents are indented with.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
