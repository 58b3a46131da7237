package pages_test

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const fresh = "ada@new.example"

// tour goes through every page and every error state, in a language, and shows each.
func tour(t *testing.T, s *site, language string, show func(name string, a answer)) {
	t.Helper()
	b := s.browser(t).speaking(language)
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
	tourOutside(t, s, get, post)
	s.user(t)
	tourLogin(t, s, get, post)
	tourElsewhere(t, s, get, post)
	tourInside(t, s, get, post)
	tourMFA(t, s, get, post)
	tourRefused(t, s, b, show)
}

type (
	getter func(name, path string) answer
	poster func(name, path string, v url.Values) answer
)

func tourOutside(t *testing.T, s *site, get getter, post poster) {
	t.Helper()
	get("login", "/account/login")
	post("login-empty", "/account/login", url.Values{"email": {""}})
	post("password", "/account/login", url.Values{"email": {email}})
	post("password-empty", "/account/login", url.Values{"email": {email}, "password": {""}})
	get("signup", "/account/signup")
	post("signup-empty", "/account/signup", nil)
	form := url.Values{"name": {"Ada"}, "company": {"Acme"}, "email": {"ada"}, "password": {"short"}}
	post("signup-address", "/account/signup", form)
	form.Set("email", email)
	post("signup-password", "/account/signup", form)
	form.Set("password", phrase)
	post("sent", "/account/signup", form)
	link := s.link(t)
	get("activate", link)
	post("resend", "/account/resend", url.Values{"email": {email}})
	get("gone", link)
	link = s.link(t)
	post("activate-password", "/account/activate", follow(t, link, "short"))
	get("missing", "/account/nope")
	get("reset-gone", "/account/reset?userId=a&token=b")
	get("unlock-gone", "/account/unlock?token=x")
	post("verify", "/account/verify", url.Values{"userId": {"a"}, "token": {"b"}, "email": {email}})
	post("verify-wrong", "/account/verify", url.Values{"userId": {"a"}, "token": {"b"}, "email": {email}, "code": {"1"}})
	u, err := s.db.Identifier(t.Context(), "", store.Email, email)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Users.Delete(t.Context(), store.System(), u.UserID); err != nil {
		t.Fatal(err)
	}
}

func tourLogin(t *testing.T, s *site, get getter, post poster) {
	t.Helper()
	get("forgot", "/account/forgot")
	post("forgot-empty", "/account/forgot", nil)
	post("forgotten", "/account/forgot", url.Values{"email": {email}})
	link := s.link(t)
	get("reset", link)
	post("reset-short", "/account/reset", follow(t, link, "short"))
	for range 4 {
		post("password-wrong", "/account/login", url.Values{"email": {email}, "password": {"wrong"}})
	}
	link = s.link(t)
	get("unlock", link)
	post("unlocked", "/account/unlock", follow(t, link, ""))
	p, err := s.Users.ByEmail(t.Context(), store.System(), email)
	if err != nil {
		t.Fatal(err)
	}
	p.User.Verified = false
	if err := s.db.UpdateUser(t.Context(), p.User); err != nil {
		t.Fatal(err)
	}
	post("unconfirmed", "/account/login", url.Values{"email": {email}, "password": {phrase}})
	p.User.Verified = true
	if err := s.db.UpdateUser(t.Context(), p.User); err != nil {
		t.Fatal(err)
	}
}

// tourElsewhere signs in with accounts that people have elsewhere.
func tourElsewhere(t *testing.T, s *site, get getter, post poster) {
	t.Helper()
	get("sso", "/account/sso")
	post("sso-empty", "/account/sso", url.Values{"email": {""}})
	post("sso-unknown", "/account/sso", url.Values{"email": {email}})
	get("sso-failed", "/account/sso?failed=1")
	on, id, hush, team, name := true, "client", "a secret of the client", "TEAM", "Acme ID"
	for _, kind := range []string{"facebook", "github", "gitlab", "google", "linkedin", "microsoft", "slack", "x"} {
		c := service.SocialChange{Active: &on, ClientID: &id, Secret: &hush, TeamID: &team, KeyID: &team}
		if _, err := s.Socials.Set(t.Context(), store.System(), kind, c); err != nil {
			t.Fatal(err)
		}
	}
	kind, to := "acme", "https://id.acme.example/"
	made, err := s.Socials.CreateCustom(t.Context(), store.System(), service.SocialChange{
		Active: &on, ClientID: &id, Secret: &hush, Type: &kind, Name: &name, AuthorizationURL: &to, TokenURL: &to, UserInfoURL: &to,
	})
	if err != nil {
		t.Fatal(err)
	}
	ada, err := s.Users.ByEmail(t.Context(), store.System(), email)
	if err != nil {
		t.Fatal(err)
	}
	link := store.LinkedIdentity{ConnectionID: made.ID, Subject: "1", UserID: ada.ID, Email: email, CreatedAt: s.now(), LastUsedAt: s.now()}
	if err := s.db.CreateLinkedIdentity(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	get("login-doors", "/account/login")
	get("signup-doors", "/account/signup")
	post("away", "/account/social", url.Values{"type": {"acme"}})
	for _, p := range []string{"facebook", "gitlab", "linkedin", "slack", "x"} {
		if err := s.Socials.Switch(t.Context(), store.System(), p, false); err != nil {
			t.Fatal(err)
		}
	}
	get("login-few", "/account/login?tenant=acme")
}

func tourInside(t *testing.T, s *site, get getter, post poster) {
	t.Helper()
	phone := s.browser(t)
	phone.login(t, phrase, "/")
	post("security", "/account/login", url.Values{"email": {email}, "password": {phrase}, "next": {"/account/security"}})
	get("change", "/account/security/password")
	post("change-empty", "/account/security/password", nil)
	post("change-wrong", "/account/security/password", url.Values{"current": {"wrong"}, "password": {other}})
	post("change-short", "/account/security/password", url.Values{"current": {phrase}, "password": {"short"}})
	post("changed", "/account/security/password", url.Values{"current": {phrase}, "password": {other}})
	get("email", "/account/security/email")
	post("email-empty", "/account/security/email", nil)
	post("email-same", "/account/security/email", url.Values{"newEmail": {email}})
	post("confirm", "/account/security/email", url.Values{"newEmail": {fresh}})
	post("confirm-wrong", "/account/security/email/confirm", url.Values{"newEmail": {fresh}, "code": {"1"}})
}

func tourMFA(t *testing.T, s *site, get getter, post poster) {
	t.Helper()
	get("setup", "/account/security/mfa")
	phone := s.scan(t, post("enroll", "/account/security/mfa", nil))
	post("enroll-wrong", "/account/security/mfa/confirm", url.Values{"code": {"1"}})
	codes := recoveryCodes(t, post("codes", "/account/security/mfa/confirm", url.Values{"code": {phone.code(t)}}))
	a := get("security-mfa", "/account/security?done=mfa")
	id := regexp.MustCompile(`remove\?device=([^"&]+)`).FindStringSubmatch(a.text)
	if id == nil {
		t.Fatalf("no app to remove in:\n%s", a.text)
	}
	get("remove", "/account/security/mfa/remove?device="+id[1])
	post("remove-wrong", "/account/security/mfa/remove", url.Values{"device": {id[1]}, "proof": {"1"}})
	get("renew", "/account/security/codes")
	post("renew-wrong", "/account/security/codes", url.Values{"proof": {"1"}})
	force := service.Force
	if _, err := s.MFAPolicies.Create(t.Context(), store.System(), service.MFAPolicyChange{Enforce: &force}); err != nil {
		t.Fatal(err)
	}
	post("remove-forced", "/account/security/mfa/remove", url.Values{"device": {id[1]}, "proof": {codes[0]}})
	post("signed-out", "/account/logout", nil)
	login := url.Values{"email": {email}, "password": {other}}
	post("mfa", "/account/login", login)
	post("mfa-wrong", "/account/mfa", url.Values{"code": {"1"}})
	get("recovery", "/account/mfa/recovery")
	post("recovery-wrong", "/account/mfa/recovery", url.Values{"recovery": {"1"}})
	s.advance(11 * time.Minute)
	get("expired", "/account/mfa")
	p, err := s.Users.ByEmail(t.Context(), store.System(), email)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.MFA.Unenroll(t.Context(), store.System(), p.ID); err != nil {
		t.Fatal(err)
	}
	post("forced", "/account/login", login)
	post("forced-enroll", "/account/mfa/setup", nil)
}

// tourRefused ends the tour: it closes the store.
func tourRefused(t *testing.T, s *site, b browser, show func(string, answer)) {
	t.Helper()
	show("limited", b.post(t, "/account/signup", nil))
	r := b.form(t, "/account/login", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.example")
	show("refused", b.do(t, r))
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	show("broken", b.get(t, "/account/reset?userId=a&token=b"))
}

// strict locks accounts early, and lets nobody sign up often.
func strict(c *service.Config, m *middleware.Config) {
	c.Lockout.Max = 3
	m.Limiter = middleware.NewLimiter(m.Now, map[string]middleware.Rate{middleware.SignUp: {Requests: 4, Window: 24 * time.Hour}})
}
