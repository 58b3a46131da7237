package ssotest

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	markup "golang.org/x/net/html"
)

// hops is how many redirects and forms a way to a provider and back may have.
const hops = 10

// A Message is on its way through the browser: a redirect, or a form that sends itself.
type Message struct {
	URL    string     // to redirect to, or to post the form to
	Fields url.Values // of the form; nil means a redirect

	from string // the origin of the page; empty means that somebody typed the address, or a page without one
}

// Send takes a message where it is addressed to, as the browser would that came from the
// provider's page, and returns the answer. A redirect in it is not followed; its body may be
// left open.
func (m Message) Send(t testing.TB, client *http.Client) *http.Response {
	t.Helper()
	r, err := m.request(t)
	if err != nil {
		t.Fatalf("go to %s: %v", m.URL, err)
	}
	patient := *client
	patient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := patient.Do(r)
	if err != nil {
		t.Fatalf("go to %s: %v", m.URL, err)
	}
	body, err := io.ReadAll(res.Body)
	if err == nil {
		err = res.Body.Close()
	}
	if err != nil {
		t.Fatalf("read the answer of %s: %v", m.URL, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

func (m Message) request(t testing.TB) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if m.Fields != nil {
		method, body = http.MethodPost, strings.NewReader(m.Fields.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, m.URL, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Sec-Fetch-Site", "none")
	if m.from != "" || m.Fields != nil {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	if m.Fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", or(m.from, "null"))
	}
	return r, nil
}

// walk plays the browser that follows address to the provider, where the cookie says who is
// there, and takes the provider's answer back. It returns what the application says to it.
func (b base) walk(client *http.Client, address string, who *http.Cookie) *http.Response {
	b.t.Helper()
	m := Message{URL: address}
	for range hops {
		there := b.owns(m.URL)
		res := b.send(client, m, who)
		if m = Next(b.t, res); there && !b.owns(m.URL) {
			return m.Send(b.t, client)
		}
	}
	b.t.Fatalf("the way to the provider and back has no end: %s", m.URL)
	return nil
}

// SignOut plays the browser of somebody who signs out in the application. It follows address
// to the provider and takes the answer back, and returns what the application says to it, as
// SignIn does. An OpenID Connect provider sends a browser back only where the application
// asks for that.
func (b base) SignOut(client *http.Client, address string) *http.Response {
	b.t.Helper()
	return b.walk(client, address, &http.Cookie{Name: cookieName, Value: "leaving"})
}

// Next returns where an answer sends the browser by itself: by a redirect, or by a form that
// nobody has to fill in. It fails the test where the answer is something else.
func Next(t testing.TB, res *http.Response) Message {
	t.Helper()
	m, ok := follow(res)
	if !ok {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("%s leads nowhere: %d: %.500s", res.Request.URL, res.StatusCode, body)
	}
	m.from = origin(res.Request.URL)
	return m
}

// send keeps the application's cookies away from the provider.
func (b base) send(client *http.Client, m Message, who *http.Cookie) *http.Response {
	b.t.Helper()
	if b.owns(m.URL) {
		client = &http.Client{Transport: visit{b.server.Client().Transport, who}}
	}
	return m.Send(b.t, client)
}

func (s *site) owns(address string) bool {
	return address == s.server.URL || strings.HasPrefix(address, s.server.URL+"/")
}

// A visit shows who somebody is at the provider.
type visit struct {
	next http.RoundTripper
	who  *http.Cookie
}

// RoundTrip implements http.RoundTripper.
func (v visit) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.AddCookie(v.who)
	return v.next.RoundTrip(r)
}

func origin(u *url.URL) string {
	if u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// follow returns where an answer sends the browser: by a redirect, or by a form that nobody
// has to fill in.
func follow(res *http.Response) (Message, bool) {
	if to, err := res.Location(); err == nil && res.StatusCode/100 == 3 {
		return Message{URL: to.String()}, true
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return Message{}, false
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	f, ok := form(body)
	if !ok {
		return Message{}, false
	}
	to, err := res.Request.URL.Parse(f.URL)
	if err != nil {
		return Message{}, false
	}
	return Message{URL: to.String(), Fields: f.Fields}, true
}

// form finds the first form of a page that has hidden fields only.
func form(page []byte) (Message, bool) {
	root, err := markup.Parse(bytes.NewReader(page))
	if err != nil {
		return Message{}, false
	}
	for n := range root.Descendants() {
		if n.Type != markup.ElementNode || n.Data != "form" {
			continue
		}
		if fields, hidden := fields(n); hidden && strings.EqualFold(attribute(n, "method"), "post") {
			return Message{URL: attribute(n, "action"), Fields: fields}, true
		}
	}
	return Message{}, false
}

func fields(form *markup.Node) (all url.Values, hidden bool) {
	all = url.Values{}
	for n := range form.Descendants() {
		if n.Type != markup.ElementNode || n.Data != "input" {
			continue
		}
		switch attribute(n, "type") {
		case "hidden":
			all.Add(attribute(n, "name"), attribute(n, "value"))
		case "submit":
		default:
			return nil, false
		}
	}
	return all, len(all) > 0
}

func attribute(n *markup.Node, name string) string {
	i := slices.IndexFunc(n.Attr, func(a markup.Attribute) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return n.Attr[i].Val
}

// hand gives a message to a browser.
func hand(w http.ResponseWriter, r *http.Request, m Message) {
	if m.Fields == nil {
		http.Redirect(w, r, m.URL, http.StatusFound)
		return
	}
	var inputs strings.Builder
	for name, values := range m.Fields {
		for _, v := range values {
			fmt.Fprintf(&inputs, `<input type="hidden" name="%s" value="%s">`, html.EscapeString(name), html.EscapeString(v))
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><title>Signing in</title><body onload="document.forms[0].submit()">`+
		`<form method="post" action="%s">%s<button>Go on</button></form></body></html>`, html.EscapeString(m.URL), inputs.String())
}
