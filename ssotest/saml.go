package ssotest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/crewjam/saml"
)

const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"

	bindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
)

// SAMLOptions change what a SAML provider is like. The zero value is a provider that answers
// every service that asks.
type SAMLOptions struct {
	// Now is the provider's clock, such as that of the application's test. Nil means the
	// machine's.
	Now func() time.Time
	// EntityID is the provider's name. Empty means the address of its metadata.
	EntityID string
	// RSA signs with RSA, as most providers do. Zero means P-256, whose keys cost nothing to
	// make.
	RSA bool
	// TLS makes the server speak TLS, see RootCAs. Zero means plain http.
	TLS bool
	// SignedRequests takes only what a registered service signed, and asks for that in the
	// metadata. Zero means that a request need not be signed.
	SignedRequests bool
}

// A SAML is an identity provider of SAML 2.0. It is safe for concurrent use.
type SAML struct {
	base
	*federation
}

// A federation is what a SAML provider knows of others, shared by the views of
// [SAML.In].
type federation struct {
	entityID string
	strict   bool

	mu       sync.Mutex
	services map[string]Service
	asked    []Logout
	answered []LogoutAnswer
}

// A Service is an application, as the provider knows it.
type Service struct {
	EntityID     string
	ACS          string              // where answers go
	SLO          string              // where sign-outs go; may be empty
	Certificates []*x509.Certificate // of its keys; nil means that it neither signs nor decrypts
}

// NewSAML starts a provider with the options, at most one; none means the zero SAMLOptions.
// It ends with the test.
func NewSAML(t testing.TB, options ...SAMLOptions) *SAML {
	t.Helper()
	var o SAMLOptions
	if len(options) > 1 {
		t.Fatal("ssotest: NewSAML takes one SAMLOptions at most")
	}
	if len(options) == 1 {
		o = options[0]
	}
	mux := http.NewServeMux()
	p := &SAML{newBase(t, setup{o.Now, o.RSA, o.TLS}, mux), &federation{strict: o.SignedRequests, services: map[string]Service{}}}
	p.entityID = or(o.EntityID, p.MetadataURL())
	mux.HandleFunc("GET /metadata", p.serveMetadata)
	mux.HandleFunc("/sso", p.greet)
	mux.HandleFunc("/slo", p.serveLogout)
	return p
}

// In returns the same provider for a test below its own, so that what goes wrong there fails
// that test.
func (p *SAML) In(t testing.TB) *SAML { return &SAML{base{t, p.site}, p.federation} }

// EntityID returns the provider's name.
func (p *SAML) EntityID() string { return p.entityID }

// URL returns where requests go, by redirect and by form.
func (p *SAML) URL() string { return p.server.URL + "/sso" }

// LogoutURL returns where sign-outs and the answers to them go, by redirect and by form.
func (p *SAML) LogoutURL() string { return p.server.URL + "/slo" }

// MetadataURL returns where the metadata is.
func (p *SAML) MetadataURL() string { return p.server.URL + "/metadata" }

// Certificate returns that of the key that signs, as an administrator pastes it: PEM.
func (p *SAML) Certificate() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.keys.current().certificate.Raw}))
}

// Certificates returns those that the metadata has, that of the key that signs first.
func (p *SAML) Certificates() []*x509.Certificate {
	all := make([]*x509.Certificate, 0, 1)
	for _, k := range p.keys.published() {
		all = append(all, k.certificate)
	}
	return all
}

// Metadata returns what the provider says of itself.
func (p *SAML) Metadata() []byte {
	p.t.Helper()
	doc, err := p.metadata()
	if err != nil {
		p.t.Fatalf("write the metadata: %v", err)
	}
	return doc
}

func (p *SAML) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	doc, err := p.metadata()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = w.Write(doc)
}

// A descriptor is an EntityDescriptor with one role: the library's own marshalling writes a
// validity of the year 1 where none is set.
type descriptor struct {
	XMLName  xml.Name              `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID string                `xml:"entityID,attr"`
	Role     saml.IDPSSODescriptor `xml:"urn:oasis:names:tc:SAML:2.0:metadata IDPSSODescriptor"`
}

func (p *SAML) metadata() ([]byte, error) {
	d := descriptor{EntityID: p.entityID}
	d.Role.ProtocolSupportEnumeration = nsProtocol
	d.Role.WantAuthnRequestsSigned = &p.strict
	for _, c := range p.Certificates() {
		text := saml.X509Certificate{Data: base64.StdEncoding.EncodeToString(c.Raw)}
		d.Role.KeyDescriptors = append(d.Role.KeyDescriptors, saml.KeyDescriptor{
			Use: "signing", KeyInfo: saml.KeyInfo{X509Data: saml.X509Data{X509Certificates: []saml.X509Certificate{text}}},
		})
	}
	d.Role.NameIDFormats = []saml.NameIDFormat{Persistent, EmailAddress}
	for _, binding := range []string{bindingRedirect, bindingPOST} {
		d.Role.SingleSignOnServices = append(d.Role.SingleSignOnServices, saml.Endpoint{Binding: binding, Location: p.URL()})
		d.Role.SingleLogoutServices = append(d.Role.SingleLogoutServices, saml.Endpoint{Binding: binding, Location: p.LogoutURL()})
	}
	return xml.MarshalIndent(d, "", "  ")
}

// Register makes a service known by its own metadata: from then on its requests must name its
// ACS, its signatures are checked, and what is said to it can be encrypted.
func (p *SAML) Register(metadata []byte) Service {
	p.t.Helper()
	s, err := readService(metadata)
	if err != nil {
		p.t.Fatalf("read a service's metadata: %v", err)
	}
	p.RegisterService(s)
	return s
}

// RegisterService makes a service known that has no metadata, see [SAML.Register].
func (p *SAML) RegisterService(s Service) {
	p.federation.mu.Lock()
	defer p.federation.mu.Unlock()
	p.services[s.EntityID] = s
}

// service returns what is known of a service. Empty means the only one that there is.
func (p *SAML) service(entityID string) (Service, bool) {
	p.federation.mu.Lock()
	defer p.federation.mu.Unlock()
	if len(p.services) == 1 && entityID == "" {
		for _, s := range p.services {
			return s, true
		}
	}
	s, known := p.services[entityID]
	return s, known
}

// SignIn plays the browser of somebody who signs in at the provider. It follows address,
// which the application gave out or which is the application's own, to the provider, and
// takes the answer, changed where a test wants it, back to the application. It returns what
// the application says to it: redirects are not followed any more, and the body may be left
// open. The client keeps the application's cookies; the provider never sees them.
func (p *SAML) SignIn(client *http.Client, address string, u User, change ...func(*Assertion)) *http.Response {
	p.t.Helper()
	return p.walk(client, address, p.admit(p.answer(u, change)))
}

// Everyone signs every browser in that comes to the provider and is not played by
// [SAML.SignIn].
func (p *SAML) Everyone(u User, change ...func(*Assertion)) { p.everyone("", p.answer(u, change)) }

// answer answers a browser's request to sign u in.
func (p *SAML) answer(u User, change []func(*Assertion)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, err := received(r, "SAMLRequest")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		q, err := p.read(in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m, err := p.respond(q, u, change)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		hand(w, r, m)
	}
}
