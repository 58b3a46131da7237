package sso

import (
	"errors"

	"github.com/go-identity/identity/internal/fault"
)

var errRefused = fault.New(fault.Unauthenticated, "", "signing in through the identity provider failed")

// A Refusal is why an assertion was not accepted, in a sentence that names what to change at
// the provider or in the connection. It is for the connection's administrator alone: whoever
// signs in gets the same answer always. It holds nothing that the provider's servers
// answered, so that nobody reads a network through it.
type Refusal struct {
	Diagnosis string
	cause     error
}

// Error returns the diagnosis and, for the log, the cause.
func (r *Refusal) Error() string {
	if r.cause == nil {
		return r.Diagnosis
	}
	return r.Diagnosis + ": " + r.cause.Error()
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.cause }

// Refuse returns the one error that a caller may see, with a [Refusal] inside. A nil cause
// means that the diagnosis says everything.
func Refuse(diagnosis string, cause error) error {
	return errRefused.Because(&Refusal{Diagnosis: diagnosis, cause: cause})
}

// Diagnosis returns the sentence inside err, or "" where err is no refusal.
func Diagnosis(err error) string {
	var r *Refusal
	if !errors.As(err, &r) {
		return ""
	}
	return r.Diagnosis
}
