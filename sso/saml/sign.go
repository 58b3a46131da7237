package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/beevik/etree"
)

// newID returns a name that nobody can guess and that an XML ID may have.
func newID() string {
	b := make([]byte, 20)
	rand.Read(b) //nolint:errcheck // it never fails
	return "_" + hex.EncodeToString(b)
}

// method returns how the key signs.
func (k Key) method() (uri string, h crypto.Hash) {
	curve, ok := k.Private.Public().(*ecdsa.PublicKey)
	switch {
	case !ok:
		return algorithmRSASHA256, crypto.SHA256
	case curve.Curve.Params().BitSize > 256:
		return algorithmECDSASHA384, crypto.SHA384
	}
	return algorithmECDSASHA256, crypto.SHA256
}

// sign signs bytes the way XML signatures and queries have it.
func (k Key) sign(signed []byte) ([]byte, error) {
	_, hash := k.method()
	out, err := k.Private.Sign(rand.Reader, sum(hash, signed), hash)
	if err != nil {
		return nil, fmt.Errorf("sign a SAML message: %w", err)
	}
	if curve, ok := k.Private.Public().(*ecdsa.PublicKey); ok {
		return plainCurve(out, (curve.Curve.Params().BitSize+7)/8)
	}
	return out, nil
}

// plainCurve writes the two numbers of an ECDSA signature one after the other.
func plainCurve(der []byte, half int) ([]byte, error) {
	var n struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &n); err != nil {
		return nil, fmt.Errorf("read an ECDSA signature: %w", err)
	}
	out := make([]byte, 2*half)
	n.R.FillBytes(out[:half])
	n.S.FillBytes(out[half:])
	return out, nil
}

// seal signs a message inside itself: after its Issuer, where the schema wants it.
func (k Key) seal(el *etree.Element) error {
	content, err := canonical(detach(el), "")
	if err != nil {
		return err
	}
	sig := etree.NewElement("ds:Signature")
	sig.CreateAttr("xmlns:ds", nsSignature)
	info := sig.CreateElement("ds:SignedInfo")
	info.CreateElement("ds:CanonicalizationMethod").CreateAttr("Algorithm", nsExclusive)
	method, _ := k.method()
	info.CreateElement("ds:SignatureMethod").CreateAttr("Algorithm", method)
	ref := info.CreateElement("ds:Reference")
	ref.CreateAttr("URI", "#"+value(el, "ID"))
	steps := ref.CreateElement("ds:Transforms")
	steps.CreateElement("ds:Transform").CreateAttr("Algorithm", algorithmEnveloped)
	steps.CreateElement("ds:Transform").CreateAttr("Algorithm", nsExclusive)
	ref.CreateElement("ds:DigestMethod").CreateAttr("Algorithm", algorithmSHA256)
	ref.CreateElement("ds:DigestValue").SetText(base64.StdEncoding.EncodeToString(sum(crypto.SHA256, content)))
	signed, err := canonical(detach(info), "")
	if err != nil {
		return err
	}
	signature, err := k.sign(signed)
	if err != nil {
		return err
	}
	sig.CreateElement("ds:SignatureValue").SetText(base64.StdEncoding.EncodeToString(signature))
	sig.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").
		SetText(base64.StdEncoding.EncodeToString(k.Certificate.Raw))
	el.InsertChildAt(issuerIndex(el)+1, sig)
	return nil
}

func issuerIndex(el *etree.Element) int {
	if issuer := only(el, nsAssertion, "Issuer"); issuer != nil {
		return issuer.Index()
	}
	return -1
}
