package handlers

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// A reply is an answer for a browser, or a document: no JSON of the API.
type reply struct {
	status   int    // zero is the row's
	location string // of a redirect, which has no body
	media    string // of the body
	body     []byte
	policy   string // Content-Security-Policy of a page; empty lets it do nothing
}

// shape implements shaped: a reply has no fields.
func (reply) shape() (*shape, error) { return &shape{}, nil }

// seen makes an operation that a browser walks through. What is wrong is told to people; the
// body of the request is a form.
func seen[In any](media string, fn func(c *call, in In) (reply, error)) operation {
	o := form(fn)
	o.out, o.media, o.seen = reflect.TypeFor[reply](), media, true
	return o
}

// form makes an operation whose input is a form.
func form[In, Out any](fn func(c *call, in In) (Out, error)) operation {
	o := flow(fn)
	o.form = true
	return o
}

func (a reply) write(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	if a.status != 0 {
		status = a.status
	}
	if a.location != "" {
		h.Set("Location", a.location) // http.Redirect would clean it once more, and so make another one of it
	}
	if a.media != "" {
		if a.policy == "" {
			a.policy = policy("")
		}
		h.Set("Content-Security-Policy", a.policy)
		h.Set("Content-Type", a.media)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(a.body) // a caller that went away needs no answer
}

// policy is that of a page which loads nothing and is framed by nobody.
func policy(more string) string {
	return "default-src 'none'; base-uri 'none'; frame-ancestors 'none'" + more
}

const pageMedia = "text/html; charset=utf-8"

// readForm returns the form in the body, as a JSON object of texts: one value for each name. The
// query is no part of it.
func (c *call) readForm() ([]byte, error) {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || len(c.r.Header["Content-Type"]) != 1 {
		return nil, fault.New(fault.Unsupported, "", "the form must be application/x-www-form-urlencoded")
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxForm)
	if err := c.r.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return nil, fault.New(fault.TooLarge, "", "the form is larger than 512 KiB")
		}
		return nil, fault.New(fault.Invalid, "", "the form cannot be read").Because(err)
	}
	fields := make(map[string]string, len(c.r.PostForm))
	for name, values := range c.r.PostForm {
		if len(values) != 1 || !store.Storable(name+values[0]) {
			return nil, fault.New(fault.Invalid, "", "the form cannot be read")
		}
		fields[name] = values[0]
	}
	return json.Marshal(fields)
}

// maxForm bounds a form, in bytes: the largest answer of a provider, as a form escapes it.
const maxForm = 512 << 10

// The pages of sign-ins elsewhere load nothing, and work without scripts. A page is a title and
// what is in it, which is escaped already.
func written(title, inside string) []byte {
	return []byte(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>` + html.EscapeString(title) + `</title></head><body><main><h1>` + html.EscapeString(title) + `</h1>
` + inside + `</main></body></html>
`)
}

// A note is a page with one sentence and a link.
type note struct{ title, text, next string }

func (n note) reply(status int) reply {
	inside := `<p>` + html.EscapeString(n.text) + `</p><p><a href="` + html.EscapeString(n.next) + `">Go on</a></p>`
	return reply{status: status, media: pageMedia, body: written(n.title, inside)}
}

// send is the page that takes a form elsewhere: by itself, or by its button where there are no
// scripts. It says nothing of where forms may go (form-action): browsers hold the redirects that
// answer a form to that as well, and a provider answers with one to a page of its own, or back.
func send(action string, fields url.Values) (reply, error) {
	to, err := url.Parse(action)
	if err != nil || to.Scheme != "https" && to.Scheme != "http" || to.Host == "" {
		return reply{}, fmt.Errorf("send a form to %q: %w", action, errors.Join(err, errors.New("no web address")))
	}
	var inside strings.Builder
	inside.WriteString(`<form method="post" action="` + html.EscapeString(action) + `" id="go">`)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, value := range fields[name] {
			inside.WriteString(`<input type="hidden" name="` + html.EscapeString(name) + `" value="` + html.EscapeString(value) + `">`)
		}
	}
	nonce := rand.Text()
	inside.WriteString(`<p>You are being taken to your organization.</p><button>Go on</button></form>` +
		`<script nonce="` + nonce + `">document.getElementById("go").submit()</script>`)
	script := "; script-src 'nonce-" + nonce + "'"
	return reply{status: http.StatusOK, media: pageMedia, body: written("Signing in", inside.String()), policy: policy(script)}, nil
}

// problem tells a person what is wrong. What is not for people, or has to be logged, goes the
// way of all errors.
func (a *API) problem(w http.ResponseWriter, r *http.Request, err error) {
	if a.config.Problem != nil {
		a.config.Problem(w, r, err)
		return
	}
	f := fault.From(err)
	switch f.Code {
	case fault.Invalid, fault.Unauthenticated, fault.NotFound, fault.Gone, fault.TooLarge, fault.Unsupported:
		note{"You are not signed in", f.Error(), "/account/login"}.reply(middleware.Status(f.Code)).write(w, 0)
	default:
		a.config.Guard.Fail(w, r, err)
	}
}
