package service

import (
	"cmp"
	"context"
	"encoding/base64"
	"time"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/store"
)

// factors hold the keys that authenticators share with us. A key is sealed for its user and
// its factor: in another row it opens nothing.
type factors struct {
	*base
	ring *secret.Ring
	skew int // steps by which an authenticator's clock may be off
}

const factorPurpose = "second factor"

func (f *factors) seal(userID, id string, k mfa.Key) ([]byte, error) {
	text, err := k.Marshal()
	if err != nil {
		return nil, err
	}
	return f.ring.Seal(factorPurpose, userID+"/"+id, text)
}

func (f *factors) open(userID, id string, sealed []byte) (mfa.Key, error) {
	text, err := f.ring.Open(factorPurpose, userID+"/"+id, sealed)
	if err != nil {
		return mfa.Key{}, err
	}
	return mfa.ParseKey(text)
}

// match returns which of the factors shows the code now, and the step that a use of it
// takes; an empty id takes any of them. A factor whose key does not open is no factor, and
// the log says so.
func (f *factors) match(ctx context.Context, all []store.Factor, id, code string) (store.Factor, int64, bool) {
	for _, one := range all {
		if one.Kind != store.TOTP || cmp.Or(id, one.ID) != one.ID {
			continue
		}
		k, err := f.open(one.UserID, one.ID, one.Sealed)
		step, ok := int64(0), false
		if err == nil {
			step, ok, err = k.Match(code, f.now(), f.skew, one.LastStep)
		}
		if err != nil {
			f.log.ErrorContext(ctx, "open a second factor", "user", one.UserID, "factor", one.ID, "error", err)
		}
		if ok {
			return one, step, true
		}
	}
	return store.Factor{}, 0, false
}

// An MFADevice is a factor as its user sees it.
type MFADevice struct {
	ID      string
	Kind    store.FactorKind
	AddedAt time.Time
}

func devices(all []store.Factor) []MFADevice {
	ds := make([]MFADevice, len(all))
	for i, f := range all {
		ds[i] = MFADevice{ID: f.ID, Kind: f.Kind, AddedAt: f.CreatedAt}
	}
	return ds
}

// newRecoveryCodes replaces the user's recovery codes and returns the new ones.
func newRecoveryCodes(ctx context.Context, tx *unit, userID string) ([]string, error) {
	codes := mfa.NewRecoveryCodes()
	kept := make([]store.RecoveryCode, len(codes))
	for i, c := range codes {
		hash, _ := mfa.RecoveryHash(c)
		kept[i] = store.RecoveryCode{UserID: userID, Hash: hash, CreatedAt: tx.at}
	}
	return codes, tx.ReplaceRecoveryCodes(ctx, userID, kept)
}

// disarm takes every second factor off a user, and what hangs on them.
func disarm(ctx context.Context, tx *unit, userID string) (had int, err error) {
	if had, err = tx.DeleteFactors(ctx, userID); err != nil {
		return 0, err
	}
	if err := tx.ReplaceRecoveryCodes(ctx, userID, nil); err != nil {
		return 0, err
	}
	if err := tx.ForgetDevices(ctx, userID); err != nil {
		return 0, err
	}
	return had, drop(ctx, tx, userID, store.MFA, store.MFAEnrollment)
}

// enrollmentHash is what a pending enrollment is found by: it belongs to one session, or to
// one login in flight.
func enrollmentHash(userID, bound string) []byte {
	return secret.Hash("enrollment " + base64.RawURLEncoding.EncodeToString([]byte(userID)) + " " + bound)
}
