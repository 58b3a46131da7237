package service_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// setupLink makes a link and returns its token.
func (w domainWorld) setupLink(t testing.TB, by store.Principal) (service.SSOSetup, string) {
	t.Helper()
	in, link, err := w.SSOSetups.Create(t.Context(), by, "")
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(link, "https://app.example/account/sso/setup?token=")
	if !ok || len(rest) < 40 {
		t.Fatalf("the link is %q", link)
	}
	return in, rest
}

// opened is setupLink with the cookie of the browser that opened it.
func (w domainWorld) opened(t testing.TB, by store.Principal) (service.SSOSetup, string) {
	t.Helper()
	in, token := w.setupLink(t, by)
	cookie, until, err := w.SSOSetups.Open(t.Context(), someone, token)
	if err != nil || !until.Equal(w.clock.now().Add(24*time.Hour)) {
		t.Fatalf("Open = until %s, %v", until, err)
	}
	return in, cookie
}

func TestSSOSetups(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
	in, token := w.setupLink(t, ann)
	if in.TenantID != ann.TenantID || !in.ExpiresAt.Equal(w.clock.now().Add(7*24*time.Hour)) {
		t.Errorf("Create = %+v", in)
	}
	l, err := w.SSOSetups.List(t.Context(), ann)
	if err != nil || len(l) != 1 || l[0] != in {
		t.Errorf("List = %+v, %v, want %+v", l, err, in)
	}
	for range 2 { // looking is not opening
		got, tenant, err := w.SSOSetups.Look(t.Context(), token)
		if err != nil || got != in || tenant.ID != ann.TenantID {
			t.Fatalf("Look = %+v, %+v, %v", got, tenant, err)
		}
	}
	w.clock.advance(time.Hour)
	cookie, until, err := w.SSOSetups.Open(t.Context(), someone, token)
	if err != nil || cookie == token || !until.Equal(w.clock.now().Add(24*time.Hour)) {
		t.Fatalf("Open = %q until %s, %v", cookie, until, err)
	}
	wantCode(t, "Open again", errOf3(w.SSOSetups.Open(t.Context(), someone, token)), fault.Gone)
	wantCode(t, "Look again", errOf3(w.SSOSetups.Look(t.Context(), token)), fault.Gone)
	p, err := w.SSOSetups.Principal(t.Context(), someone, cookie)
	if err != nil || p.Kind != store.SetupKind || p.ID != in.ID || p.TenantID != ann.TenantID || p.UserID != "" || p.IP != someone.IP {
		t.Fatalf("Principal = %+v, %v", p, err)
	}
	l, err = w.SSOSetups.List(t.Context(), ann)
	if err != nil || len(l) != 1 || l[0].ID != in.ID || !l[0].OpenedAt.Equal(w.clock.now()) || !l[0].CreatedAt.Equal(in.CreatedAt) {
		t.Errorf("List once opened = %+v, %v", l, err)
	}
	if l, err := w.SSOSetups.List(t.Context(), bob); err != nil || len(l) != 0 {
		t.Errorf("List by another tenant = %+v, %v", l, err)
	}
	wantCode(t, "Revoke by another tenant", w.SSOSetups.Revoke(t.Context(), bob, in.ID), fault.NotFound)
	wantCode(t, "End", w.SSOSetups.End(t.Context(), someone, cookie), "")
	wantCode(t, "Principal once ended", errOf(w.SSOSetups.Principal(t.Context(), someone, cookie)), fault.Unauthenticated)
	wantCode(t, "End again", w.SSOSetups.End(t.Context(), someone, cookie), "")
	wantCode(t, "Revoke once ended", w.SSOSetups.Revoke(t.Context(), ann, in.ID), fault.NotFound)
	for _, action := range []string{"sso_setup.created", "sso_setup.opened", "sso_setup.ended"} {
		if got := w.audited(t, action); got != 1 {
			t.Errorf("%s was recorded %d times, want once", action, got)
		}
	}
}

func TestSSOSetupsByMail(t *testing.T) {
	t.Parallel()
	w := newDomainWorld(t)
	ann := w.admin(t, "ann@a.example")
	_, link, err := w.SSOSetups.Create(t.Context(), hostIn(ann.TenantID), "it@corp.example")
	if err != nil {
		t.Fatal(err)
	}
	ms := w.waiting(t)
	if len(ms) != 1 || ms[0].Kind != "setup-link" || ms[0].To != "it@corp.example" || !strings.Contains(ms[0].Text, link) {
		t.Errorf("mailed %+v, want %s", ms, link)
	}
	for range 4 {
		wantCode(t, "again", errOf3(w.SSOSetups.Create(t.Context(), ann, "it@corp.example")), "")
	}
	wantCode(t, "once too often", errOf3(w.SSOSetups.Create(t.Context(), ann, "it@corp.example")), fault.Limited)
	wantCode(t, "to no address", errOf3(w.SSOSetups.Create(t.Context(), ann, "it")), fault.Invalid)
}

func TestAttackSSOSetups(t *testing.T) {
	t.Parallel()
	t.Run("confined", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		ann, bob := w.admin(t, "ann@a.example"), w.admin(t, "bob@b.example")
		_, cookie := w.opened(t, ann)
		p, err := w.SSOSetups.Principal(t.Context(), someone, cookie)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range w.BuiltIn() {
			if want := k == store.ReadSSO || k == store.WriteSSO; p.Can(k) != want {
				t.Errorf("may %s: %t, want %t", k, p.Can(k), want)
			}
		}
		for _, r := range p.Roles {
			if r.Key != "member" {
				t.Errorf("holds the role %+v", r)
			}
		}
		here, there := w.connected(t, ann.TenantID, store.SAML), w.connected(t, bob.TenantID, store.SAML)
		d, err := w.Domains.Add(t.Context(), p, here, "corp.example")
		wantCode(t, "Add", err, "")
		w.publish(d)
		wantCode(t, "Validate", errOf(w.Domains.Validate(t.Context(), p, here, d.ID)), "")
		wantCode(t, "Add to another tenant's", errOf(w.Domains.Add(t.Context(), p, there, "corp2.example")), fault.NotFound)
		wantCode(t, "ValidateEmail", errOf(w.Domains.ValidateEmail(t.Context(), p, here, w.claim(t, ann, "a.example").ID)), fault.NotFound)
		wantCode(t, "Force", w.Domains.Force(t.Context(), p, "corp.example", true), fault.Forbidden)
		wantCode(t, "SetDomains", w.SSOPolicies.SetDomains(t.Context(), p, service.DomainPolicy{SkipVerification: true}), fault.Forbidden)
		wantCode(t, "Create", errOf3(w.SSOSetups.Create(t.Context(), p, "")), fault.Forbidden)
		wantCode(t, "List", errOf(w.SSOSetups.List(t.Context(), p)), fault.Forbidden)
		wantCode(t, "Revoke", w.SSOSetups.Revoke(t.Context(), p, "x"), fault.Forbidden)
		wantCode(t, "Credentials", errOf(w.Credentials.List(t.Context(), p)), fault.Forbidden)
		l, err := w.db.Audit(t.Context(), store.AuditQuery{Action: "domain.added", ActorID: p.ID})
		if err != nil || l.Total != 1 || l.Items[0].ActorKind != store.SetupKind || l.Items[0].TenantID != ann.TenantID {
			t.Errorf("recorded %+v, %v", l.Items, err)
		}
	})
	t.Run("only who may", func(t *testing.T) {
		t.Parallel()
		w := newFactored(t)
		weak := w.user(t, w.ann)
		wantCode(t, "without the second factor", errOf3(w.SSOSetups.Create(t.Context(), weak, "")), fault.Forbidden)
		weak.Rights = nil
		wantCode(t, "without the permission", errOf3(w.SSOSetups.Create(t.Context(), weak, "")), fault.Forbidden)
		wantCode(t, "List without it", errOf(w.SSOSetups.List(t.Context(), weak)), fault.Forbidden)
		wantCode(t, "by nobody", errOf3(w.SSOSetups.Create(t.Context(), store.Principal{TenantID: weak.TenantID}, "")), fault.Forbidden)
		wantCode(t, "for no tenant", errOf3(w.SSOSetups.Create(t.Context(), hostIn("nowhere"), "")), fault.NotFound)
	})
	t.Run("one of many opens a link", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		_, token := w.setupLink(t, w.admin(t, "ann@a.example"))
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { _, _, errs[i] = w.SSOSetups.Open(t.Context(), someone, token) })
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				continue
			}
			wantCode(t, fmt.Sprint("loser ", i), err, fault.Gone)
		}
		if won != 1 {
			t.Errorf("%d opened it, want one", won)
		}
	})
	t.Run("over", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		ann := w.admin(t, "ann@a.example")
		in := func(cookie string) fault.Code {
			_, err := w.SSOSetups.Principal(t.Context(), someone, cookie)
			if err == nil {
				return ""
			}
			return fault.From(err).Code
		}
		_, token := w.setupLink(t, ann)
		w.clock.advance(7 * 24 * time.Hour)
		wantCode(t, "a link that has expired", errOf3(w.SSOSetups.Open(t.Context(), someone, token)), fault.Gone)
		s, token := w.setupLink(t, ann)
		wantCode(t, "Revoke", w.SSOSetups.Revoke(t.Context(), ann, s.ID), "")
		wantCode(t, "a link that was revoked", errOf3(w.SSOSetups.Open(t.Context(), someone, token)), fault.Gone)
		_, token = w.setupLink(t, ann)
		w.setupLink(t, ann)
		wantCode(t, "a link that was replaced", errOf3(w.SSOSetups.Open(t.Context(), someone, token)), fault.Gone)
		s, cookie := w.opened(t, ann)
		w.setupLink(t, ann)
		if got := in(cookie); got != fault.Unauthenticated {
			t.Errorf("a browser whose set-up was replaced: %q", got)
		}
		s, cookie = w.opened(t, ann)
		if got := in(cookie); got != "" {
			t.Errorf("a browser in: %q", got)
		}
		wantCode(t, "Revoke once opened", w.SSOSetups.Revoke(t.Context(), ann, s.ID), "")
		if got := in(cookie); got != fault.Unauthenticated {
			t.Errorf("a browser whose set-up was revoked: %q", got)
		}
		_, cookie = w.opened(t, ann)
		w.clock.advance(24 * time.Hour)
		if got := in(cookie); got != fault.Unauthenticated {
			t.Errorf("a browser after a day: %q", got)
		}
		_, token = w.setupLink(t, ann)
		for _, other := range []string{"", token, url.QueryEscape("x")} {
			if got := in(other); got != fault.Unauthenticated {
				t.Errorf("a browser with %q: %q", other, got)
			}
		}
	})
	t.Run("another tenant of the same id", func(t *testing.T) {
		t.Parallel()
		w := newDomainWorld(t)
		found := func() {
			if _, err := w.Tenants.Create(t.Context(), host, service.NewTenant{ID: "corp", Name: "Corp"}); err != nil {
				t.Fatal(err)
			}
		}
		found()
		_, cookie := w.opened(t, hostIn("corp"))
		wantCode(t, "Delete", w.Tenants.Delete(t.Context(), host, "corp"), "")
		wantCode(t, "without a tenant", errOf(w.SSOSetups.Principal(t.Context(), someone, cookie)), fault.Unauthenticated)
		w.clock.advance(time.Second)
		found()
		wantCode(t, "with another", errOf(w.SSOSetups.Principal(t.Context(), someone, cookie)), fault.Unauthenticated)
	})
}
