package foreign

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// A Browser is a person's browser as far as HTTP goes: it keeps cookies, says where a request
// comes from, follows redirects and sends forms. It runs no scripts.
type Browser struct {
	home   string
	typed  map[string]string
	client http.Client
}

// NewBrowser returns a browser without cookies, for a person who types what is asked for by
// name. On pages of home, an origin, only what leads away from it is followed: there tests
// press their own buttons. Home may be empty.
func NewBrowser(t testing.TB, home string, typed map[string]string) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{home: home, typed: typed, client: http.Client{
		Jar: trusting{jar}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// trusting keeps the secure cookies of this machine as browsers do: without https.
type trusting struct{ http.CookieJar }

func (j trusting) SetCookies(u *url.URL, all []*http.Cookie) { j.CookieJar.SetCookies(secure(u), all) }
func (j trusting) Cookies(u *url.URL) []*http.Cookie         { return j.CookieJar.Cookies(secure(u)) }

func secure(u *url.URL) *url.URL {
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		copied := *u
		copied.Scheme = "https"
		return &copied
	}
	return u
}

// A Step is a request that a page leads to, or that somebody types.
type Step struct {
	URL    *url.URL
	Fields url.Values // of a form; nil means none

	from *url.URL // the page
}

// At is the step to an address that somebody types.
func At(t testing.TB, address string) Step {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return Step{URL: u}
}

// A Page is where a browser stands.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
}

// Cookies returns what the browser sends to an address.
func (b *Browser) Cookies(t testing.TB, address string) []*http.Cookie {
	t.Helper()
	return b.client.Jar.Cookies(At(t, address).URL)
}

// SetCookie puts a cookie where the browser keeps those of an address.
func (b *Browser) SetCookie(t testing.TB, address string, c *http.Cookie) {
	t.Helper()
	b.client.Jar.SetCookies(At(t, address).URL, []*http.Cookie{c})
}

// Go makes one step and returns the page, without following anything.
func (b *Browser) Go(t testing.TB, s Step) Page {
	t.Helper()
	r, err := s.request(t)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Page{s.URL, a.StatusCode, a.Header, string(body)}
}

// request says where it comes from, as browsers do.
func (s Step) request(t testing.TB) (*http.Request, error) {
	t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if s.Fields != nil {
		method, body = http.MethodPost, strings.NewReader(s.Fields.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL.String(), body)
	if err != nil {
		return nil, err
	}
	site := "none"
	if s.from != nil && origin(s.from) == origin(s.URL) {
		site = "same-origin"
	} else if s.from != nil {
		site = "cross-site"
	}
	r.Header.Set("Sec-Fetch-Site", site)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Accept", "text/html")
	if s.Fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if s.Fields != nil && s.from != nil {
		r.Header.Set("Origin", origin(s.from))
	}
	return r, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// hops is how many redirects and forms a way may have.
const hops = 20

// Walk makes a step and goes on until nothing leads further.
func (b *Browser) Walk(t testing.TB, s Step) Page {
	t.Helper()
	for range hops {
		p := b.Go(t, s)
		next, onward := b.next(t, p)
		if !onward {
			return p
		}
		s = next
	}
	t.Fatalf("the way has no end: %s", s.URL)
	return Page{}
}

// WalkTo is Walk until a step leads to an address that begins with prefix. It returns that
// step, which has not been made.
func (b *Browser) WalkTo(t testing.TB, s Step, prefix string) Step {
	t.Helper()
	for range hops {
		p := b.Go(t, s)
		next, onward := b.next(t, p)
		if !onward {
			t.Fatalf("the way to %s ends at %s: %d: %.500s", prefix, p.URL, p.Status, p.Body)
		}
		if s = next; strings.HasPrefix(s.URL.String(), prefix) {
			return s
		}
	}
	t.Fatalf("the way to %s has no end: %s", prefix, s.URL)
	return Step{}
}

// next returns what a page leads to: by a redirect, by itself, or by its first form; away from
// home by its first form that leads away.
func (b *Browser) next(t testing.TB, p Page) (Step, bool) {
	t.Helper()
	if to := p.Header.Get("Location"); p.Status/100 == 3 && to != "" {
		return Step{URL: p.resolve(t, to), from: p.URL}, true
	}
	if _, to, ok := strings.Cut(p.Header.Get("Refresh"), "; url="); ok {
		return Step{URL: p.resolve(t, to), from: p.URL}, true
	}
	if origin(p.URL) != b.home {
		return p.Form(t, b.typed)
	}
	return p.find(t, b.typed, func(s Step) bool { return origin(s.URL) != b.home })
}

func (p Page) resolve(t testing.TB, to string) *url.URL {
	t.Helper()
	u, err := p.URL.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Form returns the step of the page's first form, with what a person types into it.
func (p Page) Form(t testing.TB, typed map[string]string) (Step, bool) {
	t.Helper()
	return p.find(t, typed, func(Step) bool { return true })
}

// find returns the step of the first form that is wanted.
func (p Page) find(t testing.TB, typed map[string]string, want func(Step) bool) (Step, bool) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		s := Step{URL: p.resolve(t, attribute(n, "action")), Fields: url.Values{}, from: p.URL}
		for field := range n.Descendants() {
			fill(s.Fields, field, typed)
		}
		if want(s) {
			return s, true
		}
	}
	return Step{}, false
}

func fill(fields url.Values, n *html.Node, typed map[string]string) {
	name := attribute(n, "name")
	if n.Type != html.ElementNode || n.Data != "input" && n.Data != "button" || name == "" {
		return
	}
	text, ok := typed[name]
	if !ok {
		text = attribute(n, "value")
	}
	fields.Set(name, text)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
