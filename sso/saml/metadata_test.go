package saml_test

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-identity/identity/sso/saml"
)

func certificates(all ...pair) []*x509.Certificate {
	var out []*x509.Certificate
	for _, p := range all {
		out = append(out, p.cert)
	}
	return out
}

func encoded(p pair) string { return base64.StdEncoding.EncodeToString(p.cert.Raw) }

// entityOf writes a provider's metadata.
func entityOf(id, keys string) string {
	return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="` + id + `">` +
		`<md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + keys +
		`<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/slo"` +
		` ResponseLocation="https://idp.example/slo/answer"/>` +
		`<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/>` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/>` +
		`</md:IDPSSODescriptor></md:EntityDescriptor>`
}

func key(use, certificate string) string {
	return `<md:KeyDescriptor` + use + `><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + certificate +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
}

func TestParseMetadata(t *testing.T) {
	t.Parallel()
	both := key(` use="signing"`, encoded(theirs())) + key("", "\n  "+encoded(stranger())+"\n") +
		key(` use="encryption"`, encoded(mine())) + key(` use="signing"`, encoded(theirs()))
	p, err := saml.ParseMetadata([]byte("\ufeff<?xml version=\"1.0\"?>\n"+entityOf(entity, both)), saml.Source{Now: noon()})
	if err != nil {
		t.Fatal(err, diagnosis(err))
	}
	if p.EntityID != entity || p.Redirect != "https://idp.example/sso" || p.POST != "https://idp.example/post" || !p.SignRequests {
		t.Errorf("%+v", p)
	}
	if p.LogoutGet != "https://idp.example/slo" || p.AnswerGet != "https://idp.example/slo/answer" || len(p.NameIDFormats) != 1 {
		t.Errorf("%+v", p)
	}
	if len(p.Certificates) != 2 || !p.Certificates[0].Equal(theirs().cert) || !p.Certificates[1].Equal(stranger().cert) {
		t.Errorf("%d certificates, want the two that may sign", len(p.Certificates))
	}
}

func TestAttackMetadata(t *testing.T) {
	t.Parallel()
	good := entityOf(entity, key("", encoded(theirs())))
	group := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + entityOf("https://other.example", key("", encoded(stranger()))) +
		good + `</md:EntitiesDescriptor>`
	for _, tt := range []struct{ name, doc, id, want string }{
		{"SAML-65 one of two by name", group, entity, ""},
		{"SAML-65 two and no name", group, "", "several"},
		{"SAML-65 another name", good, "https://other.example", "no identity provider named"},
		{"SAML-65 out of date", strings.Replace(good, " entityID", ` validUntil="2026-03-01T11:59:59Z" entityID`, 1), "", "valid until"},
		{"SAML-65 the group is out of date", strings.Replace(group, "<md:EntitiesDescriptor ", `<md:EntitiesDescriptor validUntil="2026-01-01T00:00:00Z" `, 1), entity, "valid until"},
		{"SAML-65 no key", entityOf(entity, ""), "", "0 signing"},
		{"SAML-65 only a key to encrypt", entityOf(entity, key(` use="encryption"`, encoded(theirs()))), "", "0 signing"},
		{"SAML-65 no base64", entityOf(entity, key("", "!!!")), "", "base64"},
		{"SAML-65 no certificate", entityOf(entity, key("", "AAAA")), "", "cannot be read"},
		{"SAML-65 huge", strings.Repeat(" ", 10<<20) + good, "", "larger"},
		{"SAML-65 DTD", "<!DOCTYPE x>" + good, "", "DOCTYPE"},
		{"SAML-65 script", strings.Replace(good, `"https://idp.example/sso"`, `"javascript:alert(1)"`, 1), "", ""},
		{"SAML-65 plain http", strings.Replace(good, `"https://idp.example/sso"`, `"http://idp.example/sso"`, 1), "", "https"},
		{"SAML-65 http to this machine", strings.Replace(good, `"https://idp.example/sso"`, `"http://localhost/sso"`, 1), "", "https"},
		{"SAML-65 a sign-out to nowhere good", strings.Replace(good, `"https://idp.example/slo"`, `"http://10.0.0.1/"`, 1), "", "https"},
		{"SAML-65 an address with a password", strings.Replace(good, `"https://idp.example/sso"`, `"https://a:b@idp.example/sso"`, 1), "", "https"},
		{"SAML-65 no address", strings.NewReplacer("HTTP-Redirect", "SOAP", "HTTP-POST", "PAOS").Replace(good), "", "no address"},
		{"SAML-65 a service provider's", strings.NewReplacer("IDPSSODescriptor", "SPSSODescriptor", "SingleSignOnService", "X").Replace(good), "", "not that of"},
		{"SAML-65 nested deep", strings.Repeat("<md:X xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">", 100), "", "root"},
		{"SAML-65 empty", "", "", "empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := saml.ParseMetadata([]byte(tt.doc), saml.Source{EntityID: tt.id, Now: noon()})
			if tt.name == "SAML-65 one of two by name" {
				if err != nil || p.EntityID != entity || !p.Certificates[0].Equal(theirs().cert) {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			refused(t, err, tt.want)
		})
	}
}

// TestAttackOwnMetadata reads our metadata back: it says what the connection does, and no
// secret.
func TestAttackOwnMetadata(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		set       func(*saml.Connection)
		has, lack []string
	}{
		{"SAML-64 plain", func(*saml.Connection) {}, []string{
			`AuthnRequestsSigned="false"`, `WantAssertionsSigned="true"`, `entityID="` + ours + `"`, acs, slo, "aes256-gcm", "rsa-oaep-mgf1p",
			`use="signing"`, `use="encryption"`, encoded(mine()),
		}, []string{"cbc", "validUntil", "PRIVATE", "HTTP-Artifact"}},
		{"SAML-64 signing, lenient", func(c *saml.Connection) { c.SignRequests, c.SignedResponse, c.CBC = true, true, true },
			[]string{`AuthnRequestsSigned="true"`, `WantAssertionsSigned="false"`, "aes128-cbc"}, nil},
		{"SAML-64 without keys and sign-out", func(c *saml.Connection) { c.Keys, c.SLO = nil, "" },
			[]string{`AuthnRequestsSigned="false"`}, []string{"KeyDescriptor", "SingleLogoutService"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			tt.set(c)
			doc, err := c.Metadata()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.has {
				if !strings.Contains(string(doc), s) {
					t.Errorf("does not say %q: %s", s, doc)
				}
			}
			for _, s := range tt.lack {
				if strings.Contains(string(doc), s) {
					t.Errorf("says %q: %s", s, doc)
				}
			}
		})
	}
}
