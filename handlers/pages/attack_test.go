package pages_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/middleware"
)

func TestAttackPagesSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	t.Run("SES-01 a planted session does not survive the sign-in", func(t *testing.T) {
		t.Parallel()
		b := s.browser(t).still()
		planted := b.login(t, phrase, "/").session()
		own := b.login(t, phrase, "/").session()
		if planted == nil || own == nil || planted.Value == own.Value {
			t.Fatalf("planted %v, own %v", planted, own)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: planted.Name, Value: planted.Value})
		if a := s.browser(t).do(t, r); strings.Contains(a.text, email) {
			t.Errorf("the planted session works: %s", a.text)
		}
	})
	t.Run("SES-08 cookie flags", func(t *testing.T) {
		t.Parallel()
		c := s.browser(t).still().login(t, phrase, "/").session()
		if c == nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" ||
			c.SameSite != http.SameSiteLaxMode || c.MaxAge < 3590 || c.MaxAge > 3600 {
			t.Errorf("cookie %v", c)
		}
	})
	t.Run("SES-17 no method override", func(t *testing.T) {
		t.Parallel()
		b := s.browser(t)
		b.login(t, phrase, "/")
		b.get(t, "/account/logout?_method=POST").want(t, 404)
		b.get(t, "/").want(t, 200, "as "+email)
	})
	t.Run("SES-25 no-store", func(t *testing.T) {
		t.Parallel()
		b := s.browser(t).still()
		for _, a := range []answer{b.get(t, "/account/login"), b.login(t, "wrong", "/"), b.login(t, phrase, "/"), b.get(t, "/account/nope")} {
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("ETag") != "" {
				t.Errorf("%s %d: Cache-Control %q", a.Request.URL, a.StatusCode, a.Header.Get("Cache-Control"))
			}
		}
	})
	t.Run("SES-26 framing, sniffing, referrer", func(t *testing.T) {
		t.Parallel()
		b := s.browser(t)
		for _, path := range []string{"/account/login", "/account/signup", "/account/activate?userId=a&token=b", "/account/nope"} {
			h := b.get(t, path).Header
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %s %q, want %q", path, name, got, want)
				}
			}
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(h.Get("Content-Security-Policy"), part) {
					t.Errorf("%s: the policy lacks %s", path, part)
				}
			}
			if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
				t.Errorf("%s: the policy is unsafe", path)
			}
		}
	})
}

func TestAttackPagesOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	foreign := []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
		{"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "", "Origin": "null"},
	}
	forged := func(t *testing.T, b browser, path string, v url.Values) {
		t.Helper()
		for _, h := range foreign {
			r := b.form(t, path, v)
			for name, value := range h {
				r.Header.Del(name)
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			a := b.do(t, r)
			a.want(t, 403, "<html")
			if len(a.Cookies()) != 0 {
				t.Errorf("%v: cookies %v", h, a.Cookies())
			}
		}
	}
	t.Run("SES-19 login CSRF", func(t *testing.T) {
		t.Parallel()
		forged(t, s.browser(t), "/account/login", url.Values{"email": {email}, "password": {phrase}})
	})
	t.Run("SES-15 sign-up CSRF", func(t *testing.T) {
		t.Parallel()
		forged(t, s.browser(t), "/account/signup", url.Values{"email": {"eve@example.com"}})
	})
	t.Run("SES-20 logout CSRF", func(t *testing.T) {
		t.Parallel()
		b := s.browser(t)
		b.login(t, phrase, "/")
		forged(t, b, "/account/logout", nil)
		b.get(t, "/").want(t, 200, "as "+email)
	})
}

func TestAttackPagesLinks(t *testing.T) {
	t.Parallel()
	t.Run("ML-01 a scanner that follows the link uses nothing up", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.browser(t)
		b.signUp(t)
		link := s.link(t)
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet, http.MethodGet} {
			r, err := http.NewRequestWithContext(t.Context(), method, s.URL+link, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("User-Agent", "Mail scanner")
			if a := s.browser(t).do(t, r); a.StatusCode != 200 || a.session() != nil {
				t.Errorf("%s: status %d, session %v", method, a.StatusCode, a.session())
			}
		}
		b.post(t, "/account/activate", follow(t, link, "")).want(t, 200, "as "+email)
	})
	t.Run("ML-02 once, of fifty at the same time", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.browser(t).still()
		b.signUp(t)
		v := follow(t, s.link(t), "")
		var in, gone atomic.Int32
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				switch a := b.post(t, "/account/activate", v); a.StatusCode {
				case http.StatusSeeOther:
					in.Add(1)
				case http.StatusGone:
					gone.Add(1)
				default:
					t.Errorf("status %d", a.StatusCode)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 || gone.Load() != 49 {
			t.Errorf("%d got in, %d were refused, want 1 and 49", in.Load(), gone.Load())
		}
	})
	t.Run("ML-04 only the newest link works", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.browser(t)
		b.signUp(t)
		old := s.link(t)
		b.signUp(t)
		b.get(t, old).want(t, 410)
		b.get(t, s.link(t)).want(t, 200)
	})
	t.Run("ML-08 a link of somebody else, or of nobody", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.browser(t)
		b.signUp(t)
		v := follow(t, s.link(t), "")
		for _, change := range []url.Values{
			{"userId": {"somebody"}, "token": v["token"]}, {"userId": v["userId"], "token": {"x"}},
			{"userId": v["userId"]}, {}, {"userId": {"\x00"}, "token": {"\xff"}},
		} {
			b.get(t, "/account/activate?"+change.Encode()).want(t, 410, "This link no longer works")
		}
	})
	t.Run("ML-17 the link has the configured host", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.browser(t)
		r := b.form(t, "/account/signup", url.Values{"name": {"Ada"}, "company": {"Acme"}, "email": {email}, "password": {phrase}})
		r.Host = "evil.example"
		r.Header.Set("X-Forwarded-Host", "evil.example")
		b.do(t, r).want(t, 200, "Check your mail")
		if m := s.link(t); strings.Contains(m, "evil") || strings.Contains(s.mail[0].HTML, "evil.example") {
			t.Errorf("link %q", m)
		}
	})
}

func TestAttackPagesEnumeration(t *testing.T) {
	t.Parallel()
	t.Run("ENU-04 sign-up says the same of a known address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		fresh := s.browser(t).signUp(t)
		pending := s.browser(t).signUp(t)
		b := s.browser(t)
		link := s.link(t)
		b.post(t, "/account/activate", follow(t, link, phrase)).want(t, 200)
		known := s.browser(t).signUp(t)
		for _, a := range []answer{pending, known} {
			if a.StatusCode != fresh.StatusCode || a.text != fresh.text || len(a.Cookies()) != len(fresh.Cookies()) {
				t.Errorf("another answer: %d\n%s", a.StatusCode, a.text)
			}
		}
		s.link(t)
		if m := s.mail[len(s.mail)-1]; m.Kind != "sign-up-notice" {
			t.Errorf("the owner got %q, want a notice", m.Kind)
		}
	})
}

func TestAttackPagesRedirect(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/account/login", "/a/b/?c=//d#e", "/a?next=%2F%2Fb"} {
		if got := pages.Local(target); got != target {
			t.Errorf("Local(%q) = %q, want it as it is", target, got)
		}
	}
	s := newSite(t)
	s.user(t)
	for _, tt := range redirectTargets(t) {
		want := "/"
		if tt.Allow && strings.HasPrefix(tt.Target, "/") {
			want = tt.Target
		}
		if got := pages.Local(tt.Target); got != want {
			t.Errorf("ML-06 Local(%q) = %q, want %q: %s", tt.Target, got, want, tt.Why)
		}
		if strings.Contains(tt.Target, "\x00") {
			continue // the form itself is refused
		}
		a := s.browser(t).still().login(t, phrase, tt.Target)
		if got := a.Header.Get("Location"); got != want {
			t.Errorf("ML-06 login with next %q goes to %q, want %q: %s", tt.Target, got, want, tt.Why)
		}
		if a.session() == nil {
			t.Errorf("next %q: no session in %d", tt.Target, a.StatusCode)
		}
	}
}

type redirectTarget struct {
	Target string
	Allow  bool
	Why    string
}

// redirectTargets reads the shared list of targets, which stands beside the checkout.
func redirectTargets(t *testing.T) []redirectTarget {
	t.Helper()
	text, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", "own-lists", "redirect_targets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Cases []redirectTarget }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list.Cases
}

func FuzzLocal(f *testing.F) {
	for _, s := range []string{"", "/", "//", "/\\", "/a/../b", "/%2f", "https:x", "/a?b=//c"} {
		f.Add(s)
	}
	base, err := url.Parse("https://app.example.com/account/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := pages.Local(target)
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != "app.example.com" {
			t.Errorf("Local(%q) = %q, which leads to %v, %v", target, got, u, err)
		}
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00") {
			t.Errorf("Local(%q) = %q", target, got)
		}
	})
}

// The sign-in pages hand out cookies; the name is the one that the guard reads.
func TestSessionCookieIsTheGuards(t *testing.T) {
	t.Parallel()
	s := newSite(t, unverified)
	if c := s.browser(t).still().signUp(t).session(); c == nil || c.Name != middleware.SessionCookieName {
		t.Errorf("cookie %v", c)
	}
}
