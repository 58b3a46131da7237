package pages_test

import (
	"encoding/base32"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// An app is an authenticator app that was connected.
type app struct {
	site *site
	key  mfa.Key
}

// scan reads the key off the page that shows it.
func (s *site) scan(t *testing.T, a answer) app {
	t.Helper()
	found := regexp.MustCompile(`otpauth://totp/[^"]+`).FindString(html.UnescapeString(a.text))
	u, err := url.Parse(found)
	if err != nil || found == "" {
		t.Fatalf("no key in the page: %v\n%s", err, a.text)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	if err != nil {
		t.Fatal(err)
	}
	return app{s, mfa.Key{Secret: secret, Algorithm: "SHA1", Digits: 6, Period: 30}}
}

// code moves the clock on, so that the code is a new one.
func (a app) code(t *testing.T) string {
	t.Helper()
	a.site.advance(30 * time.Second)
	code, err := a.key.Code(a.site.now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// recoveryCodes reads the codes off the page that shows them.
func recoveryCodes(t *testing.T, a answer) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile(`<li><code>([^<]+)</code>`).FindAllStringSubmatch(a.text, -1) {
		all = append(all, m[1])
	}
	if len(all) != 10 {
		t.Fatalf("%d recovery codes in:\n%s", len(all), a.text)
	}
	return all
}

// connect sets the second step up for the user whom b is signed in as.
func (b browser) connect(t *testing.T) (app, []string) {
	t.Helper()
	phone := b.site.scan(t, b.post(t, "/account/security/mfa", nil))
	done := b.post(t, "/account/security/mfa/confirm", url.Values{"code": {phone.code(t)}})
	done.want(t, 200, "Keep your recovery codes", "Save as a file")
	return phone, recoveryCodes(t, done)
}

func TestMFA(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	b.login(t, phrase, "/account/security").want(t, 200, "Second step", "Off", "Set up")
	b.get(t, "/account/security/mfa").want(t, 200, "Set up a second step")
	page := b.post(t, "/account/security/mfa", nil)
	page.want(t, 200, "Connect your app", `src="data:image/png;base64,`, `autocomplete="one-time-code"`)
	phone := s.scan(t, page)
	b.post(t, "/account/security/mfa/confirm", url.Values{"code": {""}}).want(t, 400, "Enter the code.", "The picture is shown once.")
	b.post(t, "/account/security/mfa/confirm", url.Values{"code": {"123"}}).want(t, 400, "The code is wrong")
	done := b.post(t, "/account/security/mfa/confirm", url.Values{"code": {phone.code(t)}})
	done.want(t, 200, "Keep your recovery codes", "?done=mfa")
	codes := recoveryCodes(t, done)
	b.get(t, "/account/security?done=mfa").want(t, 200, "The app is connected.", "Authenticator app 1", "10 left")

	c := s.browser(t)
	c.login(t, phrase, "/reports").want(t, 200, "Enter your code", `name="next" value="/reports"`)
	c.get(t, "/").want(t, 200, "at / as ")
	c.post(t, "/account/mfa", url.Values{"code": {""}}).want(t, 400, "Enter the code.")
	c.post(t, "/account/mfa", url.Values{"code": {"000000"}}).want(t, 401, "The code is wrong, or was used already.", `aria-invalid="true"`)
	c.post(t, "/account/mfa", url.Values{"code": {phone.code(t)}, "next": {"/reports"}}).want(t, 200, "at /reports as "+email)

	d := s.browser(t)
	d.login(t, phrase, "/reports")
	d.get(t, "/account/mfa/recovery?next=/reports").want(t, 200, "Use a recovery code")
	d.post(t, "/account/mfa/recovery", url.Values{"recovery": {""}}).want(t, 400, "Enter a recovery code.")
	d.post(t, "/account/mfa/recovery", url.Values{"recovery": {"x"}}).want(t, 401, "That is none of your unused recovery codes.")
	d.post(t, "/account/mfa/recovery", url.Values{"recovery": {codes[0]}, "next": {"/reports"}}).want(t, 200, "at /reports as "+email)
	d.get(t, "/account/security").want(t, 200, "9 left")
}

func TestMFADevices(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	b.login(t, phrase, "/")
	phone, codes := b.connect(t)
	// The session was opened without a second factor, so another app asks for one.
	b.post(t, "/account/security/mfa", nil).want(t, 200, "Enter your code", `name="next" value="/account/security/mfa"`)
	b.post(t, "/account/mfa", url.Values{"code": {phone.code(t)}, "next": {"/account/security/mfa"}}).want(t, 200, "Set up a second step")
	tablet := s.scan(t, b.post(t, "/account/security/mfa", nil))
	b.post(t, "/account/security/mfa/confirm", url.Values{"code": {tablet.code(t)}}).want(t, 200, "The app is connected.", "Authenticator app 2")

	b.get(t, "/account/security/codes").want(t, 200, "New recovery codes")
	b.post(t, "/account/security/codes", url.Values{"proof": {""}}).want(t, 400, "Enter a code.")
	b.post(t, "/account/security/codes", url.Values{"proof": {"000000"}}).want(t, 400, "The code is wrong")
	fresh := recoveryCodes(t, b.post(t, "/account/security/codes", url.Values{"proof": {tablet.code(t)}}))
	if fresh[0] == codes[0] {
		t.Error("the codes are the old ones")
	}

	id := regexp.MustCompile(`remove\?device=([^"&]+)`).FindStringSubmatch(b.get(t, "/account/security").text)
	if id == nil {
		t.Fatal("no app to remove")
	}
	b.get(t, "/account/security/mfa/remove?device="+id[1]).want(t, 200, "Remove the app", `value="`+id[1]+`"`)
	remove := func(proof string) answer {
		return b.post(t, "/account/security/mfa/remove", url.Values{"device": {id[1]}, "proof": {proof}})
	}
	remove("").want(t, 400, "Enter a code.")
	remove("000000").want(t, 400, "The code is wrong")
	remove(fresh[1]).want(t, 200, "The app is removed.", "Authenticator app 1")
	b.post(t, "/account/security/mfa/remove", url.Values{"proof": {fresh[2]}}).want(t, 200, "Authenticator app 1")
	b.post(t, "/account/security/mfa/remove", url.Values{"device": {"x"}, "proof": {fresh[2]}}).want(t, 404)
}

func TestMFAForced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	force := service.Force
	if _, err := s.MFAPolicies.Create(t.Context(), store.System(), service.MFAPolicyChange{Enforce: &force}); err != nil {
		t.Fatal(err)
	}
	b := s.browser(t)
	b.login(t, phrase, "/reports").want(t, 200, "Set up a second step", "Your organization asks for a second step.")
	b.get(t, "/").want(t, 200, "at / as ")
	phone := s.scan(t, b.post(t, "/account/mfa/setup", url.Values{"next": {"/reports"}}))
	b.post(t, "/account/mfa/setup/confirm", url.Values{"code": {"1"}, "next": {"/reports"}}).want(t, 401, "The code is wrong")
	b.post(t, "/account/mfa/setup/confirm", url.Values{"code": {""}, "next": {"/reports"}}).want(t, 400, "Enter the code.")
	done := b.post(t, "/account/mfa/setup/confirm", url.Values{"code": {phone.code(t)}, "next": {"/reports"}})
	done.want(t, 200, "Keep your recovery codes", `href="/reports"`)
	codes := recoveryCodes(t, done)
	b.get(t, "/reports").want(t, 200, "as "+email)

	id := regexp.MustCompile(`remove\?device=([^"&]+)`).FindStringSubmatch(b.get(t, "/account/security").text)
	b.post(t, "/account/security/mfa/remove", url.Values{"device": {id[1]}, "proof": {codes[0]}}).want(t, 403, "so the last app stays")
}

func TestMFAWaiting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	for _, path := range []string{"/account/mfa", "/account/mfa/recovery", "/account/mfa/setup"} {
		b.get(t, path+"?next=/reports").want(t, 200, "Sign in", `name="next" value="/reports"`)
	}
	b.login(t, phrase, "/")
	_, _ = b.connect(t)
	c := s.browser(t)
	c.login(t, phrase, "/reports").want(t, 200, "Enter your code")
	for range 5 {
		c.post(t, "/account/mfa", url.Values{"code": {"000000"}})
	}
	c.post(t, "/account/mfa", url.Values{"code": {"000000"}, "next": {"/reports"}}).want(t, 200, "That took too long. Sign in again.", `value="/reports"`)
	c.get(t, "/account/mfa").want(t, 200, "Sign in")
	c.login(t, phrase, "/reports").want(t, 200, "Enter your code")
	s.advance(11 * time.Minute)
	c.get(t, "/account/mfa?next=/reports").want(t, 200, "That took too long. Sign in again.")
}

func TestMFARemember(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	off, yes, days := service.DontForce, true, 7*24*time.Hour
	in := service.MFAPolicyChange{Enforce: &off, Remember: &yes, RememberFor: &days}
	if _, err := s.MFAPolicies.Create(t.Context(), store.System(), in); err != nil {
		t.Fatal(err)
	}
	b := s.browser(t)
	b.login(t, phrase, "/")
	phone, _ := b.connect(t)
	c := s.browser(t)
	c.login(t, phrase, "/").want(t, 200, "Do not ask in this browser for 7 days")
	c.post(t, "/account/mfa", url.Values{"code": {phone.code(t)}, "remember": {"yes"}}).want(t, 200, "as "+email)
	c.post(t, "/account/logout", nil)
	c.login(t, phrase, "/").want(t, 200, "as "+email)
	s.browser(t).login(t, phrase, "/").want(t, 200, "Enter your code")
}

func TestAttackPagesMFA(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	b.login(t, phrase, "/")
	picture := b.post(t, "/account/security/mfa", nil)
	t.Run("MFA-26 the picture is shown once and kept nowhere", func(t *testing.T) {
		h := picture.Header
		if h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Content-Security-Policy"), "img-src 'self' data:;") {
			t.Errorf("headers %v", h)
		}
		phone := s.scan(t, picture)
		b.post(t, "/account/security/mfa/confirm", url.Values{"code": {phone.code(t)}}).want(t, 200)
		secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(phone.key.Secret)
		for _, path := range []string{"/account/security/mfa", "/account/security", "/account/mfa/setup", "/account/mfa"} {
			a := b.get(t, path)
			if strings.Contains(a.text, secret) || strings.Contains(a.text, "data:image") || strings.Contains(a.Header.Get("Content-Security-Policy"), "data:") {
				t.Errorf("%s shows the key again", path)
			}
		}
		b.get(t, "/account/security/mfa/confirm").want(t, 404)
	})
	t.Run("SES-15 a forged form adds and removes nothing", func(t *testing.T) {
		for _, path := range []string{
			"/account/security/mfa", "/account/security/mfa/confirm", "/account/security/mfa/remove", "/account/security/codes",
			"/account/mfa", "/account/mfa/recovery", "/account/mfa/setup", "/account/mfa/setup/confirm",
		} {
			r := b.form(t, path, url.Values{"code": {"1"}, "proof": {"1"}})
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Origin", "https://evil.example")
			b.do(t, r).want(t, 403, "The form came from another site")
		}
	})
	t.Run("SES-18 reading changes nothing", func(t *testing.T) {
		c := s.browser(t)
		c.login(t, phrase, "/")
		before := s.audits(t)
		for _, path := range []string{
			"/account/mfa", "/account/mfa/recovery", "/account/mfa/setup", "/account/mfa/setup/confirm",
			"/account/security/mfa", "/account/security/mfa/remove?device=x", "/account/security/codes", "/account/security",
		} {
			c.get(t, path)
			b.get(t, path)
		}
		if after := s.audits(t); after != before {
			t.Errorf("%d events after %d", after, before)
		}
	})
	t.Run("the token of a login that waits is in no address and in no page", func(t *testing.T) {
		c := s.browser(t).still()
		a := c.login(t, phrase, "/")
		var token *http.Cookie
		for _, k := range a.Cookies() {
			if k.Name == "__Host-identity-mfa" {
				token = k
			}
		}
		if token == nil || !token.HttpOnly || !token.Secure || token.SameSite != http.SameSiteLaxMode || token.MaxAge > 600 || a.session() != nil {
			t.Fatalf("cookie %v", token)
		}
		if strings.Contains(a.Header.Get("Location"), token.Value) || strings.Contains(c.get(t, "/account/mfa").text, token.Value) {
			t.Error("the token is seen")
		}
		thief := s.browser(t)
		r := thief.form(t, "/account/mfa", url.Values{"code": {"000000"}})
		r.AddCookie(&http.Cookie{Name: token.Name, Value: token.Value})
		thief.do(t, r).want(t, 200, "That took too long. Sign in again.")
	})
}
