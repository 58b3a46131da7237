package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// Resets let people who forgot their password choose a new one, by a link that goes to their
// address. A reset signs nobody in, so that a second factor is asked for as ever.
type Resets struct {
	*base
	passwords *Passwords
	signup    *SignUp
	links     links
	outbox    *Outbox
	compose   *message.Composer
	perTenant bool
}

// A ResetRequest names the account of somebody who forgot the password. Where users are per
// tenant, the caller says in which.
type ResetRequest struct {
	Kind  store.IdentifierKind // what Value is
	Value string
}

// identifier returns what the account is looked up by. An address that is none is Invalid,
// known or not.
func (in ResetRequest) identifier() (string, error) {
	if !store.Storable(in.Value) {
		return "", fault.New(fault.Invalid, "identifier", "must be valid UTF-8 without U+0000")
	}
	switch in.Kind {
	case store.Email:
		return normalizeEmail(in.Value)
	case store.Username:
		return normalizeUsername(in.Value), nil
	case store.Phone:
		return strings.TrimSpace(in.Value), nil
	}
	return "", fault.New(fault.Invalid, "identifierType", "must be email, phoneNumber or username")
}

// Ask mails the link that sets a new password to the address of the account, and to no other.
// The answer is the same, and costs the same, for an account that is not there, one that has
// no address, and one that was mailed five links within the hour. An address in a domain that
// is bound to a provider is Forbidden, whoever has it.
func (s *Resets) Ask(ctx context.Context, by store.Principal, in ResetRequest) error {
	value, err := in.identifier()
	if err != nil {
		return err
	}
	if err := ssoRequiredOf(ctx, s.store, in.Kind, value); err != nil {
		return err
	}
	scope := ""
	if s.perTenant {
		scope = by.TenantID
	}
	i, err := s.store.Identifier(ctx, scope, in.Kind, value)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.change(ctx, by, "password.reset_requested", i.UserID, func(tx *unit) error {
		if i.UserID == "" {
			return s.outbox.pretend(ctx, tx, message.PasswordResetKind, value)
		}
		u, err := tx.User(ctx, i.UserID)
		if err != nil {
			return err
		}
		if in.Kind != store.Email {
			err = ssoRequired(ctx, tx, u.Email)
		}
		if bound(err) { // to say so would tell that there is such an account
			return s.outbox.pretend(ctx, tx, message.PasswordResetKind, value)
		}
		if err != nil {
			return err
		}
		return quietly(s.mail(ctx, tx, u))
	})
}

// NewRequestID names a request for clients that want a name. Nothing depends on it.
func (s *Resets) NewRequestID() string { return s.newID() }

// mail sends the link. Who never proved the address gets the link that does.
func (s *Resets) mail(ctx context.Context, tx *unit, u store.User) error {
	if u.Email == "" {
		return nil
	}
	if !u.Verified {
		return s.signup.again(ctx, tx, u)
	}
	if err := s.outbox.ration(ctx, tx, message.PasswordResetKind, u.Email); err != nil {
		return err
	}
	text, err := s.links.issue(ctx, tx, u.ID, "", errand{})
	if err != nil {
		return err
	}
	m, err := s.compose.PasswordReset(message.PasswordReset{
		To: u.Email, Name: u.Name, Link: s.links.url(u.ID, text), ValidFor: s.links.life,
	})
	if err != nil {
		return fmt.Errorf("write of a reset: %w", err)
	}
	return s.outbox.enqueue(ctx, tx, m)
}

// Check reports as Gone a link that does not reset anything. It is not used by asking.
func (s *Resets) Check(ctx context.Context, userID, token string) error {
	_, err := s.links.lookOf(ctx, userID, token)
	return err
}

// A PasswordChoice is what the link of a reset brings back.
type PasswordChoice struct{ UserID, Token, Password string }

// Reset sets the password of the account that the link was mailed for. A link that was used,
// replaced or has expired is Gone; a password that breaks a rule leaves it as it is. Every
// session of the user ends, its lockout too, and a notice is mailed. An account whose domain
// is bound to a provider by now is Forbidden.
func (s *Resets) Reset(ctx context.Context, by store.Principal, in PasswordChoice) error {
	c, err := s.links.lookOf(ctx, in.UserID, in.Token)
	if err != nil {
		return err
	}
	u, err := s.store.User(ctx, c.Subject)
	if errors.Is(err, store.ErrNotFound) {
		return errGone()
	}
	if err != nil {
		return err
	}
	if err := ssoRequired(ctx, s.store, u.Email); err != nil {
		return err
	}
	phc, err := s.passwords.renew(ctx, u, in.Password)
	if err != nil {
		return err
	}
	by.Kind, by.ID = store.UserKind, u.ID
	return s.change(ctx, by, "password.reset", u.ID, func(tx *unit) error {
		if err := use(ctx, tx, c); err != nil {
			return err
		}
		return s.replace(ctx, tx, by, u, phc)
	})
}

// replace makes phc the only thing that opens the account: whoever got in before is out, and
// so is what they may have set going.
func (s *Resets) replace(ctx context.Context, tx *unit, by store.Principal, u store.User, phc string) error {
	if err := s.passwords.set(ctx, tx, u.ID, phc); err != nil {
		return err
	}
	if err := s.passwords.attempts.forgive(ctx, tx, by, u.ID); err != nil {
		return err
	}
	if err := drop(ctx, tx, u.ID, store.Reset, store.EmailChange, store.Unlock); err != nil {
		return err
	}
	if _, err := endSessions(ctx, tx, u.ID); err != nil {
		return err
	}
	return s.passwords.notify(ctx, tx, u)
}

// Link makes a new link for a host that delivers it by itself, and returns it and its token.
// Only management and system may.
func (s *Resets) Link(ctx context.Context, by store.Principal, userID string) (link, token string, err error) {
	if err := hostOnly(by); err != nil {
		return "", "", err
	}
	err = s.change(ctx, by, "password.reset_link_made", userID, func(tx *unit) error {
		u, err := tx.User(ctx, userID)
		if err != nil {
			return missing(err, "user")
		}
		token, err = s.links.issue(ctx, tx, u.ID, "", errand{})
		return err
	})
	return s.links.url(userID, token), token, err
}
