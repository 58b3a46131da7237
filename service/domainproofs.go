package service

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A TXTResolver finds the TXT records of a name, which ends in a dot: nobody's search list
// applies to it. A [net.Resolver] is one.
type TXTResolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// How a domain is asked for its proof.
const (
	recordLabel = "_saml-domain-challenge."
	askDNS      = 5 * time.Second
)

// Validate proves a claim by the TXT record _saml-domain-challenge of its domain, which must
// hold the challenge and nothing else. Where it does not, the Invalid error says what the
// record must be. Where another tenant proved the domain first it is a Conflict. A claim that
// was proved stays so, whatever the record is by then.
func (s *Domains) Validate(ctx context.Context, by store.Principal, connectionID, id string) (store.Domain, error) {
	if !by.Can(store.WriteSSO) {
		return store.Domain{}, mayNot()
	}
	if err := provenTwice(ctx, s.store, by); err != nil {
		return store.Domain{}, err
	}
	d, err := claimed(ctx, s.store, by, connectionID, id)
	if err != nil || !d.ValidatedAt.IsZero() {
		return d, err
	}
	if err := s.ask(ctx, d); err != nil {
		return d, err
	}
	return s.prove(ctx, by, d, ProofDNS)
}

// ask looks for the record that proves the claim.
func (s *Domains) ask(ctx context.Context, d store.Domain) error {
	ctx, cancel := context.WithTimeout(ctx, askDNS)
	defer cancel()
	found, err := s.resolver.LookupTXT(ctx, recordLabel+d.Name+".")
	var unknown *net.DNSError
	switch {
	case err == nil && slices.Contains(found, d.Challenge):
		return nil
	case err == nil || errors.As(err, &unknown) && unknown.IsNotFound:
		says := "has no TXT record " + recordLabel + d.Name + " with the value " + d.Challenge
		return fault.New(fault.Invalid, "domain", says).Because(err)
	}
	return fault.Retry(fault.Unavailable, "the name servers of "+d.Name+" gave no answer", askDNS).Because(err)
}

// prove sets the proof of a claim that is still there. The first tenant to prove a domain has
// it: the transaction looks at all claims, so that of two at the same time one comes second.
func (s *Domains) prove(ctx context.Context, by store.Principal, d store.Domain, proof string) (store.Domain, error) {
	err := s.write(ctx, by, "domain.validated", d.ID, func(tx *unit) error {
		var err error
		if d, err = claimed(ctx, tx, by, d.ConnectionID, d.ID); err != nil || !d.ValidatedAt.IsZero() {
			return err
		}
		if err := untaken(ctx, tx, d.TenantID, d.Name); err != nil {
			return err
		}
		d.Proof, d.ValidatedAt = proof, tx.at
		tx.detail = map[string]string{"domain": d.Name, "proof": proof}
		return tx.ProveDomain(ctx, d.TenantID, d.ID, proof, tx.at)
	})
	return d, err
}

// ValidateEmail proves a claim by the verified address of the user who calls, where the
// environment takes one for a proof. Anything else is Forbidden.
func (s *Domains) ValidateEmail(ctx context.Context, by store.Principal, connectionID, id string) (store.Domain, error) {
	if !by.Can(store.WriteSSO) {
		return store.Domain{}, mayNot()
	}
	d, err := claimed(ctx, s.store, by, connectionID, id)
	if err != nil || !d.ValidatedAt.IsZero() {
		return d, err
	}
	p, err := readDomainPolicy(ctx, s.store)
	if err != nil {
		return d, err
	}
	theirs, err := owns(ctx, s.store, by, d.Name)
	if err != nil {
		return d, err
	}
	if !p.VerifiedUsersMayAdd || !theirs {
		return d, fault.New(fault.Forbidden, "", "this domain takes a TXT record for its proof")
	}
	return s.prove(ctx, by, d, ProofEmail)
}

// Force takes the claims to a domain for proved, or takes their proofs back. Only the host's
// back end may: for the tenant that it names, else for all that claim the domain. Where
// several tenants do and one domain is one tenant's, it must name one, or get a Conflict. A
// domain that nobody claims is NotFound.
func (s *Domains) Force(ctx context.Context, by store.Principal, domain string, validated bool) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	name, err := domainName(domain)
	if err != nil {
		return err
	}
	return s.change(ctx, by, "domain.forced", name, func(tx *unit) error {
		claims, err := tx.DomainsByName(ctx, name)
		if err != nil {
			return err
		}
		if by.TenantID != "" {
			claims = slices.DeleteFunc(claims, func(d store.Domain) bool { return d.TenantID != by.TenantID })
		}
		if len(claims) == 0 {
			return missing(store.ErrNotFound, "SSO domain")
		}
		tx.detail = map[string]any{"validated": validated, "claims": len(claims)}
		for _, d := range claims {
			if err := force(ctx, tx, d, validated); err != nil {
				return err
			}
		}
		return s.alone(ctx, tx, claims, validated)
	})
}

// force sets or takes back one proof. One by DNS says more than a word.
func force(ctx context.Context, tx *unit, d store.Domain, validated bool) (err error) {
	switch {
	case !validated:
		err = tx.ProveDomain(ctx, d.TenantID, d.ID, "", time.Time{})
	case !vouched(d):
		err = tx.ProveDomain(ctx, d.TenantID, d.ID, ProofHost, tx.at)
	}
	if err != nil {
		return err
	}
	return tx.revoke(ctx, store.Revocation{TenantID: d.TenantID})
}

// alone refuses to leave a domain with several tenants where one is all that may have it.
func (s *Domains) alone(ctx context.Context, tx *unit, claims []store.Domain, validated bool) error {
	if len(claims) == 1 {
		tx.tenantID = claims[0].TenantID
	}
	if !validated {
		return nil
	}
	return untaken(ctx, tx, claims[0].TenantID, claims[0].Name)
}
