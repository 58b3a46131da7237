package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"regexp"
	"slices"
	"testing"

	"github.com/go-identity/identity/token"
)

// A module is a signer that does not let its key out, as a hardware module.
type module struct {
	inner crypto.Signer
	err   error
}

func (m module) Public() crypto.PublicKey { return m.inner.Public() }

func (m module) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	return m.inner.Sign(r, digest, o)
}

// signers returns a private key for each algorithm.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	r, err1 := rsa.GenerateKey(rand.Reader, 2048)
	e, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{token.RS256: r, token.ES256: e, token.EdDSA: ed}
}

func TestFromSigner(t *testing.T) {
	t.Parallel()
	for want, inner := range signers(t) {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			id, alg, err := token.Identify(inner.Public())
			if err != nil || alg != want || len(id) != 22 {
				t.Fatalf("Identify = %q, %q, %v, want half a thumbprint and %s", id, alg, err, want)
			}
			k, err := token.FromSigner(id, alg, module{inner: inner})
			if err != nil {
				t.Fatal(err)
			}
			s := newSet(t, k)
			raw := sign(t, s, token.AccessType, payload)
			if _, err := newSet(t, nil, publicOf(t, k)).Verify(raw, token.AccessType, at); err != nil {
				t.Errorf("Verify of what the module signed = %v, want nil", err)
			}
			if der, err := k.MarshalPrivate(); err == nil {
				t.Errorf("MarshalPrivate = %d bytes, want an error: the key is elsewhere", len(der))
			}
			broken := errors.New("the module is gone")
			k, err = token.FromSigner(id, alg, module{inner: inner, err: broken})
			if err != nil {
				t.Fatal(err)
			}
			if raw, err := newSet(t, k).Sign(token.AccessType, []byte(payload)); !errors.Is(err, broken) {
				t.Errorf("Sign by a broken module = %q, %v, want its error", raw, err)
			}
		})
	}
}

func publicOf(t testing.TB, k *token.Key) token.Verifying {
	t.Helper()
	der, err := k.MarshalPublic()
	if err != nil {
		t.Fatal(err)
	}
	v, err := token.ParsePublic(k.ID, k.Algorithm, der, at.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParsePEM(t *testing.T) {
	t.Parallel()
	for alg, inner := range signers(t) {
		der, err := x509.MarshalPKCS8PrivateKey(inner)
		if err != nil {
			t.Fatal(err)
		}
		forms := [][]byte{block("PRIVATE KEY", der)}
		switch k := inner.(type) {
		case *rsa.PrivateKey:
			forms = append(forms, block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k)))
		case *ecdsa.PrivateKey:
			sec1, err := x509.MarshalECPrivateKey(k)
			if err != nil {
				t.Fatal(err)
			}
			forms = append(forms, slices.Concat(block("EC PARAMETERS", []byte{6, 0}), block("EC PRIVATE KEY", sec1)))
		}
		for _, text := range forms {
			s, err := token.ParsePEM(text)
			if err != nil {
				t.Errorf("ParsePEM of %s = %v, want nil", text[:40], err)
				continue
			}
			if _, got, _ := token.Identify(s.Public()); got != alg {
				t.Errorf("ParsePEM returns a key for %s, want %s", got, alg)
			}
		}
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestAttackPEM(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	good := signers(t)[token.EdDSA]
	der, err := x509.MarshalPKCS8PrivateKey(good)
	if err != nil {
		t.Fatal(err)
	}
	old := pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte{1},
	})
	for _, tt := range []struct {
		name, want string
		text       []byte
	}{
		{"OPS-08 nothing", "no PEM block", nil},
		{"OPS-08 DER", "no PEM block", der},
		{"OPS-08 cut off", "no PEM block", block("PRIVATE KEY", der)[:60]},
		{"OPS-08 damaged", "damaged PRIVATE KEY", block("PRIVATE KEY", der[:20])},
		{"OPS-08 encrypted", "is encrypted", block("ENCRYPTED PRIVATE KEY", der)},
		{"OPS-08 encrypted as it used to be", "is encrypted", old},
		{"OPS-08 a certificate", "a certificate", block("CERTIFICATE", der)},
		{"OPS-08 a public key", "a public key", block("PUBLIC KEY", der)},
		{"OPS-08 something else", "OPENSSH PRIVATE KEY", block("OPENSSH PRIVATE KEY", der)},
		{"OPS-08 two keys", "follows", slices.Concat(block("PRIVATE KEY", der), block("PRIVATE KEY", der))},
		{"OPS-08 a key and a certificate", "follows", slices.Concat(block("PRIVATE KEY", der), block("CERTIFICATE", der))},
		{"OPS-08 parameters only", "no PEM block", block("EC PARAMETERS", []byte{6, 0})},
		{"JWT-49 RSA 1024", "2048", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(weak))},
		{"JWT-49 P-384", "P-256", block("EC PRIVATE KEY", sec1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := token.ParsePEM(tt.text)
			if err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
				t.Errorf("ParsePEM = %v, want an error that says %q", err, tt.want)
			}
		})
	}
}
