package social_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
)

// A person is somebody whom a provider knows, and what must come of that.
type person struct {
	says                 object
	emails               []object
	subject, email, name string
	verified             bool
	scope                string // of the request
}

// known is a person as every provider has one.
func known() map[string]person {
	connect := object{"sub": "s1", "email": "ann@example.test", "email_verified": true, "name": "Ann"}
	return map[string]person{
		"apple": {
			says:    object{"sub": "001.a", "email": "ann@example.test", "email_verified": "true"},
			subject: "001.a", email: "ann@example.test", name: "Ann Onym", verified: true, scope: "openid name email",
		},
		"facebook": {
			says:    object{"id": "10160000000000001", "name": "Ann", "email": "ann@example.test", "email_verified": true},
			subject: "10160000000000001", email: "ann@example.test", name: "Ann", scope: "email public_profile",
		},
		"github": {
			says:    object{"id": 583231, "login": "ann", "name": "Ann", "email": "shown@example.test"},
			emails:  []object{{"email": "x@example.test", "verified": true}, {"email": "ann@example.test", "primary": true, "verified": true}},
			subject: "583231", email: "ann@example.test", name: "Ann", verified: true, scope: "read:user user:email",
		},
		"gitlab":   {says: connect, subject: "s1", email: "ann@example.test", name: "Ann", verified: true, scope: "openid email profile"},
		"google":   {says: connect, subject: "s1", email: "ann@example.test", name: "Ann", verified: true, scope: "openid email profile"},
		"linkedin": {says: connect, subject: "s1", email: "ann@example.test", name: "Ann", verified: true, scope: "openid profile email"},
		"microsoft": {
			says:    object{"sub": "s1", "email": "ann@example.test", "xms_edov": true, "name": "Ann"},
			subject: "s1", email: "ann@example.test", name: "Ann", verified: true, scope: "openid email profile",
		},
		"slack": {says: connect, subject: "s1", email: "ann@example.test", name: "Ann", verified: true, scope: "openid email profile"},
		"x": {
			says:    object{"id": "2244994945", "name": "Ann", "username": "ann", "confirmed_email": "ann@example.test"},
			subject: "2244994945", email: "ann@example.test", name: "Ann", verified: true, scope: "tweet.read users.read users.email",
		},
	}
}

func TestEveryProvider(t *testing.T) {
	t.Parallel()
	people := known()
	for _, pr := range social.Providers() {
		t.Run(pr.Type, func(t *testing.T) {
			t.Parallel()
			want, ok := people[pr.Type]
			if !ok {
				t.Fatalf("nobody to sign in with %s", pr.Type)
			}
			f := newFakeOf(t, pr)
			f.says, f.emails = want.says, want.emails
			p, r := f.party(), request()
			asked := f.begin(p, r)
			f.wantAsked(asked, r, want.scope)
			answer := f.authorize(asked)
			if pr.FormPost {
				answer.Set("user", `{"name":{"firstName":"Ann","lastName":"Onym"},"email":"evil@example.test"}`)
			}
			got, err := p.Finish(t.Context(), f.at, f.client, r, answer)
			if err != nil {
				t.Fatalf("finish: %v (%s)", err, sso.Diagnosis(err))
			}
			if got.Connection != "social:"+pr.Type || got.Subject != want.subject || got.Email != want.email ||
				got.Name != want.name || got.EmailVerified != want.verified {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if n := f.hits(f.tokenPath()); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
		})
	}
}

// wantAsked holds what the browser takes to the provider against the description.
func (f *fake) wantAsked(asked url.Values, r oidc.Request, scope string) {
	f.t.Helper()
	want := map[string]string{
		"response_type": "code", "client_id": f.client.ID, "redirect_uri": redirect, "scope": scope, "state": r.State, "code_verifier": "",
	}
	if f.real.Issuer != "" {
		want["nonce"] = r.Nonce
	}
	if f.real.FormPost {
		want["response_mode"] = "form_post"
	}
	if !f.real.NoPKCE {
		want["code_challenge_method"] = "S256"
	}
	for name, value := range want {
		if asked.Get(name) != value || len(asked[name]) > 1 {
			f.t.Errorf("%s = %q, want %q", name, asked[name], value)
		}
	}
	if asked.Has("code_challenge") == f.real.NoPKCE || strings.Contains(asked.Encode(), url.QueryEscape(f.client.Secret)) {
		f.t.Errorf("asked %v", asked)
	}
}

// custom are the descriptions that hosts write for providers that nobody knows.
func custom(oidcToo bool) social.Provider {
	if oidcToo {
		return social.Provider{Type: "acme", Name: "Acme", Issuer: "https://id.acme.example", Auth: oidc.Basic}
	}
	return social.Provider{
		Type: "acme", Name: "Acme", Authorization: "https://acme.example/authorize?brand=1", Token: "https://acme.example/token",
		Userinfo: "https://acme.example/me", Scopes: []string{"me"}, Auth: oidc.Post,
	}
}

func TestCustom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		connect bool
		says    object
		subject string
		person  string
		ok      bool
	}{
		{"OAuth with sub", false, object{"sub": "s", "id": 7, "name": "Ann"}, "s", "Ann", true},
		{"OAuth with id", false, object{"id": "i", "given_name": "Ann", "family_name": "Onym"}, "i", "Ann Onym", true},
		{"OAuth with a number", false, object{"id": 9007199254740991}, "9007199254740991", "", true},
		{"OAuth with a number beyond counting", false, object{"id": 9007199254740993}, "", "", false},
		{"OAuth with half a number", false, object{"id": 1.5}, "", "", false},
		{"OAuth with neither", false, object{"name": "Ann"}, "", "", false},
		{"OAuth with an empty sub", false, object{"sub": "", "id": "i"}, "", "", false},
		{"OAuth with a long one", false, object{"sub": strings.Repeat("s", 256)}, "", "", false},
		{"OpenID Connect", true, object{"sub": "s", "name": "Ann"}, "s", "Ann", true},
		{"OpenID Connect without sub", true, object{"id": "s"}, "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeOf(t, custom(tt.connect))
			f.says = tt.says
			got, err := f.signIn()
			if (err == nil) != tt.ok || got.Subject != tt.subject || got.Name != tt.person {
				t.Errorf("got %q, %q, %v (%s); want %q, %q, accepted %v", got.Subject, got.Name, err, sso.Diagnosis(err), tt.subject, tt.person, tt.ok)
			}
		})
	}
}

func TestMoreScopes(t *testing.T) {
	t.Parallel()
	f := newFake(t, "github")
	f.client.Scopes = []string{"user:email", "repo", ""}
	if got := f.begin(f.party(), request()).Get("scope"); got != "read:user user:email repo" {
		t.Errorf("scope %q", got)
	}
	f = newFakeOf(t, custom(false))
	if got := f.begin(f.party(), request()).Get("brand"); got != "1" {
		t.Errorf("the query of the address is lost: brand %q", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	wide, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, kind string
		bend       func(*social.Provider, *social.Client)
		field      string
	}{
		{"all well", "google", nil, ""},
		{"all well with a key", "apple", nil, ""},
		{"no client id", "google", func(_ *social.Provider, c *social.Client) { c.ID = "" }, "clientId"},
		{"no secret", "github", func(_ *social.Provider, c *social.Client) { c.Secret = "" }, "secret"},
		{"no type", "github", func(pr *social.Provider, _ *social.Client) { pr.Type = "" }, "type"},
		{"no auth style", "github", func(pr *social.Provider, _ *social.Client) { pr.Auth = "" }, "auth"},
		{"no token address", "github", func(pr *social.Provider, _ *social.Client) { pr.Token = "" }, "tokenUrl"},
		{"a script", "github", func(pr *social.Provider, _ *social.Client) { pr.Authorization = "javascript:alert(1)" }, "authorizationUrl"},
		{"a fragment", "github", func(pr *social.Provider, _ *social.Client) { pr.Userinfo += "#x" }, "userInfoUrl"},
		{"a password", "github", func(pr *social.Provider, _ *social.Client) { pr.Emails = "https://a:b@api.example/" }, "emailsUrl"},
		{"where nobody may go", "github", func(pr *social.Provider, _ *social.Client) { pr.Token = "https://inside.example/" }, "tokenUrl"},
		{"no key", "apple", func(_ *social.Provider, c *social.Client) { c.Secret = "hush" }, "secret"},
		{"a key of another curve", "apple", func(_ *social.Provider, c *social.Client) { c.Secret = pemKey(t, wide) }, "secret"},
		{"no team", "apple", func(_ *social.Provider, c *social.Client) { c.TeamID = "" }, "teamId"},
		{"no key id", "apple", func(_ *social.Provider, c *social.Client) { c.KeyID = "" }, "keyId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, tt.kind)
			p, err := social.New(oidc.Options{HTTP: f.server.Client(), Now: f.clock, CheckURL: func(address string) error {
				if strings.Contains(address, "inside") {
					return fault.New(fault.Invalid, "", "no")
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if tt.bend != nil {
				tt.bend(&f.at, &f.client)
			}
			err = p.Check(f.at, f.client)
			if tt.field == "" {
				if err != nil {
					t.Errorf("Check = %v", err)
				}
				return
			}
			if fault.From(err).Code != fault.Invalid || !strings.HasPrefix(err.Error(), tt.field+" ") || strings.Contains(err.Error(), "hush") {
				t.Errorf("Check = %v, want one about %s", err, tt.field)
			}
			if _, err := p.Begin(t.Context(), f.at, f.client, request()); err == nil {
				t.Error("Begin began all the same")
			}
		})
	}
	if _, err := social.New(oidc.Options{}); err == nil {
		t.Error("New without a client and a clock made a Party")
	}
	f := newFake(t, "github")
	if _, err := f.party().Begin(t.Context(), f.at, f.client, oidc.Request{RedirectURI: redirect}); err == nil {
		t.Error("a request without secrets began")
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	all := social.Providers()
	if !slices.IsSortedFunc(all, func(a, b social.Provider) int { return strings.Compare(a.Type, b.Type) }) {
		t.Error("the descriptions are not in order")
	}
	all[0].Scopes[0] = "changed"
	if social.Providers()[0].Scopes[0] == "changed" {
		t.Error("a description that was changed is changed for everybody")
	}
	for _, pr := range all {
		for _, address := range []string{pr.Issuer, pr.Authorization, pr.Token, pr.Userinfo, pr.Emails} {
			if address != "" && !strings.HasPrefix(address, "https://") {
				t.Errorf("%s: %s", pr.Type, address)
			}
		}
	}
	if _, ok := social.Lookup("nobody"); ok {
		t.Error("nobody is described")
	}
}
