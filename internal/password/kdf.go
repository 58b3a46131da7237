package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"math/bits"
	"strings"

	"golang.org/x/crypto/scrypt"
)

const (
	maxScryptLog   = 17 // N = 2^17
	maxScryptBlock = 8
	maxScryptLanes = 10
	maxRounds      = 10_000_000
)

// A scryptHash may carry Firebase's signer key, which the derived key then encrypts.
type scryptHash struct {
	n, r, p   int
	salt, tag []byte
	signer    []byte // Firebase only
}

func (s scryptHash) matches(pw string) bool {
	size := len(s.tag)
	if s.signer != nil {
		size = 32
	}
	key, err := scrypt.Key([]byte(pw), s.salt, s.n, s.r, s.p, size)
	if err != nil {
		return false
	}
	if s.signer == nil {
		return equal(key, s.tag)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return false
	}
	out := make([]byte, len(s.signer))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, s.signer)
	return equal(out, s.tag)
}

// cost sets the parameters from text. What is called ln is the logarithm of N, except
// with systems that write N itself there: above 30 it can only be that.
func (s *scryptHash) cost(n, r, p string) error {
	log := number(n, 1<<maxScryptLog)
	if log > 30 {
		if log&(log-1) != 0 {
			return fmt.Errorf("%w: scrypt N is not a power of two", ErrHash)
		}
		log = bits.Len(uint(log)) - 1
	}
	s.r, s.p = number(r, maxScryptBlock), number(p, maxScryptLanes)
	if log < 1 || log > maxScryptLog || s.r == 0 || s.p == 0 {
		return fmt.Errorf("%w: scrypt parameters beyond N=2^%d, r=%d, p=%d", ErrHash, maxScryptLog, maxScryptBlock, maxScryptLanes)
	}
	s.n = 1 << log
	return nil
}

// parseScrypt reads "$scrypt$ln=..,r=..,p=..$salt$tag".
func parseScrypt(stored string) (hashed, error) {
	part := strings.Split(stored, "$")
	if len(part) != 5 {
		return nil, fmt.Errorf("%w: not scrypt", ErrHash)
	}
	v, err := params(part[2], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	var s scryptHash
	if err := s.cost(v["ln"], v["r"], v["p"]); err != nil {
		return nil, err
	}
	s.salt, s.tag, err = saltAndTag(unpad(part[3]), unpad(part[4]), base64.RawStdEncoding)
	return s, err
}

// parseFirebase reads the two spellings in which Firebase's hashes travel:
// "$fbscrypt$v=1,n=..,r=..,p=..,ss=..,sk=..$salt$tag" and
// "$firescrypt$ln=..,r=..,p=..$salt$tag$separator$signer".
func parseFirebase(stored string) (hashed, error) {
	part := strings.Split(stored, "$")
	var f firebase
	switch {
	case len(part) == 5 && part[1] == "fbscrypt":
		v, err := params(part[2], "v", "n", "r", "p", "ss", "sk")
		if err != nil || v["v"] != "1" {
			return nil, fmt.Errorf("%w: not Firebase's scrypt", ErrHash)
		}
		f = firebase{v["n"], v["r"], v["p"], part[3], part[4], v["ss"], v["sk"]}
	case len(part) == 7 && part[1] == "firescrypt":
		v, err := params(part[2], "ln", "r", "p")
		if err != nil {
			return nil, err
		}
		f = firebase{v["ln"], v["r"], v["p"], part[3], part[4], part[5], part[6]}
	default:
		return nil, fmt.Errorf("%w: not Firebase's scrypt", ErrHash)
	}
	return f.hash()
}

type firebase struct{ n, r, p, salt, tag, separator, signer string }

func (f firebase) hash() (hashed, error) {
	var s scryptHash
	if err := s.cost(f.n, f.r, f.p); err != nil {
		return nil, err
	}
	var fields [4][]byte
	for i, text := range []string{f.salt, f.tag, f.separator, f.signer} {
		b, err := decode(text, base64.StdEncoding)
		if err != nil || len(b) == 0 {
			return nil, fmt.Errorf("%w: bad base64", ErrHash)
		}
		fields[i] = b
	}
	s.salt, s.tag, s.signer = append(fields[0], fields[2]...), fields[1], fields[3]
	if len(s.tag) != len(s.signer) || len(s.tag) < 32 {
		return nil, fmt.Errorf("%w: signer key and hash differ in length", ErrHash)
	}
	return s, nil
}

type pbkdf2Hash struct {
	sum       func() hash.Hash
	rounds    int
	salt, tag []byte
}

func (p pbkdf2Hash) matches(pw string) bool {
	key, err := pbkdf2.Key(p.sum, pw, p.salt, p.rounds, len(p.tag))
	return err == nil && equal(key, p.tag)
}

func digestNamed(name string) func() hash.Hash {
	switch name {
	case "sha1", "":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

// parsePBKDF2 reads "$pbkdf2-sha256$29000$salt$tag", whose base64 may have dots for plus
// signs, and "$pbkdf2-sha256$i=100000,l=32$salt$tag".
func parsePBKDF2(stored string) (hashed, error) {
	part := strings.Split(stored, "$")
	if len(part) != 5 {
		return nil, fmt.Errorf("%w: not PBKDF2", ErrHash)
	}
	_, name, _ := strings.Cut(part[1], "-")
	p := pbkdf2Hash{sum: digestNamed(name), rounds: number(part[2], maxRounds)}
	size := 0
	if v, err := params(part[2], "i", "l"); err == nil {
		p.rounds, size = number(v["i"], maxRounds), number(v["l"], maxTag)
	}
	if p.rounds == 0 {
		return nil, fmt.Errorf("%w: PBKDF2 rounds are not within 1 to %d", ErrHash, maxRounds)
	}
	var err error
	p.salt, p.tag, err = saltAndTag(undot(part[3]), undot(part[4]), base64.RawStdEncoding)
	if err == nil && size != 0 && size != len(p.tag) {
		err = fmt.Errorf("%w: PBKDF2 length is not the hash's", ErrHash)
	}
	return p, err
}

// parseDjango reads "pbkdf2_sha256$390000$salt$tag"; the salt is text.
func parseDjango(stored string) (hashed, error) {
	part := strings.Split(stored, "$")
	if len(part) != 4 || part[2] == "" {
		return nil, fmt.Errorf("%w: not PBKDF2", ErrHash)
	}
	p := pbkdf2Hash{
		sum:    digestNamed(strings.TrimPrefix(part[0], "pbkdf2_")),
		rounds: number(part[1], maxRounds), salt: []byte(part[2]),
	}
	tag, err := decode(part[3], base64.StdEncoding)
	if p.tag = tag; p.sum == nil || p.rounds == 0 || err != nil || len(tag) < minTag || len(tag) > maxTag {
		return nil, fmt.Errorf("%w: not PBKDF2 of 1 to %d rounds", ErrHash, maxRounds)
	}
	return p, nil
}

// parseASPNET reads the two formats of ASP.NET Core Identity, base64 of
// 0, salt (16), key (32), made with SHA-1 and 1,000 rounds; and of
// 1, digest, rounds, salt length (4 bytes each), salt, key.
func parseASPNET(stored string) (hashed, error) {
	refused := fmt.Errorf("%w: unknown format", ErrHash)
	b, err := decode(stored, base64.StdEncoding)
	if err != nil || len(b) < 13+minSalt+minTag {
		return nil, refused
	}
	if b[0] == 0 && len(b) == 1+16+32 {
		return pbkdf2Hash{sum: sha1.New, rounds: 1000, salt: b[1:17], tag: b[17:]}, nil
	}
	digest, rounds, salt := binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), binary.BigEndian.Uint32(b[9:])
	names := []string{"sha1", "sha256", "sha512"}
	if b[0] != 1 || digest > 2 || rounds < 1 || rounds > maxRounds || salt < minSalt || salt > maxSalt {
		return nil, refused
	}
	rest := b[13:]
	if len(rest) < int(salt)+minTag || len(rest) > int(salt)+maxTag {
		return nil, refused
	}
	return pbkdf2Hash{sum: digestNamed(names[digest]), rounds: int(rounds), salt: rest[:salt], tag: rest[salt:]}, nil
}

// unpad removes the padding of base64 where there is the right amount.
func unpad(text string) string {
	if len(text)%4 == 0 && strings.HasSuffix(text, "=") {
		return strings.TrimSuffix(strings.TrimSuffix(text, "="), "=")
	}
	return text
}

// undot also turns the dots of the other dialect into plus signs.
func undot(text string) string { return strings.ReplaceAll(unpad(text), ".", "+") }
