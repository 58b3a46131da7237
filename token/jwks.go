package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
)

// appendJWKS appends the public keys as a JWK set (RFC 7517 §5). Secrets have no place in
// one: keys of HS256 are left out.
func appendJWKS(b []byte, keys []verifier) []byte {
	b = append(b, `{"keys":[`...)
	first := true
	for _, k := range keys {
		if k.Algorithm == HS256 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '{')
		b = members(b, k.public, false)
		b = append(b, `,"use":"sig","alg":"`+k.Algorithm+`","kid":"`+k.ID+`"}`...)
	}
	return append(b, `]}`...)
}

// members appends the members that every JWK of the key has, in the order of their names,
// in braces when it is for a thumbprint (RFC 7638 §3.2).
func members(b []byte, public any, thumbprint bool) []byte {
	var m [][2]string
	switch k := public.(type) {
	case *rsa.PublicKey:
		m = [][2]string{{"e", number(big.NewInt(int64(k.E)).Bytes())}, {"kty", "RSA"}, {"n", number(k.N.Bytes())}}
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil || len(point) != 65 {
			return b
		}
		m = [][2]string{{"crv", "P-256"}, {"kty", "EC"}, {"x", number(point[1:33])}, {"y", number(point[33:])}}
	case ed25519.PublicKey:
		m = [][2]string{{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", number(k)}}
	}
	if thumbprint {
		b = append(b, '{')
	}
	for i, nv := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `"`+nv[0]+`":"`+nv[1]+`"`...)
	}
	if thumbprint {
		b = append(b, '}')
	}
	return b
}

func number(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
