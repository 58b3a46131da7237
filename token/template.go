package token

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// A Template says which claims a token has and what they are made of. It is immutable and
// safe for concurrent use. Make one with [CompileTemplate].
//
// The claims of a template are a JSON object. Text in it may name variables in double
// braces, "{{user.email}}", with or without spaces inside the braces:
//
//   - A value that is exactly one variable keeps the variable's type: "{{user.tenant.roles}}"
//     becomes an array, "{{exp}}" a number, "{{user.verified}}" true or false.
//   - Among other text a variable is written into it. Numbers and booleans are written as
//     JSON has them; lists and objects cannot stand inside text.
//   - Objects and arrays are walked, at most 8 deep; all other JSON passes as it is. Names
//     of members hold no variables.
//   - A variable without a value leaves out what it stands in: its claim, the member of its
//     object, the element of its array; in text, the whole text. Null is no value. A token
//     whose iss, sub, aud, exp or iat would be left out is not made.
//   - Values are never read as templates: braces in a user's name stay what they are. They
//     are written as JSON and no more: whoever shows a claim on a page escapes it.
//
// The variables are: sub, iss, aud, iat, exp, type, sid, clientId, applicationId; user.id,
// user.name, user.email, user.username, user.phoneNumber, user.verified, user.metadata,
// user.profilePictureUrl, user.externalId, user.tenantId, user.tenantIds, user.provider;
// user.tenant.id, user.tenant.name, user.tenant.metadata, user.tenant.roles and
// user.tenant.permissions; sso.connectionId, sso.subject and sso.attributes, of a session that
// came through a provider. A name after user.metadata, user.tenant.metadata or customClaims
// reaches into that document: "{{user.metadata.address.city}}" is the member city of the
// member address. Dots always part names, arrays are not reached into, and a member whose
// name is empty or holds a dot, a brace, a quote, a backslash, white space or a control
// character cannot be named. A name after sso.attributes is that of one attribute, dots and
// all: an attribute is text where the provider gave one value, and else a list of text.
// Nothing else can be reached.
//
// The claims type, tenantId, sid, jti, auth_time, amr and acr are added to every token.
// These, act, nbf, cnf and scope are never a template's to set; iss, sub, exp, iat, aud,
// tenantIds, roles and permissions are set to their own variable or, the last three, left
// out. The claims name, email, profilePictureUrl and applicationId are text and
// email_verified is a boolean, or they are left out.
type Template struct {
	claims   []claim
	reads    [documents]bool // which documents are looked at
	paths    []path          // into them, each once
	provided bool            // it names what a provider said
}

// Provided reports whether the template names what the provider said whom a session came
// through, so that nobody has to read it for one that does not.
func (t *Template) Provided() bool { return t.provided }

// A claim is one claim of a template.
type claim struct {
	node
	required bool
	added    bool // by the library, whatever the template says
	check    byte // the first byte of the JSON that readers expect: '"' or 't'; 0 is any
}

// A path leads to a member of a document.
type path struct {
	document int
	keys     []string
}

// DefaultTemplate returns the template of a token for which no other was chosen.
func DefaultTemplate() *Template { return &standard }

// DefaultClaims and BlankClaims are two templates to start from: the claims that
// [DefaultTemplate] sets, and the fewest that there can be.
const (
	DefaultClaims = `{"sub":"{{sub}}","name":"{{user.name}}","email":"{{user.email}}",` +
		`"email_verified":"{{user.verified}}","metadata":"{{user.metadata}}",` +
		`"roles":"{{user.tenant.roles}}","permissions":"{{user.tenant.permissions}}",` +
		`"tenantIds":"{{user.tenantIds}}","profilePictureUrl":"{{user.profilePictureUrl}}",` +
		`"applicationId":"{{applicationId}}","aud":"{{aud}}","iss":"{{iss}}","iat":"{{iat}}","exp":"{{exp}}"}`
	BlankClaims = `{"sub":"{{sub}}","aud":"{{aud}}","iss":"{{iss}}","iat":"{{iat}}","exp":"{{exp}}"}`
)

// Render returns the claims of one token as a JSON object, always in the same order. The
// whole token, once signed, must not be longer than maxBytes (zero is [DefaultMaxBytes]),
// else the error is ErrTooLarge and names the largest claims. Where a required claim has no
// value, or v.Custom is not an object, it is ErrClaims.
func (t *Template) Render(v Values, maxBytes int) ([]byte, error) {
	s := source{v: v, limit: cmp.Or(maxBytes, DefaultMaxBytes)}
	return s.render(t)
}

const maxPreview = 1 << 20

// Preview returns what Render would make of v whatever its length, up to 1 MiB; the
// variables that have no value, in the order of the template; and about how many bytes the
// signed token has. With an error it still returns the variables.
func (t *Template) Preview(v Values) (claims []byte, unresolved []string, size int, err error) {
	s := source{v: v, limit: maxPreview, watch: true}
	claims, err = s.render(t)
	if err == nil {
		size = tokenSize(len(claims))
	}
	return claims, s.missing, size, err
}

// overhead is what a token has besides its claims: header, signature, two dots. It is of
// an RS256 key of 2048 bits with an id of ours, rounded up.
const overhead = 480

func tokenSize(claims int) int { return overhead + base64.RawURLEncoding.EncodedLen(claims) }

// render appends the claims to one buffer. It stops at the limit, which no short token of
// long values reaches by accident.
func (s *source) render(t *Template) ([]byte, error) {
	if s.v.ExpiresAt.Unix() <= s.v.IssuedAt.Unix() {
		return nil, fmt.Errorf("%w: exp must be later than iat", ErrClaims)
	}
	s.found = make([]string, len(t.paths))
	if err := s.open(t); err != nil {
		return nil, err
	}
	b, lacking := make([]byte, 0, s.hint()), ""
	for i := range t.claims {
		c := &t.claims[i]
		length := len(b)
		if b = s.claim(b, c); len(b) == length && c.required {
			lacking += " " + c.name
		}
		if len(b) > s.limit {
			break
		}
	}
	if lacking != "" {
		return nil, fmt.Errorf("%w: required and without a value:%s", ErrClaims, lacking)
	}
	b = s.custom(b, t)
	b = enclose(b, 0, "{}")
	if size := tokenSize(len(b)); size > s.limit {
		return nil, fmt.Errorf("%w: about %d bytes of %d; the largest claims are %s", ErrTooLarge, size, s.limit, s.largest(t))
	}
	return b, nil
}

// hint is about how long the claims will be.
func (s *source) hint() int {
	v := &s.v
	n := 640 + len(v.Metadata) + len(v.Custom) + 40*(len(v.Permissions)+len(v.Roles)+len(v.TenantIDs))
	return min(n, s.limit)
}

// claim appends a comma, the name and the value, or nothing.
func (s *source) claim(b []byte, c *claim) []byte {
	start := len(b)
	b = append(b, ',', '"')
	b = append(b, c.name...)
	b = append(b, '"', ':')
	value := len(b)
	watch := s.watch
	s.watch = watch && !c.added
	b, ok := s.append(b, &c.node)
	if ok && !isA(b[value], c.check) {
		ok = s.lack(&c.node)
	}
	s.watch = watch
	if !ok {
		return b[:start]
	}
	return b
}

// isA reports whether a value that begins with first is of the type of check.
func isA(first, check byte) bool {
	return check == 0 || first == check || check == 't' && first == 'f'
}

// custom appends the claims that a hook adds: none that others rely on, none of the
// template's names, whether they have a value or not, and none of a type that readers do
// not expect.
func (s *source) custom(b []byte, t *Template) []byte {
	if s.docs[customClaims] == "" || len(b) > s.limit {
		return b
	}
	_ = object(s.docs[customClaims], func(name, value string) error {
		if t.free(name) && isA(value[0], expected(name)) && value != "null" {
			b = append(b, ',', '"')
			b = append(b, name...)
			b = append(b, '"', ':')
			b = append(b, value...)
		}
		return nil
	})
	return b
}

// free reports whether a hook may add a claim of the name. Names that differ in case only
// are one to many readers.
func (t *Template) free(name string) bool {
	return !Reserved(name) && !slices.ContainsFunc(t.claims, func(c claim) bool { return strings.EqualFold(c.name, name) })
}

// largest names the three largest claims with their sizes.
func (s *source) largest(t *Template) string {
	type measure struct {
		name string
		size int
	}
	var all []measure
	scratch := make([]byte, 0, s.limit)
	for i := range t.claims {
		c := &t.claims[i]
		all = append(all, measure{c.name, len(s.claim(scratch, c))})
	}
	_ = object(s.docs[customClaims], func(name, value string) error {
		if t.free(name) {
			all = append(all, measure{name, len(name) + len(value) + 4})
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b measure) int { return cmp.Compare(b.size, a.size) })
	var out []string
	for _, m := range all[:min(3, len(all))] {
		out = append(out, fmt.Sprintf("%s (%d)", m.name, m.size))
	}
	return strings.Join(out, ", ")
}
