package service

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

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

// knownFor is how long a browser counts as known after it proved a password.
const knownFor = 90 * 24 * time.Hour

// apart returns what the attempts of by are counted by: the account, or for a browser where
// its password was right before a count of that browser's own. So strangers, however many and
// however often, do not keep people out of where they always sign in.
func (a *attempts) apart(ctx context.Context, by store.Principal, account []byte) ([]byte, error) {
	if by.Device == "" || a.limit.Max == 0 {
		return account, nil
	}
	c, err := a.store.Challenge(ctx, store.KnownDevice, a.device(by, account))
	if errors.Is(err, store.ErrNotFound) || err == nil && !a.now().Before(c.ExpiresAt) {
		return account, nil
	}
	return a.ring.MAC("attempt of a device", c.ID), err
}

// device is what a known browser is found by. Nothing in it tells whose or which it is.
func (a *attempts) device(by store.Principal, account []byte) []byte {
	return a.ring.MAC("known device", subject(account), by.Device)
}

// know remembers the browser of by, which proved that it is the user's.
func (a *attempts) know(ctx context.Context, tx store.Records, by store.Principal, account []byte, userID string) error {
	if by.Device == "" || fromHost(by) || a.limit.Max == 0 {
		return nil
	}
	now := a.now()
	err := tx.CreateChallenge(ctx, store.Challenge{
		ID: a.newID(), Purpose: store.KnownDevice, Hash: a.device(by, account), Subject: userID, Data: "{}",
		CreatedAt: now, ExpiresAt: now.Add(knownFor),
	})
	if errors.Is(err, store.ErrConflict) {
		return nil // it is known
	}
	return err
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

// forgive forgets all failures at a user, wherever they were made and whatever it was looked
// up by. Of the browsers that were known only by's still is, if it is the user's.
func (a *attempts) forgive(ctx context.Context, tx store.Records, by store.Principal, userID string) error {
	is, err := tx.Identifiers(ctx, userID)
	if err != nil {
		return err
	}
	if err := tx.DropChallenges(ctx, store.KnownDevice, userID); err != nil {
		return err
	}
	for _, i := range is {
		account := a.account(i.Scope, i.Kind, i.Value)
		if err := a.clear(ctx, tx, account); err != nil {
			return err
		}
		if err := a.know(ctx, tx, by, account, userID); err != nil {
			return err
		}
	}
	return a.clear(ctx, tx, a.own(userID))
}
