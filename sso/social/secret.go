package social

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/go-identity/identity/sso"
)

// secretLife is how long a secret lasts that is made for one request.
const secretLife = 5 * time.Minute

// proving returns the client with the secret that goes out.
func (p *Party) proving(pr Provider, c Client) (Client, error) {
	if !pr.Signed {
		return c, nil
	}
	secret, err := sign(pr, c, p.now())
	if err != nil {
		return c, sso.Refuse("the client's key cannot be used: take the .p8 file as the provider gave it out", err)
	}
	c.Secret = secret
	return c, nil
}

// sign makes the secret of a client that has a key instead: a token about itself.
func sign(pr Provider, c Client, now time.Time) (string, error) {
	k, err := signingKey(c.Secret)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k, KeyID: c.KeyID}}, nil)
	if err != nil {
		return "", fmt.Errorf("make a signer: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": c.TeamID, "sub": c.ID, "aud": pr.Issuer, "iat": now.Unix(), "exp": now.Add(secretLife).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signed.CompactSerialize()
}

// signingKey reads a private key for ES256. Its errors hold nothing of it.
func signingKey(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key is not PKCS #8")
	}
	k, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("the key is not of P-256")
	}
	return k, nil
}
