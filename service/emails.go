package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// Emails change the address of an account: by a code that goes to the new address, or by the
// host's word.
type Emails struct {
	*base
	codes   codes
	outbox  *Outbox
	compose *message.Composer
	fixed   bool // users may not change their address
}

// Ask mails a code to the address that the user that by acts for wants to have. The answer is
// the same for an address that another account has, whose owner gets a notice, and for one
// that was mailed five codes within the hour.
func (s *Emails) Ask(ctx context.Context, by store.Principal, email string) error {
	if s.fixed && !fromHost(by) {
		return fault.New(fault.Forbidden, "", "only an administrator changes addresses here")
	}
	value, err := normalizeEmail(email)
	if err != nil {
		return err
	}
	return s.change(ctx, by, "email.change_requested", by.UserID, func(tx *unit) error {
		u, err := tx.User(ctx, by.UserID)
		if err != nil {
			return err
		}
		is, err := tx.Identifiers(ctx, u.ID)
		if err != nil {
			return err
		}
		if primary(is).Value == value {
			return fault.New(fault.Invalid, "email", "is yours already")
		}
		if err := s.free(ctx, tx, by, u, value); err != nil {
			return err
		}
		if err := s.ration(ctx, tx, u.ID, value); err != nil {
			return quietly(err)
		}
		return s.mail(ctx, tx, u, store.Identifier{Scope: scopeOf(is), Value: value, Text: strings.Trim(email, " ")})
	})
}

// free refuses a change that a user makes into a domain that is bound to a provider, or out of
// one: there the provider says who has which address, and whom it turned away must not have
// taken the account along. A session that one tenant's provider vouched for changes nothing
// of a user who belongs to others too.
func (s *Emails) free(ctx context.Context, tx *unit, by store.Principal, u store.User, value string) error {
	if fromHost(by) {
		return nil
	}
	if err := rooted(ctx, tx, by); err != nil {
		return err
	}
	if err := ssoRequired(ctx, tx, value); err != nil {
		return err
	}
	return ssoRequired(ctx, tx, u.Email)
}

// ration bounds what one user can have sent, to however many addresses, and what one address
// gets, from however many users.
func (s *Emails) ration(ctx context.Context, tx *unit, userID, to string) error {
	err := s.outbox.ration(ctx, tx, message.EmailCodeKind, userID)
	if errors.Is(err, errEnough) {
		return fault.Retry(fault.Limited, "too many changes, try again later", unasked().Lock)
	}
	if err != nil {
		return err
	}
	return s.outbox.ration(ctx, tx, message.EmailCodeKind, to)
}

// mail makes the code and sends it, or where the address is taken the notice in its place.
// Then nobody learns the code.
func (s *Emails) mail(ctx context.Context, tx *unit, u store.User, wanted store.Identifier) error {
	id := tx.newID()
	code, err := s.codes.issue(ctx, tx, store.Challenge{ID: id, Hash: []byte(id), Subject: u.ID}, errand{Email: wanted.Text})
	if err != nil {
		return err
	}
	m, err := s.compose.EmailCode(message.EmailCode{To: wanted.Text, Name: u.Name, Code: code, ValidFor: codeLife})
	taken, lookup := tx.Identifier(ctx, wanted.Scope, store.Email, wanted.Value)
	switch {
	case lookup == nil:
		m, err = s.notice(ctx, tx, taken)
	case !errors.Is(lookup, store.ErrNotFound):
		return lookup
	}
	if err != nil {
		return fmt.Errorf("write of a new address: %w", err)
	}
	return s.outbox.enqueue(ctx, tx, m)
}

func (s *Emails) notice(ctx context.Context, tx *unit, taken store.Identifier) (store.Message, error) {
	owner, err := tx.User(ctx, taken.UserID)
	if err != nil {
		return store.Message{}, err
	}
	return s.compose.EmailTaken(message.EmailTaken{To: taken.Text, Name: owner.Name})
}

// Confirm gives the user that by acts for the address, if the code is the one that was mailed
// to it. A notice goes to the old address, whose links and codes stop working. The user's
// sessions stay: somebody who got into one must not throw the owner out of the others.
func (s *Emails) Confirm(ctx context.Context, by store.Principal, email, code string) error {
	c, err := s.store.ChallengeOf(ctx, store.EmailChange, by.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return errCode(err)
	}
	if err != nil {
		return err
	}
	e, err := s.codes.guess(ctx, by, c, code)
	if err != nil {
		return err
	}
	value, err := normalizeEmail(e.Email)
	if err != nil {
		return err
	}
	if asked, err := normalizeEmail(email); err != nil || asked != value {
		return errCode(errors.New("the code is for another address"))
	}
	return s.change(ctx, by, "email.changed", by.UserID, func(tx *unit) error {
		if err := s.codes.use(ctx, tx, c); err != nil {
			return err
		}
		u, err := tx.User(ctx, by.UserID)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, by, u, value); err != nil {
			return err
		}
		if err := s.move(ctx, tx, &u, e.Email, value); err != nil {
			return err
		}
		u.UpdatedAt = tx.at
		return tx.UpdateUser(ctx, u)
	})
}

// Set gives a user the address on the host's word, as proved. One that another account has is
// a Conflict. Only management and system may.
func (s *Emails) Set(ctx context.Context, by store.Principal, userID, email string) (Profile, error) {
	if err := hostOnly(by); err != nil {
		return Profile{}, err
	}
	value, err := normalizeEmail(email)
	if err != nil {
		return Profile{}, err
	}
	by.TenantID = ""
	return s.edit(ctx, by, "email.changed", userID, func(tx *unit, u *store.User) error {
		return s.move(ctx, tx, u, strings.Trim(email, " "), value)
	})
}

// move takes the old address from the user and gives it the new one, as proved. The caller
// writes the user.
func (s *Emails) move(ctx context.Context, tx *unit, u *store.User, text, value string) error {
	is, err := tx.Identifiers(ctx, u.ID)
	if err != nil {
		return err
	}
	old := primary(is)
	if old.Value != "" {
		if err := tx.DeleteIdentifier(ctx, u.ID, old); err != nil {
			return err
		}
	}
	err = tx.CreateIdentifier(ctx, store.Identifier{
		Scope: scopeOf(is), Kind: store.Email, Value: value, UserID: u.ID, Text: text, Primary: true,
		VerifiedAt: tx.at, CreatedAt: tx.at,
	})
	if err != nil {
		return conflict(err, "User already exists")
	}
	if err := drop(ctx, tx, u.ID, proofs()...); err != nil {
		return err
	}
	if !u.Verified {
		if err := admitAll(ctx, tx, u.ID); err != nil {
			return err
		}
	}
	u.Email, u.Verified = text, true
	if err := tx.revoke(ctx, store.Revocation{UserID: u.ID}); err != nil {
		return err
	}
	return s.tell(ctx, tx, old, value, *u)
}

// tell mails the notice to an old address that was proved.
func (s *Emails) tell(ctx context.Context, tx *unit, old store.Identifier, value string, u store.User) error {
	if old.VerifiedAt.IsZero() || old.Value == value {
		return nil
	}
	m, err := s.compose.EmailChanged(message.EmailChanged{To: old.Text, Name: u.Name, At: tx.at})
	if err != nil {
		return fmt.Errorf("write of a changed address: %w", err)
	}
	return s.outbox.enqueue(ctx, tx, m)
}

// primary returns the address that the user is found by, or the zero Identifier.
func primary(is []store.Identifier) store.Identifier {
	i := slices.IndexFunc(is, func(i store.Identifier) bool { return i.Kind == store.Email && i.Primary })
	if i < 0 {
		return store.Identifier{}
	}
	return is[i]
}

// scopeOf is where a user's identifiers are unique. All of one user's are unique in one place.
func scopeOf(is []store.Identifier) string {
	if len(is) == 0 {
		return ""
	}
	return is[0].Scope
}
