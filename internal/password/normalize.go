package password

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/go-identity/identity/internal/fault"
)

// MaxBytes is the most bytes a password may have, as it comes and once normalized.
const MaxBytes = 4096

// Normalize returns the form of a password that is hashed and counted: Unicode NFKC, so
// that one password typed on two keyboards stays one (NIST SP 800-63B-4 §3.1.1.2). Nothing
// is trimmed, cut or folded otherwise. Invalid UTF-8, U+0000 and more than [MaxBytes] are
// refused with fault.Invalid.
func Normalize(pw string) (string, error) {
	if len(pw) > MaxBytes {
		return "", fault.New(fault.Invalid, "password", "is too long")
	}
	if !utf8.ValidString(pw) || strings.IndexByte(pw, 0) >= 0 {
		return "", fault.New(fault.Invalid, "password", "must be valid UTF-8 without U+0000")
	}
	// Eighteen code points may come of one: the limit holds after as well.
	text := norm.NFKC.String(pw)
	if len(text) > MaxBytes {
		return "", fault.New(fault.Invalid, "password", "is too long")
	}
	return text, nil
}
