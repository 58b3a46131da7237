package saml_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso/saml"

	library "github.com/crewjam/saml"
)

func TestMapping(t *testing.T) {
	t.Parallel()
	rename := func(from, to string) func(idp) idp {
		return func(p idp) idp { return p.edit(`Name="`+from+`"`, `Name="`+to+`"`) }
	}
	more := func(xml string) func(idp) idp {
		return func(p idp) idp { return p.edit("</saml:AttributeStatement>", xml+"</saml:AttributeStatement>") }
	}
	attribute := func(name, value string) string {
		return `<saml:Attribute Name="` + name + `"><saml:AttributeValue>` + value + `</saml:AttributeValue></saml:Attribute>`
	}
	for _, tt := range []struct {
		name               string
		edit               func(idp) idp
		own                saml.Mapping
		email, person, key string
		groups             []string
	}{
		{"usual", more(attribute("displayName", " Alice A. ")), saml.Mapping{}, "alice@example.com", "Alice A.", "", []string{"Staff", "Owner"}},
		{"two names", more(attribute("givenName", "Alice") + attribute("sn", "Liddell")), saml.Mapping{}, "alice@example.com", "Alice Liddell", "", []string{"Staff", "Owner"}},
		{"own names", rename("email", "adresse"), saml.Mapping{Email: []string{"adresse"}, Groups: []string{"none"}}, "alice@example.com", "", "", nil},
		{"name is an address", func(p idp) idp { return rename("email", "x")(p.edit(">alice<", ">a@example.com<")) }, saml.Mapping{}, "a@example.com", "", "", []string{"Staff", "Owner"}},
		{"no address", rename("email", "x"), saml.Mapping{}, "", "", "", []string{"Staff", "Owner"}},
		{"a name for a value", more(`<saml:Attribute Name="id"><saml:AttributeValue><saml:NameID>n1</saml:NameID></saml:AttributeValue></saml:Attribute>`),
			saml.Mapping{}, "alice@example.com", "", "n1", []string{"Staff", "Owner"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			c.Attributes = tt.own
			a, err := accept(t, c, tt.edit(honest()))
			if err != nil {
				t.Fatal(diagnosis(err))
			}
			if a.Email != tt.email || a.Name != tt.person || !slices.Equal(a.Groups, tt.groups) || strings.Join(a.Attributes["id"], "") != tt.key {
				t.Errorf("got %q, %q, %q, %q", a.Email, a.Name, a.Groups, a.Attributes["id"])
			}
		})
	}
}

// TestOAEP takes the digests that providers choose.
func TestOAEP(t *testing.T) {
	t.Parallel()
	const oaep11 = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
	const mgf1p = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	for _, tt := range []struct {
		name, method, inside string
		options              rsa.OAEPOptions
		want                 string
	}{
		{"plain", oaep11, "", rsa.OAEPOptions{Hash: crypto.SHA1}, ""},
		{"SHA-1 said", mgf1p, digest("http://www.w3.org/2000/09/xmldsig#sha1"), rsa.OAEPOptions{Hash: crypto.SHA1}, ""},
		{"SHA-256, mask SHA-1", mgf1p, digest("http://www.w3.org/2001/04/xmlenc#sha256"), rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA1}, ""},
		{"SHA-256 both", oaep11, digest("http://www.w3.org/2001/04/xmlenc#sha256") + mask("mgf1sha256"), rsa.OAEPOptions{Hash: crypto.SHA256}, ""},
		{"unknown digest", oaep11, digest("urn:x"), rsa.OAEPOptions{Hash: crypto.SHA1}, "not accepted"},
		{"unknown mask", oaep11, mask("x"), rsa.OAEPOptions{Hash: crypto.SHA1}, "not accepted"},
		{"parameters", mgf1p, "<xenc:OAEPparams>AAAA</xenc:OAEPparams>", rsa.OAEPOptions{Hash: crypto.SHA1}, "not accepted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := accept(t, connection(), honest().encrypted(func(plain string) string {
				content := make([]byte, 32)
				rand.Read(content)
				hidden, err := rsa.EncryptOAEPWithOptions(rand.Reader, &mine().key.PublicKey, content, &tt.options)
				if err != nil {
					return err.Error()
				}
				s := envelope(gcm256, tt.method, hidden, cipherText(content, gcm256, plain))
				return strings.Replace(s, tt.method+`"/>`, tt.method+`">`+tt.inside+`</xenc:EncryptionMethod>`, 1)
			}))
			if tt.want != "" {
				refused(t, err, tt.want)
			} else if err != nil {
				t.Error(diagnosis(err))
			}
		})
	}
}

func digest(uri string) string {
	return `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="` + uri + `"/>`
}

func mask(name string) string {
	return `<x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#` + name + `"/>`
}

func TestAttackContainment(t *testing.T) {
	t.Parallel()
	t.Run("SAML-67 a panic is a refusal", func(t *testing.T) {
		t.Parallel()
		c := connection()
		c.Provider.Certificates = []*x509.Certificate{nil}
		_, err := accept(t, c, honest())
		refused(t, err, "could not be read")
	})
	t.Run("SAML-68 the library's variables stay as they are", func(t *testing.T) {
		t.Parallel()
		for _, hours := range []int{0, 1, 2} { // at once, each by its own clock
			t.Run("", func(t *testing.T) {
				t.Parallel()
				at := noon().Add(time.Duration(hours) * time.Hour)
				p := honest()
				for _, s := range []string{"2026-03-01T12:0", "2026-03-01T11:5"} {
					p.assertion = strings.ReplaceAll(p.assertion, s, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).
						Add(time.Duration(hours)*time.Hour).Add(parseHour(s)).Format("2006-01-02T15:")+s[14:])
				}
				if _, err := connection().Accept(t.Context(), saml.Answer{Body: p.body(t), RequestID: requestID, Now: at}); err != nil {
					t.Errorf("%d hours later: %s", hours, diagnosis(err))
				}
			})
		}
		if library.MaxClockSkew != 3*time.Minute || library.MaxIssueDelay != 90*time.Second || library.Clock != nil {
			t.Error("a variable of the library was changed")
		}
	})
	t.Run("SAML-69 a store that breaks is no refusal", func(t *testing.T) {
		t.Parallel()
		c, broken := connection(), errors.New("the disk is full")
		c.Once = func(context.Context, string, time.Time) (bool, error) { return false, broken }
		_, err := accept(t, c, honest())
		if !errors.Is(err, broken) || diagnosis(err) != "" || fault.From(err).Code != fault.Internal {
			t.Errorf("got %v", err)
		}
	})
	t.Run("SAML-69 a sentence holds no assertion", func(t *testing.T) {
		t.Parallel()
		_, err := accept(t, connection(), honest().edit("2026-03-01T12:05:00Z", "2026-03-01T11:05:00Z"))
		if s := diagnosis(err); strings.Contains(s, "alice") || s == "" {
			t.Errorf("diagnosis: %q", s)
		}
	})
}

func parseHour(s string) time.Duration {
	at, err := time.Parse("2006-01-02T15", s[:13])
	if err != nil {
		return 0
	}
	return time.Duration(at.Hour()) * time.Hour
}
