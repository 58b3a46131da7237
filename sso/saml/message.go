package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
)

// A Message is one of ours for the provider, on its way through the browser.
type Message struct {
	ID     string     // of the message: what the answer names
	URL    string     // to redirect to, or to post the form to
	Fields url.Values // of the form; nil means redirect
}

var (
	errNoKey = fault.New(fault.Invalid, "", "the provider wants signed messages and the connection has no key")
	errRelay = fault.New(fault.Invalid, "relayState", "must have at most 80 bytes")
	errWay   = fault.New(fault.Invalid, "", "the provider has no address for this message")
)

// A way is how a message travels.
type way struct {
	name       string // SAMLRequest or SAMLResponse
	get, post  string
	relayState string
	signed     bool
}

// send puts a message on its way. A redirect is signed over its query and a form inside the
// message, as the bindings want it.
func (c *Connection) send(el *etree.Element, w way) (Message, error) {
	switch {
	case len(w.relayState) > maxRelay:
		return Message{}, errRelay
	case w.signed && len(c.Keys) == 0:
		return Message{}, errNoKey
	case w.get == "" && w.post == "":
		return Message{}, errWay
	}
	m := Message{ID: value(el, "ID")}
	if w.get == "" || c.PostRequests && w.post != "" {
		return c.form(el, w, m)
	}
	el.CreateAttr("Destination", w.get)
	query, err := c.query(el, w)
	m.URL = w.get + "?" + query
	if strings.Contains(w.get, "?") {
		m.URL = w.get + "&" + query
	}
	return m, err
}

func (c *Connection) form(el *etree.Element, w way, m Message) (Message, error) {
	el.CreateAttr("Destination", w.post)
	if w.signed {
		if err := c.Keys[0].seal(el); err != nil {
			return Message{}, err
		}
	}
	doc, err := render(el)
	m.URL = w.post
	m.Fields = url.Values{w.name: {base64.StdEncoding.EncodeToString(doc)}}
	if w.relayState != "" {
		m.Fields.Set("RelayState", w.relayState)
	}
	return m, err
}

// query deflates and signs a message for a redirect (bindings §3.4.4.1).
func (c *Connection) query(el *etree.Element, w way) (string, error) {
	doc, err := render(el)
	if err != nil {
		return "", err
	}
	q := w.name + "=" + url.QueryEscape(deflate(doc))
	if w.relayState != "" {
		q += "&RelayState=" + url.QueryEscape(w.relayState)
	}
	if !w.signed {
		return q, nil
	}
	method, _ := c.Keys[0].method()
	q += "&SigAlg=" + url.QueryEscape(method)
	signature, err := c.Keys[0].sign([]byte(q))
	return q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), err
}

func deflate(doc []byte) string {
	var b bytes.Buffer
	// Neither the level nor a buffer can go wrong.
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(doc)
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// inflate stops at the size that a message may have, whatever the deflated text promises.
func inflate(encoded string) ([]byte, error) {
	if len(encoded) > base64.StdEncoding.EncodedLen(maxBytes) {
		return nil, sso.Refuse(fmt.Sprintf("the document is larger than %d KiB", maxBytes>>10), nil)
	}
	small, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, sso.Refuse("the message is not base64", err)
	}
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(small)), maxBytes+1))
	if err != nil {
		return nil, sso.Refuse("the message is not deflated", err)
	}
	return doc, nil
}

// A query is a signed redirect as it came, each part still escaped: only over these very
// bytes does its signature hold.
type query struct {
	raw    map[string]string
	signed string
}

// readQuery takes the parts that matter from a raw query. A part that comes twice is one
// that two readers could read differently.
func readQuery(raw, name string) (query, error) {
	q := query{raw: map[string]string{}}
	for part := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(part, "=")
		switch k {
		case "SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding":
			if _, twice := q.raw[k]; twice {
				return q, sso.Refuse("the query has "+k+" twice", nil)
			}
			q.raw[k] = v
		}
	}
	other := map[string]string{"SAMLRequest": "SAMLResponse", "SAMLResponse": "SAMLRequest"}[name]
	if _, both := q.raw[other]; both || q.raw["SAMLEncoding"] != "" || q.raw[name] == "" {
		return q, sso.Refuse("the query does not hold one deflated message", nil)
	}
	q.signed = name + "=" + q.raw[name]
	if relay, present := q.raw["RelayState"]; present {
		q.signed += "&RelayState=" + relay
	}
	q.signed += "&SigAlg=" + q.raw["SigAlg"]
	return q, nil
}

// get returns a part, unescaped.
func (q query) get(name string) (string, error) {
	v, err := url.QueryUnescape(q.raw[name])
	if err != nil {
		return "", sso.Refuse("the query is not escaped as it should be", err)
	}
	return v, nil
}

// signature returns what the query says about its signature.
func (q query) signature() (algorithm, []byte, error) {
	name, err := q.get("SigAlg")
	if err != nil {
		return algorithm{}, nil, err
	}
	encoded, err := q.get("Signature")
	if err != nil {
		return algorithm{}, nil, err
	}
	if name == "" || encoded == "" {
		return algorithm{}, nil, sso.Refuse("the message is not signed: make the provider sign its sign-outs", nil)
	}
	a, known := signatureAlgorithm(name)
	if !known || a.hash == crypto.Hash(0) {
		return a, nil, sso.Refuse("the signature's algorithm is not allowed: sign with RSA or ECDSA and SHA-256, SHA-384 or SHA-512", nil)
	}
	out, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return a, nil, sso.Refuse("the signature's value is not base64", err)
	}
	return a, out, nil
}
