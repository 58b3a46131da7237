package token

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-identity/identity/store"
)

// DefaultMaxBytes is how long a token may be where nothing else is said: it must pass,
// with other headers, through servers that take 8 KiB of them.
const DefaultMaxBytes = 7168

// Values is what the claims of a token are made of. Zero fields make no claim, except that
// lists and metadata of a user are always there. A document is the text of a JSON object.
type Values struct {
	Issuer, Audience, Subject, Type string
	IssuedAt, ExpiresAt             time.Time
	ID, SessionID                   string // jti and sid
	ApplicationID                   string
	VendorID                        string // of the environment, which is its client id too
	TenantID, TenantName            string // the tenant acted in
	TenantMetadata                  string // a document
	TenantIDs                       []string
	Roles                           []string
	Permissions                     []store.Permission
	Name, Email, PictureURL         string
	EmailVerified                   bool
	Username, PhoneNumber           string
	ExternalID, Provider            string
	Metadata                        string // a document
	AuthTime                        time.Time
	Methods                         []string // amr
	Context                         string   // acr
	// Custom is a document of claims that a hook adds. None takes the place of a claim that
	// others rely on (see [Reserved]) or that the template names.
	Custom string
	// ConnectionID, ProviderSubject and Attributes, a document of texts and lists of text, are
	// of the provider that the session came through; empty where it came through none.
	ConnectionID, ProviderSubject, Attributes string
}

// Render returns the claims of a user's access token by the [DefaultTemplate]: see
// [Template.Render].
func Render(v Values, maxBytes int) ([]byte, error) { return standard.Render(v, maxBytes) }

// RenderManagement returns the claims of a management credential's token. Nobody's template
// or hook changes them.
func RenderManagement(v Values) ([]byte, error) {
	v.Custom = ""
	return management.Render(v, 0)
}

// appendText appends a JSON string; an empty one is no claim.
func appendText(b []byte, text string) []byte {
	if text == "" {
		return b
	}
	return appendString(b, text)
}

// appendList appends an array, empty or not.
func appendList[T ~string](b []byte, list []T) []byte {
	b = append(b, '[')
	for i, t := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(t))
	}
	return append(b, ']')
}

// appendTime appends whole seconds since 1970; a zero time is no claim.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return strconv.AppendInt(b, t.Unix(), 10)
}

// appendString appends text in quotes. Invalid UTF-8 and U+0000, which no reader of ours takes,
// become U+FFFD.
func appendString(b []byte, text string) []byte {
	return append(appendInner(append(b, '"'), text), '"')
}

// appendInner appends what stands between the quotes of a JSON string.
func appendInner(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendRunes(append(b, text[:i]...), text[i:])
		}
	}
	return append(b, text...)
}

func appendRunes(b []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == 0:
			b = utf8.AppendRune(b, utf8.RuneError)
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}
