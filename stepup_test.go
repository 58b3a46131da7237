package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/identitytest"
)

// TestRequireStepUp goes the way of a host that asks for the second factor again before
// something that matters.
func TestRequireStepUp(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	fine := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux := http.NewServeMux()
	mux.Handle("GET /transfer", w.RequireStepUp(10*time.Minute)(fine))
	w.Serve(mux)
	ann, bob := w.User(), w.User()
	w.EnrollTOTP(ann)

	get := func(c *http.Client, header string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/transfer", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("Authorization", "Bearer "+header)
		}
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header.Get("WWW-Authenticate")
	}
	if code, challenge := get(w.SignedIn(bob), ""); code != 403 || !strings.Contains(challenge, `max_age="600"`) {
		t.Errorf("a password alone gets %d, %s", code, challenge)
	}
	token := w.MintToken(ann)
	browser := w.SignedIn(ann)
	for _, late := range []struct {
		by   time.Duration
		want int
	}{{0, 204}, {4 * time.Minute, 204}, {2 * time.Minute, 403}} {
		w.Advance(late.by)
		if code, _ := get(browser, ""); code != late.want {
			t.Errorf("a browser, %s later, gets %d, want %d", late.by, code, late.want)
		}
		want := late.want
		if want == 403 {
			want = 401 // the token has expired
		}
		if code, _ := get(w.Anonymous(), token); code != want {
			t.Errorf("a token, %s later, gets %d, want %d", late.by, code, want)
		}
	}
	if err := w.Err(); err != nil {
		t.Errorf("wiring: %v", err)
	}
	w.RequireStepUp(-time.Second)
	if w.Err() == nil {
		t.Error("a negative age is no wiring mistake")
	}
}
