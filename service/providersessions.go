package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-identity/identity/store"
)

// vouched checks that whom the opening came through still vouches for the user: a connection
// that was disabled or changed, or an identity that was taken away while a second factor was
// waited for, opens nothing: whoever vouched may not be its provider any more.
func (o opening) vouched(ctx context.Context, tx *unit) error {
	if o.came == nil {
		return nil
	}
	gone := errors.New("the provider does not vouch for the user any more")
	ls, err := tx.LinkedIdentities(ctx, o.userID) // by the user: a sign-out may know them by another name
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(ls, func(l store.LinkedIdentity) bool { return l.ConnectionID == o.came.ConnectionID }) {
		return errAskAgain(gone)
	}
	on := false
	if o.onlyTenant == "" {
		var p store.SocialProvider
		p, err = tx.SocialProvider(ctx, o.came.ConnectionID)
		on = p.Active
	} else {
		var c store.Connection
		c, err = tx.Connection(ctx, o.onlyTenant, o.came.ConnectionID)
		on = c.Enabled && (o.heard.IsZero() || !c.UpdatedAt.After(o.heard))
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

// flat is the attributes of a provider session as templates find them: one value is text, more
// are a list, none is no attribute. What is no object of lists of text becomes what is no
// document, so that the audit says that it cannot be read.
func flat(attributes string) string {
	const unreadable = "[]"
	var all map[string][]string
	if err := json.Unmarshal([]byte(attributes), &all); err != nil {
		return unreadable
	}
	out := make(map[string]any, len(all))
	for name, values := range all {
		switch len(values) {
		case 0:
		case 1:
			out[name] = values[0]
		default:
			out[name] = values
		}
	}
	doc, err := json.Marshal(out)
	if err != nil {
		return unreadable
	}
	return string(doc)
}

// newestProvided returns the session here by which the user came last through a provider that
// the tenant has, or that everybody has; empty where there is none.
func newestProvided(ctx context.Context, r store.Records, userID, tenantID string) (string, error) {
	linked, err := r.LinkedIdentities(ctx, userID)
	if err != nil {
		return "", err
	}
	var newest store.ProviderSession
	for _, l := range linked {
		if l.TenantID != tenantID && l.TenantID != "" {
			continue
		}
		all, err := r.ProviderSessions(ctx, l.ConnectionID, l.Subject, "")
		if err != nil {
			return "", err
		}
		for _, p := range all {
			if p.UserID == userID && p.CreatedAt.After(newest.CreatedAt) {
				newest = p
			}
		}
	}
	return newest.SessionID, nil
}

// endProvided ends the sessions that came from a session at a provider, and returns how many.
// An empty subject or index is any: with neither it ends all that came through the connection,
// as disabling it does. Call it before the connection is deleted, which forgets them. Their
// users do not get in either by a login that waits for its second factor.
func endProvided(ctx context.Context, tx *unit, connectionID, subject, index string) (ended int, err error) {
	all, err := tx.ProviderSessions(ctx, connectionID, subject, index)
	if err != nil {
		return 0, err
	}
	byUser := map[string][]string{}
	var users []string // in order, so that two who end the same wait for each other
	for _, p := range all {
		if byUser[p.UserID] == nil {
			users = append(users, p.UserID)
		}
		byUser[p.UserID] = append(byUser[p.UserID], p.SessionID)
	}
	if err := dropWaiting(ctx, tx, connectionID, subject, users); err != nil {
		return 0, err
	}
	for _, id := range users {
		gone, err := tx.RevokeSessions(ctx, id, tx.at, byUser[id]...)
		if err == nil && len(gone) > 0 {
			err = tx.revoke(ctx, store.Revocation{UserID: id})
		}
		if err != nil {
			return ended, err
		}
		ended += len(gone)
	}
	return ended, nil
}

// dropWaiting ends the logins that wait for a second factor: those of the users, and of whom
// the subject is, who may have no session yet.
func dropWaiting(ctx context.Context, tx *unit, connectionID, subject string, users []string) error {
	l, err := tx.LinkedIdentity(ctx, connectionID, subject)
	if err == nil && !slices.Contains(users, l.UserID) {
		err = drop(ctx, tx, l.UserID, store.MFA)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, id := range users {
		if err := drop(ctx, tx, id, store.MFA); err != nil {
			return err
		}
	}
	return nil
}
