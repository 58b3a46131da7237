package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// Passwords checks and changes passwords. A check costs the same and says the same
// whether the account exists, is locked or has no password.
type Passwords struct {
	*base
	hasher   *password.Hasher
	policy   password.Policy
	attempts *attempts
	unlocks  *Unlocks
	compose  *message.Composer
	brand    string
	// lanes let one check run per account and process, so that attempts in flight cannot
	// lock out somebody who signs in from many devices at once with the right password.
	lanes lanes
}

func newPasswords(b *base, c Config, tries *attempts, unlocks *Unlocks, compose *message.Composer) *Passwords {
	return &Passwords{
		base: b, hasher: c.Hasher, policy: c.Password, attempts: tries, unlocks: unlocks,
		compose: compose, brand: c.Brand,
	}
}

// errWrong is the one answer to a sign-in that fails.
func errWrong(cause error) error {
	return fault.New(fault.Unauthenticated, "", "wrong email or password").Because(cause)
}

// prove checks pw against the credential that find returns; ErrNotFound from find is an
// account without a password. The attempt is counted before the check, in the slot in
// which the check runs, so that a caller who hangs up cannot dodge the count. It is
// cleared when the sign-in succeeds. Who is locked by a wrong one is told by mail.
func (s *Passwords) prove(
	ctx context.Context, by store.Principal, account []byte, pw string, find func() (store.Credential, error),
) (proved, error) {
	counted, err := s.attempts.apart(ctx, by, account)
	if err != nil {
		return proved{}, err
	}
	p, err := s.check(ctx, counted, pw, find)
	if errors.Is(err, errLocks) {
		s.unlocks.tell(ctx, by, p.UserID)
	}
	if err != nil {
		return proved{}, err
	}
	p.account = counted
	return p, s.attempts.know(ctx, s.store, by, account, p.UserID)
}

// A proved is a credential whose password was right.
type proved struct {
	store.Credential
	account  []byte // what its attempts are counted by
	outdated bool   // its hash was made with older parameters
}

// check is prove without the mail. What it returns with an error says whose account it is.
func (s *Passwords) check(ctx context.Context, account []byte, pw string, find func() (store.Credential, error)) (proved, error) {
	var none proved
	leave, err := s.lanes.enter(ctx, string(account))
	if err != nil {
		return none, err
	}
	defer leave()
	slot, err := s.hasher.Slot(ctx)
	if err != nil {
		return none, err
	}
	defer slot.Release()
	state, err := s.attempts.count(ctx, account)
	if err != nil {
		return none, err
	}
	c, err := find()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return none, err
	}
	if errors.Is(state, errLocked) {
		c.Secret, err = "", nil
	}
	ok, outdated, bad := slot.Verify(c.Secret, pw) // without a secret: the work of one
	if !ok {
		return proved{Credential: c}, errWrong(errors.Join(state, err, bad))
	}
	return proved{Credential: c, outdated: outdated}, nil
}

// clear forgets the account's failures.
func (s *Passwords) clear(ctx context.Context, tx store.Records, account []byte) error {
	return s.attempts.clear(ctx, tx, account)
}

// hash checks a new password against the policy and returns its hash. Call it before a
// transaction, never inside.
func (s *Passwords) hash(ctx context.Context, pw string, words ...string) (string, error) {
	if err := password.Check(ctx, s.policy, pw, append(words, s.brand)...); err != nil {
		return "", err
	}
	return s.hasher.Hash(ctx, pw)
}

// renew is hash for the password of a user who did not bring the current one, which must be
// another.
func (s *Passwords) renew(ctx context.Context, u store.User, pw string) (string, error) {
	phc, err := s.hash(ctx, pw, words(u)...)
	if err != nil {
		return "", err
	}
	c, err := s.store.Credential(ctx, u.ID, store.Password)
	if errors.Is(err, store.ErrNotFound) {
		return phc, nil
	}
	if err != nil {
		return "", err
	}
	slot, err := s.hasher.Slot(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	if same, _, _ := slot.Verify(c.Secret, pw); same {
		return "", fault.New(fault.Invalid, "password", "must differ from the current password")
	}
	return phc, nil
}

// words are what a password of the user must not be.
func words(u store.User) []string {
	local, _, _ := strings.Cut(u.Email, "@")
	return []string{u.Email, local, u.Name}
}

// rehash replaces a hash made with older parameters and returns the one that stands for the
// password from now on. A failure is logged and changes nothing.
func (s *Passwords) rehash(ctx context.Context, p proved, pw string) string {
	if !p.outdated {
		return p.Secret
	}
	c := p.Credential
	phc, err := s.hasher.Hash(ctx, pw)
	if err == nil {
		c.Secret, c.UpdatedAt = phc, s.now()
		err = s.store.ReplaceCredential(ctx, p.Secret, c)
	}
	switch {
	case err == nil:
		return phc
	case errors.Is(err, store.ErrNotFound): // another sign-in with the password was faster
		return s.replaced(ctx, p, pw)
	}
	s.log.WarnContext(ctx, "upgrade a password hash", "user", c.UserID, "error", err)
	return p.Secret
}

// replaced returns the hash that took the place of p's, if it is one of the same password.
func (s *Passwords) replaced(ctx context.Context, p proved, pw string) string {
	c, err := s.store.Credential(ctx, p.UserID, store.Password)
	if err != nil {
		return p.Secret
	}
	slot, err := s.hasher.Slot(ctx)
	if err != nil {
		return p.Secret
	}
	defer slot.Release()
	if same, _, _ := slot.Verify(c.Secret, pw); same {
		return c.Secret
	}
	return p.Secret
}

// Change replaces the password of the user that by acts for, who must know the current
// one. Every other session of the user ends, and a notice is mailed. A session that one
// tenant's provider vouched for is Forbidden to change it where the user has others.
func (s *Passwords) Change(ctx context.Context, by store.Principal, current, next string) error {
	u, err := s.store.User(ctx, by.UserID)
	if err != nil {
		return err
	}
	if err := rooted(ctx, s.store, by); err != nil {
		return err
	}
	c, err := s.prove(ctx, by, s.attempts.own(u.ID), current, func() (store.Credential, error) {
		return s.store.Credential(ctx, u.ID, store.Password)
	})
	if err != nil {
		return wrongCurrent(err)
	}
	if current == next {
		return fault.New(fault.Invalid, "newPassword", "must differ from the current password")
	}
	phc, err := s.hash(ctx, next, words(u)...)
	if err != nil {
		return err
	}
	return s.change(ctx, by, "password.changed", u.ID, func(tx *unit) error {
		if err := rooted(ctx, tx, by); err != nil {
			return err
		}
		n := store.Credential{UserID: u.ID, Kind: store.Password, Secret: phc, CreatedAt: c.CreatedAt, UpdatedAt: tx.at}
		err := tx.ReplaceCredential(ctx, c.Secret, n)
		if errors.Is(err, store.ErrNotFound) { // another change came first
			return wrongCurrent(errWrong(err))
		}
		if err != nil {
			return err
		}
		if err := s.attempts.forgive(ctx, tx, by, u.ID); err != nil {
			return err
		}
		if err := drop(ctx, tx, u.ID, store.Reset, store.Unlock); err != nil {
			return err
		}
		if err := endOthers(ctx, tx, u.ID, by.SessionID); err != nil {
			return err
		}
		return s.notify(ctx, tx, u)
	})
}

// wrongCurrent words a failed proof for somebody who is signed in.
func wrongCurrent(err error) error {
	if f := fault.From(err); f.Code == fault.Unauthenticated {
		return fault.New(fault.Unauthenticated, "", "wrong password").Because(err)
	}
	return err
}

func (s *Passwords) notify(ctx context.Context, tx *unit, u store.User) error {
	m, err := s.compose.PasswordChanged(message.PasswordChanged{To: u.Email, Name: u.Name, At: tx.at})
	if err != nil {
		return fmt.Errorf("write a notice: %w", err)
	}
	return s.unlocks.outbox.enqueue(ctx, tx, m)
}

// set stores the first password of a user, or replaces whatever was there.
func (s *Passwords) set(ctx context.Context, tx *unit, userID, phc string) error {
	return tx.PutCredential(ctx, store.Credential{
		UserID: userID, Kind: store.Password, Secret: phc, CreatedAt: tx.at, UpdatedAt: tx.at,
	})
}

// Verify reports whether the password is the user's, for a host that asks on somebody's
// behalf. It counts as an attempt like a sign-in. Only management and system may ask.
func (s *Passwords) Verify(ctx context.Context, by store.Principal, email, pw string) (bool, error) {
	if by.Kind != store.ManagementKind && by.Kind != store.SystemKind {
		return false, fault.New(fault.Forbidden, "", "management only")
	}
	value, err := normalizeEmail(email)
	if err != nil {
		return false, err
	}
	p, err := s.prove(ctx, by, s.attempts.account("", store.Email, value), pw, func() (store.Credential, error) {
		i, err := s.store.Identifier(ctx, "", store.Email, value)
		if err != nil {
			return store.Credential{}, err
		}
		return s.store.Credential(ctx, i.UserID, store.Password)
	})
	if err == nil {
		return true, s.clear(ctx, s.store, p.account)
	}
	if fault.From(err).Code == fault.Unauthenticated {
		return false, nil
	}
	return false, err
}

// PasswordRules are what a new password must satisfy, as far as a page can say it.
type PasswordRules struct {
	MinLength, MaxLength int  // in code points
	Breached             bool // passwords known from breaches are refused
}

// Rules returns what a new password must satisfy.
func (s *Passwords) Rules() PasswordRules {
	return PasswordRules{s.policy.Least(), password.MaxBytes, s.policy.Breached != nil}
}

// sweep forgets counts that no longer matter, of passwords, codes and mail.
func (s *Passwords) sweep(ctx context.Context, now time.Time) error {
	longest := max(s.attempts.limit.Window, unasked().Window, guesses().Window, mfaGuesses().Window)
	_, err := s.store.SweepAttempts(ctx, now.Add(-longest), now)
	return err
}
