package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// links are the proofs of one purpose that travel in mailed links. A link works once, until
// it expires or a newer one is made. Looking at it does not use it up: mail scanners follow
// links, people press buttons.
type links struct {
	*base
	purpose store.Purpose
	page    string // where the link leads; its host is the configured one, whatever a request says
	life    time.Duration
}

// An errand is what a proof in flight keeps for its end.
type errand struct {
	Code     []byte `json:"code,omitempty"`     // keyed hash of a code that people type
	Password string `json:"password,omitempty"` // hash of the password that was given at sign-up
	Email    string `json:"email,omitempty"`    // the address that the code went to, as it was given
}

func readErrand(c store.Challenge) (errand, error) {
	var e errand
	return e, json.Unmarshal([]byte(c.Data), &e)
}

// errGone is the one answer to a link that does not work: never made, replaced, used or
// expired.
func errGone() error {
	return fault.New(fault.Gone, "", "this link was used or has expired")
}

// issue makes the subject's new link, the only one that works from now on, and returns its
// token. A binding says which browser the errand counts for.
func (k links) issue(ctx context.Context, tx *unit, subject, binding string, e errand) (text string, err error) {
	text, hash, err := secret.NewLinkToken()
	if err != nil {
		return "", err
	}
	doc, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	if err := tx.DropChallenges(ctx, k.purpose, subject); err != nil {
		return "", err
	}
	return text, tx.CreateChallenge(ctx, store.Challenge{
		ID: tx.newID(), Purpose: k.purpose, Hash: hash, Subject: subject, Binding: binding, Data: string(doc),
		CreatedAt: tx.at, ExpiresAt: tx.at.Add(k.life),
	})
}

// url is the link that carries the token.
func (k links) url(userID, text string) string {
	q := url.Values{"token": {text}}
	if userID != "" {
		q.Set("userId", userID)
	}
	return k.page + "?" + q.Encode()
}

// look finds the challenge of a token without using it.
func (k links) look(ctx context.Context, text string) (store.Challenge, error) {
	c, err := k.store.Challenge(ctx, k.purpose, secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return c, errGone()
	}
	if err != nil {
		return c, err
	}
	if !c.UsedAt.IsZero() || !k.now().Before(c.ExpiresAt) {
		return c, errGone()
	}
	return c, nil
}

// lookOf is look for a link that says whose it is.
func (k links) lookOf(ctx context.Context, userID, text string) (store.Challenge, error) {
	c, err := k.look(ctx, text)
	if err == nil && c.Subject != userID {
		err = errGone()
	}
	return c, err
}

// use uses the challenge up. Of many callers one does; the others get what a used link gets.
func use(ctx context.Context, tx *unit, c store.Challenge) error {
	_, err := tx.ConsumeChallenge(ctx, c.Purpose, c.Hash, tx.at)
	if errors.Is(err, store.ErrNotFound) {
		return errGone()
	}
	return err
}

// proofs are the purposes of what goes to a user's address. None of them outlives the
// address.
func proofs() []store.Purpose {
	return []store.Purpose{store.Activation, store.ActivationCode, store.Reset, store.EmailChange, store.Unlock}
}

// drop ends the user's proofs of the purposes that are in flight.
func drop(ctx context.Context, tx *unit, userID string, all ...store.Purpose) error {
	for _, p := range all {
		if err := tx.DropChallenges(ctx, p, userID); err != nil {
			return err
		}
	}
	return nil
}
