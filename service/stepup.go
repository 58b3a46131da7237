package service

import (
	"context"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// stepUpRequired is the error code of what asks for a second factor that was just shown.
const stepUpRequired = "step_up_required"

// StepUp asks the user that calls to show a second factor now, for something that
// [store.Principal.SteppedUp] guards. The answer is that of a login that waits for its second
// factor: what comes of it takes the place of the caller's session. Where one was shown at
// most maxAge ago, the answer is a new access token right away, which says so; without a
// maxAge it never is. A user without a device is Forbidden, unless the provider that the
// session came through asked for two factors at most maxAge ago.
func (s *MFA) StepUp(ctx context.Context, by store.Principal, maxAge time.Duration) (Login, error) {
	if maxAge < 0 {
		return Login{}, fault.New(fault.Invalid, "maxAge", "must not be less than 0")
	}
	if by.Kind != store.UserKind || by.SessionID == "" {
		return Login{}, fault.New(fault.Forbidden, "", "only a user may do this")
	}
	fs, err := s.store.Factors(ctx, by.UserID)
	if err != nil {
		return Login{}, err
	}
	o, err := s.store.Session(ctx, by.UserID, by.SessionID)
	if err != nil {
		return Login{}, refused(err)
	}
	if len(fs) == 0 && !vouchedFor(o) {
		return Login{}, fault.New(fault.Forbidden, "", "MFA is not enrolled")
	}
	u, err := s.store.User(ctx, by.UserID)
	if err != nil {
		return Login{}, refused(err)
	}
	if maxAge == 0 || !slices.Contains(o.Methods, byTwo) || s.now().Sub(o.AuthTime) > maxAge {
		if len(fs) == 0 { // the provider has to be asked again, by signing in there
			return Login{}, fault.New(fault.Forbidden, "", "sign in again through your provider")
		}
		return s.signin.askAgain(ctx, by, u, o)
	}
	return s.signin.stepUp(ctx, by, u, o)
}

// vouchedFor reports whether a provider said that two factors were shown.
func vouchedFor(o store.Session) bool {
	return slices.Contains(o.Methods, "sso") && slices.Contains(o.Methods, byTwo)
}

// stepUp mints a token that says that a second factor was shown, for a session in which that
// was just now. The refresh token stays as it is.
func (s *SignIn) stepUp(ctx context.Context, by store.Principal, u store.User, o store.Session) (Login, error) {
	ms, err := s.store.Memberships(ctx, u.ID)
	if err != nil {
		return Login{}, err
	}
	o.TenantID = by.TenantID
	ids := confine(enterableIDs(ms), o.OnlyTenantID)
	l, err := s.mint(ctx, Login{User: u, Session: o, steppedUp: true, tenantIDs: ids})
	if err == nil {
		s.note(ctx, by, "signin.stepped_up", o.ID, nil)
	}
	return l, err
}
