package oauth

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/go-identity/identity/store"
)

const (
	maxAttributes = 200
	maxAttribute  = 4096 // bytes of one value
	maxValues     = 1000 // of one attribute
)

// Claims are the members of a token or of userinfo, as they stand. A claim of an unexpected
// type reads as missing: of those that must be there, missing is an error.
type Claims map[string]any

// Parse reads one JSON object. The reader of go-jose refuses two members of one name and
// knows no case variants, unlike encoding/json.
func Parse(text []byte) (Claims, error) {
	var c Claims
	if err := read(text, &c); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("null is no object")
	}
	return c, nil
}

// ParseList reads one JSON list of objects.
func ParseList(text []byte) ([]Claims, error) {
	var all []Claims
	if err := read(text, &all); err != nil {
		return nil, err
	}
	if all == nil {
		return nil, errors.New("null is no list")
	}
	return all, nil
}

func read(text []byte, into any) error {
	if deep(text) {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	return json.Unmarshal(text, into)
}

// Has reports whether a claim is there and not null.
func (c Claims) Has(name string) bool { return c[name] != nil }

// Text returns a claim that every store can keep, or "".
func (c Claims) Text(name string) string {
	s, _ := c[name].(string)
	if !store.Storable(s) {
		return ""
	}
	return s
}

// ID returns a claim that names something: a text, or, as some providers count their users, a
// whole number that JSON's numbers can tell from the next.
func (c Claims) ID(name string) string {
	n, ok := c[name].(float64)
	if !ok {
		return c.Text(name)
	}
	if n != math.Trunc(n) || n < 1 || n >= 1<<53 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

// Inside returns the object that a claim is, or none.
func (c Claims) Inside(name string) Claims {
	o, _ := c[name].(map[string]any)
	return o
}

// Texts returns a claim that is a text or a list of texts.
func (c Claims) Texts(name string) []string { return texts(c[name]) }

func texts(value any) []string {
	switch v := value.(type) {
	case string:
		if v != "" && store.Storable(v) {
			return []string{v}
		}
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		var all []string
		for _, one := range v {
			if _, nested := one.([]any); !nested {
				all = append(all, texts(one)...)
			}
		}
		return all
	}
	return nil
}

// lastSecond is that of the year 9999: beyond it a time is nonsense, and arithmetic with it
// goes wrong.
const lastSecond = 253402300799

// At returns a claim that is a time, and reports whether it is.
func (c Claims) At(name string) (time.Time, bool) {
	s, ok := c[name].(float64)
	if !ok || s < 0 || s > lastSecond {
		return time.Time{}, false
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}

// True reports whether a claim is the boolean true, or, where text counts, the text "true" or
// "1".
func (c Claims) True(name string, text bool) bool {
	b, _ := c[name].(bool)
	return b || text && (c[name] == "true" || c[name] == "1")
}

// Attributes returns the claims but those to skip, as texts. What is too large is left out
// rather than cut.
func (c Claims) Attributes(skip ...string) map[string][]string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	all := map[string][]string{}
	for _, name := range names {
		values := texts(c[name])
		large := slices.ContainsFunc(values, func(v string) bool { return len(v) > maxAttribute })
		unfit := slices.Contains(skip, name) || len(values) == 0 || len(values) > maxValues || large
		if !unfit && len(all) < maxAttributes {
			all[name] = values
		}
	}
	return all
}
