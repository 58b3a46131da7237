package service

import (
	"context"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/store"
)

// A report is what the administrator of a connection learns of one try to sign in through it.
type report struct {
	connection store.Connection // the zero connection is none: then nobody learns of it
	settings   ConnectionSettings
	assertion  *sso.Assertion // nil where there was nothing to read
	document   string         // of SAML: the answer as it came
	err        error
}

// told reports a try and returns its error. One that came to nothing yet, or failed for a
// reason that is ours, is no try.
func (s *SSO) told(ctx context.Context, by store.Principal, r report) error {
	f := fault.From(r.err)
	refused := f != nil && f.Code == fault.Unauthenticated
	if r.connection.ID == "" || f != nil && !refused || f == nil && r.assertion == nil {
		return r.err
	}
	by.TenantID = r.connection.TenantID
	a := store.SSOAttempt{Accepted: !refused, Diagnosis: sso.Diagnosis(r.err), IP: by.IP, UserAgent: by.UserAgent}
	if r.assertion != nil {
		a.Subject, a.Email, a.Attributes = r.assertion.Subject, r.assertion.Email, r.said()
	}
	if refused {
		s.note(ctx, by, "sso.refused", r.connection.ID, map[string]string{"diagnosis": clip(a.Diagnosis)})
	}
	s.attempts.record(ctx, r.connection, a, r.document)
	return r.err
}

// said is all that the provider said, or as much of it as is kept with a session.
func (r report) said() string {
	if all := r.settings.said(*r.assertion); len(all) <= maxDocument {
		return all
	}
	return keptAttributes(r.assertion.Attributes)
}
