package mfa

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

// RecoveryCodes is how many codes a user gets.
const RecoveryCodes = 10

const (
	recoveryGroup  = 5
	recoveryLength = 25 // of 32 letters: 125 bits, so that a plain hash hides them
)

// NewRecoveryCodes returns codes that each replace a lost device once. They are shown once;
// what is kept is [RecoveryHash].
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		codes[i] = group(rand.Text()[:recoveryLength])
	}
	return codes
}

func group(text string) string {
	var groups []string
	for ; text != ""; text = text[recoveryGroup:] {
		groups = append(groups, text[:recoveryGroup])
	}
	return strings.Join(groups, "-")
}

// RecoveryHash returns what is kept of a recovery code. It reports false for text that
// cannot be one. Case, dashes and spaces do not count.
func RecoveryHash(code string) (hash []byte, ok bool) {
	const longest = 64
	if len(code) > longest {
		return nil, false
	}
	clean := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(code)))
	if len(clean) != recoveryLength || strings.Trim(clean, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return nil, false
	}
	sum := sha256.Sum256([]byte(clean))
	return sum[:], true
}
