package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-identity/identity/internal/fault"
)

// MethodNotAllowed refuses a method that a path does not have, with status 405.
const MethodNotAllowed fault.Code = "method_not_allowed"

// Status returns the HTTP status of a fault.
func Status(c fault.Code) int {
	switch c {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case fault.Conflict:
		return http.StatusConflict
	case fault.Gone:
		return http.StatusGone
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unsupported:
		return http.StatusUnsupportedMediaType
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Harden sets the headers that every answer of the library carries.
func Harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// WriteError writes err in the one shape that all errors have. What is not a fault is
// shown as an internal error; its text stays here.
func WriteError(w http.ResponseWriter, err error) {
	f := fault.From(err)
	h := w.Header()
	Harden(h)
	h.Set("Content-Type", "application/json; charset=utf-8")
	switch f.Code {
	case fault.Unauthenticated:
		h.Set("WWW-Authenticate", "Bearer")
	case fault.TooLarge:
		h.Set("Connection", "close") // the rest of the body is not read
	case fault.Limited, fault.Unavailable:
		h.Set("Retry-After", retryAfter(f.RetryAfter))
	}
	text, err := json.Marshal(body{Errors: f.Messages(), Code: errorCode(f)})
	if err != nil {
		text = []byte(`{"errors":["internal error"],"errorCode":"internal"}`)
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(Status(f.Code))
	_, _ = w.Write(text) // a caller that went away needs no answer
}

type body struct {
	Errors []string `json:"errors"`
	Code   string   `json:"errorCode"`
}

func errorCode(f *fault.Error) string {
	if f.Wire != "" {
		return f.Wire
	}
	return string(f.Code)
}

// retryAfter is in whole seconds, rounded up: a caller that obeys is not refused again.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}

// Fail answers r with err. An internal error is logged here with its cause, once; a 403 is
// told to the audit.
func (g *Guard) Fail(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	switch {
	case f.Code == fault.Internal && errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		err = fault.Retry(fault.Unavailable, "the request was cancelled", time.Second)
	case f.Code == fault.Internal && errors.Is(err, context.DeadlineExceeded):
		err = fault.Retry(fault.Unavailable, "the request took too long", time.Second)
	case f.Code == fault.Internal:
		g.config.Log.ErrorContext(r.Context(), "request failed", "route", route(r), "error", err)
	case f.Code == fault.Unavailable && f.Unwrap() != nil:
		g.config.Log.WarnContext(r.Context(), "request not served", "route", route(r), "error", f.Unwrap())
	case f.Code == fault.Forbidden && g.config.Denied != nil:
		by, _ := PrincipalFrom(r.Context())
		g.config.Denied(r.Context(), by, route(r))
	}
	WriteError(w, err)
}

// route names what r asked for without the ids and secrets that its path may hold.
func route(r *http.Request) string {
	if r.Pattern != "" {
		return r.Pattern
	}
	return r.Method + " -"
}
