package token

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errJSON is refused JSON. encoding/json takes the last of two members of one name, a name
// in another case, and turns invalid text into U+FFFD: each lets two readers of one token
// see different claims.
var errJSON = errors.New("not one strict JSON object")

const (
	maxDepth = 32 // of nested JSON
	maxName  = 256
)

// object reads in as one JSON object and calls each with its members, in order, the value
// as it stands. Members of one name, at any depth, invalid UTF-8, U+0000, unpaired surrogates
// and bytes after the object are refused.
func object(in string, each func(name, value string) error) error {
	return objectAt(0, in, each)
}

// objectAt is object for an object that stands depth levels deep in another.
func objectAt(depth int, in string, each func(name, value string) error) error {
	if !utf8.ValidString(in) {
		return errJSON
	}
	s := scanner{in: in, depth: depth}
	if !s.members(each) {
		return s.err
	}
	if s.next(); s.i < len(in) {
		return errJSON
	}
	return nil
}

// A scanner walks over strict JSON (RFC 8259).
// What it finds are parts of what it reads: nothing is copied.
type scanner struct {
	in    string
	i     int
	depth int
	err   error
}

func (s *scanner) fail() bool {
	if s.err == nil {
		s.err = errJSON
	}
	return false
}

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for ; s.i < len(s.in); s.i++ {
		if c := s.in[s.i]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

// take consumes c if it is next.
func (s *scanner) take(c byte) bool {
	if s.next() != c || s.i == len(s.in) {
		return false
	}
	s.i++
	return true
}

// members walks over an object. A nil each is told nothing.
func (s *scanner) members(each func(name, value string) error) bool {
	if s.depth++; s.depth > maxDepth || !s.take('{') {
		return s.fail()
	}
	defer func() { s.depth-- }()
	if s.take('}') {
		return true
	}
	var seen names
	for {
		name, value, ok := s.member()
		if !ok || !seen.add(name) {
			return s.fail()
		}
		if each != nil {
			if s.err = each(name, value); s.err != nil {
				return false
			}
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return s.fail()
		}
	}
}

func (s *scanner) member() (name, value string, ok bool) {
	s.next()
	start := s.i
	if !s.text() || s.i-start > maxName {
		return "", "", s.fail()
	}
	name, err := text(s.in[start:s.i])
	if err != nil || !s.take(':') {
		return "", "", s.fail()
	}
	s.next()
	start = s.i
	ok = s.value()
	return name, s.in[start:s.i], ok
}

// names remembers the names of one object.
type names struct {
	few  [16]string
	n    int
	many map[string]struct{}
}

// add reports whether name is new.
func (m *names) add(name string) bool {
	if m.n < len(m.few) {
		if slices.Contains(m.few[:m.n], name) {
			return false
		}
		m.few[m.n] = name
		m.n++
		return true
	}
	if m.many == nil {
		m.many = make(map[string]struct{})
	}
	if _, again := m.many[name]; again || slices.Contains(m.few[:], name) {
		return false
	}
	m.many[name] = struct{}{}
	return true
}

// value walks over any value.
func (s *scanner) value() bool {
	switch c := s.next(); {
	case c == '{':
		return s.members(nil)
	case c == '[':
		return s.elements(nil)
	case c == '"':
		return s.text()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if end := s.i + len(word); end <= len(s.in) && s.in[s.i:end] == word {
			s.i = end
			return true
		}
	}
	return s.fail()
}

// elements walks over an array. A nil each is told nothing.
func (s *scanner) elements(each func(value string) error) bool {
	if s.depth++; s.depth > maxDepth || !s.take('[') {
		return s.fail()
	}
	defer func() { s.depth-- }()
	if s.take(']') {
		return true
	}
	for {
		s.next()
		start := s.i
		if !s.value() {
			return s.fail()
		}
		if each != nil {
			if s.err = each(s.in[start:s.i]); s.err != nil {
				return false
			}
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return s.fail()
		}
	}
}

// text walks over a string.
func (s *scanner) text() bool {
	if s.i >= len(s.in) || s.in[s.i] != '"' {
		return s.fail()
	}
	for s.i++; s.i < len(s.in); s.i++ {
		switch c := s.in[s.i]; {
		case c == '"':
			s.i++
			return true
		case c < ' ':
			return s.fail()
		case c == '\\' && !s.escape():
			return s.fail()
		}
	}
	return s.fail()
}

// escape walks over an escape but for its last byte. A surrogate must be a high one with a
// low one after it.
func (s *scanner) escape() bool {
	if s.i++; s.i >= len(s.in) {
		return false
	}
	switch s.in[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
	default:
		return false
	}
	r := s.hex()
	switch {
	case r <= 0 || r >= 0xdc00 && r < 0xe000:
		return false
	case r < 0xd800 || r >= 0xe000:
		return true
	}
	if s.i+2 >= len(s.in) || s.in[s.i+1] != '\\' || s.in[s.i+2] != 'u' {
		return false
	}
	s.i += 2
	low := s.hex()
	return low >= 0xdc00 && low < 0xe000
}

// hex reads the four digits after the byte at i and stops on the last; -1 if they are none.
func (s *scanner) hex() rune {
	if s.i+4 >= len(s.in) {
		return -1
	}
	r := rune(0)
	for range 4 {
		s.i++
		c := s.in[s.i]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// number walks over a number.
func (s *scanner) number() bool {
	if s.i < len(s.in) && s.in[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.in) && s.in[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return s.fail()
	}
	if s.i < len(s.in) && s.in[s.i] == '.' {
		if s.i++; !s.digits() {
			return s.fail()
		}
	}
	if s.i < len(s.in) && s.in[s.i]|0x20 == 'e' {
		if s.i++; s.i < len(s.in) && (s.in[s.i] == '+' || s.in[s.i] == '-') {
			s.i++
		}
		if !s.digits() {
			return s.fail()
		}
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.in) && s.in[s.i] >= '0' && s.in[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

// text decodes a value that the scanner has walked over, which must be a string.
func text(value string) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", errJSON
	}
	inside := value[1 : len(value)-1]
	if !strings.Contains(inside, `\`) {
		return inside, nil
	}
	var t string
	if err := json.Unmarshal([]byte(value), &t); err != nil {
		return "", errJSON
	}
	return t, nil
}

// texts decodes an array of strings.
func texts(value string) ([]string, error) {
	if value[0] != '[' {
		return nil, errJSON
	}
	all := []string{}
	s := scanner{in: value}
	_ = s.elements(func(v string) error {
		t, err := text(v)
		all = append(all, t)
		return err
	})
	return all, s.err
}

// seconds decodes a time: an integer of seconds since 1970, above 0 and below the year
// 10000, written as such.
func seconds(value string) (int64, error) {
	const last = 253402300799
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 || n > last {
		return 0, errJSON
	}
	return n, nil
}

func truth(value string) (bool, error) {
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errJSON
}
