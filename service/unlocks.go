package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// Unlocks let people end a lockout that somebody else brought on their account, by a link
// that goes to their address.
type Unlocks struct {
	*base
	attempts *attempts
	links    links
	outbox   *Outbox
	compose  *message.Composer
	silent   bool // no message tells of a lock
}

// tell mails the owner of an account that was locked just now the link that unlocks it. An
// account that nobody has, whose userID is empty, costs a write as well.
func (s *Unlocks) tell(ctx context.Context, by store.Principal, userID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	err := s.change(ctx, by, "user.locked_out", userID, func(tx *unit) error {
		if userID == "" || s.silent {
			return nil
		}
		u, err := tx.User(ctx, userID)
		if err != nil || u.Locked || !u.Verified || u.Email == "" {
			return err
		}
		return quietly(s.mail(ctx, tx, u))
	})
	if err != nil {
		s.log.WarnContext(ctx, "tell of a lockout", "error", err)
	}
}

func (s *Unlocks) mail(ctx context.Context, tx *unit, u store.User) error {
	if err := s.outbox.ration(ctx, tx, message.UnlockKind, u.Email); err != nil {
		return err
	}
	text, err := s.links.issue(ctx, tx, u.ID, "", errand{})
	if err != nil {
		return err
	}
	m, err := s.compose.Unlock(message.Unlock{To: u.Email, Name: u.Name, Link: s.links.url("", text), ValidFor: s.links.life})
	if err != nil {
		return fmt.Errorf("write of a lockout: %w", err)
	}
	return s.outbox.enqueue(ctx, tx, m)
}

// Check reports as Gone a token that does not unlock anything. It is not used by asking.
func (s *Unlocks) Check(ctx context.Context, token string) error {
	_, err := s.links.look(ctx, token)
	return err
}

// Unlock ends the lockout of the account that the token was mailed for. A token that was
// used, replaced or has expired is Gone. An account that the host has locked stays so; one
// whose domain is bound to a provider by now is Forbidden.
func (s *Unlocks) Unlock(ctx context.Context, by store.Principal, token string) error {
	c, err := s.links.look(ctx, token)
	if err != nil {
		return err
	}
	by.Kind, by.ID = store.UserKind, c.Subject
	err = s.change(ctx, by, "user.lockout_ended", c.Subject, func(tx *unit) error {
		if err := use(ctx, tx, c); err != nil {
			return err
		}
		u, err := tx.User(ctx, c.Subject)
		if err != nil {
			return err
		}
		if err := ssoRequired(ctx, tx, u.Email); err != nil {
			return err
		}
		return s.attempts.forgive(ctx, tx, by, c.Subject)
	})
	if errors.Is(err, store.ErrNotFound) && fault.From(err).Code == fault.NotFound {
		return errGone() // the user is no more
	}
	return err
}
