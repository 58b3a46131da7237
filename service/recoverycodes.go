package service

import (
	"context"
	"errors"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/store"
)

// unusedAmong reports whether one of the codes has the hash and is unused. It compares them
// all, in constant time.
func unusedAmong(all []store.RecoveryCode, hash []byte) bool {
	found := false
	for _, c := range all {
		if secret.Equal(c.Hash, hash) && c.UsedAt.IsZero() {
			found = true
		}
	}
	return found
}

// RecoveryCodesLeft returns how many recovery codes the user that by acts for has left.
func (s *MFA) RecoveryCodesLeft(ctx context.Context, by store.Principal) (int, error) {
	all, err := s.store.RecoveryCodes(ctx, by.UserID)
	return unused(all), err
}

// unused counts the codes that are left.
func unused(all []store.RecoveryCode) int {
	n := 0
	for _, c := range all {
		if c.UsedAt.IsZero() {
			n++
		}
	}
	return n
}

// NewRecoveryCodes gives the user that by acts for new recovery codes and voids the old. It
// takes a code of a device, or one of the old recovery codes.
func (s *MFA) NewRecoveryCodes(ctx context.Context, by store.Principal, code string) ([]string, error) {
	if err := rooted(ctx, s.store, by); err != nil {
		return nil, err
	}
	p, err := s.proveAny(ctx, by, code)
	if err != nil {
		return nil, err
	}
	var codes []string
	err = s.change(ctx, by, "mfa.recovery_codes_replaced", by.UserID, func(tx *unit) (err error) {
		if err := rooted(ctx, tx, by); err != nil {
			return err
		}
		if err := s.spend(ctx, tx, by.UserID, p); err != nil {
			return asInvalid(err)
		}
		if codes, err = newRecoveryCodes(ctx, tx, by.UserID); err != nil {
			return err
		}
		return s.notices.recoveryReplaced(ctx, tx, by.UserID)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// asInvalid words a proof that failed for somebody who is signed in.
func asInvalid(err error) error {
	if f := fault.From(err); f != nil && f.Code == fault.Unauthenticated {
		return errCodeWrong(fault.Invalid, err)
	}
	return err
}

// Recover takes every second factor off the user of an address, for somebody who has lost
// the device and kept a recovery code. It signs nobody in: the password is still asked for,
// and where a policy forces a second factor, a new device is enrolled at that sign-in. All
// sessions end and a notice is mailed. An unknown address, a user without a second factor
// and a wrong code do the same work and get the same Unauthenticated error.
func (s *MFA) Recover(ctx context.Context, by store.Principal, email, code string) error {
	kind, value, err := PasswordLogin{Email: email}.identifier()
	if err != nil {
		return err
	}
	i, err := s.store.Identifier(ctx, s.signin.scope(by), kind, value)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	all, err := s.store.RecoveryCodes(ctx, i.UserID)
	if err != nil {
		return err
	}
	hash, ok := mfa.RecoveryHash(code)
	if !ok || !unusedAmong(all, hash) {
		return s.unrecovered(ctx, by, i.UserID, errors.New("a wrong recovery code"))
	}
	by.Kind, by.ID = store.UserKind, i.UserID
	err = s.change(ctx, by, "mfa.recovered", i.UserID, func(tx *unit) error {
		if err := tx.UseRecoveryCode(ctx, i.UserID, hash, tx.at); err != nil {
			return err
		}
		return s.strip(ctx, tx, i.UserID)
	})
	if errors.Is(err, store.ErrNotFound) {
		return s.unrecovered(ctx, by, i.UserID, err)
	}
	return err
}

func (s *MFA) unrecovered(ctx context.Context, by store.Principal, userID string, cause error) error {
	s.note(ctx, by, "mfa.recovery_failed", userID, nil)
	return fault.New(fault.Unauthenticated, "", "wrong email or recovery code").Because(cause)
}

// Unenroll takes every second factor off a user, for the host's back end: the user has lost
// the devices and proved that to somebody. All sessions of the user end, and a notice is
// mailed. A user who has none is left alone.
func (s *MFA) Unenroll(ctx context.Context, by store.Principal, userID string) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	by.TenantID = ""
	return s.change(ctx, by, "mfa.unenrolled", userID, func(tx *unit) error {
		if _, err := tx.User(ctx, userID); err != nil {
			return missing(err, "user")
		}
		return s.strip(ctx, tx, userID)
	})
}

// strip takes every second factor off a user who is not in a session.
func (s *MFA) strip(ctx context.Context, tx *unit, userID string) error {
	had, err := disarm(ctx, tx, userID)
	if err != nil || had == 0 {
		return err
	}
	if err := s.attempts.clear(ctx, tx, s.account(userID)); err != nil {
		return err
	}
	if _, err := endSessions(ctx, tx, userID); err != nil {
		return err
	}
	return s.notices.removed(ctx, tx, userID, true)
}
