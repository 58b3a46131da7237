package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/token"
)

// corpus reads a file of the shared test data, which is not part of the module.
func corpus(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A jwk is a key of the test vectors.
type jwk struct {
	Kty, Alg, Kid, Crv, N, E, X, Y, K, Use string
	KeyOps                                 []string `json:"key_ops"`
}

// verifying makes the key through the constructors that a host has. A JWK says more than
// they can be told: what its use is, and that is judged here.
func (k jwk) verifying() (token.Verifying, error) {
	if k.Use != "" && k.Use != "sig" || len(k.KeyOps) > 0 && k.KeyOps[0] != "verify" && k.KeyOps[0] != "sign" {
		return token.Verifying{}, fmt.Errorf("key is for %s%s", k.Use, k.KeyOps)
	}
	alg := k.Alg
	if k.Kty == "oct" {
		key, err := token.ParsePrivate(k.Kid, alg, bytesOf(k.K))
		if err != nil {
			return token.Verifying{}, err
		}
		return key.Verifying(time.Time{}), nil
	}
	public, err := k.public()
	if err != nil {
		return token.Verifying{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return token.Verifying{}, err
	}
	return token.ParsePublic(k.Kid, alg, der, time.Time{})
}

func (k jwk) public() (any, error) {
	switch k.Kty {
	case "RSA":
		return &rsa.PublicKey{N: numberOf(k.N), E: int(numberOf(k.E).Int64())}, nil
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]
		if curve == nil {
			return nil, fmt.Errorf("curve %q", k.Crv)
		}
		size := (curve.Params().BitSize + 7) / 8
		point := append([]byte{4}, numberOf(k.X).FillBytes(make([]byte, size+2))[2:]...)
		return ecdsa.ParseUncompressedPublicKey(curve, append(point, numberOf(k.Y).FillBytes(make([]byte, size+2))[2:]...))
	}
	return nil, fmt.Errorf("key type %q", k.Kty)
}

func bytesOf(text string) []byte {
	b, _ := base64.RawURLEncoding.DecodeString(text)
	return b
}

func numberOf(text string) *big.Int { return new(big.Int).SetBytes(bytesOf(text)) }

type vectors struct {
	TestGroups []struct {
		Comment         string
		Private, Public *json.RawMessage
		Tests           []struct {
			TcID    int `json:"tcId"`
			Comment string
			Jws     any
			Result  string
			Flags   []string
		}
	}
}

// keysOf returns the keys of a group: one JWK, or a set.
func keysOf(t *testing.T, raw *json.RawMessage) []jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	if err := json.Unmarshal(*raw, &set); err != nil {
		t.Fatal(err)
	}
	if set.Keys != nil {
		return set.Keys
	}
	var one jwk
	if err := json.Unmarshal(*raw, &one); err != nil {
		t.Fatal(err)
	}
	return []jwk{one}
}

// setOf makes the set of a group. A set of which a key is refused accepts nothing.
func setOf(keys []jwk) (*token.Set, error) {
	var all []token.Verifying
	for _, k := range keys {
		v, err := k.verifying()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return token.NewSet(nil, all...)
}

// TestWycheproof runs the project's vectors through Verify. What differs from them is listed
// with its reason, exactly: the lists may only become shorter.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	for file, known := range map[string]map[int]string{
		"json_web_signature_test.json": knownSignature(),
		"json_web_key_test.json":       knownKey(),
	} {
		t.Run("JWT-51 "+file, func(t *testing.T) {
			t.Parallel()
			var v vectors
			if err := json.Unmarshal(corpus(t, "wycheproof/testvectors_v1/"+file), &v); err != nil {
				t.Fatal(err)
			}
			runs := 0
			for _, g := range v.TestGroups {
				keys := g.Public
				if keys == nil {
					keys = g.Private
				}
				set, refused := setOf(keysOf(t, keys))
				for _, tt := range g.Tests {
					runs++
					accepted := false
					if raw, ok := tt.Jws.(string); ok && refused == nil {
						_, err := set.Verify(raw, "", at)
						accepted = err == nil
					}
					_, listed := known[tt.TcID]
					if differs := accepted != (tt.Result == "valid"); differs != listed {
						t.Errorf("%d %s/%s: accepted %v, want %s, listed as different %v (set: %v)",
							tt.TcID, g.Comment, tt.Comment, accepted, tt.Result, listed, refused)
					}
				}
			}
			t.Logf("%d vectors, %d known differences", runs, len(known))
		})
	}
}

// The reasons for which we differ.
const (
	notOffered = "a sound algorithm that we do not offer: the key is refused"
	sameToken  = "this token is, byte for byte, that of vector 357, which is valid"
	notBase64  = "called valid for a decoder that skips what is not base64; we refuse it"
	mixedSet   = "secret and public keys in one set: each is bound to its algorithm, so neither can pass for the other"
	weakPrimes = "primes of a broken chip: keys are ours or come from the host, never from a token"
)

func knownSignature() map[int]string {
	known := map[int]string{367: sameToken, 370: sameToken, 372: notBase64, 373: notBase64}
	for _, id := range []int{
		264, 265, 266, 267, 268, 269, 270, 271, // RS384, RS512
		272, 273, 274, 275, 287, 288, 320, 321, 322, 323, 325, 326, 327, 328, // PS256, PS384, PS512
		346, 347, 350, 351, // PS256, ES512
	} {
		known[id] = notOffered
	}
	return known
}

func knownKey() map[int]string {
	return map[int]string{1: mixedSet, 7: weakPrimes, 14: notOffered, 15: notOffered}
}
