package service

import (
	"context"
	"errors"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// SSORequired is the error code of what an address in a domain that is bound to a provider
// does not do here: sign in, sign up, prove or reset anything.
const SSORequired = "sso_required"

// Unconfirmed is the error code of a sign-in that waits for the proof of the address.
const Unconfirmed = "ER-01060"

// ssoRequired is Forbidden for an address in a domain that is bound to a provider, unless the
// environment spares it. It looks at the domain and at nothing that concerns a user, so that
// it says, and costs, the same whether or not anybody has the address.
func ssoRequired(ctx context.Context, r store.Records, email string) error {
	domain, ok := emailDomain(email)
	if !ok {
		return nil
	}
	bound, err := boundConnections(ctx, r, domain)
	if err != nil || len(bound) == 0 {
		return err
	}
	spared, err := excluded(ctx, r, email)
	if err != nil || spared {
		return err
	}
	e := fault.New(fault.Forbidden, "", "sign in with single sign-on").Because(errors.New("the domain is bound to a provider"))
	e.Wire = SSORequired
	return e
}

// ssoRequiredOf is ssoRequired for what somebody typed that need not be an address.
func ssoRequiredOf(ctx context.Context, r store.Records, kind store.IdentifierKind, value string) error {
	if kind != store.Email {
		return nil
	}
	return ssoRequired(ctx, r, value)
}

// localOf is the domain of what somebody typed that ssoRequiredOf let pass.
func localOf(kind store.IdentifierKind, value string) string {
	if kind != store.Email {
		return ""
	}
	domain, _ := emailDomain(value)
	return domain
}

// Required reports whether an address can sign in by single sign-on alone: by its domain, and
// by nothing that concerns a user.
func (s *SSO) Required(ctx context.Context, email string) (bool, error) {
	err := ssoRequired(ctx, s.store, email)
	if bound(err) {
		return true, nil
	}
	return false, err
}

// bound reports whether err says that the address is bound to a provider.
func bound(err error) bool {
	f := fault.From(err)
	return f != nil && f.Wire == SSORequired
}

// ours refuses to open a session of our own for a user whose address is bound to a provider.
// One that a session takes the place of was open before. What was typed, where it was an
// address, was looked at already.
func (o opening) ours(ctx context.Context, tx *unit, u store.User) error {
	if o.onlyTenant != "" || o.replaces != "" {
		return nil
	}
	if domain, ok := emailDomain(u.Email); !ok || domain == o.local {
		return nil
	}
	return ssoRequired(ctx, tx, u.Email)
}
