// Package saml is the service provider's half of SAML 2.0: it asks a tenant's identity
// provider who somebody is and believes nothing of the answer that the provider's own key
// has not signed. What comes in passes four gates in this order, each closed by default: a
// scan that bounds the work, the signature, the profile of the web browser sign-in, and a
// record that the same assertion has not come before.
package saml

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/go-identity/identity/sso"
)

// The namespaces of the messages.
const (
	nsProtocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata   = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature  = "http://www.w3.org/2000/09/xmldsig#"
	nsEncryption = "http://www.w3.org/2001/04/xmlenc#"
	nsOAEP       = "http://www.w3.org/2009/xmlenc11#"
	nsExclusive  = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsSchema     = "http://www.w3.org/2001/XMLSchema"
	nsInstance   = "http://www.w3.org/2001/XMLSchema-instance"
	nsXML        = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS      = "http://www.w3.org/2000/xmlns/"
)

// The bindings and the formats of names that we speak.
const (
	bindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	formatEmail     = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatTransient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	formatEntity    = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
	methodBearer    = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	statusSuccess   = "urn:oasis:names:tc:SAML:2.0:status:Success"
	statusResponder = "urn:oasis:names:tc:SAML:2.0:status:Responder"
)

const (
	maxSkew      = time.Minute
	usualSkew    = 30 * time.Second
	maxAge       = 10 * time.Minute // of a message, whatever end it names for itself
	maxSubject   = 1024
	maxRelay     = 80 // bindings §3.4.3
	maxAttribute = 64 << 10
)

// A Connection is one tenant's way in through one identity provider, with what both sides
// know of each other. It is chosen by the address that a message came to, never by what the
// message says. It holds no state and may be used by many goroutines at once.
type Connection struct {
	ID       string // of the connection: the first half of the identity's key
	Provider Provider

	EntityID string // ours, as the provider knows us: one for each connection
	ACS      string // where answers must be addressed to
	SLO      string // where sign-outs must be addressed to; empty means there is none
	Keys     []Key  // the first signs, every one decrypts; none means neither

	SignRequests   bool          // also done where the provider's metadata asks for it
	PostRequests   bool          // send by form where the provider takes both; zero means redirect
	SignedResponse bool          // a signature over the whole response is enough; zero: the assertion's own is asked for
	Unsolicited    bool          // take answers that nobody asked for; zero means refuse
	FirstIssuer    bool          // where the provider's name is not known take any, for the caller to keep; zero means refuse
	CBC            bool          // decrypt AES-CBC, which nothing protects but the signature inside; zero means refuse
	RefuseExpired  bool          // refuse a key whose certificate has run out; zero means the key counts
	Contexts       []string      // ways of signing in that are asked for and insisted on; empty means any
	NameIDFormat   string        // asked for; empty leaves it to the provider
	MaxAuthAge     time.Duration // since the person last proved who they are; zero means any
	Skew           time.Duration // between the two clocks, at most a minute; zero means 30 seconds
	Attributes     Mapping

	// Once records key until a time and reports whether it was new, atomically and across
	// all processes. Nil means that nothing is accepted.
	Once func(ctx context.Context, key string, until time.Time) (bool, error)
}

// A Key is one of our own: RSA, or for signing alone ECDSA.
type Key struct {
	Private     crypto.Signer
	Certificate *x509.Certificate
}

// A Mapping names the attributes that carry what the library knows by name. An empty list
// means the names that providers commonly use. An empty Subject means the subject's own name
// (NameID), and where that is transient or missing the identifiers of the SAML V2.0 Subject
// Identifier Attributes Profile 1.0.
type Mapping struct{ Subject, Email, Name, GivenName, FamilyName, Groups []string }

func (c *Connection) skew() time.Duration {
	if c.Skew <= 0 {
		return usualSkew
	}
	return min(c.Skew, maxSkew)
}

// once refuses what has been here before. The key names what kind of message it is, so that
// an assertion cannot use up a sign-out.
func (c *Connection) once(ctx context.Context, kind, id string, until time.Time) error {
	if c.Once == nil {
		return fmt.Errorf("accept a SAML %s: nothing remembers what came before", kind)
	}
	fresh, err := c.Once(ctx, "saml/"+kind+"/"+c.ID+"/"+id, until)
	if err != nil {
		return fmt.Errorf("remember a SAML %s: %w", kind, err)
	}
	if !fresh {
		return sso.Refuse("the same "+kind+" was sent before: each is good for one use", nil)
	}
	return nil
}

// contain turns a panic over a message from outside into a refusal: in a goroutine of the
// host it would end the process.
func contain(err *error) {
	if r := recover(); r != nil {
		*err = sso.Refuse("the message could not be read", fmt.Errorf("recovered: %v", r))
	}
}
