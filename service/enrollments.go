package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/store"
)

// maxFactors is how many devices a user may have.
const maxFactors = 10

// An Enrollment is a device about to be enrolled: what its app scans, or what its user types
// into it. It is shown once.
type Enrollment struct {
	QR     string // a PNG in a data URI
	Secret string // in base32
	URL    string // otpauth://…, which is what the picture says
}

// A pendingFactor is a device that has not shown yet that it works.
type pendingFactor struct {
	ID     string `json:"id"`
	Sealed []byte `json:"sealed"`
}

// Enroll begins to enroll an authenticator app for the user that by acts for. The one begun
// before, anywhere, is void. Who has a device already must have signed in with one: a
// session without adds nothing to them.
func (s *MFA) Enroll(ctx context.Context, by store.Principal) (Enrollment, error) {
	if err := s.mayAdd(ctx, s.store, by); err != nil {
		return Enrollment{}, err
	}
	return s.begin(ctx, by, by.UserID, boundTo(by))
}

// EnrollAtLogin is Enroll for a login that waits for its second factor, of a user who has no
// device yet.
func (s *MFA) EnrollAtLogin(ctx context.Context, by store.Principal, token string) (Enrollment, error) {
	c, first, err := s.signin.look(ctx, by, token)
	if err != nil {
		return Enrollment{}, err
	}
	if err := s.mayBeFirst(ctx, s.store, c.Subject, first.OnlyTenantID); err != nil {
		return Enrollment{}, err
	}
	by.Kind, by.ID = store.UserKind, c.Subject
	return s.begin(ctx, by, c.Subject, c.ID)
}

// boundTo is what an enrollment of by's belongs to: nobody else finishes it.
func boundTo(by store.Principal) string { return string(by.Kind) + " " + cmp.Or(by.SessionID, by.ID) }

// mayAdd refuses one more device to a session that was opened without one.
func (s *MFA) mayAdd(ctx context.Context, r store.Records, by store.Principal) error {
	if err := rooted(ctx, r, by); err != nil {
		return err
	}
	have, err := r.Factors(ctx, by.UserID)
	if err != nil {
		return err
	}
	if len(have) > 0 && by.Kind == store.UserKind && !second(by.Methods) {
		e := fault.New(fault.Forbidden, "", "sign in with your second factor first")
		e.Wire = stepUpRequired
		return e
	}
	if len(have) >= maxFactors {
		return fault.New(fault.Conflict, "", "no more devices can be enrolled")
	}
	return nil
}

// mayBeFirst refuses a device to a login that has to be finished with one that is there, and
// to one that the provider of the only tenant vouched for, where the user has others.
func (s *MFA) mayBeFirst(ctx context.Context, r store.Records, userID, only string) error {
	if err := rootedIn(ctx, r, userID, only); err != nil {
		return err
	}
	have, err := r.Factors(ctx, userID)
	if err == nil && len(have) > 0 {
		err = fault.New(fault.Forbidden, "", "a device is enrolled already")
	}
	return err
}

// begin makes the key of a device and keeps it until the device has shown a code.
func (s *MFA) begin(ctx context.Context, by store.Principal, userID, bound string) (Enrollment, error) {
	setup, err := s.policies.Methods(ctx, by)
	if err != nil {
		return Enrollment{}, err
	}
	if !setup.Active(AuthenticatorApp) {
		return Enrollment{}, fault.New(fault.Forbidden, "", "authenticator apps are not active")
	}
	k, err := mfa.NewKey()
	if err != nil {
		return Enrollment{}, err
	}
	var u store.User
	err = s.change(ctx, by, "mfa.enrollment_begun", userID, func(tx *unit) (err error) {
		if u, err = tx.User(ctx, userID); err != nil {
			return err
		}
		return s.hold(ctx, tx, userID, bound, k)
	})
	if err != nil {
		return Enrollment{}, err
	}
	e := Enrollment{Secret: k.Text(), URL: k.URL(setup.App.ServiceName, cmp.Or(u.Email, u.Name, u.ID))}
	e.QR, err = mfa.QR(e.URL)
	return e, err
}

// hold keeps the key of a device that is not proved yet: the only one of its user.
func (s *MFA) hold(ctx context.Context, tx *unit, userID, bound string, k mfa.Key) error {
	p := pendingFactor{ID: s.newID()}
	var err error
	if p.Sealed, err = s.factors.seal(userID, p.ID, k); err != nil {
		return err
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := drop(ctx, tx, userID, store.MFAEnrollment); err != nil {
		return err
	}
	return tx.CreateChallenge(ctx, store.Challenge{
		ID: s.newID(), Purpose: store.MFAEnrollment, Hash: enrollmentHash(userID, bound), Subject: userID, Data: string(doc),
		CreatedAt: tx.at, ExpiresAt: tx.at.Add(challengeLife),
	})
}

// A shown is a pending device that has shown a code.
type shown struct {
	challenge store.Challenge
	factor    store.Factor
}

// show checks the code of a pending device. Five wrong ones end the enrollment.
func (s *MFA) show(ctx context.Context, userID, bound, code string) (shown, error) {
	over := fault.New(fault.Gone, "", "this enrollment was finished, replaced or has expired")
	c, err := s.store.Challenge(ctx, store.MFAEnrollment, enrollmentHash(userID, bound))
	if err == nil && (!c.UsedAt.IsZero() || !s.now().Before(c.ExpiresAt)) {
		err = store.ErrNotFound
	}
	if err == nil {
		err = s.store.TryChallenge(ctx, store.MFAEnrollment, c.ID, challengeTries)
	}
	if errors.Is(err, store.ErrNotFound) {
		return shown{}, over.Because(err)
	}
	var p pendingFactor
	if err == nil {
		err = json.Unmarshal([]byte(c.Data), &p)
	}
	if err != nil {
		return shown{}, err
	}
	f := store.Factor{UserID: userID, ID: p.ID, Kind: store.TOTP, Sealed: p.Sealed}
	_, step, ok := s.factors.match(ctx, []store.Factor{f}, "", code)
	if !ok {
		return shown{}, errCodeWrong(fault.Invalid, errors.New("a wrong code"))
	}
	f.LastStep = step // the code is used up: it opens no session
	return shown{c, f}, nil
}

// FinishEnroll enrolls the device that [MFA.Enroll] began with, once it shows the right
// code. The first device comes with recovery codes, which are returned here only. The user's
// other sessions end, and a notice is mailed.
func (s *MFA) FinishEnroll(ctx context.Context, by store.Principal, code string) (recovery []string, err error) {
	d, err := s.show(ctx, by.UserID, boundTo(by), code)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, by, "mfa.enrolled", d.factor.ID, func(tx *unit) error {
		if err := s.mayAdd(ctx, tx, by); err != nil {
			return err
		}
		if recovery, err = s.enroll(ctx, tx, d); err != nil {
			return err
		}
		return endOthers(ctx, tx, by.UserID, by.SessionID)
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// FinishEnrollAtLogin enrolls the device that [MFA.EnrollAtLogin] began with and opens the
// session of the login. The recovery codes are in the answer.
func (s *MFA) FinishEnrollAtLogin(ctx context.Context, by store.Principal, in MFACode) (Login, error) {
	c, first, err := s.waiting(ctx, by, in)
	if err != nil {
		return Login{}, s.signin.failed(ctx, by, c.Subject, err)
	}
	d, err := s.show(ctx, c.Subject, c.ID, in.Code)
	if f := fault.From(err); f != nil && f.Code == fault.Invalid {
		err = s.signin.failed(ctx, by, c.Subject, errCodeWrong(fault.Unauthenticated, err))
	}
	if err != nil {
		return Login{}, err
	}
	var recovery []string
	l, err := s.finish(ctx, by, finishing{
		challenge: c, first: first, in: in, methods: []string{byCode, byTwo},
		do: func(tx *unit) error {
			if err := s.mayBeFirst(ctx, tx, c.Subject, first.OnlyTenantID); err != nil {
				return err
			}
			if recovery, err = s.enroll(ctx, tx, d); err != nil {
				return err
			}
			return endOthers(ctx, tx, c.Subject, first.SessionID)
		},
	})
	if err != nil {
		return Login{}, err
	}
	l.RecoveryCodes = recovery
	return l, nil
}

// enroll writes a device that has shown its code; the first brings recovery codes.
func (s *MFA) enroll(ctx context.Context, tx *unit, d shown) (recovery []string, err error) {
	userID := d.factor.UserID
	_, err = tx.ConsumeChallenge(ctx, store.MFAEnrollment, d.challenge.Hash, tx.at)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.Gone, "", "this enrollment was finished, replaced or has expired")
	}
	if err != nil {
		return nil, err
	}
	have, err := tx.Factors(ctx, userID)
	if err != nil {
		return nil, err
	}
	f := d.factor
	f.CreatedAt = tx.at
	if err := tx.CreateFactor(ctx, f); err != nil {
		return nil, err
	}
	if len(have) == 0 {
		if recovery, err = newRecoveryCodes(ctx, tx, userID); err != nil {
			return nil, err
		}
	}
	return recovery, s.notices.added(ctx, tx, userID)
}

// Devices returns the devices of the user that by acts for, oldest first.
func (s *MFA) Devices(ctx context.Context, by store.Principal) ([]MFADevice, error) {
	all, err := s.store.Factors(ctx, by.UserID)
	return devices(all), err
}

// Disable removes a device of the user that by acts for, or with an empty id all of them. It
// takes a code of any of the user's devices, or a recovery code. The last one cannot be
// removed where a policy forces a second factor. The user's other sessions end, and a notice
// is mailed.
func (s *MFA) Disable(ctx context.Context, by store.Principal, factorID, code string) error {
	if code == "" {
		return fault.New(fault.Invalid, "token", "should not be empty")
	}
	if err := rooted(ctx, s.store, by); err != nil {
		return err
	}
	p, err := s.proveAny(ctx, by, code)
	if err != nil {
		return err
	}
	return s.change(ctx, by, "mfa.disabled", cmp.Or(factorID, by.UserID), func(tx *unit) error {
		if err := rooted(ctx, tx, by); err != nil {
			return err
		}
		if err := s.spend(ctx, tx, by.UserID, p); err != nil {
			return asInvalid(err)
		}
		left, err := s.remove(ctx, tx, by.UserID, factorID)
		if err != nil {
			return err
		}
		if err := endOthers(ctx, tx, by.UserID, by.SessionID); err != nil {
			return err
		}
		return s.notices.removed(ctx, tx, by.UserID, left == 0)
	})
}

// remove removes a device, or all of them, and returns how many are left.
func (s *MFA) remove(ctx context.Context, tx *unit, userID, factorID string) (left int, err error) {
	have, err := tx.Factors(ctx, userID)
	if err != nil {
		return 0, err
	}
	if factorID != "" {
		if err := tx.DeleteFactor(ctx, userID, factorID); err != nil {
			return 0, missing(err, "device")
		}
		left = len(have) - 1
	}
	if left > 0 {
		return left, nil
	}
	asked, err := demandNow(ctx, tx, userID)
	if err != nil {
		return 0, err
	}
	if asked.enforce != DontForce {
		return 0, fault.New(fault.Forbidden, "", "the MFA policy asks for a second factor")
	}
	_, err = disarm(ctx, tx, userID)
	return 0, err
}
