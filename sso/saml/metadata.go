package saml

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/xml"
	"fmt"

	"github.com/crewjam/saml"
)

// Metadata returns what a provider may read about this connection. It says exactly what the
// connection does: whether requests are signed, whether the assertion itself must be, how
// content may be encrypted, where sign-outs go.
func (c *Connection) Metadata() ([]byte, error) {
	role := saml.SPSSODescriptor{SSODescriptor: saml.SSODescriptor{
		RoleDescriptor: saml.RoleDescriptor{ProtocolSupportEnumeration: nsProtocol, KeyDescriptors: c.keyDescriptors()},
	}}
	signs, wants, usual := c.signsRequests() && len(c.Keys) > 0, !c.SignedResponse, true
	role.AuthnRequestsSigned, role.WantAssertionsSigned = &signs, &wants
	if c.NameIDFormat != "" {
		role.NameIDFormats = []saml.NameIDFormat{saml.NameIDFormat(c.NameIDFormat)}
	}
	if c.SLO != "" {
		role.SingleLogoutServices = []saml.Endpoint{
			{Binding: bindingRedirect, Location: c.SLO},
			{Binding: bindingPOST, Location: c.SLO},
		}
	}
	role.AssertionConsumerServices = []saml.IndexedEndpoint{{Binding: bindingPOST, Location: c.ACS, Index: 0, IsDefault: &usual}}
	// The library's own marshalling writes a validity of the year 1 where none is set.
	doc, err := xml.MarshalIndent(descriptor{EntityID: c.EntityID, Role: role}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write a connection's metadata: %w", err)
	}
	return append([]byte(xml.Header), doc...), nil
}

// A descriptor is an EntityDescriptor with one role.
type descriptor struct {
	XMLName  xml.Name             `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID string               `xml:"entityID,attr"`
	Role     saml.SPSSODescriptor `xml:"urn:oasis:names:tc:SAML:2.0:metadata SPSSODescriptor"`
}

// keyDescriptors shows the certificate that signs, and those that may be encrypted to.
func (c *Connection) keyDescriptors() []saml.KeyDescriptor {
	var all []saml.KeyDescriptor
	for i, k := range c.Keys {
		certificate := saml.KeyInfo{X509Data: saml.X509Data{X509Certificates: []saml.X509Certificate{
			{Data: base64.StdEncoding.EncodeToString(k.Certificate.Raw)},
		}}}
		if i == 0 {
			all = append(all, saml.KeyDescriptor{Use: "signing", KeyInfo: certificate})
		}
		if _, ok := k.Private.Public().(*rsa.PublicKey); ok {
			all = append(all, saml.KeyDescriptor{Use: "encryption", KeyInfo: certificate, EncryptionMethods: c.encryptionMethods()})
		}
	}
	return all
}

func (c *Connection) encryptionMethods() []saml.EncryptionMethod {
	all := []saml.EncryptionMethod{
		{Algorithm: nsOAEP + "aes256-gcm"},
		{Algorithm: nsOAEP + "aes128-gcm"},
	}
	if c.CBC {
		all = append(all, saml.EncryptionMethod{Algorithm: nsEncryption + "aes256-cbc"},
			saml.EncryptionMethod{Algorithm: nsEncryption + "aes192-cbc"}, saml.EncryptionMethod{Algorithm: nsEncryption + "aes128-cbc"})
	}
	return append(all, saml.EncryptionMethod{Algorithm: nsEncryption + "rsa-oaep-mgf1p"})
}
