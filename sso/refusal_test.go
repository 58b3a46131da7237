package sso_test

import (
	"errors"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
)

func TestRefuse(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret body")
	err := sso.Refuse("the nonce is another", cause)
	if got := err.Error(); got != sso.Refuse("else", nil).Error() {
		t.Errorf("what the caller sees is %q, want the same for every refusal", got)
	}
	if got := fault.From(err).Code; got != fault.Unauthenticated {
		t.Errorf("code = %v, want unauthenticated", got)
	}
	if got := sso.Diagnosis(err); got != "the nonce is another" {
		t.Errorf("diagnosis = %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost to the log")
	}
	var r *sso.Refusal
	if !errors.As(err, &r) || r.Error() != "the nonce is another: secret body" {
		t.Errorf("for the log: %v", r)
	}
	if got := sso.Diagnosis(cause); got != "" {
		t.Errorf("diagnosis of another error = %q", got)
	}
}
