package saml

import "encoding/xml"

// A Census is what a scan found.
type Census struct{ Roots, Assertions, Nodes int }

// Scan scans a response.
func Scan(doc []byte) (Census, error) {
	c, err := scanMessage(doc, xml.Name{Space: nsProtocol, Local: "Response"})
	return Census{c.roots, c.assertions + c.encrypted, c.nodes}, err
}

// Canonical returns the canonical form that signatures are checked over.
func Canonical(doc []byte) ([]byte, error) {
	root, err := parse(doc)
	if err != nil {
		return nil, err
	}
	return canonical(root, "")
}
