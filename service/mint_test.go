package service_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

func TestMintOfATemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	l := w.signUp(t, "a@example.com")
	if got := claimsOf(t, l); got["applicationId"] != w.Environment || got["email"] != "a@example.com" || l.ExpiresIn != 5*time.Minute {
		t.Errorf("the default token is %v for %s", got, l.ExpiresIn)
	}
	metadata := `{"dept":{"name":"r&d"},"{{sub}}":1}`
	change := service.UserChange{ProfileChange: service.ProfileChange{Metadata: &metadata}}
	if _, err := w.Users.Change(t.Context(), store.System(), l.User.ID, change); err != nil {
		t.Fatal(err)
	}
	n := sketch("rich", with(`"dept":"{{user.metadata.dept.name}}","all":"{{user.metadata}}","tenant":"{{user.tenant.name}}",
		"who":"{{user.name}} <{{user.email}}>","client":"{{clientId}}","app":"{{applicationId}}","n":[1,"{{user.verified}}",null],
		"plan":"{{user.tenant.metadata.plan}}","missing":"{{user.metadata.none}}"`))
	n.Lifetime = time.Hour
	made := w.template(t, n)
	w.target(t, "rich", everybody)
	l, err := w.refresh(t, l.Secret)
	if err != nil {
		t.Fatal(err)
	}
	got := claimsOf(t, l)
	if l.ExpiresIn != time.Hour || got["exp"].(float64)-got["iat"].(float64) != 3600 {
		t.Errorf("the token lives %s: %v, want an hour", l.ExpiresIn, got)
	}
	if want := "all amr app aud auth_time client dept exp iat iss jti n sid sub tenant tenantId type"; names(got) != want {
		t.Errorf("claims are %s, want %s", names(got), want)
	}
	if got["dept"] != "r&d" || got["tenant"] != "Acme" || got["client"] != w.Environment || got["aud"] != w.Environment {
		t.Errorf("claims are %v", got)
	}
	if by := w.user(t, l); by.UserID != l.User.ID || len(by.Roles) == 0 {
		t.Errorf("the token is of %+v, want the user with the rights that the store knows", by)
	}
	claims := with(`"v":2`)
	if _, err := w.Templates.Update(t.Context(), store.System(), made.ID, service.TemplateChange{Claims: &claims}); err != nil {
		t.Fatal(err)
	}
	if l, err = w.refresh(t, l.Secret); err != nil || claimsOf(t, l)["v"] != 2.0 {
		t.Errorf("after the change: %v (%v)", claimsOf(t, l), err)
	}
}

// A template makes no token longer than its session.
func TestMintWithinTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	n := sketch("long", token.BlankClaims)
	n.Lifetime = 180 * 24 * time.Hour
	w.template(t, n)
	w.target(t, "long", everybody)
	w.clock.advance(300 * time.Millisecond)
	l := w.signUp(t, "a@example.com")
	if l.ExpiresIn != 72*time.Hour || claimsOf(t, l)["exp"] != float64(l.Session.EndsAt.Unix()) {
		t.Errorf("the token lives %s, want as long as the session", l.ExpiresIn)
	}
	for _, step := range []time.Duration{23 * time.Hour, 23 * time.Hour, 23 * time.Hour, 3*time.Hour - 200*time.Millisecond} {
		w.clock.advance(step)
		next, err := w.refresh(t, l.Secret)
		if left := l.Session.EndsAt.Sub(w.clock.now()); left < time.Second {
			wantCode(t, "refresh as the session ends", err, fault.Unauthenticated)
			break
		} else if err != nil || next.ExpiresIn != left {
			t.Fatalf("refresh with %s left = %s, %v", left, next.ExpiresIn, err)
		}
		l = next
	}
}

// What one process changes about templates, another makes tokens by within the lag.
func TestMintInAnotherProcess(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := newClock()
		a, b := worldOver(t, db, k, open), worldOver(t, db, k, open)
		l := b.signUp(t, "a@example.com")
		made := a.template(t, sketch("lean", token.BlankClaims))
		a.target(t, "lean", everybody)
		step := func(what string, lean bool, alg string) {
			t.Helper()
			k.advance(2 * time.Second)
			var err error
			if l, err = b.refresh(t, l.Secret); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if got := claimsOf(t, l)["email"] == nil; got != lean || part(t, l.AccessToken, 0)["alg"] != alg {
				t.Errorf("%s: %v %v, want lean %t under %s", what, part(t, l.AccessToken, 0), claimsOf(t, l), lean, alg)
			}
			if _, err := a.Gate.Resolve(t.Context(), l.AccessToken); err != nil {
				t.Errorf("%s: the other process resolves the token: %v", what, err)
			}
		}
		step("targeted", true, "HS256")
		old := l.AccessToken
		rs := "RS256" // the environment signs under EdDSA
		if _, err := a.Templates.Update(t.Context(), store.System(), made.ID, service.TemplateChange{Algorithm: &rs}); err != nil {
			t.Fatal(err)
		}
		step("with another algorithm", true, "RS256")
		if _, err := b.Gate.Resolve(t.Context(), old); err != nil {
			t.Errorf("a token of the algorithm before: %v", err)
		}
		if _, err := a.Targeting.Put(t.Context(), store.System(), nil); err != nil {
			t.Fatal(err)
		}
		if err := a.Templates.Delete(t.Context(), store.System(), made.ID); err != nil {
			t.Fatal(err)
		}
		step("deleted", false, "EdDSA")
	})
}

// The host may come to sign under another algorithm than that of its templates.
func TestMintAfterTheAlgorithmChanged(t *testing.T) {
	t.Parallel()
	db, k := memory(t), newClock()
	before := worldOver(t, db, k, open, signedBy("RS256"))
	n := sketch("lean", token.BlankClaims)
	n.Algorithm = "RS256"
	before.template(t, n)
	before.target(t, "lean", everybody)
	l := before.signUp(t, "a@example.com")
	after := worldOver(t, db, k, open, signedBy("ES256"))
	if _, err := after.Keys.Rotate(t.Context(), store.System()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		k.advance(time.Hour)
		var err error
		if l, err = after.refresh(t, l.Secret); err != nil {
			t.Fatalf("refresh: %v", err)
		}
		if got := part(t, l.AccessToken, 0)["alg"]; got != "RS256" {
			t.Errorf("the token is under %v, want what its template says", got)
		}
		after.user(t, l)
	}
}

// The key of a template ends and is followed like any other; that of a template that is gone
// is followed by none.
func TestMintAfterTheKeyOfATemplateEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, func(c *service.Config) { c.Keys.RotateEvery, c.Keys.Publish = 24*time.Hour, time.Minute })
	n := sketch("secret", token.BlankClaims)
	n.Lifetime = time.Hour
	made := w.template(t, n)
	w.target(t, "secret", everybody)
	l := w.signUp(t, "a@example.com")
	kid := func() string { return part(t, l.AccessToken, 0)["kid"].(string) }
	next := func() {
		t.Helper()
		var err error
		if l, err = w.refresh(t, l.Secret); err != nil {
			t.Fatal(err)
		}
		w.user(t, l)
	}
	first := kid()
	w.clock.advance(23*time.Hour + 59*time.Minute)
	if rotated, err := w.Keys.RotateDue(t.Context()); err != nil || !rotated {
		t.Fatalf("rotate: %t, %v", rotated, err)
	}
	if next(); kid() != first {
		t.Errorf("the token is under %s before its time", kid())
	}
	old := l.AccessToken
	w.clock.advance(time.Minute)
	if next(); kid() == first {
		t.Errorf("the token is under %s after its time", kid())
	}
	if _, err := w.Gate.Resolve(t.Context(), old); err != nil {
		t.Errorf("the token before: %v", err)
	}
	if err := w.Keys.Revoke(t.Context(), store.System(), kid()); err != nil {
		t.Fatal(err)
	}
	_, err := w.Gate.Resolve(t.Context(), l.AccessToken)
	wantCode(t, "a token of the key that was revoked", err, fault.Unauthenticated)
	next()
	if _, err := w.Targeting.Put(t.Context(), store.System(), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Templates.Delete(t.Context(), store.System(), made.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.Keys.Revoke(t.Context(), store.System(), kid()); err != nil {
		t.Fatal(err)
	}
	keys, err := w.Keys.List(t.Context(), store.System())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.TemplateID != "" && k.RetiredAt.IsZero() {
			t.Errorf("a key of a template that is gone goes on: %+v", k)
		}
	}
}

// A refresh token is worth keeping until there is an access token in exchange.
func TestRefreshKeepsItsTokenWhenNothingIsMinted(t *testing.T) {
	t.Parallel()
	refuse := false
	w := newWorld(t, open, func(c *service.Config) {
		c.BeforeMint = hookOf(func(*service.MintContext) error {
			if refuse {
				return errors.New("no")
			}
			return nil
		})
	})
	l := w.signUp(t, "a@example.com")
	refuse = true
	for range 3 {
		_, err := w.refresh(t, l.Secret)
		wantCode(t, "refresh", err, fault.Unavailable)
		w.clock.advance(time.Minute)
	}
	refuse = false
	if _, err := w.refresh(t, l.Secret); err != nil {
		t.Errorf("refresh at last: %v", err)
	}
	if n := w.audited(t, "session.reuse_detected"); n != 0 {
		t.Errorf("%d thefts were seen, want none", n)
	}
}

// A template that cannot be read any more stops those for whom it is meant, and says so.
func TestMintOfABrokenTemplate(t *testing.T) {
	t.Parallel()
	db := memory(t)
	w := worldOver(t, db, newClock(), open)
	w.signUp(t, "a@example.com")
	w.signUp(t, "b@example.com")
	made := w.template(t, sketch("lean", token.BlankClaims))
	w.target(t, "lean", service.Condition{Attribute: "userEmail", Op: "ends_with", List: []string{"a@example.com"}})
	made.Claims = `{"sub":"{{user.secret}}"}` // no rule lets it in
	if err := db.UpdateTemplate(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	again := worldOver(t, db, w.clock, open)
	for range 2 {
		_, err := again.login(t, "a@example.com", good)
		wantCode(t, "sign in by it", err, fault.Internal)
	}
	if _, err := again.login(t, "b@example.com", good); err != nil {
		t.Errorf("somebody else signs in: %v", err)
	}
	if n := again.audited(t, "token.failed"); n != 1 {
		t.Errorf("audited %d times, want once", n)
	}
}

// A flaky store begins no transactions while it is broken.
type flaky struct {
	store.Store
	broken atomic.Bool
}

func (s *flaky) Tx(ctx context.Context, fn func(store.Records) error) error {
	if s.broken.Load() {
		return errors.New("disk full")
	}
	return s.Store.Tx(ctx, fn)
}

// While the rules cannot be read nobody gets a token by others.
func TestMintWithoutTheRules(t *testing.T) {
	t.Parallel()
	db, k := memory(t), newClock()
	s := &flaky{Store: db}
	a, b := worldOver(t, db, k, open), worldOver(t, s, k, open)
	l := b.signUp(t, "a@example.com")
	a.template(t, sketch("lean", token.BlankClaims))
	a.target(t, "lean", everybody)
	k.advance(2 * time.Second)
	s.broken.Store(true)
	_, err := b.refresh(t, l.Secret)
	wantCode(t, "refresh while the rules cannot be read", err, fault.Unavailable)
	s.broken.Store(false)
	if l, err = b.refresh(t, l.Secret); err != nil || claimsOf(t, l)["email"] != nil {
		t.Errorf("afterwards: %v (%v), want the template's claims", claimsOf(t, l), err)
	}
}
