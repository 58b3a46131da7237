package password

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrHash means that a stored hash is of no format we verify, or beyond the bounds within
// which we do.
var ErrHash = errors.New("password hash cannot be verified")

// The bounds of what is computed for a stored hash, whoever wrote it.
const (
	maxArgonMemory  = 1 << 20 // KiB: 1 GiB
	maxArgonTime    = 10
	maxArgonThreads = 16
	minSalt         = 8
	maxSalt         = 1024
	minTag          = 16
	maxTag          = 128
)

// The sizes of a new hash.
const (
	saltSize = 16
	tagSize  = 32
)

// hashed is a stored hash, parsed and within bounds.
type hashed interface {
	matches(pw string) bool
}

// An argon is an argon2 hash in PHC format.
type argon struct {
	variant      string // "argon2id" or "argon2i"
	memory, time uint32
	threads      uint8
	keyID        string // of the pepper; empty without
	salt, tag    []byte
}

func (a argon) bounded() error {
	switch {
	case a.time < 1 || a.time > maxArgonTime:
		return fmt.Errorf("%w: t=%d is not within 1 to %d", ErrHash, a.time, maxArgonTime)
	case a.threads < 1 || a.threads > maxArgonThreads:
		return fmt.Errorf("%w: p=%d is not within 1 to %d", ErrHash, a.threads, maxArgonThreads)
	case a.memory < 8*uint32(a.threads) || a.memory > maxArgonMemory:
		return fmt.Errorf("%w: m=%d is not within 8·p to %d", ErrHash, a.memory, maxArgonMemory)
	}
	return nil
}

func (a argon) compute(input []byte, size int) []byte {
	if a.variant == "argon2i" {
		return argon2.Key(input, a.salt, a.time, a.memory, a.threads, uint32(size))
	}
	return argon2.IDKey(input, a.salt, a.time, a.memory, a.threads, uint32(size))
}

func (a argon) matches(pw string) bool {
	return equal(a.compute([]byte(pw), len(a.tag)), a.tag)
}

// String returns the PHC form.
func (a argon) String() string {
	key := ""
	if a.keyID != "" {
		key = ",keyid=" + a.keyID
	}
	return fmt.Sprintf("$%s$v=19$m=%d,t=%d,p=%d%s$%s$%s", a.variant, a.memory, a.time, a.threads, key,
		base64.RawStdEncoding.EncodeToString(a.salt), base64.RawStdEncoding.EncodeToString(a.tag))
}

// parseArgon reads "$argon2id$v=19$m=..,t=..,p=..[,keyid=..]$salt$tag" and nothing like it.
func parseArgon(stored string) (hashed, error) {
	part := strings.Split(stored, "$")
	if len(part) != 6 || part[2] != "v=19" {
		return nil, fmt.Errorf("%w: not argon2 version 19 in PHC format", ErrHash)
	}
	a := argon{variant: part[1]}
	v, err := params(part[3], "m", "t", "p", "keyid")
	if err != nil {
		return nil, err
	}
	if _, keyed := v["keyid"]; keyed && !validKeyID(v["keyid"]) {
		return nil, fmt.Errorf("%w: keyid", ErrHash)
	}
	a.keyID = v["keyid"]
	a.memory = uint32(number(v["m"], maxArgonMemory))
	a.time, a.threads = uint32(number(v["t"], maxArgonTime)), uint8(number(v["p"], maxArgonThreads))
	if err := a.bounded(); err != nil {
		return nil, err
	}
	a.salt, a.tag, err = saltAndTag(part[4], part[5], base64.RawStdEncoding)
	return a, err
}

// params splits "a=1,b=2" with the names in this order. The last may be absent where it is
// "keyid"; any other name, order or repetition is refused.
func params(text string, names ...string) (map[string]string, error) {
	got := map[string]string{}
	for p := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(p, "=")
		if !ok || len(names) == 0 || name != names[0] {
			return nil, fmt.Errorf("%w: unexpected parameter", ErrHash)
		}
		got[name], names = value, names[1:]
	}
	if len(names) > 0 && names[0] != "keyid" {
		return nil, fmt.Errorf("%w: parameter %s is missing", ErrHash, names[0])
	}
	return got, nil
}

// number reads a decimal of 1 to limit in its shortest form; anything else is 0, which no
// parameter may be.
func number(text string, limit int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > limit || strconv.Itoa(n) != text {
		return 0
	}
	return n
}

func saltAndTag(salt, tag string, e *base64.Encoding) (s, t []byte, err error) {
	if s, err = decode(salt, e); err != nil {
		return nil, nil, err
	}
	if t, err = decode(tag, e); err != nil {
		return nil, nil, err
	}
	if len(s) < minSalt || len(s) > maxSalt || len(t) < minTag || len(t) > maxTag {
		return nil, nil, fmt.Errorf("%w: salt or hash has a strange length", ErrHash)
	}
	return s, t, nil
}

// decode reads base64 in its one spelling.
func decode(text string, e *base64.Encoding) ([]byte, error) {
	b, err := e.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: bad base64", ErrHash)
	}
	return b, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: the runtime stops the program instead
	return b
}
