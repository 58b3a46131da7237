package service

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/go-identity/identity/internal/fault"
)

const (
	maxEmail    = 254          // RFC 5321 §4.5.3.1.3, less the brackets of a path
	maxLocal    = 64           // RFC 5321 §4.5.3.1.1
	maxSpelled  = 4 * maxEmail // before the domain is mapped, which takes quadratic time
	maxUsername = 255
)

// notEmail is the one answer to an address that cannot be an account's.
func notEmail() error { return fault.New(fault.Invalid, "email", "must be an email") }

// normalizeEmail returns the form by which an address is looked up: two spellings of one
// mailbox give one text, two mailboxes never do. Case is folded for ASCII only, because a
// wider folding would make strangers equal (U+212A KELVIN SIGN lower-cases to k).
func normalizeEmail(text string) (string, error) {
	local, domain, ok := strings.Cut(strings.Trim(text, " "), "@")
	if !ok || len(text) > maxSpelled || !mailbox(local) {
		return "", notEmail()
	}
	domain, ok = hostname(domain)
	if !ok || len(local)+1+len(domain) > maxEmail {
		return "", notEmail()
	}
	return lowerASCII(local) + "@" + domain, nil
}

// normalizeUsername returns the form by which a username is looked up, which need not be
// one that anybody can have.
func normalizeUsername(text string) string { return lowerASCII(text) }

// checkUsername refuses a username that cannot be an account's.
func checkUsername(text string) error {
	odd := func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("._-", r) }
	if text == "" || len(text) > maxUsername || strings.ContainsFunc(text, odd) {
		return fault.New(fault.Invalid, "username", "must be 1 to 255 letters, digits and ._- only")
	}
	return nil
}

// mailbox reports whether local is a dot-atom (RFC 5322 §3.2.3, RFC 6531 §3.3). Quoted
// local parts are refused: nobody has one, and every mail system reads them differently.
func mailbox(local string) bool {
	if local == "" || len(local) > maxLocal || !norm.NFC.IsNormalString(local) {
		return false
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	return !strings.ContainsFunc(local, func(r rune) bool { return !mailboxRune(r) })
}

func mailboxRune(r rune) bool {
	switch {
	case r == utf8.RuneError:
		return false
	case r < utf8.RuneSelf:
		return alphanumeric(r) || strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r)
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// hostname returns the A-label form of a domain without its trailing dot. A name needs two
// labels, and the last must not be a number: addresses are not names.
func hostname(domain string) (string, bool) {
	if strings.ContainsRune(domain, utf8.RuneError) { // the mapping takes any broken byte for it
		return "", false
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	ascii = strings.TrimSuffix(ascii, ".")
	labels := strings.Split(ascii, ".")
	if err != nil || len(labels) < 2 {
		return "", false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return "", false
		}
	}
	digits := strings.Trim(labels[len(labels)-1], "0123456789") == ""
	return ascii, !digits
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// lowerASCII lower-cases A to Z and leaves every other byte alone.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}
