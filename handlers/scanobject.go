package handlers

import (
	"strconv"
	"strings"

	"github.com/go-identity/identity/internal/fault"
)

// sightings is what was seen of one object.
type sightings struct {
	known   map[*field]bool // true when it has a value other than null
	unknown map[string]bool
}

// add records a key, and reports whether it is new.
func (m *sightings) add(f *field, key string) bool {
	if f != nil {
		if _, twice := m.known[f]; twice {
			return false
		}
		if m.known == nil {
			m.known = map[*field]bool{}
		}
		m.known[f] = true
		return true
	}
	if m.unknown[key] {
		return false
	}
	if m.unknown == nil {
		m.unknown = map[string]bool{}
	}
	m.unknown[key] = true
	return true
}

func (s *scanner) object(sh *shape) error {
	var seen sightings
	for n := 0; !s.take('}'); n++ {
		if n > 0 && !s.take(',') {
			return s.malformed("a comma is missing")
		}
		if n == maxMembers {
			return s.malformed("an object has too many members")
		}
		if err := s.member(sh, &seen); err != nil {
			return err
		}
	}
	if sh == nil {
		return nil
	}
	for _, f := range sh.fields {
		if f.required && !seen.known[f] {
			s.at = append(s.at, step{name: f.name})
			s.breaks("should not be empty")
			s.at = s.at[:len(s.at)-1]
		}
	}
	return nil
}

func (s *scanner) member(sh *shape, seen *sightings) error {
	s.space()
	if s.peek() != '"' {
		return s.malformed("a key is missing")
	}
	key, err := s.text()
	if err != nil {
		return err
	}
	f, inner, err := s.lookUp(sh, key)
	if err != nil {
		return err
	}
	if !seen.add(f, key) {
		return fault.New(fault.Invalid, key, "is given twice")
	}
	if !s.take(':') {
		return s.malformed("a colon is missing")
	}
	s.space()
	if f != nil && !f.shape.takesNull() && s.peek() == 'n' {
		seen.known[f] = false
		return s.word("null")
	}
	s.at = append(s.at, step{name: key})
	start := s.pos
	if err := s.value(inner); err != nil {
		return err
	}
	s.at = s.at[:len(s.at)-1]
	return s.noteTenant(f, start)
}

// takesNull reports whether null is a value, and not the lack of one.
func (s *shape) takesNull() bool { return s.nullable || s.kind == anything }

// lookUp finds the member's shape by its exact key. A key that differs from a known one in
// case alone is refused: encoding/json would take it for that one.
func (s *scanner) lookUp(sh *shape, key string) (*field, *shape, error) {
	if sh == nil || sh.kind == anything {
		return nil, nil, nil
	}
	if sh.kind == aDict {
		return nil, sh.items, nil
	}
	if f := sh.byName[key]; f != nil {
		return f, f.shape, nil
	}
	for _, f := range sh.fields {
		if strings.EqualFold(f.name, key) {
			return nil, nil, fault.New(fault.Invalid, key, "must be spelled "+f.name)
		}
	}
	if s.strict {
		s.at = append(s.at, step{name: key})
		s.breaks("should not exist")
		s.at = s.at[:len(s.at)-1]
	}
	return nil, nil, nil
}

// noteTenant keeps the value of a member that names a tenant, just read from start.
func (s *scanner) noteTenant(f *field, start int) error {
	if f == nil || !f.tenant || s.src[start] != '"' {
		return nil
	}
	end := s.pos
	s.pos = start
	v, err := s.text()
	s.pos = end
	s.tenants = append(s.tenants, v)
	return err
}

// numberValue reads a number. Where the shape asks for an integer it must be written as
// one and fit; elsewhere it must fit a float64.
func (s *scanner) numberValue(sh *shape) error {
	start := s.pos
	whole, err := s.number()
	if err != nil {
		return err
	}
	digits := string(s.src[start:s.pos])
	if sh == nil || sh.kind != anInteger {
		if _, err := strconv.ParseFloat(digits, 64); err != nil {
			return s.malformed("a number is too large")
		}
		return nil
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !whole || digits == "-0" {
		s.breaks("must be an integer number")
		return nil
	}
	s.breaks(sh.rules.checkInteger(n)...)
	return nil
}

// number reads the digits of a number and reports whether it has no fraction or exponent.
func (s *scanner) number() (whole bool, err error) {
	if s.peek() == '-' {
		s.pos++
	}
	leading := s.peek()
	n := s.digits()
	if n == 0 || leading == '0' && n > 1 {
		return false, s.malformed("a bad number")
	}
	whole = true
	if s.peek() == '.' {
		s.pos++
		whole = false
		if s.digits() == 0 {
			return false, s.malformed("a bad number")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		whole = false
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return false, s.malformed("a bad number")
		}
	}
	return whole, nil
}

func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.src) && '0' <= s.src[s.pos] && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}
