package service

import (
	"context"
	"fmt"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// mfaNotices tell users what happened to their second factor.
type mfaNotices struct {
	*base
	outbox  *Outbox
	compose *message.Composer
}

// write enqueues a notice to the user, whose address there may not be.
func (n *mfaNotices) write(
	ctx context.Context, tx *unit, userID string, compose func(message.FactorNotice) (store.Message, error),
) error {
	u, err := tx.User(ctx, userID)
	if err != nil || u.Email == "" {
		return err
	}
	m, err := compose(message.FactorNotice{To: u.Email, Name: u.Name, At: tx.at})
	if err != nil {
		return fmt.Errorf("write a notice: %w", err)
	}
	return n.outbox.enqueue(ctx, tx, m)
}

func (n *mfaNotices) added(ctx context.Context, tx *unit, userID string) error {
	return n.write(ctx, tx, userID, n.compose.FactorAdded)
}

func (n *mfaNotices) removed(ctx context.Context, tx *unit, userID string, last bool) error {
	return n.write(ctx, tx, userID, func(v message.FactorNotice) (store.Message, error) {
		return n.compose.FactorRemoved(v, last)
	})
}

func (n *mfaNotices) recoveryReplaced(ctx context.Context, tx *unit, userID string) error {
	return n.write(ctx, tx, userID, n.compose.RecoveryReplaced)
}

func (n *mfaNotices) recoveryUsed(ctx context.Context, tx *unit, userID string) error {
	all, err := tx.RecoveryCodes(ctx, userID)
	if err != nil {
		return err
	}
	return n.write(ctx, tx, userID, func(v message.FactorNotice) (store.Message, error) {
		return n.compose.RecoveryUsed(v, unused(all))
	})
}

// guessed tells a user that somebody who has the password is stopped guessing codes.
func (n *mfaNotices) guessed(ctx context.Context, by store.Principal, userID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	err := n.change(ctx, by, "mfa.locked", userID, func(tx *unit) error {
		return n.write(ctx, tx, userID, n.compose.FactorGuessed)
	})
	if err != nil {
		n.log.WarnContext(ctx, "tell of wrong codes", "error", err)
	}
}
