package identity_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store/sqlite"
)

// TestSocial signs somebody in at a GitLab of the host's own: a description by the host in
// place of the library's, set up in process.
func TestSocial(t *testing.T) {
	t.Parallel()
	p := ssotest.NewOIDC(t)
	gitlab, _ := social.Lookup("gitlab")
	gitlab.Issuer = p.Issuer()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	o := identity.Options{
		Store: db, BaseURL: server.URL, Logger: slog.New(slog.DiscardHandler), Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")},
		Outbound: identity.OutboundOptions{AllowPrivateNetworks: true}, Social: identity.SocialOptions{Providers: []social.Provider{gitlab}},
	}
	id, err := identity.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = id.Close() })
	id.Mount(mux)
	on, client, secret := true, p.ClientID(), p.ClientSecret()
	_, err = id.Socials.Set(t.Context(), identity.System(), "gitlab", service.SocialChange{Active: &on, ClientID: &client, Secret: &secret})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: server.Client().Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	res := p.SignIn(browser, server.URL+"/identity/resources/auth/v2/user/sso/default/gitlab/prelogin?redirectUrl=/home", ssotest.Person("ann@example.com"))
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/home" {
		t.Fatalf("%d to %q, %v: %s", res.StatusCode, res.Header.Get("Location"), err, text)
	}
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	signed := false
	for _, c := range jar.Cookies(at) {
		signed = signed || strings.HasPrefix(c.Name, "fe_refresh")
	}
	if !signed {
		t.Errorf("cookies %v, want that of a session", jar.Cookies(at))
	}
	o.Social.Providers = []social.Provider{{Type: "mine", Auth: oidc.Post}}
	if _, err := identity.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), `"mine"`) {
		t.Errorf("New = %v, want an error about the description", err)
	}
}
