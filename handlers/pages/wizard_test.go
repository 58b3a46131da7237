package pages_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

const connections = "/account/sso/connections"

// keeper makes a tenant and a user who looks after its single sign-on, signed in in a browser.
func (f federation) keeper(t *testing.T) browser {
	t.Helper()
	f.user(t)
	f.keep(t, "acme", email)
	b := f.browser(t)
	b.login(t, phrase, "/").want(t, 200, "as "+email)
	return b
}

// keep gives a member the right to look after the tenant's single sign-on.
func (f federation) keep(t *testing.T, tenantID, address string) {
	t.Helper()
	rs, err := f.Roles.Create(t.Context(), in(""), []service.NewRole{
		{Key: "keeper-" + tenantID, Name: "Keeper", Level: 10}, {Key: "reader-" + tenantID, Name: "Reader", Level: 20},
		{Key: "owner-" + tenantID, Name: "Owner <b>", Level: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.entitle(t, rs[0].Key, store.ReadSSO, store.WriteSSO)
	p, err := f.Users.ByEmail(t.Context(), store.System(), address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Members.Assign(t.Context(), in(tenantID), p.ID, []string{rs[0].ID}); err != nil {
		t.Fatal(err)
	}
}

// entitle sets what a role permits.
func (f federation) entitle(t *testing.T, role string, keys ...store.Permission) {
	t.Helper()
	all, err := f.Permissions.List(t.Context(), store.System())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range all {
		if slices.Contains(keys, p.Key) {
			ids = append(ids, p.ID)
		}
	}
	if _, err := f.Roles.SetPermissions(t.Context(), store.System(), f.role(t, role), ids); err != nil {
		t.Fatal(err)
	}
}

// add adds a connection and returns its path.
func (b browser) add(t *testing.T, protocol store.Protocol, kind string) string {
	t.Helper()
	a := b.still().post(t, connections, url.Values{"protocol": {string(protocol)}, "kind": {kind}, "called": {"Acme's <i>own</i>"}})
	at, rest, ok := strings.Cut(a.Header.Get("Location"), "/ours")
	if a.StatusCode != 303 || !ok {
		t.Fatalf("status %d, Location %q:\n%s", a.StatusCode, a.Header.Get("Location"), a.text)
	}
	if rest != "?kind="+kind {
		t.Errorf("the kind is lost in %q", rest)
	}
	return at
}

func TestWizardBySAML(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	b.get(t, connections).want(t, 200, "Single sign-on", "There is no connection yet.", "Acme")
	at := b.add(t, store.SAML, "okta")
	id := strings.TrimPrefix(at, connections+"/")
	b.get(t, at+"/ours?kind=okta").want(t, 200, f.URL+"/auth/saml/callback/"+id, f.URL+"/auth/saml/metadata/"+id, "In the Okta admin console")
	b.get(t, at+"/certificate").want(t, 200, "-----BEGIN CERTIFICATE-----")
	b.get(t, at+"/provider?kind=okta").want(t, 200, "the tab “Sign On”", `name="metadataUrl"`)
	b.post(t, at+"/provider", url.Values{"way": {"url"}, "metadataUrl": {f.saml.MetadataURL()}}).want(t, 200, "Domains", "No domain yet.")
	b.post(t, at+"/domains", url.Values{"domain": {"acme.example"}}).want(t, 200, "_saml-domain-challenge.acme.example", "Waits for its proof")
	c := f.read(t, id)
	claim := url.Values{"claim": {c.Domains[0].ID}}
	b.post(t, at+"/domains/check", claim).want(t, 400, "The record is not there yet.")
	f.zone.publish("_saml-domain-challenge.acme.example.", c.Domains[0].Challenge)
	b.post(t, at+"/domains/check", claim).want(t, 200, "The domain is proved.")
	b.get(t, at+"/roles").want(t, 200, "Reader", "Member")
	reader := f.role(t, "reader-acme")
	b.post(t, at+"/roles", url.Values{"role-" + reader: {"yes"}}).want(t, 200, "Saved.", "checked")
	b.post(t, at+"/roles/groups", url.Values{"group": {"staff <x>"}, "role-" + reader: {"yes"}}).want(t, 200, "The group is mapped.", "staff <x>")
	f.rehearsed(t, b, at)
	b.post(t, at, url.Values{"enabled": {"yes"}}).want(t, 200, "The connection is on.")
	ada := f.browser(t).still()
	to := away(t, ada.post(t, "/account/login", url.Values{"email": {"eve@acme.example"}}))
	u := ssotest.Person("eve@acme.example")
	u.Groups = []string{"staff <x>"}
	if res := f.saml.SignIn(ada.Client, to, u); res.StatusCode != 302 {
		t.Fatalf("status %d", res.StatusCode)
	}
	f.browse(ada).get(t, "/account/security").want(t, 200, "eve@acme.example")
	b.get(t, at+"/attempts").want(t, 200, "Accepted", "e…@acme.example")
	b.get(t, connections).want(t, 200, "Domains proved: 1 of 1", "accepted", "Certificate of the provider until")
	preview := b.post(t, at+"/roles/attributes", url.Values{"act": {"preview"}, "attrEmail": {"email, mail"}, "attrGroups": {"groups"}})
	preview.want(t, 200, "The person would get in.", "e…@acme.example", "staff <x>", "Reader")
	b.post(t, at, url.Values{"enabled": {"no"}}).want(t, 200, "The connection is off.")
	b.get(t, at+"/delete").want(t, 200, "Delete the connection?")
	b.post(t, at+"/delete", nil).want(t, 200, "The connection is deleted.")
	b.get(t, at).want(t, 404)
}

// rehearsed tries a connection that is off.
func (f federation) rehearsed(t *testing.T, b browser, at string) {
	t.Helper()
	to := away(t, b.post(t, at+"/attempts", nil))
	res := f.saml.SignIn(b.still().Client, to, ssotest.Person("admin@acme.example"))
	if got := res.Header.Get("Location"); got != at+"/attempts?done=tested" {
		t.Errorf("leads to %q", got)
	}
	for _, c := range res.Cookies() {
		if c.Name == middleware.SessionCookieName {
			t.Error("a rehearsal signed somebody in")
		}
	}
	b.get(t, at+"/attempts?done=tested").want(t, 200, "You are back.", "Accepted", "a…@acme.example")
	b.get(t, "/").want(t, 200, "as "+email)
}

func (f federation) read(t *testing.T, id string) service.SSOConnection {
	t.Helper()
	c, err := f.Connections.Read(t.Context(), in("acme"), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// role is the id of the role with the key.
func (f federation) role(t *testing.T, key string) string {
	t.Helper()
	all, err := f.Roles.List(t.Context(), in("acme"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Key == key {
			return r.ID
		}
	}
	t.Fatalf("no role %q", key)
	return ""
}

func TestWizardByOpenIDConnect(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	at := b.add(t, store.OIDC, "entra")
	b.get(t, at+"/ours?kind=entra").want(t, 200, f.URL+"/oauth/account/oidc/callback", "redirect URI of the platform")
	form := url.Values{"way": {"oidc"}, "issuer": {f.oidc.Issuer()}, "clientId": {f.oidc.ClientID()}, "secret": {f.oidc.ClientSecret()}}
	b.post(t, at+"/provider", form).want(t, 200, "Domains")
	a := b.get(t, at+"/provider")
	a.want(t, 200, f.oidc.ClientID(), "There is a secret.")
	if strings.Contains(a.text, f.oidc.ClientSecret()) {
		t.Error("the page shows the secret")
	}
	form.Set("secret", "")
	b.post(t, at+"/provider", form).want(t, 200, "Domains")
	b.post(t, at, url.Values{"enabled": {"yes"}}).want(t, 200, "The connection is on.", "No domain is proved")
	f.claim(t, "acme", strings.TrimPrefix(at, connections+"/"), "acme.example")
	eve := f.browser(t).still()
	to := away(t, eve.post(t, "/account/login", url.Values{"email": {"eve@acme.example"}}))
	f.oidc.SignIn(eve.Client, to, ssotest.Person("eve@acme.example"))
	f.browse(eve).get(t, "/account/security").want(t, 200, "eve@acme.example")
	found := regexp.MustCompile(`href="([^"]+/attempts/[^"]+)"`).FindStringSubmatch(b.get(t, at+"/attempts").text)
	if found == nil {
		t.Fatal("no attempt")
	}
	b.get(t, found[1]).want(t, 200, "What the provider said", `"email": [`)
	b.post(t, found[1], nil).want(t, 200, "The person would get in.")
}

func TestWizardSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	b.post(t, connections, nil).want(t, 400, "Choose what your provider speaks.", `href="#protocol"`)
	b.post(t, connections, url.Values{"protocol": {"saml"}, "called": {strings.Repeat("x", 3000)}}).want(t, 400, `href="#called"`)
	at := b.add(t, store.SAML, "other")
	oidc := b.add(t, store.OIDC, "other")
	for _, tt := range []struct {
		path string
		form url.Values
		text []string
	}{
		{at, url.Values{"enabled": {"yes"}}, []string{"Tell us where your provider is first."}},
		{at + "/provider", url.Values{"way": {"url"}}, []string{"Enter the metadata address.", `href="#metadataUrl"`}},
		{at + "/provider", url.Values{"way": {"url"}, "metadataUrl": {"ftp://x"}}, []string{`href="#metadataUrl"`, `value="ftp://x"`}},
		{at + "/provider", url.Values{"way": {"url"}, "metadataUrl": {f.oidc.Issuer()}}, []string{`href="#metadataUrl"`}},
		{at + "/provider", url.Values{"way": {"xml"}, "xml": {" "}}, []string{"Paste the metadata."}},
		{at + "/provider", url.Values{"way": {"xml"}, "xml": {"<x>"}}, []string{"The document's root is", `href="#xml"`}},
		{at + "/provider", url.Values{"way": {"hand"}}, []string{"Enter the sign-in address.", "Paste the certificate."}},
		{
			at + "/provider", url.Values{"way": {"hand"}, "endpoint": {"javascript:alert(1)"}, "certificate": {f.saml.Certificate()}},
			[]string{"must begin with https", `href="#endpoint"`},
		},
		{at + "/provider", url.Values{"way": {"hand"}, "endpoint": {"https://a.example"}, "certificate": {"!"}}, []string{`href="#certificate"`}},
		{at + "/provider", url.Values{"way": {"oidc"}, "issuer": {"https://a.example"}, "clientId": {"a"}}, []string{"oidc"}},
		{at + "/provider", nil, []string{"The form cannot be read."}},
		{oidc + "/provider", url.Values{"way": {"oidc"}}, []string{"Enter the issuer.", "Enter the client ID."}},
		{oidc + "/provider", url.Values{"way": {"oidc"}, "issuer": {"x"}, "clientId": {"a"}}, []string{`href="#issuer"`}},
		{oidc, url.Values{"enabled": {"yes"}}, []string{"The connection lacks the issuer."}},
		{at + "/attempts", nil, []string{"Tell us where your provider is first."}},
		{at + "/domains", nil, []string{"Enter a domain."}},
		{at + "/domains", url.Values{"domain": {"gmail.com"}}, []string{"Anybody can have an address there", `value="gmail.com"`}},
		{at + "/domains", url.Values{"domain": {"co.uk"}}, []string{"Nobody has this domain for themselves."}},
		{at + "/domains", url.Values{"domain": {"<script>"}}, []string{"Enter the domain of your addresses", `value="<script>"`}},
		{at + "/roles/groups", nil, []string{"Enter the name of the group."}},
		{at + "/roles/groups", url.Values{"group": {"a"}}, []string{"Choose at least one role"}},
		{at + "/roles/attributes", url.Values{"act": {"preview"}}, []string{"Nobody came through the connection yet"}},
	} {
		a := b.post(t, tt.path, tt.form)
		a.want(t, 400, tt.text...)
		if strings.Contains(a.text, "<script") || !strings.Contains(a.text, "<html") {
			t.Errorf("%s %v:\n%s", tt.path, tt.form, a.text)
		}
	}
	owner := f.role(t, "owner-acme")
	b.post(t, at+"/roles", url.Values{"role-" + owner: {"yes"}}).want(t, 403, "A role is stronger than your own.")
	b.post(t, at+"/domains", url.Values{"domain": {"acme.example"}}).want(t, 200, "acme.example")
	b.post(t, at+"/domains", url.Values{"domain": {"ACME.example."}}).want(t, 409, "You have this domain already.")
}

// file is the form that a browser sends with a file.
func (b browser) file(t *testing.T, path, name, text string) answer {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile(name, "metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := b.form(t, path, nil)
	r.Body, r.ContentLength, r.GetBody = http.NoBody, 0, nil
	r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, b.site.URL+path, &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(t, r)
}

func TestWizardTakesAFile(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	at := b.add(t, store.SAML, "google")
	to := at + "/provider/file?kind=google"
	b.file(t, to, "file", "").want(t, 400, "Choose a file.", `href="#file"`)
	b.file(t, to, "file", "<x/>").want(t, 400, `href="#file"`)
	b.file(t, to, "other", "<x/>").want(t, 400, "The form cannot be read.")
	b.file(t, to, "file", strings.Repeat("x", 1<<20+1)).want(t, 413)
	b.post(t, to, url.Values{"file": {"x"}}).want(t, 415)
	b.file(t, to, "file", string(f.saml.Metadata())).want(t, 200, "Domains", "kind=google")
	b.get(t, at+"/provider").want(t, 200, "What we know", f.saml.EntityID(), f.saml.URL())
	b.post(t, at+"/provider", url.Values{
		"way": {"hand"}, "endpoint": {f.saml.URL()}, "entityId": {f.saml.EntityID()}, "certificate": {f.saml.Certificate()},
	}).want(t, 200, "Domains")
	form := b.get(t, at+"/provider")
	typed := regexp.MustCompile(`(?s)<textarea id="certificate".*?>(.*?)</textarea>`).FindStringSubmatch(form.text)
	if typed == nil {
		t.Fatal("no certificate to change")
	}
	b.post(t, at+"/provider", url.Values{"way": {"hand"}, "endpoint": {f.saml.URL()}, "certificate": {strings.ReplaceAll(typed[1], "&#43;", "+")}}).
		want(t, 200, "Domains")
}

func newMember(tenantID, address string) service.NewUser {
	return service.NewUser{TenantID: tenantID, Email: address, Password: phrase}
}

// play signs somebody in at the SAML provider who is not of the connection's domains, with
// attributes that a stranger wrote.
func (f federation) play(b browser, to, hostile string) {
	u := ssotest.Person("eve@evil.example")
	f.saml.SignIn(b.Client, to, u, func(a *ssotest.Assertion) {
		a.Attributes["<b>"+hostile] = []string{hostile}
		a.Attributes["name"] = []string{hostile}
		a.Attributes["groups"] = []string{hostile}
	})
}

// lasts is how long the certificate of a connection's provider lasts.
func (f federation) lasts(t *testing.T, id string) time.Duration {
	t.Helper()
	text := f.read(t, id).With.SAML.Certificates[0]
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c.NotAfter.Sub(f.now())
}

// metadata is what a provider may read about a connection.
func (f federation) metadata(t *testing.T, id string) []byte {
	t.Helper()
	doc, err := f.Connections.SPMetadata(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// rolesOf are the keys of the roles that somebody has in the tenant.
func (f federation) rolesOf(t *testing.T, address string) string {
	t.Helper()
	p, err := f.Users.ByEmail(t.Context(), store.System(), address)
	if err != nil {
		t.Fatal(err)
	}
	held, err := f.Members.Roles(t.Context(), in("acme"), []string{p.ID})
	if err != nil {
		t.Fatal(err)
	}
	all, err := f.Roles.List(t.Context(), in("acme"))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range all {
		if slices.Contains(held[p.ID], r.ID) {
			keys = append(keys, r.Key)
		}
	}
	return strings.Join(keys, " ")
}

// TestWizardAsksForTheSecondFactor has somebody who has one show it before they change
// something, and come back to the page that they were on.
func TestWizardAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	off, yes, days := service.DontForce, true, 7*24*time.Hour
	policy := service.MFAPolicyChange{Enforce: &off, Remember: &yes, RememberFor: &days}
	if _, err := f.MFAPolicies.Create(t.Context(), store.System(), policy); err != nil {
		t.Fatal(err)
	}
	at := b.add(t, store.SAML, "okta")
	phone := f.scan(t, b.post(t, "/account/security/mfa", nil))
	b.post(t, "/account/security/mfa/confirm", url.Values{"code": {phone.code(t)}})
	b.post(t, "/account/logout", nil)
	b.login(t, phrase, "/").want(t, 200, "Enter your code")
	b.post(t, "/account/mfa", url.Values{"code": {phone.code(t)}, "remember": {"yes"}}).want(t, 200, "as "+email)
	b.post(t, "/account/logout", nil)
	b.login(t, phrase, "/").want(t, 200, "as "+email) // the browser is remembered
	for path, form := range map[string]url.Values{
		"/domains": {"domain": {"acme.example"}}, "/roles/groups": {"group": {"a"}, "role-" + f.role(t, "reader-acme"): {"yes"}},
		"": {"enabled": {"no"}}, "/delete": nil, "/attempts": nil,
	} {
		a := b.still().post(t, at+path+"?kind=okta", form)
		page := strings.TrimSuffix(path, "/groups")
		want := "/account/mfa?next=" + url.QueryEscape(at+page+"?kind=okta")
		if got := a.Header.Get("Location"); a.StatusCode != 303 || got != want {
			t.Errorf("%s: %d to %q, want %q", path, a.StatusCode, got, want)
		}
	}
	a := b.still().post(t, "/account/sso/invite", nil)
	if got := a.Header.Get("Location"); got != "/account/mfa?next=%2Faccount%2Fsso%2Finvite" {
		t.Errorf("the invitation leads to %q", got)
	}
	if c := f.read(t, strings.TrimPrefix(at, connections+"/")); len(c.Domains)+len(c.Groups) != 0 {
		t.Errorf("it was changed: %+v", c)
	}
	next := at + "/domains"
	b.post(t, "/account/mfa", url.Values{"code": {phone.code(t)}, "next": {next}}).want(t, 200, "No domain yet.")
	b.post(t, next, url.Values{"domain": {"acme.example"}}).want(t, 200, "Waits for its proof")
}

// TestHints has a hint for every provider, protocol and step.
func TestHints(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	for _, protocol := range []store.Protocol{store.SAML, store.OIDC} {
		at := b.add(t, protocol, "other")
		for _, kind := range []string{"okta", "entra", "google", "jumpcloud", "onelogin", "keycloak", "other"} {
			for _, step := range []string{"ours", "provider"} {
				b.get(t, at+"/"+step+"?kind="+kind).want(t, 200, `<p class="tip">`, "kind="+kind)
			}
		}
		for _, kind := range []string{"", "nobody", "%22%3E%3Cscript%3E"} {
			if a := b.get(t, at+"/ours?kind="+kind); strings.Contains(a.text, `class="tip"`) || strings.Contains(a.text, "kind=") {
				t.Errorf("a hint for %q", kind)
			}
		}
	}
}

// TestProviderIsAway has the provider of somebody's domain not answer.
func TestProviderIsAway(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.tenant(t, "acme")
	c, err := f.Connections.Create(t.Context(), in("acme"), service.NewConnection{
		Protocol: store.OIDC, Enabled: true, Secret: f.oidc.ClientSecret(),
		Settings: service.ConnectionSettings{OIDC: &service.OIDCSettings{Issuer: f.oidc.Issuer(), ClientID: f.oidc.ClientID()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.claim(t, "acme", c.ID, "acme.example")
	f.oidc.Stop()
	f.advance(48 * time.Hour) // whatever was known of it is too old
	b := f.browser(t)
	for _, path := range []string{"/account/login", "/account/sso"} {
		b.post(t, path, url.Values{"email": {"eve@acme.example"}}).want(t, 401, "did not work", `value="eve@acme.example"`, `action="/account/sso"`)
	}
}
