package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

const (
	maxAddress = 320 // bytes: 64 of local part, 255 of domain, the @
	maxSubject = 200 // bytes
	maxName    = 64  // characters of a name that a greeting repeats
)

// Check refuses a message whose address or subject could end a mail header early, name a
// second receiver or be read as an option by a mail program (RFC 5322 §2.2).
func Check(m store.Message) error {
	var c fault.Checker
	c.Check(addressable(m.To), "to", "must be one e-mail address")
	c.Check(m.Subject != "" && len(m.Subject) <= maxSubject && oneLine(m.Subject), "subject", "must be one short line of text")
	c.Check(store.Storable(m.Text) && store.Storable(m.HTML), "body", "must be valid UTF-8 without U+0000")
	return c.Err()
}

// addressable reports whether address is one bare e-mail address.
func addressable(address string) bool {
	local, domain, found := strings.Cut(address, "@")
	return found && local != "" && domain != "" && len(address) <= maxAddress &&
		oneLine(address) && !strings.HasPrefix(address, "-") &&
		!strings.ContainsAny(address, " ,;:<>()[]\\\"") && !strings.Contains(domain, "@")
}

// oneLine reports whether text is valid and stays on one line of a header: no control
// character, and none of the two separators that some programs break lines at.
func oneLine(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}) < 0
}

// greetable returns the name if a greeting may repeat it, else nothing. Whoever signs up
// chooses the name and the address that reads it, so a name that could carry a link, or an
// appeal of its own, would make the library a spammer's.
func greetable(name string) string {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxName || strings.Count(name, " ") > 5 {
		return ""
	}
	dotted := false
	for _, r := range name {
		// "Dr. Ada" is a name; "evil.example" becomes a link in most mail programs.
		if dotted && r != ' ' || !unicode.In(r, unicode.L, unicode.M) && !strings.ContainsRune(" .,'’-", r) {
			return ""
		}
		dotted = r == '.'
	}
	return name
}
