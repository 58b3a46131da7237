package token_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/token"
)

// TestAllocations holds what every request pays. It is not parallel: it counts allocations.
func TestAllocations(t *testing.T) {
	c, v := token.NewCache[int](0), 0
	b := newBench(t)
	raw := b.good
	c.Put(raw, at.Add(time.Hour), &v)
	huge, dots := strings.Repeat("A", 10<<20), strings.Repeat(".", 1<<20)
	for _, tt := range []struct {
		name string
		most float64
		do   func()
	}{
		{"cache hit", 0, func() { _, _ = c.Get(raw, at) }},
		{"cache miss", 0, func() { _, _ = c.Get("other", at) }},
		{"verify", 20, func() { _, _ = b.set.Verify(raw, token.AccessType, at) }},
		{"JWT-42 a megabyte of dots", 0, func() { _, _ = b.set.Verify(dots, token.AccessType, at) }},
		{"JWT-43 ten megabytes", 0, func() { _, _ = b.set.Verify(huge, token.AccessType, at) }},
		{"JWT-15 unknown kid", 8, func() { _, _ = b.set.Verify("eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AA", token.AccessType, at) }},
	} {
		if got := testing.AllocsPerRun(100, tt.do); got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c, v := token.NewCache[int](0), 0
	raw := newBench(b).good
	c.Put(raw, at.Add(time.Hour), &v)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Get(raw, at); !ok {
			b.Fatal("no hit")
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		b.Run(alg, func(b *testing.B) {
			s := newSet(b, generate(b, alg))
			payload, err := token.Render(values(), 0)
			if err != nil {
				b.Fatal(err)
			}
			raw := sign(b, s, token.AccessType, string(payload))
			b.ReportAllocs()
			for b.Loop() {
				got, err := s.Verify(raw, token.AccessType, at)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := token.ParseClaims(got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("raw RSA", func(b *testing.B) {
		k := newBench(b)
		sum := sha256.Sum256([]byte(payload))
		signature, err := rsa.SignPKCS1v15(nil, k.signer, crypto.SHA256, sum[:])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := rsa.VerifyPKCS1v15(&k.signer.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReject(b *testing.B) {
	k := newBench(b)
	p := strings.Split(k.good, ".")
	for name, raw := range map[string]string{
		"junk":         strings.Repeat("A", 700),
		"huge":         strings.Repeat("A", 64<<10),
		"wrong alg":    encode(`{"alg":"HS256","kid":"live","typ":"at+jwt"}`) + "." + p[1] + "." + p[2],
		"unknown kid":  encode(`{"alg":"RS256","kid":"x","typ":"at+jwt"}`) + "." + p[1] + "." + p[2],
		"many members": encode("{"+strings.Repeat(`"a":1,`, 50)+`"b":1}`) + "." + p[1] + "." + p[2],
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.set.Verify(raw, token.AccessType, at); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkMint(b *testing.B) {
	v := values()
	b.Run("render", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := token.Render(v, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("marshal of a struct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw RSA sign", func(b *testing.B) {
		k, sum := newBench(b), sha256.Sum256([]byte(payload))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rsa.SignPKCS1v15(nil, k.signer, crypto.SHA256, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, alg := range algorithms {
		s := newSet(b, generate(b, alg))
		b.Run("mint "+alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				payload, err := token.Render(v, 0)
				if err != nil {
					b.Fatal(err)
				}
				sign(b, s, token.AccessType, string(payload))
			}
		})
	}
}
