package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/store"
)

// MFA is the second factor: devices are enrolled and removed, and a login that
// [Login.MFARequired] holds up is brought to its end.
type MFA struct {
	*base
	signin   *SignIn
	demands  *demands
	policies *MFAPolicies
	factors  *factors
	attempts *attempts
	notices  *mfaNotices
}

// mfaGuesses bounds the wrong codes of one user, however many logins wait for one. Only
// somebody who has the password can use them up, and the user is told.
func mfaGuesses() store.AttemptLimit {
	return store.AttemptLimit{Max: 10, Window: 24 * time.Hour, Lock: 12 * time.Hour}
}

// account is what the user's wrong codes are counted by.
func (s *MFA) account(userID string) []byte { return s.attempts.ring.MAC("attempt", "mfa", userID) }

// An MFACode brings a login that waits for its second factor to its end.
type MFACode struct {
	Token    string // that the login was answered with
	FactorID string // of the device that shows the code; empty for any of the user's
	Code     string
	Remember bool              // do not ask on this device again, where policies allow that
	Kind     store.SessionKind // that the login began with; empty is a family of refresh tokens
}

// errCodeWrong is the one answer to a code that is not the device's now, was used already,
// or belongs to another.
func errCodeWrong(c fault.Code, cause error) error {
	e := fault.New(c, "", "wrong code").Because(cause)
	e.Wire = "ER-01011"
	return e
}

// Verify opens the session of a login that waits for its second factor. A wrong code is
// Unauthenticated, as is a token that does not hold; five wrong codes end the login, ten the
// next hours' (Limited). A code works once, whatever it is used for.
func (s *MFA) Verify(ctx context.Context, by store.Principal, in MFACode) (Login, error) {
	return s.answer(ctx, by, in, func(userID string) (proof, error) {
		return s.prove(ctx, by, userID, in.FactorID, in.Code)
	})
}

// VerifyRecovery opens the session of a login with a recovery code in place of a device. The
// session can enroll another device and remove the lost one; nothing that asks for a device
// takes it.
func (s *MFA) VerifyRecovery(ctx context.Context, by store.Principal, in MFACode) (Login, error) {
	in.Remember = false
	return s.answer(ctx, by, in, func(userID string) (proof, error) {
		return s.proveRecovery(ctx, userID, in.Code)
	})
}

// answer brings a login to its end by a proof.
func (s *MFA) answer(ctx context.Context, by store.Principal, in MFACode, prove func(userID string) (proof, error)) (Login, error) {
	c, first, err := s.waiting(ctx, by, in)
	if err != nil {
		return Login{}, s.signin.failed(ctx, by, c.Subject, err)
	}
	p, err := prove(c.Subject)
	if err != nil {
		return Login{}, s.signin.failed(ctx, by, c.Subject, err)
	}
	return s.finish(ctx, by, finishing{challenge: c, first: first, in: in, methods: p.methods(), do: func(tx *unit) error {
		return s.spend(ctx, tx, c.Subject, p)
	}})
}

// waiting finds the login that in belongs to and counts a guess at its second factor.
func (s *MFA) waiting(ctx context.Context, by store.Principal, in MFACode) (store.Challenge, firstFactor, error) {
	c, first, err := s.signin.look(ctx, by, in.Token)
	if err != nil {
		return c, first, err
	}
	if kind := in.Kind; kind != first.Kind && (kind != "" || first.Kind != store.Family) {
		return c, first, errAskAgain(errors.New("the login is for another kind of session"))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout) // counted, whoever hangs up
	defer cancel()
	err = s.store.TryChallenge(ctx, store.MFA, c.ID, challengeTries)
	if errors.Is(err, store.ErrNotFound) {
		err = errAskAgain(errors.New("too many wrong codes"))
	}
	return c, first, err
}

// A finishing is the end of a login that waited for its second factor.
type finishing struct {
	challenge store.Challenge
	first     firstFactor
	in        MFACode
	methods   []string // that the second factor adds
	do        func(tx *unit) error
}

// finish opens the session, in one transaction with what the second factor uses up.
func (s *MFA) finish(ctx context.Context, by store.Principal, f finishing) (Login, error) {
	o, err := s.signin.resume(ctx, f.challenge, f.first)
	if err != nil {
		return Login{}, s.signin.failed(ctx, by, f.challenge.Subject, err)
	}
	o.methods = together(f.first.Methods, f.methods)
	o.prepare = func(tx *unit) error {
		_, err := tx.ConsumeChallenge(ctx, store.MFA, f.challenge.Hash, tx.at)
		if errors.Is(err, store.ErrNotFound) {
			return errAskAgain(errors.New("the login is over"))
		}
		if err == nil {
			err = f.do(tx)
		}
		if err != nil || !f.in.Remember {
			return err
		}
		return s.demands.rememberDevice(ctx, tx, o.userID, s.signin.device(by))
	}
	by.TenantID = f.first.TenantID
	l, err := s.signin.open(ctx, by, o)
	if err != nil {
		return Login{}, s.signin.failed(ctx, by, o.userID, err)
	}
	return l, nil
}

// together is what was shown first, and what was shown after that. A provider may have named
// a method already.
func together(first, second []string) []string {
	all := slices.Clone(first)
	for _, m := range second {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// A proof is a second factor that was shown and is not used up yet.
type proof struct {
	factorID string
	step     int64
	recovery []byte // hash of a recovery code, in place of a factor
}

func (p proof) methods() []string {
	if p.recovery != nil {
		return []string{byRecovery}
	}
	return []string{byCode, byTwo}
}

// prove checks a code of one of the user's devices. The guess is counted before.
func (s *MFA) prove(ctx context.Context, by store.Principal, userID, factorID, code string) (proof, error) {
	state, err := s.attempts.count(ctx, s.account(userID))
	if err != nil {
		return proof{}, err
	}
	if errors.Is(state, errLocked) {
		return proof{}, fault.Retry(fault.Limited, "too many wrong codes", time.Hour).Because(state)
	}
	all, err := s.store.Factors(ctx, userID)
	if err != nil {
		return proof{}, err
	}
	f, step, ok := s.factors.match(ctx, all, factorID, code)
	if ok {
		return proof{factorID: f.ID, step: step}, nil
	}
	if errors.Is(state, errLocks) {
		s.notices.guessed(ctx, by, userID)
	}
	return proof{}, errCodeWrong(fault.Unauthenticated, errors.New("a wrong code"))
}

// proveRecovery checks a recovery code. It is long enough that guesses need not be counted:
// that would only let others lock its owner out.
func (s *MFA) proveRecovery(ctx context.Context, userID, code string) (proof, error) {
	wrong := errCodeWrong(fault.Unauthenticated, errors.New("a wrong recovery code"))
	hash, ok := mfa.RecoveryHash(code)
	if !ok {
		return proof{}, wrong
	}
	all, err := s.store.RecoveryCodes(ctx, userID)
	if err != nil {
		return proof{}, err
	}
	if !unusedAmong(all, hash) {
		return proof{}, wrong
	}
	return proof{recovery: hash}, nil
}

// proveAny checks what somebody who is signed in shows to change the devices: a code of any
// of them, or a recovery code.
func (s *MFA) proveAny(ctx context.Context, by store.Principal, code string) (proof, error) {
	prove := func() (proof, error) { return s.prove(ctx, by, by.UserID, "", code) }
	if _, ok := mfa.RecoveryHash(code); ok {
		prove = func() (proof, error) { return s.proveRecovery(ctx, by.UserID, code) }
	}
	p, err := prove()
	if f := fault.From(err); f != nil && f.Code == fault.Unauthenticated {
		s.note(ctx, by, "mfa.refused", by.UserID, nil)
		err = errCodeWrong(fault.Invalid, f) // the session is good, the code is not
	}
	return p, err
}

// spend uses a proof up. Of many callers with one code one gets through.
func (s *MFA) spend(ctx context.Context, tx *unit, userID string, p proof) error {
	var err error
	if p.recovery != nil {
		err = tx.UseRecoveryCode(ctx, userID, p.recovery, tx.at)
	} else {
		err = tx.UseFactor(ctx, userID, p.factorID, p.step, tx.at)
	}
	if errors.Is(err, store.ErrNotFound) {
		return errCodeWrong(fault.Unauthenticated, errors.New("the code was used already"))
	}
	if err != nil {
		return err
	}
	if p.recovery != nil {
		return s.notices.recoveryUsed(ctx, tx, userID)
	}
	return s.attempts.clear(ctx, tx, s.account(userID))
}

// MayRemember reports whether the login that waits may ask that its device be remembered,
// and for how long that would be.
func (s *MFA) MayRemember(ctx context.Context, by store.Principal, token string) (bool, time.Duration, error) {
	c, _, err := s.signin.look(ctx, by, token)
	if err != nil {
		return false, 0, err
	}
	asked, err := demandNow(ctx, s.store, c.Subject)
	if !asked.remember {
		asked.rememberFor = defaultRemember
	}
	return asked.remember, asked.rememberFor, err
}
