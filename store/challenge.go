package store

import (
	"context"
	"time"
)

// A Purpose says what a challenge proves.
type Purpose string

// The purposes of a challenge.
const (
	Activation     Purpose = "activation"      // the address of a new account, by a link
	ActivationCode Purpose = "activation-code" // the same, by a code
	Reset          Purpose = "reset"           // the address of somebody who forgot a password
	EmailChange    Purpose = "email-change"    // the address that a user changes to
	Unlock         Purpose = "unlock"          // the address of somebody who was locked out
	KnownDevice    Purpose = "known-device"    // nothing any more: here the password was right before
)

// The purposes of a challenge that is no message: the second factor.
const (
	MFA           Purpose = "mfa"            // a login that waits for it
	MFAEnrollment Purpose = "mfa-enrollment" // a device that is not proved yet
)

// The purposes of a challenge that belongs to signing in elsewhere.
const (
	SSO             Purpose = "sso"               // a browser that was sent to a provider
	SSOReplay       Purpose = "sso-replay"        // nothing any more: what a provider said once
	SSOSetup        Purpose = "sso-setup"         // a link to set up a tenant's connections
	SSOSetupSession Purpose = "sso-setup-session" // the browser that opened such a link
)

// A Challenge is one proof in flight: a link that was mailed, a code that was sent. Only
// a hash of what the user must bring back is kept.
type Challenge struct {
	ID        string
	Purpose   Purpose
	Hash      []byte // of the secret in the link or code; unique within its purpose
	Subject   string // whose proof it is: a user id; of a set-up a tenant's
	Binding   string // hash of the browser or device it belongs to; empty for any
	Data      string // a JSON object that the flow needs afterwards
	Tries     int
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero until consumed
}

// ChallengeStore keeps challenges.
type ChallengeStore interface {
	CreateChallenge(ctx context.Context, c Challenge) error
	// Challenge returns the challenge, used or expired as it may be.
	Challenge(ctx context.Context, p Purpose, hash []byte) (Challenge, error)
	// ChallengeOf returns the subject's newest challenge of the purpose, used or expired as it
	// may be.
	ChallengeOf(ctx context.Context, p Purpose, subject string) (Challenge, error)
	// ConsumeChallenge marks it used in one statement if it is unused and unexpired at now,
	// else ErrNotFound: of many callers exactly one wins.
	ConsumeChallenge(ctx context.Context, p Purpose, hash []byte, now time.Time) (Challenge, error)
	// TryChallenge counts a wrong guess in one statement if fewer than limit were made, else
	// ErrNotFound.
	TryChallenge(ctx context.Context, p Purpose, id string, limit int) error
	// DropChallenges removes the subject's challenges of the purpose, so that only the
	// newest counts.
	DropChallenges(ctx context.Context, p Purpose, subject string) error
	// SweepChallenges removes those that expired before.
	SweepChallenges(ctx context.Context, before time.Time) (int, error)
}
