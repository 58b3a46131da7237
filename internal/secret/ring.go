// Package secret keeps the host's secrets: it seals what is stored, makes and checks
// opaque tokens, and makes ids.
package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// MinKey is the least number of bytes a key of a Ring may have.
const MinKey = 32

// What [Ring.Open], [OpenUnder] and [ParseToken] refuse with.
var (
	ErrUnknownKey = errors.New("sealed under a key that is not among the secrets")
	ErrSealed     = errors.New("sealed text is damaged, or was sealed for something else")
	ErrToken      = errors.New("not a token of ours")
)

// A Ring holds the host's keys. The first seals and signs, all open and check: a key is
// rotated by putting its successor before it. A Ring is immutable and safe for concurrent use.
type Ring struct{ keys []ringKey }

type ringKey struct {
	id     [4]byte
	master []byte
	tokens []byte // signs opaque tokens; derived once, for it is used on every request
}

// New returns a Ring of keys. It refuses no keys, a key below [MinKey] bytes, a key made
// of one repeated byte, and the same key twice.
func New(keys [][]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("no secrets given")
	}
	r := &Ring{keys: make([]ringKey, 0, len(keys))}
	for i, k := range keys {
		if err := r.add(k); err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
	}
	return r, nil
}

// String says how many keys there are and shows none.
func (r *Ring) String() string { return fmt.Sprintf("%d secrets", len(r.keys)) }

// GoString is String, so that no format verb shows a key.
func (r *Ring) GoString() string { return r.String() }

func (r *Ring) add(key []byte) error {
	if len(key) < MinKey {
		return fmt.Errorf("has %d bytes, must have at least %d", len(key), MinKey)
	}
	if bytes.Count(key, key[:1]) == len(key) {
		return errors.New("is one byte repeated, must be random")
	}
	k := ringKey{master: bytes.Clone(key)}
	for _, known := range r.keys {
		if bytes.Equal(known.master, k.master) {
			return errors.New("is given twice")
		}
	}
	copy(k.id[:], derive(k.master, "key id"))
	k.tokens = derive(k.master, "opaque token")
	r.keys = append(r.keys, k)
	return nil
}

// MAC returns the keyed hash of the strings, which cannot run into one another, under the
// first key. It names something, such as an address in a table of attempts, without
// telling what to anyone who has the table only.
func (r *Ring) MAC(purpose string, data ...string) []byte {
	h := hmac.New(sha256.New, derive(r.keys[0].master, "mac "+purpose))
	for _, d := range data {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(d)))
		h.Write(n[:])
		h.Write([]byte(d))
	}
	return h.Sum(nil)
}

// derive returns the 32-byte key that master yields for a purpose.
func derive(master []byte, purpose string) []byte {
	// The only error is for a length over 255 hashes.
	key, _ := hkdf.Key(sha256.New, master, nil, "identity "+purpose, 32)
	return key
}
