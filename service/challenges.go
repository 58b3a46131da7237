package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

const (
	challengeLife  = 10 * time.Minute
	challengeTries = 5 // guesses at the second factor of one login
)

// A firstFactor is what a login has shown when it is asked for the second factor, and what
// kind of session it shall open. Nothing else can be opened with it.
type firstFactor struct {
	Kind      store.SessionKind `json:"kind"`
	Methods   []string          `json:"methods"`
	Password  []byte            `json:"password,omitempty"`  // hash of the credential that was proved
	TenantID  string            `json:"tenantId,omitempty"`  // that was asked for
	SessionID string            `json:"sessionId,omitempty"` // of the session that this one takes the place of

	Came           *store.ProviderSession `json:"came,omitempty"`         // through a provider
	OnlyTenantID   string                 `json:"onlyTenantId,omitempty"` // that the session may act in
	OverrideActive bool                   `json:"overrideActive,omitempty"`
	EndsAt         time.Time              `json:"endsAt,omitzero"` // of the session, at the latest
}

// first is what the opening has shown so far.
func (o opening) first(by store.Principal) firstFactor {
	f := firstFactor{
		Kind: o.kind, Methods: o.methods, TenantID: by.TenantID, SessionID: o.replaces,
		Came: o.came, OnlyTenantID: o.onlyTenant, OverrideActive: o.overrideActive, EndsAt: o.ends,
	}
	if f.Kind == "" {
		f.Kind = store.Family
	}
	if o.secret != "" {
		f.Password = secret.Hash(o.secret)
	}
	return f
}

// again is what a session has shown, when it is asked for more.
func again(s store.Session, phc, tenantID string) firstFactor {
	f := firstFactor{Kind: s.Kind, TenantID: tenantID, SessionID: s.ID, OnlyTenantID: s.OnlyTenantID}
	f.Methods = slices.DeleteFunc(slices.Clone(s.Methods), func(m string) bool {
		return m == byCode || m == byRecovery || m == byTwo
	})
	if phc != "" {
		f.Password = secret.Hash(phc)
	}
	return f
}

// ask answers a login with the question for the second factor. It opens nothing: the answer
// holds an opaque token, for this browser only, and what the user can prove themselves with.
func (s *SignIn) ask(ctx context.Context, tx *unit, by store.Principal, u store.User, first firstFactor) (Login, error) {
	text, hash, err := secret.NewLinkToken()
	if err != nil {
		return Login{}, err
	}
	fs, err := tx.Factors(ctx, u.ID)
	if err != nil {
		return Login{}, err
	}
	doc, err := json.Marshal(first)
	if err != nil {
		return Login{}, err
	}
	err = tx.CreateChallenge(ctx, store.Challenge{
		ID: tx.newID(), Purpose: store.MFA, Hash: hash, Subject: u.ID, Binding: s.device(by), Data: string(doc),
		CreatedAt: tx.at, ExpiresAt: tx.at.Add(challengeLife),
	})
	tx.action, tx.subject, tx.detail = "signin.challenged", u.ID, map[string]any{"methods": first.Methods}
	return Login{User: u, MFARequired: true, MFAToken: text, MFAEnrolled: len(fs) > 0, MFADevices: devices(fs)}, err
}

// askAgain is ask for a session that is open, and stays as it is until the answer: a policy
// has become stricter, or something is about to be done that asks for more.
func (s *SignIn) askAgain(ctx context.Context, by store.Principal, u store.User, o store.Session) (Login, error) {
	var l Login
	by.Kind, by.ID = store.UserKind, o.UserID
	tenantID := by.TenantID
	by.TenantID = o.TenantID
	err := s.change(ctx, by, "signin.challenged", u.ID, func(tx *unit) error {
		c, err := tx.Credential(ctx, u.ID, store.Password)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		l, err = s.ask(ctx, tx, by, u, again(o, c.Secret, tenantID))
		return err
	})
	return l, err
}

// errAskAgain is the one answer to a token of a login that does not hold: never made, used,
// expired, of another browser, or overtaken by a change of the password.
func errAskAgain(cause error) error {
	return fault.New(fault.Unauthenticated, "", "sign in again").Because(cause)
}

// look finds the login that waits for its second factor, without using it.
func (s *SignIn) look(ctx context.Context, by store.Principal, text string) (store.Challenge, firstFactor, error) {
	var first firstFactor
	c, err := s.store.Challenge(ctx, store.MFA, secret.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return c, first, errAskAgain(errors.New("no such login waits"))
	}
	if err != nil {
		return c, first, err
	}
	if !c.UsedAt.IsZero() || !s.now().Before(c.ExpiresAt) {
		return c, first, errAskAgain(errors.New("the login is over"))
	}
	if c.Binding != "" && c.Binding != s.device(by) {
		return c, first, errAskAgain(errors.New("the login is another browser's"))
	}
	return c, first, json.Unmarshal([]byte(c.Data), &first)
}

// resume is the opening that a login in flight comes to.
func (s *SignIn) resume(ctx context.Context, c store.Challenge, first firstFactor) (opening, error) {
	o := opening{
		userID: c.Subject, kind: first.Kind, replaces: first.SessionID, asked: true,
		came: first.Came, onlyTenant: first.OnlyTenantID, overrideActive: first.OverrideActive, ends: first.EndsAt,
	}
	if first.Came != nil {
		o.heard = c.CreatedAt
	}
	if len(first.Password) == 0 {
		return o, nil
	}
	have, err := s.store.Credential(ctx, c.Subject, store.Password)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	if !secret.Equal(secret.Hash(have.Secret), first.Password) {
		return o, errAskAgain(errors.New("the password was changed meanwhile"))
	}
	o.secret = have.Secret
	return o, nil
}

// replace ends the session that the opening takes the place of. The new one lasts no longer
// than that would have, and may not act where that could not: the password was not asked for
// again.
func (o *opening) replace(ctx context.Context, tx *unit) error {
	if o.replaces == "" {
		return nil
	}
	old, err := tx.Session(ctx, o.userID, o.replaces)
	if err != nil {
		return errAskAgain(err)
	}
	ended, err := endSessions(ctx, tx, o.userID, o.replaces)
	if err == nil && len(ended) == 0 {
		err = errAskAgain(errors.New("the session ended meanwhile"))
	}
	if err != nil {
		return err
	}
	o.ends, o.onlyTenant = old.EndsAt, old.OnlyTenantID
	p, err := tx.ProviderSession(ctx, o.userID, o.replaces)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	o.came = &p
	return err
}
