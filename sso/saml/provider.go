package saml

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/crewjam/saml"
	"github.com/go-identity/identity/sso"
)

const (
	maxMetadata      = 1 << 20
	maxMetadataNodes = 20_000
	maxCertificates  = 8
)

// A Provider is what we know of an identity provider: its metadata, or what its
// administrator typed in.
type Provider struct {
	EntityID      string
	Redirect      string // where requests go by redirect; empty where the provider takes none
	POST          string // where they go by form
	LogoutGet     string // where sign-outs go by redirect; empty where there are none
	LogoutPost    string
	AnswerGet     string // where answers to its sign-outs go; empty means LogoutGet
	AnswerPost    string
	Certificates  []*x509.Certificate // of the keys that sign, several while they change
	SignRequests  bool                // it wants them signed
	NameIDFormats []string
	ValidUntil    time.Time // zero where the metadata does not say
}

// A Source says how metadata is to be read.
type Source struct {
	EntityID string // which of several providers; empty takes the only one
	Loopback bool   // allow plain http to this machine: for tests and for trying things out
	Now      time.Time
}

// ParseMetadata reads a provider's metadata: bounded, one entity by its exact name, with at
// least one signing key and one address. A signature on it is not looked at: whoever brings
// the document is trusted to bring the right one.
func ParseMetadata(doc []byte, from Source) (p Provider, err error) {
	defer contain(&err)
	doc = bytes.TrimPrefix(doc, []byte("\ufeff")) // files from Windows begin so
	s := scanner{limit: limit{maxMetadata, maxMetadataNodes}, roots: []xml.Name{
		{Space: nsMetadata, Local: "EntityDescriptor"}, {Space: nsMetadata, Local: "EntitiesDescriptor"},
	}}
	if _, err := s.scan(doc); err != nil {
		return p, err
	}
	entity, err := pick(doc, from)
	if err != nil {
		return p, err
	}
	if until := entity.ValidUntil; !until.IsZero() && !from.Now.Before(until) {
		return p, sso.Refuse("the metadata was valid until "+until.Format(time.RFC3339)+": fetch the provider's current metadata", nil)
	}
	return fill(entity, from)
}

// pick finds the provider among the entities of a document. A federation's document has
// many, and the first is rarely the right one.
func pick(doc []byte, from Source) (saml.EntityDescriptor, error) {
	all, err := entities(doc)
	if err != nil {
		return saml.EntityDescriptor{}, sso.Refuse("the metadata cannot be read", err)
	}
	fits := slices.DeleteFunc(all, func(e saml.EntityDescriptor) bool {
		return len(e.IDPSSODescriptors) == 0 || from.EntityID != "" && e.EntityID != from.EntityID
	})
	switch {
	case len(fits) == 0 && from.EntityID != "":
		return saml.EntityDescriptor{}, sso.Refuse(fmt.Sprintf("the metadata has no identity provider named %.200q", from.EntityID), nil)
	case len(fits) == 0:
		return saml.EntityDescriptor{}, sso.Refuse("the metadata is not that of an identity provider", nil)
	case len(fits) > 1:
		return saml.EntityDescriptor{}, sso.Refuse("the metadata has several identity providers: say which by its entity ID", nil)
	}
	return fits[0], nil
}

// entities flattens a document.
func entities(doc []byte) ([]saml.EntityDescriptor, error) {
	if is, err := parse(doc); err != nil || is.Tag == "EntityDescriptor" {
		var one saml.EntityDescriptor
		if err == nil {
			err = xml.NewDecoder(bytes.NewReader(doc)).Decode(&one)
		}
		return []saml.EntityDescriptor{one}, err
	}
	var many saml.EntitiesDescriptor
	if err := xml.NewDecoder(bytes.NewReader(doc)).Decode(&many); err != nil {
		return nil, fmt.Errorf("read a list of entities: %w", err)
	}
	return flatten(many, many.ValidUntil), nil
}

// flatten hands each entity the earliest end that is written around it.
func flatten(d saml.EntitiesDescriptor, until *time.Time) []saml.EntityDescriptor {
	if d.ValidUntil != nil && (until == nil || d.ValidUntil.Before(*until)) {
		until = d.ValidUntil
	}
	var all []saml.EntityDescriptor
	for _, e := range d.EntityDescriptors {
		if until != nil && (e.ValidUntil.IsZero() || until.Before(e.ValidUntil)) {
			e.ValidUntil = *until
		}
		all = append(all, e)
	}
	for _, inner := range d.EntitiesDescriptors {
		all = append(all, flatten(inner, until)...)
	}
	return all
}

func fill(e saml.EntityDescriptor, from Source) (Provider, error) {
	if e.EntityID == "" || len(e.IDPSSODescriptors) != 1 {
		return Provider{}, sso.Refuse("the metadata must name one identity provider with one set of addresses", nil)
	}
	role := e.IDPSSODescriptors[0]
	p := Provider{EntityID: e.EntityID, ValidUntil: e.ValidUntil}
	p.SignRequests = role.WantAuthnRequestsSigned != nil && *role.WantAuthnRequestsSigned
	for _, f := range role.NameIDFormats {
		p.NameIDFormats = append(p.NameIDFormats, strings.TrimSpace(string(f)))
	}
	for _, s := range role.SingleSignOnServices {
		p.service(s, &p.Redirect, &p.POST)
	}
	for _, s := range role.SingleLogoutServices {
		p.service(s, &p.LogoutGet, &p.LogoutPost)
		s.Location = s.ResponseLocation
		p.service(s, &p.AnswerGet, &p.AnswerPost)
	}
	if p.Redirect == "" && p.POST == "" {
		return Provider{}, sso.Refuse("the metadata has no address to sign in at by redirect or by form", nil)
	}
	for _, address := range []string{p.Redirect, p.POST, p.LogoutGet, p.LogoutPost, p.AnswerGet, p.AnswerPost} {
		if address != "" && !secure(address, from.Loopback) {
			return Provider{}, sso.Refuse(fmt.Sprintf("the provider's address %.200q is not an https address", address), nil)
		}
	}
	var err error
	p.Certificates, err = certificates(role.KeyDescriptors)
	return p, err
}

// service keeps the first address of each binding.
func (p *Provider) service(s saml.Endpoint, get, post *string) {
	switch {
	case s.Binding == bindingRedirect && *get == "":
		*get = s.Location
	case s.Binding == bindingPOST && *post == "":
		*post = s.Location
	}
}

// secure reports whether an address is one that a browser may be sent to.
func secure(address string, loopback bool) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && loopback && local
}

// certificates reads the keys that may sign.
func certificates(keys []saml.KeyDescriptor) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, k := range keys {
		if k.Use == "encryption" {
			continue
		}
		for _, c := range k.KeyInfo.X509Data.X509Certificates {
			cert, err := ParseCertificate(c.Data)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(all, cert.Equal) {
				all = append(all, cert)
			}
		}
	}
	if len(all) == 0 || len(all) > maxCertificates {
		return nil, sso.Refuse(fmt.Sprintf("the metadata has %d signing certificates, and between 1 and %d are taken",
			len(all), maxCertificates), nil)
	}
	return all, nil
}

// ParseCertificate reads a provider's certificate as metadata and administrators write it:
// base64 with any white space, with or without PEM's lines around it.
func ParseCertificate(s string) (*x509.Certificate, error) {
	s = strings.ReplaceAll(s, "-----BEGIN CERTIFICATE-----", "")
	s = strings.ReplaceAll(s, "-----END CERTIFICATE-----", "")
	der, err := base64.StdEncoding.DecodeString(squeeze(s))
	if err != nil {
		return nil, sso.Refuse("the certificate is not base64", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, sso.Refuse("the certificate cannot be read", err)
	}
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && !strong(key) {
		return nil, sso.Refuse("the certificate's RSA key is shorter than 2048 bits: make the provider use a longer one", nil)
	}
	return cert, nil
}
