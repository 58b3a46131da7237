package handlers

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkText returns what is wrong with a text, in the words of the published API.
func (r *rules) checkText(v string) []string {
	var broken []string
	n := utf8.RuneCountInString(v)
	switch {
	case n < r.minLength && n == 0:
		broken = append(broken, "should not be empty")
	case n < r.minLength:
		broken = append(broken, "must be longer than or equal to "+strconv.Itoa(r.minLength)+" characters")
	case r.maxLength > 0 && n > r.maxLength:
		broken = append(broken, "must be shorter than or equal to "+strconv.Itoa(r.maxLength)+" characters")
	}
	if len(r.enum) > 0 && !slices.Contains(r.enum, v) {
		broken = append(broken, "must be one of the following values: "+strings.Join(r.enum, ", "))
	}
	if r.pattern != nil && !r.pattern.MatchString(v) {
		broken = append(broken, "must match "+r.pattern.String()+" regular expression")
	}
	if r.format == "email" && !looksLikeEmail(v) {
		broken = append(broken, "must be an email")
	}
	return broken
}

func (r *rules) checkInteger(n int64) []string {
	var broken []string
	if r.min != nil && n < *r.min {
		broken = append(broken, "must not be less than "+strconv.FormatInt(*r.min, 10))
	}
	if r.max != nil && n > *r.max {
		broken = append(broken, "must not be greater than "+strconv.FormatInt(*r.max, 10))
	}
	return broken
}

func (r *rules) checkItems(n int) []string {
	var broken []string
	if n < r.minItems {
		broken = append(broken, "must contain at least "+strconv.Itoa(r.minItems)+" elements")
	}
	if r.maxItems > 0 && n > r.maxItems {
		broken = append(broken, "must contain no more than "+strconv.Itoa(r.maxItems)+" elements")
	}
	return broken
}

// looksLikeEmail is a first look; the rule about addresses is the service's.
func looksLikeEmail(v string) bool {
	local, domain, ok := strings.Cut(strings.TrimSpace(v), "@")
	return ok && local != "" && domain != "" && !strings.ContainsAny(v, "\r\n\t")
}

// demand says what a kind of value must be.
func (k kind) demand() string {
	switch k {
	case aText:
		return "must be a string"
	case anInteger, aNumber:
		return "must be a number conforming to the specified constraints"
	case aBoolean:
		return "must be a boolean value"
	case aList:
		return "must be an array"
	}
	return "must be an object"
}
