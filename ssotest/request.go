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
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

const maxMessage = 1 << 20 // bytes

// A Request is what a service asks of the provider. One without an ID was never made: the
// answer to it is unsolicited.
type Request struct {
	ID         string
	EntityID   string // of the service
	ACS        string // where the answer goes
	RelayState string

	NameIDFormat string   // that it asks for
	Contexts     []string // ways of signing in that it insists on
	Force        bool     // it wants the person asked anew
	Signed       bool     // the registered service's key signed it
}

// Request reads a request to sign somebody in, as the application sends it through a
// browser. It fails the test where the provider would refuse it.
func (p *SAML) Request(m Message) Request {
	p.t.Helper()
	in, err := unpack(m, "SAMLRequest")
	if err != nil {
		p.t.Fatalf("read a request: %v", err)
	}
	r, err := p.read(in)
	if err != nil {
		p.t.Fatalf("read a request: %v", err)
	}
	return r
}

// read judges a request as a provider does.
func (p *SAML) read(in incoming) (Request, error) {
	var a saml.AuthnRequest
	if err := xml.Unmarshal(in.doc, &a); err != nil {
		return Request{}, fmt.Errorf("read the request: %w", err)
	}
	if a.ID == "" || a.Issuer == nil || a.Issuer.Value == "" || a.Version != "2.0" {
		return Request{}, errors.New("the request has no ID, issuer or version")
	}
	if a.Destination != "" && a.Destination != p.URL() {
		return Request{}, fmt.Errorf("the request is addressed to %s, not to %s", a.Destination, p.URL())
	}
	r := Request{ID: a.ID, EntityID: a.Issuer.Value, ACS: a.AssertionConsumerServiceURL, RelayState: in.relayState}
	r.Force = a.ForceAuthn != nil && *a.ForceAuthn
	if a.NameIDPolicy != nil && a.NameIDPolicy.Format != nil {
		r.NameIDFormat = *a.NameIDPolicy.Format
	}
	root, err := in.root()
	if err != nil {
		return r, err
	}
	for _, c := range root.FindElements("./RequestedAuthnContext/AuthnContextClassRef") {
		r.Contexts = append(r.Contexts, c.Text())
	}
	return r, p.judge(&r, in)
}

// judge compares a request with what is known of the service.
func (p *SAML) judge(r *Request, in incoming) error {
	s, known := p.service(r.EntityID)
	if known && r.ACS == "" {
		r.ACS = s.ACS
	}
	switch {
	case r.ACS == "":
		return errors.New("the request does not say where the answer goes")
	case known && r.ACS != s.ACS:
		return fmt.Errorf("the answer would go to %s, and the service is registered with %s", r.ACS, s.ACS)
	case in.signed && known && len(s.Certificates) > 0:
		if err := in.verify(s.Certificates, p.now()); err != nil {
			return err
		}
		r.Signed = true
	}
	if p.strict && !r.Signed {
		return errors.New("the request is not signed by a registered service")
	}
	return nil
}

// readService reads the metadata of a service.
func readService(metadata []byte) (Service, error) {
	var e saml.EntityDescriptor
	if err := xml.Unmarshal(metadata, &e); err != nil {
		return Service{}, err
	}
	if e.EntityID == "" || len(e.SPSSODescriptors) != 1 || len(e.SPSSODescriptors[0].AssertionConsumerServices) == 0 {
		return Service{}, errors.New("it is not that of one service with an address for answers")
	}
	role := e.SPSSODescriptors[0]
	s := Service{EntityID: e.EntityID, ACS: role.AssertionConsumerServices[0].Location}
	for _, l := range role.SingleLogoutServices {
		s.SLO = l.Location
	}
	for _, k := range role.KeyDescriptors {
		for _, c := range k.KeyInfo.X509Data.X509Certificates {
			der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.Data), ""))
			if err != nil {
				return s, fmt.Errorf("read a certificate: %w", err)
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return s, fmt.Errorf("read a certificate: %w", err)
			}
			if !slices.ContainsFunc(s.Certificates, cert.Equal) {
				s.Certificates = append(s.Certificates, cert)
			}
		}
	}
	return s, nil
}

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
