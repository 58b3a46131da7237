package service

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
)

// bySocial says that a social provider vouched for the user. It is less than a tenant's own
// provider: whoever has a second factor here shows it, and what the provider says of factors
// counts for nothing.
const bySocial = "social"

// A SocialStart says with which account somebody wants to sign in, how the session is to be
// carried, and where to go then.
type SocialStart struct {
	Type    string
	Kind    store.SessionKind
	Next    string // a path here, or an address at a trusted origin; anything else is home
	Browser string // the value of the cookie that [Departure] named; empty where the browser has none
}

// Begin sends somebody to a social provider. One that is not there, or off, is NotFound; one
// that cannot be reached is a refusal.
func (s *Socials) Begin(ctx context.Context, by store.Principal, in SocialStart) (Departure, error) {
	p, err := socialByType(ctx, s.store, in.Type)
	if err == nil && !p.Active {
		err = store.ErrNotFound
	}
	if err != nil {
		return Departure{}, missing(err, "social provider")
	}
	d, err := s.depart(ctx, by, p, in)
	return d, s.told(ctx, by, p.ID, err)
}

func (s *Socials) depart(ctx context.Context, by store.Principal, p store.SocialProvider, in SocialStart) (Departure, error) {
	w, err := s.ready(p)
	if err != nil {
		return Departure{}, err
	}
	d := Departure{ConnectionID: p.ID}
	if d.Browser, err = browserOf(in.Browser); err != nil {
		return d, err
	}
	handle, hash, err := secret.NewLinkToken()
	if err != nil {
		return d, err
	}
	r := oidc.Request{Flow: oidc.NewFlow(), RedirectURI: w.redirect}
	r.State = handle
	if d.Address, err = s.party.Begin(ctx, w.provider, w.client, r); err != nil {
		return d, unready(err)
	}
	return d, s.sso.launch(ctx, by, hash, d.Browser, voyage{
		ConnectionID: p.ID, Kind: in.Kind, Next: s.sso.targets.safe(in.Next),
		Nonce: r.Nonce, Verifier: r.Verifier, RedirectURI: r.RedirectURI,
	})
}

// A door is a provider as the engine wants it.
type door struct {
	provider social.Provider
	client   social.Client
	redirect string
}

func (s *Socials) ready(p store.SocialProvider) (door, error) {
	t, err := readSocial(p)
	if err != nil {
		return door{}, err
	}
	hush, err := s.hush(p, SocialChange{})
	if err != nil {
		return door{}, err
	}
	pr, c, ok := s.describe(t, hush)
	if !ok {
		return door{}, sso.Refuse("nothing describes the provider any more: the host did, and does not now", nil)
	}
	return door{pr, c, s.RedirectURL(t)}, nil
}

// A SocialArrival is what a browser brings from a social provider.
type SocialArrival struct {
	Kind        store.SessionKind // that the sign-in must have begun with; empty is any
	Type        string            // of the provider that the client thinks it is; empty where it does not say
	Browser     string            // the value of the cookie of [Departure]
	Answer      url.Values        // the parameters of the redirect URI, or of the form posted to it
	RedirectURI string            // that the client thinks it came to; empty where it does not say
}

// A SocialLogin is where an arrival leads.
type SocialLogin struct {
	Arrived
	Made bool // the user is new
}

// Finish signs in who comes back from a social provider: the voyage that the browser began is
// over, whatever comes of it. Who comes for the first time becomes the user who has proved the
// same address, if the provider proves it as well, else a new user with a tenant of its own,
// unless sign-up is closed. An address in a domain that is bound to a tenant's provider is
// Forbidden here. Everything else that is wrong is one refusal; its diagnosis is in the audit.
func (s *Socials) Finish(ctx context.Context, by store.Principal, in SocialArrival) (SocialLogin, error) {
	v, err := s.sso.land(ctx, in.Answer.Get("state"), in.Browser)
	if errors.Is(err, errNoVoyage) {
		return SocialLogin{}, errAnswer()
	}
	if err == nil && in.Kind != "" && in.Kind != v.Kind {
		err = errVoyage("the answer came to a page of another kind than the sign-in began on")
	}
	var l SocialLogin
	if err == nil {
		l, err = s.arrive(ctx, by, v, in)
	}
	if err != nil {
		return SocialLogin{}, s.told(ctx, by, v.ConnectionID, refusal(err))
	}
	return l, nil
}

func (s *Socials) arrive(ctx context.Context, by store.Principal, v voyage, in SocialArrival) (SocialLogin, error) {
	p, err := s.store.SocialProvider(ctx, v.ConnectionID)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && (!p.Active || v.Leaving):
		return SocialLogin{}, sso.Refuse("the provider was turned off or deleted meanwhile, or is no social one", err)
	case err != nil:
		return SocialLogin{}, err
	case in.Type != "" && in.Type != p.Type:
		return SocialLogin{}, errVoyage("the answer came to the address of another provider")
	case in.RedirectURI != "" && in.RedirectURI != v.RedirectURI:
		return SocialLogin{}, errVoyage("the answer came to another redirect URI than the one that was asked for")
	}
	w, err := s.ready(p)
	if err != nil {
		return SocialLogin{}, err
	}
	if err := s.sso.spent(ctx, p.ID, in.Answer.Get("code")); err != nil {
		return SocialLogin{}, err
	}
	r := oidc.Request{RedirectURI: v.RedirectURI, Flow: oidc.Flow{State: in.Answer.Get("state"), Nonce: v.Nonce, Verifier: v.Verifier}}
	a, err := s.party.Finish(ctx, w.provider, w.client, r, in.Answer)
	if err != nil {
		return SocialLogin{}, err
	}
	l, err := s.enter(ctx, by, p, v, a)
	l.Kind, l.Next = v.Kind, s.sso.targets.safe(v.Next)
	return l, err
}

// told records a refusal, for the environment's administrator, and returns it.
func (s *Socials) told(ctx context.Context, by store.Principal, id string, err error) error {
	if diagnosis := sso.Diagnosis(err); diagnosis != "" {
		by.TenantID = ""
		s.note(ctx, by, "social.refused", id, map[string]string{"diagnosis": diagnosis})
	}
	return err
}

// enter opens a session for whom an assertion is about, in one transaction with all that it
// changes about the user.
func (s *Socials) enter(
	ctx context.Context, by store.Principal, p store.SocialProvider, v voyage, a sso.Assertion,
) (SocialLogin, error) {
	by.TenantID = ""
	var l SocialLogin
	o := opening{
		kind: v.Kind, methods: []string{bySocial}, authTime: a.AuthTime,
		came: &store.ProviderSession{ConnectionID: p.ID, Subject: a.Subject, Attributes: keptAttributes(a.Attributes)},
	}
	o.resolve = func(tx *unit) (string, error) {
		g, err := s.resolve(ctx, tx, by, p, a)
		l.Made = g.made
		return g.user.ID, err
	}
	var err error
	for range 3 { // of two first sign-ins of one person one finds what the other made
		if l.Login, err = s.sso.signin.open(ctx, by, o); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return l, err
}

// resolve returns the user whom an assertion is about, made where they are new.
func (s *Socials) resolve(
	ctx context.Context, tx *unit, by store.Principal, p store.SocialProvider, a sso.Assertion,
) (guest, error) {
	if err := ssoRequired(ctx, tx, a.Email); err != nil {
		return guest{}, err
	}
	g, err := s.sso.visitors.recognize(ctx, tx, by, visitor{
		connectionID: p.ID, subject: a.Subject, provider: p.Type, email: a.Email, name: a.Name, picture: picture(a),
		// Where one address may be a user in every tenant, it leads to none of them.
		proved: a.EmailVerified && !s.sso.visitors.perTenant, strange: s.open,
	})
	if err != nil || !g.made {
		return g, err
	}
	return g, s.settle(ctx, tx, g, a)
}

// open refuses who is no user yet where nobody may sign up.
func (s *Socials) open(*unit) error {
	if s.closed {
		return fault.New(fault.Forbidden, "", "sign-up is closed")
	}
	return nil
}

// picture is where the provider says that the person's is.
func picture(a sso.Assertion) string {
	if said := a.Attributes["picture"]; len(said) == 1 {
		return said[0]
	}
	return ""
}

// settle gives a new user a tenant of its own, as a sign-up does.
func (s *Socials) settle(ctx context.Context, tx *unit, g guest, a sso.Assertion) error {
	u := g.user
	c := account{user: u, tenant: store.Tenant{
		ID: tx.newID(), Name: cmp.Or(u.Name, u.Email, u.ID), CreatorName: u.Name, CreatorEmail: u.Email, Metadata: "{}",
		CreatedAt: tx.at, UpdatedAt: tx.at,
	}}
	if err := tx.CreateTenant(ctx, c.tenant); err != nil {
		return err
	}
	m := store.Membership{TenantID: c.tenant.ID, UserID: u.ID, Activated: true, CreatedAt: tx.at, UpdatedAt: tx.at}
	if err := tx.CreateMembership(ctx, m); err != nil {
		return err
	}
	if err := c.assign(ctx, tx); err != nil {
		return err
	}
	if a.EmailVerified && !u.Verified {
		return s.identify(ctx, tx, u, c.tenant.ID)
	}
	return nil
}

// identify makes a user found by its proved address within its own tenant.
func (s *Socials) identify(ctx context.Context, tx *unit, u store.User, tenantID string) error {
	value, err := normalizeEmail(u.Email)
	if err != nil {
		return sso.Refuse("the address is none that an account can have", err)
	}
	u.Verified, u.UpdatedAt = true, tx.at
	if err := tx.UpdateUser(ctx, u); err != nil {
		return err
	}
	return tx.CreateIdentifier(ctx, store.Identifier{
		Scope: tenantID, Kind: store.Email, Value: value, UserID: u.ID, Text: u.Email, Primary: true, VerifiedAt: tx.at, CreatedAt: tx.at,
	})
}
