package ssotest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/crewjam/saml"
)

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
