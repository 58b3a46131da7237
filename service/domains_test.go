package service_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// zone is what name servers say.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
	broken  error
	asked   []string
}

func (z *zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, name)
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, errors.New("asked without an end")
	}
	if z.broken != nil {
		return nil, z.broken
	}
	if r, ok := z.records[name]; ok {
		return r, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) say(name string, records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[name] = records
}

// A domainWorld has name servers and tenants with a connection each.
type domainWorld struct {
	world
	zone *zone
}

func newDomainWorld(t testing.TB, change ...func(*service.Config)) domainWorld {
	t.Helper()
	z := &zone{records: map[string][]string{}}
	return domainWorld{newWorld(t, append(change, open, func(c *service.Config) { c.Resolver = z })...), z}
}

// admin is somebody who may write the configuration of a new tenant.
func (w domainWorld) admin(t testing.TB, email string) store.Principal {
	t.Helper()
	return w.user(t, w.signUp(t, email))
}

// connected makes an enabled connection for a tenant and returns its id.
func (w world) connected(t testing.TB, tenantID string, p store.Protocol) string {
	t.Helper()
	c := store.Connection{
		TenantID: tenantID, ID: fmt.Sprintf("%s-%s-%d", p, tenantID, w.clock.now().UnixMicro()), Protocol: p, Enabled: true,
		Settings: "{}", CreatedAt: w.clock.now(), UpdatedAt: w.clock.now(),
	}
	if err := w.db.CreateConnection(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Second)
	return c.ID
}

// claim adds a domain, to a connection of its own.
func (w domainWorld) claim(t testing.TB, by store.Principal, name string) store.Domain {
	t.Helper()
	d, err := w.Domains.Add(t.Context(), by, w.connected(t, by.TenantID, store.SAML), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// publish makes the name servers say what proves the claim.
func (w domainWorld) publish(d store.Domain) {
	w.zone.say("_saml-domain-challenge."+d.Name+".", "v=spf1 -all", d.Challenge)
}

// proved is claim with its proof.
func (w domainWorld) proved(t testing.TB, by store.Principal, name string) store.Domain {
	t.Helper()
	d := w.claim(t, by, name)
	w.publish(d)
	w.clock.advance(time.Second)
	d, err := w.Domains.Validate(t.Context(), by, d.ConnectionID, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w domainWorld) policy(t testing.TB, p service.DomainPolicy) {
	t.Helper()
	if err := w.SSOPolicies.SetDomains(t.Context(), host, p); err != nil {
		t.Fatal(err)
	}
}

func (w domainWorld) multiple(t testing.TB, p service.MultiplePolicy) {
	t.Helper()
	if err := w.SSOPolicies.SetMultiple(t.Context(), host, p); err != nil {
		t.Fatal(err)
	}
}

func TestDomains(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
	here, other := w.connected(t, ann.TenantID, store.SAML), w.connected(t, ann.TenantID, store.OIDC)
	d, err := w.Domains.Add(t.Context(), ann, here, "ACME.example.")
	if err != nil || d.Name != "acme.example" || !d.ValidatedAt.IsZero() || d.Proof != "" || len(d.Challenge) < 32 || d.TenantID != ann.TenantID {
		t.Fatalf("Add = %+v, %v", d, err)
	}
	for _, id := range []string{here, other} {
		wantCode(t, "the same again", errOf(w.Domains.Add(t.Context(), ann, id, "acme.example")), fault.Conflict)
	}
	wantCode(t, "for no connection", errOf(w.Domains.Add(t.Context(), ann, "none", "acme.test")), fault.NotFound)
	wantCode(t, "for another tenant's", errOf(w.Domains.Add(t.Context(), bob, here, "acme.test")), fault.NotFound)
	wantCode(t, "free mail", errOf(w.Domains.Add(t.Context(), ann, here, "gmail.com")), fault.Invalid)
	l, err := w.Domains.List(t.Context(), ann)
	if err != nil || !slices.Equal(l, []store.Domain{d}) {
		t.Errorf("List = %+v, %v, want %+v", l, err, d)
	}

	_, err = w.Domains.Validate(t.Context(), ann, here, d.ID)
	wantCode(t, "without a record", err, fault.Invalid)
	for _, part := range []string{"_saml-domain-challenge.acme.example", d.Challenge} {
		if !strings.Contains(fault.From(err).Error(), part) {
			t.Errorf("%q does not tell of %s", fault.From(err).Error(), part)
		}
	}
	w.zone.say("_saml-domain-challenge.acme.example.", d.Challenge+" ", "x"+d.Challenge, strings.ToUpper(d.Challenge), "")
	wantCode(t, "with another value", errOf(w.Domains.Validate(t.Context(), ann, here, d.ID)), fault.Invalid)
	w.zone.broken = &net.DNSError{Err: "server misbehaving", IsTemporary: true}
	wantCode(t, "with name servers that fail", errOf(w.Domains.Validate(t.Context(), ann, here, d.ID)), fault.Unavailable)
	w.zone.broken = nil
	w.publish(d)
	for name, by := range map[string]struct {
		by store.Principal
		id string
	}{"another tenant": {bob, here}, "another connection": {ann, other}} {
		wantCode(t, "Validate by "+name, errOf(w.Domains.Validate(t.Context(), by.by, by.id, d.ID)), fault.NotFound)
		wantCode(t, "ValidateEmail by "+name, errOf(w.Domains.ValidateEmail(t.Context(), by.by, by.id, d.ID)), fault.NotFound)
		wantCode(t, "Remove by "+name, w.Domains.Remove(t.Context(), by.by, by.id, d.ID), fault.NotFound)
	}
	if got, _ := w.Bound(t.Context(), "acme.example"); len(got) != 0 {
		t.Errorf("a claim binds: %+v", got)
	}
	p, err := w.Domains.Validate(t.Context(), ann, here, d.ID)
	if err != nil || p.Proof != service.ProofDNS || !p.ValidatedAt.Equal(w.clock.now()) {
		t.Errorf("Validate = %+v, %v", p, err)
	}
	w.zone.say("_saml-domain-challenge.acme.example.")
	w.clock.advance(time.Hour)
	again, err := w.Domains.Validate(t.Context(), ann, here, d.ID)
	if err != nil || again != p {
		t.Errorf("Validate again = %+v, %v, want %+v", again, err, p)
	}
	if got, err := w.Bound(t.Context(), "acme.example"); err != nil || !slices.Equal(got, []store.Domain{p}) {
		t.Errorf("bound to %+v, %v, want %+v", got, err, p)
	}
	for _, name := range []string{"sub.acme.example", "example", "xacme.example"} {
		if got, _ := w.Bound(t.Context(), name); len(got) != 0 {
			t.Errorf("%s is bound to %+v", name, got)
		}
	}
	wantCode(t, "Remove", w.Domains.Remove(t.Context(), ann, here, d.ID), "")
	wantCode(t, "Remove again", w.Domains.Remove(t.Context(), ann, here, d.ID), fault.NotFound)
	fresh, err := w.Domains.Add(t.Context(), ann, here, "acme.example")
	if err != nil || fresh.Challenge == d.Challenge || !fresh.ValidatedAt.IsZero() {
		t.Errorf("Add after Remove = %+v, %v", fresh, err)
	}
	for action, want := range map[string]int{"domain.added": 2, "domain.validated": 1, "domain.removed": 1} {
		if got := w.audited(t, action); got != want {
			t.Errorf("%s was recorded %d times, want %d", action, got, want)
		}
	}
}

func TestDomainsAreFew(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	by := hostIn(w.admin(t, "ann@a.example").TenantID)
	id := w.connected(t, by.TenantID, store.SAML)
	for i := range 50 {
		wantCode(t, "Add", errOf(w.Domains.Add(t.Context(), by, id, fmt.Sprintf("d%d.example", i))), "")
	}
	wantCode(t, "one more", errOf(w.Domains.Add(t.Context(), by, id, "d50.example")), fault.Invalid)
}

func TestDomainsByPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, domain string
		policy       service.DomainPolicy
		verified     bool
		proof        string
	}{
		{"by default", "a.example", service.DomainPolicy{}, true, ""},
		{"nothing is asked", "b.example", service.DomainPolicy{SkipVerification: true}, false, service.ProofPolicy},
		{"the user's own", "a.example", service.DomainPolicy{VerifiedUsersMayAdd: true}, true, service.ProofEmail},
		{"not verified", "a.example", service.DomainPolicy{VerifiedUsersMayAdd: true}, false, ""},
		{"another", "b.example", service.DomainPolicy{VerifiedUsersMayAdd: true}, true, ""},
		{"above", "x.a.example", service.DomainPolicy{VerifiedUsersMayAdd: true}, true, ""},
		{"other sessions only", "a.example", service.DomainPolicy{BypassCrossValidation: true}, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newDomainWorld(t)
			ann := w.admin(t, "ann@a.example")
			u, err := w.db.User(t.Context(), ann.UserID)
			if err != nil {
				t.Fatal(err)
			}
			u.Verified = tt.verified
			if err := w.db.UpdateUser(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			w.policy(t, tt.policy)
			d := w.claim(t, ann, tt.domain)
			if d.Proof != tt.proof || d.ValidatedAt.IsZero() != (tt.proof == "") {
				t.Errorf("Add = %+v, want the proof %q", d, tt.proof)
			}
			late := w.claim(t, hostIn(ann.TenantID), "late.example")
			if wantProof := map[bool]string{true: service.ProofPolicy}[tt.policy.SkipVerification]; late.Proof != wantProof {
				t.Errorf("Add by the host = %+v, want the proof %q", late, wantProof)
			}
			d = w.claim(t, hostIn(ann.TenantID), "again."+tt.domain)
			if d.Proof != "" {
				return
			}
			wantCode(t, "ValidateEmail of another", errOf(w.Domains.ValidateEmail(t.Context(), ann, d.ConnectionID, d.ID)), fault.Forbidden)
		})
	}
}

func TestDomainsByEmail(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	ann := w.admin(t, "ann@a.example")
	d := w.claim(t, ann, "a.example")
	wantCode(t, "before the policy", errOf(w.Domains.ValidateEmail(t.Context(), ann, d.ConnectionID, d.ID)), fault.Forbidden)
	w.policy(t, service.DomainPolicy{VerifiedUsersMayAdd: true})
	wantCode(t, "by the host", errOf(w.Domains.ValidateEmail(t.Context(), hostIn(ann.TenantID), d.ConnectionID, d.ID)), fault.Forbidden)
	p, err := w.Domains.ValidateEmail(t.Context(), ann, d.ConnectionID, d.ID)
	if err != nil || p.Proof != service.ProofEmail {
		t.Errorf("ValidateEmail = %+v, %v", p, err)
	}
	again, err := w.Domains.ValidateEmail(t.Context(), ann, d.ConnectionID, d.ID)
	if err != nil || again != p {
		t.Errorf("again = %+v, %v, want %+v", again, err, p)
	}
}

func TestDomainsForced(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
	wantCode(t, "nobody's", w.Domains.Force(t.Context(), host, "acme.example", true), fault.NotFound)
	d := w.claim(t, ann, "acme.example")
	wantCode(t, "by a user", w.Domains.Force(t.Context(), ann, "acme.example", true), fault.Forbidden)
	wantCode(t, "no name", w.Domains.Force(t.Context(), host, "acme", true), fault.Invalid)
	read := func() store.Domain {
		got, err := w.db.Domain(t.Context(), d.TenantID, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	wantCode(t, "Force", w.Domains.Force(t.Context(), host, "ACME.example", true), "")
	if got := read(); got.Proof != service.ProofHost || got.ValidatedAt.IsZero() {
		t.Errorf("forced = %+v", got)
	}
	wantCode(t, "take back", w.Domains.Force(t.Context(), host, "acme.example", false), "")
	if got := read(); got.Proof != "" || !got.ValidatedAt.IsZero() {
		t.Errorf("taken back = %+v", got)
	}
	w.claim(t, bob, "acme.example")
	wantCode(t, "two claims", w.Domains.Force(t.Context(), host, "acme.example", true), fault.Conflict)
	if got := read(); got.Proof != "" {
		t.Errorf("after a conflict = %+v", got)
	}
	wantCode(t, "one of two", w.Domains.Force(t.Context(), hostIn(ann.TenantID), "acme.example", true), "")
	wantCode(t, "the other", w.Domains.Force(t.Context(), hostIn(bob.TenantID), "acme.example", true), fault.Conflict)
	w.multiple(t, service.MultiplePolicy{Active: true, Unspecified: service.Block})
	wantCode(t, "all", w.Domains.Force(t.Context(), host, "acme.example", true), "")
	if got, err := w.Bound(t.Context(), "acme.example"); err != nil || len(got) != 2 {
		t.Errorf("bound to %+v, %v, want two", got, err)
	}
}

func TestAttackDomains(t *testing.T) {
	t.Parallel()
	t.Run("INV-12 the first to prove a domain has it", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
		a, b := w.claim(t, ann, "acme.example"), w.claim(t, bob, "acme.example")
		if a.Challenge == b.Challenge {
			t.Fatal("two tenants have one challenge")
		}
		w.publish(a)
		wantCode(t, "with the other's record", errOf(w.Domains.Validate(t.Context(), bob, b.ConnectionID, b.ID)), fault.Invalid)
		w.zone.say("_saml-domain-challenge.acme.example.", a.Challenge, b.Challenge)
		a, err := w.Domains.Validate(t.Context(), ann, a.ConnectionID, a.ID)
		wantCode(t, "the first", err, "")
		wantCode(t, "the second", errOf(w.Domains.Validate(t.Context(), bob, b.ConnectionID, b.ID)), fault.Conflict)
		w.policy(t, service.DomainPolicy{SkipVerification: true})
		carl := w.admin(t, "carl@c.example")
		if c := w.claim(t, carl, "acme.example"); c.Proof != "" {
			t.Errorf("a third without a proof has it: %+v", c)
		}
		wantCode(t, "taken back", w.Domains.Force(t.Context(), hostIn(ann.TenantID), "acme.example", false), "")
		wantCode(t, "the second after that", errOf(w.Domains.Validate(t.Context(), bob, b.ConnectionID, b.ID)), "")
		wantCode(t, "the first, later", errOf(w.Domains.Validate(t.Context(), ann, a.ConnectionID, a.ID)), fault.Conflict)
		wantCode(t, "the second goes", w.Domains.Remove(t.Context(), bob, b.ConnectionID, b.ID), "")
		wantCode(t, "the first, free again", errOf(w.Domains.Validate(t.Context(), ann, a.ConnectionID, a.ID)), "")
	})
	t.Run("INV-12 at the same time", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		const n = 8
		var claims []store.Domain
		var by []store.Principal
		var all []string
		for i := range n {
			by = append(by, hostIn(w.admin(t, fmt.Sprintf("ann@a%d.example", i)).TenantID))
			claims = append(claims, w.claim(t, by[i], "acme.example"))
			all = append(all, claims[i].Challenge)
		}
		w.zone.say("_saml-domain-challenge.acme.example.", all...)
		var wg sync.WaitGroup
		results := make([]error, n)
		for i := range n {
			wg.Go(func() { _, results[i] = w.Domains.Validate(t.Context(), by[i], claims[i].ConnectionID, claims[i].ID) })
		}
		wg.Wait()
		won := 0
		for i, err := range results {
			if err == nil {
				won++
				continue
			}
			wantCode(t, fmt.Sprint("loser ", i), err, fault.Conflict)
		}
		if got, _ := w.Bound(t.Context(), "acme.example"); won != 1 || len(got) != 1 {
			t.Errorf("%d won, %d have it, want one", won, len(got))
		}
	})
	t.Run("INV-12 several where the environment says so", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
		w.proved(t, ann, "acme.example")
		w.multiple(t, service.MultiplePolicy{Active: true, Unspecified: service.Block})
		w.proved(t, bob, "acme.example")
	})
	t.Run("SAML-43 a stolen session without its second factor", func(t *testing.T) {
		t.Parallel()
		w := newFactored(t, func(c *service.Config) { c.Resolver = &zone{} })
		id := w.connected(t, w.by.TenantID, store.SAML)
		weak := w.user(t, w.ann) // the session of before the second factor
		_, err := w.Domains.Add(t.Context(), weak, id, "acme.example")
		wantCode(t, "Add", err, fault.Forbidden)
		if f := fault.From(err); f.Wire != "step_up_required" {
			t.Errorf("the code is %q", f.Wire)
		}
		in, err := w.verify(t, w.asked(t, "ann@example.com").MFAToken, w.phone.next(t))
		if err != nil {
			t.Fatal(err)
		}
		d, err := w.Domains.Add(t.Context(), w.user(t, in), id, "acme.example")
		wantCode(t, "Add with it", err, "")
		wantCode(t, "Validate", errOf(w.Domains.Validate(t.Context(), weak, id, d.ID)), fault.Forbidden)
		wantCode(t, "Remove", w.Domains.Remove(t.Context(), weak, id, d.ID), fault.Forbidden)
	})
	t.Run("SAML-43 without the permission", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		ann := w.admin(t, "ann@a.example")
		d := w.claim(t, ann, "acme.example")
		reader := ann
		reader.Rights = store.NewPermissionSet([]store.Permission{store.ReadSSO, "fe.secure.write.tenant"})
		wantCode(t, "List", errOf(w.Domains.List(t.Context(), reader)), "")
		wantCode(t, "Add", errOf(w.Domains.Add(t.Context(), reader, d.ConnectionID, "b.example")), fault.Forbidden)
		wantCode(t, "Validate", errOf(w.Domains.Validate(t.Context(), reader, d.ConnectionID, d.ID)), fault.Forbidden)
		wantCode(t, "ValidateEmail", errOf(w.Domains.ValidateEmail(t.Context(), reader, d.ConnectionID, d.ID)), fault.Forbidden)
		wantCode(t, "Remove", w.Domains.Remove(t.Context(), reader, d.ConnectionID, d.ID), fault.Forbidden)
		reader.Rights = nil
		wantCode(t, "List by nobody", errOf(w.Domains.List(t.Context(), reader)), fault.Forbidden)
	})
}
