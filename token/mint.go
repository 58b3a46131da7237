package token

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-identity/identity/store"
)

// DefaultMaxBytes is how long a token may be where nothing else is said: it must pass,
// with other headers, through servers that take 8 KiB of them.
const DefaultMaxBytes = 7168

// Values is what the claims of a token are made of. Zero fields make no claim, except that
// lists and metadata of a user are always there.
type Values struct {
	Issuer, Audience, Subject, Type string
	IssuedAt, ExpiresAt             time.Time
	ID, SessionID                   string
	TenantID                        string
	TenantIDs                       []string
	ApplicationID, VendorID         string
	Roles                           []string
	Permissions                     []store.Permission
	Name, Email, PictureURL         string
	EmailVerified                   bool
	Metadata                        string // a JSON object, or empty
	AuthTime                        time.Time
	Methods                         []string // amr
	Context                         string   // acr
}

// A claim is one member of a token: its name, and what appends its value. Appending nothing
// leaves the claim out. A template is a list of them.
type claim struct {
	name   string
	append func(b []byte, v *Values) []byte
}

// Render returns the claims of a user's access token as one JSON object, always in the
// same order. The whole token, once signed, must not be longer than maxBytes (zero is
// [DefaultMaxBytes]), else the error is ErrTooLarge and names the claims that are largest.
func Render(v Values, maxBytes int) ([]byte, error) {
	return render(userClaims(), &v, maxBytes)
}

// RenderManagement returns the claims of a management credential's token.
func RenderManagement(v Values) ([]byte, error) {
	return render(managementClaims(), &v, 0)
}

// userClaims is the default template, in the order of the published one.
func userClaims() []claim {
	return []claim{
		{"sub", func(b []byte, v *Values) []byte { return appendText(b, v.Subject) }},
		{"name", func(b []byte, v *Values) []byte { return appendText(b, v.Name) }},
		{"email", func(b []byte, v *Values) []byte { return appendText(b, v.Email) }},
		{"email_verified", appendVerified},
		{"metadata", func(b []byte, v *Values) []byte { return append(b, cmp.Or(v.Metadata, "{}")...) }},
		{"roles", func(b []byte, v *Values) []byte { return appendList(b, v.Roles) }},
		{"permissions", func(b []byte, v *Values) []byte { return appendList(b, v.Permissions) }},
		{"tenantId", func(b []byte, v *Values) []byte { return appendText(b, v.TenantID) }},
		{"tenantIds", func(b []byte, v *Values) []byte { return appendList(b, v.TenantIDs) }},
		{"profilePictureUrl", func(b []byte, v *Values) []byte { return appendText(b, v.PictureURL) }},
		{"sid", func(b []byte, v *Values) []byte { return appendText(b, v.SessionID) }},
		{"type", func(b []byte, v *Values) []byte { return appendText(b, v.Type) }},
		{"applicationId", func(b []byte, v *Values) []byte { return appendText(b, v.ApplicationID) }},
		{"aud", func(b []byte, v *Values) []byte { return appendText(b, v.Audience) }},
		{"iss", func(b []byte, v *Values) []byte { return appendText(b, v.Issuer) }},
		{"iat", func(b []byte, v *Values) []byte { return appendTime(b, v.IssuedAt) }},
		{"exp", func(b []byte, v *Values) []byte { return appendTime(b, v.ExpiresAt) }},
		{"jti", func(b []byte, v *Values) []byte { return appendText(b, v.ID) }},
		{"auth_time", func(b []byte, v *Values) []byte { return appendTime(b, v.AuthTime) }},
		{"amr", appendMethods},
		{"acr", func(b []byte, v *Values) []byte { return appendText(b, v.Context) }},
	}
}

func managementClaims() []claim {
	return []claim{
		{"sub", func(b []byte, v *Values) []byte { return appendText(b, v.Subject) }},
		{"type", func(b []byte, v *Values) []byte { return appendText(b, v.Type) }},
		{"vendorId", func(b []byte, v *Values) []byte { return appendText(b, v.VendorID) }},
		{"aud", func(b []byte, v *Values) []byte { return appendText(b, v.Audience) }},
		{"iss", func(b []byte, v *Values) []byte { return appendText(b, v.Issuer) }},
		{"iat", func(b []byte, v *Values) []byte { return appendTime(b, v.IssuedAt) }},
		{"exp", func(b []byte, v *Values) []byte { return appendTime(b, v.ExpiresAt) }},
		{"jti", func(b []byte, v *Values) []byte { return appendText(b, v.ID) }},
	}
}

func appendVerified(b []byte, v *Values) []byte {
	if v.Email == "" {
		return b
	}
	return strconv.AppendBool(b, v.EmailVerified)
}

func appendMethods(b []byte, v *Values) []byte {
	if len(v.Methods) == 0 {
		return b
	}
	return appendList(b, v.Methods)
}

// overhead is what a token has besides its claims: header, signature, two dots. It is of
// an RS256 key of 2048 bits with an id of ours, rounded up.
const overhead = 480

func render(claims []claim, v *Values, maxBytes int) ([]byte, error) {
	if v.Issuer == "" || v.Audience == "" || v.Subject == "" || v.Type == "" || !v.ExpiresAt.After(v.IssuedAt) {
		return nil, fmt.Errorf("%w: iss, aud, sub, type, iat and a later exp are required", ErrClaims)
	}
	if v.Metadata != "" {
		if err := object(v.Metadata, ignore); err != nil {
			return nil, fmt.Errorf("%w: metadata: %w", ErrClaims, err)
		}
	}
	b, sizes := make([]byte, 0, 1024), make([]int, len(claims))
	for i, c := range claims {
		start := len(b)
		b = append(b, `,"`+c.name+`":`...)
		value := len(b)
		if b = c.append(b, v); len(b) == value {
			b = b[:start]
		}
		sizes[i] = len(b) - start
	}
	b[0] = '{' // in place of the first comma
	b = append(b, '}')
	size, limit := overhead+base64.RawURLEncoding.EncodedLen(len(b)), cmp.Or(maxBytes, DefaultMaxBytes)
	if size > limit {
		return nil, fmt.Errorf("%w: about %d bytes of %d; the largest claims are %s", ErrTooLarge, size, limit, largest(claims, sizes))
	}
	return b, nil
}

func ignore(string, string) error { return nil }

// largest names the three largest claims with their sizes.
func largest(claims []claim, sizes []int) string {
	order := make([]int, len(claims))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	var out []string
	for _, i := range order[:min(3, len(order))] {
		out = append(out, fmt.Sprintf("%s (%d)", claims[i].name, sizes[i]))
	}
	return strings.Join(out, ", ")
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

// appendString appends text in quotes. Invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, text string) []byte {
	b = append(b, '"')
	if !strings.ContainsFunc(text, special) {
		return append(append(b, text...), '"')
	}
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// special reports whether r cannot stand in a JSON string as it is, or may be what is left
// of text that was not UTF-8.
func special(r rune) bool {
	return r < ' ' || r == '"' || r == '\\' || r == 0x7f || r == utf8.RuneError
}
