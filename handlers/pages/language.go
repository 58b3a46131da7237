package pages

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A language is what the pages say to one visitor.
type language struct {
	Lang  string // BCP 47
	Dir   string // which way it is written: ltr or rtl
	texts map[string]string
}

// T returns the text of a key, with the args in place of {0}, {1} and so on. A key that has
// no text stands for itself.
func (l language) T(key string, args ...any) string {
	text, ok := l.texts[key]
	if !ok {
		text = key
	}
	for i, a := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", fmt.Sprint(a))
	}
	return text
}

func (l language) has(key string) bool { return l.texts[key] != "" }

// languages are all that the pages speak, by tag in lower case.
type languages map[string]language

var tags = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// newLanguages lays the host's texts over the English ones.
func newLanguages(texts map[string]map[string]string) (languages, error) {
	all := languages{"en": {Lang: "en", Dir: "ltr", texts: English()}}
	for tag, own := range texts {
		if !tags.MatchString(tag) {
			return nil, fmt.Errorf("texts: %q is no language tag, such as de or pt-BR", tag)
		}
		l := language{Lang: tag, Dir: direction(tag), texts: English()}
		for key, text := range own {
			if text == "" {
				return nil, fmt.Errorf("texts: %s: the text of %q is empty", tag, key)
			}
		}
		maps.Copy(l.texts, own)
		all[strings.ToLower(tag)] = l
	}
	return all, nil
}

// direction is which way a language is written.
func direction(tag string) string {
	parts := strings.Split(strings.ToLower(tag), "-")
	for _, p := range parts[1:] {
		if len(p) == 4 { // a script says it (RFC 5646 §2.2.3)
			if slices.Contains([]string{"arab", "hebr", "thaa", "nkoo", "syrc", "rohg", "adlm"}, p) {
				return "rtl"
			}
			return "ltr"
		}
	}
	if slices.Contains([]string{"ar", "arc", "ckb", "dv", "fa", "he", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}, parts[0]) {
		return "rtl"
	}
	return "ltr"
}

const (
	maxAccept = 512 // bytes of the header that are read
	fallback  = "en"
)

// of returns the language that suits the visitor best, English where none does (RFC 4647
// §3.4, by falling weight).
func (ls languages) of(r *http.Request) language {
	header := r.Header.Get("Accept-Language")
	if len(header) > maxAccept {
		header = header[:maxAccept]
	}
	best, weight := ls[fallback], 0.0
	for item := range strings.SplitSeq(header, ",") {
		tag, q := weigh(item)
		if q <= weight {
			continue
		}
		if l, ok := ls.lookup(tag); ok {
			best, weight = l, q
		}
	}
	return best
}

// lookup finds a language, or the one that it is a kind of.
func (ls languages) lookup(tag string) (language, bool) {
	tag = strings.ToLower(tag)
	for tag != "" {
		if l, ok := ls[tag]; ok {
			return l, true
		}
		tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
	}
	return language{}, false
}

// weigh reads one item of an Accept-Language header. One that cannot be read weighs nothing.
func weigh(item string) (tag string, q float64) {
	tag, parameters, ok := strings.Cut(strings.TrimSpace(item), ";")
	if !ok {
		return tag, 1
	}
	value, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q=")
	if !ok {
		return tag, 0
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return tag, 0
	}
	return strings.TrimSpace(tag), q
}
