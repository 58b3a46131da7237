package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// A Set is the keys of one moment: one that signs, and all that verify. It is immutable
// and safe for concurrent use; a rotation makes another Set.
type Set struct {
	signer    *Key
	sign      jws.Signer2
	verifiers []verifier
	jwks      []byte
}

// A verifier is a key with what is worked out once for all tokens.
type verifier struct {
	Verifying
	opening string // of the header that Sign writes, up to the value of typ
	check   jws.Verifier2
}

const maxHeader = 512 // characters of the encoded header

// strict is base64url without padding in its one spelling. Line breaks, which it would
// skip, are refused before it.
var strict = base64.RawURLEncoding.Strict()

// NewSet returns a Set. The signer verifies too; with none the Set only verifies. A weak
// key, one that does not fit its algorithm, and two keys of one id are refused.
func NewSet(signer *Key, verifiers ...Verifying) (*Set, error) {
	s := &Set{signer: signer}
	if signer != nil {
		alg, ok := jwa.LookupSignatureAlgorithm(signer.Algorithm)
		sign, err := jws.SignerFor(alg)
		if !ok || err != nil {
			return nil, errors.Join(fmt.Errorf("%s: unknown algorithm", signer), err)
		}
		s.sign = sign
		verifiers = append([]Verifying{signer.Verifying(time.Time{})}, verifiers...)
	}
	for _, v := range verifiers {
		if err := s.add(v); err != nil {
			return nil, err
		}
	}
	s.jwks = appendJWKS(nil, s.verifiers)
	return s, nil
}

func (s *Set) add(v Verifying) error {
	if err := v.valid(); err != nil {
		return err
	}
	if s.find(v.ID) != nil {
		return fmt.Errorf("two keys have the id %s", v.ID)
	}
	alg, ok := jwa.LookupSignatureAlgorithm(v.Algorithm)
	check, err := jws.VerifierFor(alg)
	if !ok || err != nil {
		return errors.Join(fmt.Errorf("%s: unknown algorithm", v), err)
	}
	s.verifiers = append(s.verifiers, verifier{
		Verifying: v, check: check, opening: `{"alg":"` + v.Algorithm + `","kid":"` + v.ID + `"`,
	})
	return nil
}

func (s *Set) find(id string) *verifier {
	for i := range s.verifiers {
		if s.verifiers[i].ID == id {
			return &s.verifiers[i]
		}
	}
	return nil
}

// Signer returns the key that signs; nil in a Set that only verifies.
func (s *Set) Signer() *Key { return s.signer }

// String says how many keys there are and shows none.
func (s *Set) String() string { return fmt.Sprintf("%d keys", len(s.verifiers)) }

// GoString is String, so that no format verb shows a key.
func (s *Set) GoString() string { return s.String() }

// JWKS returns the public keys as a JWK set, the same bytes each time. The caller must not
// change them.
func (s *Set) JWKS() []byte { return s.jwks }

// Sign returns the compact token of the type over payload. It refuses to make one that
// Verify would find too long.
func (s *Set) Sign(typ string, payload []byte) (string, error) {
	if s.signer == nil || !plain(typ) {
		return "", fmt.Errorf("sign a token of type %.40q: no signing key, or no such type", typ)
	}
	head := s.verifiers[0].opening
	if typ != "" {
		head += `,"typ":"` + typ + `"`
	}
	e := base64.RawURLEncoding
	b := make([]byte, 0, e.EncodedLen(len(head)+1)+e.EncodedLen(len(payload))+700)
	b = e.AppendEncode(b, []byte(head+"}"))
	b = append(b, '.')
	b = e.AppendEncode(b, payload)
	if len(b) > MaxBytes {
		return "", fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	signature, err := s.sign.Sign(s.signer.private, b)
	if err != nil {
		return "", fmt.Errorf("sign with %s: %w", s.signer, err)
	}
	b = append(b, '.')
	b = e.AppendEncode(b, signature)
	if len(b) > MaxBytes {
		return "", fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	return string(b), nil
}

// Verify returns the payload of a token of the type that one of the keys signed, else one
// of the errors above; the claims are not looked at. An empty type accepts only tokens
// without one.
func (s *Set) Verify(raw, typ string, now time.Time) ([]byte, error) {
	if len(raw) > MaxBytes || strings.Contains(raw, "\n") || strings.Contains(raw, "\r") {
		return nil, ErrMalformed
	}
	head, rest, _ := strings.Cut(raw, ".")
	body, tail, three := strings.Cut(rest, ".")
	if !three || strings.Contains(tail, ".") {
		return nil, ErrMalformed
	}
	v, err := s.choose(head, typ)
	if err != nil {
		return nil, err
	}
	if !v.NotAfter.IsZero() && !now.Before(v.NotAfter) {
		return nil, ErrUnknownKey
	}
	signature, err := strict.DecodeString(tail)
	if err != nil {
		return nil, ErrMalformed
	}
	payload, err := strict.DecodeString(body)
	if err != nil {
		return nil, ErrMalformed
	}
	if v.check.Verify(v.public, []byte(raw[:len(head)+1+len(body)]), signature) != nil {
		return nil, ErrSignature
	}
	return payload, nil
}

// choose reads the header and returns the one key that may verify the token. The header
// chooses nothing: it must name a key, that key's own algorithm and the expected type.
func (s *Set) choose(head, typ string) (*verifier, error) {
	if len(head) > maxHeader {
		return nil, ErrMalformed
	}
	decoded, err := strict.DecodeString(head)
	if err != nil {
		return nil, ErrMalformed
	}
	opened := string(decoded)
	if v := s.known(opened, typ); v != nil {
		return v, nil
	}
	h, err := parseHeader(opened)
	if err != nil {
		return nil, err
	}
	v := s.find(h.kid)
	switch {
	case v == nil:
		return nil, ErrUnknownKey
	case v.Algorithm != h.alg:
		return nil, ErrAlgorithm
	case h.typ != typ:
		return nil, ErrType
	}
	return v, nil
}

// known recognizes the header that Sign writes, byte for byte.
func (s *Set) known(head, typ string) *verifier {
	for i := range s.verifiers {
		v := &s.verifiers[i]
		rest, ok := strings.CutPrefix(head, v.opening)
		if ok && isClosing(rest, typ) {
			return v
		}
	}
	return nil
}

// isClosing reports whether rest is what ends a header of the type.
func isClosing(rest, typ string) bool {
	if typ == "" {
		return rest == "}"
	}
	rest, ok := strings.CutPrefix(rest, `,"typ":"`)
	return ok && len(rest) == len(typ)+2 && rest[:len(typ)] == typ && rest[len(typ):] == `"}`
}

type header struct{ alg, kid, typ string }

// parseHeader accepts the members alg, kid and typ, each once and a string, and no other:
// with crit, b64, zip, cty, jwk, jku, x5u and x5c a sender would choose how it is read.
func parseHeader(in string) (h header, err error) {
	err = object(in, func(name, value string) (err error) {
		switch name {
		case "alg":
			h.alg, err = text(value)
		case "kid":
			h.kid, err = text(value)
		case "typ":
			h.typ, err = text(value)
		default:
			err = ErrMalformed
		}
		return err
	})
	if err != nil || h.alg == "" || h.kid == "" {
		return header{}, ErrMalformed
	}
	return h, nil
}
