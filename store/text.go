package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns text in the form that searches compare: simple Unicode case folding, rune
// by rune, the same on every database. It is for finding, never for identity.
func Fold(text string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, text)
}

// Storable reports whether every database can keep text: valid UTF-8 without U+0000.
func Storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
