package service

import (
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/store"
)

// resolve returns the user whom an assertion is about, with all that this changes about them:
// made where they are new, a member of the connection's tenant, with the roles that the
// connection and their groups give.
func (s *SSO) resolve(ctx context.Context, tx *unit, by store.Principal, c store.Connection, a sso.Assertion) (string, error) {
	now, err := tx.Connection(ctx, c.TenantID, c.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !now.Enabled {
		return "", sso.Refuse("the connection was disabled or deleted meanwhile", err)
	}
	if err != nil {
		return "", err
	}
	st, err := readConnectionSettings(now)
	if err != nil {
		return "", err
	}
	before, err := readConnectionSettings(c)
	if err != nil {
		return "", err
	}
	if (path{c, before}).replaced(path{now, st}) { // what it said was checked by keys that do not count any more
		return "", sso.Refuse("the connection got another provider meanwhile: sign in again", nil)
	}
	proved, err := s.proves(ctx, tx, now, st, a)
	if err != nil {
		return "", err
	}
	g, err := s.visitors.recognize(ctx, tx, by, visitor{
		connectionID: c.ID, subject: a.Subject, tenantID: c.TenantID, provider: string(c.Protocol),
		email: a.Email, proved: proved, name: a.Name, strange: func(*unit) error { return st.stranger() },
	})
	if err != nil {
		return "", err
	}
	return g.user.ID, s.settle(ctx, tx, st, settling{guest: g, connection: now, groups: a.Groups})
}

// stranger refuses who is no user yet, where the connection makes none.
func (st ConnectionSettings) stranger() error {
	if st.KnownOnly {
		return sso.Refuse("the person is no member of the tenant, and the connection lets only members in", nil)
	}
	return nil
}

// proves reports whether an asserted address is the person's beyond doubt. An address outside
// of the connection's own domains is refused, unless that was allowed; it proves nothing then.
// SAML has no word for a verified address: there it is enough whose the domain is.
func (s *SSO) proves(
	ctx context.Context, r store.Records, c store.Connection, st ConnectionSettings, a sso.Assertion,
) (bool, error) {
	name, ok := emailDomain(a.Email)
	all, err := r.Domains(ctx, c.TenantID)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(d store.Domain) bool {
		return ok && d.ConnectionID == c.ID && d.Name == name && !d.ValidatedAt.IsZero()
	})
	if i >= 0 {
		return vouched(all[i]) && (c.Protocol == store.SAML || a.EmailVerified), nil
	}
	p, err := readDomainPolicy(ctx, r)
	switch {
	case err != nil:
		return false, err
	case st.AnyDomain || p.BypassCrossValidation:
		return false, nil
	case a.Email == "":
		return false, sso.Refuse("the provider asserts no address: map the attribute that has it", nil)
	}
	return false, sso.Refuse("the address is outside of the connection's domains: claim its domain and prove it", nil)
}

// A settling is a guest about to become a member of the connection's tenant.
type settling struct {
	guest      guest
	connection store.Connection
	groups     []string
}

// settle makes the guest a member, and gives and takes roles. It happens when the guest comes
// for the first time; roles by group at every time, where the environment wants that.
func (s *SSO) settle(ctx context.Context, tx *unit, st ConnectionSettings, g settling) error {
	tenantID := g.connection.TenantID
	if _, err := tx.Tenant(ctx, tenantID); err != nil {
		return missing(err, "tenant")
	}
	joined, err := s.enroll(ctx, tx, st, g)
	if err != nil {
		return err
	}
	if !joined && !g.guest.linked && !s.everyLogin {
		return nil
	}
	r, err := s.roles(ctx, tx, g, joined)
	if err != nil {
		return err
	}
	changed, err := r.apply(ctx, tx, &g.guest.link)
	if err != nil || !changed && !joined {
		return err
	}
	return tx.revoke(ctx, store.Revocation{TenantID: tenantID, UserID: g.guest.user.ID})
}

// enroll makes the guest an active member and reports whether that is new.
func (s *SSO) enroll(ctx context.Context, tx *unit, st ConnectionSettings, g settling) (bool, error) {
	tenantID, userID := g.connection.TenantID, g.guest.user.ID
	m, err := tx.Membership(ctx, tenantID, userID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if err := st.stranger(); err != nil {
			return false, err
		}
		m = store.Membership{TenantID: tenantID, UserID: userID, Activated: true, CreatedAt: tx.at, UpdatedAt: tx.at}
		return true, tx.CreateMembership(ctx, m)
	case err != nil:
		return false, err
	case m.Disabled:
		return false, sso.Refuse("the person is disabled in the tenant", nil)
	case m.Activated:
		return false, nil
	}
	m.Activated, m.UpdatedAt = true, tx.at
	return true, tx.UpdateMembership(ctx, m)
}
