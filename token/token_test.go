package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/token"
)

// at is the time at which the tests' tokens are judged.
var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// algorithms are all that there are.
var algorithms = []string{token.RS256, token.ES256, token.EdDSA, token.HS256}

func generate(t testing.TB, algorithm string) *token.Key {
	t.Helper()
	k, err := token.Generate(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSet(t testing.TB, signer *token.Key, more ...token.Verifying) *token.Set {
	t.Helper()
	s, err := token.NewSet(signer, more...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, s *token.Set, typ, payload string) string {
	t.Helper()
	raw, err := s.Sign(typ, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// encode is one segment of a token.
func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t testing.TB, segment string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSignVerifies(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			s := newSet(t, generate(t, alg))
			for _, typ := range []string{token.AccessType, ""} {
				raw := sign(t, s, typ, `{"sub":"u"}`)
				got, err := s.Verify(raw, typ, at)
				if err != nil || string(got) != `{"sub":"u"}` {
					t.Errorf("Verify of type %q = %s, %v, want what was signed", typ, got, err)
				}
			}
		})
	}
}

func TestKeySurvivesStorage(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			k := generate(t, alg)
			private, err := k.MarshalPrivate()
			if err != nil {
				t.Fatal(err)
			}
			again, err := token.ParsePrivate(k.ID, alg, private)
			if err != nil {
				t.Fatal(err)
			}
			raw := sign(t, newSet(t, again), "x", `{}`)
			if _, err := newSet(t, nil, k.Verifying(time.Time{})).Verify(raw, "x", at); err != nil {
				t.Errorf("Verify of the stored key's token = %v, want nil", err)
			}
		})
	}
}

func TestPublicKeySurvivesStorage(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{token.RS256, token.ES256, token.EdDSA} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			k := generate(t, alg)
			der, err := k.MarshalPublic()
			if err != nil {
				t.Fatal(err)
			}
			v, err := token.ParsePublic(k.ID, alg, der, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newSet(t, nil, v).Verify(sign(t, newSet(t, k), "x", `{}`), "x", at); err != nil {
				t.Errorf("Verify = %v, want nil", err)
			}
			if pem := k.PublicPEM(); !strings.HasPrefix(pem, "-----BEGIN PUBLIC KEY-----\n") {
				t.Errorf("PublicPEM = %q, want PEM of the public key", pem)
			}
		})
	}
}

func TestSecretKeyHasNoPublicHalf(t *testing.T) {
	t.Parallel()
	k := generate(t, token.HS256)
	der, err := k.MarshalPublic()
	if der != nil || err != nil || k.PublicPEM() != "" {
		t.Errorf("MarshalPublic = %x, %v, PublicPEM = %q, want nothing", der, err, k.PublicPEM())
	}
}

// TestKeysAreNotPrinted: a key in a log line would be a key lost.
func TestKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	k := generate(t, token.HS256)
	private, err := k.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	shapes := []string{fmt.Sprint(private[:4]), fmt.Sprintf("%x", private[:4])}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, thing := range []any{k, k.Verifying(time.Time{}), newSet(t, k)} {
			text := fmt.Sprintf(verb, thing)
			for _, shape := range shapes {
				if shape = strings.Trim(shape, "[]"); strings.Contains(text, shape) {
					t.Errorf("%s of %T = %s, shows the key", verb, thing, text)
				}
			}
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, after := generate(t, token.ES256), generate(t, token.ES256)
	raw := sign(t, newSet(t, before), "x", `{}`)
	s := newSet(t, after, before.Verifying(at))
	if _, err := s.Verify(raw, "x", at.Add(-time.Second)); err != nil {
		t.Errorf("while the old key lasts: %v, want nil", err)
	}
	if _, err := s.Verify(raw, "x", at); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("when the old key is over: %v, want ErrUnknownKey", err)
	}
	if _, err := newSet(t, after).Verify(raw, "x", at); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("without the old key: %v, want ErrUnknownKey", err)
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	k := generate(t, token.ES256)
	if _, err := token.NewSet(k, k.Verifying(time.Time{})); err == nil {
		t.Error("NewSet with one id twice succeeds, want an error")
	}
	if _, err := newSet(t, nil).Sign("x", nil); err == nil {
		t.Error("Sign without a signing key succeeds, want an error")
	}
	s := newSet(t, k)
	for _, typ := range []string{`a"b`, `a\b`, "a b", "é", strings.Repeat("x", 200)} {
		if raw, err := s.Sign(typ, nil); err == nil {
			t.Errorf("Sign(%q) = %s, want an error", typ, raw)
		}
	}
	if _, err := s.Sign("x", bytes.Repeat([]byte{'x'}, token.MaxBytes)); !errors.Is(err, token.ErrTooLarge) {
		t.Errorf("Sign of %d bytes = %v, want ErrTooLarge", token.MaxBytes, err)
	}
	for _, id := range []string{"", `a"b`, `a\b`, "a b", "\x00", strings.Repeat("x", 200)} {
		if _, err := token.ParsePrivate(id, token.HS256, []byte("0123456789abcdef0123456789abcdef")); err == nil {
			t.Errorf("ParsePrivate with id %q succeeds, want an error", id)
		}
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	rs, es, ed, hs := generate(t, token.RS256), generate(t, token.ES256), generate(t, token.EdDSA), generate(t, token.HS256)
	s := newSet(t, rs, es.Verifying(at), ed.Verifying(at), hs.Verifying(at))
	var got struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(s.JWKS(), &got); err != nil {
		t.Fatalf("JWKS = %s: %v", s.JWKS(), err)
	}
	want := []struct {
		k       *token.Key
		members string
	}{
		{rs, "alg e kid kty n use"}, {es, "alg crv kid kty use x y"}, {ed, "alg crv kid kty use x"},
	}
	if len(got.Keys) != len(want) {
		t.Fatalf("JWKS has %d keys, want %d: %s", len(got.Keys), len(want), s.JWKS())
	}
	for i, w := range want {
		k := got.Keys[i]
		if k["kid"] != w.k.ID || k["alg"] != w.k.Algorithm || k["use"] != "sig" || len(k) != len(strings.Fields(w.members)) {
			t.Errorf("key %d = %v, want the members %s of %s", i, k, w.members, w.k)
		}
		for _, m := range strings.Fields(w.members) {
			if k[m] == "" {
				t.Errorf("key %d has no %s: %v", i, m, k)
			}
		}
	}
	if again := newSet(t, rs, es.Verifying(at), ed.Verifying(at), hs.Verifying(at)).JWKS(); !bytes.Equal(again, s.JWKS()) {
		t.Errorf("JWKS of the same keys differs: %s", again)
	}
	if empty := newSet(t, hs).JWKS(); string(empty) != `{"keys":[]}` {
		t.Errorf("JWKS of a secret key = %s, want no keys", empty)
	}
}
