package service

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A DomainPolicy says what the environment asks of claims to e-mail domains. The zero policy
// asks for everything.
type DomainPolicy struct {
	// VerifiedUsersMayAdd takes the verified address of a user who claims its domain for the
	// proof.
	VerifiedUsersMayAdd bool `json:"verifiedUsersMayAdd"`
	// SkipVerification takes every claim for proved. Whoever may write a tenant's
	// configuration can then have any domain that nobody else has.
	SkipVerification bool `json:"skipVerification"`
	// BypassCrossValidation lets people in whose address is outside of the domains of the
	// connection they came through. Such an address is not verified.
	BypassCrossValidation bool `json:"bypassCrossValidation"`
}

// A MultiplePolicy says what holds where several tenants have one domain. The zero policy is
// that a domain is one tenant's: who proved it first.
type MultiplePolicy struct {
	Active          bool        `json:"active"`
	Unspecified     Unspecified `json:"unspecified,omitempty"`
	UseActiveTenant bool        `json:"useActiveTenant,omitempty"` // of who is a user already
}

// Unspecified says where somebody goes whose domain several tenants have, and who named none.
type Unspecified string

// The ways to treat somebody who named no tenant.
const (
	Block        Unspecified = "BLOCK"         // nowhere
	FirstCreated Unspecified = "FIRST_CREATED" // to the tenant that claimed the domain first
)

// An OIDCSwitch says whether connections by OpenID Connect work in the environment. They do
// until it is set.
type OIDCSwitch struct {
	Active      bool   `json:"active"`
	RedirectURI string `json:"redirectUri,omitempty"` // empty means our own callback
}

// The settings of the environment that are about single sign-on.
const (
	domainSetting   = "sso-domains"
	multipleSetting = "sso-multiple"
	oidcSetting     = "sso-oidc"
	excludedSetting = "sso-excluded-emails"
)

// maxExcluded is how many addresses may be spared.
const maxExcluded = 1000

// readSetting reads a document of the environment; where there is none v stays as it is.
func readSetting(ctx context.Context, r store.Records, kind string, v any) error {
	text, err := r.Setting(ctx, "", kind)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

func readDomainPolicy(ctx context.Context, r store.Records) (DomainPolicy, error) {
	var p DomainPolicy
	return p, readSetting(ctx, r, domainSetting, &p)
}

func readMultiplePolicy(ctx context.Context, r store.Records) (MultiplePolicy, error) {
	p := MultiplePolicy{Unspecified: Block}
	return p, readSetting(ctx, r, multipleSetting, &p)
}

func readOIDCSwitch(ctx context.Context, r store.Records) (OIDCSwitch, error) {
	w := OIDCSwitch{Active: true}
	return w, readSetting(ctx, r, oidcSetting, &w)
}

// exclusions is how the addresses that are spared are kept: normalized, in byte order.
type exclusions struct {
	Emails []string `json:"emails"`
}

func readExclusions(ctx context.Context, r store.Records) ([]string, error) {
	var x exclusions
	return x.Emails, readSetting(ctx, r, excludedSetting, &x)
}

// excluded reports whether the address is spared from single sign-on: its owner signs in as
// if no connection had its domain.
func excluded(ctx context.Context, r store.Records, email string) (bool, error) {
	value, err := normalizeEmail(email)
	all, failed := readExclusions(ctx, r)
	_, found := slices.BinarySearch(all, value)
	return found && err == nil, failed
}

// provenTwice refuses a user who has a second factor and has not shown it in this session:
// who steals such a session must not be able to let anybody in.
func provenTwice(ctx context.Context, r store.Records, by store.Principal) error {
	if by.Kind != store.UserKind || slices.Contains(by.Methods, byTwo) {
		return nil
	}
	fs, err := r.Factors(ctx, by.UserID)
	if err != nil || len(fs) == 0 {
		return err
	}
	e := fault.New(fault.Forbidden, "", "show your second factor first")
	e.Wire = stepUpRequired
	return e
}

// SSOPolicies are the settings of the environment that are about single sign-on. Only the
// environment itself may change them: a tenant must not loosen what holds for all.
type SSOPolicies struct{ *base }

// Active reports whether any connection of the environment is enabled. Anybody may ask.
func (s *SSOPolicies) Active(ctx context.Context) (bool, error) { return s.store.Connected(ctx) }

// Domains returns the policy on claims to domains.
func (s *SSOPolicies) Domains(ctx context.Context, _ store.Principal) (DomainPolicy, error) {
	return readDomainPolicy(ctx, s.store)
}

// SetDomains sets the policy on claims to domains. What was proved under another one stays.
func (s *SSOPolicies) SetDomains(ctx context.Context, by store.Principal, p DomainPolicy) error {
	return s.put(ctx, by, "sso_domain_policy.changed", domainSetting, p)
}

// Multiple returns the policy on domains that several tenants have.
func (s *SSOPolicies) Multiple(ctx context.Context, _ store.Principal) (MultiplePolicy, error) {
	return readMultiplePolicy(ctx, s.store)
}

// SetMultiple sets the policy on domains that several tenants have. Where it ceases to be
// active, the tenant that proved a domain first is the one that people are sent to.
func (s *SSOPolicies) SetMultiple(ctx context.Context, by store.Principal, p MultiplePolicy) error {
	if p.Unspecified != Block && p.Unspecified != FirstCreated {
		return fault.New(fault.Invalid, "unspecifiedTenantStrategy", "must be one of BLOCK, FIRST_CREATED")
	}
	return s.put(ctx, by, "sso_multiple_policy.changed", multipleSetting, p)
}

// OIDC returns whether connections by OpenID Connect work.
func (s *SSOPolicies) OIDC(ctx context.Context, _ store.Principal) (OIDCSwitch, error) {
	return readOIDCSwitch(ctx, s.store)
}

// SetOIDC turns connections by OpenID Connect on or off, for all tenants.
func (s *SSOPolicies) SetOIDC(ctx context.Context, by store.Principal, w OIDCSwitch) error {
	if !redirectable(w.RedirectURI) {
		return fault.New(fault.Invalid, "redirectUri", "must be an https URL without a fragment")
	}
	return s.put(ctx, by, "sso_oidc_switch.changed", oidcSetting, w)
}

// redirectable reports whether a provider may send browsers to the address. Plain http is for
// this machine.
func redirectable(raw string) bool {
	u, err := url.Parse(raw)
	if raw == "" {
		return true
	}
	if err != nil || len(raw) > 2048 || u.Host == "" || u.User != nil || u.Fragment != "" || !store.Storable(raw) {
		return false
	}
	here := slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && here
}

// put writes a setting of the environment. Every process decides anew after it.
func (s *SSOPolicies) put(ctx context.Context, by store.Principal, action, kind string, v any) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	by.TenantID = ""
	return s.change(ctx, by, action, s.environment, func(tx *unit) error {
		tx.detail = v
		return putSetting(ctx, tx, kind, v)
	})
}

func putSetting(ctx context.Context, tx *unit, kind string, v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := tx.PutSetting(ctx, "", kind, doc); err != nil {
		return err
	}
	return tx.revoke(ctx, store.Revocation{})
}

// Excluded returns the addresses that are spared from single sign-on, in byte order.
func (s *SSOPolicies) Excluded(ctx context.Context, by store.Principal) ([]string, error) {
	if err := hostOnly(by); err != nil {
		return nil, err
	}
	return readExclusions(ctx, s.store)
}

// Exclude spares an address from single sign-on: the account that gets in when the provider
// is gone. One that is spared already is no error.
func (s *SSOPolicies) Exclude(ctx context.Context, by store.Principal, email string) error {
	return s.exclude(ctx, by, "sso_email.excluded", email, func(all []string, value string) ([]string, error) {
		at, found := slices.BinarySearch(all, value)
		switch {
		case found:
			return all, nil
		case len(all) >= maxExcluded:
			return nil, fault.New(fault.Invalid, "email", "is one more than the 1000 that may be excluded")
		}
		return slices.Insert(all, at, value), nil
	})
}

// Include takes an address off the list. One that is not on it is NotFound.
func (s *SSOPolicies) Include(ctx context.Context, by store.Principal, email string) error {
	return s.exclude(ctx, by, "sso_email.included", email, func(all []string, value string) ([]string, error) {
		at, found := slices.BinarySearch(all, value)
		if !found {
			return nil, missing(store.ErrNotFound, "excluded email")
		}
		return slices.Delete(all, at, at+1), nil
	})
}

func (s *SSOPolicies) exclude(
	ctx context.Context, by store.Principal, action, email string, fn func(all []string, value string) ([]string, error),
) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	value, err := normalizeEmail(email)
	if err != nil {
		return err
	}
	by.TenantID = ""
	return s.change(ctx, by, action, value, func(tx *unit) error {
		all, err := readExclusions(ctx, tx)
		if err != nil {
			return err
		}
		if all, err = fn(all, value); err != nil {
			return err
		}
		return putSetting(ctx, tx, excludedSetting, exclusions{all})
	})
}
