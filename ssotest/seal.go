package ssotest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the digest that RSA-OAEP has where nothing is said
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const (
	rsaSHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	ecdsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsCipher    = "http://www.w3.org/2001/04/xmlenc#"
)

// method returns how a key signs.
func (k key) method() string {
	if _, ok := k.private.(*rsa.PrivateKey); ok {
		return rsaSHA256
	}
	return ecdsaSHA256
}

// write puts an answer together: the assertion, signed and encrypted, in its response.
func (p *SAML) write(a Assertion) ([]byte, error) {
	signer := p.keys.current()
	if a.By != nil {
		signer = a.By.keys.current()
	}
	root := a.response()
	if a.Status == StatusSuccess {
		inner, err := a.sealed(signer)
		if err != nil {
			return nil, err
		}
		root.AddChild(inner)
	}
	if a.Sign == SignResponse || a.Sign == SignBoth {
		if err := signer.seal(root); err != nil {
			return nil, err
		}
	}
	doc, err := render(root)
	if a.Final != nil {
		doc = []byte(a.Final(string(doc)))
	}
	return doc, err
}

// sealed returns the assertion as it stands in the response.
func (a Assertion) sealed(signer key) (*etree.Element, error) {
	el := a.element()
	if a.Draft != nil {
		doc, err := render(el)
		if err != nil {
			return nil, err
		}
		if el, err = (incoming{doc: []byte(a.Draft(string(doc)))}).root(); err != nil {
			return nil, err
		}
	}
	if a.Sign == SignAssertion || a.Sign == SignBoth {
		if err := signer.seal(el); err != nil {
			return nil, err
		}
	}
	if a.Encrypt == "" {
		return el, nil
	}
	return encrypted(el, a.Encrypt, a.EncryptTo)
}

// seal signs an element inside itself, after its Issuer.
func (k key) seal(el *etree.Element) error {
	ctx, err := dsig.NewSigningContext(k.flat(), [][]byte{k.certificate.Raw})
	if err != nil {
		return fmt.Errorf("sign a message: %w", err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signature, err := ctx.ConstructSignature(el.Copy(), true)
	if err != nil {
		return fmt.Errorf("sign a message: %w", err)
	}
	el.InsertChildAt(1, signature)
	return nil
}

func render(el *etree.Element) ([]byte, error) {
	d := etree.NewDocument()
	d.SetRoot(el.Copy())
	return d.WriteToBytes()
}

// sealable returns the service's certificate that can be encrypted to, or nil.
func (s Service) sealable() *x509.Certificate {
	for _, c := range s.Certificates {
		if _, ok := c.PublicKey.(*rsa.PublicKey); ok {
			return c
		}
	}
	return nil
}

// encrypted hides an element from everybody but the certificate's owner.
func encrypted(el *etree.Element, method string, to *x509.Certificate) (*etree.Element, error) {
	if to == nil {
		return nil, errors.New("encrypt an assertion: the service is not registered with an RSA certificate")
	}
	public, ok := to.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("encrypt an assertion: the certificate's key is not RSA")
	}
	doc, err := render(el)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 16)
	if strings.Contains(method, "aes256") {
		secret = make([]byte, 32)
	}
	rand.Read(secret) //nolint:errcheck // it never fails
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, secret, nil)
	if err != nil {
		return nil, fmt.Errorf("encrypt a key: %w", err)
	}
	text, err := cipherText(secret, doc, strings.HasSuffix(method, "-cbc"))
	return envelope(method, wrapped, text), err
}

func cipherText(secret, plain []byte, cbc bool) ([]byte, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("encrypt an assertion: %w", err)
	}
	if cbc {
		return chain(block, plain), nil
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("encrypt an assertion: %w", err)
	}
	return gcm.Seal(nil, nil, plain, nil), nil
}

// chain encrypts as older providers do (xmlenc §5.2).
func chain(block cipher.Block, plain []byte) []byte {
	size := block.BlockSize()
	pad := size - len(plain)%size
	text := append(plain, make([]byte, pad)...)
	text[len(text)-1] = byte(pad)
	iv := make([]byte, size)
	rand.Read(iv)                                             //nolint:errcheck // it never fails
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text) //nolint:gosec // for tests that refuse it
	return append(iv, text...)
}

func envelope(method string, wrapped, content []byte) *etree.Element {
	el := etree.NewElement("saml:EncryptedAssertion")
	sealed := el.CreateElement("xenc:EncryptedData")
	set(sealed, "xmlns:xenc", nsCipher)
	set(sealed.CreateElement("xenc:EncryptionMethod"), "Algorithm", method)
	around := sealed.CreateElement("ds:KeyInfo")
	set(around, "xmlns:ds", nsSignature)
	inner := around.CreateElement("xenc:EncryptedKey")
	set(inner.CreateElement("xenc:EncryptionMethod"), "Algorithm", nsCipher+"rsa-oaep-mgf1p")
	text(inner.CreateElement("xenc:CipherData"), "xenc:CipherValue", base64.StdEncoding.EncodeToString(wrapped))
	text(sealed.CreateElement("xenc:CipherData"), "xenc:CipherValue", base64.StdEncoding.EncodeToString(content))
	return el
}
