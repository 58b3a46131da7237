package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math/big"
)

// A Kind says what an opaque token is for. Whoever makes tokens gives each use its own
// kind, and one kind is never accepted as another.
type Kind byte

// The layout of an opaque token: version, kind, user, session, random, MAC.
const (
	tokenVersion = 1
	tokenUser    = 2
	tokenSession = tokenUser + 16
	tokenRandom  = tokenSession + 16
	tokenMAC     = tokenRandom + 32
	tokenSize    = tokenMAC + 16
)

// strict is base64url without padding that accepts one spelling of each value. Line
// breaks, which it would skip, are refused by the length check before it.
var strict = base64.RawURLEncoding.Strict()

// NewToken makes an opaque token for a session and the hash to store. The token says whose
// it is and carries 256 random bits and a MAC, so that ParseToken can refuse garbage
// without asking the store. The ids must be lower-case UUIDs.
func (r *Ring) NewToken(kind Kind, userID, sessionID string) (text string, hash []byte, err error) {
	var b [tokenSize]byte
	b[0], b[1] = tokenVersion, byte(kind)
	if !parseUUID(b[tokenUser:tokenSession], userID) || !parseUUID(b[tokenSession:tokenRandom], sessionID) {
		return "", nil, fmt.Errorf("make token for user %q, session %q: ids must be lower-case UUIDs", userID, sessionID)
	}
	if _, err := rand.Read(b[tokenRandom:tokenMAC]); err != nil {
		return "", nil, fmt.Errorf("make token: %w", err)
	}
	copy(b[tokenMAC:], tokenSum(r.keys[0].tokens, b[:tokenMAC]))
	text = strict.EncodeToString(b[:])
	return text, Hash(text), nil
}

// ParseToken checks the form, the kind and the MAC of an opaque token under any key of the
// ring and returns whose it is and its hash, to be compared with the stored one. What it
// refuses is ErrToken: it was not made by us and says nothing about any session.
func (r *Ring) ParseToken(kind Kind, text string) (userID, sessionID string, hash []byte, err error) {
	var b [tokenSize]byte
	if len(text) != strict.EncodedLen(tokenSize) {
		return "", "", nil, ErrToken
	}
	n, err := strict.Decode(b[:], []byte(text))
	if err != nil || n != tokenSize || b[0] != tokenVersion || b[1] != byte(kind) || !r.signed(b[:]) {
		return "", "", nil, ErrToken
	}
	return formatUUID(b[tokenUser:tokenSession]), formatUUID(b[tokenSession:tokenRandom]), Hash(text), nil
}

// signed reports whether the MAC of a token is right. It tries every key, always.
func (r *Ring) signed(b []byte) bool {
	ok := 0
	for _, k := range r.keys {
		ok |= subtle.ConstantTimeCompare(tokenSum(k.tokens, b[:tokenMAC]), b[tokenMAC:])
	}
	return ok == 1
}

func tokenSum(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)[:tokenSize-tokenMAC]
}

// NewLinkToken makes the secret of a mailed link, 256 random bits, and the hash to store.
func NewLinkToken() (text string, hash []byte, err error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", nil, fmt.Errorf("make link token: %w", err)
	}
	text = strict.EncodeToString(b[:])
	return text, Hash(text), nil
}

// codeDigits is the length of a code that people type.
const codeDigits = 6

// NewCode makes a code that people type, six digits. It can be guessed: keep a [Ring.MAC]
// of it and count the guesses.
func NewCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("make code: %w", err)
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// Hash returns what is stored of an unguessable secret: its SHA-256.
func Hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Equal compares two hashes in constant time. Nothing equals an empty one, not even
// another: a field that was never set admits nobody.
func Equal(a, b []byte) bool {
	return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1
}
