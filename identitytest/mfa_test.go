package identitytest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/identitytest"
)

// post sends JSON and decodes the answer.
func post(t *testing.T, c *http.Client, path, body string, headers ...string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode >= 300 {
		t.Fatalf("POST %s = %d %v, %v", path, res.StatusCode, out, err)
	}
	return out
}

func TestTOTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.User("reports.read")
	if got := len(w.EnrollTOTP(ada)); got != 10 {
		t.Errorf("%d recovery codes, want 10", got)
	}
	for range 3 { // each with a code of its own
		want(t, w.SignedIn(ada), "GET", "/reports", 200)
	}
	if methods := claimsOf(t, w.MintToken(ada))["amr"]; len(methods.([]any)) < 2 {
		t.Errorf("amr = %v, want a second factor in it", methods)
	}
	login := post(t, w.Anonymous(), "/identity/resources/auth/v1/user", `{"email":"`+ada.Email+`","password":"`+identitytest.Password+`"}`)
	if login["mfaRequired"] != true || login["accessToken"] != nil && login["accessToken"] != "" {
		t.Errorf("a login with a password alone = %v", login)
	}
	began := w.Now()
	first, second := w.TOTP(ada), w.TOTP(ada)
	if first == second && w.Now() == began {
		t.Errorf("codes %s and %s at the same time", first, second)
	}
	falls(t, func(f *fallen) { w.In(f).TOTP(w.User()) })
	falls(t, func(f *fallen) { w.In(f).TOTP(ada, "not base32!") })
	falls(t, func(f *fallen) { w.In(f).EnrollTOTP(&identitytest.User{ID: "nobody"}) })
}

// A user enrolls through the application, and the test is the phone.
func TestTOTPOfTheApplication(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t, identity.Options{})
	ada := w.User()
	auth := "Authorization: Bearer " + w.MintToken(ada)
	c := w.Anonymous()
	begun := post(t, c, "/identity/resources/users/v1/mfa/authenticator/enroll", `{}`, auth)
	secret, _ := begun["secret"].(string)
	post(t, c, "/identity/resources/users/v1/mfa/authenticator/enroll/verify", `{"token":"`+w.TOTP(ada, secret)+`"}`, auth)
	want(t, w.SignedIn(ada), "GET", "/identity/resources/users/v2/me", 200)
}
