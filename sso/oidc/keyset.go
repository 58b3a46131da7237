package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/go-identity/identity/sso"
)

const (
	maxKeys = 100
	minRSA  = 2048 // bits
)

// asymmetric are the algorithms whose keys a provider can publish. An HMAC would make the
// client's secret, or a public key, a key to sign with.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// signing returns the algorithms that count: ours, less what the connection leaves out, less
// what the provider does not announce. A document only ever takes away.
func (pr Provider) signing(doc document) []string {
	announced := doc.Algorithms
	if len(announced) == 0 {
		announced = []string{"RS256"} // Discovery 1.0 §3 makes it the one that all must have
	}
	return slices.DeleteFunc(slices.Clone(asymmetric), func(alg string) bool {
		left := len(pr.Algorithms) > 0 && !slices.Contains(pr.Algorithms, alg)
		return left || !slices.Contains(announced, alg)
	})
}

// A key is one that a provider signs with.
type key struct{ jose.JSONWebKey }

// fits reports whether the key may verify alg: a key says by its kind what it is for.
func (k key) fits(alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		curves := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
		return curves[alg] == public.Curve.Params().Name
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// A keySet verifies signatures by a provider's published keys.
type keySet struct {
	keys       *kept[[]key]
	algorithms []string
}

// VerifySignature returns the payload of a token that one published key signed. A key id
// that is not there asks the provider, at most every 30 s; a signature that is wrong never.
func (s keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	algorithms := make([]jose.SignatureAlgorithm, len(s.algorithms))
	for i, a := range s.algorithms {
		algorithms[i] = jose.SignatureAlgorithm(a)
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, fmt.Errorf("read the token: %w", err)
	}
	k, err := s.find(ctx, signed.Signatures[0].Header)
	if err != nil {
		return nil, err
	}
	return signed.Verify(k.Key)
}

func (s keySet) find(ctx context.Context, h jose.Header) (key, error) {
	all, err := s.keys.current(ctx)
	if err != nil {
		return key{}, err
	}
	found := matching(all, h)
	if len(found) == 0 {
		if all, err = s.keys.renewed(ctx); err != nil {
			return key{}, err
		}
		found = matching(all, h)
	}
	if len(found) != 1 {
		return key{}, fmt.Errorf("%d keys for key id %.100q and %s, not one", len(found), h.KeyID, h.Algorithm)
	}
	return found[0], nil
}

// matching returns the keys that may have signed. A token without a key id is taken where
// only one key can be meant.
func matching(all []key, h jose.Header) []key {
	var found []key
	for _, k := range all {
		if k.fits(h.Algorithm) && (h.KeyID == "" || k.KeyID == h.KeyID) {
			found = append(found, k)
		}
	}
	return found
}

// keySet returns the keys of a document, from memory where it can.
func (p *Party) keySet(pr Provider, doc document) keySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return keySet{algorithms: pr.signing(doc), keys: slot(p.keys, doc.Keys, func() *kept[[]key] {
		return &kept[[]key]{now: p.now, load: func(ctx context.Context) ([]key, error) { return p.loadKeys(ctx, doc.Keys) }}
	})}
}

func (p *Party) loadKeys(ctx context.Context, address string) ([]key, error) {
	text, err := p.client.Get(ctx, address, "")
	if err != nil {
		return nil, refuseKeys(err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err = json.Unmarshal(text, &set)
	switch {
	case err != nil:
		return nil, refuseKeys(err)
	case set.Keys == nil:
		return nil, refuseKeys(errors.New("no member keys"))
	case len(set.Keys) > maxKeys:
		return nil, refuseKeys(fmt.Errorf("%d keys, at most %d", len(set.Keys), maxKeys))
	}
	var keys []key
	for _, raw := range set.Keys {
		if k, ok := parseKey(raw); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

func refuseKeys(cause error) error { return sso.Refuse("the provider's keys cannot be had", cause) }

// parseKey returns a public key for signatures; others have their reasons to be in the set.
// Only the members that make such a key are shown to the library: it would parse certificates
// and private keys as well.
func parseKey(raw []byte) (key, bool) {
	var j struct {
		Kty string   `json:"kty"`
		Use string   `json:"use,omitempty"`
		Alg string   `json:"alg,omitempty"`
		Kid string   `json:"kid,omitempty"`
		N   string   `json:"n,omitempty"`
		E   string   `json:"e,omitempty"`
		Crv string   `json:"crv,omitempty"`
		X   string   `json:"x,omitempty"`
		Y   string   `json:"y,omitempty"`
		Ops []string `json:"key_ops,omitempty"`
	}
	if json.Unmarshal(raw, &j) != nil || j.Use != "" && j.Use != "sig" || j.Ops != nil && !slices.Contains(j.Ops, "verify") {
		return key{}, false
	}
	j.Ops = nil
	public, err := json.Marshal(j)
	if err != nil {
		return key{}, false
	}
	var k key
	if k.UnmarshalJSON(public) != nil || !k.IsPublic() || !k.Valid() {
		return key{}, false
	}
	if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minRSA {
		return key{}, false
	}
	return k, true
}
