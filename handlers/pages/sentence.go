package pages

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/fault"
)

// fields are the inputs that the words of the rules are about, by the names that the rules
// give them.
func fields() map[string]string {
	return map[string]string{
		"email": "email", "newEmail": "newEmail", "password": "password", "newPassword": "password", "current": "current",
		"companyName": "company", "name": "name", "code": "code", "proof": "proof", "recovery": "recovery",

		"metadataUrl": "metadataUrl", "url": "metadataUrl", "xml": "xml", "metadata": "xml", "file": "file", "endpoint": "endpoint",
		"ssoEndpoint": "endpoint", "certificate": "certificate", "publicCertificate": "certificate", "entityId": "entityId",
		"idpEntityId": "entityId", "issuer": "issuer", "clientId": "clientId", "oidcClientId": "clientId", "oidcSecret": "secret",
		"domain": "domain", "group": "group", "attributes": "attrEmail", "protocol": "protocol",
	}
}

// sentences are the messages of an error as a person reads them. A message that names no
// field is about the field blamed.
func sentences(l language, f *fault.Error, blamed string) []wrong {
	switch f.Code {
	case fault.Limited:
		return number([]wrong{{Text: l.T("error.limited", wait(l, f.RetryAfter))}})
	case fault.Unavailable:
		return number([]wrong{{Text: l.T("error.unavailable", wait(l, f.RetryAfter))}})
	case fault.Internal:
		return number([]wrong{{Text: l.T("error.internal")}})
	}
	var all []wrong
	for _, m := range f.Messages() {
		all = append(all, wrong{Field: about(m, blamed), Text: said(l, m), English: diagnosed(l, m)})
	}
	return number(all)
}

// about is the field that a message is about.
func about(m, blamed string) string {
	first, _, _ := strings.Cut(m, " ")
	field := fields()[first]
	switch {
	case field == "":
		return blamed
	case field == "email" && (blamed == "newEmail" || blamed == "invitee"), field == "name" && blamed == "called",
		field == "code" && (blamed == "proof" || blamed == "recovery"), field == "endpoint" && blamed == "issuer",
		field == "xml" && blamed == "file":
		return blamed
	}
	return field
}

var digits = regexp.MustCompile(`[0-9]+`)

// said is a message of the rules in the visitor's words. The catalogue has it by the rule's
// own words, with {0}, {1} and so on for numbers; what it lacks is said as the rule says it.
func said(l language, m string) string {
	if l.has(m) {
		return l.T(m)
	}
	n := 0
	key := digits.ReplaceAllStringFunc(m, func(string) string { n++; return "{" + strconv.Itoa(n-1) + "}" })
	if !l.has(key) {
		return sentence(bare(m))
	}
	var numbers []any
	for _, d := range digits.FindAllString(m, -1) {
		numbers = append(numbers, d)
	}
	return l.T(key, numbers...)
}

// diagnosed reports whether a message is what an engine found wrong with what a provider says.
// There is no list of such sentences: they are English, and a page says so.
func diagnosed(l language, m string) bool { return bare(m) != m && said(l, m) == sentence(bare(m)) }

// bare is a message without the name that its field has on the wire, where what is wrong with the
// field is a sentence by itself.
func bare(m string) string {
	first, rest, _ := strings.Cut(m, " ")
	if slices.Contains([]string{"metadata", "url", "metadataUrl", "ssoEndpoint", "publicCertificate"}, first) && rest != "" {
		return rest
	}
	return m
}

func wait(l language, d time.Duration) string {
	if d <= 90*time.Second {
		return l.T("wait.minute")
	}
	if d > 2*time.Hour {
		return l.T("wait.hours", int(math.Ceil(d.Hours())))
	}
	return l.T("wait.minutes", int(math.Ceil(d.Minutes())))
}

func sentence(m string) string {
	first, size := utf8.DecodeRuneInString(m)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(m[size:], ".") + "."
}

// heading is the key of what a problem page is called.
func heading(c fault.Code) string {
	switch c {
	case fault.NotFound:
		return "problem.missing"
	case fault.Gone:
		return "problem.gone"
	case fault.Limited, fault.Unavailable:
		return "problem.wait"
	case fault.Internal:
		return "problem.internal"
	}
	return "problem.refused"
}
