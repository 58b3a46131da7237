package service

import (
	"context"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/store"
)

// Connections are the rules about the ways into a tenant through providers of its own.
// Whoever changes one holds [store.WriteSSO], and a user who has a second factor has shown
// it. Who else may change them is told by mail.
type Connections struct {
	*base
	ring    *secret.Ring
	guard   *outbound.Guard
	party   *oidc.Party
	keys    *samlKeys
	baseURL string
	notices *connectionNotices
}

func newConnections(b *base, c Config, out outside) *Connections {
	return &Connections{
		base: b, ring: c.Ring, guard: out.guard, party: out.party, baseURL: c.BaseURL,
		keys: &samlKeys{base: b, ring: c.Ring, baseURL: c.BaseURL},
	}
}

// HangUp closes what is open to other machines and not in use. What is called later opens it
// again.
func (s *Connections) HangUp() { s.guard.Client().CloseIdleConnections() }

// maxConnections is how many connections a tenant may have.
const maxConnections = 20

// An SSOConnection is a connection as its administrator sees it. Its Secret is never shown.
type SSOConnection struct {
	store.Connection
	With      ConnectionSettings // what Settings says
	HasSecret bool
	Domains   []store.Domain       // oldest first
	Groups    []store.GroupMapping // oldest first
	ACS       string               // of SAML: where the provider sends its answers
	EntityID  string               // of SAML: how the provider knows us
}

// A NewConnection is what a caller chooses about a connection.
type NewConnection struct {
	Protocol store.Protocol
	Enabled  bool
	Secret   string // of OpenID Connect: what we show to the provider
	Settings ConnectionSettings
}

// A ConnectionChange is what a caller changes of a connection. A nil field stays as it is.
type ConnectionChange struct {
	Protocol store.Protocol // must be the connection's own; empty is
	Enabled  *bool
	Secret   *string                   // "" takes it away
	Settings func(*ConnectionSettings) // changes what it wants to
}

// List returns the connections of the caller's tenant, oldest first.
func (s *Connections) List(ctx context.Context, by store.Principal) ([]SSOConnection, error) {
	if !by.Can(store.ReadSSO) {
		return nil, mayNot()
	}
	cs, err := s.store.Connections(ctx, by.TenantID)
	if err != nil {
		return nil, err
	}
	return s.describe(ctx, s.store, by.TenantID, cs...)
}

// Read returns one connection of the caller's tenant.
func (s *Connections) Read(ctx context.Context, by store.Principal, id string) (SSOConnection, error) {
	if !by.Can(store.ReadSSO) {
		return SSOConnection{}, mayNot()
	}
	c, err := s.store.Connection(ctx, by.TenantID, id)
	if err != nil {
		return SSOConnection{}, missing(err, "SSO configuration")
	}
	return s.whole(ctx, s.store, c)
}

// whole is one connection with what belongs to it.
func (s *Connections) whole(ctx context.Context, r store.Records, c store.Connection) (SSOConnection, error) {
	all, err := s.describe(ctx, r, c.TenantID, c)
	if err != nil {
		return SSOConnection{}, err
	}
	return all[0], nil
}

// describe adds what belongs to the connections of a tenant.
func (s *Connections) describe(ctx context.Context, r store.Records, tenantID string, cs ...store.Connection) ([]SSOConnection, error) {
	domains, err := r.Domains(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	groups, err := r.GroupMappings(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	all := make([]SSOConnection, len(cs))
	for i, c := range cs {
		if all[i], err = s.described(c); err != nil {
			return nil, err
		}
		for _, d := range domains {
			if d.ConnectionID == c.ID {
				all[i].Domains = append(all[i].Domains, d)
			}
		}
		for _, g := range groups {
			if g.ConnectionID == c.ID {
				all[i].Groups = append(all[i].Groups, g)
			}
		}
	}
	return all, nil
}

func (s *Connections) described(c store.Connection) (SSOConnection, error) {
	st, err := readConnectionSettings(c)
	out := SSOConnection{Connection: c, With: st, HasSecret: len(c.Secret) > 0}
	out.Secret = nil
	if st.SAML != nil {
		out.ACS, out.EntityID = s.acs(c.ID, *st.SAML), s.entityID(c.ID, *st.SAML)
	}
	return out, err
}

// Create adds a connection to the caller's tenant. One that is enabled must be complete, and
// the documents of an OpenID Connect provider must be there: what is wrong with them is said
// in the error. Nobody is sent to it until a domain of it is proved.
func (s *Connections) Create(ctx context.Context, by store.Principal, n NewConnection) (SSOConnection, error) {
	before := path{Connection: store.Connection{TenantID: by.TenantID, ID: s.newID(), Protocol: n.Protocol}}
	next, err := s.turned(ctx, by, before, ConnectionChange{
		Enabled: &n.Enabled, Secret: &n.Secret, Settings: func(st *ConnectionSettings) { *st = n.Settings },
	})
	if err != nil {
		return SSOConnection{}, err
	}
	err = s.write(ctx, by, "connection.created", next.ID, func(tx *unit) error {
		if _, err := tx.Tenant(ctx, by.TenantID); err != nil {
			return missing(err, "tenant")
		}
		have, err := tx.Connections(ctx, by.TenantID)
		if err == nil && len(have) >= maxConnections {
			err = fault.New(fault.Invalid, "", "an account may have no more than 20 SSO configurations")
		}
		if err != nil {
			return err
		}
		next.CreatedAt, next.UpdatedAt, next.DueAt = tx.at, tx.at, next.st.due(tx.at)
		if err := tx.CreateConnection(ctx, next.Connection); err != nil {
			return err
		}
		return s.follow(ctx, tx, turn{by: by, before: before, next: next, what: []string{"was added"}})
	})
	if err != nil {
		return SSOConnection{}, err
	}
	return s.described(next.Connection)
}

// Update changes a connection of the caller's tenant, under the rules of
// [Connections.Create]. Where it is turned off, or its provider is another from then on, the
// sessions end that came through it.
func (s *Connections) Update(ctx context.Context, by store.Principal, id string, ch ConnectionChange) (SSOConnection, error) {
	if !by.Can(store.WriteSSO) {
		return SSOConnection{}, mayNot()
	}
	before, err := findPath(ctx, s.store, by.TenantID, id)
	if err != nil {
		return SSOConnection{}, err
	}
	next, err := s.turned(ctx, by, before, ch)
	if err != nil {
		return SSOConnection{}, err
	}
	var out SSOConnection
	err = s.write(ctx, by, "connection.updated", id, func(tx *unit) error {
		now, err := findPath(ctx, tx, by.TenantID, id)
		if err != nil {
			return err
		}
		if !now.same(before) {
			return fault.New(fault.Conflict, "", "the configuration was changed meanwhile: try again")
		}
		next.UpdatedAt, next.DueAt = tx.at, next.st.due(tx.at)
		if err := tx.UpdateConnection(ctx, next.Connection); err != nil {
			return err
		}
		if out, err = s.whole(ctx, tx, next.Connection); err != nil {
			return err
		}
		return s.follow(ctx, tx, turn{by: by, before: before, next: next, what: before.differences(next, ch)})
	})
	if err != nil {
		return SSOConnection{}, err
	}
	return out, nil
}

// Delete removes a connection of the caller's tenant with its domains and mappings, and ends
// the sessions that came through it.
func (s *Connections) Delete(ctx context.Context, by store.Principal, id string) error {
	return s.write(ctx, by, "connection.deleted", id, func(tx *unit) error {
		before, err := findPath(ctx, tx, by.TenantID, id)
		if err != nil {
			return err
		}
		gone := before
		gone.Enabled = false
		if err := s.follow(ctx, tx, turn{by: by, before: before, next: gone, what: []string{"was removed"}, ends: true}); err != nil {
			return err
		}
		return tx.DeleteConnection(ctx, by.TenantID, id)
	})
}

// write is change for who may write the configuration of single sign-on.
func (s *Connections) write(ctx context.Context, by store.Principal, action, id string, fn func(*unit) error) error {
	if !by.Can(store.WriteSSO) {
		return mayNot()
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		if err := provenTwice(ctx, tx, by); err != nil {
			return err
		}
		return fn(tx)
	})
}
