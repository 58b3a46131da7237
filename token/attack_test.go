package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/token"
)

const payload = `{"sub":"u","exp":1795435260}`

// A bench is a set whose RS256 key the tests can sign anything with.
type bench struct {
	set    *token.Set
	key    *token.Key
	signer *rsa.PrivateKey
	good   string // a token that verifies
}

func newBench(t testing.TB, more ...token.Verifying) bench {
	t.Helper()
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k, err := token.FromSigner("live", token.RS256, signer)
	if err != nil {
		t.Fatal(err)
	}
	b := bench{set: newSet(t, k, more...), key: k, signer: signer}
	b.good = sign(t, b.set, token.AccessType, payload)
	return b
}

// forge signs any header, rightly, with the live RSA key.
func (b bench) forge(t testing.TB, header, payload string) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, b.signer, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(string(signature))
}

func hs256(key []byte, header, payload string) string {
	input := encode(header) + "." + encode(payload)
	m := hmac.New(sha256.New, key)
	m.Write([]byte(input))
	return input + "." + encode(string(m.Sum(nil)))
}

// refuses checks that a token is refused, as wanted where want is not nil.
func (b bench) refuses(t *testing.T, raw string, want error) {
	t.Helper()
	got, err := b.set.Verify(raw, token.AccessType, at)
	if err == nil || got != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("Verify(%.120q) = %q, %v, want nothing and %v", raw, got, err, want)
	}
}

func TestForgingWorks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, header := range []string{
		`{"alg":"RS256","kid":"live","typ":"at+jwt"}`,
		`{ "typ" : "at+jwt", "kid" : "live", "alg" : "RS256" }`,
		`{"\u0061lg":"RS256","kid":"\u006cive","typ":"at+jwt"}`,
	} {
		if _, err := b.set.Verify(b.forge(t, header, payload), token.AccessType, at); err != nil {
			t.Errorf("Verify with header %s = %v, want nil: the attacks below would prove nothing", header, err)
		}
	}
}

func TestAttackSerialization(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := strings.Split(b.good, ".")
	for _, tt := range []struct{ name, raw string }{
		{"JWT-01 flattened JSON", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q,"x":1}`, p[1], p[0], p[2])},
		{"JWT-02 flattened JSON without payload", fmt.Sprintf(`{"protected":%q,"signature":%q}`, p[0], p[2])},
		{"JWT-03 general JSON", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p[1], p[0], p[2])},
		{"JWT-05 raw claims", `{"sub":"admin","exp":1795435260}`},
		{"JWT-42 no segment", ""},
		{"JWT-42 one segment", p[0]},
		{"JWT-42 two segments", p[0] + "." + p[1]},
		{"JWT-42 four segments", b.good + "." + p[2]},
		{"JWT-42 five segments", b.good + "." + p[2] + "." + p[2]},
		{"JWT-42 dots", strings.Repeat(".", 1<<20)},
		{"JWT-42 two dots", ".."},
		{"JWT-43 ten megabytes", strings.Repeat("A", 10<<20)},
		{"JWT-43 large header", encode(`{"alg":"RS256","kid":"`+strings.Repeat("A", 3000)+`"}`) + "." + p[1] + "." + p[2]},
		{"JWT-45 five segments of a JWE", encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".AA.AA.AA.AA"},
		{"JWT-44 deep header", encode(strings.Repeat("[", 300)) + "." + p[1] + "." + p[2]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b.refuses(t, tt.raw, token.ErrMalformed)
		})
	}
}

func TestAttackHeader(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	attacker, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	jwk := fmt.Sprintf(`{"kty":"RSA","e":"AQAB","n":%q}`, base64.RawURLEncoding.EncodeToString(attacker.N.Bytes()))
	for _, tt := range []struct {
		name, header string
		want         error
	}{
		{"JWT-07 None", `{"alg":"None","kid":"live","typ":"at+jwt"}`, token.ErrAlgorithm},
		{"JWT-07 NONE", `{"alg":"NONE","kid":"live","typ":"at+jwt"}`, token.ErrAlgorithm},
		{"JWT-07 nOnE", `{"alg":"nOnE","kid":"live","typ":"at+jwt"}`, token.ErrAlgorithm},
		{"JWT-07 empty", `{"alg":"","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-07 missing", `{"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-07 null", `{"alg":null,"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-07 number", `{"alg":256,"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-07 array", `{"alg":["RS256"],"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-10 another RSA algorithm", `{"alg":"PS256","kid":"live","typ":"at+jwt"}`, token.ErrAlgorithm},
		{"JWT-13 no kid", `{"alg":"RS256","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-14 path", `{"alg":"RS256","kid":"../../../../dev/null","typ":"at+jwt"}`, token.ErrUnknownKey},
		{"JWT-14 file", `{"alg":"RS256","kid":"/proc/self/environ","typ":"at+jwt"}`, token.ErrUnknownKey},
		{"JWT-14 query", `{"alg":"RS256","kid":"key' UNION SELECT 'a","typ":"at+jwt"}`, token.ErrUnknownKey},
		{"JWT-14 command", `{"alg":"RS256","kid":"|/bin/id","typ":"at+jwt"}`, token.ErrUnknownKey},
		{"JWT-14 address", `{"alg":"RS256","kid":"http://evil/k","typ":"at+jwt"}`, token.ErrUnknownKey},
		{"JWT-14 long", `{"alg":"RS256","kid":"` + strings.Repeat("A", 4096) + `","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-14 NUL", `{"alg":"RS256","kid":"live\u0000","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-14 object", `{"alg":"RS256","kid":{},"typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-14 number", `{"alg":"RS256","kid":1,"typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-16 jku", `{"alg":"RS256","jku":"https://evil/jwks","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-16 x5u", `{"alg":"RS256","x5u":"https://evil/x","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-17 jwk", `{"alg":"RS256","jwk":` + jwk + `,"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-17 x5c", `{"alg":"RS256","x5c":["AA"],"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-19 crit empty", `{"alg":"RS256","crit":[],"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-19 crit absent", `{"alg":"RS256","crit":["exp"],"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-19 crit alg", `{"alg":"RS256","crit":["alg"],"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-19 crit string", `{"alg":"RS256","crit":"alg","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-20 b64", `{"alg":"RS256","b64":false,"crit":["b64"],"kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-21 zip", `{"alg":"RS256","zip":"DEF","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-22 alg twice", `{"alg":"none","alg":"RS256","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-22 alg twice, reversed", `{"alg":"RS256","alg":"none","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-22 alg twice, escaped", `{"alg":"RS256","\u0061lg":"RS256","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-26 another type", `{"alg":"RS256","kid":"live","typ":"management+jwt"}`, token.ErrType},
		{"JWT-27 no type", `{"alg":"RS256","kid":"live"}`, token.ErrType},
		{"JWT-27 empty type", `{"alg":"RS256","kid":"live","typ":""}`, token.ErrType},
		{"JWT-27 other case", `{"alg":"RS256","kid":"live","typ":"AT+JWT"}`, token.ErrType},
		{"JWT-27 prefix", `{"alg":"RS256","kid":"live","typ":"application/at+jwt"}`, token.ErrType},
		{"JWT-27 null", `{"alg":"RS256","kid":"live","typ":null}`, token.ErrMalformed},
		{"JWT-48 cty", `{"alg":"RS256","cty":"JWT","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"JWT-24 case of kid", `{"alg":"RS256","KID":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"trailing", `{"alg":"RS256","kid":"live","typ":"at+jwt"}{}`, token.ErrMalformed},
		{"trailing NUL", `{"alg":"RS256","kid":"live","typ":"at+jwt"}` + "\x00", token.ErrMalformed},
		{"byte order mark", "\ufeff" + `{"alg":"RS256","kid":"live","typ":"at+jwt"}`, token.ErrMalformed},
		{"not UTF-8", `{"alg":"RS256","kid":"live","typ":"at+jwt` + "\xff" + `"}`, token.ErrMalformed},
		{"array", `["RS256","live"]`, token.ErrMalformed},
		{"nothing", ``, token.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b.refuses(t, b.forge(t, tt.header, payload), tt.want)
		})
	}
}

func TestAttackNone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, header := range []string{`{"alg":"none"}`, `{"alg":"none","kid":"live"}`, `{"alg":"none","kid":"live","typ":"at+jwt"}`} {
		t.Run("JWT-06 JWT-08 "+header, func(t *testing.T) {
			t.Parallel()
			b.refuses(t, encode(header)+"."+encode(payload)+".", nil)
			b.refuses(t, encode(header)+"."+encode(payload), token.ErrMalformed)
		})
	}
}

func TestAttackKeyConfusion(t *testing.T) {
	t.Parallel()
	secret := generate(t, token.HS256)
	b := newBench(t, secret.Verifying(time.Time{}))
	der, err := x509.MarshalPKIXPublicKey(b.signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	var jwks struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(b.set.JWKS(), &jwks); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{
		"PEM": []byte(b.key.PublicPEM()), "PEM trimmed": []byte(strings.TrimSpace(b.key.PublicPEM())),
		"DER": der, "PKCS #1": x509.MarshalPKCS1PublicKey(&b.signer.PublicKey),
		"JWK": jwks.Keys[0], "JWKS": b.set.JWKS(), "modulus": b.signer.N.Bytes(), "nothing": nil,
	} {
		t.Run("JWT-09 "+name, func(t *testing.T) {
			t.Parallel()
			b.refuses(t, hs256(key, `{"alg":"HS256","kid":"live","typ":"at+jwt"}`, payload), token.ErrAlgorithm)
			b.refuses(t, hs256(key, `{"alg":"RS256","kid":"live","typ":"at+jwt"}`, payload), token.ErrSignature)
			b.refuses(t, hs256(key, `{"alg":"HS256","typ":"at+jwt"}`, payload), token.ErrMalformed)
			b.refuses(t, hs256(key, `{"alg":"HS256","kid":"`+secret.ID+`","typ":"at+jwt"}`, payload), token.ErrSignature)
		})
	}
	t.Run("JWT-10 one key's algorithm with another's kid", func(t *testing.T) {
		t.Parallel()
		private, err := secret.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		right := hs256(private, `{"alg":"HS256","kid":"`+secret.ID+`","typ":"at+jwt"}`, payload)
		if _, err := b.set.Verify(right, token.AccessType, at); err != nil {
			t.Fatalf("Verify of the secret key's own token = %v, want nil", err)
		}
		b.refuses(t, hs256(private, `{"alg":"HS256","kid":"live","typ":"at+jwt"}`, payload), token.ErrAlgorithm)
		b.refuses(t, b.forge(t, `{"alg":"RS256","kid":"`+secret.ID+`","typ":"at+jwt"}`, payload), token.ErrAlgorithm)
	})
}

func TestAttackUnknownKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	t.Run("JWT-15 ten thousand random kids", func(t *testing.T) {
		t.Parallel()
		p := strings.Split(b.good, ".")
		for i := range 10000 {
			head := fmt.Sprintf(`{"alg":"RS256","kid":"%032x","typ":"at+jwt"}`, i)
			b.refuses(t, encode(head)+"."+p[1]+"."+p[2], token.ErrUnknownKey)
		}
	})
	t.Run("JWT-17 signed by the attacker under the live kid", func(t *testing.T) {
		t.Parallel()
		other := newBench(t)
		b.refuses(t, other.good, token.ErrSignature)
	})
}

func TestAttackMalleability(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := strings.Split(b.good, ".")
	t.Run("JWT-41 line breaks, padding, spaces", func(t *testing.T) {
		t.Parallel()
		for _, raw := range []string{
			b.good + "\n", b.good + "\r\n", b.good + "=", b.good + "==", " " + b.good, b.good + " ", "\n" + b.good,
			p[0] + "." + p[1][:5] + "\n" + p[1][5:] + "." + p[2],
			p[0] + "." + p[1] + "." + p[2][:5] + "\r\n" + p[2][5:],
			p[0][:4] + "\n" + p[0][4:] + "." + p[1] + "." + p[2],
			p[0] + "=." + p[1] + "." + p[2], p[0] + "." + p[1] + "=." + p[2],
			strings.ReplaceAll(b.good, "-", "+"), strings.ReplaceAll(b.good, "_", "/"),
			b.good + "\x00", b.good + "\u200b", "Bearer " + b.good,
		} {
			if raw != b.good {
				b.refuses(t, raw, token.ErrMalformed)
			}
		}
	})
	t.Run("JWT-41 unused bits of the last character", func(t *testing.T) {
		t.Parallel()
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		for i := range p {
			for _, c := range alphabet {
				bent := append([]string{}, p...)
				bent[i] = bent[i][:len(bent[i])-1] + string(c)
				if bent[i] != p[i] {
					b.refuses(t, strings.Join(bent, "."), nil)
				}
			}
		}
	})
}

// TestAttackFlips flips every bit of every segment, as decoded.
func TestAttackFlips(t *testing.T) {
	t.Parallel()
	for _, alg := range algorithms {
		t.Run("JWT-41 "+alg, func(t *testing.T) {
			t.Parallel()
			s := newSet(t, generate(t, alg))
			good := sign(t, s, token.AccessType, payload)
			p := strings.Split(good, ".")
			for i := range p {
				b := []byte(decode(t, p[i]))
				for bit := range len(b) * 8 {
					b[bit/8] ^= 1 << (bit % 8)
					bent := append([]string{}, p...)
					bent[i] = encode(string(b))
					b[bit/8] ^= 1 << (bit % 8)
					if got, err := s.Verify(strings.Join(bent, "."), token.AccessType, at); err == nil {
						t.Fatalf("segment %d, bit %d flipped: Verify = %s, want an error", i, bit, got)
					}
				}
			}
		})
	}
}

func TestAttackECDSA(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := token.FromSigner("ec", token.ES256, private)
	if err != nil {
		t.Fatal(err)
	}
	s := newSet(t, k)
	good := sign(t, s, "x", payload)
	input := good[:strings.LastIndex(good, ".")]
	sum := sha256.Sum256([]byte(input))
	asn1, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := decode(t, good[len(input)+1:])
	n := elliptic.P256().Params().N
	fill := func(r, s *big.Int) string {
		return string(r.FillBytes(make([]byte, 32))) + string(s.FillBytes(make([]byte, 32)))
	}
	one, zero := big.NewInt(1), new(big.Int)
	for _, tt := range []struct{ name, signature string }{
		{"DER", string(asn1)}, {"empty", ""}, {"short", raw[:63]}, {"long", raw + "\x00"}, {"padded", "\x00" + raw},
		{"zeros", fill(zero, zero)}, {"r zero", fill(zero, one)}, {"s zero", fill(one, zero)},
		{"r is n", fill(n, one)}, {"s is n", fill(one, n)}, {"ones", fill(one, one)},
		{"r only", raw[:32]}, {"P-521 size", strings.Repeat("\x01", 132)},
	} {
		t.Run("JWT-50 "+tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := s.Verify(input+"."+encode(tt.signature), "x", at); !errors.Is(err, token.ErrSignature) {
				t.Errorf("Verify with signature %s = %s, %v, want ErrSignature", hex.EncodeToString([]byte(tt.signature)), got, err)
			}
		})
	}
}

func TestAttackWeakKeys(t *testing.T) {
	t.Parallel()
	rsa1024, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, algorithm string
		signer          crypto.Signer
	}{
		{"RSA 1024", token.RS256, rsa1024},
		{"P-384 under ES256", token.ES256, p384},
		{"P-384 under RS256", token.RS256, p384},
		{"Ed25519 under ES256", token.ES256, ed},
		{"Ed25519 under HS256", token.HS256, ed},
		{"Ed25519 under nothing", "", ed},
		{"Ed25519 under none", "none", ed},
		{"no signer", token.RS256, nil},
	} {
		t.Run("JWT-49 "+tt.name, func(t *testing.T) {
			t.Parallel()
			if k, err := token.FromSigner("k", tt.algorithm, tt.signer); err == nil {
				t.Errorf("FromSigner = %v, want an error", k)
			}
		})
	}
	for _, size := range []int{0, 1, 16, 31} {
		t.Run(fmt.Sprintf("JWT-49 HMAC of %d bytes", size), func(t *testing.T) {
			t.Parallel()
			b := make([]byte, size)
			_, _ = rand.Read(b)
			if k, err := token.ParsePrivate("k", token.HS256, b); err == nil {
				t.Errorf("ParsePrivate = %v, want an error", k)
			}
		})
	}
	t.Run("JWT-12 a secret as a public key", func(t *testing.T) {
		t.Parallel()
		if v, err := token.ParsePublic("k", token.HS256, []byte("0123456789abcdef0123456789abcdef"), time.Time{}); err == nil {
			t.Errorf("ParsePublic = %v, want an error", v)
		}
	})
}

func TestAttackJWKS(t *testing.T) {
	t.Parallel()
	b := newBench(t, generate(t, token.ES256).Verifying(at), generate(t, token.EdDSA).Verifying(at), generate(t, token.HS256).Verifying(at))
	t.Run("JWT-52 JWT-12 public members only", func(t *testing.T) {
		t.Parallel()
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oct"} {
			if strings.Contains(string(b.set.JWKS()), `"`+member+`"`) {
				t.Errorf("JWKS has %q: %s", member, b.set.JWKS())
			}
		}
	})
}
