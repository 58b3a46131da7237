package token

import "fmt"

// The documents that a template can reach into.
const (
	userMetadata = iota
	tenantMetadata
	customClaims
	ssoAttributes
	documents // how many there are
)

// open reads the documents, each once. One that is not a strict JSON object is none, but
// for what a hook said, which is the host's mistake. A document must be shallow enough to
// stand wherever a template puts it: the token would be refused by whoever reads it.
func (s *source) open(t *Template) error {
	for d, text := range s.v.documents() {
		reads := t.reads[d] || d == customClaims
		if !reads || text == "" {
			continue
		}
		err := objectAt(maxNesting, text, func(name, value string) error {
			s.note(t, d, name, value)
			return nil
		})
		switch {
		case err == nil:
			s.docs[d] = text
		case d == customClaims:
			return fmt.Errorf("%w: custom claims: %w", ErrClaims, err)
		default:
			s.forget(t, d)
		}
	}
	return nil
}

// documents returns the documents. Everybody has metadata, if empty.
func (v *Values) documents() [documents]string {
	all := [documents]string{v.Metadata, v.TenantMetadata, v.Custom, v.Attributes}
	for d := range customClaims {
		if all[d] == "" {
			all[d] = "{}"
		}
	}
	return all
}

// Broken returns the variables whose documents cannot be read: claims made of them are
// left out, and somebody should be told.
func (v Values) Broken() []string {
	var out []string
	for d, text := range v.documents() {
		if text != "" && objectAt(maxNesting, text, nil) != nil {
			out = append(out, documentName(d))
		}
	}
	return out
}

func documentName(d int) string {
	return [documents]string{"user.metadata", "user.tenant.metadata", "customClaims", "sso.attributes"}[d]
}

// note keeps what the template's paths find in one member of a document.
func (s *source) note(t *Template, document int, name, value string) {
	for i, p := range t.paths {
		if p.document == document && p.keys[0] == name {
			s.found[i] = follow(value, p.keys[1:])
		}
	}
}

func (s *source) forget(t *Template, document int) {
	for i, p := range t.paths {
		if p.document == document {
			s.found[i] = ""
		}
	}
}

// follow walks down from value and returns the JSON it comes to; nothing and null are "".
func follow(value string, keys []string) string {
	for _, k := range keys {
		value = member(value, k)
	}
	if value == "null" {
		return ""
	}
	return value
}

func member(in, name string) (found string) {
	if in == "" || in[0] != '{' {
		return ""
	}
	_ = object(in, func(n, value string) error {
		if n == name {
			found = value
		}
		return nil
	})
	return found
}
