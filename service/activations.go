package service

import (
	"context"
	"errors"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// An Activation is what the link of a new account brings back.
type Activation struct {
	UserID, Token, Password string
	Kind                    store.SessionKind
}

// Activate proves the address, sets the password where the link asks for one, and signs
// the user in. A link works once; one that does not is Gone. Where the domain of the address
// is bound to a provider by now, it is Forbidden and the link is not used up.
func (s *SignUp) Activate(ctx context.Context, by store.Principal, in Activation) (Login, error) {
	c, err := s.links.lookOf(ctx, in.UserID, in.Token)
	if err != nil {
		return Login{}, err
	}
	e, err := readErrand(c)
	if err != nil {
		return Login{}, err
	}
	phc, err := s.chosen(ctx, by, c, e, in.Password)
	if err != nil {
		return Login{}, err
	}
	return s.admit(ctx, by, opening{userID: c.Subject, secret: phc, kind: in.Kind}, func(tx *unit) error { return use(ctx, tx, c) })
}

// A CodeActivation is what the browser that made a new account brings back, with the code
// that was mailed: UserID and Token are those of [SignedUp].
type CodeActivation struct {
	Activation
	Code string
}

// ActivateByCode is [SignUp.Activate] for a code. One that is wrong, was used, replaced, has
// expired or was guessed at too often is Invalid, and so is every code for an address that
// has an account already.
func (s *SignUp) ActivateByCode(ctx context.Context, by store.Principal, in CodeActivation) (Login, error) {
	c, err := s.waiting(ctx, in.UserID, in.Token)
	if errors.Is(err, store.ErrNotFound) {
		return Login{}, errCode(err)
	}
	if err != nil {
		return Login{}, err
	}
	e, err := s.codes.guess(ctx, by, c, in.Code)
	if err != nil {
		return Login{}, err
	}
	phc, err := s.chosen(ctx, by, c, e, in.Password)
	if err != nil {
		return Login{}, err
	}
	return s.admit(ctx, by, opening{userID: c.Subject, secret: phc, kind: in.Kind}, func(tx *unit) error { return s.codes.use(ctx, tx, c) })
}

// waiting finds the challenge of a browser that waits for a code.
func (s *SignUp) waiting(ctx context.Context, id, token string) (store.Challenge, error) {
	c, err := s.store.Challenge(ctx, store.ActivationCode, secret.Hash(token))
	if err == nil && c.ID != id {
		err = store.ErrNotFound
	}
	return c, err
}

// admit opens the first session of an account whose address is proved by what use uses up.
func (s *SignUp) admit(ctx context.Context, by store.Principal, o opening, use func(*unit) error) (Login, error) {
	o.methods = []string{byPassword}
	o.prepare = func(tx *unit) error {
		if err := use(tx); err != nil {
			return err
		}
		return s.activate(ctx, tx, o.userID, o.secret)
	}
	return s.signin.open(ctx, by, o)
}

// chosen returns the hash of the password that the account gets.
func (s *SignUp) chosen(ctx context.Context, by store.Principal, c store.Challenge, e errand, pw string) (string, error) {
	if pw != "" {
		u, err := s.store.User(ctx, c.Subject)
		if err != nil {
			return "", err
		}
		return s.passwords.hash(ctx, pw, words(u)...)
	}
	if s.given(by, c, e) {
		return e.Password, nil
	}
	return "", fault.New(fault.Invalid, "password", "should not be empty")
}

// given reports whether the browser gave a password when it signed up.
func (s *SignUp) given(by store.Principal, c store.Challenge, e errand) bool {
	return e.Password != "" && c.Binding == s.signin.device(by)
}

// activate proves the address and admits the user to the tenants that wait for it.
func (s *SignUp) activate(ctx context.Context, tx *unit, userID, phc string) error {
	u, err := tx.User(ctx, userID)
	if err != nil {
		return err
	}
	u.Verified, u.UpdatedAt = true, tx.at
	if err := tx.UpdateUser(ctx, u); err != nil {
		return err
	}
	ids, err := tx.Identifiers(ctx, userID)
	if err != nil {
		return err
	}
	for _, i := range ids {
		if i.Kind == store.Email && i.Primary && i.VerifiedAt.IsZero() {
			if err := tx.VerifyIdentifier(ctx, userID, i, tx.at); err != nil {
				return err
			}
		}
	}
	if err := admitAll(ctx, tx, userID); err != nil {
		return err
	}
	if err := drop(ctx, tx, userID, store.Activation, store.ActivationCode); err != nil {
		return err
	}
	if err := tx.revoke(ctx, store.Revocation{UserID: userID}); err != nil {
		return err
	}
	return s.passwords.set(ctx, tx, userID, phc)
}

func admitAll(ctx context.Context, tx *unit, userID string) error {
	ms, err := tx.Memberships(ctx, userID)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if m.Activated {
			continue
		}
		m.Activated, m.UpdatedAt = true, tx.at
		if err := tx.UpdateMembership(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// NeedsPassword reports whether activating by the link, or with a code by what the sign-up
// answered, asks for a password. What does not work is Gone; it is not used by asking.
func (s *SignUp) NeedsPassword(ctx context.Context, by store.Principal, userID, token string) (bool, error) {
	c, err := s.links.lookOf(ctx, userID, token)
	if f := fault.From(err); f != nil && f.Code == fault.Gone {
		if c, err = s.waiting(ctx, userID, token); errors.Is(err, store.ErrNotFound) {
			err = f
		}
	}
	if err != nil {
		return true, err
	}
	e, err := readErrand(c)
	return !s.given(by, c, e), err
}

// Resend mails a new activation link or code. It says the same for an address that has no
// account or needs none, and for one that was mailed five within the hour. Where users are
// per tenant, the caller says in which.
func (s *SignUp) Resend(ctx context.Context, by store.Principal, email string) error {
	value, err := normalizeEmail(email)
	if err != nil {
		return err
	}
	if err := ssoRequired(ctx, s.store, value); err != nil {
		return err
	}
	u, err := s.pending(ctx, s.scope(by.TenantID), value)
	if err != nil {
		return err
	}
	return s.change(ctx, by, "activation.resent", u.ID, func(tx *unit) error {
		if u.ID == "" {
			return s.outbox.pretend(ctx, tx, message.ActivationKind, value)
		}
		return quietly(s.again(ctx, tx, u))
	})
}

// pending returns the user whose address waits for a proof, or the zero User.
func (s *SignUp) pending(ctx context.Context, scope, email string) (store.User, error) {
	i, err := s.store.Identifier(ctx, scope, store.Email, email)
	if errors.Is(err, store.ErrNotFound) {
		return store.User{}, nil
	}
	if err != nil {
		return store.User{}, err
	}
	u, err := s.store.User(ctx, i.UserID)
	if errors.Is(err, store.ErrNotFound) || u.Verified {
		return store.User{}, nil
	}
	return u, err
}

// Link makes a new activation link for a host that delivers it by itself, and returns the
// link and its token. Only management and system may.
func (s *SignUp) Link(ctx context.Context, by store.Principal, userID string) (link, token string, err error) {
	if !fromHost(by) {
		return "", "", fault.New(fault.Forbidden, "", "management only")
	}
	err = s.change(ctx, by, "activation.link_made", userID, func(tx *unit) error {
		u, err := tx.User(ctx, userID)
		if err != nil {
			return err
		}
		token, err = s.links.issue(ctx, tx, u.ID, "", errand{})
		return err
	})
	return s.links.url(userID, token), token, err
}
