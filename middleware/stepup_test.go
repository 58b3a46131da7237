package middleware_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

func TestAttackStepUp(t *testing.T) {
	t.Parallel()
	t.Run("MFA-21 step-up", testStepUp)
}

func testStepUp(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	fresh := store.Principal{
		Kind: store.UserKind, ID: "ann", UserID: "ann", Methods: []string{"pwd", "otp", "mfa"},
		AuthTime: now.Add(-time.Minute), StepUpUntil: now.Add(time.Minute),
	}
	with := func(change func(*store.Principal)) *store.Principal {
		p := fresh
		change(&p)
		return &p
	}
	who := map[string]*store.Principal{
		"fresh":         with(func(*store.Principal) {}),
		"by message":    with(func(p *store.Principal) { p.Methods = []string{"pwd", "sms", "mfa"} }),
		"by key":        with(func(p *store.Principal) { p.Methods = []string{"hwk", "mfa"} }),
		"elsewhere":     with(func(p *store.Principal) { p.Methods = []string{"sso", "mfa"} }),
		"no acr":        with(func(p *store.Principal) { p.StepUpUntil = time.Time{} }),
		"old acr":       with(func(p *store.Principal) { p.StepUpUntil = now }),
		"no amr":        with(func(p *store.Principal) { p.Methods = nil }),
		"password":      with(func(p *store.Principal) { p.Methods = []string{"pwd"} }),
		"no device":     with(func(p *store.Principal) { p.Methods = []string{"pwd", "mfa"} }),
		"recovery code": with(func(p *store.Principal) { p.Methods = []string{"pwd", "recovery"} }),
		"only otp":      with(func(p *store.Principal) { p.Methods = []string{"otp"} }),
		"no auth_time":  with(func(p *store.Principal) { p.AuthTime = time.Time{} }),
		"old auth_time": with(func(p *store.Principal) { p.AuthTime = now.Add(-6 * time.Minute) }),
		"backend":       with(func(p *store.Principal) { p.Kind = store.ManagementKind }),
	}
	g := newGuard(t, func(c *middleware.Config) { c.Resolve, c.Now = resolve(who), func() time.Time { return now } })
	for _, tt := range []struct {
		name   string
		maxAge time.Duration
		passes string
		says   string
	}{
		{"no age", 0, "fresh, by message, by key, elsewhere, no auth_time, old auth_time", ""},
		{"five minutes", 5 * time.Minute, "fresh, by message, by key, elsewhere", `max_age="300"`},
		{"one minute", time.Minute, "fresh, by message, by key, elsewhere", `max_age="60"`},
		{"a second less", 59 * time.Second, "", `max_age="59"`},
		{"huge", 1<<62 - (1<<62)%time.Second, "fresh, by message, by key, elsewhere, old auth_time", "max_age"},
		{"negative", -time.Minute, "", ""},
		{"no whole seconds", time.Second / 2, "", ""},
	} {
		h := g.RequireStepUp(tt.maxAge)(ok)
		passes := strings.Split(tt.passes, ", ")
		for name := range who {
			w := ask(t, h, "GET", "/", "Authorization: Bearer "+name)
			want := http.StatusForbidden
			for _, p := range passes {
				if p == name {
					want = http.StatusOK
				}
			}
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code != want {
				t.Errorf("%s: %q gets %d, want %d", tt.name, name, w.Code, want)
			}
			if want == http.StatusOK && challenge != "" {
				t.Errorf("%s: %q is challenged", tt.name, name)
			}
			if want == http.StatusForbidden && (!strings.Contains(w.Body.String(), `"errorCode":"step_up_required"`) ||
				!strings.Contains(challenge, `Bearer error="insufficient_user_authentication"`) ||
				!strings.Contains(challenge, `acr_values="http://schemas.openid.net/pape/policies/2007/06/multi-factor"`) ||
				!strings.Contains(challenge, tt.says)) {
				t.Errorf("%s: %q gets %s, %s", tt.name, name, w.Body, challenge)
			}
		}
		if w := ask(t, h, "GET", "/"); w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: nobody gets %d, %s", tt.name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	if g.Err() == nil {
		t.Error("an age that cannot be is no wiring mistake")
	}
}
