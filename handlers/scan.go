package handlers

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/fault"
)

const (
	maxDepth   = 64
	maxMembers = 10_000 // of one object
	maxBroken  = 50     // rules told of
)

// A scanner reads JSON strictly, in one pass, against a shape. encoding/json takes the last
// of two equal keys, matches keys in any case and repairs bad text: each would let two
// programs see two requests in one. What the scanner passes, encoding/json reads one way.
type scanner struct {
	src    []byte
	pos    int
	depth  int
	strict bool // refuse fields that the shape does not have

	at      []step
	broken  []string
	tenants []string // values of the fields that name a tenant
}

// A step leads from a value into it: a member by name, or an element by index.
type step struct {
	name  string
	index int
}

// scan checks a whole text. A nil shape takes any value.
func (s *scanner) scan(sh *shape) error {
	if err := s.value(sh); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.src) {
		return s.malformed("something follows the value")
	}
	return nil
}

func (s *scanner) malformed(why string) error {
	return fault.New(fault.Invalid, "", "the body is not valid JSON: "+why+" at byte "+strconv.Itoa(s.pos))
}

// breaks records a rule that the current value breaks.
func (s *scanner) breaks(messages ...string) {
	for _, m := range messages {
		if len(s.broken) < maxBroken {
			s.broken = append(s.broken, strings.TrimSpace(s.place()+" "+m))
		}
	}
}

// place names the current value.
func (s *scanner) place() string {
	if n := len(s.at); n > 0 && s.at[n-1].name == "" {
		return strings.TrimSpace("each value in " + names(s.at[:n-1]))
	}
	return names(s.at)
}

func names(at []step) string {
	var parts []string
	for _, p := range at {
		if p.name == "" {
			p.name = strconv.Itoa(p.index)
		}
		parts = append(parts, p.name)
	}
	return strings.Join(parts, ".")
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// take skips space and one byte if that is c.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.peek() != c || s.pos >= len(s.src) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) value(sh *shape) error {
	s.space()
	switch c := s.peek(); {
	case c == '{':
		return s.nested(s.object, s.expect(sh, anObject))
	case c == '[':
		return s.nested(s.array, s.expect(sh, aList))
	case c == '"':
		return s.textValue(s.expect(sh, aText))
	case c == '-' || '0' <= c && c <= '9':
		return s.numberValue(s.expect(sh, aNumber))
	case c == 't':
		s.expect(sh, aBoolean)
		return s.word("true")
	case c == 'f':
		s.expect(sh, aBoolean)
		return s.word("false")
	case c == 'n':
		return s.null(sh)
	}
	return s.malformed("a value is missing")
}

// expect returns sh if it takes values of kind k. Otherwise it says so, and the value is
// read as any.
func (s *scanner) expect(sh *shape, k kind) *shape {
	if sh == nil || sh.kind == anything || sh.kind == k {
		return sh
	}
	if k == anObject && sh.kind == aDict || k == aNumber && sh.kind == anInteger {
		return sh
	}
	s.breaks(sh.kind.demand())
	return nil
}

func (s *scanner) nested(read func(*shape) error, sh *shape) error {
	if s.depth++; s.depth > maxDepth {
		return s.malformed("it is nested too deep")
	}
	s.pos++
	err := read(sh)
	s.depth--
	return err
}

func (s *scanner) word(w string) error {
	if end := s.pos + len(w); end <= len(s.src) && string(s.src[s.pos:end]) == w {
		s.pos = end
		return nil
	}
	return s.malformed("an unknown word")
}

// null is allowed where the shape says so. A member that may be left out may be null: the
// object counts it as left out.
func (s *scanner) null(sh *shape) error {
	if err := s.word("null"); err != nil {
		return err
	}
	if sh != nil && sh.kind != anything && !sh.nullable {
		s.breaks(sh.kind.demand())
	}
	return nil
}

func (s *scanner) array(sh *shape) error {
	var items *shape
	if sh != nil {
		items = sh.items
	}
	n := 0
	for !s.take(']') {
		if n > 0 && !s.take(',') {
			return s.malformed("a comma is missing")
		}
		s.at = append(s.at, step{index: n})
		if err := s.value(items); err != nil {
			return err
		}
		s.at = s.at[:len(s.at)-1]
		n++
	}
	if sh != nil && sh.kind == aList {
		s.breaks(sh.rules.checkItems(n)...)
	}
	return nil
}

func (s *scanner) textValue(sh *shape) error {
	v, err := s.text()
	if err == nil && sh != nil {
		s.breaks(sh.rules.checkText(v)...)
	}
	return err
}

// text reads a string: UTF-8, no lone surrogate, no U+0000, which a database cannot keep.
func (s *scanner) text() (string, error) {
	start := s.pos
	plain := true
	for s.pos++; s.pos < len(s.src); {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return s.unquote(start, plain)
		case c == '\\':
			plain = false
			if err := s.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			return "", s.malformed("a control character in a string")
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.src[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return "", s.malformed("invalid UTF-8")
			}
			s.pos += size
		}
	}
	return "", s.malformed("a string does not end")
}

func (s *scanner) unquote(start int, plain bool) (string, error) {
	if plain {
		return string(s.src[start+1 : s.pos-1]), nil
	}
	var v string
	if err := json.Unmarshal(s.src[start:s.pos], &v); err != nil {
		return "", s.malformed("a bad string")
	}
	return v, nil
}

func (s *scanner) escape() error {
	s.pos++
	if strings.IndexByte(`"\/bfnrt`, s.peek()) >= 0 && s.pos < len(s.src) {
		s.pos++
		return nil
	}
	r, ok := s.unit()
	low := rune(-1)
	if ok && 0xD800 <= r && r <= 0xDBFF && s.peek() == '\\' {
		s.pos++
		low, ok = s.unit()
	}
	switch {
	case !ok:
		return s.malformed("a bad escape")
	case r == 0:
		return s.malformed("U+0000 in a string")
	case 0xDC00 <= r && r <= 0xDFFF, 0xD800 <= r && r <= 0xDBFF && (low < 0xDC00 || low > 0xDFFF):
		return s.malformed("half of a surrogate pair")
	}
	return nil
}

// unit reads the u and four digits of an escape.
func (s *scanner) unit() (rune, bool) {
	if s.pos+5 > len(s.src) || s.src[s.pos] != 'u' {
		return 0, false
	}
	n := rune(0)
	for _, c := range s.src[s.pos+1 : s.pos+5] {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if digit < 0 || c < '0' {
			return 0, false
		}
		n = n<<4 | rune(digit)
	}
	s.pos += 5
	return n, true
}
