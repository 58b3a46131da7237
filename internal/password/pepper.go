package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// ErrPepper means that a stored hash was made with a pepper that is not configured.
var ErrPepper = errors.New("the pepper of the password hash is not configured")

// A Pepper is a secret that is kept apart from the hashes: without it, a stolen table of
// hashes cannot be attacked at all. The ID is stored with each hash.
type Pepper struct {
	ID  string // 1 to 16 of A-Z a-z 0-9 . -
	Key []byte // at least 32 bytes
}

// String names the pepper without showing it.
func (p Pepper) String() string { return "pepper " + p.ID }

// GoString is String, so that no format verb shows the key.
func (p Pepper) GoString() string { return p.String() }

func checkPeppers(peppers []Pepper) error {
	seen := map[string]bool{}
	for _, p := range peppers {
		switch {
		case !validKeyID(p.ID):
			return fmt.Errorf("pepper id %q must be 1 to 16 of A-Z a-z 0-9 . -", p.ID)
		case len(p.Key) < 32:
			return fmt.Errorf("pepper %s has %d bytes, must have at least 32", p.ID, len(p.Key))
		case seen[p.ID]:
			return fmt.Errorf("pepper %s is given twice", p.ID)
		}
		seen[p.ID] = true
	}
	return nil
}

func validKeyID(id string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
	return id != "" && len(id) <= 16 && strings.Trim(id, allowed) == ""
}

// pepper returns what is hashed for text: text itself, or its HMAC under the pepper.
func (h *Hasher) pepper(id, text string) ([]byte, error) {
	if id == "" {
		return []byte(text), nil
	}
	for _, p := range h.peppers {
		if p.ID == id {
			m := hmac.New(sha256.New, p.Key)
			m.Write([]byte(text))
			return m.Sum(nil), nil
		}
	}
	return nil, fmt.Errorf("%w: id %s", ErrPepper, id)
}
