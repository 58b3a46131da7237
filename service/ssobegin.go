package service

import (
	"cmp"
	"context"
	"errors"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// Begin sends somebody to the provider of their domain, or of the tenant or connection that
// they name. Where there is none the answer is NotFound: it depends on the domain alone, never
// on whether the address is a user's. A provider that cannot be reached is a refusal.
func (s *SSO) Begin(ctx context.Context, by store.Principal, in Start) (Departure, error) {
	c, err := s.routed(ctx, in)
	if err != nil {
		return Departure{}, err
	}
	f := voyage{ConnectionID: c.ID, TenantID: c.TenantID, Kind: in.Kind, Next: s.targets.safe(in.Next)}
	d, err := s.depart(ctx, by, c, takeoff{voyage: f, browser: in.Browser, hint: in.Email})
	return d, s.told(ctx, by, report{connection: c, err: err})
}

// routed finds the connection that somebody signs in through.
func (s *SSO) routed(ctx context.Context, in Start) (store.Connection, error) {
	if in.ConnectionID != "" {
		c, err := s.store.ConnectionByID(ctx, in.ConnectionID)
		works := false
		if err == nil {
			works, err = working(ctx, s.store, c)
		}
		if err == nil && !works || errors.Is(err, store.ErrNotFound) {
			err = errNoRoute()
		}
		return c, err
	}
	if in.TenantID == "" {
		if spared, err := excluded(ctx, s.store, in.Email); err != nil || spared {
			return store.Connection{}, cmp.Or(err, errNoRoute())
		}
	}
	return s.domains.route(ctx, s.store, routeInput{
		Email: in.Email, TenantID: in.TenantID, ActiveTenantID: func() (string, error) { return s.activeTenant(ctx, in) },
	})
}

// activeTenant is where the user of the address acts.
func (s *SSO) activeTenant(ctx context.Context, in Start) (string, error) {
	value, err := normalizeEmail(in.Email)
	if err != nil {
		return "", nil
	}
	i, err := s.store.Identifier(ctx, s.signin.scope(store.Principal{TenantID: in.TenantID}), store.Email, value)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	u, err := s.store.User(ctx, i.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return u.ActiveTenantID, err
}

// A takeoff is a voyage about to begin.
type takeoff struct {
	voyage  voyage
	browser string // the value of its cookie, if it has one
	hint    string // an address, to save typing
}

// depart makes the request that the browser takes to the provider.
func (s *SSO) depart(ctx context.Context, by store.Principal, c store.Connection, t takeoff) (Departure, error) {
	d := Departure{ConnectionID: c.ID, TenantID: c.TenantID, Protocol: c.Protocol}
	var err error
	if d.Browser, err = browserOf(t.browser); err != nil {
		return d, err
	}
	st, err := readConnectionSettings(c)
	if err != nil {
		return d, err
	}
	handle, hash, err := secret.NewLinkToken()
	if err != nil {
		return d, err
	}
	if c.Protocol == store.SAML {
		d.Address, err = s.askSAML(ctx, c, st, handle, &t.voyage)
	} else {
		d.Address, err = s.askOIDC(ctx, c, st, handle, &t)
	}
	if err != nil {
		return d, unready(err)
	}
	return d, s.launch(ctx, by, hash, d.Browser, t.voyage)
}

// unready makes a refusal of what is wrong with a connection: whoever signs in cannot mend it.
func unready(err error) error {
	if f := fault.From(err); f.Code == fault.Invalid {
		return sso.Refuse("the connection cannot be used: "+f.Error(), err)
	}
	return err
}

func (s *SSO) askSAML(
	ctx context.Context, c store.Connection, st ConnectionSettings, handle string, f *voyage,
) (address string, err error) {
	e, err := s.connections.saml(ctx, c, st)
	if err != nil {
		return "", err
	}
	m, err := e.Request(saml.Ask{RelayState: handle, Now: s.now()})
	if err != nil {
		return "", err
	}
	f.RequestID = m.ID
	return s.carry(m, handle, f), nil
}

// carry returns where a browser goes with a message: to the provider, or to the page with the
// form that takes it there.
func (s *SSO) carry(m saml.Message, handle string, f *voyage) string {
	if m.Fields == nil {
		return m.URL
	}
	f.Form = &Form{Action: m.URL, Fields: m.Fields}
	return s.baseURL + "/auth/sso/" + handle
}

func (s *SSO) askOIDC(
	ctx context.Context, c store.Connection, st ConnectionSettings, handle string, t *takeoff,
) (address string, err error) {
	p, err := s.connections.relying(c, st)
	if err != nil {
		return "", err
	}
	w, err := readOIDCSwitch(ctx, s.store)
	if err != nil {
		return "", err
	}
	secrets := oidc.NewFlow()
	secrets.State = handle
	t.voyage.Nonce, t.voyage.Verifier = secrets.Nonce, secrets.Verifier
	t.voyage.RedirectURI = cmp.Or(w.RedirectURI, s.baseURL+"/oauth/account/oidc/callback")
	return s.party.Begin(ctx, p, oidc.Request{Flow: secrets, RedirectURI: t.voyage.RedirectURI, LoginHint: t.hint})
}
