package service_test

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

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

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A world is one process with a clock to move and a mailbox to look into.
type world struct {
	*service.Services
	db     store.Store
	clock  *clock
	hasher *password.Hasher

	mu   *sync.Mutex
	mail *[]store.Message
}

const good = "correct horse battery staple"

// someone is where a request comes from.
var someone = store.Principal{IP: "192.0.2.7", UserAgent: "test/1"}

func memory(t testing.TB) store.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newWorld(t testing.TB, change ...func(*service.Config)) world {
	t.Helper()
	return worldOver(t, memory(t), &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, change...)
}

// worldOver is one process of those that share a store.
func worldOver(t testing.TB, db store.Store, k *clock, change ...func(*service.Config)) world {
	t.Helper()
	w, err := startOver(t, db, k, change...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// startOver is worldOver for a store that may fail.
func startOver(t testing.TB, db store.Store, k *clock, change ...func(*service.Config)) (world, error) {
	t.Helper()
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := world{db: db, clock: k, hasher: hasher, mu: &sync.Mutex{}, mail: &[]store.Message{}}
	c := service.Config{
		Store: db, Now: k.now, Log: slog.New(slog.DiscardHandler), Ring: ring, Hasher: hasher, Send: w.post,
		BaseURL: "https://app.example", Algorithm: "EdDSA", MaxToken: 7168, CachedTokens: 64,
		Lockout: store.AttemptLimit{Max: 5, Window: 15 * time.Minute, Lock: 15 * time.Minute},
		Session: service.SessionPolicy{
			Idle: 24 * time.Hour, Absolute: 72 * time.Hour, ReuseGrace: 10 * time.Second,
			RevocationLag: time.Second, AccessToken: 5 * time.Minute,
		},
		SignUp: service.SignUpPolicy{LinkLife: time.Hour}, ResetLife: time.Hour,
	}
	for _, f := range change {
		f(&c)
	}
	if w.Services, err = service.New(t.Context(), c); err != nil {
		return w, err
	}
	return w, w.Seed(t.Context(), []store.Permission{"reports.read"}, nil)
}

func (w world) post(_ context.Context, m store.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	*w.mail = append(*w.mail, m)
	return nil
}

// waiting returns the messages in the outbox.
func (w world) waiting(t testing.TB) []store.Message {
	t.Helper()
	ms, err := w.db.ClaimMessages(t.Context(), w.clock.now(), w.clock.now(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range ms {
		if ms[i], err = service.Opened(w.Services, m); err != nil {
			t.Fatal(err)
		}
	}
	return ms
}

// link returns the user id and token of the newest activation link in the outbox.
func (w world) link(t testing.TB) (userID, token string) {
	t.Helper()
	var at time.Time
	for _, m := range w.waiting(t) {
		if u, err := url.Parse(regexp.MustCompile(`https://\S+activate\S+`).FindString(m.Text)); err == nil && u.Path != "" {
			if m.CreatedAt.Equal(at) {
				t.Fatal("two links of one instant: none of them is the newest")
			}
			at = m.CreatedAt
			userID, token = u.Query().Get("userId"), u.Query().Get("token")
		}
	}
	if token == "" {
		t.Fatal("no activation link was mailed")
	}
	return userID, token
}

// open lets people in whose address is not proved, so that tests start with a sign-up.
func open(c *service.Config) { c.SignUp.SkipVerification, c.Unverified = true, true }

// signUp makes a user with a tenant and returns the sign-in that goes with it.
func (w world) signUp(t testing.TB, email string) service.Login {
	t.Helper()
	s, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"})
	if err != nil {
		t.Fatalf("sign up %s: %v", email, err)
	}
	return *s.Login
}

func (w world) login(t testing.TB, email, pw string) (service.Login, error) {
	t.Helper()
	return w.SignIn.Password(t.Context(), someone, service.PasswordLogin{Email: email, Password: pw})
}

func (w world) refresh(t testing.TB, token string) (service.Login, error) {
	t.Helper()
	return w.SignIn.Refresh(t.Context(), someone, token)
}

// user is the principal of an access token.
func (w world) user(t testing.TB, l service.Login) store.Principal {
	t.Helper()
	p, err := w.Gate.Resolve(t.Context(), l.AccessToken)
	if err != nil {
		t.Fatalf("resolve an access token: %v", err)
	}
	return *p
}

// wantCode fails the test unless err has the code; "" wants no error.
func wantCode(t testing.TB, what string, err error, want fault.Code) {
	t.Helper()
	var got fault.Code
	if f := fault.From(err); f != nil {
		got = f.Code
	}
	if got != want {
		t.Errorf("%s = %q (%v), want %q", what, got, err, want)
	}
}

// audited reports how often the action was recorded.
func (w world) audited(t testing.TB, action string) int {
	t.Helper()
	l, err := w.db.Audit(t.Context(), store.AuditQuery{Action: action})
	if err != nil {
		t.Fatal(err)
	}
	return l.Total
}
