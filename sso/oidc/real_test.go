package oidc_test

import (
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/program"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
)

var (
	formTag  = regexp.MustCompile(`(?s)<form[^>]*>`)
	inputTag = regexp.MustCompile(`(?s)<(?:input|button)[^>]*>`)
	member   = regexp.MustCompile(`([a-z]+)="([^"]*)"`)
)

// walk plays the browser of a person who fills in every form, until the redirect URI is reached.
func walk(t *testing.T, address string, fill map[string]string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back url.Values
	c := http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			back = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := c.Get(address)
	for range 6 {
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(page.Body)
		page.Body.Close()
		if back != nil {
			return back
		}
		action, values := form(string(body), fill)
		to, errTo := page.Request.URL.Parse(action)
		if errTo != nil || len(values) == 0 {
			t.Fatalf("no form at %s: %d %s", page.Request.URL, page.StatusCode, body)
		}
		page, err = c.PostForm(to.String(), values)
	}
	t.Fatal("the forms do not end")
	return nil
}

func form(body string, fill map[string]string) (action string, values url.Values) {
	values = url.Values{}
	for _, m := range member.FindAllStringSubmatch(formTag.FindString(body), -1) {
		if m[1] == "action" {
			action = html.UnescapeString(m[2])
		}
	}
	for _, input := range inputTag.FindAllString(body, -1) {
		at := map[string]string{}
		for _, m := range member.FindAllStringSubmatch(input, -1) {
			at[m[1]] = html.UnescapeString(m[2])
		}
		if text, ok := fill[at["name"]]; ok {
			at["value"] = text
		}
		if at["name"] != "" {
			values.Set(at["name"], at["value"])
		}
	}
	return action, values
}

// signInThere goes the whole way with a provider that is not ours.
func signInThere(t *testing.T, pr oidc.Provider, fill map[string]string) sso.Assertion {
	t.Helper()
	p, err := oidc.New(oidc.Options{HTTP: http.DefaultClient, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context(), pr); err != nil {
		t.Fatal(err, sso.Diagnosis(err))
	}
	r := request()
	address, err := p.Begin(t.Context(), pr, r)
	if err != nil {
		t.Fatal(err, sso.Diagnosis(err))
	}
	a, err := p.Finish(t.Context(), pr, r, walk(t, address, fill))
	if err != nil {
		t.Fatal(err, sso.Diagnosis(err))
	}
	if to, err := p.LogoutURL(t.Context(), pr, oidc.LogoutRequest{Hint: a.Hint}); err != nil || to == "" {
		t.Errorf("no way to sign out there: %q, %v", to, err)
	}
	return a
}

func TestZitadel(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("zitadel-op")
	needs.Have(t, "zitadel-op", err == nil, "no zitadel-op on PATH; it is built from github.com/zitadel/oidc")
	address := program.Address(t)
	_, port, _ := net.SplitHostPort(address)
	program.Start(t, address, t.TempDir(), "env", "PORT="+port, "REDIRECT_URI="+redirect, bin)
	a := signInThere(t, oidc.Provider{
		Connection: "c1", Issuer: "http://" + address + "/", ClientID: "web", ClientSecret: "secret", Auth: oidc.Basic,
	}, map[string]string{"username": "test-user@localhost", "password": "verysecure"})
	if a.Email != "test-user@zitadel.ch" || !a.EmailVerified {
		t.Errorf("got %+v", a)
	}
}

func TestOIDCProvider(t *testing.T) {
	t.Parallel()
	modules := os.Getenv("NODE_PATH")
	_, err := os.Stat(filepath.Join(modules, "oidc-provider"))
	needs.Have(t, "oidc-provider", modules != "" && err == nil, "no package oidc-provider in NODE_PATH")
	text, err := os.ReadFile(needs.Shared(t, "oidc-provider", "parts", "oidc-provider", "op.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // a module of Node looks for packages beside and above itself only
	if err := os.WriteFile(filepath.Join(dir, "op.mjs"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"rp", "rp-es256"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			address := program.Address(t)
			_, port, _ := net.SplitHostPort(address)
			program.Start(t, address, dir, "node", "op.mjs", port, redirect)
			a := signInThere(t, oidc.Provider{
				Connection: "c1", Issuer: "http://" + address, ClientID: id, ClientSecret: "rp-secret-rp-secret-rp-secret-00", Auth: oidc.Basic,
			}, map[string]string{"login": "alice", "password": "any"})
			if a.Subject != "alice" || a.Email != "alice@example.test" || !a.EmailVerified || a.Name != "Test alice" {
				t.Errorf("got %+v", a)
			}
		})
	}
}
