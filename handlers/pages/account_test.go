package pages_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// bySocialAccount signs somebody in with an account elsewhere.
func (f federation) bySocialAccount(t *testing.T, b browser, u ssotest.User) {
	t.Helper()
	to := away(t, b.still().post(t, "/account/social", url.Values{"type": {"acme-id"}}))
	if res := f.oidc.SignIn(b.Client, to, u); res.StatusCode != 302 {
		t.Fatalf("status %d", res.StatusCode)
	}
}

func TestLinkedAccounts(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.user(t)
	f.bySocial(t)
	b := f.browser(t)
	f.bySocialAccount(t, b, ssotest.Person(email))
	a := b.get(t, "/account/security")
	a.want(t, 200, "Accounts that you sign in with", "Acme <ID>", "Unlink")
	found := regexp.MustCompile(`name="provider" value="([^"]+)"><input type="hidden" name="subject" value="([^"]+)"`).FindStringSubmatch(a.text)
	if found == nil {
		t.Fatalf("no account in:\n%s", a.text)
	}
	form := url.Values{"provider": {found[1]}, "subject": {found[2]}}
	eve := f.browser(t)
	f.bySocialAccount(t, eve, ssotest.Person("eve@elsewhere.example"))
	eve.post(t, "/account/security/accounts", form).want(t, 200, "The account is unlinked.") // hers stays, and his
	b.get(t, "/account/security").want(t, 200, "Unlink")
	mine := regexp.MustCompile(`name="subject" value="([^"]+)"`).FindStringSubmatch(eve.get(t, "/account/security").text)
	eve.post(t, "/account/security/accounts", url.Values{"provider": {found[1]}, "subject": {mine[1]}}).
		want(t, 409, "This is your only way to sign in.")
	b.post(t, "/account/security/accounts", form).want(t, 200, "The account is unlinked.")
	if a := b.get(t, "/account/security"); strings.Contains(a.text, "Acme &lt;ID&gt;") {
		t.Error("the account is still there")
	}
}

// TestSecondFactorAfterSSO has a policy ask for more than the provider's word.
func TestSecondFactorAfterSSO(t *testing.T) {
	t.Parallel()
	f := federated(t, false, nil)
	f.tenant(t, "acme")
	f.bySAML(t, "acme", "acme.example")
	force := service.Force
	if _, err := f.MFAPolicies.Create(t.Context(), store.System(), service.MFAPolicyChange{Enforce: &force}); err != nil {
		t.Fatal(err)
	}
	b := f.browser(t)
	to := away(t, b.post(t, "/account/login", url.Values{"email": {"eve@acme.example"}, "next": {"/account/security"}}))
	res := f.saml.SignIn(b.still().Client, to, ssotest.Person("eve@acme.example"))
	at := res.Header.Get("Location")
	if !strings.HasPrefix(at, "/account/mfa/setup?next=") {
		t.Fatalf("leads to %q", at)
	}
	b.get(t, at).want(t, 200, "Set up a second step", `value="/account/security"`)
	phone := f.scan(t, b.post(t, "/account/mfa/setup", url.Values{"next": {"/account/security"}}))
	b.post(t, "/account/mfa/setup/confirm", url.Values{"code": {phone.code(t)}}).want(t, 200, "Keep your recovery codes")
	b.get(t, "/account/security").want(t, 200, "eve@acme.example", "Acme", "looked after by the organization")
}
