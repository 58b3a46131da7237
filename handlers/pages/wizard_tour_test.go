package pages_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// A walk shows pages, in a language.
type walk func(t *testing.T, language string, show func(name string, a answer))

// walks are the site that a tour goes through, and the tour.
func walks(t *testing.T, wizard bool, face func(*pages.Config)) (*site, walk) {
	t.Helper()
	if wizard {
		f := federated(t, false, face)
		return f.site, f.tour
	}
	s := serve(t, face, strict)
	return s, func(t *testing.T, language string, show func(string, answer)) {
		t.Helper()
		tour(t, s, language, show)
	}
}

// tour goes through the pages about a tenant's single sign-on.
func (f federation) tour(t *testing.T, language string, show func(name string, a answer)) {
	t.Helper()
	b := f.keeper(t).speaking(language)
	get := func(name, path string) answer {
		a := b.get(t, path)
		show(name, a)
		return a
	}
	post := func(name, path string, v url.Values) answer {
		a := b.post(t, path, v)
		show(name, a)
		return a
	}
	get("connections-none", connections)
	post("connections-wrong", connections, url.Values{"called": {strings.Repeat("x", 300)}})
	f.tourProvider(t, b, get, post)
	at := f.tourDomains(t, b, get, post)
	f.tourRoles(t, at, get, post)
	f.tourAttempts(t, at, get, post)
	f.tourInvite(t, b, get, post, show)
	get("delete", at+"/delete")
	f.entitle(t, "keeper-acme", store.ReadSSO)
	get("connections-read", connections)
	get("roles-read", at+"/roles")
	f.entitle(t, "keeper-acme")
	get("connections-forbidden", connections)
	f.entitle(t, "keeper-acme", store.ReadSSO, store.WriteSSO)
	f.tourExpiry(t, b, at, get)
}

func (f federation) tourProvider(t *testing.T, b browser, get getter, post poster) {
	t.Helper()
	oidc := b.add(t, store.OIDC, "entra")
	get("ours-oidc", oidc+"/ours?kind=entra")
	post("provider-oidc-wrong", oidc+"/provider?kind=entra", url.Values{"way": {"oidc"}})
	form := url.Values{"way": {"oidc"}, "issuer": {f.oidc.Issuer()}, "clientId": {f.oidc.ClientID()}, "secret": {f.oidc.ClientSecret()}}
	post("domains-oidc", oidc+"/provider?kind=entra", form)
	get("provider-oidc", oidc+"/provider?kind=entra")
	at := b.add(t, store.SAML, "okta")
	get("ours", at+"/ours?kind=okta")
	get("provider", at+"/provider?kind=okta")
	post("connection-wrong", at, url.Values{"enabled": {"yes"}})
	b.post(t, at+"/delete", nil)
}

func (f federation) tourDomains(t *testing.T, b browser, get getter, post poster) string {
	t.Helper()
	at := b.add(t, store.SAML, "okta")
	id := strings.TrimPrefix(at, connections+"/")
	post("provider-wrong", at+"/provider?kind=okta", url.Values{"way": {"xml"}, "xml": {"<html>"}})
	post("provider-hand-wrong", at+"/provider?kind=okta", url.Values{"way": {"hand"}, "endpoint": {"ftp://idp.example"}})
	post("domains-none", at+"/provider?kind=okta", url.Values{"way": {"url"}, "metadataUrl": {f.saml.MetadataURL()}})
	get("provider-known", at+"/provider?kind=okta")
	post("domains-wrong", at+"/domains?kind=okta", url.Values{"domain": {"gmail.com"}})
	post("domains-added", at+"/domains?kind=okta", url.Values{"domain": {"acme.example"}})
	b.post(t, at+"/domains", url.Values{"domain": {"a-very-long-name-of-a-company-that-has-a-domain-of-its-own.example"}})
	d := f.read(t, id).Domains[0]
	post("domains-missing", at+"/domains/check?kind=okta", url.Values{"claim": {d.ID}})
	f.zone.publish("_saml-domain-challenge.acme.example.", d.Challenge)
	post("domains-proved", at+"/domains/check?kind=okta", url.Values{"claim": {d.ID}})
	return at
}

func (f federation) tourRoles(t *testing.T, at string, get getter, post poster) {
	t.Helper()
	get("roles-none", at+"/roles?kind=okta")
	reader, keeper := f.role(t, "reader-acme"), f.role(t, "keeper-acme")
	post("roles-saved", at+"/roles?kind=okta", url.Values{"role-" + reader: {"yes"}})
	post("roles-wrong", at+"/roles/groups?kind=okta", url.Values{"group": {"staff"}})
	post("roles-mapped", at+"/roles/groups?kind=okta", url.Values{"group": {"staff"}, "role-" + reader: {"yes"}, "role-" + keeper: {"yes"}})
	post("roles-nobody", at+"/roles/attributes?kind=okta", url.Values{"act": {"preview"}})
}

func (f federation) tourAttempts(t *testing.T, at string, get getter, post poster) {
	t.Helper()
	get("attempts-none", at+"/attempts?kind=okta")
	post("rehearse", at+"/attempts?kind=okta", nil)
	post("connection-on", at, url.Values{"enabled": {"yes"}})
	f.come(t, func(a *ssotest.Assertion) { a.Audience = "https://another.example/metadata" })
	refused := attemptPath(t, get("attempts-refused", at+"/attempts?kind=okta"))
	get("attempt-refused", refused)
	post("attempt-again", refused, nil)
	f.come(t, func(a *ssotest.Assertion) { a.Attributes["groups"] = []string{"staff", "everybody"} })
	post("roles-preview", at+"/roles/attributes?kind=okta", url.Values{"act": {"preview"}, "attrGroups": {"groups"}})
	post("roles-refused", at+"/roles/attributes?kind=okta", url.Values{"act": {"preview"}, "attrEmail": {"nothing"}})
	accepted := attemptPath(t, get("attempts", at+"/attempts?kind=okta"))
	get("attempt", accepted)
	get("connections", connections)
	get("connection", at+"?kind=okta")
}

// tourExpiry lets the certificate of the provider run out, in ten years.
func (f federation) tourExpiry(t *testing.T, b browser, at string, get getter) {
	t.Helper()
	f.advance(f.lasts(t, strings.TrimPrefix(at, connections+"/")) - 10*24*time.Hour)
	b.login(t, phrase, "/")
	get("connections-soon", connections)
	f.advance(20 * 24 * time.Hour)
	b.login(t, phrase, "/")
	get("connection-expired", at+"?kind=okta")
	get("provider-expired", at+"/provider?kind=okta")
}

// attemptPath is the path of the newest attempt on a page.
func attemptPath(t *testing.T, a answer) string {
	t.Helper()
	found := regexp.MustCompile(`href="([^"]+/attempts/[^"]+)"`).FindStringSubmatch(a.text)
	if found == nil {
		t.Fatalf("no attempt in:\n%s", a.text)
	}
	return found[1]
}

// come has somebody come from the SAML provider, as the changes have it.
func (f federation) come(t *testing.T, change func(*ssotest.Assertion)) {
	t.Helper()
	eve := f.browser(t).still()
	to := away(t, eve.post(t, "/account/login", url.Values{"email": {"eve@acme.example"}}))
	f.saml.SignIn(eve.Client, to, ssotest.Person("eve@acme.example"), change)
}

func (f federation) tourInvite(t *testing.T, b browser, get getter, post poster, show func(string, answer)) {
	t.Helper()
	get("invite", "/account/sso/invite")
	post("invite-wrong", "/account/sso/invite", url.Values{"invitee": {"nobody"}})
	made := post("invite-made", "/account/sso/invite", url.Values{"invitee": {"it@contractor.example"}})
	link := regexp.MustCompile(`(/account/sso/setup\?token=[^<"]+)`).FindStringSubmatch(made.text)
	if link == nil {
		t.Fatal("no link")
	}
	guest := browser{f.browser(t).Client, f.site}
	guest.Transport = b.Transport
	show("open", guest.get(t, link[1]))
	show("guest", guest.begin(t, link[1]))
	get("invite-opened", "/account/sso/invite")
	show("closed", guest.post(t, "/account/sso/setup/done", nil))
	show("setup-gone", guest.get(t, link[1]))
}
