package saml_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

func TestAttackAuthnRequest(t *testing.T) {
	t.Parallel()
	t.Run("SAML-63 ten thousand names", func(t *testing.T) {
		t.Parallel()
		c, seen := connection(), map[string]bool{}
		for range 10_000 {
			m, err := c.Request(saml.Ask{Now: noon()})
			if err != nil || seen[m.ID] || len(m.ID) != 41 {
				t.Fatalf("%q, %v", m.ID, err)
			}
			seen[m.ID] = true
		}
	})
	t.Run("SAML-63 signed query", func(t *testing.T) {
		t.Parallel()
		c := connection()
		c.Provider.SignRequests = true
		c.Provider.Redirect += "?tenant=1"
		m, err := c.Request(saml.Ask{RelayState: "a b&c", Force: true, Now: noon()})
		if err != nil || !strings.HasPrefix(m.URL, "https://idp.example/sso?tenant=1&SAMLRequest=") {
			t.Fatalf("%s, %v", m.URL, err)
		}
		_, query, _ := strings.Cut(m.URL, "tenant=1&")
		signed, tail, _ := strings.Cut(query, "&Signature=")
		if !verifies(t, signed, tail) || !strings.Contains(signed, "&RelayState=a+b%26c&SigAlg=") {
			t.Errorf("the query %s is not signed", query)
		}
		el := inflated(t, m)
		for name, want := range map[string]string{
			"ID": m.ID, "Destination": c.Provider.Redirect, "AssertionConsumerServiceURL": acs, "ForceAuthn": "true", "Version": "2.0",
			"IssueInstant": "2026-03-01T12:00:00Z",
		} {
			if got := el.SelectAttrValue(name, ""); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
	})
	t.Run("SAML-63 signed form", func(t *testing.T) {
		t.Parallel()
		c := connection()
		c.SignRequests, c.PostRequests, c.Contexts = true, true, []string{"urn:a", "urn:b"}
		m, err := c.Request(saml.Ask{RelayState: "relay", Now: noon()})
		if err != nil || m.URL != c.Provider.POST || m.Fields.Get("RelayState") != "relay" {
			t.Fatalf("%+v, %v", m, err)
		}
		doc, err := base64.StdEncoding.DecodeString(m.Fields.Get("SAMLRequest"))
		if err != nil {
			t.Fatal(err)
		}
		d := etree.NewDocument()
		if err := d.ReadFromBytes(doc); err != nil {
			t.Fatal(err)
		}
		store := &dsig.MemoryX509CertificateStore{Roots: certificates(mine())}
		v := dsig.NewDefaultValidationContext(store)
		v.Clock = dsig.NewFakeClockAt(noon())
		if _, err := v.Validate(d.Root()); err != nil {
			t.Errorf("another implementation does not accept our signature: %v", err)
		}
		if all := d.Root().FindElements("//AuthnContextClassRef"); len(all) != 2 {
			t.Errorf("asks for %d ways, want 2", len(all))
		}
	})
	t.Run("SAML-63 what cannot be sent", func(t *testing.T) {
		t.Parallel()
		c := connection()
		if _, err := c.Request(saml.Ask{RelayState: strings.Repeat("x", 81)}); err == nil {
			t.Error("a relay state of 81 bytes is sent")
		}
		c.SignRequests, c.Keys = true, nil
		if _, err := c.Request(saml.Ask{}); err == nil {
			t.Error("a request that should be signed is sent without")
		}
		c = connection()
		c.Provider.Redirect, c.Provider.POST = "", ""
		if _, err := c.Request(saml.Ask{}); err == nil {
			t.Error("a request is sent nowhere")
		}
	})
}

func verifies(t *testing.T, signed, escaped string) bool {
	t.Helper()
	encoded, err := url.QueryUnescape(escaped)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(signed))
	return rsa.VerifyPKCS1v15(&mine().key.PublicKey, crypto.SHA256, digest[:], signature) == nil
}

// inflated reads the message of a redirect.
func inflated(t *testing.T, m saml.Message) *etree.Element {
	t.Helper()
	u, err := url.Parse(m.URL)
	if err != nil {
		t.Fatal(err)
	}
	small, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := io.ReadAll(flate.NewReader(bytes.NewReader(small)))
	if err != nil {
		t.Fatal(err)
	}
	d := etree.NewDocument()
	if err := d.ReadFromBytes(doc); err != nil {
		t.Fatal(err)
	}
	return d.Root()
}
