package service_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// unnamed makes a connection as clients of the published API do: an address and a key.
func (w world) unnamed(t testing.TB, by store.Principal, p *ssotest.SAML) service.SSOConnection {
	t.Helper()
	c, err := w.Connections.Create(t.Context(), by, service.NewConnection{
		Protocol: store.SAML, Enabled: true, Settings: typed(p.Certificate()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answer is what the provider says of somebody to a connection.
func (w world) answer(c service.SSOConnection, p *ssotest.SAML, change ...func(*ssotest.Assertion)) saml.Answer {
	m := p.Respond(ssotest.Request{ID: "_request", EntityID: c.EntityID, ACS: c.ACS}, ssotest.Person("ada@acme.example"), change...)
	return saml.Answer{Body: m.Fields.Get("SAMLResponse"), RequestID: "_request", Now: w.clock.now()}
}

func (w world) kept(t testing.TB, c service.SSOConnection) store.Connection {
	t.Helper()
	k, err := w.db.Connection(t.Context(), c.TenantID, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestPin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t, ssotest.SAMLOptions{Now: w.clock.now})
	c := w.unnamed(t, by, p)
	a, err := w.Connections.Accept(t.Context(), w.kept(t, c), w.answer(c, p))
	if err != nil || a.Issuer != p.EntityID() {
		t.Fatalf("Accept = %+v, %v", a, err)
	}
	c, err = w.Connections.Read(t.Context(), by, c.ID)
	if err != nil || c.With.SAML.EntityID != p.EntityID() || w.audited(t, "connection.pinned") != 1 {
		t.Errorf("the name is %q, %v; want %q, recorded", c.With.SAML.EntityID, err, p.EntityID())
	}
	_, err = w.Connections.Accept(t.Context(), w.kept(t, c), w.answer(c, p, func(a *ssotest.Assertion) { a.Issuer = "https://other.example" }))
	if why := sso.Diagnosis(err); !strings.Contains(why, "issuer") {
		t.Errorf("another name is answered by %q, %v", why, err)
	}
	q := ssotest.NewSAML(t, ssotest.SAMLOptions{Now: w.clock.now})
	c, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.SAML.Certificates = []string{q.Certificate()}
	}})
	if err != nil || c.With.SAML.EntityID != "" {
		t.Errorf("with another key the name is %q, %v; want none", c.With.SAML.EntityID, err)
	}
	c, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.SAML.EntityID, s.SAML.Certificates = "urn:ours", []string{p.Certificate()}
	}})
	wantCode(t, "give it a name", err, "")
	c, err = w.Connections.Update(t.Context(), by, c.ID, service.ConnectionChange{Settings: func(s *service.ConnectionSettings) {
		s.SAML.Certificates = []string{q.Certificate()}
	}})
	if err != nil || c.With.SAML.EntityID != "urn:ours" {
		t.Errorf("a name that was given is %q with another key, %v; want it as it was", c.With.SAML.EntityID, err)
	}
}

func TestAttackPin(t *testing.T) {
	t.Parallel()
	t.Run("SAML-39 of two first names one wins", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, near)
		by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t, ssotest.SAMLOptions{Now: w.clock.now})
		c := w.unnamed(t, by, p)
		before := w.kept(t, c)
		var wg sync.WaitGroup
		took := make([]string, 4)
		for i := range took {
			in := w.answer(c, p, func(a *ssotest.Assertion) { a.Issuer = []string{"urn:one", "urn:two"}[i%2] })
			wg.Go(func() {
				if a, err := w.Connections.Accept(context.Background(), before, in); err == nil {
					took[i] = a.Issuer
				}
			})
		}
		wg.Wait()
		took = slices.DeleteFunc(took, func(s string) bool { return s == "" })
		if slices.Sort(took); len(slices.Compact(took)) != 1 || w.audited(t, "connection.pinned") != 1 {
			t.Errorf("took the names %q, want one", took)
		}
	})
	t.Run("SAML-20 an answer comes once, in all processes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, near)
		other := worldOver(t, w.db, w.clock, near)
		by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t, ssotest.SAMLOptions{Now: w.clock.now})
		c := w.wired(t, by, p)
		in := w.answer(c, p)
		_, err := w.Connections.Accept(t.Context(), w.kept(t, c), in)
		wantCode(t, "Accept", err, "")
		_, err = other.Connections.Accept(t.Context(), w.kept(t, c), in)
		if why := sso.Diagnosis(err); !strings.Contains(why, "before") {
			t.Errorf("the second time it is answered by %q, %v", why, err)
		}
	})
}

func TestEngines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c := w.wired(t, by, p)
	e, err := w.Connections.Engine(t.Context(), w.kept(t, c))
	if err != nil || len(e.Keys) != 1 || e.EntityID != c.EntityID || e.ACS != c.ACS || e.Provider.EntityID != p.EntityID() {
		t.Errorf("Engine = %+v, %v; want a key, for the provider takes sign-outs", e, err)
	}
	if _, err := w.Connections.Relying(w.kept(t, c)); err == nil {
		t.Error("a SAML connection speaks OpenID Connect")
	}
	o, err := w.Connections.Create(t.Context(), by, service.NewConnection{
		Protocol: store.OIDC, Secret: "topsecret", Settings: service.ConnectionSettings{OIDC: &service.OIDCSettings{ClientID: "us"}},
	})
	wantCode(t, "Create", err, "")
	r, err := w.Connections.Relying(w.kept(t, o))
	if err != nil || r.ClientSecret != "topsecret" || r.ClientID != "us" || r.Auth != "announced" || r.Connection != o.ID {
		t.Errorf("Relying = %+v, %v", r, err)
	}
	if _, err := w.Connections.Engine(t.Context(), w.kept(t, o)); err == nil {
		t.Error("an OpenID Connect connection speaks SAML")
	}
	stolen := w.kept(t, o)
	stolen.ID = "another"
	if _, err := w.Connections.Relying(stolen); err == nil {
		t.Error("a secret opens for another connection")
	}
}

func TestSAMLKeysWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, near)
	by, p := w.administrator(t, "ada@acme.example"), ssotest.NewSAML(t)
	c := w.unnamed(t, by, p)
	if e, err := w.Connections.Engine(t.Context(), w.kept(t, c)); err != nil || len(e.Keys) != 0 {
		t.Errorf("%d keys, %v; want none while nothing needs one", len(e.Keys), err)
	}
	var wg sync.WaitGroup
	pems := make([]string, 3)
	for i := range pems {
		other := worldOver(t, w.db, w.clock, near)
		wg.Go(func() { pems[i], _ = other.Connections.Certificate(context.Background(), by) })
	}
	wg.Wait()
	if slices.Sort(pems); pems[0] == "" || len(slices.Compact(pems)) != 1 || w.audited(t, "saml_key.created") != 1 {
		t.Errorf("processes that need a key at the same time have %d", len(slices.Compact(pems)))
	}
	if e, err := w.Connections.Engine(t.Context(), w.kept(t, c)); err != nil || len(e.Keys) != 1 {
		t.Errorf("%d keys, %v; want the one that there is", len(e.Keys), err)
	}
	w.clock.advance(time.Second)
}
