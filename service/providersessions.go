package service

import (
	"context"
	"errors"

	"github.com/go-identity/identity/store"
)

// vouched checks that whom the opening came through still vouches for the user: a connection
// that was disabled, or an identity that was taken away while a second factor was waited for,
// opens nothing.
func (o opening) vouched(ctx context.Context, tx *unit) error {
	if o.came == nil {
		return nil
	}
	gone := errors.New("the provider does not vouch for the user any more")
	l, err := tx.LinkedIdentity(ctx, o.came.ConnectionID, o.came.Subject)
	if errors.Is(err, store.ErrNotFound) || err == nil && l.UserID != o.userID {
		return errAskAgain(gone)
	}
	if err != nil {
		return err
	}
	on := false
	if o.onlyTenant == "" {
		var p store.SocialProvider
		p, err = tx.SocialProvider(ctx, o.came.ConnectionID)
		on = p.Active
	} else {
		var c store.Connection
		c, err = tx.Connection(ctx, o.onlyTenant, o.came.ConnectionID)
		on = c.Enabled
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && !on {
		return errAskAgain(gone)
	}
	return err
}

// remember writes where the session came from.
func (o opening) remember(ctx context.Context, tx *unit, s store.Session) error {
	if o.came == nil {
		return nil
	}
	p := *o.came
	p.UserID, p.SessionID, p.CreatedAt = s.UserID, s.ID, tx.at
	if p.ExpiresAt.IsZero() || p.ExpiresAt.After(s.EndsAt) {
		p.ExpiresAt = s.EndsAt
	}
	if p.Attributes == "" || len(p.Attributes) > maxAttributes {
		p.Attributes = "{}"
	}
	return tx.CreateProviderSession(ctx, p)
}

// maxAttributes is how much of what a provider says is kept with a session.
const maxAttributes = 16 << 10
