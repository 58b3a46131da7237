package service

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// attempts count wrong passwords, and lock for a while when there are too many.
type attempts struct {
	*base
	ring  *secret.Ring
	limit store.AttemptLimit // Max 0 is no lockout
}

// Causes of errWrong, for the audit event only.
var (
	errLocked = errors.New("locked after too many failures")
	errLocks  = errors.New("the last failure before the lock")
)

// account is what attempts are counted by: the normalized identifier, whether or not
// anybody has it. The store sees a keyed hash.
func (a *attempts) account(scope string, kind store.IdentifierKind, value string) []byte {
	return a.ring.MAC("attempt", scope, string(kind), value)
}

// own is what the attempts of somebody who is signed in are counted by: those of strangers do
// not keep the user from changing the password.
func (a *attempts) own(userID string) []byte { return a.ring.MAC("attempt", "user", userID) }

func subject(account []byte) string { return base64.RawURLEncoding.EncodeToString(account) }

// count counts one attempt. It returns errLocked where the account is locked, and errLocks
// where it will be unless this attempt is right. Who hangs up at this moment is counted all
// the same.
func (a *attempts) count(ctx context.Context, account []byte) (state, err error) {
	if a.limit.Max == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	counted, err := a.store.Attempt(ctx, subject(account), a.now(), a.limit)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errLocked, nil
	case err == nil && !counted.LockedUntil.IsZero():
		return errLocks, nil
	}
	return nil, err
}

// clear forgets the account's failures.
func (a *attempts) clear(ctx context.Context, tx store.Records, account []byte) error {
	if account == nil || a.limit.Max == 0 {
		return nil
	}
	return tx.ClearAttempts(ctx, subject(account))
}

// forgive forgets all failures of a user, whatever it was looked up by.
func (a *attempts) forgive(ctx context.Context, tx store.Records, userID string) error {
	is, err := tx.Identifiers(ctx, userID)
	if err != nil {
		return err
	}
	for _, i := range is {
		if err := a.clear(ctx, tx, a.account(i.Scope, i.Kind, i.Value)); err != nil {
			return err
		}
	}
	return a.clear(ctx, tx, a.own(userID))
}
