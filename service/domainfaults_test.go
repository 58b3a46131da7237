package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// A ssoScene is what the changes of single sign-on are tried on.
type ssoScene struct {
	domainWorld
	by       store.Principal
	pending  store.Domain
	provider *ssotest.SAML
	shelf    *shelf
}

func newSSOScene(t testing.TB) ssoScene {
	t.Helper()
	s := ssoScene{domainWorld: newDomainWorld(t, near), provider: ssotest.NewSAML(t)}
	s.by = s.admin(t, "ann@a.example")
	s.pending = s.claim(t, s.by, "corp.example")
	s.publish(s.pending)
	s.shelf = newShelf(t, s.provider.Metadata())
	s.watched(t, s.by, s.shelf)
	return s
}

// over are the services of the scene on a store that may fail.
func (s ssoScene) over(t testing.TB, db store.Store) (world, error) {
	t.Helper()
	return startOver(t, db, s.clock, near, func(c *service.Config) { c.Resolver = s.zone })
}

// state is all that the changes are about.
func (s ssoScene) state(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	keep := func(v any, err error) {
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%+v\n", v)
	}
	ctx := t.Context()
	ds, err := s.db.Domains(ctx, s.by.TenantID)
	keep(ds, err)
	cs, err := s.db.Connections(ctx, s.by.TenantID)
	for i := range cs {
		cs[i].DueAt = time.Time{} // who begins to look after one says so
	}
	keep(cs, err)
	for _, p := range []store.Purpose{store.SSOSetup, store.SSOSetupSession} {
		c, err := s.db.ChallengeOf(ctx, p, s.by.TenantID)
		keep(c, err)
	}
	for _, kind := range []string{"sso-domains", "sso-multiple", "sso-oidc", "sso-excluded-emails"} {
		doc, err := s.db.Setting(ctx, "", kind)
		keep(string(doc), err)
	}
	l, err := s.db.Audit(ctx, store.AuditQuery{})
	keep(l.Total, err)
	n, _, err := s.db.WaitingMessages(ctx)
	keep(n, err)
	return b.String()
}

// ssoChanges are changes of single sign-on, each prepared on a scene.
func ssoChanges() map[string]func(t *testing.T, s ssoScene) func(world) error {
	change := func(fn func(ctx context.Context, w world, s ssoScene) error) func(*testing.T, ssoScene) func(world) error {
		return func(t *testing.T, s ssoScene) func(world) error {
			return func(w world) error { return fn(t.Context(), w, s) }
		}
	}
	return map[string]func(t *testing.T, s ssoScene) func(world) error{
		"add a domain": change(func(ctx context.Context, w world, s ssoScene) error {
			return errOf(w.Domains.Add(ctx, s.by, s.pending.ConnectionID, "b.example"))
		}),
		"remove a domain": change(func(ctx context.Context, w world, s ssoScene) error {
			return w.Domains.Remove(ctx, s.by, s.pending.ConnectionID, s.pending.ID)
		}),
		"prove a domain": change(func(ctx context.Context, w world, s ssoScene) error {
			return errOf(w.Domains.Validate(ctx, s.by, s.pending.ConnectionID, s.pending.ID))
		}),
		"force a domain": change(func(ctx context.Context, w world, s ssoScene) error {
			return w.Domains.Force(ctx, host, "corp.example", true)
		}),
		"set a policy": change(func(ctx context.Context, w world, _ ssoScene) error {
			return w.SSOPolicies.SetDomains(ctx, host, service.DomainPolicy{SkipVerification: true})
		}),
		"exclude an address": change(func(ctx context.Context, w world, _ ssoScene) error {
			return w.SSOPolicies.Exclude(ctx, host, "root@corp.example")
		}),
		"make a link": change(func(ctx context.Context, w world, s ssoScene) error {
			return errOf3(w.SSOSetups.Create(ctx, s.by, "it@corp.example"))
		}),
		"open a link": func(t *testing.T, s ssoScene) func(world) error {
			_, token := s.setupLink(t, s.by)
			return func(w world) error { return errOf3(w.SSOSetups.Open(t.Context(), someone, token)) }
		},
		"end a set-up": func(t *testing.T, s ssoScene) func(world) error {
			_, cookie := s.opened(t, s.by)
			return func(w world) error { return w.SSOSetups.End(t.Context(), someone, cookie) }
		},
		"revoke a set-up": func(t *testing.T, s ssoScene) func(world) error {
			in, _ := s.opened(t, s.by)
			return func(w world) error { return w.SSOSetups.Revoke(t.Context(), s.by, in.ID) }
		},
	}
}

// TestAttackHalfSSO breaks changes of single sign-on at every call to the store: each leaves
// all or nothing, and works when it is made again.
func TestAttackHalfSSO(t *testing.T) {
	t.Parallel()
	for name, prepare := range ssoChanges() {
		t.Run("STO-01 "+name, func(t *testing.T) {
			t.Parallel()
			for n, failed := 1, 0; ; n++ {
				s := newSSOScene(t)
				do := prepare(t, s)
				before, broken := s.state(t), errors.New("disk full")
				faulty := storetest.Fault(s.db, n, broken)
				w, err := s.over(t, faulty)
				if err != nil {
					continue // the start met the fault
				}
				err = do(w)
				if !faulty.Reached() {
					wantCode(t, "without a fault", err, "")
					if failed == 0 {
						t.Error("the fault was never met")
					}
					return
				}
				failed++
				if !errors.Is(err, broken) {
					t.Errorf("fault at call %d = %v", n, err)
				}
				if after := s.state(t); after != before {
					t.Fatalf("fault at call %d left\n%s\nof\n%s", n, after, before)
				}
				wantCode(t, fmt.Sprintf("once more after the fault at call %d", n), do(s.world), "")
			}
		})
	}
}

// TestAttackHalfWatch breaks the look after a connection whose provider changed its keys: what
// one process leaves undone another does after the lease.
func TestAttackHalfWatch(t *testing.T) {
	t.Parallel()
	for n, failed := 1, 0; ; n++ {
		s := newSSOScene(t)
		s.provider.Rotate()
		s.shelf.put(200, string(s.provider.Metadata()))
		s.clock.advance(24 * time.Hour)
		broken := errors.New("disk full")
		faulty := storetest.Fault(s.db, n, broken)
		w, err := s.over(t, faulty)
		if err != nil {
			continue
		}
		_, err = w.Connections.LookAfter(t.Context())
		if !faulty.Reached() {
			wantCode(t, "without a fault", err, "")
			if failed == 0 {
				t.Error("the fault was never met")
			}
			return
		}
		if err != nil {
			failed++
		}
		s.clock.advance(16 * time.Minute)
		_, err = s.Connections.LookAfter(t.Context())
		wantCode(t, fmt.Sprintf("after the fault at call %d", n), err, "")
		if got := s.audited(t, "connection.refreshed"); got != 1 {
			t.Errorf("after the fault at call %d the new keys were taken %d times", n, got)
		}
	}
}
