package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
)

// Socials are the rules about signing in with an account that people have elsewhere. Which
// providers there are is the environment's to say, never a tenant's.
type Socials struct {
	*base
	ring    *secret.Ring
	party   *social.Party
	mine    []social.Provider // in place of the library's descriptions, by type
	closed  bool              // nobody may sign up
	baseURL string

	sso *SSO // of people who leave for a provider and come back
}

func newSocials(b *base, c Config, out outside) (*Socials, error) {
	p, err := social.New(oidc.Options{HTTP: out.guard.Client(), CheckURL: out.guard.CheckURL, Now: b.now})
	if err != nil {
		return nil, fmt.Errorf("sign in with other accounts: %w", err)
	}
	for _, pr := range c.Social {
		if err := described(p, pr); err != nil {
			return nil, fmt.Errorf("social provider %q: %w", pr.Type, err)
		}
	}
	return &Socials{base: b, ring: c.Ring, party: p, mine: c.Social, closed: c.SignUp.Closed, baseURL: c.BaseURL}, nil
}

// described refuses a description of the host's by which nobody could sign in.
func described(p *social.Party, pr social.Provider) error {
	if !socialType.MatchString(pr.Type) {
		return errors.New("the type must be 1 to 64 lower-case letters, digits and ._-")
	}
	pr.Signed = false // there is no key yet
	return p.Check(pr, social.Client{ID: "any", Secret: "any"})
}

// known returns the description of a type that needs no more than a client: the host's own,
// else the library's.
func (s *Socials) known(kind string) (social.Provider, bool) {
	i := slices.IndexFunc(s.mine, func(pr social.Provider) bool { return pr.Type == kind })
	if i >= 0 {
		return s.mine[i], true
	}
	return social.Lookup(kind)
}

// RedirectURL is where a provider has to send people back to: register it there.
func (s *Socials) RedirectURL(p Social) string {
	if p.Settings.RedirectURL != "" {
		return p.Settings.RedirectURL
	}
	return s.baseURL + "/oauth/account/social/success"
}

// List returns every provider that is set up, active or not, by type. Everybody may see them:
// they are buttons on a page.
func (s *Socials) List(ctx context.Context, _ store.Principal) ([]Social, error) {
	ps, err := s.store.SocialProviders(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Social, len(ps))
	for i, p := range ps {
		if all[i], err = readSocial(p); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Get returns the provider of a type, else NotFound.
func (s *Socials) Get(ctx context.Context, by store.Principal, kind string) (Social, error) {
	if err := hostOnly(by); err != nil {
		return Social{}, err
	}
	p, err := socialByType(ctx, s.store, kind)
	if err != nil {
		return Social{}, missing(err, "social provider")
	}
	return readSocial(p)
}

func socialByType(ctx context.Context, r store.Records, kind string) (store.SocialProvider, error) {
	ps, err := r.SocialProviders(ctx)
	if err != nil {
		return store.SocialProvider{}, err
	}
	i := slices.IndexFunc(ps, func(p store.SocialProvider) bool { return p.Type == kind })
	if i < 0 {
		return store.SocialProvider{}, store.ErrNotFound
	}
	return ps[i], nil
}

// Set makes or changes a provider that the library, or the host, describes. An active one must
// have everything that a sign-in needs.
func (s *Socials) Set(ctx context.Context, by store.Principal, kind string, c SocialChange) (Social, error) {
	if err := hostOnly(by); err != nil {
		return Social{}, err
	}
	if _, ok := s.known(kind); !ok {
		return Social{}, fault.New(fault.Invalid, "type", "is no provider that is known here")
	}
	var set Social
	id := s.newID()
	err := s.edit(ctx, by, "social_provider.set", kind, func(tx *unit) error {
		p, err := socialByType(ctx, tx, kind)
		switch {
		case errors.Is(err, store.ErrNotFound):
			p = store.SocialProvider{ID: id, Type: kind, CreatedAt: tx.at}
			set, err = s.put(ctx, tx, p, c, tx.CreateSocialProvider)
		case err == nil && p.Custom:
			err = fault.New(fault.Conflict, "", "a custom provider has this type")
		case err == nil:
			set, err = s.put(ctx, tx, p, c, tx.UpdateSocialProvider)
		}
		return err
	})
	return set, err
}

// Switch turns a provider on or off. One that is on must have everything that a sign-in needs;
// through one that is off nobody gets in, who was linked before included.
func (s *Socials) Switch(ctx context.Context, by store.Principal, kind string, active bool) error {
	action := "social_provider.deactivated"
	if active {
		action = "social_provider.activated"
	}
	if err := hostOnly(by); err != nil {
		return err
	}
	return s.edit(ctx, by, action, kind, func(tx *unit) error {
		p, err := socialByType(ctx, tx, kind)
		if err != nil {
			return missing(err, "social provider")
		}
		_, err = s.put(ctx, tx, p, SocialChange{Active: &active}, tx.UpdateSocialProvider)
		return err
	})
}

// CreateCustom adds a provider that nobody else describes. A type that is taken is a Conflict.
func (s *Socials) CreateCustom(ctx context.Context, by store.Principal, c SocialChange) (Social, error) {
	if err := hostOnly(by); err != nil {
		return Social{}, err
	}
	var made Social
	p := store.SocialProvider{ID: s.newID(), Custom: true, CreatedAt: s.now()}
	err := s.edit(ctx, by, "social_provider.created", p.ID, func(tx *unit) (err error) {
		made, err = s.put(ctx, tx, p, c, tx.CreateSocialProvider)
		return err
	})
	return made, err
}

// UpdateCustom changes a custom provider. Any other id is NotFound.
func (s *Socials) UpdateCustom(ctx context.Context, by store.Principal, id string, c SocialChange) (Social, error) {
	var changed Social
	err := s.custom(ctx, by, "social_provider.updated", id, func(tx *unit, p store.SocialProvider) (err error) {
		changed, err = s.put(ctx, tx, p, c, tx.UpdateSocialProvider)
		return err
	})
	return changed, err
}

// DeleteCustom removes a custom provider, and with it whom it vouched for: people who came
// through it stay users. Any other id is NotFound.
func (s *Socials) DeleteCustom(ctx context.Context, by store.Principal, id string) error {
	return s.custom(ctx, by, "social_provider.deleted", id, func(tx *unit, p store.SocialProvider) error {
		tx.detail = map[string]any{"type": p.Type}
		return tx.DeleteSocialProvider(ctx, p.ID)
	})
}

func (s *Socials) custom(
	ctx context.Context, by store.Principal, action, id string, fn func(*unit, store.SocialProvider) error,
) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	return s.edit(ctx, by, action, id, func(tx *unit) error {
		p, err := tx.SocialProvider(ctx, id)
		if err == nil && !p.Custom {
			err = store.ErrNotFound
		}
		if err != nil {
			return missing(err, "custom provider")
		}
		return fn(tx, p)
	})
}

// edit is a change of the environment: no tenant's, whatever a header said.
func (s *Socials) edit(ctx context.Context, by store.Principal, action, subject string, fn func(*unit) error) error {
	by.TenantID = ""
	return conflict(s.change(ctx, by, action, subject, fn), "a provider of this type already exists")
}

// put writes a provider as it is after the change.
func (s *Socials) put(
	ctx context.Context, tx *unit, p store.SocialProvider, c SocialChange, write func(context.Context, store.SocialProvider) error,
) (Social, error) {
	after, err := readSocial(p)
	if err == nil {
		err = c.sane()
	}
	if err != nil {
		return after, err
	}
	c.apply(&after)
	after.UpdatedAt = tx.at
	hush, err := s.hush(p, c)
	if err != nil {
		return after, err
	}
	if err := s.check(after, hush); err != nil {
		return after, err
	}
	doc, err := json.Marshal(after.Settings)
	if err != nil {
		return after, fmt.Errorf("write settings of social provider %s: %w", p.ID, err)
	}
	p.Type, p.Active, p.Settings, p.UpdatedAt = after.Type, after.Active, string(doc), tx.at
	if hush != "" {
		if p.Secret, err = s.ring.Seal(socialPurpose, p.ID, []byte(hush)); err != nil {
			return after, err
		}
	}
	tx.subject = p.ID
	tx.detail = map[string]any{"type": p.Type, "active": p.Active, "clientId": after.Settings.ClientID, "newSecret": c.replaces()}
	return after, write(ctx, p)
}

// socialPurpose is what a provider's secret is sealed for.
const socialPurpose = "social provider"

// hush returns the secret as it is after the change.
func (s *Socials) hush(p store.SocialProvider, c SocialChange) (string, error) {
	if c.replaces() {
		return *c.Secret, nil
	}
	if len(p.Secret) == 0 {
		return "", nil
	}
	plain, err := s.ring.Open(socialPurpose, p.ID, p.Secret)
	if err != nil {
		return "", fmt.Errorf("open the secret of social provider %s: %w", p.ID, err)
	}
	return string(plain), nil
}

// check refuses settings that are none, and a provider that is active and cannot work.
func (s *Socials) check(p Social, hush string) error {
	var c fault.Checker
	p.check(&c)
	if p.Custom {
		_, taken := s.known(p.Type)
		c.Check(!taken, "type", "is that of a provider which is known already")
	}
	if err := c.Err(); err != nil || !p.Active {
		return err
	}
	pr, client, ok := s.describe(p, hush)
	if !ok {
		return fault.New(fault.Invalid, "type", "is no provider that is known here any more")
	}
	return s.party.Check(pr, client)
}
