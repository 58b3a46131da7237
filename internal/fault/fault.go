// Package fault is how the library says no.
package fault

import (
	"errors"
	"strings"
	"time"

	"github.com/go-identity/identity/store"
)

// A Code says what kind of no. Codes are part of the HTTP contract.
type Code string

// The codes, each with the status that the HTTP face gives it.
const (
	Invalid         Code = "invalid"          // 400: the request breaks a rule
	Unauthenticated Code = "unauthenticated"  // 401: who is calling is not known
	Forbidden       Code = "forbidden"        // 403: the caller may not
	NotFound        Code = "not_found"        // 404: no such record for this caller
	Conflict        Code = "conflict"         // 409: it exists already, or another change came first
	Gone            Code = "gone"             // 410: used or expired
	TooLarge        Code = "too_large"        // 413: more bytes than the route takes
	Unsupported     Code = "unsupported_type" // 415: not application/json
	Limited         Code = "rate_limited"     // 429: too many; RetryAfter says when
	Unavailable     Code = "unavailable"      // 503: try again; RetryAfter says when
	Internal        Code = "internal"         // 500: our fault; the cause is in the log
)

// An Error says no. Message, Field and Messages are safe to show to a caller; the cause
// is for the log.
type Error struct {
	Code       Code
	Field      string // the input it is about; may be empty
	Message    string
	More       []string // further messages, where several rules are broken
	Wire       string   // the contract's own code ("ER-01034"), where it has one
	RetryAfter time.Duration
	cause      error
}

// Error returns the messages, safe to show.
func (e *Error) Error() string { return strings.Join(e.Messages(), "; ") }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Messages returns every message, the field named first.
func (e *Error) Messages() []string {
	first := e.Message
	if e.Field != "" {
		first = e.Field + " " + e.Message
	}
	return append([]string{first}, e.More...)
}

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// New returns an Error; field may be empty.
func New(c Code, field, message string) *Error {
	return &Error{Code: c, Field: field, Message: message}
}

// Retry returns an Error that asks the caller to come back after d.
func Retry(c Code, message string, d time.Duration) *Error {
	return &Error{Code: c, Message: message, RetryAfter: d}
}

// From finds the Error inside err. An unknown error becomes Internal and hides its text;
// the store's sentinels become what they mean. From(nil) is nil.
func From(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrNotFound):
		return New(NotFound, "", "no such record").Because(err)
	case errors.Is(err, store.ErrConflict):
		return New(Conflict, "", "already exists").Because(err)
	case errors.Is(err, store.ErrInvalid):
		return New(Invalid, "", "text must be valid UTF-8 without U+0000").Because(err)
	}
	return New(Internal, "", "internal error").Because(err)
}

// A Checker collects broken rules, so that a caller hears of all at once.
type Checker struct{ broken []string }

// Check records message about field unless ok.
func (c *Checker) Check(ok bool, field, message string) {
	if !ok {
		c.broken = append(c.broken, strings.TrimSpace(field+" "+message))
	}
}

// Err returns nil, or one Invalid error with every message.
func (c *Checker) Err() error {
	if len(c.broken) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Message: c.broken[0], More: c.broken[1:]}
}
