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
	assertion  *sso.Assertion   // nil where there was nothing to read
	document   string           // the answer as it came; may be empty
	err        error
}

// told reports a try and returns its error. A try that was not refused and came to no
// assertion is one that has only begun.
func (s *SSO) told(ctx context.Context, by store.Principal, r report) error {
	f := fault.From(r.err)
	if r.connection.ID == "" || f == nil && r.assertion == nil || f != nil && f.Code != fault.Unauthenticated {
		return r.err
	}
	by.TenantID = r.connection.TenantID
	diagnosis := sso.Diagnosis(r.err)
	if r.err != nil {
		s.note(ctx, by, "sso.refused", r.connection.ID, map[string]string{"diagnosis": diagnosis})
	}
	return r.err
}
