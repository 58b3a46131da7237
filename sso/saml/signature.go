package saml

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the digests that signatures name
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"time"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
)

const (
	algorithmEnveloped   = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algorithmRSASHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	algorithmECDSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	algorithmECDSASHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
	algorithmSHA256      = "http://www.w3.org/2001/04/xmlenc#sha256"
)

// An algorithm is a way of signing.
type algorithm struct {
	hash  crypto.Hash
	curve bool
}

// signatureAlgorithm returns what is allowed, and nothing else: no SHA-1, no MD5, no HMAC.
func signatureAlgorithm(uri string) (algorithm, bool) {
	a, ok := map[string]algorithm{
		algorithmRSASHA256: {crypto.SHA256, false},
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": {crypto.SHA384, false},
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": {crypto.SHA512, false},
		algorithmECDSASHA256: {crypto.SHA256, true},
		algorithmECDSASHA384: {crypto.SHA384, true},
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": {crypto.SHA512, true},
	}[uri]
	return a, ok
}

func digestAlgorithm(uri string) (crypto.Hash, bool) {
	h, ok := map[string]crypto.Hash{
		algorithmSHA256: crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
		"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	}[uri]
	return h, ok
}

// A seal is an enveloped signature whose shape has been checked. Everything but the value
// is read from the canonical bytes that the value signs.
type seal struct {
	at       int // of the Signature among its parent's children
	signed   []byte
	value    []byte
	method   algorithm
	digest   crypto.Hash
	digested []byte
	prefixes string
}

// verified returns el as the provider's key signed it, read anew from the very bytes that
// were digested: nothing outside of what it returns is to be believed. Certificates are
// tried one by one; what the signature says about its key is not looked at.
func (c *Connection) verified(el *etree.Element, now time.Time) (*etree.Element, error) {
	s, err := readSeal(el)
	if err != nil {
		return nil, err
	}
	if err := c.trust(s.method, s.signed, s.value, now); err != nil {
		return nil, err
	}
	alone := detach(el)
	alone.RemoveChildAt(s.at)
	content, err := canonical(alone, s.prefixes)
	if err != nil {
		return nil, sso.Refuse("the signed element cannot be put into canonical form", err)
	}
	if !bytes.Equal(sum(s.digest, content), s.digested) {
		return nil, sso.Refuse("the message was changed after it was signed", nil)
	}
	return parse(content)
}

func sum(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

var errShape = errors.New("the shape of the signature")

// readSeal finds the one signature of el and checks that it covers el, all of it, and only it.
func readSeal(el *etree.Element) (seal, error) {
	sig := only(el, nsSignature, "Signature")
	if sig == nil {
		return seal{}, sso.Refuse("the message is not signed", nil)
	}
	if len(children(sig, nsSignature, "KeyInfo")) > 1 {
		return seal{}, sso.Refuse("the signature has an unusual shape", errShape)
	}
	outer, signature := only(sig, nsSignature, "SignedInfo"), only(sig, nsSignature, "SignatureValue")
	if outer == nil || signature == nil {
		return seal{}, sso.Refuse("the signature has an unusual shape", errShape)
	}
	signed, err := canonical(detach(outer), keptPrefixes(outer))
	if err != nil {
		return seal{}, sso.Refuse("the signature cannot be put into canonical form", err)
	}
	info, err := parse(signed)
	if err != nil {
		return seal{}, sso.Refuse("the signature cannot be put into canonical form", err)
	}
	s := seal{at: sig.Index(), signed: signed}
	if s.value, err = base64.StdEncoding.Strict().DecodeString(squeeze(text(signature))); err != nil {
		return seal{}, sso.Refuse("the signature's value is not base64", err)
	}
	return s, s.read(info, value(el, "ID"))
}

// keptPrefixes is the list of namespaces that the canonical form of the SignedInfo keeps.
func keptPrefixes(info *etree.Element) string {
	return value(only(only(info, nsSignature, "CanonicalizationMethod"), nsExclusive, "InclusiveNamespaces"), "PrefixList")
}

// read fills in what the signed bytes say.
func (s *seal) read(info *etree.Element, id string) error {
	all := info.ChildElements()
	names := len(all) == 3 && is(all[0], nsSignature, "CanonicalizationMethod") &&
		is(all[1], nsSignature, "SignatureMethod") && is(all[2], nsSignature, "Reference")
	if !names {
		return sso.Refuse("the signature must have exactly one reference", errShape)
	}
	if value(all[0], "Algorithm") != nsExclusive {
		return sso.Refuse("the signature uses another canonical form than exclusive XML canonicalization", nil)
	}
	var known bool
	if s.method, known = signatureAlgorithm(value(all[1], "Algorithm")); !known || len(all[1].ChildElements()) > 0 {
		return sso.Refuse("the signature's algorithm is not allowed: sign with RSA or ECDSA and SHA-256, SHA-384 or SHA-512", nil)
	}
	return s.reference(all[2], id)
}

// reference wants the whole element, named by its ID, and the two transforms that every
// provider uses.
func (s *seal) reference(ref *etree.Element, id string) error {
	if uri, _ := attribute(ref, "URI"); !plainID(id) || uri != "#"+id {
		return sso.Refuse("the signature refers to something else than the element it stands in", nil)
	}
	all := ref.ChildElements()
	if len(all) != 3 || !is(all[0], nsSignature, "Transforms") ||
		!is(all[1], nsSignature, "DigestMethod") || !is(all[2], nsSignature, "DigestValue") {
		return sso.Refuse("the signature has an unusual shape", errShape)
	}
	steps := children(all[0], nsSignature, "Transform")
	if len(steps) != 2 || len(all[0].ChildElements()) != 2 || value(steps[0], "Algorithm") != algorithmEnveloped ||
		value(steps[1], "Algorithm") != nsExclusive || len(steps[0].ChildElements()) > 0 {
		return sso.Refuse("the signature has transforms other than the enveloped signature and exclusive canonicalization", nil)
	}
	s.prefixes = value(only(steps[1], nsExclusive, "InclusiveNamespaces"), "PrefixList")
	var known bool
	if s.digest, known = digestAlgorithm(value(all[1], "Algorithm")); !known {
		return sso.Refuse("the signature's digest is not allowed: use SHA-256, SHA-384 or SHA-512", nil)
	}
	var err error
	if s.digested, err = base64.StdEncoding.Strict().DecodeString(squeeze(text(all[2]))); err != nil {
		return sso.Refuse("the signature's digest is not base64", err)
	}
	return nil
}

// plainID reports whether an ID is of the kind that needs no escaping anywhere.
func plainID(id string) bool {
	for _, r := range id {
		plain := r == '_' || r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !plain {
			return false
		}
	}
	return id != "" && len(id) <= 256
}

// trust asks whether any of the provider's certificates has the key that made value.
func (c *Connection) trust(a algorithm, signed, value []byte, now time.Time) error {
	digest := sum(a.hash, signed)
	expired := false
	for _, cert := range c.Provider.Certificates {
		if c.RefuseExpired && now.After(cert.NotAfter) {
			expired = true
			continue
		}
		if verifies(cert, a, digest, value) {
			return nil
		}
	}
	if expired {
		return sso.Refuse("a certificate of the provider has expired: upload the provider's current metadata", nil)
	}
	return sso.Refuse("the signature was made with a key that is not the provider's: upload the provider's current metadata", nil)
}

func verifies(cert *x509.Certificate, a algorithm, digest, value []byte) bool {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return !a.curve && strong(key) && rsa.VerifyPKCS1v15(key, a.hash, digest, value) == nil
	case *ecdsa.PublicKey:
		// XML signatures hold the two numbers one after the other (xmldsig-core §6.4.3).
		half := (key.Curve.Params().BitSize + 7) / 8
		return a.curve && key.Curve.Params().BitSize >= 256 && len(value) == 2*half &&
			ecdsa.Verify(key, digest, new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:]))
	}
	return false
}

// strong reports whether a key is long enough to be believed.
func strong(key *rsa.PublicKey) bool { return key.N.BitLen() >= 2048 }
