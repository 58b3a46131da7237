package handlers_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const (
	resetPath   = "/identity/resources/users/v1/passwords/reset"
	resetV2Path = "/identity/resources/users/v2/passwords/reset/email"
	emailPath   = "/identity/resources/users/v1/email/me"
	unlockPath  = "/identity/resources/users/v3/me/unlock"
	newPassword = "another rather long password"
)

// mailed delivers what waits and returns the newest message that holds the text.
func (w *whole) mailed(text string) string {
	w.Helper()
	if _, err := w.svc.Outbox.Deliver(w.Context()); err != nil {
		w.Fatal(err)
	}
	for _, m := range slices.Backward(w.mail) {
		if strings.Contains(m, text) {
			return m
		}
	}
	w.Fatalf("no message says %q: %q", text, w.mail)
	return ""
}

// linkOf returns what the link in the newest message with the text carries.
func (w *whole) linkOf(text string) (userID, token string) {
	w.Helper()
	m := w.mailed(text)
	find := func(name string) string {
		found := regexp.MustCompile(`[?&]` + name + `=([^&\s]+)`).FindStringSubmatch(m)
		if found == nil {
			return ""
		}
		return found[1]
	}
	return find("userId"), find("token")
}

func (w *whole) codeOf(text string) string {
	w.Helper()
	return regexp.MustCompile(`\b\d{6}\b`).FindString(w.mailed(text))
}

func forgotten(identifier string) string {
	return fmt.Sprintf(`{"identifier":%q,"identifierType":"email"}`, identifier)
}

func proof(userID, token, pw string) string {
	return fmt.Sprintf(`{"userId":%q,"token":%q,"password":%q}`, userID, token, pw)
}

func bearer(l map[string]any) string { return fmt.Sprint("Authorization: Bearer ", l["accessToken"]) }

// hostToken returns the header of the host's back end.
func (w *whole) hostToken() string {
	w.Helper()
	_, key, err := w.svc.Credentials.Create(w.Context(), store.System(), "test")
	if err != nil {
		w.Fatal(err)
	}
	pair := fmt.Sprintf(`{"clientId":%q,"secret":%q}`, w.svc.Environment, key)
	return "Authorization: Bearer " + w.send(200, "POST", "/auth/vendor", pair)["token"].(string)
}

func TestResetRoutes(t *testing.T) {
	t.Parallel()
	w := newWhole(t, true)
	ann := w.signUp("ann@acme.example")
	w.send(201, "POST", resetPath, forgotten("Ann@acme.example"))
	userID, token := w.linkOf("/account/reset?")
	link := proof(userID, token, "")
	w.send(200, "POST", resetPath+"/validate", link)
	w.send(410, "POST", resetPath+"/validate", proof(userID, token+"A", ""))
	w.send(410, "POST", resetPath+"/validate", proof("nobody", token, ""))
	w.send(400, "POST", resetPath+"/validate", `{"userId":"x"}`)
	w.send(400, "POST", resetPath+"/validate", `{"token":"x"}`)
	w.send(400, "POST", resetPath+"/verify", link)
	w.send(400, "POST", resetPath+"/verify", proof(userID, token, "short"))
	w.send(400, "POST", resetPath+"/verify", `{"token":"x","password":"y"}`)
	w.send(410, "POST", resetPath+"/verify", proof("nobody", token, newPassword))
	got := w.send(201, "POST", resetPath+"/verify", proof(userID, token, newPassword))
	if len(got) != 0 {
		t.Errorf("PW-23 a reset answers %v, want nothing: neither tokens nor cookies", got)
	}
	w.send(410, "POST", resetPath+"/verify", proof(userID, token, newPassword))
	w.send(401, "GET", "/identity/resources/users/v2/me", "", bearer(ann))
	w.signIn(401, "ann@acme.example", wholePassword)
	w.signIn(200, "ann@acme.example", newPassword)

	if id := w.send(200, "POST", resetV2Path, forgotten("ann@acme.example"))["sessionId"]; id == nil || id == "" {
		t.Error("the second version names no session")
	}
	for _, path := range []string{resetPath, resetV2Path} {
		for _, bad := range []string{
			`{}`, forgotten("ann"), forgotten(""), `{"identifier":"ann@acme.example"}`, `{"identifier":"a@b.example","identifierType":"id"}`,
			`{"identifier":"a@b.example","identifierType":"email","emailMetadata":1}`,
		} {
			w.send(400, "POST", path, bad)
		}
		w.send(415, "POST", path, forgotten("ann@acme.example"), "Content-Type: text/plain")
	}
}

func TestResetLinkRoute(t *testing.T) {
	t.Parallel()
	w := newWhole(t, true)
	ann, host := w.signUp("ann@acme.example"), w.hostToken()
	path := fmt.Sprintf("/identity/resources/users/v1/%s/links/generate-password-reset-token", ann["userId"])
	w.send(401, "POST", path, "")
	w.send(403, "POST", path, "", bearer(ann))
	w.send(404, "POST", strings.Replace(path, fmt.Sprint(ann["userId"]), "nobody", 1), "", host)
	made := w.send(201, "POST", path, "", host)
	want := fmt.Sprintf("https://app.example/account/reset?token=%s&userId=%s", made["token"], ann["userId"])
	if made["link"] != want || made["userId"] != ann["userId"] {
		t.Errorf("made %v, want the link %s", made, want)
	}
	w.send(201, "POST", resetPath+"/verify", proof(fmt.Sprint(ann["userId"]), fmt.Sprint(made["token"]), newPassword))
}

func TestEmailRoutes(t *testing.T) {
	t.Parallel()
	w := newWhole(t, true)
	ann, bob, host := w.signUp("ann@acme.example"), w.signUp("bob@acme.example"), w.hostToken()
	w.send(401, "POST", emailPath, `{"email":"new@acme.example"}`)
	w.send(400, "POST", emailPath, `{}`, bearer(ann))
	w.send(400, "POST", emailPath, `{"email":"ann"}`, bearer(ann))
	w.send(400, "POST", emailPath, `{"email":"ANN@acme.example"}`, bearer(ann))
	w.send(400, "POST", emailPath, `{"email":"new@acme.example"}`, host)
	w.send(200, "POST", emailPath, `{"email":"taken@acme.example"}`, bearer(ann))
	stale := w.codeOf("is to have this address")
	w.send(200, "POST", emailPath, `{"email":"new@acme.example"}`, host, fmt.Sprint("frontegg-user-id: ", ann["userId"]))
	code := w.codeOf("is to have this address")
	confirm := func(want int, email, code string, headers ...string) {
		t.Helper()
		w.send(want, "POST", emailPath+"/verify", fmt.Sprintf(`{"email":%q,"code":%q}`, email, code), headers...)
	}
	confirm(401, "new@acme.example", code)
	confirm(400, "taken@acme.example", stale, bearer(ann))
	confirm(400, "new@acme.example", code, bearer(bob))
	w.send(400, "POST", emailPath+"/verify", `{"email":"new@acme.example"}`, bearer(ann))
	confirm(200, "new@acme.example", code, bearer(ann))
	confirm(400, "new@acme.example", code, bearer(ann))
	if me := w.send(200, "GET", "/identity/resources/users/v2/me", "", bearer(ann)); me["email"] != "new@acme.example" || me["verified"] != true {
		t.Errorf("me = %v, want the new address, proved", me)
	}
	w.signIn(401, "ann@acme.example", wholePassword)
	w.signIn(200, "new@acme.example", wholePassword)
	if old := w.mailed("has another e-mail address"); strings.Contains(old, "new@") {
		t.Errorf("the notice tells the new address: %s", old)
	}

	w.send(200, "POST", emailPath, `{"email":"third@acme.example"}`, bearer(ann))
	late := w.codeOf("is to have this address")
	w.signUp("third@acme.example")
	confirm(409, "third@acme.example", late, bearer(ann))
}

func TestEmailSetRoute(t *testing.T) {
	t.Parallel()
	w := newWhole(t, true)
	ann, host := w.signUp("ann@acme.example"), w.hostToken()
	w.signUp("bob@acme.example")
	path := fmt.Sprintf("/identity/resources/users/v1/%s/email", ann["userId"])
	const body = `{"email":"new@acme.example"}`
	w.send(401, "PUT", path, body)
	w.send(403, "PUT", path, body, bearer(ann))
	w.send(400, "PUT", path, `{}`, host)
	w.send(400, "PUT", path, `{"email":"new"}`, host)
	w.send(404, "PUT", "/identity/resources/users/v1/nobody/email", body, host)
	w.send(409, "PUT", path, `{"email":"BOB@acme.example"}`, host)
	got := w.send(200, "PUT", path, body, host)
	if got["email"] != "new@acme.example" || got["verified"] != true || got["id"] != ann["userId"] || got["permissions"] == nil {
		t.Errorf("PUT email = %v, want the whole user", got)
	}
	w.signIn(200, "new@acme.example", wholePassword)
}

func TestUnlockRoute(t *testing.T) {
	t.Parallel()
	w := newWhole(t, true)
	w.signUp("ann@acme.example")
	for range 5 {
		w.signIn(401, "ann@acme.example", "a wrong password")
	}
	w.signIn(401, "ann@acme.example", wholePassword)
	_, token := w.linkOf("/account/unlock?")
	w.send(400, "POST", unlockPath, `{}`)
	w.send(410, "POST", unlockPath, `{"token":"x"}`)
	w.send(200, "POST", unlockPath, fmt.Sprintf(`{"token":%q}`, token))
	w.send(410, "POST", unlockPath, fmt.Sprintf(`{"token":%q}`, token))
	w.signIn(200, "ann@acme.example", wholePassword)
}

func TestActivateByCodeRoute(t *testing.T) {
	t.Parallel()
	w := newWhole(t, false, func(c *service.Config) { c.SignUp.Code = true })
	const path = "/identity/resources/users/v1/activate/code"
	body := fmt.Sprintf(`{"provider":"local","email":"ann@acme.example","companyName":"Acme","password":%q}`, wholePassword)
	up := w.send(200, "POST", "/identity/resources/users/v1/signUp", body)
	if up["shouldActivate"] != true || up["authResponse"] != nil {
		t.Fatalf("sign-up = %v", up)
	}
	activate := func(want int, code, pw string) map[string]any {
		t.Helper()
		return w.send(want, "POST", path, fmt.Sprintf(`{"userId":%q,"token":%q,"code":%q,"password":%q}`, up["userId"], up["activationToken"], code, pw))
	}
	strategy := fmt.Sprintf("/identity/resources/users/v1/activate/strategy?userId=%s&token=%s", up["userId"], up["activationToken"])
	if got := w.send(200, "GET", strategy, ""); got["shouldSetPassword"] != true {
		t.Errorf("strategy = %v, want a password from a browser without a device cookie", got)
	}
	w.send(400, "POST", path, `{"userId":"x","token":"y"}`)
	old := w.codeOf("type this code")
	w.send(201, "POST", "/identity/resources/users/v1/activate/reset", `{"email":"ann@acme.example","emailMetadata":{}}`)
	code := w.codeOf("type this code")
	if code != old {
		activate(400, old, newPassword)
	}
	activate(400, code, "")
	in := activate(200, code, newPassword)
	if in["accessToken"] == "" || in["cookie fe_refresh_"+strings.Replace(w.svc.Environment, "-", "", 1)] == nil {
		t.Errorf("activation = %v, want a sign-in with its cookie", in)
	}
	activate(400, code, newPassword)
	w.signIn(200, "ann@acme.example", newPassword)
}

func TestAttackForgotRoutes(t *testing.T) {
	t.Parallel()
	t.Run("ENU-05 the same answer for every address", func(t *testing.T) {
		t.Parallel()
		w := newWhole(t, true)
		w.signUp("ann@acme.example")
		seen := map[string]bool{}
		for _, email := range []string{"ann@acme.example", "nobody@acme.example"} {
			res := ask(t, w.api, "POST", resetPath, forgotten(email))
			res.Header().Del("Date")
			seen[fmt.Sprint(res.Code, res.Body, slices.Sorted(maps.Keys(res.Header())), res.Header()["Content-Length"])] = true
		}
		if len(seen) != 1 {
			t.Errorf("answers = %v, want one", seen)
		}
	})
	t.Run("PW-24 ML-17 the link has the configured host", func(t *testing.T) {
		t.Parallel()
		w := newWhole(t, true)
		w.signUp("ann@acme.example")
		w.send(201, "POST", "https://evil.example"+resetPath, forgotten("ann@acme.example"),
			"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "Forwarded: host=evil.example")
		if m := w.mailed("/account/reset?"); strings.Contains(m, "evil") || !strings.Contains(m, "https://app.example/account/reset?") {
			t.Errorf("the message leads elsewhere:\n%s", m)
		}
	})
	t.Run("PW-25 HTTP-26 nothing of a link is logged", func(t *testing.T) {
		t.Parallel()
		w := newWhole(t, true)
		w.signUp("ann@acme.example")
		w.send(201, "POST", resetPath, forgotten("ann@acme.example"))
		userID, token := w.linkOf("/account/reset?")
		w.send(410, "POST", resetPath+"/verify", proof(userID, token+"x", newPassword))
		w.send(201, "POST", resetPath+"/verify", proof(userID, token, newPassword))
		w.send(410, "POST", resetPath+"/verify", proof(userID, token, newPassword))
		for range 6 {
			w.signIn(401, "ann@acme.example", "a wrong password")
		}
		_, unlock := w.linkOf("/account/unlock?")
		w.send(200, "POST", unlockPath, fmt.Sprintf(`{"token":%q}`, unlock))
		for _, text := range []string{token, unlock, newPassword, "ann@acme.example"} {
			if strings.Contains(w.log.String(), text) {
				t.Errorf("the log holds %q:\n%s", text, w.log)
			}
		}
	})
	t.Run("LCK-15 ten a minute from one address", func(t *testing.T) {
		t.Parallel()
		w := newWhole(t, true)
		quiet := slog.New(slog.DiscardHandler)
		g, err := middleware.New(middleware.Config{
			Resolve: nobody, Log: quiet, Now: time.Now, Limiter: middleware.NewLimiter(func() time.Time { return time.Unix(0, 0) }, middleware.Rates()),
		})
		if err != nil {
			t.Fatal(err)
		}
		api, err := handlers.New(handlers.Config{Services: w.svc, Guard: g, Log: quiet, Now: time.Now, BaseURL: "https://app.example"})
		if err != nil {
			t.Fatal(err)
		}
		got := map[int]int{}
		for i := range 100 {
			path := []string{resetPath, resetV2Path}[i%2]
			res := ask(t, api, "POST", path, forgotten(fmt.Sprintf("user%d@acme.example", i)))
			got[res.Code]++
			if res.Code == http.StatusTooManyRequests && res.Header().Get("Retry-After") == "" {
				t.Error("a refusal does not say when to come back")
			}
		}
		if got[200]+got[201] != 10 || got[429] != 90 {
			t.Errorf("statuses = %v, want ten of a hundred", got)
		}
	})
}
