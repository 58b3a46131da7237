package token

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-identity/identity/internal/fault"
)

// The limits of a template.
const (
	maxClaimsBytes = 16 << 10
	maxClaims      = 100 // besides those that are required
	maxClaimName   = 128
	maxNesting     = 8   // of its JSON
	maxKeys        = 8   // of a path into a document
	maxPaths       = 100 // into documents
)

// claimsField is what the caller calls the claims.
const claimsField = "templateSchema.claims"

// CompileTemplate returns the template of claims, a JSON object as [Template] describes it.
// Else the error is a *fault.Error that names every claim at fault.
func CompileTemplate(claims []byte) (*Template, error) {
	c := compiler{t: &Template{}}
	c.Check(len(claims) <= maxClaimsBytes, claimsField, fmt.Sprintf("must be at most %d bytes", maxClaimsBytes))
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := objectAt(maxDepth-maxNesting, string(claims), c.claim); err != nil && !errors.Is(err, errFull) {
		return nil, fault.New(fault.Invalid, claimsField, fmt.Sprintf("must be one JSON object, at most %d deep, "+
			"of members whose names are told apart, without U+0000 and unpaired surrogates", maxNesting)).Because(err)
	}
	c.finish()
	err := c.Err()
	if err == nil {
		err = c.t.try()
	}
	if err != nil {
		return nil, err
	}
	return c.t, nil
}

// Reserved reports whether others rely on the claim of a name, or on one that many readers
// would take for it, so that no hook may add it; or whether it is no name for a claim.
func Reserved(name string) bool {
	_, found := guard(name)
	return found || !plainName(name)
}

// guard returns the place in guarded of a name, in whatever case.
func guard(name string) (int, bool) {
	for i, g := range guarded {
		if strings.EqualFold(g.name, name) {
			return i, true
		}
	}
	return 0, false
}

// plainName reports whether a claim may have the name: what is invisible or needs escapes
// is read differently by different readers.
func plainName(name string) bool {
	return name != "" && len(name) <= maxClaimName &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\{}`, r) })
}

// expected returns the first byte of what readers expect a claim to be; 0 is any.
func expected(name string) byte {
	switch name {
	case "name", "email", "profilePictureUrl", "applicationId":
		return '"'
	case "email_verified":
		return 't'
	}
	return 0
}

// A compiler makes one template and collects what is wrong with it.
type compiler struct {
	fault.Checker
	t *Template
}

// errFull ends the reading of a template that has too many claims.
var errFull = errors.New("too many claims")

func (c *compiler) claim(name, value string) error {
	if len(c.t.claims) == maxClaims+len(required) {
		c.Check(false, claimsField, fmt.Sprintf("must have at most %d claims besides the required ones", maxClaims))
		return errFull
	}
	field := fieldOf(claimsField, name)
	same := slices.IndexFunc(c.t.claims, func(o claim) bool { return strings.EqualFold(o.name, name) })
	made := claim{node: node{name: name}}
	c.t.claims = append(c.t.claims, made)
	switch i, found := guard(name); {
	case !plainName(name):
		c.Check(false, field, fmt.Sprintf("must be a name of 1 to %d visible ASCII characters "+
			"without quotes, backslashes and braces", maxClaimName))
		return nil
	case same >= 0:
		c.Check(false, field, "differs from another claim in case only")
		return nil
	case found:
		made.node = c.guarded(field, name, value, i)
	default:
		made.node = c.value(field, value)
		made.check = c.typed(field, name, made.node)
	}
	made.name, made.required = name, slices.Contains(required, name)
	c.t.claims[len(c.t.claims)-1] = made
	return nil
}

// fieldOf names a member in a message.
func fieldOf(parent, name string) string {
	if plainName(name) {
		return parent + "." + name
	}
	return fmt.Sprintf("%s[%.60q]", parent, name)
}

// guarded compiles a claim on which others rely: exactly one of its own variables.
func (c *compiler) guarded(field, name, value string, i int) node {
	g := guarded[i]
	switch {
	case name != g.name:
		c.Check(false, field, "differs from "+g.name+" in case only")
		return node{}
	case g.variables == nil:
		c.Check(false, field, "is reserved: no template sets it")
		return node{}
	}
	in, _ := text(value)
	parts, problem := split(in)
	if problem == "" && len(parts) == 1 && parts[0].form != literal && slices.Contains(g.variables, parts[0].text) {
		n, _ := lookUp(parts[0].text)
		return n
	}
	c.Check(false, field, "must be "+braced(g.variables))
	return node{}
}

// braced lists variables as a template writes them.
func braced(variables []string) string {
	return `"{{` + strings.Join(variables, `}}" or "{{`) + `}}"`
}

// typed refuses what can never be of the type that readers expect, and returns what to
// check of each value where that is not known before.
func (c *compiler) typed(field, name string, n node) byte {
	want := expected(name)
	fit := want == 0
	switch n.form {
	case memberValue:
		return want
	case textValue, mixedValue:
		fit = fit || want == '"'
	case boolValue:
		fit = fit || want == 't'
	case literal:
		fit = fit || n.text == "" || isA(n.text[0], want)
	}
	message := "must be text"
	if want == 't' {
		message = "must be true, false or " + braced([]string{"user.verified"})
	}
	c.Check(fit, field, message)
	return 0
}

// value compiles any JSON. What holds no variable becomes a literal.
func (c *compiler) value(field, value string) node {
	n := node{form: literal, text: value}
	switch first := value[0]; {
	case first == '"':
		return c.text(field, value)
	case first == '{':
		n = node{form: objectValue}
		_ = object(value, func(name, value string) error {
			n.parts = append(n.parts, c.member(field, name, value))
			return nil
		})
	case first == '[':
		n = node{form: arrayValue}
		s := scanner{in: value}
		_ = s.elements(func(value string) error {
			n.parts = append(n.parts, c.value(fmt.Sprintf("%s.%d", field, len(n.parts)), value))
			return nil
		})
	case first == '-' || first >= '0' && first <= '9':
		_, err := strconv.ParseFloat(value, 64)
		c.Check(err == nil, field, "must be a number that fits a double")
	}
	return fold(n)
}

func (c *compiler) member(field, name, value string) node {
	field = fieldOf(field, name)
	ok := name != "" && len(name) <= maxClaimName && !strings.ContainsFunc(name, unspeakable)
	c.Check(ok, field, fmt.Sprintf("must be a name of 1 to %d bytes without quotes, backslashes, "+
		"braces and control characters", maxClaimName))
	n := c.value(field, value)
	n.name = name
	return n
}

// unspeakable reports whether r cannot stand in the name of a nested member.
func unspeakable(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(`"\{}`, r) }

// fold makes a literal of an object or array that is made of literals.
func fold(n node) node {
	if slices.ContainsFunc(n.parts, func(p node) bool { return p.form != literal }) || n.form == literal {
		return n
	}
	s := source{limit: maxClaimsBytes * 2}
	b, _ := s.append(nil, &n)
	return node{form: literal, text: string(b)}
}

// finish asks for what must be there and adds the rest.
func (c *compiler) finish() {
	for _, name := range required {
		there := slices.ContainsFunc(c.t.claims, func(o claim) bool { return o.name == name })
		i, _ := guard(name)
		c.Check(there, fieldOf(claimsField, name), "is required: "+braced(guarded[i].variables))
	}
	c.t.claims = append(c.t.claims, added...)
}

// try renders the template once, for a user of whom almost nothing is known. What cannot
// be minted or read then never can.
func (t *Template) try() error {
	at := time.Unix(1<<30, 0)
	b, err := t.Render(Values{
		Issuer: "i", Audience: "a", Subject: "s", Type: "t", ApplicationID: "a", VendorID: "v",
		TenantID: "t", SessionID: "s", ID: "j", IssuedAt: at, ExpiresAt: at.Add(time.Hour), AuthTime: at,
	}, MaxBytes)
	if errors.Is(err, ErrTooLarge) {
		return fault.New(fault.Invalid, claimsField, fmt.Sprintf("must not make tokens longer than %d bytes", MaxBytes)).Because(err)
	}
	if err != nil {
		return fmt.Errorf("try the template: %w", err)
	}
	if _, err := ParseClaims(b); err != nil {
		return fmt.Errorf("read what the template made: %w", err)
	}
	return nil
}
