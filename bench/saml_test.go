package bench_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	library "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/go-identity/identity/sso/saml"
)

const (
	providerID = "https://idp.example"
	serviceID  = "https://app.example/saml"
	serviceURL = "https://app.example/acs"
)

// answers are what comes to an ACS, and the two who take it.
type answers struct {
	valid, bomb []byte
	ours        *saml.Connection
	library     *library.ServiceProvider
	now         time.Time
}

func newAnswers(tb testing.TB) *answers {
	tb.Helper()
	a := &answers{now: time.Now(), bomb: []byte(strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000))}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	shape := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: a.now.Add(-time.Hour), NotAfter: a.now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	a.valid = a.sign(tb, key, cert)
	a.ours = &saml.Connection{
		EntityID: serviceID, ACS: serviceURL,
		Provider: saml.Provider{EntityID: providerID, Certificates: []*x509.Certificate{cert}},
		Once:     func(context.Context, string, time.Time) (bool, error) { return true, nil },
	}
	a.library = theirs(tb, cert)
	return a
}

// theirs is the library's own service provider.
func theirs(tb testing.TB, cert *x509.Certificate) *library.ServiceProvider {
	tb.Helper()
	acs, err := url.Parse(serviceURL)
	if err != nil {
		tb.Fatal(err)
	}
	var signing library.KeyDescriptor
	signing.Use = "signing"
	signing.KeyInfo.X509Data.X509Certificates = []library.X509Certificate{{Data: base64.StdEncoding.EncodeToString(cert.Raw)}}
	var role library.IDPSSODescriptor
	role.KeyDescriptors = []library.KeyDescriptor{signing}
	return &library.ServiceProvider{
		EntityID: serviceID, AcsURL: *acs,
		IDPMetadata: &library.EntityDescriptor{EntityID: providerID, IDPSSODescriptors: []library.IDPSSODescriptor{role}},
	}
}

// sign writes a response whose assertion is signed, as most providers send it.
func (a *answers) sign(tb testing.TB, key crypto.Signer, cert *x509.Certificate) []byte {
	tb.Helper()
	at := func(d time.Duration) string { return a.now.Add(d).UTC().Format(time.RFC3339) }
	d := etree.NewDocument()
	err := d.ReadFromString(fmt.Sprintf(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"`+
		` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r" Version="2.0" IssueInstant="%[1]s" Destination="%[3]s" InResponseTo="_q">`+
		`<saml:Issuer>%[5]s</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`+
		`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a" Version="2.0" IssueInstant="%[1]s"><saml:Issuer>%[5]s</saml:Issuer>`+
		`<saml:Subject><saml:NameID>alice</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`+
		`<saml:SubjectConfirmationData Recipient="%[3]s" NotOnOrAfter="%[2]s" InResponseTo="_q"/></saml:SubjectConfirmation></saml:Subject>`+
		`<saml:Conditions NotBefore="%[1]s" NotOnOrAfter="%[2]s"><saml:AudienceRestriction><saml:Audience>%[4]s</saml:Audience>`+
		`</saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="%[1]s"><saml:AuthnContext><saml:AuthnContextClassRef>`+
		`urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`+
		`<saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute>`+
		`</saml:AttributeStatement></saml:Assertion></samlp:Response>`, at(-time.Second), at(5*time.Minute), serviceURL, serviceID, providerID))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, err := dsig.NewSigningContext(key, [][]byte{cert.Raw})
	if err != nil {
		tb.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	assertion := d.Root().FindElement("./saml:Assertion")
	sig, err := ctx.ConstructSignature(assertion, true)
	if err != nil {
		tb.Fatal(err)
	}
	assertion.InsertChildAt(1, sig)
	out, err := d.WriteToBytes()
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func (a *answers) byOurs(doc []byte) func() error {
	body := base64.StdEncoding.EncodeToString(doc)
	return func() error {
		_, err := a.ours.Accept(context.Background(), saml.Answer{Body: body, RequestID: "_q", Now: a.now})
		return err
	}
}

func (a *answers) byLibrary(doc []byte) func() error {
	body := base64.StdEncoding.EncodeToString(doc)
	return func() error {
		doc, err := base64.StdEncoding.DecodeString(body)
		if err == nil {
			_, err = a.library.ParseXMLResponse(doc, []string{"_q"}, a.library.AcsURL)
		}
		return err
	}
}

var errAccepted = errors.New("a bomb was accepted")

// refused turns what must fail inside out.
func refused(do func() error) func() error {
	return func() error {
		if do() == nil {
			return errAccepted
		}
		return nil
	}
}

// BenchmarkSAML is G15: an answer, and a bomb that nobody signed, taken by us and by the
// library alone.
func BenchmarkSAML(b *testing.B) {
	a := newAnswers(b)
	for _, tt := range []struct {
		name string
		do   func() error
	}{
		{"library", a.byLibrary(a.valid)}, {"ours", a.byOurs(a.valid)},
		{"bomb-library", refused(a.byLibrary(a.bomb))}, {"bomb-ours", refused(a.byOurs(a.bomb))},
	} {
		bench(b, tt.name, tt.do)
	}
}

// samlGoals is G15.
func samlGoals(t *testing.T, b *board) {
	a := newAnswers(t)
	b.report(t, "a valid answer / the library alone, processor time", atMost(1.15),
		compared(a.byOurs(a.valid), a.byLibrary(a.valid)).ratios(t))
	b.report(t, "70 kB of nesting refused / the library alone, wall time", atMost(0.01),
		pair{wall(), 5, side{100, times(refused(a.byOurs(a.bomb)))}, side{3, times(refused(a.byLibrary(a.bomb)))}}.ratios(t))
}
