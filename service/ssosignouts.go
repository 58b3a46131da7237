package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// A LogoutMessage is what came to the address for sign-outs of a connection: the raw query of
// a redirect, or the fields of a form.
type LogoutMessage struct {
	ConnectionID string
	Browser      string // the value of the cookie of [Departure]

	Query                                 string // as it came; empty means a form
	SAMLRequest, SAMLResponse, RelayState string
}

// A LoggedOut is what a browser does after a message about a sign-out: it goes to Address, or
// takes Form there, or where both are empty it has arrived at Next.
type LoggedOut struct {
	Address string
	Form    *Form
	Next    string
}

// Receive takes what a SAML provider says about a sign-out: its wish that sessions end, or its
// answer to ours. Nothing happens that the provider's key has not signed; a wish ends only
// sessions that came through the connection.
func (s *SSO) Receive(ctx context.Context, by store.Principal, in LogoutMessage) (LoggedOut, error) {
	c, err := s.listening(ctx, in.ConnectionID, store.SAML)
	if err != nil {
		return LoggedOut{}, err
	}
	q, err := url.ParseQuery(in.Query)
	if err != nil {
		return LoggedOut{}, fault.New(fault.Invalid, "", "the query is malformed").Because(err)
	}
	if in.Query != "" {
		in.SAMLRequest, in.SAMLResponse, in.RelayState = q.Get("SAMLRequest"), q.Get("SAMLResponse"), q.Get("RelayState")
	}
	st, err := readConnectionSettings(c)
	if err != nil {
		return LoggedOut{}, err
	}
	e, err := s.connections.saml(ctx, c, st)
	if err != nil {
		return LoggedOut{}, err
	}
	by.TenantID = c.TenantID
	var out LoggedOut
	if in.SAMLResponse != "" && in.SAMLRequest == "" {
		out, err = s.answered(ctx, by, e, in)
	} else {
		out, err = s.asked(ctx, by, e, in)
	}
	if diagnosis := sso.Diagnosis(err); diagnosis != "" {
		s.note(ctx, by, "sso.signout_refused", c.ID, map[string]string{"diagnosis": clip(diagnosis)})
	}
	return out, err
}

// listening returns the connection whose provider may end sessions here.
func (s *SSO) listening(ctx context.Context, id string, p store.Protocol) (store.Connection, error) {
	c, err := s.store.ConnectionByID(ctx, id)
	if err == nil && (c.Protocol != p || !c.Enabled) {
		err = store.ErrNotFound
	}
	return c, missing(err, "SSO configuration")
}

// asked ends the sessions that the provider wants ended. That it was asked is written with
// that: the same wish is good for one time, and for no less.
func (s *SSO) asked(ctx context.Context, by store.Principal, e *saml.Connection, in LogoutMessage) (LoggedOut, error) {
	var seen store.Challenge
	e.Once = func(_ context.Context, key string, until time.Time) (bool, error) {
		seen = replayed(e.ID, key, until)
		return true, nil
	}
	l, err := e.AcceptLogout(ctx, saml.Incoming{Query: in.Query, Body: in.SAMLRequest, RelayState: in.RelayState, Now: s.now()})
	if err != nil {
		return LoggedOut{}, err
	}
	err = s.signOut(ctx, by, e.ID, seen, func(tx *unit) (int, error) { return endNamed(ctx, tx, e.ID, l) })
	if err != nil {
		return LoggedOut{}, err
	}
	return s.answer(e, l)
}

// endNamed ends the sessions that a sign-out names, or all of the subject's.
func endNamed(ctx context.Context, tx *unit, connectionID string, l saml.Logout) (ended int, err error) {
	if len(l.Sessions) == 0 {
		return endProvided(ctx, tx, connectionID, l.Subject, "")
	}
	for _, index := range l.Sessions {
		if index == "" {
			continue // no name is no wish for all
		}
		n, err := endProvided(ctx, tx, connectionID, l.Subject, index)
		if err != nil {
			return 0, err
		}
		ended += n
	}
	return ended, nil
}

// answer tells the provider that its wish was granted, if it wants to hear.
func (s *SSO) answer(e *saml.Connection, l saml.Logout) (LoggedOut, error) {
	if e.Provider.LogoutGet+e.Provider.LogoutPost+e.Provider.AnswerGet+e.Provider.AnswerPost == "" || len(e.Keys) == 0 {
		return LoggedOut{Next: home}, nil // nobody waits for an answer
	}
	m, err := e.AnswerLogout(l, true, s.now())
	if err != nil {
		return LoggedOut{}, fmt.Errorf("answer a sign-out: %w", err)
	}
	if m.Fields == nil {
		return LoggedOut{Address: m.URL}, nil
	}
	return LoggedOut{Form: &Form{Action: m.URL, Fields: m.Fields}}, nil
}

// signOut ends sessions together with a note that whoever asked has been heard.
func (s *SSO) signOut(
	ctx context.Context, by store.Principal, connectionID string, seen store.Challenge, end func(tx *unit) (int, error),
) error {
	err := s.change(ctx, by, "sso.signed_out", connectionID, func(tx *unit) error {
		seen.ID, seen.CreatedAt = tx.newID(), tx.at
		if err := tx.CreateChallenge(ctx, seen); err != nil {
			return err
		}
		n, err := end(tx)
		tx.detail = map[string]any{"sessions": n}
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return sso.Refuse("the same sign-out was sent before: each is good for one use", err)
	}
	return err
}

// replayed is what is kept of a message that was heard, for as long as it could be sent again.
func replayed(connectionID, key string, until time.Time) store.Challenge {
	hash := sha256.Sum256([]byte(connectionID + key))
	return store.Challenge{Purpose: store.SSOReplay, Hash: hash[:], Subject: connectionID, ExpiresAt: until}
}

// answered takes the provider's answer to our own sign-out. The session here ended before; a
// provider that could not end its own changes nothing about where the browser goes.
func (s *SSO) answered(ctx context.Context, by store.Principal, e *saml.Connection, in LogoutMessage) (LoggedOut, error) {
	v, err := s.land(ctx, in.RelayState, in.Browser)
	switch {
	case errors.Is(err, errNoVoyage) || err == nil && (!v.Leaving || v.ConnectionID != e.ID):
		return LoggedOut{}, errAnswer()
	case err != nil:
		return LoggedOut{}, err
	}
	answer := saml.Incoming{Query: in.Query, Body: in.SAMLResponse, RelayState: in.RelayState, Now: s.now()}
	if _, err = e.AcceptLogoutAnswer(answer, v.RequestID); err != nil {
		if sso.Diagnosis(err) == "" {
			return LoggedOut{}, err
		}
		s.note(ctx, by, "sso.signout_refused", e.ID, map[string]string{"diagnosis": clip(sso.Diagnosis(err))})
	}
	return LoggedOut{Next: s.targets.safe(v.Next)}, nil
}

// BackChannel ends the sessions that an OpenID provider says have ended there (Back-Channel
// Logout 1.0): those that came through the connection, of the person or the session that the
// token names. A token that is not right, or comes for the second time, is a refusal.
func (s *SSO) BackChannel(ctx context.Context, by store.Principal, connectionID, token string) error {
	c, err := s.listening(ctx, connectionID, store.OIDC)
	if err != nil {
		return err
	}
	by.TenantID = c.TenantID
	if err := s.backChannel(ctx, by, c, token); err != nil {
		if diagnosis := sso.Diagnosis(err); diagnosis != "" {
			s.note(ctx, by, "sso.signout_refused", c.ID, map[string]string{"diagnosis": clip(diagnosis)})
		}
		return err
	}
	return nil
}

func (s *SSO) backChannel(ctx context.Context, by store.Principal, c store.Connection, token string) error {
	st, err := readConnectionSettings(c)
	if err != nil {
		return err
	}
	p, err := s.connections.relying(c, st)
	if err != nil {
		return err
	}
	l, err := s.party.LogoutToken(ctx, p, token)
	if err != nil {
		return err
	}
	seen := replayed(c.ID, "oidc/logout/"+l.ID, l.ExpiresAt)
	return s.signOut(ctx, by, c.ID, seen, func(tx *unit) (int, error) {
		return endProvided(ctx, tx, c.ID, l.Subject, l.SessionIndex)
	})
}
