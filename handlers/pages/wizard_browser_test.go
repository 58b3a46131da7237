package pages_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/chromium"
	"github.com/go-identity/identity/ssotest"
)

// tick ticks the box, or chooses the option, with that value.
func tick(b *chromium.Tab, name, value string) {
	b.Eval(`document.querySelector('[name="` + name + `"][value="` + value + `"]').checked = true`)
}

// signIn signs the keeper in with a password, in a browser.
func signIn(b *chromium.Tab, base, next string) {
	b.Open(base + "/account/login?next=" + url.QueryEscape(next))
	b.Look(chromium.Views()[0])
	b.Fill("email", email)
	b.Press("Continue")
	b.Fill("password", phrase)
	b.Press("Sign in")
}

// arrives signs somebody in through the provider of their address, in a browser: our page leads
// to the provider by itself, and the provider's page has a button.
func arrives(b *chromium.Tab, base, address string) {
	b.Open(base + "/account/login?next=/account/security")
	b.Look(chromium.Views()[0])
	b.Fill("email", address)
	b.Press("Continue")
	b.Load(func() {}) // the page sends itself on
	b.Press("Go on")
}

// text is what a page says.
func text(b *chromium.Tab) string { return b.Eval("document.querySelector('main').innerText") }

// wants checks that a page says something.
func wants(t *testing.T, b *chromium.Tab, parts ...string) {
	t.Helper()
	said := text(b)
	for _, p := range parts {
		if !strings.Contains(said, p) {
			t.Errorf("%s lacks %q:\n%s", b.Eval("location.pathname"), p, said)
		}
	}
}

// TestWizardInABrowser sets a connection up in Chromium, with scripts off, and signs in through
// it in another one.
func TestWizardInABrowser(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)
	f := federated(t, true, nil)
	f.user(t)
	f.keep(t, "acme", email)
	signIn(b, f.URL, connections)
	b.Want(connections, "Single sign-on")
	tick(b, "protocol", "saml")
	b.Eval(`document.getElementById('kind').value = 'okta'`)
	b.Fill("called", "Our directory")
	b.Press("Add the connection")
	wants(t, b, "Our values", "In the Okta admin console")
	acs := b.Eval("document.querySelector('.copy code').textContent")
	id := acs[strings.LastIndexByte(acs, '/')+1:]
	at := connections + "/" + id
	f.saml.Register(f.metadata(t, id))
	b.Press("Next step")
	b.Fill("metadataUrl", f.saml.MetadataURL())
	b.Press("Fetch and save")
	b.Want(at+"/domains", "Domains")
	b.Fill("domain", "acme.example")
	b.Press("Add")
	wants(t, b, "The domain is added.", "_saml-domain-challenge.acme.example")
	b.Press("Check now")
	wants(t, b, "The record is not there yet.")
	f.zone.publish(b.Eval("document.querySelectorAll('.copy code')[0].textContent")+".", b.Eval("document.querySelectorAll('.copy code')[1].textContent"))
	b.Press("Check now")
	wants(t, b, "The domain is proved.")
	b.Press("Next step")
	b.Fill("group", "staff")
	b.Eval(`[...document.querySelectorAll('form')].find(f => f.action.endsWith('groups?kind=okta')).querySelector('[name="role-` +
		f.role(t, "reader-acme") + `"]').checked = true`)
	b.Press("Map a group")
	wants(t, b, "The group is mapped.", "staff", "Reader")
	b.Press("Next step")
	f.saml.Everyone(ssotest.Person("admin@acme.example"))
	b.Press("Try it with your own account")
	b.Load(func() {}) // the page sends itself on
	b.Press("Go on")
	b.Want(at+"/attempts", "Test")
	wants(t, b, "You are back.", "Accepted", "a…@acme.example")
	b.Press("Turn on")
	wants(t, b, "The connection is on.")

	eve := chromium.New(t)
	u := ssotest.Person("eve@acme.example")
	u.Groups = []string{"staff"}
	f.saml.Everyone(u)
	arrives(eve, f.URL, "eve@acme.example")
	eve.Want("/account/security", "Account security")
	wants(t, eve, "eve@acme.example")
	if got := f.rolesOf(t, "eve@acme.example"); !strings.Contains(got, "reader-acme") {
		t.Errorf("eve has the roles %s", got)
	}
	b.Open(f.URL + at + "/attempts")
	wants(t, b, "Accepted", "e…@acme.example")
	complaints(t, b)
	complaints(t, eve)
}

// TestDebuggerInABrowser has a provider send answers to another audience, and finds out why.
func TestDebuggerInABrowser(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)
	f := federated(t, true, nil)
	f.user(t)
	f.keep(t, "acme", email)
	id := f.bySAML(t, "acme", "acme.example")
	f.saml.Everyone(ssotest.Person("eve@acme.example"), func(a *ssotest.Assertion) { a.Audience = "https://old.example/saml" })
	eve := chromium.New(t)
	arrives(eve, f.URL, "eve@acme.example")
	wants(t, eve, "You are not signed in", "The sign-in at the provider did not work.", "Try again")
	if strings.Contains(eve.Eval("document.body.textContent"), "audience") {
		t.Error("eve reads the diagnosis")
	}
	signIn(b, f.URL, connections+"/"+id+"/attempts")
	wants(t, b, "Refused", "The assertion is for another audience", "/auth/saml/metadata/"+id)
	b.Press("Details")
	wants(t, b, "Why", "The assertion is for another audience", "https://old.example/saml", "The answer as it came")
	b.Press("Try again with the settings of now")
	wants(t, b, "The person would not get in:", "The assertion is for another audience")
	complaints(t, b)
}

// TestSetupLinkInABrowser has somebody without an account connect a provider.
func TestSetupLinkInABrowser(t *testing.T) {
	t.Parallel()
	b, guest := chromium.New(t), chromium.New(t)
	f := federated(t, true, nil)
	f.user(t)
	f.keep(t, "acme", email)
	signIn(b, f.URL, "/account/sso/invite")
	b.Press("Make a link")
	link := b.Eval("document.querySelector('.copy code').textContent")
	guest.Open(link)
	guest.Look(chromium.Views()[0])
	guest.Want("/account/sso/setup", "Set single sign-on up")
	guest.Press("Begin")
	guest.Want(connections, "Single sign-on")
	wants(t, guest, "You are setting up single sign-on for Acme.")
	tick(guest, "protocol", "oidc")
	guest.Press("Add the connection")
	wants(t, guest, "Our values", f.URL+"/oauth/account/oidc/callback")
	guest.Press("Next step")
	guest.Fill("issuer", f.oidc.Issuer())
	guest.Fill("clientId", f.oidc.ClientID())
	guest.Fill("secret", f.oidc.ClientSecret())
	guest.Press("Save")
	guest.Fill("domain", "acme.example")
	guest.Press("Add")
	wants(t, guest, "The domain is added.")
	guest.Press("I am done")
	wants(t, guest, "Thank you")
	guest.Open(link)
	wants(t, guest, "This link no longer works")
	guest.Open(f.URL + connections)
	guest.Want("/account/login", "Sign in")
	b.Open(f.URL + connections)
	wants(t, b, "OpenID Connect", "Domains proved: 0 of 1")
	complaints(t, b)
	complaints(t, guest)
}
