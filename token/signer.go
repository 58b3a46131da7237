package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Identify returns what [FromSigner] asks for besides the signer: half the thumbprint of
// its public key (RFC 7638) as an id, and the algorithm that the key is for. A weak key, or
// one for none of the algorithms, is an error.
func Identify(public crypto.PublicKey) (id, algorithm string, err error) {
	switch public.(type) {
	case *rsa.PublicKey:
		algorithm = RS256
	case *ecdsa.PublicKey:
		algorithm = ES256
	case ed25519.PublicKey:
		algorithm = EdDSA
	}
	if err := fits(algorithm, public); err != nil {
		return "", "", err
	}
	id, err = newID(public)
	return id, algorithm, err
}

// ParsePEM reads the private key of a PEM file, for [FromSigner] and for whoever else wants
// a crypto.Signer. The forms are PKCS #8, PKCS #1 and SEC 1. The error says what else the
// file is: no PEM, a certificate, a public key, an encrypted key, or more than one key.
func ParsePEM(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	for block != nil && block.Type == "EC PARAMETERS" { // openssl writes them before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("no PEM block: a private key begins with -----BEGIN PRIVATE KEY-----")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, fmt.Errorf("a %s follows the %s: the file must hold one private key", more.Type, block.Type)
	}
	private, err := parseBlock(block)
	if err != nil {
		return nil, err
	}
	s, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T does not sign", private)
	}
	if _, _, err := Identify(s.Public()); err != nil {
		return nil, err
	}
	return s, nil
}

func parseBlock(block *pem.Block) (private any, err error) {
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, errors.New("the private key is encrypted: decrypt it first, as with openssl pkey")
	case strings.HasSuffix(block.Type, "CERTIFICATE"):
		return nil, errors.New("a certificate, not a private key")
	case strings.HasSuffix(block.Type, "PUBLIC KEY"):
		return nil, errors.New("a public key, not a private key")
	case block.Type == "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a %.40q, not a private key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("damaged %s: %w", block.Type, err)
	}
	return private, nil
}
