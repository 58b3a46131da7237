package password

import (
	"crypto/sha256"
	_ "embed" // the list of common passwords
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dictionary holds the first five bytes of the SHA-256 of each common password, in order.
// They were made by TestDictionary from the first 10,000 rows of the list in zxcvbn (MIT).
// By chance it takes one other password in a hundred million.
//
//go:embed dictionary.bin
var dictionary string

const sumSize = 5

// listed reports whether word, in lower case, is on the list.
func listed(word string) bool {
	full := sha256.Sum256([]byte(word))
	sum, n := string(full[:sumSize]), len(dictionary)/sumSize
	at := func(i int) string { return dictionary[i*sumSize : (i+1)*sumSize] }
	i := sort.Search(n, func(i int) bool { return at(i) >= sum })
	return i < n && at(i) == sum
}

// guessable reports whether text is a word that is known, such a word repeated, or one
// with a dull end or beginning: "password123456789", "1111dragon". Texts of 15 and more
// characters are almost never on a list as they are, yet are guessed from it like this.
func guessable(text string, known func(string) bool) bool {
	if text == "" {
		return false
	}
	if known(text) || known(unit(text)) {
		return true
	}
	head := strings.TrimRightFunc(text, notLetter)
	if head != text && dull(text[len(head):]) && (known(head) || known(unit(head))) {
		return true
	}
	tail := strings.TrimLeftFunc(text, notLetter)
	return tail != text && dull(text[:len(text)-len(tail)]) && (known(tail) || known(unit(tail)))
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// unit returns the shortest text that text repeats, the last time perhaps in part, which
// may be text itself: "1234567890" for "123456789012345".
func unit(text string) string {
	const longest = 64
	for n := 1; n < len(text) && n <= longest; n++ {
		if strings.HasPrefix(text, text[n:]) {
			return text[:n]
		}
	}
	return text
}

// dull reports whether nearly every character is the one before it or its neighbour, as in
// "123456789", "0000" and "987!", or whether it is a year.
func dull(text string) bool {
	if len(text) == 4 && (strings.HasPrefix(text, "19") || strings.HasPrefix(text, "20")) {
		return true
	}
	breaks := 0
	last, size := utf8.DecodeRuneInString(text)
	for _, r := range text[size:] {
		if d := r - last; (d < -1 || d > 1) && d != '0'-'9' && d != '9'-'0' {
			breaks++
		}
		last = r
	}
	return breaks <= 1
}
