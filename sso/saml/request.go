package saml

import (
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
)

// An Ask is how somebody is to be asked for.
type Ask struct {
	RelayState string // an opaque handle of at most 80 bytes: it comes back, from anybody
	Force      bool   // ask the person anew, though they are signed in there
	Now        time.Time
}

// Request returns a request to sign somebody in. The caller keeps its ID in the browser that
// it is sent through, and gives it to [Connection.Accept] once.
func (c *Connection) Request(ask Ask) (Message, error) {
	r := saml.AuthnRequest{
		ID:                          newID(),
		Version:                     "2.0",
		IssueInstant:                ask.Now.UTC(),
		Issuer:                      c.issuer(),
		AssertionConsumerServiceURL: c.ACS,
		ProtocolBinding:             bindingPOST,
		NameIDPolicy:                c.policy(),
	}
	if ask.Force {
		r.ForceAuthn = &ask.Force
	}
	el := r.Element()
	if len(c.Contexts) > 0 {
		el.AddChild(requested(c.Contexts))
	}
	return c.send(el, way{
		name: "SAMLRequest", get: c.Provider.Redirect, post: c.Provider.POST,
		relayState: ask.RelayState, signed: c.signsRequests(),
	})
}

func (c *Connection) signsRequests() bool { return c.SignRequests || c.Provider.SignRequests }

func (c *Connection) issuer() *saml.Issuer { return &saml.Issuer{Value: c.EntityID} }

func (c *Connection) policy() *saml.NameIDPolicy {
	create := true
	p := &saml.NameIDPolicy{AllowCreate: &create}
	if c.NameIDFormat != "" {
		p.Format = &c.NameIDFormat
	}
	return p
}

// requested asks for one of several ways of signing in: the library knows of one only.
func requested(contexts []string) *etree.Element {
	el := etree.NewElement("samlp:RequestedAuthnContext")
	el.CreateAttr("Comparison", "exact")
	for _, c := range contexts {
		el.CreateElement("saml:AuthnContextClassRef").SetText(c)
	}
	return el
}
