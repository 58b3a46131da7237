package service

import (
	"context"
	"errors"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// A Leave says who signs out, and where to go then.
type Leave struct {
	Secret  string // the refresh token or the value of the session cookie
	Next    string // as in [Start]
	Browser string // as in [Start]
}

// Logout is [SignIn.Logout]. Where the session came through a provider that can be told, the
// departure leads the browser there, to sign out at it too; else its Address is empty. The
// session here has ended then, whatever the provider does.
func (s *SSO) Logout(ctx context.Context, by store.Principal, in Leave) (Departure, error) {
	p, came, err := s.cameFrom(ctx, in.Secret)
	if err != nil {
		return Departure{}, err
	}
	if err := s.signin.Logout(ctx, by, in.Secret); err != nil || !came {
		return Departure{}, err
	}
	d, err := s.leave(ctx, by, p, in)
	if err != nil {
		s.log.WarnContext(ctx, "sign out at a provider", "connection", p.ConnectionID, "error", err)
		return Departure{}, nil
	}
	return d, nil
}

// cameFrom returns what the living session of a secret came from, if that was a connection.
func (s *SSO) cameFrom(ctx context.Context, text string) (p store.ProviderSession, came bool, err error) {
	userID, id, hash, err := s.ring.ParseToken(refreshSecret, text)
	if err != nil {
		if userID, id, hash, err = s.ring.ParseToken(browserSecret, text); err != nil {
			return p, false, nil
		}
	}
	o, err := s.store.Session(ctx, userID, id)
	if err == nil && (!s.signin.policy.alive(o, s.now()) || !secret.Equal(o.Hash, hash)) {
		err = store.ErrNotFound // an old token closes what it opened, and learns no more
	}
	if err == nil {
		p, err = s.store.ProviderSession(ctx, userID, id)
	}
	if errors.Is(err, store.ErrNotFound) {
		return p, false, nil
	}
	return p, err == nil, err
}

// leave makes what ends the provider's session, if the provider takes it.
func (s *SSO) leave(ctx context.Context, by store.Principal, p store.ProviderSession, in Leave) (Departure, error) {
	c, err := s.store.ConnectionByID(ctx, p.ConnectionID)
	if errors.Is(err, store.ErrNotFound) { // of a social provider, or deleted
		return Departure{}, nil
	}
	if err != nil {
		return Departure{}, err
	}
	st, err := readConnectionSettings(c)
	if err != nil {
		return Departure{}, err
	}
	d := Departure{ConnectionID: c.ID, TenantID: c.TenantID, Protocol: c.Protocol}
	if c.Protocol == store.OIDC {
		d.Address, err = s.leaveOIDC(ctx, c, st, p)
		return d, err
	}
	if st.SAML == nil || st.SAML.LogoutGet == "" && st.SAML.LogoutPost == "" {
		return Departure{}, nil
	}
	return d, s.leaveSAML(ctx, by, leaving{connection: c, settings: st, from: p, in: in}, &d)
}

// leaveOIDC names no address to return to: a provider refuses one that is not registered.
func (s *SSO) leaveOIDC(ctx context.Context, c store.Connection, st ConnectionSettings, p store.ProviderSession) (string, error) {
	pr, err := s.connections.relying(c, st)
	if err != nil {
		return "", err
	}
	r := oidc.LogoutRequest{}
	if len(p.Hint) > 0 {
		hint, err := s.ring.Open(hintPurpose, c.ID, p.Hint)
		if err != nil {
			return "", err
		}
		r.Hint = string(hint)
	}
	return s.party.LogoutURL(ctx, pr, r)
}

// A leaving is a sign-out on its way to a SAML provider.
type leaving struct {
	connection store.Connection
	settings   ConnectionSettings
	from       store.ProviderSession
	in         Leave
}

func (s *SSO) leaveSAML(ctx context.Context, by store.Principal, l leaving, d *Departure) error {
	var err error
	if d.Browser, err = browserOf(l.in.Browser); err != nil {
		return err
	}
	e, err := s.connections.saml(ctx, l.connection, l.settings)
	if err != nil {
		return err
	}
	handle, hash, err := secret.NewLinkToken()
	if err != nil {
		return err
	}
	out := saml.Logout{Subject: l.from.Subject, NameIDFormat: l.from.Format, RelayState: handle}
	if l.from.Index != "" {
		out.Sessions = []string{l.from.Index}
	}
	m, err := e.Leave(out, s.now())
	if err != nil {
		return err
	}
	v := voyage{
		ConnectionID: l.connection.ID, TenantID: l.connection.TenantID, Next: s.targets.safe(l.in.Next), RequestID: m.ID, Leaving: true,
	}
	d.Address = s.carry(m, handle, &v)
	return s.launch(ctx, by, hash, d.Browser, v)
}
