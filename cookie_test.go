package identity_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// ownOrigin is what a browser says of itself when a page of ours posts a form.
func ownOrigin() []string {
	return []string{"Origin: https://app.example", "Sec-Fetch-Site: same-origin"}
}

// enter signs in through the page and returns the session cookie, as a browser sends it.
func (h *home) enter(t *testing.T, email string) string {
	t.Helper()
	w := h.ask(t, "POST", "/account/login", url.Values{"email": {email}, "password": {homePassword}}, ownOrigin()...)
	for _, c := range w.Result().Cookies() {
		if c.Name == "__Host-identity" && w.Code == http.StatusSeeOther {
			return c.Name + "=" + c.Value
		}
	}
	t.Fatalf("sign in on the page = %d %s", w.Code, strings.TrimSpace(w.Body.String()))
	return ""
}

// refreshCookie is the name of the cookie that the published clients look for.
func (h *home) refreshCookie() string {
	return "fe_refresh_" + strings.Replace(h.Environment(), "-", "", 1)
}

func TestAttackRefreshCookie(t *testing.T) {
	t.Parallel()
	t.Run("RT-08 two tabs get one cookie", func(t *testing.T) {
		t.Parallel()
		h := newHome(t)
		cookie := "Cookie: " + h.refreshCookie() + "=" + h.signUp(t, "ann@acme.example")["refreshToken"].(string)
		var mu sync.Mutex
		left := map[string]int{}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				w := h.ask(t, "POST", refreshPath, nil, append(ownOrigin(), cookie)...)
				mu.Lock()
				defer mu.Unlock()
				for _, line := range w.Header().Values("Set-Cookie") {
					left[line]++
				}
			})
		}
		wg.Wait()
		if len(left) != 1 {
			t.Errorf("twenty refreshes left %d different cookies, want 1: %v", len(left), left)
		}
	})
	t.Run("RT-08 a loser takes no cookie away", func(t *testing.T) {
		t.Parallel()
		h := newHome(t)
		login := h.signUp(t, "ann@acme.example")
		old := "Cookie: " + h.refreshCookie() + "=" + login["refreshToken"].(string)
		if w := h.ask(t, "POST", refreshPath, nil, append(ownOrigin(), old)...); w.Code != http.StatusCreated {
			t.Fatalf("refresh = %d %s", w.Code, w.Body)
		}
		h.clock.advance(time.Minute)
		for _, cookie := range []string{old, "Cookie: " + h.refreshCookie() + "=garbage", old} {
			w := h.ask(t, "POST", refreshPath, nil, append(ownOrigin(), cookie)...)
			if got := w.Header().Values("Set-Cookie"); w.Code != http.StatusUnauthorized || len(got) > 0 {
				t.Errorf("refresh with %.30q = %d, cookies %q; want 401 and none", cookie, w.Code, got)
			}
		}
	})
}

func TestAttackPlainHTTP(t *testing.T) {
	t.Parallel()
	t.Run("SES-10 no base URL of plain http", func(t *testing.T) {
		t.Parallel()
		for base, ok := range map[string]bool{
			"http://app.example": false, "http://192.168.1.5:8080": false, "http://localhost.evil.example": false, "http://0.0.0.0:8080": false,
			"http://localhost:8080": true, "http://127.0.0.1": true, "http://[::1]:8080": true, "https://app.example": true,
		} {
			_, err := identity.New(t.Context(), identity.Options{Store: memory(t), BaseURL: base, Token: identity.TokenOptions{Algorithm: "EdDSA"}})
			if ok && err != nil || !ok && (err == nil || !strings.Contains(err.Error(), "must be https")) {
				t.Errorf("BaseURL %s = %v, want it taken: %t", base, err, ok)
			}
		}
	})
	t.Run("SES-10 no cookie that plain http would carry", func(t *testing.T) {
		t.Parallel()
		h := newHome(t, func(o *identity.Options) { o.BaseURL = "http://localhost:8080" })
		h.signUp(t, "ann@acme.example")
		form := url.Values{"email": {"ann@acme.example"}, "password": {homePassword}}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost:8080/account/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.Handler().ServeHTTP(w, r)
		all := w.Result().Cookies()
		if w.Code != http.StatusSeeOther || len(all) < 2 {
			t.Fatalf("sign in over plain http = %d with %d cookies", w.Code, len(all))
		}
		for _, c := range all {
			if !c.Secure || !c.HttpOnly || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
				t.Errorf("%v", c)
			}
		}
	})
}

// entitle gives a user n roles with long keys, as none would choose them.
func (h *home) entitle(t *testing.T, login service.Login, n int) {
	t.Helper()
	by := store.Principal{Kind: store.SystemKind, ID: "system", TenantID: login.Session.TenantID}
	wanted := make([]service.NewRole, n)
	for i := range wanted {
		wanted[i] = service.NewRole{Key: fmt.Sprintf("role-with-a-rather-long-key-%d", i), Name: "Role", Level: 5}
	}
	made, err := h.Roles.Create(t.Context(), by, wanted)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, n)
	for i, r := range made {
		ids[i] = r.ID
	}
	if _, err := h.Members.Assign(t.Context(), by, login.User.ID, ids); err != nil {
		t.Fatal(err)
	}
}

func TestAttackFatSession(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s, err := h.SignUp.Create(t.Context(), store.Principal{}, service.NewSignUp{Email: "ann@acme.example", Password: homePassword, Company: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	h.entitle(t, *s.Login, 500)
	t.Run("SES-13 the cookie of who has 500 roles is small", func(t *testing.T) {
		t.Parallel()
		w := h.ask(t, "POST", "/account/login", url.Values{"email": {"ann@acme.example"}, "password": {homePassword}}, ownOrigin()...)
		for _, line := range w.Header().Values("Set-Cookie") {
			if len(line) > 512 {
				t.Errorf("a cookie of %d bytes: %s", len(line), line)
			}
		}
		if w := h.ask(t, "GET", mePath, nil, "Cookie: "+h.enter(t, "ann@acme.example")); w.Code != http.StatusOK {
			t.Errorf("me = %d %s", w.Code, w.Body)
		}
	})
	t.Run("SES-13 a token that fits no header is an error", func(t *testing.T) {
		t.Parallel()
		w := h.ask(t, "POST", loginPath, object{"email": "ann@acme.example", "password": homePassword})
		if w.Code != http.StatusInternalServerError || len(w.Header().Values("Set-Cookie")) > 0 || strings.Contains(w.Body.String(), "role-with") {
			t.Errorf("sign in = %d %v %s, want 500, no cookie and no detail", w.Code, w.Header(), w.Body)
		}
		_, err := h.SignIn.Password(t.Context(), store.Principal{}, service.PasswordLogin{Email: "ann@acme.example", Password: homePassword})
		if err == nil || !strings.Contains(h.log.String(), "roles") {
			t.Errorf("sign in by a call = %v; want an error, and in the log which claim is too large: %s", err, h.log)
		}
	})
}

func TestAttackCookieValues(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	login := h.signUp(t, "ann@acme.example")
	plain := regexp.MustCompile(`^[A-Za-z0-9_-]+=[A-Za-z0-9_-]*; Path=/(; [A-Za-z-]+(=[A-Za-z0-9 ,:-]+)?)*$`)
	for _, bad := range []string{"a\r\nSet-Cookie: x=y", "a\nSet-Cookie: x=y", "a\x00b", "a;b", "a; Domain=evil.example", `a"b,c`, "é", "%0d%0aSet-Cookie:x=y"} {
		t.Run(fmt.Sprintf("SES-14 %q", bad), func(t *testing.T) {
			t.Parallel()
			cookies := "Cookie: __Host-identity-device=" + bad + "; __Host-identity=" + bad
			page := append(ownOrigin(), cookies)
			form := url.Values{"email": {"ann@acme.example"}, "password": {homePassword}, "next": {bad}, "tenant": {bad}}
			for what, w := range map[string]*httptest.ResponseRecorder{
				"login page": h.ask(t, "POST", "/account/login", form, page...),
				"login":      h.ask(t, "POST", loginPath, object{"email": "ann@acme.example", "password": homePassword}, page...),
				"refresh":    h.ask(t, "POST", refreshPath, object{"refreshToken": login["refreshToken"]}, page...),
				"bad token":  h.ask(t, "POST", refreshPath, object{"refreshToken": bad}, page...),
				"logout":     h.ask(t, "POST", logoutPath, object{"refreshToken": bad}, page...),
			} {
				for name, lines := range w.Header() {
					if strings.ContainsAny(strings.Join(lines, ""), "\r\n\x00") {
						t.Errorf("%s: header %s %q", what, name, lines)
					}
				}
				for _, line := range w.Header().Values("Set-Cookie") {
					if !plain.MatchString(line) || strings.Contains(line, "Domain") {
						t.Errorf("%s sets %q", what, line)
					}
				}
			}
		})
	}
}
