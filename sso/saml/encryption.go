package saml

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	_ "crypto/sha1" // OAEP's default digest: nothing rests on its being hard to collide
	"crypto/subtle"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
)

const maxKeys = 4 // EncryptedKeys that are tried

// errSealed is the one answer to everything that goes wrong between the key and the text, so
// that nobody learns from it how far a guess came.
var errSealed = errors.New("decrypt an assertion")

// A block is a way of encrypting content.
type block struct {
	size int // of the key
	cbc  bool
}

func blockAlgorithm(uri string) (block, bool) {
	b, ok := map[string]block{
		"http://www.w3.org/2009/xmlenc11#aes128-gcm": {16, false},
		"http://www.w3.org/2009/xmlenc11#aes256-gcm": {32, false},
		nsEncryption + "aes128-cbc":                  {16, true},
		nsEncryption + "aes192-cbc":                  {24, true},
		nsEncryption + "aes256-cbc":                  {32, true},
	}[uri]
	return b, ok
}

// decrypt returns the assertion inside an EncryptedAssertion, and whether others could have
// changed it. That it came out whole proves nothing: everybody may encrypt to us.
func (c *Connection) decrypt(el *etree.Element) (assertion *etree.Element, pliable bool, err error) {
	sealed := only(el, nsEncryption, "EncryptedData")
	if sealed == nil {
		return nil, false, sso.Refuse("the encrypted assertion has no EncryptedData", nil)
	}
	algorithm, err := c.block(value(only(sealed, nsEncryption, "EncryptionMethod"), "Algorithm"))
	if err != nil {
		return nil, false, err
	}
	keys, err := wrappedKeys(el, sealed)
	if err != nil {
		return nil, false, err
	}
	text, err := cipherText(sealed)
	if err != nil {
		return nil, false, err
	}
	plain, err := c.open(algorithm, keys, text)
	if err == nil {
		assertion, err = unwrap(el, plain)
	} else {
		err = sso.Refuse("the assertion cannot be decrypted with any of the connection's keys: "+
			"give the provider the current metadata of this connection", err)
	}
	if algorithm.cbc && err != nil {
		err = errPliable(err)
	}
	return assertion, algorithm.cbc, err
}

// block returns the way of encrypting, if the connection accepts it.
func (c *Connection) block(method string) (block, error) {
	algorithm, known := blockAlgorithm(method)
	if !known {
		return algorithm, sso.Refuse(fmt.Sprintf("the assertion is encrypted with %.80q, which is not accepted: "+
			"make the provider use AES-GCM with 128 or 256 bits", method), nil)
	}
	if algorithm.cbc && !c.CBC {
		return algorithm, sso.Refuse("the assertion is encrypted with AES-CBC, which this connection does not accept: "+
			"make the provider use AES-GCM, or allow CBC for this connection", nil)
	}
	return algorithm, nil
}

// errPliable is the one refusal of an assertion under AES-CBC until the signature inside has
// been verified. Whoever may read the diagnoses of a connection could else have another
// tenant's assertion, which is encrypted to the same key, taken apart byte by byte.
func errPliable(cause error) error {
	return sso.Refuse("the assertion cannot be decrypted with any of the connection's keys, or is not signed by itself with a key "+
		"of the provider: give the provider the current metadata of this connection, and make it sign the assertion", cause)
}

// A wrapped key is a content key that RSA-OAEP hides.
type wrapped struct {
	text    []byte
	options rsa.OAEPOptions
}

// wrappedKeys finds the content's keys, inside the EncryptedData or beside it.
func wrappedKeys(el, sealed *etree.Element) ([]wrapped, error) {
	all := children(el, nsEncryption, "EncryptedKey")
	if inner := only(sealed, nsSignature, "KeyInfo"); inner != nil {
		all = append(all, children(inner, nsEncryption, "EncryptedKey")...)
	}
	if len(all) == 0 || len(all) > maxKeys {
		return nil, sso.Refuse("the encrypted assertion carries no key, or too many", nil)
	}
	keys := make([]wrapped, 0, len(all))
	for _, k := range all {
		options, err := keyAlgorithm(only(k, nsEncryption, "EncryptionMethod"))
		if err != nil {
			return nil, err
		}
		text, err := cipherText(k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, wrapped{text, options})
	}
	return keys, nil
}

func keyAlgorithm(method *etree.Element) (rsa.OAEPOptions, error) {
	options := rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	uri := value(method, "Algorithm")
	if uri != nsEncryption+"rsa-oaep-mgf1p" && uri != nsOAEP+"rsa-oaep" {
		return options, sso.Refuse(fmt.Sprintf("the assertion's key is encrypted with %.80q, which is not accepted: "+
			"make the provider use RSA-OAEP", uri), nil)
	}
	known := true
	if d := only(method, nsSignature, "DigestMethod"); d != nil {
		options.Hash, known = oaepDigest(value(d, "Algorithm"))
	}
	if m := only(method, nsOAEP, "MGF"); m != nil && known {
		options.MGFHash, known = maskDigest(value(m, "Algorithm"))
	}
	if !known || only(method, nsEncryption, "OAEPparams") != nil {
		return options, sso.Refuse("the assertion's key is encrypted with RSA-OAEP and parameters that are not accepted", nil)
	}
	return options, nil
}

func oaepDigest(uri string) (crypto.Hash, bool) {
	if uri == nsSignature+"sha1" {
		return crypto.SHA1, true
	}
	return digestAlgorithm(uri)
}

func maskDigest(uri string) (crypto.Hash, bool) {
	h, ok := map[string]crypto.Hash{
		nsOAEP + "mgf1sha1": crypto.SHA1, nsOAEP + "mgf1sha256": crypto.SHA256,
		nsOAEP + "mgf1sha384": crypto.SHA384, nsOAEP + "mgf1sha512": crypto.SHA512,
	}[uri]
	return h, ok
}

func cipherText(el *etree.Element) ([]byte, error) {
	encoded := text(only(only(el, nsEncryption, "CipherData"), nsEncryption, "CipherValue"))
	out, err := base64.StdEncoding.Strict().DecodeString(squeeze(encoded))
	if err != nil || len(out) == 0 {
		return nil, sso.Refuse("the encrypted assertion has no content", err)
	}
	return out, nil
}

// open tries every key of ours on every wrapped key.
func (c *Connection) open(b block, keys []wrapped, text []byte) ([]byte, error) {
	for _, ours := range c.Keys {
		private, ok := ours.Private.(crypto.Decrypter)
		if _, isRSA := ours.Private.Public().(*rsa.PublicKey); !ok || !isRSA {
			continue
		}
		for _, k := range keys {
			key, err := private.Decrypt(nil, k.text, &k.options)
			if err != nil || len(key) != b.size {
				continue
			}
			if plain, err := b.open(key, text); err == nil {
				return plain, nil
			}
		}
	}
	return nil, errSealed
}

func (b block) open(key, text []byte) ([]byte, error) {
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil, errSealed
	}
	if b.cbc {
		return openCBC(c, text)
	}
	gcm, err := cipher.NewGCM(c)
	if err != nil || len(text) < gcm.NonceSize() {
		return nil, errSealed
	}
	plain, err := gcm.Open(nil, text[:gcm.NonceSize()], text[gcm.NonceSize():], nil)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// openCBC looks at the last byte only, as xmlenc §5.2 pads: the rest may be anything.
func openCBC(c cipher.Block, text []byte) ([]byte, error) {
	size := c.BlockSize()
	if len(text) < 2*size || len(text)%size != 0 {
		return nil, errSealed
	}
	plain := make([]byte, len(text)-size)
	cipher.NewCBCDecrypter(c, text[:size]).CryptBlocks(plain, text[size:]) //nolint:gosec // the connection allows it
	pad := int(plain[len(plain)-1])
	if subtle.ConstantTimeLessOrEq(1, pad)&subtle.ConstantTimeLessOrEq(pad, size) != 1 {
		return nil, errSealed
	}
	return plain[:len(plain)-pad], nil
}

// unwrap reads what was encrypted. It stands in the place of the encrypted element and may
// use the prefixes that are declared around there, so it is read inside the same
// declarations; the scan sees to it that nothing breaks out of them.
func unwrap(el *etree.Element, plain []byte) (*etree.Element, error) {
	around := detach(el)
	around.Child = nil
	shell, err := render(around)
	if err != nil {
		return nil, err
	}
	opening := bytes.TrimSuffix(shell, []byte("/>"))
	doc := append(append(append([]byte{}, opening...), '>'), plain...)
	doc = append(append(doc, "</"+el.FullTag()...), '>')
	s := scanner{limit: limit{maxBytes, maxNodes}, known: messageNamespaces(),
		roots: []xml.Name{{Space: nsAssertion, Local: "EncryptedAssertion"}}}
	found, err := s.scan(doc)
	if err != nil {
		return nil, err
	}
	root, err := parse(doc)
	if err != nil {
		return nil, sso.Refuse("the decrypted assertion is not well-formed XML", err)
	}
	inner := only(root, nsAssertion, "Assertion")
	if inner == nil || found.assertions != 1 || found.encrypted != 0 {
		return nil, sso.Refuse("what was encrypted is not one assertion", nil)
	}
	return inner, nil
}

// render writes an element as a document.
func render(el *etree.Element) ([]byte, error) {
	d := etree.NewDocument()
	d.SetRoot(el)
	out, err := d.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write an element: %w", err)
	}
	return out, nil
}
