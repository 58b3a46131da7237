package pages_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

// invited makes a set-up link by the pages and returns its path.
func (f federation) invited(t *testing.T, b browser, to string) string {
	t.Helper()
	a := b.post(t, "/account/sso/invite", url.Values{"invitee": {to}})
	a.want(t, 200, "shown only now", "A link waits to be opened")
	found := regexp.MustCompile(`<code dir="ltr">https://[^/]+(/account/sso/setup\?[^<]+)</code>`).FindStringSubmatch(a.text)
	if found == nil {
		t.Fatalf("no link in:\n%s", a.text)
	}
	return found[1]
}

// begin presses the button behind a set-up link.
func (b browser) begin(t *testing.T, link string) answer {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return b.post(t, "/account/sso/setup", url.Values{"token": {u.Query().Get("token")}})
}

func TestSetupLink(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	b.get(t, "/account/sso/invite").want(t, 200, "without an account", "Acme")
	b.post(t, "/account/sso/invite", url.Values{"invitee": {"nobody"}}).want(t, 400, `href="#invitee"`, `value="nobody"`)
	link := f.invited(t, b, "it@contractor.example")
	if m := f.newest(t, "it@contractor.example"); !strings.Contains(m.Text, link) {
		t.Errorf("the mail says %q", m.Text)
	}
	if a := b.get(t, "/account/sso/invite"); strings.Contains(a.text, "token=") {
		t.Error("the link is shown twice")
	}
	guest := f.browser(t)
	for range 3 {
		guest.get(t, link).want(t, 200, "Set single sign-on up", "Somebody at Acme")
	}
	guest.get(t, connections).want(t, 200, "Sign in")
	guest.begin(t, link).want(t, 200, "There is no connection yet.", "You are setting up single sign-on for Acme.", "I am done")
	at := guest.add(t, store.OIDC, "okta")
	form := url.Values{"way": {"oidc"}, "issuer": {f.oidc.Issuer()}, "clientId": {f.oidc.ClientID()}, "secret": {f.oidc.ClientSecret()}}
	guest.post(t, at+"/provider", form).want(t, 200, "Domains", "I am done")
	guest.get(t, at+"/roles").want(t, 200, "Member")
	guest.get(t, at+"/attempts").want(t, 200, "Nobody came")
	guest.post(t, at, url.Values{"enabled": {"yes"}}).want(t, 200, "The connection is on.")
	b.get(t, connections).want(t, 200, "Acme's <i>own</i>")
	b.get(t, "/account/sso/invite").want(t, 200, "A link was opened", "it@contractor.example")
	guest.post(t, "/account/sso/setup/done", nil).want(t, 200, "Thank you")
	guest.get(t, connections).want(t, 200, "Sign in")
	guest.get(t, link).want(t, 410, "This link no longer works", "opened already")
}

func TestSetupLinkOver(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	old := f.invited(t, b, "")
	link := f.invited(t, b, "")
	guest := f.browser(t)
	guest.get(t, old).want(t, 410, "Ask for a new one")
	guest.begin(t, old).want(t, 410)
	guest.begin(t, link).want(t, 200, "There is no connection yet.")
	f.browser(t).get(t, link).want(t, 410, "in this or in another browser")
	f.browser(t).begin(t, link).want(t, 410)
	f.advance(25 * time.Hour)
	guest.get(t, connections).want(t, 410, "The set-up ended")
	guest.post(t, connections, url.Values{"protocol": {"saml"}}).want(t, 410)
	guest.post(t, "/account/sso/setup/done", nil).want(t, 200, "Thank you")
	b.login(t, phrase, "/")
	link = f.invited(t, b, "")
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(b.get(t, "/account/sso/invite").text)
	b.post(t, "/account/sso/invite/revoke", url.Values{"id": {id[1]}}).want(t, 200, "The link does not work any more.")
	b.post(t, "/account/sso/invite/revoke", url.Values{"id": {id[1]}}).want(t, 200)
	guest.get(t, link).want(t, 410)
	link = f.invited(t, b, "")
	f.advance(8 * 24 * time.Hour)
	guest.get(t, link).want(t, 410)
	guest.get(t, "/account/sso/setup").want(t, 410)
	guest.get(t, "/account/sso/setup?token=%00").want(t, 410)
}

func TestAttackSetup(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	f.tenant(t, "globex")
	theirs := f.bySAML(t, "globex", "globex.example")
	link := f.invited(t, b, "")
	guest := f.browser(t)
	guest.begin(t, link).want(t, 200, "Acme")
	t.Run("SSO set-up reaches one tenant", func(t *testing.T) {
		t.Parallel()
		at := connections + "/" + theirs
		for _, path := range []string{"", "/ours", "/provider", "/domains", "/roles", "/attempts", "/delete", "/certificate", "/attempts/" + theirs} {
			if a := guest.get(t, at+path); a.StatusCode != 404 || strings.Contains(a.text, "globex") {
				t.Errorf("GET %s: %d", path, a.StatusCode)
			}
		}
		for path, form := range map[string]url.Values{
			"":                    {"enabled": {"no"}},
			"/delete":             nil,
			"/provider":           {"way": {"url"}, "metadataUrl": {f.saml.MetadataURL()}},
			"/domains":            {"domain": {"evil.example"}},
			"/domains/check":      {"claim": {theirs}},
			"/domains/remove":     {"claim": {theirs}},
			"/roles":              nil,
			"/roles/groups":       {"group": {"a"}, "role-" + f.role(t, "reader-acme"): {"yes"}},
			"/roles/attributes":   {"act": {"save"}},
			"/attempts/" + theirs: nil,
		} {
			if a := guest.post(t, at+path, form); a.StatusCode != 404 {
				t.Errorf("POST %s: %d", path, a.StatusCode)
			}
		}
		if c, err := f.Connections.Read(t.Context(), in("globex"), theirs); err != nil || !c.Enabled || len(c.Domains) != 1 {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run("SSO set-up opens no other page", func(t *testing.T) {
		t.Parallel()
		still := guest.still()
		for _, path := range []string{"/account/security", "/account/security/password", "/account/security/email", "/account/security/mfa", "/account/security/codes"} {
			if a := still.get(t, path); a.StatusCode != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/account/login?next=") {
				t.Errorf("%s: %d to %q", path, a.StatusCode, a.Header.Get("Location"))
			}
		}
		guest.get(t, "/account/sso/invite").want(t, 403)
		guest.post(t, "/account/sso/invite", nil).want(t, 403)
		guest.post(t, "/account/sso/invite/revoke", nil).want(t, 403)
		guest.get(t, "/").want(t, 200, "at / as ")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/identity/resources/sso/v1/configurations", nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := guest.do(t, r); a.StatusCode != 401 && a.StatusCode != 404 {
			t.Errorf("the API answers %d", a.StatusCode)
		}
	})
	t.Run("SSO a set-up cookie that was planted beside another counts for nothing", func(t *testing.T) {
		t.Parallel()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+connections, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(f.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range guest.Jar.Cookies(u) {
			if c.Name == "__Host-identity-setup" {
				r.AddCookie(c)
				r.AddCookie(&http.Cookie{Name: c.Name, Value: "x"})
			}
		}
		if a := f.browser(t).do(t, r); strings.Contains(a.text, "You are setting up") {
			t.Error("one of two cookies opens the set-up")
		}
	})
}

// TestAttackWizard tries what somebody must not be able to do who is signed in, or is not.
func TestAttackWizard(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	b := f.keeper(t)
	id := f.bySAML(t, "acme", "acme.example")
	at := connections + "/" + id
	t.Run("SSO without the permission", func(t *testing.T) {
		t.Parallel()
		if _, err := f.Users.Create(t.Context(), store.System(), newMember("acme", "bob@example.com")); err != nil {
			t.Error(err)
		}
		bob := f.browser(t)
		bob.post(t, "/account/login", url.Values{"email": {"bob@example.com"}, "password": {phrase}, "next": {"/"}}).want(t, 200, "as bob")
		for _, path := range []string{connections, at, at + "/domains", "/account/sso/invite"} {
			bob.get(t, path).want(t, 403, "Only who looks after single sign-on")
			bob.post(t, path, url.Values{"enabled": {"no"}}).want(t, 403)
		}
		f.browser(t).get(t, at+"/domains?kind=x").want(t, 200, "Sign in", `value="`+at+`/domains"`)
	})
	t.Run("SES-15 a form of another site", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{connections, at, at + "/provider", at + "/provider/file", at + "/domains", at + "/roles", at + "/delete", "/account/sso", "/account/social", "/account/sso/setup", "/account/sso/setup/done", "/account/sso/invite"} {
			r := b.form(t, path, url.Values{"enabled": {"no"}, "protocol": {"saml"}, "email": {email}})
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Origin", "https://evil.example")
			b.do(t, r).want(t, 403, "The form came from another site")
		}
	})
	t.Run("SES-17 reading changes nothing", func(t *testing.T) {
		t.Parallel()
		before := f.read(t, id)
		for _, path := range []string{"?enabled=no", "/provider?way=xml&xml=x", "/domains?domain=evil.example", "/roles?group=a", "/delete", "/attempts"} {
			b.get(t, at+path).want(t, 200)
		}
		for _, path := range []string{"/domains/check", "/domains/remove", "/roles/groups", "/roles/attributes", "/provider/file"} {
			b.get(t, at+path).want(t, 404)
		}
		if after := f.read(t, id); after.Settings != before.Settings || after.Enabled != before.Enabled || len(after.Domains) != len(before.Domains) {
			t.Errorf("%+v became %+v", before, after)
		}
	})
	t.Run("SES-18 what a provider says is text", func(t *testing.T) {
		t.Parallel()
		hostile := `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.Secret}}`
		eve := f.browser(t).still()
		to := away(t, eve.post(t, "/account/login", url.Values{"email": {"eve@acme.example"}}))
		f.play(eve, to, hostile)
		a := b.get(t, at+"/attempts")
		a.want(t, 200, "Refused")
		found := regexp.MustCompile(`href="([^"]+/attempts/[^"]+)"`).FindStringSubmatch(a.text)
		if found == nil {
			t.Fatal("no attempt")
		}
		one, again := b.get(t, found[1]), b.post(t, found[1], nil)
		for _, shown := range []answer{a, one, again} {
			if strings.Contains(shown.text, "<script") || strings.Contains(shown.text, "<img src=x") {
				t.Errorf("markup of a stranger in:\n%s", shown.text)
			}
		}
		one.want(t, 200, "The answer as it came", "<saml")
	})
}
