package service_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// bind makes a tenant's enabled connection have the domain, and returns the connection.
func (w world) bind(t testing.TB, tenantID, domain string) string {
	t.Helper()
	id := w.connected(t, tenantID, store.SAML)
	d := store.Domain{TenantID: tenantID, ID: "d-" + domain, ConnectionID: id, Name: domain, Challenge: "x", CreatedAt: w.clock.now()}
	if err := w.db.CreateDomain(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := w.db.ProveDomain(t.Context(), tenantID, d.ID, "dns", w.clock.now()); err != nil {
		t.Fatal(err)
	}
	return id
}

// wantSSO fails the test unless err says that the address is bound to a provider.
func wantSSO(t testing.TB, what string, err error) {
	t.Helper()
	if f := fault.From(err); f == nil || f.Code != fault.Forbidden || f.Wire != service.SSORequired {
		t.Errorf("%s = %v, want Forbidden with %s", what, err, service.SSORequired)
	}
}

// A counting store counts what it is asked for, inside and outside of transactions.
type counting struct {
	store.Store
	counts *counts
}

type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[what]++
}

// take returns the counts and begins anew.
func (c *counts) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.of
	c.of = map[string]int{}
	return of
}

func (s counting) ProvedDomains(ctx context.Context, name string) ([]store.Domain, error) {
	s.counts.add("domains")
	return s.Store.ProvedDomains(ctx, name)
}

func (s counting) Identifier(ctx context.Context, scope string, k store.IdentifierKind, value string) (store.Identifier, error) {
	s.counts.add("identifier")
	return s.Store.Identifier(ctx, scope, k, value)
}

func (s counting) Attempt(ctx context.Context, subject string, at time.Time, l store.AttemptLimit) (store.Attempt, error) {
	s.counts.add("attempt")
	return s.Store.Attempt(ctx, subject, at, l)
}

func (s counting) ProviderSession(ctx context.Context, userID, sessionID string) (store.ProviderSession, error) {
	s.counts.add("provider session")
	return s.Store.ProviderSession(ctx, userID, sessionID)
}

func (s counting) Tx(ctx context.Context, fn func(store.Records) error) error {
	return s.Store.Tx(ctx, func(r store.Records) error { return fn(countingRecords{r, s.counts}) })
}

type countingRecords struct {
	store.Records
	counts *counts
}

func (r countingRecords) ProvedDomains(ctx context.Context, name string) ([]store.Domain, error) {
	r.counts.add("domains")
	return r.Records.ProvedDomains(ctx, name)
}

func (r countingRecords) Identifier(ctx context.Context, scope string, k store.IdentifierKind, value string) (store.Identifier, error) {
	r.counts.add("identifier")
	return r.Records.Identifier(ctx, scope, k, value)
}

func TestSSORequired(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		w := worldOver(t, db, newClock(), open)
		ann := w.signUp(t, "ann@Corp.example")
		w.signUp(t, "bob@free.example")
		login := func(what, email string, required bool) {
			t.Helper()
			l, err := w.login(t, email, good)
			if required {
				wantSSO(t, what, err)
			} else if err != nil || l.AccessToken == "" {
				t.Errorf("%s: %v", what, err)
			}
		}
		id := w.connected(t, ann.Session.TenantID, store.SAML)
		d := store.Domain{TenantID: ann.Session.TenantID, ID: "d1", ConnectionID: id, Name: "corp.example", Challenge: "x", CreatedAt: w.clock.now()}
		if err := w.db.CreateDomain(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		login("a claim that is not proved", "ann@corp.example", false)
		if err := w.db.ProveDomain(t.Context(), d.TenantID, d.ID, "dns", w.clock.now()); err != nil {
			t.Fatal(err)
		}
		login("proved", "ann@corp.example", true)
		login("however it is spelled", " ANN@CORP.EXAMPLE. ", true)
		login("another domain", "bob@free.example", false)
		c, err := w.db.Connection(t.Context(), d.TenantID, id)
		if err != nil {
			t.Fatal(err)
		}
		c.Enabled = false
		if err := w.db.UpdateConnection(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		login("disabled", "ann@corp.example", false)
		c.Enabled = true
		if err := w.db.UpdateConnection(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		login("enabled again", "ann@corp.example", true)
		if err := w.SSOPolicies.Exclude(t.Context(), store.System(), "ann@corp.example"); err != nil {
			t.Fatal(err)
		}
		login("spared", "ANN@corp.example", false)
		login("a colleague of hers", "amy@corp.example", true)
	})
}

// Sessions that are open go on, whatever their user's domain comes to be bound to.
func TestSSORequiredLeavesSessionsAlone(t *testing.T) {
	t.Parallel()
	w := newFactored(t)
	browser, err := w.SignIn.Password(t.Context(), someone, service.PasswordLogin{Email: "ann@example.com", Password: good, Kind: store.Browser})
	if err != nil || !browser.MFARequired {
		t.Fatalf("sign in: %+v, %v", browser, err)
	}
	in := service.MFACode{Token: browser.MFAToken, Code: w.phone.next(t), Kind: store.Browser}
	if browser, err = w.MFA.Verify(t.Context(), someone, in); err != nil {
		t.Fatal(err)
	}
	waiting := w.asked(t, "ann@example.com")
	w.bind(t, w.by.TenantID, "example.com")

	l, err := w.refresh(t, w.ann.Secret)
	wantCode(t, "refresh", err, "")
	wantCode(t, "the access token", errOf(w.Gate.Resolve(t.Context(), l.AccessToken)), "")
	_, _, err = w.Gate.ResolveCookie(t.Context(), browser.Secret)
	wantCode(t, "the cookie", err, "")
	up, err := w.MFA.StepUp(t.Context(), w.user(t, l), 0)
	if err != nil || !up.MFARequired {
		t.Fatalf("StepUp = %+v, %v", up, err)
	}
	wantCode(t, "step up", errOf(w.verify(t, up.MFAToken, w.phone.next(t))), "")
	wantSSO(t, "a login that was not open yet", errOf(w.verify(t, waiting.MFAToken, w.phone.next(t))))
}

// A local log-in asks for the domain once, before anything is hashed or looked up.
func TestSSORequiredCosts(t *testing.T) {
	t.Parallel()
	n := &counts{}
	w := worldOver(t, counting{memory(t), n}, newClock(), open)
	w.signUp(t, "ann@example.com")
	if got := n.take()["domains"]; got != 1 {
		t.Errorf("a sign-up asks for %d domains, want one", got)
	}
	l, err := w.login(t, "ann@example.com", good)
	if got := n.take(); err != nil || got["domains"] != 1 {
		t.Errorf("a log-in asks for %v (%v), want one domain", got, err)
	}
	if _, err := w.refresh(t, l.Secret); err != nil {
		t.Fatal(err)
	}
	if got := n.take(); got["domains"] != 0 {
		t.Errorf("a refresh asks for %v, want no domain", got)
	}
}

func TestAttackBoundDomain(t *testing.T) {
	t.Parallel()
	t.Run("ENU-09 who has an account and who has not", func(t *testing.T) {
		t.Parallel()
		boundAlike(t)
	})
	t.Run("ML-10 what was mailed before", func(t *testing.T) {
		t.Parallel()
		boundMail(t)
	})
	t.Run("ML-10 what was mailed with an invitation", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: "ann@corp.example", Password: good, Company: "Acme"})
		if err != nil || !s.ShouldActivate {
			t.Fatalf("sign up: %+v, %v", s, err)
		}
		userID, token := w.link(t)
		home, err := w.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: "corp", Name: "Corp"})
		if err != nil {
			t.Fatal(err)
		}
		w.bind(t, home.ID, "corp.example")
		in := service.Activation{UserID: userID, Token: token, Password: good}
		wantSSO(t, "activate", errOf(w.SignUp.Activate(t.Context(), someone, in)))
		wantSSO(t, "mail it again", w.SignUp.Resend(t.Context(), someone, "ann@corp.example"))
		wantSSO(t, "mail it to nobody", w.SignUp.Resend(t.Context(), someone, "nobody@corp.example"))
		if u, err := w.db.User(t.Context(), userID); err != nil || u.Verified {
			t.Errorf("user = %+v, %v, want it as it was", u, err)
		}
	})
	t.Run("ML-10 by username and password", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		ann := w.signUp(t, "ann@corp.example")
		name := store.Identifier{Kind: store.Username, Value: "ann", Text: "ann", UserID: ann.User.ID, CreatedAt: w.clock.now()}
		if err := w.db.CreateIdentifier(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		by := func(pw string) error {
			return errOf(w.SignIn.Password(t.Context(), someone, service.PasswordLogin{Username: "ann", Password: pw}))
		}
		wantCode(t, "while nothing binds her", by(good), "")
		w.bind(t, ann.Session.TenantID, "corp.example")
		sessions := w.sessions(t, ann.User.ID)
		wantSSO(t, "with her password", by(good))
		wantCode(t, "with another", by("x"), fault.Unauthenticated)
		if got := w.sessions(t, ann.User.ID); got != sessions {
			t.Errorf("%d sessions, want the %d of before", got, sessions)
		}
		ask := service.ResetRequest{Kind: store.Username, Value: "ann"}
		wantCode(t, "forgot", w.Resets.Ask(t.Context(), someone, ask), "")
		if n := w.kinds(t)["password-reset"]; n != 0 {
			t.Errorf("%d links were mailed, want none", n)
		}
	})
	t.Run("ML-10 a change of address into the domain, and out of it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, open)
		ann, bob := w.signUp(t, "ann@corp.example"), w.signUp(t, "bob@free.example")
		in, out := w.user(t, bob), w.user(t, ann)
		into := w.askEmail(t, in, "boss@corp.example")
		w.clock.advance(time.Second) // the newest message is the one that is looked at
		w.clock.advance(time.Second) // the newest message is the newest
		outOf := w.askEmail(t, out, "ann@free.example")
		w.bind(t, ann.Session.TenantID, "corp.example")
		wantSSO(t, "confirm into", w.Emails.Confirm(t.Context(), in, "boss@corp.example", into))
		wantSSO(t, "confirm out of", w.Emails.Confirm(t.Context(), out, "ann@free.example", outOf))
		wantSSO(t, "ask into", w.Emails.Ask(t.Context(), in, "nobody@corp.example"))
		wantSSO(t, "ask for a taken one", w.Emails.Ask(t.Context(), in, "ann@corp.example"))
		wantSSO(t, "ask out of", w.Emails.Ask(t.Context(), out, "ann@elsewhere.example"))
		if _, err := w.Emails.Set(t.Context(), store.System(), bob.User.ID, "robert@corp.example"); err != nil {
			t.Errorf("the host's word: %v", err)
		}
	})
}

// boundAlike asks for the same with addresses that somebody has and that nobody has.
func boundAlike(t *testing.T) {
	n := &counts{}
	w := worldOver(t, counting{memory(t), n}, newClock(), open)
	ann := w.signUp(t, "ann@corp.example")
	w.bind(t, ann.Session.TenantID, "corp.example")
	for name, do := range map[string]func(email string) error{
		"log in":        func(email string) error { return errOf(w.login(t, email, good)) },
		"a wrong one":   func(email string) error { return errOf(w.login(t, email, "x")) },
		"forgot":        func(email string) error { return w.forgot(t, email) },
		"mail it again": func(email string) error { return w.SignUp.Resend(t.Context(), someone, email) },
		"sign up": func(email string) error {
			in := service.NewSignUp{Email: email, Password: good, Company: "Acme"}
			return errOf(w.SignUp.Create(t.Context(), someone, in))
		},
	} {
		n.take()
		known := do("ann@corp.example")
		costs := n.take()
		unknown := do("nobody@corp.example")
		wantSSO(t, name, known)
		if fmt.Sprint(known) != fmt.Sprint(unknown) || fault.From(known).Wire != fault.From(unknown).Wire {
			t.Errorf("%s = %v for somebody and %v for nobody", name, known, unknown)
		}
		if got := n.take(); fmt.Sprint(got) != fmt.Sprint(costs) || got["identifier"]+got["attempt"] != 0 {
			t.Errorf("%s costs %v for somebody and %v for nobody, want the same and no look-up", name, costs, got)
		}
	}
}

// boundMail uses links that were mailed before the domain was bound.
func boundMail(t *testing.T) {
	w := newWorld(t, open)
	ann := w.signUp(t, "ann@corp.example")
	if err := w.Users.Verify(t.Context(), store.System(), ann.User.ID); err != nil {
		t.Fatal(err)
	}
	userID, token := w.resetLink(t, "ann@corp.example")
	w.lockOut(t, "ann@corp.example")
	key := w.unlockToken(t)
	w.bind(t, ann.Session.TenantID, "corp.example")
	wantSSO(t, "reset", w.reset(t, userID, token, fresh))
	wantSSO(t, "unlock", w.Unlocks.Unlock(t.Context(), someone, key))
	if err := w.SSOPolicies.Exclude(t.Context(), store.System(), "ann@corp.example"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "unlock when she is spared", w.Unlocks.Unlock(t.Context(), someone, key), "")
	wantCode(t, "reset when she is spared", w.reset(t, userID, token, fresh), "")
	wantCode(t, "log in when she is spared", errOf(w.login(t, "ann@corp.example", fresh)), "")
}
