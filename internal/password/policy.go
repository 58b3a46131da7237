package password

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/fault"
)

// A Policy says which passwords may be set. There are no rules about kinds of character:
// length and a list are what helps (NIST SP 800-63B-4 §3.1.1.2).
type Policy struct {
	// MinLength is the least number of code points, at least 8. Zero is 15, which is right
	// where a password may be all that protects an account.
	MinLength int
	// Breached reports whether a password is known to attackers, such as from a breach. An
	// error refuses the password with that error. Nil asks nobody.
	Breached func(ctx context.Context, password string) (bool, error)
}

// The bounds of Policy.MinLength.
const (
	leastLength   = 8
	defaultLength = 15
	mostLength    = 128
)

// Valid returns an error if the policy is weaker than we permit, or absurd.
func (p Policy) Valid() error {
	if p.MinLength != 0 && (p.MinLength < leastLength || p.MinLength > mostLength) {
		return fmt.Errorf("minimum password length %d is not within %d to %d", p.MinLength, leastLength, mostLength)
	}
	return nil
}

// Least returns the least number of code points, with the zero value filled in.
func (p Policy) Least() int { return max(leastLength, or(p.MinLength, defaultLength)) }

// Check refuses a password with fault.Invalid, saying every reason. The words are what an
// attacker would try first with this account: its address and name, the service's name.
// Comparisons ignore case and look at the whole password.
func Check(ctx context.Context, p Policy, pw string, words ...string) error {
	text, err := Normalize(pw)
	if err != nil {
		return err
	}
	least := p.Least()
	var c fault.Checker
	c.Check(utf8.RuneCountInString(text) >= least, "password", fmt.Sprintf("must have at least %d characters", least))
	folded := strings.ToLower(text)
	c.Check(!guessable(folded, listed), "password", "is one of the most common passwords")
	c.Check(!guessable(folded, own(words)), "password", "must not be made of your own or the service's name")
	if err := c.Err(); err != nil || p.Breached == nil {
		return err
	}
	found, err := p.Breached(ctx, pw)
	if err != nil {
		return fmt.Errorf("ask whether a password was breached: %w", err)
	}
	c.Check(!found, "password", "is known from a data breach")
	return c.Err()
}

// own returns a function that knows the words, and the local part of those that are addresses.
func own(words []string) func(string) bool {
	known := map[string]bool{}
	for _, w := range words {
		w = strings.ToLower(strings.TrimSpace(w))
		local, _, _ := strings.Cut(w, "@")
		for _, w := range []string{w, local} {
			if utf8.RuneCountInString(w) > 2 {
				known[w] = true
			}
		}
	}
	return func(word string) bool { return known[word] }
}
