package message

import (
	"time"

	"github.com/go-identity/identity/store"
)

// An ActivationCode asks the owner of an address to confirm it where the account was made.
type ActivationCode struct {
	To       string
	Name     string // of the user, as whoever signed up gave it
	Code     string
	ValidFor time.Duration // how long the code works
}

// ActivationCode renders the message that a new account's address gets where addresses are
// proved by codes.
func (c *Composer) ActivationCode(v ActivationCode) (store.Message, error) {
	return c.compose(ActivationCodeKind, v.To, view{Name: v.Name, Code: v.Code, ValidFor: span(v.ValidFor)})
}

// A PasswordReset lets a user who forgot the password choose a new one.
type PasswordReset struct {
	To       string
	Name     string
	Link     string // to the page that takes the new password
	ValidFor time.Duration
}

// PasswordReset renders the message that somebody who forgot a password asked for.
func (c *Composer) PasswordReset(v PasswordReset) (store.Message, error) {
	return c.compose(PasswordResetKind, v.To, view{
		Name: v.Name, Link: v.Link, Action: "Choose a new password", ValidFor: span(v.ValidFor),
	})
}

// An EmailCode asks the owner of an address to confirm that an account shall have it.
type EmailCode struct {
	To       string // the new address
	Name     string
	Code     string
	ValidFor time.Duration
}

// EmailCode renders the message that the new address of an account gets.
func (c *Composer) EmailCode(v EmailCode) (store.Message, error) {
	return c.compose(EmailCodeKind, v.To, view{Name: v.Name, Code: v.Code, ValidFor: span(v.ValidFor)})
}

// An EmailTaken tells the owner of an account that someone wanted its address for another.
// It goes out in place of an answer that would tell the other side that there is one.
type EmailTaken struct {
	To   string
	Name string // of the account's owner
}

// EmailTaken renders the message that the owner of a taken address gets.
func (c *Composer) EmailTaken(v EmailTaken) (store.Message, error) {
	return c.compose(EmailTakenKind, v.To, view{Name: v.Name})
}

// An EmailChanged tells a user, at the old address, that the account has another one now.
type EmailChanged struct {
	To   string // the old address
	Name string
	At   time.Time
}

// EmailChanged renders the notice of a changed address. It does not say the new one: who
// reads the old mailbox need not be the user any more.
func (c *Composer) EmailChanged(v EmailChanged) (store.Message, error) {
	return c.compose(EmailChangedKind, v.To, view{Name: v.Name, At: moment(v.At)})
}

// An Unlock tells a user that sign-in is refused after too many wrong passwords, and lets
// its reader end that.
type Unlock struct {
	To       string
	Name     string
	Link     string // to the page that unlocks
	ValidFor time.Duration
}

// Unlock renders the message that the owner of a locked account gets.
func (c *Composer) Unlock(v Unlock) (store.Message, error) {
	return c.compose(UnlockKind, v.To, view{Name: v.Name, Link: v.Link, Action: "Unlock my account", ValidFor: span(v.ValidFor)})
}
