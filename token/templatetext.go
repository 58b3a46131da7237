package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// text compiles a JSON string.
func (c *compiler) text(field, value string) node {
	in, err := text(value)
	c.Check(err == nil, field, "must be text")
	pieces, problem := split(in)
	c.Check(problem == "", field, problem)
	n := node{form: mixedValue}
	for _, p := range pieces {
		if p.form != literal {
			p = c.variable(field, p.text)
		}
		n.parts = append(n.parts, p)
	}
	switch {
	case len(pieces) == 0:
		return node{form: literal, text: `""`}
	case len(pieces) == 1 && pieces[0].form == literal:
		return node{form: literal, text: string(appendString(nil, in))}
	case len(pieces) == 1:
		return n.parts[0]
	}
	for _, p := range n.parts {
		c.Check(p.form != listValue && p.form != wholeValue, field,
			"must be {{"+p.text+"}} and nothing else: a list or an object cannot stand inside text")
	}
	return n
}

// split cuts text into what stands as it is, already escaped, and variables, whose form is
// not yet known.
func split(in string) (pieces []node, problem string) {
	for in != "" {
		before, rest, found := strings.Cut(in, "{{")
		if before != "" {
			pieces = append(pieces, node{form: literal, text: string(appendInner(nil, before))})
		}
		if !found {
			return pieces, ""
		}
		variable, after, closed := strings.Cut(rest, "}}")
		variable = strings.Trim(variable, " ")
		switch {
		case !closed:
			return nil, "has {{ without }}"
		case variable == "":
			return nil, "has {{}} without a variable"
		case strings.ContainsAny(variable, "{}") || strings.HasSuffix(before, "{") || strings.HasPrefix(after, "}"):
			return nil, "has more than two braces in a row, or braces in a variable"
		}
		pieces = append(pieces, node{form: memberValue, text: variable})
		in = after
	}
	return pieces, ""
}

// variable compiles a variable.
func (c *compiler) variable(field, variable string) node {
	n, ok := lookUp(variable)
	if n.form == wholeValue {
		c.t.reads[n.slot] = true
	}
	for d := range documents {
		if rest, found := strings.CutPrefix(variable, documentName(d)+"."); found && !ok {
			n, ok = c.path(field, d, rest)
			n.text = variable
		}
	}
	c.t.provided = c.t.provided || ok && strings.HasPrefix(variable, "sso.")
	c.Check(ok, field, fmt.Sprintf("names an unknown variable: {{%.80s}}", variable))
	return n
}

// path compiles a path into a document.
func (c *compiler) path(field string, document int, keys string) (node, bool) {
	p := path{document: document, keys: strings.Split(keys, ".")}
	if document == ssoAttributes {
		p.keys = []string{keys} // their names are addresses and numbers with dots, and nothing is nested
	}
	if len(p.keys) > maxKeys || slices.ContainsFunc(p.keys, unreachable) {
		return node{}, false
	}
	slot := slices.IndexFunc(c.t.paths, func(o path) bool { return o.document == document && slices.Equal(o.keys, p.keys) })
	if slot < 0 {
		slot = len(c.t.paths)
		c.t.paths = append(c.t.paths, p)
		c.Check(slot != maxPaths, field, fmt.Sprintf("reaches for one more member of metadata than %d", maxPaths))
	}
	c.t.reads[document] = true
	return node{form: memberValue, slot: slot}, true
}

// unreachable reports whether a member of a document cannot be named.
func unreachable(key string) bool {
	return key == "" || len(key) > maxClaimName ||
		strings.ContainsFunc(key, func(r rune) bool { return unspeakable(r) || !unicode.IsPrint(r) || unicode.IsSpace(r) })
}
