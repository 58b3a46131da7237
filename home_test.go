package identity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/testoption"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A home is an Identity as a host wires it, with a clock to move, a mailbox to look into
// and a log at debug.
type home struct {
	*identity.Identity
	db    store.Store
	clock *clock
	log   *journal
	mail  *mailbox
}

// A clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) advance(d time.Duration) { c.set(c.now().Add(d)) }

func noon() *clock { return &clock{at: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} }

// A journal keeps everything that is logged.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// A mailbox keeps what leaves.
type mailbox struct {
	mu  sync.Mutex
	all []identity.Message
}

func (b *mailbox) send(_ context.Context, m identity.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, m)
	return nil
}

// messages returns what left, in the order in which it was written: several leave at once.
func (b *mailbox) messages() []identity.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(b.all), func(x, y identity.Message) int { return x.CreatedAt.Compare(y.CreatedAt) })
}

const (
	homePassword = "a long password of this home"
	homeSecret   = "a secret of this test, 32+ bytes"
)

func memory(t testing.TB) store.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newHome(t testing.TB, change ...func(*identity.Options)) *home {
	t.Helper()
	return homeOver(t, memory(t), noon(), change...)
}

// homeOver is one process of those that share a store.
func homeOver(t testing.TB, db store.Store, c *clock, change ...func(*identity.Options)) *home {
	t.Helper()
	h := &home{db: db, clock: c, log: &journal{}, mail: &mailbox{}}
	o := identity.Options{
		Store: db, BaseURL: "https://app.example", Secrets: [][]byte{[]byte(homeSecret)},
		Permissions: []identity.Permission{"reports.read"}, Send: h.mail.send, Now: c.now,
		Logger: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})),
		SignUp: identity.SignUpOptions{SkipVerification: true}, Token: identity.TokenOptions{Algorithm: "EdDSA"},
		Limits: identity.LimitOptions{Off: true}, Password: identity.PasswordOptions{Test: testoption.CheapHashing()},
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if h.Identity, err = identity.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return h
}

// verified makes new accounts prove their address.
func verified(o *identity.Options) { o.SignUp.SkipVerification = false }

// ask sends one request. A body that is text is a form, any other is JSON.
func (h *home) ask(t testing.TB, method, target string, body any, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	kind, text := "application/json", []byte(nil)
	switch b := body.(type) {
	case nil:
	case url.Values:
		kind, text = "application/x-www-form-urlencoded", []byte(b.Encode())
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "https://app.example"+target, bytes.NewReader(text))
	if body != nil {
		r.Header.Set("Content-Type", kind)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	return w
}

// told is ask for an answer that must have the status; it returns its body.
func (h *home) told(t testing.TB, status int, method, target string, body any, headers ...string) map[string]any {
	t.Helper()
	w := h.ask(t, method, target, body, headers...)
	if w.Code != status {
		t.Fatalf("%s %s = %d %s, want %d", method, target, w.Code, w.Body, status)
	}
	out := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return out
}

type object = map[string]any

const (
	signUpPath  = "/identity/resources/users/v1/signUp"
	loginPath   = "/identity/resources/auth/v1/user"
	refreshPath = "/identity/resources/auth/v1/user/token/refresh"
	logoutPath  = "/identity/resources/auth/v1/logout"
	mePath      = "/identity/resources/users/v2/me"
)

func newcomer(email string) object {
	return object{"provider": "local", "email": email, "companyName": "Acme", "name": "Ann", "password": homePassword}
}

// signUp makes an account whose address counts as proved and returns its log-in.
func (h *home) signUp(t testing.TB, email string) object {
	t.Helper()
	return h.told(t, http.StatusOK, "POST", signUpPath, newcomer(email))["authResponse"].(object)
}

// deliver lets the mail leave and returns the link of the newest activation.
func (h *home) deliver(t testing.TB) (link string, query url.Values) {
	t.Helper()
	if _, err := h.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	var at time.Time
	for _, m := range h.mail.messages() {
		if found := regexp.MustCompile(`https?://\S+/activate\?\S+`).FindString(m.Text); found != "" {
			if m.CreatedAt.Equal(at) {
				t.Fatal("two links of one instant: none of them is the newest")
			}
			link, at = found, m.CreatedAt
		}
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return link, u.Query()
}

func bearer(login object) string { return "Authorization: Bearer " + login["accessToken"].(string) }
