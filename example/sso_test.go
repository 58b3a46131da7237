package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/foreign"
	"github.com/go-identity/identity/internal/program"
)

const connections = "/team/resources/sso/v1/configurations"

// An office is an example with one connection of the tenant acme, to a provider that is not
// ours.
type office struct {
	*process
	kit   foreign.Kit
	token string // management
	id    string // of the connection
	there *program.Program
}

// A tie is a way to connect an example to a provider.
type tie struct {
	name   string
	saml   bool   // else OpenID Connect
	domain string // of who signs in
	typed  map[string]string
	group  string // that the provider says; empty where it says none
	bind   func(t *testing.T, o *office)

	email, person string
}

func ties() []tie {
	alice := tie{saml: true, domain: "example.test", email: "alice@example.test", person: "Alice Å & Co", typed: foreign.Alice(), group: "admins"}
	samlp, typed, pysaml2, form, op := alice, alice, alice, alice, alice
	samlp.name, samlp.bind = "samlp", bindSAMLP
	typed.name, typed.bind = "samlp by hand", bindByHand
	pysaml2.name, pysaml2.bind = "pysaml2", bindPysaml2
	form.name, form.bind = "pysaml2 demanding", bindDemanding
	op.name, op.bind, op.group, op.person = "oidc-provider", bindOIDCProvider, "eng", "Test alice"
	op.saml, op.typed = false, map[string]string{"login": "alice", "password": "any"}
	return []tie{samlp, pysaml2, form, typed, op, {
		name: "zitadel-op", domain: "zitadel.ch", email: "test-user@zitadel.ch", person: "Test User", bind: bindZitadel,
		typed: map[string]string{"username": "test-user@localhost", "password": "verysecure"},
	}}
}

// ask makes one management call for acme.
func (o *office) ask(t *testing.T, status int, method, path string, body any) answer {
	t.Helper()
	return o.want(t, status, o.token, method, path, body, "frontegg-tenant-id", tenantID)
}

// create makes the connection, which sends nobody anywhere yet.
func (o *office) create(t *testing.T, kind string) {
	t.Helper()
	o.id = decode[record](t, o.ask(t, 201, "POST", connections, object{"type": kind, "enabled": false})).ID
}

// open proves the domain by the word of management, maps the group, and lets people in.
func (o *office) open(t *testing.T, tt tie) {
	t.Helper()
	o.ask(t, 201, "POST", connections+"/"+o.id+"/domains", object{"domain": tt.domain})
	o.want(t, 200, o.token, "PUT", connections+"/domains/"+tt.domain+"/force-validate", object{"validated": true})
	if tt.group != "" {
		o.ask(t, 201, "POST", connections+"/"+o.id+"/groups", object{"group": tt.group, "roleIds": []string{o.role(t, "admin")}})
	}
	o.ask(t, 200, "PATCH", connections+"/"+o.id, object{"enabled": true})
}

// set changes settings that the published API has no fields for.
func (o *office) set(t *testing.T, change func(all object)) {
	t.Helper()
	path := connections + "/" + o.id + "/settings"
	all := decode[object](t, o.ask(t, 200, "GET", path, nil))
	change(all)
	o.ask(t, 200, "PUT", path, all)
}

func (o *office) role(t *testing.T, key string) string {
	t.Helper()
	for _, r := range decode[[]record](t, o.want(t, 200, o.token, "GET", rolesV1, nil)) {
		if r.Key == key {
			return r.ID
		}
	}
	t.Fatalf("no role %s", key)
	return ""
}

// papers are what a SAML provider wants to have of us: what the connection publishes.
func (o *office) papers(t *testing.T) (metadata, certificate []byte) {
	t.Helper()
	metadata = o.want(t, 200, "", "GET", "/auth/saml/metadata/"+o.id, nil).body
	found := regexp.MustCompile(`X509Certificate[^>]*>([^<]+)<`).FindSubmatch(metadata)
	if found == nil {
		t.Fatalf("no certificate in %s", metadata)
	}
	der, err := base64.StdEncoding.DecodeString(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return metadata, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// trust gives the connection the provider's metadata, as an administrator would.
func (o *office) trust(t *testing.T) {
	t.Helper()
	doc := o.there.Call(t, "GET", "/metadata", nil)
	if doc.Status != 200 {
		t.Fatalf("the provider's metadata: %s", doc)
	}
	o.ask(t, 200, "PUT", connections+"/"+o.id+"/metadata", object{"metadata": string(doc.Body)})
}

// bindSAMLP has the provider sign and encrypt whatever it can, and want signed requests.
func bindSAMLP(t *testing.T, o *office) {
	t.Helper()
	o.kit = foreign.SAMLP(t)
	o.create(t, "saml")
	_, certificate := o.papers(t)
	o.there = o.kit.StartSAMLP(t, certificate, o.base+"/auth/saml/slo/"+o.id)
	o.trust(t)
	if _, err := http.PostForm(o.there.Base+"/knobs", url.Values{
		"encrypt": {"true"}, "signResponse": {"true"}, "requireSigned": {"true"},
	}); err != nil {
		t.Fatal(err)
	}
	o.ask(t, 200, "PATCH", connections+"/"+o.id, object{"signRequest": true})
	o.set(t, func(all object) {
		all["attributes"] = object{"groups": []string{"http://schemas.passportjs.com/groups"}}
	})
}

// bindByHand knows of the provider what somebody copied from its pages: an address and a
// certificate. Its name is learnt from its first answer.
func bindByHand(t *testing.T, o *office) {
	t.Helper()
	o.kit = foreign.SAMLP(t)
	o.create(t, "saml")
	_, certificate := o.papers(t)
	o.there = o.kit.StartSAMLP(t, certificate, o.base+"/auth/saml/slo/"+o.id)
	theirs, err := os.ReadFile(filepath.Join(o.kit.Dir, "idp.crt"))
	if err != nil {
		t.Fatal(err)
	}
	o.ask(t, 200, "PATCH", connections+"/"+o.id, object{
		"ssoEndpoint": o.there.Base + "/samlp", "publicCertificate": string(theirs), "signRequest": false, "configMetadata": object{
			"groupsAttribute": "http://schemas.passportjs.com/groups", "sloEndpoint": o.there.Base + "/logout",
		},
	})
}

func bindPysaml2(t *testing.T, o *office) {
	t.Helper()
	o.kit = foreign.Pysaml2(t)
	o.create(t, "saml")
	metadata, _ := o.papers(t)
	o.there = o.kit.StartPysaml2(t, metadata)
	o.trust(t)
}

// bindDemanding wants every request signed, and takes such by form only. Its metadata says
// the former, and is read from its address.
func bindDemanding(t *testing.T, o *office) {
	t.Helper()
	o.kit = foreign.Pysaml2(t)
	o.create(t, "saml")
	metadata, _ := o.papers(t)
	o.there = o.kit.StartPysaml2(t, metadata, "REQUIRE_SIGNED=1")
	o.ask(t, 200, "PUT", connections+"/"+o.id+"/metadata-url", object{"url": o.there.Base + "/metadata"})
	o.set(t, func(all object) { all["saml"].(object)["postRequests"] = true })
}

func bindOIDCProvider(t *testing.T, o *office) {
	t.Helper()
	o.kit = foreign.OIDCProvider(t)
	o.create(t, "oidc")
	o.there = o.kit.StartOIDCProvider(t, o.base+"/oauth/account/oidc/callback", "BCL="+o.base+"/oauth/account/oidc/logout/"+o.id)
	o.rely(t, o.there.Base, "rp", "rp-secret-rp-secret-rp-secret-00")
	o.set(t, func(all object) { all["oidc"].(object)["scopes"] = []string{"email", "profile", "groups"} })
}

func bindZitadel(t *testing.T, o *office) {
	t.Helper()
	o.there = foreign.StartZitadel(t, o.base+"/oauth/account/oidc/callback")
	o.create(t, "oidc")
	o.rely(t, o.there.Base+"/", "web", "secret")
}

// rely names the OpenID provider.
func (o *office) rely(t *testing.T, issuer, client, secret string) {
	t.Helper()
	o.want(t, 201, o.token, "POST", "/team/resources/sso/v1/oidc/configurations", object{"active": true})
	o.ask(t, 200, "PATCH", connections+"/"+o.id, object{"ssoEndpoint": issuer, "oidcClientId": client, "oidcSecret": secret})
}

// settle starts an example and ties it to a provider.
func settle(t *testing.T, dir, db string, tt tie, args ...string) *office {
	t.Helper()
	o := &office{process: start(t, dir, db, append([]string{"-allow-private-networks"}, args...)...)}
	o.token = o.management(t)
	tt.bind(t, o)
	o.open(t, tt)
	return o
}

// browser is that of somebody who has an account at the provider.
func (o *office) browser(t *testing.T, tt tie) *foreign.Browser {
	t.Helper()
	return foreign.NewBrowser(t, o.base, tt.typed)
}

// address types an e-mail address where the app asks for one.
func (o *office) address(t *testing.T, b *foreign.Browser, email string) foreign.Step {
	t.Helper()
	s, ok := b.Go(t, foreign.At(t, o.base+"/account/login?next=/reports")).Form(t, map[string]string{"email": email})
	if !ok {
		t.Fatal("the page asks for nothing")
	}
	return s
}

// me is who the guard takes a browser for; nobody where there is no session.
func (o *office) me(t *testing.T, b *foreign.Browser) me {
	t.Helper()
	p := b.Go(t, foreign.At(t, o.base+"/api/me"))
	var who me
	if p.Status == http.StatusOK {
		if err := json.Unmarshal([]byte(p.Body), &who); err != nil {
			t.Fatal(err)
		}
	}
	return who
}

// TestSSO signs people in through providers that are not ours, over HTTP.
func TestSSO(t *testing.T) {
	t.Parallel()
	for _, tt := range ties() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			databases(t, func(t *testing.T, dir, db string) {
				o := settle(t, dir, db, tt)
				b := o.browser(t, tt)
				p := b.Walk(t, o.address(t, b, tt.email))
				if p.URL.Path != "/reports" || p.Status != http.StatusOK {
					t.Fatalf("the way ended at %s: %d %s", p.URL, p.Status, p.Body)
				}
				who := o.me(t, b)
				if who.Email != tt.email || who.Name != tt.person || who.TenantID != tenantID ||
					slices.Contains(who.Roles, "admin") != (tt.group != "") || !slices.Contains(who.Roles, "viewer") {
					t.Errorf("signed in as %+v", who)
				}
				o.strangers(t, tt)
				again := o.browser(t, tt)
				again.Walk(t, o.address(t, again, tt.email))
				if second := o.me(t, again); second.UserID != who.UserID || second.SessionID == who.SessionID {
					t.Errorf("the second time as %+v, the first as %+v", second, who)
				}
				out := foreign.At(t, o.base+"/account/logout")
				out.Fields = url.Values{}
				if p := b.Walk(t, out); p.Status != http.StatusOK || o.me(t, b).UserID != "" || tt.saml && p.URL.Path != "/account/login" ||
					!tt.saml && !strings.HasPrefix(p.URL.String(), o.there.Base) {
					t.Errorf("signing out ended at %s: %d %s", p.URL, p.Status, p.Body)
				}
				if o.me(t, again).UserID != who.UserID {
					t.Error("the other session ended, too")
				}
			})
		})
	}
}

// strangers are answers that do not belong to the browser which brings them.
func (o *office) strangers(t *testing.T, tt tie) {
	t.Helper()
	b, other := o.browser(t, tt), o.browser(t, tt)
	back := b.WalkTo(t, o.address(t, b, tt.email), o.base)
	if strings.HasPrefix(back.URL.Path, "/auth/sso/") {
		back = b.WalkTo(t, back, o.base+"/auth/saml/callback")
	}
	if p := other.Walk(t, back); o.me(t, other).UserID != "" || p.Status == http.StatusOK {
		t.Errorf("another browser got in: %d %s", p.Status, p.Body)
	}
	if p := b.Walk(t, back); p.Status != http.StatusOK || o.me(t, b).Email != tt.email {
		t.Errorf("the browser that began did not get in: %d %s", p.Status, p.Body)
	}
	if p := b.Walk(t, back); p.Status == http.StatusOK {
		t.Errorf("an answer was taken twice: %s", p.URL)
	}
}

// TestSSOByWire signs in as a page of the host's own does it: it asks where to go, and gets
// tokens.
func TestSSOByWire(t *testing.T) {
	t.Parallel()
	for _, tt := range ties() {
		if tt.name == "pysaml2 demanding" {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := settle(t, t.TempDir(), "example.db", tt)
			to := decode[struct{ Type, TenantID string }](t, o.want(t, 200, "", "POST", preloginV2, object{"email": tt.email}))
			if to.TenantID != tenantID || to.Type != map[bool]string{true: "saml", false: "oidc"}[tt.saml] {
				t.Errorf("prelogin says %+v", to)
			}
			o.want(t, 404, "", "POST", preloginV2, object{"email": "someone@elsewhere.example"})
			o.want(t, 403, "", "POST", loginV1, object{"email": tt.email, "password": "a long enough password"})
			v := o.visit(t, tt, o.browser(t, tt))
			if who := decode[me](t, o.want(t, 200, v.tokens.AccessToken, "GET", "/api/me", nil)); who.Email != tt.email || who.TenantID != tenantID {
				t.Errorf("signed in as %+v", who)
			}
		})
	}
}

// TestSSOStartedThere begins at the provider: that leads nowhere unless the connection takes
// it, and then through a request of our own.
func TestSSOStartedThere(t *testing.T) {
	t.Parallel()
	for _, tt := range ties()[:2] {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := settle(t, t.TempDir(), "example.db", tt)
			c := decode[struct{ ACSURL, SPEntityID string }](t, o.ask(t, 200, "GET", connections+"/"+o.id, nil))
			address := o.there.Base + "/unsolicited?sp=" + url.QueryEscape(c.SPEntityID)
			if tt.name == "samlp" {
				address = o.there.Base + "/samlp?sp=" + url.QueryEscape(c.SPEntityID) + "&acs=" + url.QueryEscape(c.ACSURL)
			}
			b := o.browser(t, tt)
			if p := b.Walk(t, foreign.At(t, address)); p.Status == http.StatusOK || o.me(t, b).UserID != "" {
				t.Errorf("somebody got in: %d %s", p.Status, p.Body)
			}
			o.set(t, func(all object) { all["saml"].(object)["unsolicited"] = true })
			b = o.browser(t, tt)
			if p := b.Walk(t, foreign.At(t, address)); p.Status != http.StatusOK || o.me(t, b).Email != tt.email {
				t.Errorf("nobody got in: %d %s", p.Status, p.Body)
			}
		})
	}
}
