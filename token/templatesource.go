package token

import (
	"slices"
	"strconv"
)

// A form is what a node is.
type form uint8

const (
	literal form = iota // JSON that stands as it is
	// Variables.
	textValue
	timeValue
	boolValue
	listValue
	wholeValue  // a document
	memberValue // a member of a document
	// What has parts.
	mixedValue // text with variables in it
	objectValue
	arrayValue
)

// A node is a value of a template, or a piece of mixed text.
type node struct {
	name  string // of an object's member
	form  form
	text  string // what stands as it is; the variable
	slot  int    // which document, which path
	parts []node // of what has parts
}

// A source is the values of one token while it is rendered.
type source struct {
	v       Values            // a copy: with a pointer, they would be allocated for each token
	limit   int               // beyond it the rest does not matter
	docs    [documents]string // empty where there is none that can be read
	found   []string          // the JSON to which each path of the template leads; empty for none
	watch   bool              // for variables without a value
	missing []string          // which they are
}

// append appends the JSON of a node and reports whether it has any.
func (s *source) append(b []byte, n *node) ([]byte, bool) {
	switch n.form {
	case literal:
		return append(b, n.text...), true
	case mixedValue:
		return s.mixed(b, n.parts)
	case objectValue:
		return s.members(b, n.parts), true
	case arrayValue:
		return s.elements(b, n.parts), true
	}
	start := len(b)
	b = s.variable(b, n)
	return b, len(b) > start || s.lack(n)
}

// lack remembers a variable without a value. It is always false.
func (s *source) lack(n *node) bool {
	if s.watch && !slices.Contains(s.missing, n.text) {
		s.missing = append(s.missing, n.text)
	}
	return false
}

// variable appends a variable's JSON; nothing where it has no value.
func (s *source) variable(b []byte, n *node) []byte {
	switch n.form {
	case textValue:
		return appendText(b, s.v.text(n.text))
	case timeValue:
		return appendTime(b, s.v.time(n.text))
	case boolValue:
		return appendVerified(b, &s.v)
	case listValue:
		return s.v.appendList(b, n.text)
	case wholeValue:
		return append(b, s.docs[n.slot]...)
	case memberValue:
		return append(b, s.found[n.slot]...)
	}
	return b
}

// mixed appends a text of several pieces, or nothing if one of them has no value.
func (s *source) mixed(b []byte, parts []node) ([]byte, bool) {
	start, whole := len(b), true
	b = append(b, '"')
	for i := range parts {
		if p := &parts[i]; p.form == literal {
			b = append(b, p.text...)
		} else {
			length := len(b)
			b = inner(s.variable(b, p), length)
			whole = (len(b) > length || s.empty(p) || s.lack(p)) && whole
		}
		if len(b) > s.limit {
			break
		}
	}
	if !whole {
		return b[:start], false
	}
	return append(b, '"'), true
}

// inner makes of the JSON that starts at start what can stand inside text: a string loses
// its quotes; lists, objects and null go.
func inner(b []byte, start int) []byte {
	if len(b) == start {
		return b
	}
	switch b[start] {
	case '"':
		copy(b[start:], b[start+1:len(b)-1])
		return b[:len(b)-2]
	case '{', '[', 'n':
		return b[:start]
	}
	return b
}

// empty reports whether the variable's value is the empty text, which is a value.
func (s *source) empty(n *node) bool { return n.form == memberValue && s.found[n.slot] == `""` }

// members appends an object of those parts that have a value.
func (s *source) members(b []byte, parts []node) []byte {
	start := len(b)
	for i := range parts {
		length, ok := len(b), false
		b = append(appendString(append(b, ','), parts[i].name), ':')
		if b, ok = s.append(b, &parts[i]); !ok {
			b = b[:length]
		}
		if len(b) > s.limit {
			break
		}
	}
	return enclose(b, start, "{}")
}

// elements appends an array of those parts that have a value.
func (s *source) elements(b []byte, parts []node) []byte {
	start := len(b)
	for i := range parts {
		length, ok := len(b), false
		if b, ok = s.append(append(b, ','), &parts[i]); !ok {
			b = b[:length]
		}
		if len(b) > s.limit {
			break
		}
	}
	return enclose(b, start, "[]")
}

// enclose puts brackets around what starts at start with a comma, if anything does.
func enclose(b []byte, start int, brackets string) []byte {
	if len(b) == start {
		return append(b, brackets...)
	}
	b[start] = brackets[0]
	return append(b, brackets[1])
}

func appendVerified(b []byte, v *Values) []byte {
	if v.Email == "" {
		return b
	}
	return strconv.AppendBool(b, v.EmailVerified)
}
