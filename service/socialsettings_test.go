package service_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
)

// TestSocialSettings is about what may be set up, and what is kept of it.
func TestSocialSettings(t *testing.T) {
	t.Parallel()
	on, off, id, hush, empty := true, false, "cid", "hush-hush", ""
	full := service.SocialChange{Active: &on, ClientID: &id, Secret: &hush}
	t.Run("OIDC-35 sealed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p, err := w.Socials.Set(t.Context(), host, "github", full)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := w.db.SocialProvider(t.Context(), p.ID)
		if err != nil || len(kept.Secret) == 0 || bytes.Contains(kept.Secret, []byte("hush")) || strings.Contains(kept.Settings, "hush") {
			t.Errorf("kept %+v, %v", kept, err)
		}
		// Nobody can send back what is never shown.
		if _, err := w.Socials.Set(t.Context(), host, "github", service.SocialChange{Secret: &empty}); err != nil {
			t.Error(err)
		}
		again, err := w.db.SocialProvider(t.Context(), p.ID)
		if err != nil || len(again.Secret) != len(kept.Secret) {
			t.Error("an empty secret took the place of the one that was there")
		}
		l, err := w.db.Audit(t.Context(), store.AuditQuery{Action: "social_provider.set"})
		if err != nil || l.Total != 2 || strings.Contains(l.Items[0].Detail+l.Items[1].Detail, "hush") {
			t.Errorf("audited %+v, %v", l, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		plain, script, spaced, long := "acme", "javascript:alert(1)", []string{"a b"}, strings.Repeat("x", 9<<10)
		for name, tt := range map[string]struct {
			kind   string
			change service.SocialChange
			want   fault.Code
		}{
			"all well":              {"google", full, ""},
			"off, it may lack all":  {"gitlab", service.SocialChange{}, ""},
			"nobody describes it":   {"myspace", full, fault.Invalid},
			"on without a secret":   {"slack", service.SocialChange{Active: &on, ClientID: &id}, fault.Invalid},
			"on without a key":      {"apple", full, fault.Invalid},
			"a redirect that runs":  {"x", service.SocialChange{RedirectURL: &script}, fault.Invalid},
			"a scope of two":        {"x", service.SocialChange{Scopes: &spaced}, fault.Invalid},
			"a secret beyond words": {"x", service.SocialChange{Secret: &long}, fault.Invalid},
			"a client of ours":      {"x", service.SocialChange{Customised: &off}, fault.Invalid},
			"another type":          {"linkedin", service.SocialChange{Type: &plain}, ""},
		} {
			p, err := w.Socials.Set(t.Context(), host, tt.kind, tt.change)
			wantCode(t, name, err, tt.want)
			if err == nil && p.Type != tt.kind {
				t.Errorf("%s: %s became %s", name, tt.kind, p.Type)
			}
		}
		for _, by := range []store.Principal{someone, {Kind: store.UserKind, ID: "u", UserID: "u", TenantID: "t"}} {
			_, err := w.Socials.Set(t.Context(), by, "google", full)
			wantCode(t, "somebody else", err, fault.Forbidden)
			_, err = w.Socials.Get(t.Context(), by, "google")
			wantCode(t, "somebody else", err, fault.Forbidden)
			wantCode(t, "somebody else", w.Socials.Switch(t.Context(), by, "google", false), fault.Forbidden)
			wantCode(t, "somebody else", w.Socials.DeleteCustom(t.Context(), by, "x"), fault.Forbidden)
		}
	})
	t.Run("described by the host", func(t *testing.T) {
		t.Parallel()
		pr, _ := social.Lookup("github")
		pr.Authorization = "https://git.acme.com/login"
		w := newWorld(t, func(c *service.Config) {
			c.Social = []social.Provider{pr, {Type: "acme", Issuer: "https://id.acme.com", Auth: oidc.Post}}
		})
		for _, kind := range []string{"github", "acme"} {
			if _, err := w.Socials.Set(t.Context(), host, kind, full); err != nil {
				t.Error(err)
			}
		}
		d, err := w.Socials.Begin(t.Context(), someone, service.SocialStart{Type: "github"})
		if err != nil || !strings.HasPrefix(d.Address, "https://git.acme.com/login?") {
			t.Errorf("sent to %s, %v", d.Address, err)
		}
		for name, pr := range map[string]social.Provider{
			"a type that is no word": {Type: "Acme Inc.", Issuer: "https://id.acme.com", Auth: oidc.Post},
			"no addresses":           {Type: "acme", Auth: oidc.Post},
			"no style":               {Type: "acme", Issuer: "https://id.acme.com"},
		} {
			_, err := startOver(t, memory(t), w.clock, func(c *service.Config) { c.Social = []social.Provider{pr} })
			if err == nil {
				t.Errorf("%s: the description was taken", name)
			}
		}
		name := "acme"
		_, err = w.Socials.CreateCustom(t.Context(), host, service.SocialChange{Type: &name, Name: &name})
		wantCode(t, "a custom provider of that type", err, fault.Invalid)
	})
}
