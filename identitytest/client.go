package identitytest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// userAgent is what the clients of a World say they are.
const userAgent = "identitytest"

// Serve says which application the clients of the World talk to. It gets their requests in
// process, without a network. Before Serve that is the Identity's own routes and pages.
func (w *World) Serve(app http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.app = app
}

// Anonymous returns a client that is not signed in. Like a browser it keeps the cookies that
// it is given, so that it may sign in.
//
// A path such as "/reports", and a URL that begins with Options.BaseURL, goes to the
// application of [World.Serve]; any other URL goes over the network, as to the server of an
// httptest.Server. The cookies go along to this machine only.
func (w *World) Anonymous() *http.Client {
	return &http.Client{Transport: &browser{world: w, cookies: map[string]string{}}}
}

// SignedIn returns a client in which the user has signed in, with their password and with
// the code of their authenticator where that is asked for. It is what [World.Anonymous]
// returns, plus the cookie of a session.
func (w *World) SignedIn(u *User) *http.Client {
	w.t.Helper()
	b := &browser{world: w, cookies: map[string]string{middleware.SessionCookieName: w.signIn(u, store.Browser).Secret}}
	return &http.Client{Transport: b}
}

func (w *World) signIn(u *User, kind store.SessionKind) service.Login {
	w.t.Helper()
	from := identity.Principal{TenantID: u.TenantID, IP: "127.0.0.1", UserAgent: userAgent}
	l, err := w.SignIn.Password(w.t.Context(), from, service.PasswordLogin{Email: u.Email, Password: u.Password, Kind: kind})
	if err != nil {
		w.t.Fatalf("sign %s in: %v", u.Email, err)
	}
	return w.second(u, from, l, kind)
}

// A browser sends requests with the cookies that earlier answers set.
type browser struct {
	world *World

	mu      sync.Mutex
	cookies map[string]string
}

// RoundTrip implements http.RoundTripper.
func (b *browser) RoundTrip(r *http.Request) (*http.Response, error) {
	inside := b.world.serves(r.URL)
	r = r.Clone(r.Context())
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", userAgent)
	}
	if !inside && !loopback(r.URL.Hostname()) {
		return b.world.direct.RoundTrip(r)
	}
	b.show(r)
	res, err := b.world.exchange(r, inside)
	if err == nil {
		b.keep(res.Cookies())
	}
	return res, err
}

// show adds the cookies to a request.
func (b *browser) show(r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

// keep takes the cookies of an answer.
func (b *browser) keep(all []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range all {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
}

// serves reports whether a URL is the application's.
func (w *World) serves(u *url.URL) bool {
	return u.Host == "" || u.Scheme == w.base.Scheme && u.Host == w.base.Host
}

// exchange answers a request: by the application, or over the network.
func (w *World) exchange(r *http.Request, inside bool) (*http.Response, error) {
	if !inside {
		return w.direct.RoundTrip(r)
	}
	if !strings.HasPrefix(r.URL.Path, "/") {
		return nil, errors.Join(fmt.Errorf("identitytest: path %q must begin with a slash", r.URL.Path), closeBody(r))
	}
	w.mu.Lock()
	app := w.app
	w.mu.Unlock()
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, w.received(r))
	res := rec.Result()
	res.Request = r
	return res, closeBody(r)
}

// received is a request as a server sees it.
func (w *World) received(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1234"
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if in.Host == "" {
		in.Host = w.base.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
