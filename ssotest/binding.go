package ssotest

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const maxMessage = 1 << 20 // bytes

// An incoming is a message that came to the provider.
type incoming struct {
	doc        []byte
	relayState string
	form       bool
	signed     bool
	query      url.Values // of a redirect
	text       string     // of the query: what is signed
}

// received takes a message out of a request.
func received(r *http.Request, field string) (incoming, error) {
	m := Message{URL: r.URL.String()}
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return incoming{}, fmt.Errorf("read the form: %w", err)
		}
		m.Fields = r.PostForm
	}
	return unpack(m, field)
}

func unpack(m Message, field string) (incoming, error) {
	if m.Fields != nil {
		doc, err := base64.StdEncoding.DecodeString(m.Fields.Get(field))
		if err != nil || len(doc) == 0 {
			return incoming{}, fmt.Errorf("the form has no %s", field)
		}
		in := incoming{doc: doc, relayState: m.Fields.Get("RelayState"), form: true}
		root, err := in.root()
		in.signed = err == nil && root.SelectElement("Signature") != nil
		return in, err
	}
	_, raw, _ := strings.Cut(m.URL, "?")
	query, err := url.ParseQuery(raw)
	if err != nil {
		return incoming{}, fmt.Errorf("read the query: %w", err)
	}
	small, err := base64.StdEncoding.DecodeString(query.Get(field))
	if err != nil || len(small) == 0 {
		return incoming{}, fmt.Errorf("the query has no %s", field)
	}
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(small)), maxMessage))
	if err != nil {
		return incoming{}, fmt.Errorf("inflate the message: %w", err)
	}
	return incoming{
		doc: doc, relayState: query.Get("RelayState"), signed: query.Has("Signature"), query: query, text: covered(raw, field),
	}, nil
}

// covered returns what the signature of a query covers: the parts as they came, in the order
// that the binding says (bindings §3.4.4.1).
func covered(raw, field string) string {
	var parts []string
	for _, name := range []string{field, "RelayState", "SigAlg"} {
		for part := range strings.SplitSeq(raw, "&") {
			if strings.HasPrefix(part, name+"=") {
				parts = append(parts, part)
			}
		}
	}
	return strings.Join(parts, "&")
}

func (in incoming) root() (*etree.Element, error) {
	d := etree.NewDocument()
	if err := d.ReadFromBytes(in.doc); err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if d.Root() == nil {
		return nil, errors.New("the message is empty")
	}
	return d.Root(), nil
}

// verify reports whether one of the certificates has the key that signed the message.
func (in incoming) verify(certificates []*x509.Certificate, now time.Time) error {
	if !in.form {
		return in.verifyQuery(certificates)
	}
	root, err := in.root()
	if err != nil {
		return err
	}
	store := &dsig.MemoryX509CertificateStore{Roots: certificates}
	ctx := dsig.NewDefaultValidationContext(store)
	ctx.Clock = dsig.NewFakeClockAt(now)
	if _, err := ctx.Validate(root); err != nil {
		return fmt.Errorf("check the message's signature: %w", err)
	}
	return nil
}

func (in incoming) verifyQuery(certificates []*x509.Certificate) error {
	signature, err := base64.StdEncoding.DecodeString(in.query.Get("Signature"))
	if err != nil {
		return fmt.Errorf("read the query's signature: %w", err)
	}
	sum := sha256.Sum256([]byte(in.text))
	for _, c := range certificates {
		switch public := c.PublicKey.(type) {
		case *rsa.PublicKey:
			if in.query.Get("SigAlg") == rsaSHA256 && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil {
				return nil
			}
		case *ecdsa.PublicKey:
			half := len(signature) / 2
			r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
			if in.query.Get("SigAlg") == ecdsaSHA256 && ecdsa.Verify(public, sum[:], r, s) {
				return nil
			}
		}
	}
	return errors.New("the query's signature is not the registered service's, or not one with SHA-256")
}

// A way is how a message travels.
type way struct {
	field, to, relayState string
	form                  bool
	by                    *key // nil means unsigned
}

func (p *SAML) signer(by *SAML, unsigned bool) *key {
	if unsigned {
		return nil
	}
	if by == nil {
		by = p
	}
	k := by.keys.current()
	return &k
}

// send signs a form inside the message and a redirect over its query.
func (p *SAML) send(el *etree.Element, w way) (Message, error) {
	m := Message{URL: w.to, from: p.server.URL}
	if w.form && w.by != nil {
		if err := w.by.seal(el); err != nil {
			return m, err
		}
	}
	doc, err := render(el)
	if err != nil {
		return m, err
	}
	if w.form {
		m.Fields = url.Values{w.field: {base64.StdEncoding.EncodeToString(doc)}}
		if w.relayState != "" {
			m.Fields.Set("RelayState", w.relayState)
		}
		return m, nil
	}
	query, err := w.query(doc)
	mark := "?"
	if strings.Contains(w.to, "?") {
		mark = "&"
	}
	m.URL += mark + query
	return m, err
}

func (w way) query(doc []byte) (string, error) {
	var small bytes.Buffer
	// Neither the level nor a buffer can go wrong.
	f, _ := flate.NewWriter(&small, flate.BestCompression)
	_, _ = f.Write(doc)
	_ = f.Close()
	q := w.field + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(small.Bytes()))
	if w.relayState != "" {
		q += "&RelayState=" + url.QueryEscape(w.relayState)
	}
	if w.by == nil {
		return q, nil
	}
	q += "&SigAlg=" + url.QueryEscape(w.by.method())
	signature, err := w.by.sign([]byte(q))
	return q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), err
}
