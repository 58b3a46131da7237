package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/foreign"
	"github.com/go-identity/identity/internal/program"
)

// A visit is somebody who signed in through a provider as a page of the host's own does it.
type visit struct {
	browser *foreign.Browser
	tokens  signedIn
}

// visit signs somebody in. A browser that is known at the provider is not asked again.
func (o *office) visit(t *testing.T, tt tie, b *foreign.Browser) visit {
	t.Helper()
	a := o.want(t, 200, "", "POST", preloginV2, object{"email": tt.email})
	o.bring(t, b, a)
	p := b.Walk(t, foreign.At(t, decode[struct{ Address string }](t, a).Address))
	all := b.Cookies(t, o.base+refreshV)
	i := slices.IndexFunc(all, func(c *http.Cookie) bool { return strings.HasPrefix(c.Name, "fe_refresh_") })
	if i < 0 {
		t.Fatalf("no refresh cookie; the way ended at %s: %d %s", p.URL, p.Status, p.Body)
	}
	tokens := decode[signedIn](t, o.want(t, 201, "", "POST", refreshV, object{"refreshToken": all[i].Value}))
	o.want(t, 200, tokens.AccessToken, "GET", "/api/me", nil)
	return visit{b, tokens}
}

const preloginV2 = "/identity/resources/auth/v2/user/sso/prelogin"

// bring keeps the cookies of an answer in a browser.
func (o *office) bring(t *testing.T, b *foreign.Browser, a answer) {
	t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		b.SetCookie(t, o.base, c)
	}
}

// over wants a session to have ended.
func (o *office) over(t *testing.T, v visit) {
	t.Helper()
	o.within(t, 401, v.tokens.AccessToken, "GET", "/api/me")
	o.want(t, 401, "", "POST", refreshV, object{"refreshToken": v.tokens.RefreshToken})
}

// TestSSOLogout signs out here, and the person is signed out at the provider as well: it
// believes our request and we its answer, and nobody else's session ends.
func TestSSOLogout(t *testing.T) {
	t.Parallel()
	for _, tt := range ties() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := settle(t, t.TempDir(), "example.db", tt)
			v, other := o.visit(t, tt, o.browser(t, tt)), o.visit(t, tt, o.browser(t, tt))
			var cookie string
			for _, c := range v.browser.Cookies(t, o.base) {
				if c.Name == "__Host-identity-sso" {
					cookie = c.Name + "=" + c.Value
				}
			}
			a := o.call(t, "", "POST", "/identity/resources/auth/v1/logout", object{"refreshToken": v.tokens.RefreshToken}, "Cookie", cookie)
			o.over(t, v)
			o.want(t, 200, other.tokens.AccessToken, "GET", "/api/me", nil)
			o.bring(t, v.browser, a)
			to := decode[struct{ Address string }](t, a).Address
			if !strings.HasPrefix(to, o.there.Base) && !strings.HasPrefix(to, o.base+"/auth/sso/") {
				t.Fatalf("the browser is sent to %q: %s", to, a.body)
			}
			p := v.browser.Walk(t, foreign.At(t, to))
			if p.Status != http.StatusOK || tt.saml && !strings.HasPrefix(p.URL.String(), o.base+"/") {
				t.Errorf("the way ended at %s: %d %s", p.URL, p.Status, p.Body)
			}
		})
	}
}

// TestSSOLogoutThere signs out at the provider, which tells us: by the browser (SAML), or by a
// call of its own (OpenID Connect). All sessions that came from there end, and no other.
func TestSSOLogoutThere(t *testing.T) {
	t.Parallel()
	for _, tt := range ties() {
		leave, known := map[string]func(*testing.T, *office, visit){
			"samlp": leaveSAMLP, "pysaml2": leavePysaml2, "oidc-provider": leaveOIDCProvider,
		}[tt.name]
		if !known {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			databases(t, func(t *testing.T, dir, db string) {
				o := settle(t, dir, db, tt)
				admin := o.signIn(t, o.Users[0].Email, o.Users[0].Password)
				v := o.visit(t, tt, o.browser(t, tt))
				leave(t, o, v)
				o.over(t, v)
				o.want(t, 200, admin.AccessToken, "GET", "/api/me", nil)
			})
		})
	}
}

func leaveSAMLP(t *testing.T, o *office, v visit) {
	t.Helper()
	o.told(t, v, o.kit.LeaveSAMLP(t, o.service(t)))
}

func leavePysaml2(t *testing.T, o *office, v visit) {
	t.Helper()
	o.told(t, v, o.kit.LeavePysaml2(t, o.service(t), "alice@example.test"))
}

// service is what a provider of SAML knows of us.
func (o *office) service(t *testing.T) foreign.Service {
	t.Helper()
	c := decode[struct{ SPEntityID string }](t, o.ask(t, 200, "GET", connections+"/"+o.id, nil))
	all := decode[struct{ SAML struct{ EntityID string } }](t, o.ask(t, 200, "GET", connections+"/"+o.id+"/settings", nil))
	return foreign.Service{Provider: all.SAML.EntityID, Entity: c.SPEntityID, SLO: o.base + "/auth/saml/slo/" + o.id}
}

// told begins a sign-out at a provider that hears our answer at an address of its own. It is the
// browser that carries it: which one makes no difference.
func (o *office) told(t *testing.T, v visit, there *program.Program) {
	t.Helper()
	o.set(t, func(all object) {
		all["saml"].(object)["answerGet"], all["saml"].(object)["answerPost"] = there.Base+"/redirect", there.Base+"/post"
	})
	if p := v.browser.Walk(t, foreign.At(t, there.Base+"/redirect")); p.Status != http.StatusOK || !strings.HasPrefix(p.URL.String(), there.Base) {
		t.Errorf("the provider says %d %s at %s", p.Status, p.Body, p.URL)
	}
}

// leaveOIDCProvider signs out on the provider's own page. Its server calls ours.
func leaveOIDCProvider(t *testing.T, o *office, v visit) {
	t.Helper()
	p := v.browser.Go(t, foreign.At(t, o.there.Base+"/session/end"))
	s, ok := p.Form(t, map[string]string{"logout": "yes"})
	if !ok {
		t.Fatalf("no form: %d %s", p.Status, p.Body)
	}
	s.Fields.Set("logout", "yes")
	if p := v.browser.Walk(t, s); p.Status != http.StatusOK {
		t.Errorf("the provider says %d %s", p.Status, p.Body)
	}
	for _, token := range []string{"", "x", "e30.e30.x"} {
		a, err := http.PostForm(o.base+"/oauth/account/oidc/logout/"+o.id, url.Values{"logout_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		if a.Body.Close(); a.StatusCode != http.StatusBadRequest {
			t.Errorf("a logout token %q is answered %d", token, a.StatusCode)
		}
	}
}
