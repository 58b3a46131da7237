package identitytest_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/identitytest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

func newWorld(t testing.TB) *identitytest.World {
	t.Helper()
	w := identitytest.New(t, options())
	w.Serve(routes(w.Identity))
	return w
}

// status sends one request and returns what came back.
func status(t testing.TB, c *http.Client, method, target string, form url.Values, header ...string) (int, string) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func want(t testing.TB, c *http.Client, method, target string, code int) {
	t.Helper()
	if got, text := status(t, c, method, target, nil); got != code {
		t.Errorf("%s %s = %d %s, want %d", method, target, got, text, code)
	}
}

func TestNewAlone(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	want(t, w.Anonymous(), "GET", "/.well-known/jwks.json", 200)
	want(t, w.Anonymous(), "GET", "/account/login", 200)
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme, globex := w.Tenant("Acme"), w.Tenant("Globex")
	both := acme.User("reports.read")
	for name, tt := range map[string]struct {
		client    *http.Client
		read, add int
	}{
		"nobody":           {w.Anonymous(), 401, 401},
		"without rights":   {w.SignedIn(acme.User()), 403, 403},
		"one right":        {w.SignedIn(acme.User("reports.read")), 200, 403},
		"two rights":       {w.SignedIn(acme.User("reports.create", "reports.read")), 200, 200},
		"a wildcard":       {w.SignedIn(w.User("reports.*")), 200, 200},
		"default role":     {w.SignedIn(w.UserAs()), 200, 403},
		"role":             {w.SignedIn(globex.UserAs("admin")), 200, 200},
		"another tenant":   {w.SignedIn(globex.Join(both, "reports.create")), 403, 200},
		"home in the end":  {w.SignedIn(both), 200, 403},
		"wildcard already": {w.SignedIn(globex.User("reports.*")), 200, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, tt.client, "GET", "/reports", tt.read)
			want(t, tt.client, "POST", "/reports", tt.add)
		})
	}
	_, text := status(t, w.SignedIn(globex.Join(acme.User(), "reports.read")), "GET", "/reports", nil)
	if !strings.HasSuffix(text, " of "+globex.ID) {
		t.Errorf("the answer is %q, want one for %s", text, globex.ID)
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.SignedIn(w.User("reports.read"))
	began := w.Now()
	w.Advance(6 * 24 * time.Hour)
	want(t, c, "GET", "/reports", 200)
	w.Advance(8 * 24 * time.Hour) // past the seven days without use
	want(t, c, "GET", "/reports", 401)
	if got := w.Now().Sub(began); got != 14*24*time.Hour {
		t.Errorf("the clock moved by %v", got)
	}
}

func TestClockStartsWhereTheHostSays(t *testing.T) {
	t.Parallel()
	o := options()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	o.Now = func() time.Time { return at }
	if got := identitytest.New(t, o).Now(); !got.Equal(at) {
		t.Errorf("Now() = %v, want %v", got, at)
	}
}

// A sign-up as people do it: through the pages, with the link that was mailed.
func TestMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.Anonymous()
	code, text := status(t, c, "POST", "/account/signup", url.Values{
		"name": {"Ada"}, "company": {"Acme"}, "email": {"ada@acme.example"}, "password": {identitytest.Password},
	})
	if code >= 400 {
		t.Fatalf("sign up = %d %s", code, text)
	}
	if all := w.Messages(); len(all) != 1 || all[0].To != "ada@acme.example" {
		t.Fatalf("messages = %+v", all)
	}
	link := w.LastLink("Ada@acme.example")
	want(t, c, "GET", link, 200)
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	status(t, c, "POST", link, u.Query()) // goes on to the home page, which there is none of
	want(t, c, "GET", "/reports", 200)    // the page signed in, and the client kept the cookie
	ada := &identitytest.User{Email: "ada@acme.example", Password: identitytest.Password}
	want(t, w.SignedIn(ada), "POST", "/reports", 200)
	if got := len(w.Messages()); got != 1 {
		t.Errorf("%d messages, want 1 still", got)
	}
}

func TestMintToken(t *testing.T) {
	t.Parallel()
	o := options()
	o.Token.BeforeMint = func(_ context.Context, m *identity.MintContext) error {
		m.Claims["plan"] = "basic"
		return nil
	}
	w := identitytest.New(t, o)
	w.Serve(routes(w.Identity))
	u := w.User("reports.read")
	raw := w.MintToken(u, map[string]any{"plan": "pro", "seats": 3}, map[string]any{"sub": "somebody else"})
	claims := claimsOf(t, raw)
	if claims["plan"] != "pro" || claims["seats"] != 3.0 || claims["sub"] != u.ID || claims["tenantId"] != u.TenantID {
		t.Errorf("claims = %v", claims)
	}
	if got := claimsOf(t, w.MintToken(u)); got["plan"] != "basic" || got["seats"] != nil {
		t.Errorf("claims of the next token = %v", got)
	}
	bearer := "Authorization: Bearer " + raw
	if code, text := status(t, w.Anonymous(), "GET", "/reports", nil, bearer); code != 200 {
		t.Errorf("with a token: %d %s", code, text)
	}
	w.Advance(time.Hour)
	if code, _ := status(t, w.Anonymous(), "GET", "/reports", nil, bearer); code != 401 {
		t.Errorf("with a token of an hour ago: %d, want 401", code)
	}
}

// A client works against a server of the test as well, and takes its cookies to this
// machine only.
func TestServer(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t, options())
	s := httptest.NewServer(routes(w.Identity))
	t.Cleanup(s.Close)
	c := w.SignedIn(w.User("reports.read"))
	want(t, c, "GET", s.URL+"/reports", 200)
	want(t, w.Anonymous(), "GET", s.URL+"/reports", 401)
	if code, text := status(t, c, "POST", s.URL+"/account/logout", url.Values{}); code != 200 {
		t.Errorf("sign out = %d %s", code, text)
	}
	want(t, c, "GET", s.URL+"/reports", 401)
}

func TestServeTellsWhatAServerTells(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	var got *http.Request
	w.Serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if got = r; r.URL.Path == "/from" {
			http.Redirect(rw, r, "to?x=1", http.StatusSeeOther)
		}
	}))
	want(t, w.Anonymous(), "GET", "/from", 200)
	if got.RequestURI != "/to?x=1" || got.Host != "localhost:8080" || got.URL.Path != "/to" || got.URL.Host != "" || got.Body == nil {
		t.Errorf("request = %+v", got)
	}
	if _, err := w.Anonymous().Get("from"); err == nil {
		t.Error("a path without a slash found its way")
	}
}

// Passwords are hashed for next to nothing in a World, and nowhere else.
func TestHashes(t *testing.T) {
	t.Parallel()
	for cost, open := range map[string]func(o identity.Options) *identity.Identity{
		"$m=64,t=1,p=1$": func(o identity.Options) *identity.Identity { return identitytest.New(t, o).Identity },
		"$m=19456,t=2,p=1$": func(o identity.Options) *identity.Identity {
			id, err := identity.New(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = id.Close() })
			return id
		},
	} {
		o := options()
		db, err := sqlite.Open(t.Context(), ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		o.Store, o.Logger = db, slog.New(slog.DiscardHandler)
		id := open(o)
		acme, err := id.Tenants.Create(t.Context(), identity.System(), service.NewTenant{Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		ada := service.NewUser{TenantID: acme.ID, Email: "ada@acme.example", Password: identitytest.Password}
		u, err := id.Users.Create(t.Context(), identity.System(), ada)
		if err != nil {
			t.Fatal(err)
		}
		c, err := db.Credential(t.Context(), u.ID, store.Password)
		if err != nil || !strings.Contains(c.Secret, cost) {
			t.Errorf("hash %q, %v, want %s", c.Secret, err, cost)
		}
	}
}

// A fallen stands in for a test that fails.
type fallen struct {
	testing.TB
	said chan string
}

func (f *fallen) Fatalf(format string, _ ...any) {
	f.said <- format
	runtime.Goexit()
}

func (f *fallen) Fatal(...any) { f.Fatalf("fatal") }

func TestFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.User()
	for name, wrong := range map[string]func(w *identitytest.World){
		"permission": func(w *identitytest.World) { w.User("reports.raed") },
		"role":       func(w *identitytest.World) { w.UserAs("nobody") },
		"link":       func(w *identitytest.World) { w.LastLink(u.Email) },
		"password":   func(w *identitytest.World) { w.SignedIn(&identitytest.User{Email: u.Email, Password: "wrong"}) },
		"locked": func(w *identitytest.World) {
			locked := w.User()
			if err := w.Users.Lock(t.Context(), identity.System(), locked.ID); err != nil {
				t.Error(err)
			}
			w.MintToken(locked)
		},
		"member": func(w *identitytest.World) { w.Tenant("X").Join(&identitytest.User{ID: "nobody"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			falls(t, func(f *fallen) { wrong(w.In(f)) })
		})
	}
	falls(t, func(f *fallen) { identitytest.New(f, options(), options()) })
	falls(t, func(f *fallen) { identitytest.New(f, identity.Options{BaseURL: "http://app.example"}) })
}

// falls makes sure that a test fails.
func falls(t *testing.T, test func(*fallen)) {
	t.Helper()
	f := &fallen{t, make(chan string, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	if len(f.said) == 0 {
		t.Error("the test did not fail")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			u := w.User("reports.read")
			want(t, w.SignedIn(u), "GET", "/reports", 200)
			if got := claimsOf(t, w.MintToken(u, map[string]any{"me": u.ID})); got["me"] != u.ID {
				t.Errorf("claims = %v, want those of %s", got, u.ID)
			}
		})
	}
	all.Wait()
}

// The test in docs/testing.md is the one that runs here.
func TestDocs(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, test, _ := strings.Cut(string(code), "in ten lines.\n")
	if n := strings.Count(strings.TrimSpace(test), "\n") + 1; n > 10 {
		t.Errorf("the test of a guarded route has %d lines, want at most 10", n)
	}
	if !strings.Contains(string(docs), "```go\n"+test+"```\n") {
		t.Errorf("docs/testing.md does not show this:\n%s", test)
	}
}

// ceiling is what a host's test of a guarded route may take: a world, two users, two
// requests.
const ceiling = 50 * time.Millisecond

func BenchmarkGuardedRoute(b *testing.B) {
	guardedRoute(b) // the first pays for what a process pays once
	for b.Loop() {
		guardedRoute(b)
	}
	if took := b.Elapsed() / time.Duration(b.N); took > ceiling {
		b.Errorf("a test of a guarded route took %v, want at most %v", took, ceiling)
	}
}

func guardedRoute(b *testing.B) {
	b.Helper()
	w := newWorld(b)
	want(b, w.SignedIn(w.User("reports.read")), "GET", "/reports", 200)
	want(b, w.SignedIn(w.User()), "GET", "/reports", 403)
}
