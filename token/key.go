package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
	HS256 = "HS256"
)

const (
	minRSA  = 2048 // bits
	maxRSA  = 8192
	minHMAC = 32 // bytes
)

// A Key signs tokens under one algorithm.
type Key struct {
	ID        string // the kid
	Algorithm string
	private   any // a crypto.Signer, or a []byte for HS256
}

// A Verifying is the half of a key that verifies.
type Verifying struct {
	ID        string
	Algorithm string
	NotAfter  time.Time // verifies nothing from then on; zero is for ever
	public    any       // a public key, or a []byte for HS256
}

// Generate returns a new key for the algorithm. An RSA key has 2048 bits.
func Generate(algorithm string) (*Key, error) {
	private, err := generate(algorithm)
	if err != nil {
		return nil, fmt.Errorf("generate %s key: %w", algorithm, err)
	}
	k := &Key{Algorithm: algorithm, private: private}
	k.ID, err = newID(k.public())
	return k, err
}

func generate(algorithm string) (any, error) {
	switch algorithm {
	case RS256:
		return rsa.GenerateKey(rand.Reader, minRSA)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case HS256:
		b := make([]byte, minHMAC)
		_, err := rand.Read(b)
		return b, err
	}
	return nil, errors.New("unknown algorithm")
}

// newID names a key: by half its thumbprint (RFC 7638), or at random where the thumbprint
// would be one of a secret.
func newID(public any) (string, error) {
	var sum [sha256.Size]byte
	if _, secret := public.([]byte); secret {
		_, err := rand.Read(sum[:])
		return base64.RawURLEncoding.EncodeToString(sum[:16]), err
	}
	sum = sha256.Sum256(members(nil, public, true))
	return base64.RawURLEncoding.EncodeToString(sum[:16]), nil
}

// FromSigner returns a key whose private half is elsewhere, such as in a hardware module.
func FromSigner(id, algorithm string, s crypto.Signer) (*Key, error) {
	return newKey(id, algorithm, s)
}

// ParsePrivate reads what [Key.MarshalPrivate] wrote. It refuses a key that does not fit
// the algorithm, and a weak one.
func ParsePrivate(id, algorithm string, der []byte) (*Key, error) {
	if algorithm == HS256 {
		return newKey(id, algorithm, bytes.Clone(der))
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	return newKey(id, algorithm, private)
}

func newKey(id, algorithm string, private any) (*Key, error) {
	k := &Key{ID: id, Algorithm: algorithm, private: private}
	if err := k.Verifying(time.Time{}).valid(); err != nil {
		return nil, err
	}
	return k, nil
}

// ParsePublic reads a public key as [Key.MarshalPublic] wrote it. There is none for HS256.
func ParsePublic(id, algorithm string, der []byte, notAfter time.Time) (Verifying, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Verifying{}, fmt.Errorf("key %s: %w", id, err)
	}
	v := Verifying{ID: id, Algorithm: algorithm, NotAfter: notAfter, public: public}
	return v, v.valid()
}

// MarshalPrivate returns the private half in PKCS #8 (DER), for HS256 as it is. A key that
// is elsewhere has none to give.
func (k *Key) MarshalPrivate() ([]byte, error) {
	if secret, ok := k.private.([]byte); ok {
		return bytes.Clone(secret), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.ID, err)
	}
	return der, nil
}

// MarshalPublic returns the public half in PKIX form (DER); for HS256 it is empty.
func (k *Key) MarshalPublic() ([]byte, error) {
	if k.Algorithm == HS256 {
		return nil, nil
	}
	der, err := x509.MarshalPKIXPublicKey(k.public())
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.ID, err)
	}
	return der, nil
}

// PublicPEM returns the public half as PEM, or nothing for HS256.
func (k *Key) PublicPEM() string {
	der, err := k.MarshalPublic()
	if err != nil || der == nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Verifying returns the half that verifies, until notAfter.
func (k *Key) Verifying(notAfter time.Time) Verifying {
	return Verifying{ID: k.ID, Algorithm: k.Algorithm, NotAfter: notAfter, public: k.public()}
}

// String names the key without showing it.
func (k *Key) String() string { return k.Algorithm + " key " + k.ID }

// GoString is String, so that no format verb shows the key.
func (k *Key) GoString() string { return k.String() }

// String names the key without showing it.
func (v Verifying) String() string { return v.Algorithm + " key " + v.ID }

// GoString is String, so that no format verb shows the key.
func (v Verifying) GoString() string { return v.String() }

func (k *Key) public() any {
	if s, ok := k.private.(crypto.Signer); ok {
		return s.Public()
	}
	return k.private
}

// valid refuses a key that is weak, or not of its algorithm (RFC 8725 §3.1, §3.5), and a
// kid that cannot stand in a header as it is.
func (v Verifying) valid() error {
	if !plain(v.ID) || v.ID == "" {
		return fmt.Errorf("key id %.40q must be 1 to 128 printable characters", v.ID)
	}
	if err := fits(v.Algorithm, v.public); err != nil {
		return fmt.Errorf("key %s: %w", v.ID, err)
	}
	return nil
}

func fits(algorithm string, public any) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if algorithm == RS256 {
			return strongRSA(k)
		}
	case *ecdsa.PublicKey:
		if algorithm == ES256 {
			return onP256(k)
		}
	case ed25519.PublicKey:
		if algorithm == EdDSA && len(k) == ed25519.PublicKeySize {
			return nil
		}
	case []byte:
		if algorithm == HS256 {
			return longEnough(k)
		}
	}
	return fmt.Errorf("a %T is not a key for algorithm %.10q", public, algorithm)
}

func strongRSA(k *rsa.PublicKey) error {
	if k.N == nil || k.N.BitLen() < minRSA || k.N.BitLen() > maxRSA {
		return fmt.Errorf("an RSA key must have %d to %d bits", minRSA, maxRSA)
	}
	if k.E < 1<<16+1 || k.E%2 == 0 {
		return errors.New("an RSA exponent must be odd and at least 65537")
	}
	return nil
}

func onP256(k *ecdsa.PublicKey) error {
	if k.Curve != elliptic.P256() {
		return errors.New("an ES256 key must be on P-256")
	}
	if _, err := k.ECDH(); err != nil {
		return fmt.Errorf("not a point of P-256: %w", err)
	}
	return nil
}

func longEnough(secret []byte) error {
	if len(secret) < minHMAC {
		return fmt.Errorf("an HMAC key must have at least %d bytes", minHMAC)
	}
	return nil
}

// plain reports whether text can stand between the quotes of a header as it is.
func plain(text string) bool {
	return len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool {
		return r < '!' || r > '~' || r == '"' || r == '\\'
	})
}
