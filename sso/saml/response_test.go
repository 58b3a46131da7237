package saml_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso/saml"
)

const (
	gcm128 = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	gcm256 = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	cbc256 = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	c := connection()
	a, err := accept(t, c, honest())
	if err != nil {
		t.Fatal(err)
	}
	if a.Connection != c.ID || a.Subject != "alice" || a.Email != "alice@example.com" || a.EmailVerified {
		t.Errorf("got %+v", a)
	}
	if !slices.Equal(a.Groups, []string{"Staff", "Owner"}) || a.SessionIndex != "_s1" {
		t.Errorf("groups %q, session %q", a.Groups, a.SessionIndex)
	}
	if want := noon().Add(-10 * time.Second); !a.AuthTime.Equal(want) || a.ACR == "" || !a.ExpiresAt.IsZero() {
		t.Errorf("signed in at %v by %q until %v", a.AuthTime, a.ACR, a.ExpiresAt)
	}
}

// TestAcceptShapes takes what honest providers send in different ways.
func TestAcceptShapes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		p    idp
		set  func(*saml.Connection)
	}{
		{"both signed", honest().sign("both"), nil},
		{"response signed", honest().sign("response"), func(c *saml.Connection) { c.SignedResponse = true }},
		{"aes128-gcm", honest().encrypted(sealed(128, gcm128)), nil},
		{"aes256-gcm", honest().encrypted(sealed(256, gcm256)), nil},
		{"encrypted and both signed", honest().sign("both").encrypted(sealed(256, gcm256)), nil},
		{"encrypted unsigned in a signed response", honest().sign("response").encrypted(sealed(256, gcm256)),
			func(c *saml.Connection) { c.SignedResponse = true }},
		{"aes256-cbc", honest().encrypted(sealed(256, cbc256)), func(c *saml.Connection) { c.CBC = true }},
		{"rsa-sha512", func() idp { p := honest(); p.method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"; return p }(), nil},
		{"second key of ours", honest().encrypted(sealed(256, gcm256)), func(c *saml.Connection) {
			c.Keys = []saml.Key{{Private: stranger().key, Certificate: stranger().cert}, c.Keys[0]}
		}},
		{"prefixes declared around the encrypted assertion", honest().wrap("<samlp:Response ", `<samlp:Response xmlns:outer="urn:oasis:names:tc:SAML:2.0:assertion" `).
			encrypted(func(s string) string { return sealed(256, gcm256)(outerPrefix(s)) }), nil},
		{"prefixes declared anew inside", honest().wrap("<samlp:Response ", `<samlp:Response xmlns:saml="urn:oasis:names:tc:SAML:2.0:protocol" `).
			encrypted(sealed(256, gcm256)), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			if tt.set != nil {
				tt.set(c)
			}
			a, err := accept(t, c, tt.p)
			if err != nil || a.Subject != "alice" {
				t.Errorf("Accept = %q, %v; %s", a.Subject, err, diagnosis(err))
			}
		})
	}
}

// outerPrefix leaves the declaration of saml to the document around.
func outerPrefix(s string) string {
	return strings.Replace(s, ` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`, "", 1)
}

// TestAttackRollover tries every certificate of a provider, with and without KeyInfo.
func TestAttackRollover(t *testing.T) {
	t.Parallel()
	for name, certs := range map[string][]*x509.Certificate{
		"SAML-15 old and new": {stranger().cert, theirs().cert},
		"SAML-15 one":         {theirs().cert},
	} {
		for _, keyInfo := range []bool{true, false} {
			c := connection()
			c.Provider.Certificates = certs
			p := honest()
			if !keyInfo {
				p = p.then(func(s string) string { return cut(s, "<ds:KeyInfo>", "</ds:KeyInfo>") })
			}
			if _, err := accept(t, c, p); err != nil {
				t.Errorf("%s, KeyInfo %v: %v: %s", name, keyInfo, err, diagnosis(err))
			}
		}
	}
}

// cut removes everything between two marks, and them.
func cut(s, from, to string) string {
	before, rest, _ := strings.Cut(s, from)
	_, after, _ := strings.Cut(rest, to)
	return before + after
}
