package ssotest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"slices"
	"sync"
	"time"
)

const bits = 2048 // of an RSA key

// A key signs what a provider says.
type key struct {
	id          string
	private     crypto.Signer
	certificate *x509.Certificate
}

func newKey(long bool, now time.Time) (key, error) {
	private, err := generate(long)
	if err != nil {
		return key{}, err
	}
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "ssotest"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, private.Public(), private)
	if err != nil {
		return key{}, fmt.Errorf("certify a key: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return key{rand.Text(), private, certificate}, err
}

func generate(long bool) (crypto.Signer, error) {
	if long {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// flat returns a signer whose ECDSA signatures are the two numbers one after the other, as
// XML has them (xmldsig-core §6.4.3).
func (k key) flat() crypto.Signer {
	if curve, ok := k.private.(*ecdsa.PrivateKey); ok {
		return flatCurve{curve}
	}
	return k.private
}

// sign signs bytes with SHA-256.
func (k key) sign(text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	return k.flat().Sign(rand.Reader, sum[:], crypto.SHA256)
}

type flatCurve struct{ *ecdsa.PrivateKey }

// Sign implements crypto.Signer.
func (c flatCurve) Sign(random io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	r, s, err := ecdsa.Sign(random, c.PrivateKey, digest)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	half := (c.Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*half)
	r.FillBytes(out[:half])
	s.FillBytes(out[half:])
	return out, nil
}

// A ring is a provider's keys, oldest first.
type ring struct {
	rsa bool
	now func() time.Time

	mu    sync.Mutex
	all   []key
	signs int // which of them does
}

func (r *ring) announce() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.add()
}

// add needs the lock.
func (r *ring) add() error {
	k, err := newKey(r.rsa, r.now())
	if err != nil {
		return err
	}
	r.all = append(r.all, k)
	return nil
}

func (r *ring) rotate() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.signs >= len(r.all)-1 {
		if err := r.add(); err != nil {
			return err
		}
	}
	r.signs = len(r.all) - 1
	return nil
}

func (r *ring) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all, r.signs = slices.Clone(r.all[r.signs:]), 0
}

// current returns the key that signs.
func (r *ring) current() key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[r.signs]
}

// published returns all keys, the one that signs first.
func (r *ring) published() []key {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []key{r.all[r.signs]}
	for i, k := range r.all {
		if i != r.signs {
			all = append(all, k)
		}
	}
	return all
}
