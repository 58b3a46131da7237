package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func domainTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Domain": testDomain, "DomainIsolation": testDomainIsolation, "DomainIndex": testDomainIndex,
		"INV-12 domain race": testDomainRace,
	}
}

func newDomain(tenantID, id, connectionID string) store.Domain {
	return store.Domain{
		TenantID: tenantID, ID: id, ConnectionID: connectionID, Name: "acme.example", Challenge: "prove-" + id,
		ValidatedAt: now().Add(time.Minute), Proof: "dns", CreatedAt: now(),
	}
}

func domainID(d store.Domain) string { return d.TenantID + "/" + d.ID }

func testDomain(t *testing.T, s store.Store) {
	ctx, d := t.Context(), newDomain("t1", "d1", "c1")
	connects(t, s, "t1", "c1", "c2")
	must(t, s.CreateDomain(ctx, d))
	returns(s.Domain(ctx, "t1", "d1"))(t, "Domain", d)
	refused(t, "the id twice", s.CreateDomain(ctx, d), store.ErrConflict)
	refused(t, "the name twice", s.CreateDomain(ctx, newDomain("t1", "d2", "c1")), store.ErrConflict)
	refused(t, "the name at another connection", s.CreateDomain(ctx, newDomain("t1", "d2", "c2")), store.ErrConflict)
	other := newDomain("t1", "d2", "c9")
	other.Name = "other.example"
	refused(t, "of no connection", s.CreateDomain(ctx, other), store.ErrNotFound)
	fails(s.Domain(ctx, "t1", "d9"))(t, "unknown domain", store.ErrNotFound)

	bare := store.Domain{TenantID: "t1", ID: "d0", ConnectionID: "c2", Name: "Acme.example", CreatedAt: now().Add(-time.Second)}
	must(t, s.CreateDomain(ctx, bare)) // compared by bytes: its form is a rule
	returns(s.Domains(ctx, "t1"))(t, "oldest first", []store.Domain{bare, d})
	for _, tt := range []struct {
		proof string
		at    time.Time
	}{{"forced", now().Add(time.Hour)}, {"", time.Time{}}, {"dns", now()}} {
		must(t, s.ProveDomain(ctx, "t1", "d0", tt.proof, tt.at))
		bare.Proof, bare.ValidatedAt = tt.proof, tt.at
		returns(s.Domain(ctx, "t1", "d0"))(t, "proved by "+tt.proof, bare)
	}
	refused(t, "proving none", s.ProveDomain(ctx, "t1", "d9", "dns", now()), store.ErrNotFound)
	must(t, s.DeleteDomain(ctx, "t1", "d1"))
	refused(t, "deleting twice", s.DeleteDomain(ctx, "t1", "d1"), store.ErrNotFound)
	must(t, s.CreateDomain(ctx, newDomain("t1", "d3", "c1")))
}

func testDomainIsolation(t *testing.T, s store.Store) {
	ctx, d := t.Context(), newDomain("t1", "d1", "c1")
	connects(t, s, "t1", "c1")
	connects(t, s, "t2", "c2")
	must(t, s.CreateDomain(ctx, d), s.CreateDomain(ctx, newDomain("t2", "d1", "c2"))) // ids are a tenant's
	must(t, s.DeleteDomain(ctx, "t2", "d1"))
	for _, tenant := range []string{"t2", "", "T1"} {
		what := " by way of tenant " + tenant
		fails(s.Domain(ctx, tenant, "d1"))(t, "Domain"+what, store.ErrNotFound)
		returns(s.Domains(ctx, tenant))(t, "Domains"+what, nil)
		refused(t, "ProveDomain"+what, s.ProveDomain(ctx, tenant, "d1", "", time.Time{}), store.ErrNotFound)
		refused(t, "DeleteDomain"+what, s.DeleteDomain(ctx, tenant, "d1"), store.ErrNotFound)
	}
	returns(s.Domain(ctx, "t1", "d1"))(t, "unharmed", d)
}

func testDomainIndex(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i, tenant := range []string{"t3", "t1", "t2"} {
		connects(t, s, tenant, "c-"+tenant)
		d := newDomain(tenant, "d", "c-"+tenant)
		d.CreatedAt, d.ValidatedAt = now().Add(time.Duration(i)*time.Second), time.Time{}
		other := d
		other.ID, other.Name = "o", "sub.acme.example"
		must(t, s.CreateDomain(ctx, d), s.CreateDomain(ctx, other))
	}
	for name, want := range map[string]string{
		"acme.example": "t3/d t1/d t2/d", "sub.acme.example": "t3/o t1/o t2/o", "example": "", "ACME.example": "", "": "", "%": "",
	} {
		got, err := s.DomainsByName(ctx, name)
		must(t, err)
		equal(t, "claims to "+name, words(got, domainID), want)
		got, err = s.ProvedDomains(ctx, name)
		must(t, err)
		equal(t, "claims to "+name+" that nobody proved", words(got, domainID), "")
	}
	must(t, s.ProveDomain(ctx, "t2", "d", "dns", now()), s.ProveDomain(ctx, "t3", "d", "dns", now().Add(time.Hour)))
	proved, err := s.ProvedDomains(ctx, "acme.example")
	must(t, err)
	equal(t, "claims that were proved", words(proved, domainID), "t3/d t2/d")
	must(t, s.DeleteConnection(ctx, "t3", "c-t3"), s.DeleteDomain(ctx, "t1", "d"))
	got, err := s.DomainsByName(ctx, "acme.example")
	must(t, err)
	equal(t, "claims that are left", words(got, domainID), "t2/d")
	must(t, s.ProveDomain(ctx, "t2", "d", "", time.Time{}))
	proved, err = s.ProvedDomains(ctx, "acme.example")
	must(t, err)
	equal(t, "proofs that are left", words(proved, domainID), "")
}

// testDomainRace lets callers claim one domain in one tenant, and then in each its own.
func testDomainRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	connects(t, s, "t1", "c1")
	got := race(12, func(i int) error { return s.CreateDomain(ctx, newDomain("t1", strconv.Itoa(i), "c1")) })
	equal(t, "claims of one domain in one tenant", got, map[string]int{"ok": 1, "conflict": 11})
	connects(t, s, "t2", "c2")
	connects(t, s, "t3", "c3")
	got = race(2, func(i int) error {
		return s.CreateDomain(ctx, newDomain([]string{"t2", "t3"}[i], "d", []string{"c2", "c3"}[i]))
	})
	equal(t, "claims of two tenants", got, map[string]int{"ok": 2})
	got = race(8, func(i int) error { return proveFirst(t, s, []string{"t2", "t3"}[i%2]) })
	equal(t, "who may prove it first", got, map[string]int{"ok": 1, "conflict": 7})
}

// proveFirst proves the tenant's claim if nobody has proved one to the name, as the rule does.
func proveFirst(t *testing.T, s store.Store, tenantID string) error {
	ctx := t.Context()
	return s.Tx(ctx, func(tx store.Records) error {
		claims, err := tx.DomainsByName(ctx, "acme.example")
		if err != nil {
			return err
		}
		for _, c := range claims {
			if c.Proof == "race" {
				return store.ErrConflict
			}
		}
		return tx.ProveDomain(ctx, tenantID, "d", "race", now())
	})
}
