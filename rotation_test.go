package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/pgtest"
)

const (
	rotationEvery   = 100 * time.Millisecond
	rotationClients = 64
	rotationLife    = 10 * time.Second // the shortest that a token may have
)

// rotationTime is short where somebody waits for it, and long where the build decides.
func rotationTime() time.Duration {
	if os.Getenv("IDENTITY_LONG") != "" {
		return 30 * time.Second
	}
	return 3 * time.Second
}

// A fleet is two processes on one database, with clients.
type fleet struct {
	bases []string
	http  *http.Client

	requests, refreshes, refusedLate atomic.Int64
	mu                               sync.Mutex
	kids                             map[string]bool // of the tokens that were used
	failures                         []string
}

// TestRotationUnderLoad rotates ten times a second while 64 clients work on two processes:
// no request fails, a token is good at both processes until it expires, and the public
// keys never show a secret. It is not parallel: it wants the machine for itself.
func TestRotationUnderLoad(t *testing.T) {
	databases := map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "identity.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	}
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run("JWT-52 "+name, func(t *testing.T) {
			f := newFleet(t, databases[name](t))
			sessions := f.signIn(t)
			f.requests.Store(0) // what counts is what happens while keys rotate
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for i, s := range sessions {
				all.Go(func() { f.work(ctx, i, s) })
			}
			rotations := f.rotate(t)
			cancel()
			all.Wait()
			f.report(t, rotations)
		})
	}
}

func newFleet(t *testing.T, database string) *fleet {
	t.Helper()
	f := &fleet{
		kids: map[string]bool{},
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: rotationClients}},
	}
	for range 2 {
		f.bases = append(f.bases, startRotator(t, database).base)
	}
	t.Cleanup(f.http.CloseIdleConnections)
	return f
}

// A pair is what a client holds: an access token and the refresh token for the next.
type pair struct{ AccessToken, RefreshToken string }

// signIn opens a session for each client, of a few users: hashing passwords is not what is
// tested.
func (f *fleet) signIn(t *testing.T) []pair {
	t.Helper()
	var all []pair
	for i := range rotationClients {
		email := fmt.Sprintf("user%d@example.com", i%8)
		path, body := loginPath, object{"email": email, "password": sweepPassword}
		if i < 8 {
			path, body = signUpPath, newcomer(email)
			body["password"] = sweepPassword
		}
		status, text := f.call(t.Context(), "POST", f.bases[i%2]+path, "", body)
		var answer struct {
			pair
			AuthResponse pair
		}
		if err := json.Unmarshal(text, &answer); status != http.StatusOK || err != nil {
			t.Fatalf("POST %s = %d %s", path, status, text)
		}
		if i < 8 {
			answer.pair = answer.AuthResponse
		}
		all = append(all, answer.pair)
	}
	return all
}

// rotate rotates now at one process, now at the other, and returns how often. On a machine
// that is busy with other things it goes on until enough has happened.
func (f *fleet) rotate(t *testing.T) int {
	every := time.NewTicker(rotationEvery)
	defer every.Stop()
	began := time.Now()
	for n := 0; ; n++ {
		now := <-every.C
		took := now.Sub(began)
		if took > rotationTime() && (f.enough(n) || took > time.Minute) {
			return n
		}
		if status, text := f.call(t.Context(), "POST", f.bases[n%2]+rotationPath, "", nil); status != http.StatusNoContent {
			t.Errorf("rotation %d = %d %s", n, status, text)
		}
	}
}

// enough reports whether what happened proves something.
func (f *fleet) enough(rotations int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return rotations >= 10 && len(f.kids) >= 5 && f.refreshes.Load() >= 2*rotationClients
}

// work is one client: it calls both processes with the token that it has, exchanges it for
// the next at either, keeps an old one to its end, and looks at the public keys.
func (f *fleet) work(ctx context.Context, client int, held pair) {
	access, refresh := held.AccessToken, held.RefreshToken
	kept := access
	for n := client; ctx.Err() == nil; n++ {
		f.use(ctx, f.bases[n%2], access)
		f.keep(ctx, f.bases[n%2], &kept, access)
		if n%4 != 0 && time.Until(expiry(access)) > rotationLife/2 {
			continue
		}
		var answer pair
		status, text := f.call(ctx, "POST", f.bases[n/4%2]+refreshPath, "", map[string]string{"refreshToken": refresh})
		if err := json.Unmarshal(text, &answer); status != http.StatusCreated || err != nil {
			f.fail("refresh = %d %s", status, text)
			continue
		}
		f.refreshes.Add(1)
		access, refresh = answer.AccessToken, answer.RefreshToken
		f.published(ctx, f.bases[(n/4+1)%2], access)
	}
}

// use calls with a token that is good, still when the answer comes: the machine may be slow.
func (f *fleet) use(ctx context.Context, base, access string) {
	status, text := f.call(ctx, "GET", base+mePath, access, nil)
	if status != http.StatusOK && time.Until(expiry(access)) > 0 {
		f.fail("GET me with a token of %s = %d %s", header(access), status, text)
	}
}

// keep uses an old token until it expires, and the next from then on.
func (f *fleet) keep(ctx context.Context, base string, kept *string, next string) {
	left := time.Until(expiry(*kept))
	status, text := f.call(ctx, "GET", base+mePath, *kept, nil)
	switch {
	case status != http.StatusOK && time.Until(expiry(*kept)) > 0:
		f.fail("GET me with a token of %s that has %s left = %d %s", header(*kept), left, status, text)
	case left < 0 && status != http.StatusUnauthorized:
		f.fail("GET me with a token that expired = %d, want 401", status)
	case left < 0:
		f.refusedLate.Add(1)
		*kept = next
	}
}

// published looks whether the public keys hold that of a token, and no secret.
func (f *fleet) published(ctx context.Context, base, access string) {
	status, text := f.call(ctx, "GET", base+"/.well-known/jwks.json", "", nil)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(text, &set); status != http.StatusOK || err != nil {
		f.fail("GET the public keys = %d %.200s", status, text)
		return
	}
	want, found := header(access), false
	seen := map[any]bool{}
	for _, k := range set.Keys {
		found = found || k["kid"] == want
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, ok := k[secret]; ok {
				f.fail("the public keys hold the member %s", secret)
			}
		}
		if seen[k["kid"]] || k["use"] != "sig" || k["alg"] != "ES256" || k["kty"] != "EC" {
			f.fail("public key %v", k)
		}
		seen[k["kid"]] = true
	}
	if !found {
		f.fail("the public keys lack %s, whose token is good", want)
	}
	f.mu.Lock()
	f.kids[want] = true
	f.mu.Unlock()
}

func (f *fleet) call(ctx context.Context, method, url, bearer string, body any) (int, []byte) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	// A request that is under way when the time is over is still answered.
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), method, url, bytes.NewReader(text))
	if err != nil {
		return 0, []byte(err.Error())
	}
	if body == nil {
		r.Body, r.ContentLength = nil, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := f.http.Do(r)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	f.requests.Add(1)
	return res.StatusCode, answer
}

// fail keeps the first failures: of one cause there are many.
func (f *fleet) fail(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failures) < 10 {
		f.failures = append(f.failures, fmt.Sprintf(format, args...))
	}
}

func (f *fleet) report(t *testing.T, rotations int) {
	t.Helper()
	for _, failure := range f.failures {
		t.Error(failure)
	}
	t.Logf("%d rotations, %d requests, %d of them refreshes, tokens of %d keys, %d tokens kept to their end",
		rotations, f.requests.Load(), f.refreshes.Load(), len(f.kids), f.refusedLate.Load())
	if !f.enough(rotations) {
		t.Error("too little happened to prove anything")
	}
	if rotationTime() > rotationLife && f.refusedLate.Load() == 0 {
		t.Error("no token was kept to its end")
	}
}

// header returns the kid of a token.
func header(raw string) string {
	head, _, _ := strings.Cut(raw, ".")
	var h struct{ Kid string }
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(text, &h) != nil {
		return ""
	}
	return h.Kid
}

func expiry(raw string) time.Time {
	var c struct{ Exp int64 }
	if parts := strings.Split(raw, "."); len(parts) == 3 {
		text, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil {
			_ = json.Unmarshal(text, &c)
		}
	}
	return time.Unix(c.Exp, 0)
}
