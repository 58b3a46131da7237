package ssotest_test

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/url"
	"testing"

	"github.com/crewjam/saml"

	"github.com/go-identity/identity/ssotest"
)

// TestForeignService is read by a service of another make, which keeps the machine's time.
func TestForeignService(t *testing.T) {
	t.Parallel()
	p := ssotest.NewSAML(t, ssotest.SAMLOptions{RSA: true})
	var known saml.EntityDescriptor
	if err := xml.Unmarshal(p.Metadata(), &known); err != nil {
		t.Fatal(err)
	}
	sp := saml.ServiceProvider{
		EntityID: "urn:app", AcsURL: url.URL{Scheme: "https", Host: "app.example", Path: "/acs"},
		MetadataURL: url.URL{Scheme: "https", Host: "app.example", Path: "/metadata"}, IDPMetadata: &known,
		AuthnNameIDFormat: saml.PersistentNameIDFormat,
	}
	address, err := sp.MakeRedirectAuthenticationRequest("handle")
	if err != nil {
		t.Fatal(err)
	}
	for _, sign := range []ssotest.Signing{ssotest.SignAssertion, ssotest.SignResponse, ssotest.SignBoth} {
		r := p.Request(ssotest.Message{URL: address.String()})
		m := p.Respond(r, ada(), func(a *ssotest.Assertion) { a.Sign = sign })
		doc, err := base64.StdEncoding.DecodeString(m.Fields.Get("SAMLResponse"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := sp.ParseXMLResponse(doc, []string{r.ID}, sp.AcsURL)
		if err != nil {
			var told *saml.InvalidResponseError
			t.Fatalf("signing %d: %v, %v, %+v", sign, err, errors.As(err, &told), told)
		}
		if got.Subject.NameID.Value != "account-of-ada" || m.URL != "https://app.example/acs" {
			t.Errorf("signing %d: it reads %+v, from what goes to %s", sign, got.Subject.NameID, m.URL)
		}
	}
}
