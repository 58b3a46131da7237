package service

import (
	"context"
	"net"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// Domains are the e-mail domains of tenants: whoever has an address in one comes through the
// tenant's connection. Whoever changes them holds [store.WriteSSO], and a user who has a
// second factor has shown it.
type Domains struct {
	*base
	resolver TXTResolver
}

func newDomains(b *base, c Config) *Domains {
	if c.Resolver == nil {
		c.Resolver = &net.Resolver{}
	}
	return &Domains{base: b, resolver: c.Resolver}
}

// How a domain is proved.
const (
	ProofDNS    = "dns"    // by a TXT record
	ProofEmail  = "email"  // by the verified address of a user
	ProofHost   = "host"   // by the word of the host's back end
	ProofPolicy = "policy" // by nothing: the environment asks for no proof
)

// maxDomains is how many domains a tenant may claim.
const maxDomains = 50

// vouched reports whether the proof shows that the domain is the tenant's. What an address
// shows is that somebody is there.
func vouched(d store.Domain) bool {
	return !d.ValidatedAt.IsZero() && (d.Proof == ProofDNS || d.Proof == ProofHost)
}

// List returns the domains of the tenant that by acts in, oldest first.
func (s *Domains) List(ctx context.Context, by store.Principal) ([]store.Domain, error) {
	if !by.Can(store.ReadSSO) {
		return nil, mayNot()
	}
	return s.store.Domains(ctx, by.TenantID)
}

// Add claims a domain for a connection of the tenant that by acts in. The claim waits for its
// proof, unless a policy takes it for proved and nobody else has the domain. A domain that the
// tenant has already is a Conflict; one that nobody can have for themselves is Invalid.
func (s *Domains) Add(ctx context.Context, by store.Principal, connectionID, domain string) (store.Domain, error) {
	name, err := domainName(domain)
	if err == nil {
		err = claimable(name)
	}
	if err != nil {
		return store.Domain{}, err
	}
	challenge, _, err := secret.NewLinkToken()
	if err != nil {
		return store.Domain{}, err
	}
	d := store.Domain{TenantID: by.TenantID, ID: s.newID(), ConnectionID: connectionID, Name: name, Challenge: challenge}
	err = s.write(ctx, by, "domain.added", d.ID, func(tx *unit) (err error) {
		d.CreatedAt, tx.detail = tx.at, map[string]string{"domain": name, "connectionId": connectionID}
		if err := s.fits(ctx, tx, d); err != nil {
			return err
		}
		if d.Proof, err = s.given(ctx, tx, by, name); err != nil {
			return err
		}
		if d.Proof != "" {
			d.ValidatedAt = tx.at
		}
		return conflict(tx.CreateDomain(ctx, d), "domain already exists")
	})
	return d, err
}

// write is change for who may write the configuration of single sign-on. What is known of the
// tenant's people is looked at anew after it.
func (s *Domains) write(ctx context.Context, by store.Principal, action, id string, fn func(*unit) error) error {
	if !by.Can(store.WriteSSO) {
		return mayNot()
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		if err := provenTwice(ctx, tx, by); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{TenantID: by.TenantID})
	})
}

func mayNot() error { return fault.New(fault.Forbidden, "", "you may not do this") }

// fits refuses a claim that has no place: no such connection, or too many domains.
func (s *Domains) fits(ctx context.Context, tx *unit, d store.Domain) error {
	if _, err := tx.Connection(ctx, d.TenantID, d.ConnectionID); err != nil {
		return missing(err, "SSO configuration")
	}
	have, err := tx.Domains(ctx, d.TenantID)
	if err == nil && len(have) >= maxDomains {
		err = fault.New(fault.Invalid, "domain", "is one more than the 50 that an account may have")
	}
	return err
}

// given returns the proof that a new claim comes with; empty for none, also where another
// tenant was first.
func (s *Domains) given(ctx context.Context, tx *unit, by store.Principal, name string) (string, error) {
	p, err := readDomainPolicy(ctx, tx)
	if err != nil {
		return "", err
	}
	proof := ""
	if p.SkipVerification {
		proof = ProofPolicy
	} else if p.VerifiedUsersMayAdd {
		theirs, err := owns(ctx, tx, by, name)
		if err != nil {
			return "", err
		}
		if theirs {
			proof = ProofEmail
		}
	}
	if proof == "" {
		return "", nil
	}
	err = untaken(ctx, tx, by.TenantID, name)
	if f := fault.From(err); f != nil && f.Code == fault.Conflict {
		return "", nil
	}
	return proof, err
}

// owns reports whether the caller is a user whose own verified address is in the domain.
func owns(ctx context.Context, r store.Records, by store.Principal, name string) (bool, error) {
	if by.Kind != store.UserKind {
		return false, nil
	}
	u, err := r.User(ctx, by.UserID)
	if err != nil {
		return false, err
	}
	theirs, ok := emailDomain(u.Email)
	return ok && u.Verified && theirs == name, nil
}

// untaken refuses the second tenant that proves a domain, unless several may have one.
func untaken(ctx context.Context, r store.Records, tenantID, name string) error {
	claims, err := r.ProvedDomains(ctx, name)
	if err != nil || !slices.ContainsFunc(claims, func(d store.Domain) bool { return d.TenantID != tenantID }) {
		return err
	}
	p, err := readMultiplePolicy(ctx, r)
	if err == nil && !p.Active {
		err = fault.New(fault.Conflict, "", "another account has proved that it has this domain")
	}
	return err
}

// Remove ends a claim. Another tenant can prove the domain from then on, and whoever claims it
// anew proves it anew.
func (s *Domains) Remove(ctx context.Context, by store.Principal, connectionID, id string) error {
	return s.write(ctx, by, "domain.removed", id, func(tx *unit) error {
		d, err := claimed(ctx, tx, by, connectionID, id)
		if err != nil {
			return err
		}
		tx.detail = map[string]string{"domain": d.Name, "connectionId": connectionID}
		return tx.DeleteDomain(ctx, by.TenantID, id)
	})
}

// claimed returns a claim of the tenant that by acts in, for the connection.
func claimed(ctx context.Context, r store.Records, by store.Principal, connectionID, id string) (store.Domain, error) {
	d, err := r.Domain(ctx, by.TenantID, id)
	if err == nil && d.ConnectionID != connectionID {
		err = store.ErrNotFound
	}
	return d, missing(err, "SSO domain")
}
