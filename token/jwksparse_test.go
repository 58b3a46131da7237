package token_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/token"
)

func TestParseJWKS(t *testing.T) {
	t.Parallel()
	s := newSet(t, generate(t, token.RS256), generate(t, token.ES256).Verifying(time.Time{}), generate(t, token.EdDSA).Verifying(time.Time{}))
	foreign := `{"kty":"RSA","kid":"a","alg":"PS256","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-521","kid":"b","alg":"ES512"},` +
		`{"kty":"RSA","kid":"c","alg":"RS256","use":"enc"},{"kty":"AKP","kid":"d","alg":"ML-DSA-44","pub":"AA"},` +
		`{"kty":"EC","kid":"e","alg":"ES256","key_ops":["sign"]},{"kty":"RSA","alg":"RS256"}`
	text := strings.Replace(string(s.JWKS()), `[`, `[`+foreign+`,`, 1)
	keys, err := token.ParseJWKS([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if again := newSet(t, nil, keys...); string(again.JWKS()) != string(s.JWKS()) {
		t.Errorf("ParseJWKS = %s\nwant     %s", again.JWKS(), s.JWKS())
	}
}

func TestAttackJWK(t *testing.T) {
	t.Parallel()
	var set struct{ Keys []map[string]any }
	full := newSet(t, generate(t, token.RS256), generate(t, token.ES256).Verifying(time.Time{}), generate(t, token.EdDSA).Verifying(time.Time{}))
	if err := json.Unmarshal(full.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	rsaKey, ecKey, edKey := set.Keys[0], set.Keys[1], set.Keys[2]
	with := func(k map[string]any, name string, value any) map[string]any {
		c := map[string]any{}
		for n, v := range k {
			c[n] = v
		}
		c[name] = value
		return c
	}
	for _, tt := range []struct {
		name string
		key  any
	}{
		{"JWT-12 a secret", map[string]any{"kty": "oct", "kid": "x", "alg": "HS256", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
		{"JWT-12 a secret of no algorithm", map[string]any{"kty": "oct", "k": "AA"}},
		{"JWT-52 a private RSA key", with(rsaKey, "d", "AQAB")},
		{"JWT-52 a private EC key", with(ecKey, "d", "AQAB")},
		{"JWT-52 a prime", with(rsaKey, "p", "AQAB")},
		{"JWT-49 a small modulus", with(rsaKey, "n", "wq8v")},
		{"JWT-49 a huge modulus", with(rsaKey, "n", strings.Repeat("A", 2000))},
		{"JWT-49 exponent 1", with(rsaKey, "e", "AQ")},
		{"JWT-49 exponent 3", with(rsaKey, "e", "Aw")},
		{"JWT-49 a huge exponent", with(rsaKey, "e", "AQAAAAAAAAAB")},
		{"JWT-49 even exponent", with(rsaKey, "e", "AQAC")},
		{"RSA under ES256", with(rsaKey, "alg", "ES256")},
		{"EC under RS256", with(ecKey, "alg", "RS256")},
		{"Ed25519 under ES256", with(edKey, "alg", "ES256")},
		{"another curve", with(ecKey, "crv", "P-384")},
		{"a point off the curve", with(ecKey, "x", ecKey["y"])},
		{"a short coordinate", with(ecKey, "x", "AQAB")},
		{"a short Ed25519 key", with(edKey, "x", "AQAB")},
		{"JWT-41 padding", with(edKey, "x", fmt.Sprint(edKey["x"], "="))},
		{"JWT-41 another alphabet", with(rsaKey, "n", "+"+fmt.Sprint(rsaKey["n"]))},
		{"a number for text", with(edKey, "kid", 1)},
		{"an id that is no header", with(edKey, "kid", "a\"b")},
		{"no object", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(map[string]any{"keys": []any{set.Keys[2], tt.key}})
			if err != nil {
				t.Fatal(err)
			}
			if keys, err := token.ParseJWKS(text); err == nil {
				t.Errorf("ParseJWKS = %v, want an error", keys)
			}
		})
	}
	for name, text := range map[string]string{
		"keys twice": `{"keys":` + string(full.JWKS()[8:len(full.JWKS())-1]) + `,"keys":[]}`,
		"no array":   `{"keys":{}}`, "a member twice": strings.Replace(string(full.JWKS()), `"kty"`, `"kty":"RSA","kty"`, 1),
		"not UTF-8": "{\"keys\":[],\"x\":\"\xff\"}", "trailing": string(full.JWKS()) + "{}", "deep": `{"keys":` + strings.Repeat("[", 1000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if keys, err := token.ParseJWKS([]byte(text)); err == nil {
				t.Errorf("ParseJWKS(%.100s) = %v, want an error", text, keys)
			}
		})
	}
}

// TestWycheproofSets runs the project's JWK sets through ParseJWKS: a set with a secret in
// it is refused, so that only the vectors of public keys can be accepted.
func TestWycheproofSets(t *testing.T) {
	t.Parallel()
	var v vectors
	if err := json.Unmarshal(corpus(t, "wycheproof/testvectors_v1/json_web_key_test.json"), &v); err != nil {
		t.Fatal(err)
	}
	known := map[int]string{
		2: "the set is of secrets", 7: weakPrimes, 13: "a secret", 14: "a secret", 15: "a secret",
	}
	for _, g := range v.TestGroups {
		text := g.Public
		if text == nil {
			text = g.Private
		}
		keys, refused := token.ParseJWKS(*text)
		for _, tt := range g.Tests {
			accepted := false
			if raw, ok := tt.Jws.(string); ok && refused == nil {
				_, err := newSet(t, nil, keys...).Verify(raw, "", at)
				accepted = err == nil
			}
			_, listed := known[tt.TcID]
			if differs := accepted != (tt.Result == "valid"); differs != listed {
				t.Errorf("%d %s: accepted %v, want %s, listed as different %v (set: %v)", tt.TcID, tt.Comment, accepted, tt.Result, listed, refused)
			}
		}
	}
}

func FuzzJWKS(f *testing.F) {
	s := newSet(f, generate(f, token.RS256), generate(f, token.ES256).Verifying(time.Time{}), generate(f, token.EdDSA).Verifying(time.Time{}))
	f.Add(s.JWKS())
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","alg":"RS256","kid":"k","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := token.ParseJWKS(text)
		if err != nil {
			return
		}
		again, err := token.NewSet(nil, keys...)
		if err != nil {
			t.Fatalf("NewSet of what ParseJWKS(%q) accepts = %v", text, err)
		}
		if got, err := token.ParseJWKS(again.JWKS()); err != nil || len(got) != len(keys) || len(got) > 100 {
			t.Fatalf("ParseJWKS of what it accepted = %v, %v, want the same %d keys", got, err, len(keys))
		}
		for _, member := range []string{`"d"`, `"k"`, `"p"`, `"oct"`} {
			if strings.Contains(string(again.JWKS()), member+":") {
				t.Fatalf("%s publishes %s", again.JWKS(), member)
			}
		}
	})
}
