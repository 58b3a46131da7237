package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity"
)

// A witness is a home whose requests and answers are remembered for the secrets in them.
type witness struct {
	*home
	secrets map[string]string // by what they are
}

// secretive matches the members of requests and answers that nobody may read in a log.
var secretive = regexp.MustCompile(`(?i)^(password|newPassword|oldPassword|accessToken|refreshToken|token|secret)$`)

func (w witness) remember(what string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && secretive.MatchString(name) && len(text) >= 8 {
				w.secrets[text] = what + " " + name
				continue
			}
			w.remember(what, member)
		}
	case []any:
		for _, item := range v {
			w.remember(what, item)
		}
	}
}

// do is ask, and remembers. The status must be want.
func (w witness) do(t *testing.T, want int, method, target string, body any, headers ...string) (*httptest.ResponseRecorder, object) {
	t.Helper()
	if form, ok := body.(url.Values); ok {
		for name := range form {
			w.remember(target, object{name: form.Get(name)})
		}
	} else if o, ok := body.(object); ok {
		w.remember(target, o)
	}
	res := w.ask(t, method, target, body, headers...)
	if res.Code != want {
		t.Fatalf("%s %s = %d %s, want %d", method, target, res.Code, res.Body, want)
	}
	for _, c := range res.Result().Cookies() {
		if len(c.Value) >= 8 {
			w.secrets[c.Value] = "cookie " + c.Name
		}
	}
	var out any
	_ = json.Unmarshal(res.Body.Bytes(), &out)
	w.remember(target, out)
	o, _ := out.(object)
	return res, o
}

// silent wants none of the secrets in the log.
func (w witness) silent(t *testing.T) {
	t.Helper()
	log := w.log.String()
	for text, what := range w.secrets {
		for _, form := range []string{text, url.QueryEscape(text), strings.Trim(fmt.Sprintf("%q", text), `"`)} {
			if at := strings.Index(log, form); at >= 0 {
				t.Errorf("the log holds %s: …%s…", what, log[max(0, at-200):min(len(log), at+len(form)+20)])
			}
		}
	}
}

// person goes the way of somebody with an account, and every wrong way that the log tells of.
func (w witness) person(t *testing.T) object {
	t.Helper()
	w.do(t, 200, "POST", signUpPath, newcomer("ann@acme.example"))
	w.clock.advance(time.Second) // so that one link is the newest
	w.do(t, 200, "POST", signUpPath, newcomer("ann@acme.example"))
	_, q := w.deliver(t)
	w.secrets[q.Get("token")] = "the token of a link"
	query := "?userId=" + q.Get("userId") + "&token=" + q.Get("token")
	w.do(t, 200, "GET", "/account/activate"+query, nil)
	w.do(t, 200, "GET", "/identity/resources/users/v1/activate/strategy"+query, nil)
	proof := object{"userId": q.Get("userId"), "token": q.Get("token"), "password": homePassword}
	w.do(t, 200, "POST", "/identity/resources/users/v1/activate", proof)
	w.do(t, 410, "POST", "/identity/resources/users/v1/activate", proof)

	w.do(t, 401, "POST", loginPath, object{"email": "ann@acme.example", "password": "not the password of ann"})
	_, login := w.do(t, 200, "POST", loginPath, object{"email": "ann@acme.example", "password": homePassword})
	_, next := w.do(t, 201, "POST", refreshPath, object{"refreshToken": login["refreshToken"]})
	w.do(t, 401, "GET", mePath, nil, bearer(next)+"x")
	w.do(t, 404, "GET", "/identity/resources/nothing?token="+next["accessToken"].(string), nil)
	w.do(t, 400, "POST", loginPath, object{"email": 1, "password": "a password in a broken request"})
	w.do(t, 401, "POST", "/identity/resources/users/v1/passwords/change",
		object{"password": "not my password, I fear", "newPassword": "a new password, also long"}, bearer(next))
	w.do(t, 400, "POST", "/identity/resources/users/v1/passwords/change", object{"password": homePassword, "newPassword": "2 short!"}, bearer(next))
	w.do(t, 201, "POST", "/identity/resources/users/v1/passwords/change",
		object{"password": homePassword, "newPassword": "a new password, also long"}, bearer(next))
	w.clock.advance(time.Minute)
	w.do(t, 401, "POST", refreshPath, object{"refreshToken": login["refreshToken"]}) // reuse ends the family
	_, login = w.do(t, 200, "POST", loginPath, object{"email": "ann@acme.example", "password": "a new password, also long"})
	return login
}

// pages goes in and out through the pages.
func (w witness) pages(t *testing.T) {
	t.Helper()
	wrong := url.Values{"email": {"ann@acme.example"}, "password": {"not the password on a page"}}
	w.do(t, 401, "POST", "/account/login", wrong, ownOrigin()...)
	right := url.Values{"email": {"ann@acme.example"}, "password": {"a new password, also long"}}
	res, _ := w.do(t, 303, "POST", "/account/login", right, ownOrigin()...)
	session := ""
	for _, c := range res.Result().Cookies() {
		session += c.Name + "=" + c.Value + "; "
	}
	w.do(t, 200, "GET", mePath, nil, "Cookie: "+session)
	w.do(t, 403, "PUT", mePath, object{"name": "Eve"}, "Cookie: "+session, "Origin: https://evil.example")
	w.do(t, 403, "POST", "/account/login", right, "Origin: https://evil.example")
	w.do(t, 303, "POST", "/account/logout", url.Values{}, append(ownOrigin(), "Cookie: "+session)...)
	w.do(t, 401, "GET", mePath, nil, "Cookie: "+session)
}

// host does what the host's back end does with secrets.
func (w witness) host(t *testing.T) string {
	t.Helper()
	_, secret, err := w.Credentials.Create(t.Context(), identity.System(), "back end")
	if err != nil {
		t.Fatal(err)
	}
	w.secrets[secret] = "the secret of a management credential"
	pair := object{"clientId": w.Environment(), "secret": secret}
	w.do(t, 401, "POST", "/auth/vendor", object{"clientId": w.Environment(), "secret": secret + "x"})
	_, management := w.do(t, 200, "POST", "/auth/vendor", pair)
	auth := "Authorization: Bearer " + management["token"].(string)
	_, tenant := w.do(t, 201, "POST", "/tenants/resources/tenants/v1", object{"name": "Globex"}, auth)
	_, user := w.do(t, 201, "POST", "/identity/resources/vendor-only/users/v1",
		object{"email": "hank@globex.example", "password": "the password that hank was given", "tenantId": tenant["tenantId"]}, auth)
	w.do(t, 200, "POST", "/identity/resources/vendor-only/users/v1/passwords/verify",
		object{"email": "hank@globex.example", "password": "the password that hank was given"}, auth)
	w.do(t, 200, "POST", "/identity/resources/vendor-only/users/v1/passwords/verify",
		object{"email": "hank@globex.example", "password": "a password that hank was not given"}, auth)
	w.do(t, 201, "POST", fmt.Sprintf("/identity/resources/users/v1/%s/links/generate-activation-token", user["id"]), nil, auth)
	return auth
}

// unsent signs somebody up whose mail does not leave.
func (w witness) unsent(t *testing.T) {
	t.Helper()
	w.do(t, 200, "POST", signUpPath, newcomer("carl@acme.example"))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	for !strings.Contains(w.log.String(), "mailbox is full") && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-done
}

// without asks again for everything when the store is gone.
func (w witness) without(t *testing.T, login object, auth string) {
	t.Helper()
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(time.Minute) // past what is cached
	for path, body := range map[string]object{
		loginPath: {"email": "ann@acme.example", "password": "a new password, also long"}, signUpPath: newcomer("bob@acme.example"),
		refreshPath: {"refreshToken": login["refreshToken"]}, logoutPath: {"refreshToken": login["refreshToken"]},
		"/identity/resources/users/v1/activate": {"userId": "u", "token": "a token of no link at all", "password": homePassword},
	} {
		w.remember(path, body)
		if res := w.ask(t, "POST", path, body); res.Code < 500 {
			t.Errorf("POST %s without a store = %d %s", path, res.Code, res.Body)
		}
	}
	token := strings.Repeat("a-token-", 6)
	w.secrets[token] = "a token in a URL or a cookie"
	_ = w.ask(t, "GET", "/identity/resources/users/v1/activate/strategy?userId=u&token="+token, nil)
	_ = w.ask(t, "GET", "/account/activate?userId=u&token="+token, nil)
	_ = w.ask(t, "POST", refreshPath, nil, append(ownOrigin(), "Cookie: "+w.refreshCookie()+"="+login["refreshToken"].(string))...)
	for _, header := range []string{bearer(login), auth, "Cookie: __Host-identity=" + token, "Cookie: __Host-identity-device=" + token} {
		_ = w.ask(t, "GET", mePath, nil, header)
		_ = w.ask(t, "POST", loginPath, object{"email": "ann@acme.example", "password": homePassword}, header)
	}
}

func TestAttackJournal(t *testing.T) {
	t.Parallel()
	t.Run("HTTP-26 a whole journey at debug", func(t *testing.T) {
		t.Parallel()
		w := witness{secrets: map[string]string{homeSecret: "Options.Secrets"}}
		w.home = newHome(t, verified, func(o *identity.Options) {
			send := o.Send
			o.Send = func(ctx context.Context, m identity.Message) error {
				if m.To != "carl@acme.example" {
					return send(ctx, m)
				}
				w.secrets[regexp.MustCompile(`token=([\w-]+)`).FindStringSubmatch(m.Text)[1]] = "the token of a link that did not leave"
				return errors.New("mailbox is full")
			}
		})
		login := w.person(t)
		w.pages(t)
		w.unsent(t)
		w.without(t, login, w.host(t))
		kinds := map[string]bool{}
		for _, what := range w.secrets {
			kinds[what] = true
		}
		if len(w.secrets) < 25 || len(kinds) < 15 {
			t.Errorf("only %d secrets of %d kinds were met: %v", len(w.secrets), len(kinds), slices.Sorted(maps.Keys(kinds)))
		}
		if log := w.log.String(); strings.Count(log, "\n") < 5 || !strings.Contains(log, "level=ERROR") {
			t.Errorf("the log says too little to prove anything: %s", log)
		}
		w.silent(t)
	})
}

func TestAttackLink(t *testing.T) {
	t.Parallel()
	poison := []string{
		"Host: evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "Forwarded: host=evil.example;proto=http",
		"X-Host: evil.example", "X-Forwarded-Server: evil.example", "X-Original-URL: https://evil.example/", "X-Forwarded-Prefix: /evil.example",
	}
	t.Run("PW-24 the link has the configured host", func(t *testing.T) {
		t.Parallel()
		h := newHome(t, verified)
		h.ask(t, "POST", signUpPath, newcomer("ann@acme.example"), poison...)
		h.clock.advance(time.Second) // so that one link is the newest
		h.ask(t, "POST", "/identity/resources/users/v1/activate/reset", object{"email": "ann@acme.example", "emailMetadata": object{}}, poison...)
		h.clock.advance(time.Second)
		h.ask(t, "POST", "/account/signup", url.Values{
			"name": {"Bob"}, "company": {"Acme"}, "email": {"bob@acme.example"}, "password": {homePassword},
		}, poison...)
		if link, _ := h.deliver(t); !strings.HasPrefix(link, "https://app.example/account/activate?") {
			t.Errorf("link %q", link)
		}
		if n := len(h.mail.messages()); n != 3 {
			t.Errorf("%d messages, want 3", n)
		}
		for _, m := range h.mail.messages() {
			if strings.Contains(m.Text+m.HTML+m.Subject+m.To, "evil") {
				t.Errorf("a message to %s names the host of the request: %s", m.To, m.Text)
			}
		}
	})
	t.Run("PW-25 the token stays with us", func(t *testing.T) {
		t.Parallel()
		h := newHome(t, verified)
		h.told(t, http.StatusOK, "POST", signUpPath, newcomer("ann@acme.example"))
		link, q := h.deliver(t)
		w := h.ask(t, "GET", strings.TrimPrefix(link, "https://app.example"), nil)
		if w.Code != http.StatusOK || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("the page = %d %v", w.Code, w.Header())
		}
		for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1) {
			if !strings.HasPrefix(m[1], "/account/") || strings.Contains(m[1], q.Get("token")) {
				t.Errorf("the page refers to %s", m[1])
			}
		}
		form := url.Values{"userId": {q.Get("userId")}, "token": {q.Get("token")}, "password": {homePassword}}
		done := h.ask(t, "POST", "/account/activate", form, ownOrigin()...)
		if done.Code != http.StatusSeeOther || strings.Contains(done.Header().Get("Location"), "token") {
			t.Errorf("activation = %d to %s", done.Code, done.Header().Get("Location"))
		}
		if gone := h.ask(t, "GET", strings.TrimPrefix(link, "https://app.example"), nil); gone.Code != http.StatusGone ||
			strings.Contains(gone.Body.String(), q.Get("token")) {
			t.Errorf("the link afterwards = %d %s", gone.Code, gone.Body)
		}
		if strings.Contains(h.log.String(), q.Get("token")) {
			t.Error("the token is in the log")
		}
	})
}
