package pages_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const other = "another good long phrase"

// newest delivers mail and returns the newest message to an address.
func (s *site) newest(t *testing.T, to string) store.Message {
	t.Helper()
	if _, err := s.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.mail) - 1; i >= 0; i-- {
		if s.mail[i].To == to {
			return s.mail[i]
		}
	}
	t.Fatalf("no mail to %s", to)
	return store.Message{}
}

// code delivers mail and returns the code in the newest message to an address.
func (s *site) code(t *testing.T, to string) string {
	t.Helper()
	m := s.newest(t, to)
	found := regexp.MustCompile(`(?m)^\s+(\d{3} ?\d{3})\s*$`).FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("no code in %q", m.Text)
	}
	return found[1]
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	inside := s.browser(t)
	inside.login(t, phrase, "/").want(t, 200, "as "+email)
	b := s.browser(t)
	b.get(t, "/account/forgot").want(t, 200, "Reset your password", `autocomplete="username"`)
	b.post(t, "/account/forgot", url.Values{"email": {email}}).want(t, 200, "Check your mail", email)
	link := s.link(t)
	b.get(t, link).want(t, 200, "Choose a new password", `autocomplete="new-password"`)
	b.post(t, "/account/reset", follow(t, link, "short")).want(t, 400, "must have at least 15 characters", `aria-invalid="true"`)
	b.post(t, "/account/reset", follow(t, link, phrase)).want(t, 400, "must differ from the current one")
	b.post(t, "/account/reset", follow(t, link, "")).want(t, 400, "Choose a password.")
	a := b.post(t, "/account/reset", follow(t, link, other))
	a.want(t, 200, "Your password is changed. Sign in with the new one.")
	if a.session() != nil {
		t.Error("a reset signed somebody in")
	}
	b.get(t, link).want(t, 410, "This link no longer works", "replaced by a newer one", `href="/account/forgot"`)
	b.post(t, "/account/reset", follow(t, link, phrase)).want(t, 410)
	inside.get(t, "/").want(t, 200, "at / as ")
	b.login(t, phrase, "/").want(t, 401, "Wrong email or password.")
	b.login(t, other, "/").want(t, 200, "as "+email)
}

func TestForgotSaysTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	known := b.post(t, "/account/forgot", url.Values{"email": {email}})
	unknown := b.post(t, "/account/forgot", url.Values{"email": {"bob@example.com"}})
	if known.StatusCode != unknown.StatusCode || strings.ReplaceAll(known.text, email, "bob@example.com") != unknown.text {
		t.Errorf("ENU-05 the answers differ:\n%s\n%s", known.text, unknown.text)
	}
	b.post(t, "/account/forgot", nil).want(t, 400, "Enter your e-mail address.", `href="#email"`)
	b.post(t, "/account/forgot", url.Values{"email": {"ada"}}).want(t, 400, "Enter a whole e-mail address")
	b.get(t, "/account/reset?userId=a&token=b").want(t, 410, "This link no longer works")
	b.get(t, "/account/reset?userId=%00&token=%ff").want(t, 410)
}

// TestLoginFirstStep shows that the address alone tells nothing.
func TestLoginFirstStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	known := b.post(t, "/account/login", url.Values{"email": {email}})
	unknown := b.post(t, "/account/login", url.Values{"email": {"bob@example.com"}})
	known.want(t, 200, "Signing in as", "Forgot your password?")
	if strings.ReplaceAll(known.text, email, "bob@example.com") != unknown.text || known.StatusCode != unknown.StatusCode {
		t.Errorf("the first step tells::\n%s\n%s", known.text, unknown.text)
	}
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *service.Config, _ *middleware.Config) { c.Lockout.Max = 3 })
	s.user(t)
	b := s.browser(t)
	for range 4 {
		b.login(t, "wrong", "/").want(t, 401)
	}
	b.login(t, phrase, "/").want(t, 401)
	link := s.link(t)
	b.get(t, link).want(t, 200, "Unlock your account")
	b.get(t, link).want(t, 200)
	b.post(t, "/account/unlock", follow(t, link, "")).want(t, 200, "Your account is unlocked. Sign in.")
	b.get(t, link).want(t, 410, "The account unlocks by itself")
	b.post(t, "/account/unlock", follow(t, link, "")).want(t, 410)
	b.login(t, phrase, "/").want(t, 200, "as "+email)
}

func TestSignUpByCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *service.Config, _ *middleware.Config) { c.SignUp.Code = true })
	b := s.browser(t)
	a := b.signUp(t)
	a.want(t, 200, "Enter the code", `autocomplete="one-time-code"`, `inputmode="numeric"`)
	v := hidden(t, a)
	v.Set("code", "000000")
	if s.code(t, email) == "000000" {
		v.Set("code", "000001")
	}
	b.post(t, "/account/verify", v).want(t, 400, "The code is wrong or too old.", `aria-invalid="true"`)
	v.Set("code", "")
	b.post(t, "/account/verify", v).want(t, 400, "Enter the code.")
	b.post(t, "/account/resend", v).want(t, 200, "Enter the code", "another message is on its way")
	v.Set("code", s.code(t, email))
	b.post(t, "/account/verify", v).want(t, 200, "at / as "+email)
}

// hidden are the hidden fields of the first form of a page.
func hidden(t *testing.T, a answer) url.Values {
	t.Helper()
	v := url.Values{}
	for _, m := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(a.text, -1) {
		if !v.Has(m[1]) {
			v.Set(m[1], m[2])
		}
	}
	return v
}

func TestResend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	b.signUp(t)
	old := s.link(t)
	b.post(t, "/account/resend", url.Values{"email": {email}}).want(t, 200, "If an account waits for it, another message is on its way.")
	b.get(t, old).want(t, 410)
	b.get(t, s.link(t)).want(t, 200)
	b.post(t, "/account/resend", url.Values{"email": {"bob@example.com"}}).want(t, 200, "If an account waits for it")
	b.post(t, "/account/resend", url.Values{"email": {"bob"}}).want(t, 400, "Enter a whole e-mail address")
}

// TestUnconfirmed is told to somebody who knows the password.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	p, err := s.Users.ByEmail(t.Context(), store.System(), email)
	if err != nil {
		t.Fatal(err)
	}
	p.User.Verified = false
	if err := s.db.UpdateUser(t.Context(), p.User); err != nil {
		t.Fatal(err)
	}
	a := s.browser(t).login(t, phrase, "/")
	a.want(t, 403, "Confirm your address first", "Send the message again", `action="/account/resend"`)
}

func TestSecurity(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b, phone := s.browser(t), s.browser(t)
	b.get(t, "/account/security").want(t, 200, "Sign in", `name="next" value="/account/security"`)
	b.post(t, "/account/security/password", nil).want(t, 200, "Sign in", `name="next" value="/account/security"`)
	b.login(t, phrase, "/account/security").want(t, 200, "Account security", email, "This browser")
	phone.login(t, phrase, "/").want(t, 200)
	b.get(t, "/account/").want(t, 200, "Account security")

	b.get(t, "/account/security/password").want(t, 200, `autocomplete="current-password"`, `autocomplete="new-password"`)
	b.post(t, "/account/security/password", url.Values{}).want(t, 400, "Enter your current password.", "Choose a password.", `href="#current"`, `href="#password"`)
	b.post(t, "/account/security/password", url.Values{"current": {"wrong"}, "password": {other}}).want(t, 400, "That is not your current password.")
	b.post(t, "/account/security/password", url.Values{"current": {phrase}, "password": {"short"}}).want(t, 400, "at least 15 characters")
	b.post(t, "/account/security/password", url.Values{"current": {phrase}, "password": {other}}).want(t, 200, "Your other sessions have ended.")
	phone.get(t, "/").want(t, 200, "at / as ")
	if m := s.newest(t, email); m.Kind != "password-changed" {
		t.Errorf("the owner got %q", m.Kind)
	}
}

func TestSecuritySessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b, phone, third := s.browser(t), s.browser(t), s.browser(t)
	b.login(t, phrase, "/")
	phone.login(t, phrase, "/")
	id := hiddenID(t, b.get(t, "/account/security"))
	b.post(t, "/account/security/sessions", url.Values{"id": {id}}).want(t, 200, "That session has ended.")
	phone.get(t, "/").want(t, 200, "at / as ")
	b.post(t, "/account/security/sessions", url.Values{"id": {id}}).want(t, 200)
	third.login(t, phrase, "/")
	b.post(t, "/account/security/sessions/all", nil).want(t, 200, "You are signed out everywhere.")
	third.get(t, "/").want(t, 200, "at / as ")
	b.get(t, "/").want(t, 200, "at / as ")
}

func hiddenID(t *testing.T, a answer) string {
	t.Helper()
	id := hidden(t, a).Get("id")
	if id == "" {
		t.Fatalf("no session to end in:\n%s", a.text)
	}
	return id
}

func TestSecurityEmail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	const fresh = "ada@new.example"
	b := s.browser(t)
	b.login(t, phrase, "/")
	b.get(t, "/account/security/email").want(t, 200, "Change your e-mail", email)
	b.post(t, "/account/security/email", nil).want(t, 400, "Enter the new address.", `href="#newEmail"`)
	b.post(t, "/account/security/email", url.Values{"newEmail": {"ada"}}).want(t, 400, "Enter a whole e-mail address", `href="#newEmail"`)
	b.post(t, "/account/security/email", url.Values{"newEmail": {email}}).want(t, 400, "This is your address already.")
	b.post(t, "/account/security/email", url.Values{"newEmail": {fresh}}).want(t, 200, "Enter the code", fresh)
	code := s.code(t, fresh)
	b.post(t, "/account/security/email/confirm", url.Values{"newEmail": {fresh}, "code": {""}}).want(t, 400, "Enter the code.")
	b.post(t, "/account/security/email/confirm", url.Values{"newEmail": {fresh}, "code": {"x"}}).want(t, 400, "The code is wrong or too old.")
	b.post(t, "/account/security/email/confirm", url.Values{"newEmail": {fresh}, "code": {code}}).want(t, 200, "Your address is changed.", fresh)

	fixed := newSite(t, func(c *service.Config, _ *middleware.Config) { c.FixedEmails = true })
	fixed.user(t)
	f := fixed.browser(t)
	f.login(t, phrase, "/")
	f.get(t, "/account/security/email").want(t, 404)
	if a := f.get(t, "/account/security"); strings.Contains(a.text, "/account/security/email") {
		t.Error("the page offers what nobody may do")
	}
}

// audits is how many changes were made.
func (s *site) audits(t *testing.T) int {
	t.Helper()
	l, err := s.db.Audit(t.Context(), store.AuditQuery{Page: store.Page{Limit: 200}})
	if err != nil {
		t.Fatal(err)
	}
	return len(l.Items)
}

// TestAttackSecurity is about the pages of somebody who is signed in.
func TestAttackSecurity(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	forms := map[string]url.Values{
		"/account/security/password":      {"current": {phrase}, "password": {other}},
		"/account/security/email":         {"newEmail": {"eve@example.com"}},
		"/account/security/email/confirm": {"newEmail": {"eve@example.com"}, "code": {"123456"}},
		"/account/security/sessions":      {"id": {"x"}},
		"/account/security/sessions/all":  {},
	}
	t.Run("SES-15 forged forms", func(t *testing.T) {
		t.Parallel()
		b := s.browser(t)
		b.login(t, phrase, "/")
		for path, v := range forms {
			for _, h := range []map[string]string{
				{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site", "Origin": "https://x.example.com"},
				{"Origin": "https://evil.example"}, {"Origin": "null"},
			} {
				r := b.form(t, path, v)
				r.Header.Del("Sec-Fetch-Site")
				for name, value := range h {
					r.Header.Set(name, value)
				}
				b.do(t, r).want(t, 403, "The form came from another site")
			}
		}
		b.get(t, "/").want(t, 200, "as "+email)
	})
	t.Run("SES-18 reading changes nothing", func(t *testing.T) {
		t.Parallel()
		s := newSite(t) // of its own: what others do would be counted
		s.user(t)
		b := s.browser(t)
		b.login(t, phrase, "/")
		before := s.audits(t)
		for _, path := range []string{
			"/account/", "/account/login", "/account/signup", "/account/forgot", "/account/reset?userId=a&token=b", "/account/unlock?token=x",
			"/account/activate?userId=a&token=b", "/account/logout", "/account/security", "/account/security/password", "/account/security/email",
			"/account/security/sessions?id=x", "/account/security/sessions/all", "/account/verify", "/account/resend?email=" + email, "/account/nope",
		} {
			b.get(t, path)
		}
		if after := s.audits(t); after != before {
			t.Errorf("%d events after %d", after, before)
		}
		b.get(t, "/").want(t, 200, "as "+email)
	})
	t.Run("SES-25 SES-26 headers of every page", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.user(t)
		b := s.browser(t)
		b.login(t, phrase, "/")
		for path := range forms {
			for _, a := range []answer{b.still().get(t, path), b.still().post(t, path, url.Values{"newEmail": {"x"}, "code": {"1"}, "id": {"0"}, "current": {""}})} {
				if strings.HasSuffix(path, "/all") && a.Request.Method == http.MethodPost {
					b.login(t, phrase, "/")
				}
				if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("ETag") != "" || a.Header.Get("X-Content-Type-Options") != "nosniff" ||
					a.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
					t.Errorf("%s %s %d: %v", a.Request.Method, path, a.StatusCode, a.Header)
				}
			}
		}
	})
	t.Run("ACC another user's session stays", func(t *testing.T) {
		t.Parallel()
		_, err := s.Users.Create(t.Context(), store.System(), service.NewUser{TenantID: "acme", Email: "eve@example.com", Password: phrase})
		if err != nil {
			t.Fatal(err)
		}
		ada, eve := s.browser(t), s.browser(t)
		ada.login(t, phrase, "/")
		eve.post(t, "/account/login", url.Values{"email": {"eve@example.com"}, "password": {phrase}})
		u, err := s.Users.ByEmail(t.Context(), store.System(), email)
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.db.Sessions(t.Context(), u.ID, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			eve.post(t, "/account/security/sessions", url.Values{"id": {o.ID}}).want(t, 200)
		}
		ada.get(t, "/").want(t, 200, "as "+email)
	})
}
