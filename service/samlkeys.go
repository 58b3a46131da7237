package service

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"sync"
	"time"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// samlKeys are our own keys towards the providers of SAML: they sign what we ask, and open
// what was encrypted to us. All connections share them. They are made when something first
// needs them, for they take a moment.
type samlKeys struct {
	*base
	ring    *secret.Ring
	baseURL string

	mu   sync.Mutex
	read []saml.Key // newest first; nil until they were read
}

const (
	samlKeysSetting = "saml-keys"
	samlKeyPurpose  = "saml-key"
	samlKeyBits     = 2048
	samlKeyYears    = 10 // providers pin the certificate, and one that runs out stops every sign-in
)

// A samlKeyDoc is a key as it is kept.
type samlKeyDoc struct {
	ID          string `json:"id"`
	Certificate []byte `json:"certificate"` // DER
	Private     []byte `json:"private"`     // sealed PKCS #8
}

type samlKeysDoc struct {
	Keys []samlKeyDoc `json:"keys"` // newest first
}

// keys returns our keys, newest first, and makes the first where there is none. It must not
// be called inside a transaction.
func (k *samlKeys) keys(ctx context.Context) ([]saml.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, err := k.load(ctx)
	if err != nil || len(found) > 0 {
		return found, err
	}
	if err := k.make(ctx); err != nil && !errors.Is(err, store.ErrConflict) {
		return nil, err
	}
	return k.load(ctx)
}

// made returns our keys where anything needed them before. While nothing did, nobody can
// have encrypted to us.
func (k *samlKeys) made(ctx context.Context) ([]saml.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.load(ctx)
}

// load reads the keys once.
func (k *samlKeys) load(ctx context.Context) ([]saml.Key, error) {
	if k.read != nil {
		return k.read, nil
	}
	text, err := k.store.Setting(ctx, "", samlKeysSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read SAML keys: %w", err)
	}
	var doc samlKeysDoc
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read SAML keys: %w", err)
	}
	all := make([]saml.Key, len(doc.Keys))
	for i, d := range doc.Keys {
		if all[i], err = k.open(d); err != nil {
			return nil, fmt.Errorf("open SAML key %s: %w", d.ID, err)
		}
	}
	k.read = all
	return all, nil
}

func (k *samlKeys) open(d samlKeyDoc) (saml.Key, error) {
	der, err := k.ring.Open(samlKeyPurpose, d.ID, d.Private)
	if err != nil {
		return saml.Key{}, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return saml.Key{}, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return saml.Key{}, fmt.Errorf("it is a %T", private)
	}
	cert, err := x509.ParseCertificate(d.Certificate)
	return saml.Key{Private: signer, Certificate: cert}, err
}

// make keeps a first key. Of many processes that do so one wins, and the others get
// ErrConflict.
func (k *samlKeys) make(ctx context.Context) error {
	private, err := rsa.GenerateKey(rand.Reader, samlKeyBits)
	if err != nil {
		return fmt.Errorf("make a SAML key: %w", err)
	}
	d := samlKeyDoc{ID: k.newID()}
	if d.Certificate, err = k.certify(private); err != nil {
		return fmt.Errorf("certify a SAML key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("make a SAML key: %w", err)
	}
	if d.Private, err = k.ring.Seal(samlKeyPurpose, d.ID, der); err != nil {
		return fmt.Errorf("seal a SAML key: %w", err)
	}
	doc, err := json.Marshal(samlKeysDoc{[]samlKeyDoc{d}})
	if err != nil {
		return fmt.Errorf("make a SAML key: %w", err)
	}
	return k.change(ctx, store.System(), "saml_key.created", d.ID, func(tx *unit) error {
		return tx.CreateSetting(ctx, "", samlKeysSetting, doc)
	})
}

// certify wraps a public key in a certificate of its own making, which is how providers take it.
func (k *samlKeys) certify(private *rsa.PrivateKey) ([]byte, error) {
	u, err := url.Parse(k.baseURL)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now, name := k.now(), u.Hostname()
	name = name[:min(len(name), 64)] // as much as a name may have (RFC 5280, appendix A.1)
	shape := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(samlKeyYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, SignatureAlgorithm: x509.SHA256WithRSA,
	}
	return x509.CreateCertificate(rand.Reader, shape, shape, private.Public(), private)
}
