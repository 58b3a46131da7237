package oidc

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/go-identity/identity/store"
)

// claims are the members of a token or of userinfo, as they stand. A claim of an unexpected
// type reads as missing: of those that must be there, missing is an error.
type claims map[string]any

// parseClaims reads one JSON object. The reader of go-jose refuses two members of one name
// and knows no case variants, unlike encoding/json.
func parseClaims(text []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("null is no object")
	}
	return c, nil
}

func (c claims) has(name string) bool { return c[name] != nil }

// text returns a claim that every store can keep, or "".
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	if !store.Storable(s) {
		return ""
	}
	return s
}

// texts returns a claim that is a text or a list of texts.
func (c claims) texts(name string) []string { return texts(c[name]) }

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

// at returns a claim that is a time, and reports whether it is.
func (c claims) at(name string) (time.Time, bool) {
	s, ok := c[name].(float64)
	if !ok || s < 0 || s > lastSecond {
		return time.Time{}, false
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}

// True reports whether a claim is the boolean true, or, where text counts, the text "true".
func (c claims) true(name string, text bool) bool {
	b, _ := c[name].(bool)
	return b || text && c[name] == "true"
}
