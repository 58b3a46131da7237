package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

const (
	maxJWKS   = 1 << 20 // bytes of a JWK set
	maxPublic = 100     // in it
)

// ParseJWKS reads a JWK set of public keys (RFC 7517 §5): those that verify RS256, ES256
// and EdDSA. Keys for anything else, and keys without an id, are passed over. A set that
// holds a secret or a private key, a weak or malformed key, one id twice, more than 100
// keys or none that verifies is refused as a whole: it is not what its owner meant.
func ParseJWKS(text []byte) ([]Verifying, error) {
	if len(text) > maxJWKS {
		return nil, fmt.Errorf("JWK set: %d bytes, at most %d", len(text), maxJWKS)
	}
	var keys []Verifying
	found := false
	err := object(string(text), func(name, value string) (err error) {
		if name == "keys" {
			found = true
			keys, err = parseKeys(value)
		}
		return err
	})
	if err == nil && (!found || len(keys) == 0) {
		err = errors.New("no key that verifies")
	}
	if err == nil {
		_, err = NewSet(nil, keys...)
	}
	if err != nil {
		return nil, fmt.Errorf("JWK set: %w", err)
	}
	return keys, nil
}

func parseKeys(value string) ([]Verifying, error) {
	if value[0] != '[' {
		return nil, errJSON
	}
	var keys []Verifying
	n, s := 0, scanner{in: value}
	_ = s.elements(func(v string) error {
		if n++; n > maxPublic {
			return fmt.Errorf("more than %d keys", maxPublic)
		}
		k, ok, err := parseJWK(v)
		if ok {
			keys = append(keys, k)
		}
		return err
	})
	return keys, s.err
}

// A jwk is what a JWK says, as text.
type jwk struct {
	kty, use, alg, kid, n, e, crv, x, y string

	operations []string
	private    bool
}

// parseJWK returns the key, and reports whether it is one that verifies here.
func parseJWK(value string) (Verifying, bool, error) {
	var k jwk
	if value[0] != '{' {
		return Verifying{}, false, errJSON
	}
	if err := object(value, k.set); err != nil {
		return Verifying{}, false, err
	}
	if k.kty == "oct" || k.private {
		return Verifying{}, false, fmt.Errorf("key %.40q is a secret: it must not be published", k.kid)
	}
	if !k.ours() {
		return Verifying{}, false, nil
	}
	public, err := k.public()
	if err != nil {
		return Verifying{}, false, fmt.Errorf("key %.40q: %w", k.kid, err)
	}
	v := Verifying{ID: k.kid, Algorithm: k.alg, public: public}
	return v, true, v.valid()
}

func (k *jwk) set(name, value string) (err error) {
	if t := k.named(name); t != nil {
		*t, err = text(value)
		return err
	}
	switch name {
	case "key_ops":
		k.operations, err = texts(value)
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
		k.private = true
	}
	return err
}

func (k *jwk) named(name string) *string {
	switch name {
	case "kty":
		return &k.kty
	case "use":
		return &k.use
	case "alg":
		return &k.alg
	case "kid":
		return &k.kid
	case "n":
		return &k.n
	case "e":
		return &k.e
	case "crv":
		return &k.crv
	case "x":
		return &k.x
	case "y":
		return &k.y
	}
	return nil
}

// ours reports whether the key says that it verifies under an algorithm of ours.
func (k *jwk) ours() bool {
	algorithm := k.alg == RS256 || k.alg == ES256 || k.alg == EdDSA
	signing := (k.use == "" || k.use == "sig") && (k.operations == nil || slices.Contains(k.operations, "verify"))
	return k.kid != "" && algorithm && signing
}

func (k *jwk) public() (any, error) {
	switch {
	case k.kty == "RSA":
		return parseRSA(k.n, k.e)
	case k.kty == "EC" && k.crv == "P-256":
		x, err := coordinate(k.x)
		y, errY := coordinate(k.y)
		if err := errors.Join(err, errY); err != nil {
			return nil, err
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	case k.kty == "OKP" && k.crv == "Ed25519":
		x, err := coordinate(k.x)
		return ed25519.PublicKey(x), err
	}
	return nil, fmt.Errorf("no key type %.20q with curve %.20q", k.kty, k.crv)
}

func parseRSA(n, e string) (*rsa.PublicKey, error) {
	modulus, err := strict.DecodeString(n)
	exponent, errE := strict.DecodeString(e)
	if err := errors.Join(err, errE); err != nil {
		return nil, err
	}
	if len(exponent) > 4 || len(modulus) > maxRSA/8 {
		return nil, errors.New("an RSA key of that size is no key")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}, nil
}

// coordinate decodes one of 32 bytes.
func coordinate(text string) ([]byte, error) {
	b, err := strict.DecodeString(text)
	if err == nil && len(b) != 32 {
		err = fmt.Errorf("a coordinate has %d bytes, not 32", len(b))
	}
	return b, err
}
