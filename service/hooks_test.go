package service_test

import (
	"context"
	"math"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// hookOf is a hook that needs no context.
func hookOf(f func(*service.MintContext) error) func(context.Context, *service.MintContext) error {
	return func(_ context.Context, m *service.MintContext) error { return f(m) }
}

// hooked asks f before each token.
func hooked(f func(*service.MintContext) error) func(*service.Config) {
	return func(c *service.Config) { c.BeforeMint = hookOf(f) }
}

func TestHookAddsClaims(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	var last atomic.Pointer[service.MintContext]
	w := newWorld(t, open, hooked(func(m *service.MintContext) error {
		asked.Add(1)
		seen := *m
		last.Store(&seen)
		m.Claims["plan"] = "gold"
		m.Claims["limits"] = map[string]any{"seats": 5}
		for _, name := range strings.Fields("sub iss aud exp iat nbf jti type tenantId tenantIds sid act amr acr auth_time cnf scope roles permissions SUB") {
			m.Claims[name] = "victim"
		}
		m.Claims["email"] = "victim@example.com"
		return nil
	}))
	l := w.signUp(t, "a@example.com")
	got := claimsOf(t, l)
	if got["plan"] != "gold" || got["limits"].(map[string]any)["seats"] != 5.0 || got["email"] != "a@example.com" {
		t.Errorf("claims are %v", got)
	}
	for name, v := range got {
		if v == "victim" {
			t.Errorf("the hook set %s", name)
		}
	}
	if by := w.user(t, l); by.UserID != l.User.ID || by.TenantID == "victim" {
		t.Errorf("the token is of %+v", by)
	}
	m := last.Load()
	if m.User.ID != l.User.ID || m.TenantID != l.Session.TenantID || m.SessionID != l.Session.ID || m.TokenType != "userToken" ||
		m.Template != "" || m.Preview || m.Lifetime != 5*time.Minute || len(m.Roles) != 1 || m.Methods[0] != "pwd" {
		t.Errorf("the hook was told %+v", m)
	}
	w.template(t, sketch("gold", with(`"tier":"{{customClaims.plan}}","seats":"{{customClaims.limits.seats}}","limits":"mine"`)))
	w.target(t, "gold", everybody)
	l, err := w.refresh(t, l.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if got = claimsOf(t, l); got["tier"] != "gold" || got["seats"] != 5.0 || got["limits"] != "mine" || got["plan"] != "gold" {
		t.Errorf("claims of a template are %v", got)
	}
	if m := last.Load(); m.Template != "gold" || m.Lifetime != time.Minute || asked.Load() != 2 {
		t.Errorf("the hook was asked %d times and told %+v", asked.Load(), m)
	}
}

func TestHookChoosesTheLifetime(t *testing.T) {
	t.Parallel()
	var life atomic.Int64
	w := newWorld(t, open, hooked(func(m *service.MintContext) error {
		m.Lifetime = time.Duration(life.Load())
		return nil
	}))
	for given, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, 0: 10 * time.Second, -time.Hour: 10 * time.Second, 9 * time.Second: 10 * time.Second,
		90*time.Second + time.Millisecond: 90 * time.Second, 24 * time.Hour: 24 * time.Hour, 1 << 62: 72 * time.Hour,
	} {
		life.Store(int64(given))
		l := w.signUp(t, given.String()+"@example.com")
		if l.ExpiresIn != want {
			t.Errorf("a hook that says %s makes a token of %s, want %s", given, l.ExpiresIn, want)
		}
		w.user(t, l)
	}
}

func TestAttackHooks(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for _, tt := range []struct {
		name string
		hook func(*service.MintContext) error
		want fault.Code
		says string
	}{
		{"HTTP-22 panic", func(*service.MintContext) error { panic("secret") }, fault.Unavailable, "not possible now"},
		{"HTTP-22 nil map", func(m *service.MintContext) error { m.Claims = nil; m.Claims["x"] = 1; return nil }, fault.Unavailable, ""},
		{"HTTP-22 goroutine that ends", func(*service.MintContext) error { runtime.Goexit(); return nil }, fault.Unavailable, ""},
		{"hang", func(*service.MintContext) error { <-hang; return nil }, fault.Unavailable, ""},
		{"error", func(*service.MintContext) error { return context.DeadlineExceeded }, fault.Unavailable, ""},
		{"refusal", func(*service.MintContext) error { return fault.New(fault.Forbidden, "", "pay first") }, fault.Forbidden, "pay first"},
		{"another no", func(*service.MintContext) error { return fault.New(fault.Unauthenticated, "", "who?") }, fault.Unavailable, ""},
		{"no JSON", func(m *service.MintContext) error { m.Claims["x"] = math.NaN(); return nil }, fault.Unavailable, ""},
		{"endless JSON", func(m *service.MintContext) error { m.Claims["x"] = m.Claims; return nil }, fault.Unavailable, ""},
		{"JSON that panics", func(m *service.MintContext) error { m.Claims["x"] = bad{}; return nil }, fault.Unavailable, ""},
		{"too large", func(m *service.MintContext) error { m.Claims["x"] = strings.Repeat("x", 1<<20); return nil }, fault.Internal, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var on atomic.Bool
			w := newWorld(t, open, hooked(func(m *service.MintContext) error {
				if on.Load() {
					return tt.hook(m)
				}
				return nil
			}))
			l := w.signUp(t, "a@example.com")
			on.Store(true)
			_, err := w.login(t, "a@example.com", good)
			if wantCode(t, "sign in", err, tt.want); err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("sign in says %v, want %q", err, tt.says)
			}
			if left, err := w.db.Sessions(t.Context(), l.User.ID, w.clock.now()); err != nil || len(left) != 1 {
				t.Errorf("%d sessions are left (%v), want the one before", len(left), err)
			}
			on.Store(false)
			if _, err := w.refresh(t, l.Secret); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// bad is a claim that is a trap.
type bad struct{}

func (bad) MarshalJSON() ([]byte, error) { panic("trap") }

// The host's own way in depends on no hook, and vendor metadata is not for tokens.
func TestHookIsNotAskedForTheHost(t *testing.T) {
	t.Parallel()
	vendor := make(chan string, 1)
	w := newWorld(t, open, hooked(func(m *service.MintContext) error {
		vendor <- m.User.VendorMetadata
		return nil
	}))
	_, secret, err := w.Credentials.Create(t.Context(), store.System(), "c")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Credentials.Exchange(t.Context(), someone, w.Environment, secret); err != nil {
		t.Errorf("exchange: %v", err)
	}
	if len(vendor) != 0 {
		t.Error("the hook was asked for a management token")
	}
	w.signUp(t, "a@example.com")
	if got := <-vendor; got != "" {
		t.Errorf("the hook was shown vendor metadata %s", got)
	}
	by := someone
	l, err := w.SignIn.Password(t.Context(), by, service.PasswordLogin{Email: "a@example.com", Password: good, Kind: store.Browser})
	if err != nil || l.AccessToken != "" || len(vendor) != 0 {
		t.Errorf("a cookie: %v, asked %d times, want no token and no question", err, len(vendor))
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open, hooked(func(m *service.MintContext) error {
		m.Claims["preview"] = m.Preview
		return nil
	}))
	l := w.signUp(t, "a@example.com")
	made := w.template(t, sketch("rich", with(`"roles":"{{user.tenant.roles}}","x":"{{user.metadata.x}}","y":{"z":"{{customClaims.none}}"}`)))
	ask := service.Preview{UserID: l.User.ID, TenantID: l.Session.TenantID}
	seen := func(what string, in service.Preview, rule int) service.Previewed {
		t.Helper()
		p, err := w.Templates.Preview(t.Context(), store.System(), in)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if p.Rule != rule || (p.Treatment == "rich") != (rule >= 0) || p.MaxSize != 7168 || p.Size < 500 {
			t.Errorf("%s: %+v, want rule %d", what, p, rule)
		}
		return p
	}
	if p := seen("the default", ask, -1); !strings.Contains(p.Claims, `"email":"a@example.com"`) || !strings.Contains(p.Claims, `"preview":true`) {
		t.Errorf("the default is %s", p.Claims)
	}
	byID := ask
	byID.TemplateID = made.ID
	if p := seen("by id", byID, -1); strings.Join(p.Unresolved, " ") != "user.metadata.x customClaims.none" {
		t.Errorf("unresolved are %v", p.Unresolved)
	}
	w.target(t, "rich", everybody)
	before := seen("the targeted", ask, 0)
	n := service.NewTemplate{Claims: with(`"v":1`)}
	body := ask
	body.Template = &n
	if p := seen("one that is not stored", body, 0); !strings.Contains(p.Claims, `"v":1`) {
		t.Errorf("one that is not stored is %s", p.Claims)
	}
	l, err := w.login(t, "a@example.com", good)
	if err != nil {
		t.Fatal(err)
	}
	same(t, before.Claims, l.AccessToken)
	if diff := before.Size - len(l.AccessToken); diff < -50 || diff > 500 {
		t.Errorf("the size was said to be %d and is %d", before.Size, len(l.AccessToken))
	}
}

// same fails the test unless claims are those of a token, but for what is of its session.
func same(t *testing.T, preview, raw string) {
	t.Helper()
	want, got := part(t, raw, 1), part(t, ".."+encode(preview), 2)
	for _, name := range []string{"jti", "sid", "preview"} {
		if got[name] == nil {
			t.Errorf("the preview has no %s", name)
		}
		delete(got, name)
		delete(want, name)
	}
	if g, w := show(got), show(want); g != w {
		t.Errorf("the preview is %s, the token %s", g, w)
	}
}

func TestPreviewRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, open)
	l := w.signUp(t, "a@example.com")
	user, tenant := l.User.ID, l.Session.TenantID
	n := sketch("k", `{"sub":"x"}`)
	fine := sketch("k", token.BlankClaims)
	for _, tt := range []struct {
		name string
		in   service.Preview
		want fault.Code
	}{
		{"nobody", service.Preview{TenantID: tenant}, fault.NotFound},
		{"unknown user", service.Preview{UserID: "x", TenantID: tenant}, fault.NotFound},
		{"another tenant", service.Preview{UserID: user, TenantID: "x"}, fault.NotFound},
		{"no tenant", service.Preview{UserID: user}, fault.NotFound},
		{"unknown template", service.Preview{UserID: user, TenantID: tenant, TemplateID: "x"}, fault.NotFound},
		{"two templates", service.Preview{UserID: user, TenantID: tenant, TemplateID: "x", Template: &fine}, fault.Invalid},
		{"bad template", service.Preview{UserID: user, TenantID: tenant, Template: &n}, fault.Invalid},
	} {
		_, err := w.Templates.Preview(t.Context(), store.System(), tt.in)
		wantCode(t, tt.name, err, tt.want)
	}
	if n := w.audited(t, "token.failed"); n != 0 {
		t.Errorf("previews were audited %d times as tokens", n)
	}
}
