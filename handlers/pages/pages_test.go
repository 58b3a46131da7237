package pages_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

const (
	email  = "ada@example.com"
	phrase = "correct horse battery staple"
)

// A site serves the pages over TLS to browsers of the test.
type site struct {
	*service.Services
	*httptest.Server
	db      store.Store
	handler http.Handler
	config  pages.Config // of the pages

	mu    sync.Mutex
	mail  []store.Message
	ahead time.Duration // of the clock on the wall
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

func (s *site) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// An option changes how a site is set up.
type option func(*service.Config, *middleware.Config)

func unverified(c *service.Config, _ *middleware.Config) {
	c.SignUp.SkipVerification, c.Unverified = true, true
}

func newSite(t *testing.T, options ...option) *site {
	t.Helper()
	s := dressed(t, nil, options...)
	s.Server = httptest.NewTLSServer(s.handler)
	t.Cleanup(s.Close)
	return s
}

// dressed is a site that no server serves yet, with pages that face changes.
func dressed(t *testing.T, face func(*pages.Config), options ...option) *site {
	t.Helper()
	s := &site{}
	var err error
	if s.db, err = sqlite.Open(t.Context(), ":memory:"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	sc := service.Config{
		Store: s.db, Now: s.now, CodeSkew: 1, Log: log, Ring: ring, Hasher: hasher, Send: s.catch,
		BaseURL: "https://app.example.com", Brand: "Acme <Reports>", Algorithm: "EdDSA", MaxToken: 7168, CachedTokens: 64,
		Lockout: store.AttemptLimit{Max: 10, Window: time.Hour, Lock: time.Hour},
		Session: service.SessionPolicy{Idle: time.Hour, Absolute: 24 * time.Hour, RevocationLag: time.Second, AccessToken: time.Minute},
		SignUp:  service.SignUpPolicy{LinkLife: time.Hour}, ResetLife: time.Hour,
	}
	mc := middleware.Config{Log: log, Now: s.now}
	for _, o := range options {
		o(&sc, &mc)
	}
	if s.Services, err = service.New(t.Context(), sc); err != nil {
		t.Fatal(err)
	}
	if err := s.Seed(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	mc.Resolve = func(ctx context.Context, c middleware.Credential) (*store.Principal, middleware.Renewal, error) {
		p, until, err := s.Gate.ResolveCookie(ctx, c.Cookie)
		return p, middleware.Renewal{Until: until}, err
	}
	guard, err := middleware.New(mc)
	if err != nil {
		t.Fatal(err)
	}
	c := pages.Config{
		Guard: guard, Services: s.Services, Log: log, Now: s.now,
		Brand: pages.Brand{Name: sc.Brand}, SignUpClosed: sc.SignUp.Closed, FixedEmails: sc.FixedEmails,
	}
	if face != nil {
		face(&c)
	}
	s.config = c
	h, err := pages.New(c)
	if err != nil {
		t.Fatal(err)
	}
	api, err := handlers.New(handlers.Config{
		Services: s.Services, Guard: guard, Log: log, Now: s.now, BaseURL: sc.BaseURL, Problem: h.Problem,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/account/", h)
	for _, folder := range []string{"/auth/", "/oauth/", "/identity/"} {
		mux.Handle(folder, api)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p, _ := middleware.PrincipalFrom(r.Context())
		_, _ = io.WriteString(w, "at "+r.URL.RequestURI()+" as "+p.Email)
	})
	s.handler = guard.Authenticate(mux)
	return s
}

func (s *site) catch(_ context.Context, m store.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, m) // in any order: messages leave side by side
	slices.SortFunc(s.mail, func(a, b store.Message) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return nil
}

// user makes a user who may sign in with phrase.
func (s *site) user(t *testing.T) {
	t.Helper()
	if _, err := s.Tenants.Create(t.Context(), store.System(), service.NewTenant{ID: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Users.Create(t.Context(), store.System(), service.NewUser{TenantID: "acme", Email: email, Password: phrase})
	if err != nil {
		t.Fatal(err)
	}
}

// A browser keeps cookies and follows redirects.
type browser struct {
	*http.Client
	site *site
}

func (s *site) browser(t *testing.T) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Client()
	return browser{&http.Client{Transport: c.Transport, Jar: jar}, s}
}

// still is the browser, but it stays where a redirect would lead away.
func (b browser) still() browser {
	c := *b.Client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.Client = &c
	return b
}

// An answer is a response whose body was read.
type answer struct {
	*http.Response
	text string
}

func (b browser) do(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (b browser) get(t *testing.T, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.site.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.do(t, r)
}

// form is the request that a browser makes for a form of our own.
func (b browser) form(t *testing.T, path string, v url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.site.URL+path, strings.NewReader(v.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "null") // what no-referrer makes browsers send
	return r
}

func (b browser) post(t *testing.T, path string, v url.Values) answer {
	t.Helper()
	return b.do(t, b.form(t, path, v))
}

func (b browser) login(t *testing.T, pw, next string) answer {
	t.Helper()
	return b.post(t, "/account/login", url.Values{"email": {email}, "password": {pw}, "next": {next}})
}

func (b browser) signUp(t *testing.T) answer {
	t.Helper()
	return b.post(t, "/account/signup", url.Values{"name": {"Ada"}, "company": {"Acme"}, "email": {email}, "password": {phrase}})
}

// link delivers mail and returns the path of the newest link.
func (s *site) link(t *testing.T) string {
	t.Helper()
	if _, err := s.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mail) == 0 {
		t.Fatal("no mail")
	}
	m := s.mail[len(s.mail)-1]
	found := regexp.MustCompile(`https://app\.example\.com(/\S+)`).FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("no link in %q", m.Text)
	}
	return found[1]
}

// follow fills in the form behind an activation link.
func follow(t *testing.T, link, pw string) url.Values {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	v := u.Query()
	if pw != "" {
		v.Set("password", pw)
	}
	return v
}

func (a answer) want(t *testing.T, status int, parts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d", a.StatusCode, status)
	}
	text := html.UnescapeString(a.text)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

// session returns the session cookie that an answer sets, if any.
func (a answer) session() *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == middleware.SessionCookieName {
			return c
		}
	}
	return nil
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t)
	b.get(t, "/account/login?next=/reports%3Fq%3D1").want(t, 200, "Sign in", `name="next" value="/reports?q=1"`,
		`autocomplete="username"`)
	b.post(t, "/account/login", url.Values{"email": {email}, "next": {"/reports?q=1"}}).want(t, 200, email,
		`name="next" value="/reports?q=1"`, `autocomplete="current-password"`, "/account/login?next=%2freports%3fq%3d1")
	b.login(t, phrase, "/reports?q=1").want(t, 200, "at /reports?q=1 as "+email)
	b.get(t, "/account/login?next=/reports").want(t, 200, "at /reports as "+email)
	b.post(t, "/account/logout", nil).want(t, 200, "You are signed out.")
	b.get(t, "/").want(t, 200, "at / as ")
}

func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	for _, tt := range []struct {
		name   string
		form   url.Values
		status int
		text   string
	}{
		{"wrong password", url.Values{"email": {email}, "password": {"wrong"}}, 401, "Wrong email or password."},
		{"unknown user", url.Values{"email": {"bob@example.com"}, "password": {phrase}}, 401, "Wrong email or password."},
		{"no address", url.Values{"email": {"@"}, "password": {phrase}}, 401, "Wrong email or password."},
		{"empty", url.Values{}, 400, "Enter your e-mail address."},
		{"no password", url.Values{"email": {email}, "password": {""}}, 400, "Enter your password."},
		{"two addresses", url.Values{"email": {email, email}, "password": {phrase}}, 400, "The form cannot be read."},
		{"U+0000", url.Values{"email": {email + "\x00"}, "password": {phrase}}, 400, "The form cannot be read."},
		{"not text", url.Values{"email": {"\xff"}, "password": {phrase}}, 400, "The form cannot be read."},
		{"too large", url.Values{"email": {email}, "password": {strings.Repeat("a", 65<<10)}}, 413, "The form is too large."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.browser(t).post(t, "/account/login", tt.form)
			a.want(t, tt.status, tt.text)
			if a.session() != nil {
				t.Error("a session cookie was set")
			}
		})
	}
}

func TestLoginKeepsTheAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.browser(t).post(t, "/account/login", url.Values{"email": {`"><script>`}, "password": {phrase}})
	a.want(t, 401, `value=""><script>"`)
	if strings.Contains(a.text, "<script>") || strings.Contains(a.text, phrase) {
		t.Errorf("the page holds a script or the password:\n%s", a.text)
	}
	if got := a.Header.Get("WWW-Authenticate"); got == "" {
		t.Error("a 401 without a challenge")
	}
}

func TestFormTypes(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser(t)
	for _, kind := range []string{"", "application/json", "text/plain", "multipart/form-data; boundary=x"} {
		r := b.form(t, "/account/login", url.Values{"email": {email}})
		r.Header.Set("Content-Type", kind)
		b.do(t, r).want(t, 415, "The form must be application/x-www-form-urlencoded.")
	}
}

func TestSignUpWithVerification(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	b.get(t, "/account/signup").want(t, 200, `autocomplete="name"`, `autocomplete="organization"`, `autocomplete="new-password"`)
	b.signUp(t).want(t, 200, "Check your mail", email)
	b.login(t, phrase, "/").want(t, 401, "Wrong email or password.")
	link := s.link(t)
	b.get(t, link).want(t, 200, "Confirm your address", "One click")
	b.post(t, "/account/activate", follow(t, link, "")).want(t, 200, "at / as "+email)
	b.get(t, link).want(t, 410, "This link no longer works")
	s.browser(t).login(t, phrase, "/").want(t, 200, "at / as "+email)
}

func TestActivationElsewhereAsksForPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser(t).signUp(t)
	link, phone := s.link(t), s.browser(t)
	phone.get(t, link).want(t, 200, "Choose a password", `autocomplete="new-password"`)
	phone.post(t, "/account/activate", follow(t, link, "short")).want(t, 400, "characters")
	phone.post(t, "/account/activate", follow(t, link, "another good long phrase")).want(t, 200, "at / as "+email)
	s.browser(t).login(t, phrase, "/").want(t, 401)
}

func TestSignUpWithoutVerification(t *testing.T) {
	t.Parallel()
	s := newSite(t, unverified)
	s.browser(t).signUp(t).want(t, 200, "at / as "+email)
	s.browser(t).signUp(t).want(t, 409, "There is an account with this address already. Sign in instead.")
}

func TestSignUpClosed(t *testing.T) {
	t.Parallel()
	b := newSite(t, func(c *service.Config, _ *middleware.Config) { c.SignUp.Closed = true }).browser(t)
	if a := b.get(t, "/account/login"); strings.Contains(a.text, "Sign up") {
		t.Error("the page offers what is closed")
	}
	b.get(t, "/account/signup").want(t, 404)
	b.signUp(t).want(t, 404)
}

func TestLoginToTenant(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *service.Config, _ *middleware.Config) { c.PerTenant = true })
	s.user(t)
	b := s.browser(t)
	b.get(t, "/account/login?tenant=acme").want(t, 200, `name="tenant" value="acme"`)
	b.get(t, "/account/login?tenant=%22%3E").want(t, 200, `name="next"`)
	b.login(t, phrase, "/").want(t, 401)
	b.post(t, "/account/login", url.Values{"email": {email}, "password": {phrase}, "tenant": {"other"}}).want(t, 401)
	b.post(t, "/account/login", url.Values{"email": {email}, "password": {phrase}, "tenant": {"acme"}}).want(t, 200, "as "+email)
}

func TestAccountLeadsToLogin(t *testing.T) {
	t.Parallel()
	newSite(t).browser(t).get(t, "/account").want(t, 200, "Sign in")
}

func TestSignUpRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, tt := range []struct {
		name string
		form url.Values
		text []string
	}{
		{"empty", url.Values{}, []string{"Enter your name.", "Enter the name of your company.", "Enter your e-mail address.", "Choose a password."}},
		{
			"bad address", url.Values{"name": {"Ada"}, "company": {"Acme"}, "email": {"ada"}, "password": {phrase}},
			[]string{"Enter a whole e-mail address"},
		},
		{
			"short password", url.Values{"name": {"Ada"}, "company": {"Acme"}, "email": {email}, "password": {"short"}},
			[]string{"The password must have at least 15 characters.", `value="Acme"`},
		},
		{
			"long company", url.Values{"name": {"Ada"}, "company": {strings.Repeat("a", 5000)}, "email": {email}, "password": {phrase}},
			[]string{"The company name is too long."},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s.browser(t).post(t, "/account/signup", tt.form).want(t, 400, tt.text...)
		})
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(_ *service.Config, c *middleware.Config) {
		c.Limiter = middleware.NewLimiter(time.Now, map[string]middleware.Rate{middleware.SignIn: {Requests: 1, Window: time.Hour}})
	})
	s.user(t)
	b := s.browser(t)
	b.login(t, "wrong", "/").want(t, 401)
	a := b.login(t, phrase, "/")
	a.want(t, 429, "Please wait a moment", "Try again in 60 minutes.")
	if got := a.Header.Get("Retry-After"); got != "3600" {
		t.Errorf("Retry-After %q, want 3600", got)
	}
	b.get(t, "/account/login").want(t, 200)
}

func TestStoreDown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.browser(t).login(t, phrase, "/")
	if a.StatusCode < 500 {
		t.Errorf("status %d, want a 5xx", a.StatusCode)
	}
	if strings.Contains(a.text, "sql") || !strings.Contains(a.text, "<html") {
		t.Errorf("not a page of ours:\n%s", a.text)
	}
}

func TestUnknownPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser(t).get(t, "/account/nope").want(t, 404, "Page not found")
}

func TestAssets(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser(t)
	page := b.get(t, "/account/login")
	for _, kind := range []struct{ pattern, contentType string }{
		{`href="(/account/assets/[0-9a-f]+/account\.css)"`, "text/css; charset=utf-8"},
		{`href="(/account/assets/[0-9a-f]+/mark\.svg)"`, "image/svg+xml"},
	} {
		found := regexp.MustCompile(kind.pattern).FindStringSubmatch(page.text)
		if found == nil {
			t.Fatalf("no %s in the page", kind.pattern)
		}
		a := b.get(t, found[1])
		a.want(t, 200)
		if got := a.Header.Get("Content-Type"); got != kind.contentType {
			t.Errorf("Content-Type %q, want %q", got, kind.contentType)
		}
		if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("Cache-Control %q", got)
		}
	}
}

func TestNewRefusesHalfAConfig(t *testing.T) {
	t.Parallel()
	if _, err := pages.New(pages.Config{}); err == nil {
		t.Error("New took an empty Config")
	}
}

// deviceOf returns the device cookie that an answer sets.
func (a answer) deviceOf() string {
	for _, c := range a.Cookies() {
		if c.Name == handlers.DeviceCookieName {
			return c.Value
		}
	}
	return ""
}

func TestDeviceCookieStays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.user(t)
	b := s.browser(t).still()
	first := b.login(t, phrase, "/")
	if first.deviceOf() == "" {
		t.Fatal("a new browser got no device cookie")
	}
	if again := b.login(t, phrase, "/"); again.deviceOf() != "" {
		t.Error("a known browser got another device cookie")
	}
}
