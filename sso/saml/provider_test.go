package saml_test

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	entity    = "https://idp.example/metadata"
	acs       = "https://app.example/saml/1/acs"
	slo       = "https://app.example/saml/1/slo"
	ours      = "https://app.example/saml/1"
	requestID = "_request"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// A pair is a key with its certificate.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// The keys of the provider and ours are files, so that a fuzzer's processes share them; the
// attacker's is made anew.
var (
	theirs   = sync.OnceValue(func() pair { return readPair("testdata/theirs.pem") })
	mine     = sync.OnceValue(func() pair { return readPair("testdata/mine.pem") })
	stranger = sync.OnceValue(newPair)
)

func readPair(name string) pair {
	text, err := os.ReadFile(name)
	if err != nil {
		return pair{}
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return pair{}
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return pair{}
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return pair{}
	}
	return pair{private, certify(private)}
}

func newPair() pair {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pair{}
	}
	return pair{key, certify(key)}
}

func certify(key crypto.Signer) *x509.Certificate {
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: noon().AddDate(-1, 0, 0), NotAfter: noon().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, key.Public(), key)
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// memory is a store of what came before.
type memory struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (m *memory) once(_ context.Context, key string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.seen[key]; known {
		return false, nil
	}
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	m.seen[key] = until
	return true, nil
}

func connection() *saml.Connection {
	return &saml.Connection{
		ID: "connection-1", EntityID: ours, ACS: acs, SLO: slo,
		Keys: []saml.Key{{Private: mine().key, Certificate: mine().cert}},
		Provider: saml.Provider{
			EntityID: entity, Redirect: "https://idp.example/sso", POST: "https://idp.example/post",
			LogoutGet: "https://idp.example/slo", LogoutPost: "https://idp.example/slopost",
			Certificates: []*x509.Certificate{theirs().cert},
		},
		Once: new(memory).once,
	}
}

const plainAssertion = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema"` +
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_a1" Version="2.0" IssueInstant="2026-03-01T12:00:00Z">` +
	`<saml:Issuer>https://idp.example/metadata</saml:Issuer>` +
	`<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID>` +
	`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
	`<saml:SubjectConfirmationData Recipient="https://app.example/saml/1/acs" NotOnOrAfter="2026-03-01T12:05:00Z" InResponseTo="_request"/>` +
	`</saml:SubjectConfirmation></saml:Subject>` +
	`<saml:Conditions NotBefore="2026-03-01T11:59:00Z" NotOnOrAfter="2026-03-01T12:05:00Z">` +
	`<saml:AudienceRestriction><saml:Audience>https://app.example/saml/1</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
	`<saml:AuthnStatement AuthnInstant="2026-03-01T11:59:50Z" SessionIndex="_s1"><saml:AuthnContext>` +
	`<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>` +
	`</saml:AuthnContext></saml:AuthnStatement>` +
	`<saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue xsi:type="xs:string">alice@example.com</saml:AttributeValue>` +
	`</saml:Attribute><saml:Attribute Name="groups"><saml:AttributeValue>Staff</saml:AttributeValue><saml:AttributeValue>Owner</saml:AttributeValue>` +
	`</saml:Attribute></saml:AttributeStatement></saml:Assertion>`

const plainResponse = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r1" Version="2.0"` +
	` IssueInstant="2026-03-01T12:00:00Z" Destination="https://app.example/saml/1/acs" InResponseTo="_request">` +
	`<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">https://idp.example/metadata</saml:Issuer>` +
	`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>ASSERTION</samlp:Response>`

// An idp builds responses, honest ones and others.
type idp struct {
	assertion string              // before it is signed
	response  string              // ASSERTION stands for the assertion
	by        pair                // who signs
	signs     string              // "assertion", "response", "both", "none"
	method    string              // of signing; "" is rsa-sha256
	encrypt   func(string) string // the signed assertion
	after     func(string) string // the whole, signed
}

func honest() idp {
	return idp{assertion: plainAssertion, response: plainResponse, by: theirs(), signs: "assertion"}
}

// edit replaces text in the assertion before it is signed; old must be there.
func (p idp) edit(old, with string) idp {
	if !strings.Contains(p.assertion, old) {
		p.assertion = "no " + old
		return p
	}
	p.assertion = strings.Replace(p.assertion, old, with, 1)
	return p
}

func (p idp) wrap(old, with string) idp {
	p.response = strings.Replace(p.response, old, with, 1)
	return p
}

func (p idp) sign(what string) idp                { p.signs = what; return p }
func (p idp) key(by pair) idp                     { p.by = by; return p }
func (p idp) then(f func(string) string) idp      { p.after = f; return p }
func (p idp) encrypted(f func(string) string) idp { p.encrypt = f; return p }
func replaced(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}
func (p idp) swap(old, with string) idp { return p.then(replaced(old, with)) }

// xml builds the response.
func (p idp) xml(t testing.TB) string {
	t.Helper()
	assertion := p.assertion
	if p.signs == "assertion" || p.signs == "both" {
		assertion = p.signed(t, assertion)
	}
	if p.encrypt != nil {
		assertion = p.encrypt(assertion)
	}
	doc := strings.Replace(p.response, "ASSERTION", assertion, 1)
	if p.signs == "response" || p.signs == "both" {
		doc = p.signed(t, doc)
	}
	if p.after != nil {
		doc = p.after(doc)
	}
	return doc
}

func (p idp) body(t testing.TB) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString([]byte(p.xml(t)))
}

// signed signs with another implementation than the one that verifies.
func (p idp) signed(t testing.TB, doc string) string {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	ctx, err := dsig.NewSigningContext(p.by.key, [][]byte{p.by.cert.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if p.method != "" {
		if err := ctx.SetSignatureMethod(p.method); err != nil {
			t.Fatal(err)
		}
	}
	sig, err := ctx.ConstructSignature(d.Root().Copy(), true)
	if err != nil {
		t.Fatal(err)
	}
	d.Root().InsertChildAt(1, sig)
	out, err := d.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func accept(t testing.TB, c *saml.Connection, p idp) (sso.Assertion, error) {
	t.Helper()
	return c.Accept(t.Context(), saml.Answer{Body: p.body(t), RequestID: requestID, Now: noon()})
}

// refused wants a refusal whose sentence says want.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want a refusal about %q", want)
	}
	got := sso.Diagnosis(err)
	if got == "" || !strings.Contains(got, want) {
		t.Errorf("refused with %q (%v), want a sentence about %q", got, err, want)
	}
	if err.Error() != sso.Refuse("", nil).Error() {
		t.Errorf("the caller sees %q", err)
	}
}

// sealed encrypts an assertion to us with AES-GCM, or CBC.
func sealed(bits int, method string) func(string) string {
	return func(plain string) string {
		key := make([]byte, bits/8)
		rand.Read(key)
		wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &mine().key.PublicKey, key, nil)
		if err != nil {
			return err.Error()
		}
		return envelope(method, "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", wrapped, cipherText(key, method, plain))
	}
}

func cipherText(key []byte, method, plain string) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	if strings.HasSuffix(method, "-cbc") {
		pad := 16 - len(plain)%16
		text := append([]byte(plain), make([]byte, pad)...)
		text[len(text)-1] = byte(pad)
		iv := make([]byte, 16)
		rand.Read(iv)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
		return append(iv, text...)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	nonce := make([]byte, 12)
	rand.Read(nonce)
	return gcm.Seal(nonce, nonce, []byte(plain), nil)
}

func envelope(method, keyMethod string, key, text []byte) string {
	return fmt.Sprintf(`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">`+
		`<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"><xenc:EncryptionMethod Algorithm="%s"/>`+
		`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="%s"/>`+
		`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>`+
		`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`,
		method, keyMethod, base64.StdEncoding.EncodeToString(key), base64.StdEncoding.EncodeToString(text))
}
