package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	maxStored     = 2048 // bytes of a stored hash
	maxBcryptCost = 15
)

// Recognize reports whether a hash made elsewhere can be verified, for an import to refuse it
// before it is stored; the error says why not and is [ErrHash].
func Recognize(stored string) error {
	_, err := parse(stored)
	return err
}

// parse recognizes a stored hash by its form. It does no work and computes nothing.
func parse(stored string) (hashed, error) {
	if len(stored) > maxStored {
		return nil, fmt.Errorf("%w: too long", ErrHash)
	}
	if !strings.HasPrefix(stored, "$") {
		return parseBare(stored)
	}
	name, _, _ := strings.Cut(stored[1:], "$")
	switch name {
	case "argon2id", "argon2i":
		return parseArgon(stored)
	case "2a", "2b", "2y":
		return parseBcrypt(stored)
	case "scrypt":
		return parseScrypt(stored)
	case "firescrypt", "fbscrypt":
		return parseFirebase(stored)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return parsePBKDF2(stored)
	}
	return nil, fmt.Errorf("%w: unknown format", ErrHash)
}

// parseBare reads the formats that do not begin with a dollar sign.
func parseBare(stored string) (hashed, error) {
	switch {
	case strings.HasPrefix(stored, "pbkdf2_"):
		return parseDjango(stored)
	case strings.HasPrefix(stored, "sha1$"):
		return parseDjangoSHA1(stored)
	case strings.HasPrefix(stored, "{SSHA"):
		return parseSSHA(stored)
	}
	return parseASPNET(stored)
}

// A bcryptHash ignores what a password has past 72 bytes, as the system that made it did;
// it is replaced at the first log-in.
type bcryptHash string

func (h bcryptHash) matches(pw string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(pw)) == nil
}

func parseBcrypt(stored string) (hashed, error) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if len(stored) != 60 || stored[6] != '$' || strings.Trim(stored[7:], alphabet) != "" {
		return nil, fmt.Errorf("%w: not bcrypt", ErrHash)
	}
	cost := number(strings.TrimPrefix(stored[4:6], "0"), maxBcryptCost)
	if cost < bcrypt.MinCost {
		return nil, fmt.Errorf("%w: bcrypt cost %s is not within %d to %d", ErrHash, stored[4:6], bcrypt.MinCost, maxBcryptCost)
	}
	return bcryptHash(stored), nil
}

// A digest is one round of a hash over password and salt, from the days before.
type digest struct {
	sum    func() hash.Hash
	before []byte // the password
	after  []byte
	want   []byte
}

func (d digest) matches(pw string) bool {
	h := d.sum()
	h.Write(d.before)
	h.Write([]byte(pw))
	h.Write(d.after)
	return equal(h.Sum(nil), d.want)
}

// parseSSHA reads the salted hashes of LDAP (RFC 2307): base64 of hash, then salt.
func parseSSHA(stored string) (hashed, error) {
	scheme, text, _ := strings.Cut(stored, "}")
	sum := map[string]func() hash.Hash{
		"{SSHA": sha1.New, "{SSHA256": sha256.New, "{SSHA512": sha512.New,
	}[scheme]
	b, err := decode(text, base64.StdEncoding)
	if sum == nil || err != nil || len(b) < sum().Size()+4 {
		return nil, fmt.Errorf("%w: not a salted LDAP hash", ErrHash)
	}
	n := sum().Size()
	return digest{sum: sum, after: b[n:], want: b[:n]}, nil
}

// parseDjangoSHA1 reads "sha1$salt$hex".
func parseDjangoSHA1(stored string) (hashed, error) {
	part := strings.Split(stored, "$")
	if len(part) != 3 || part[1] == "" || len(part[2]) != 2*sha1.Size {
		return nil, fmt.Errorf("%w: not a salted SHA-1", ErrHash)
	}
	want, err := hex.DecodeString(part[2])
	if err != nil {
		return nil, fmt.Errorf("%w: not a salted SHA-1", ErrHash)
	}
	return digest{sum: sha1.New, before: []byte(part[1]), want: want}, nil
}

func equal(a, b []byte) bool {
	return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1
}
