package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
)

// The pages, each a template beside the layout.
const (
	loginPage    = "login.html"
	signUpPage   = "signup.html"
	sentPage     = "sent.html"
	activatePage = "activate.html"
	problemPage  = "problem.html"
)

// A page is what a template sees.
type page struct {
	Title      string
	Brand      string
	Stylesheet string
	Mark       string

	Errors []string
	Note   string

	Next   string // where to go afterwards, a path of this origin
	Action string // what going there is called

	Email, Name, Company string
	UserID, Token        string
	AskPassword          bool
	MinPassword          int
	Tenant               string // to sign in to; empty where the user's own choice holds
	SignUpClosed         bool
}

// protect sets the headers that every page has. Nothing but our own style and picture
// loads, nobody frames the page, and the address, which may hold a token, is told to
// nobody. With no-referrer a browser sends "Origin: null" on our own forms, so the
// cross-origin check in front must go by Sec-Fetch-Site, as http.CrossOriginProtection does.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// render writes a page in one piece: a template that breaks leaves no half page behind.
func (p *Pages) render(w http.ResponseWriter, status int, name string, v page) error {
	v.Brand, v.Stylesheet, v.Mark, v.MinPassword = p.Brand.Name, p.stylesheet, p.mark, p.MinPassword
	v.SignUpClosed = p.SignUpClosed
	var b bytes.Buffer
	if err := p.templates[name].Execute(&b, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes()) // an error means that nobody reads any more
	return nil
}

// again shows a form once more with what was wrong. An error that no other input mends
// goes to the problem page.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, err error, name string, v page) error {
	f := fault.From(err)
	switch f.Code {
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.Conflict, fault.Limited, fault.Unavailable:
		v.Errors = sentences(f)
		p.blame(w, r, f)
		return p.render(w, middleware.Status(f.Code), name, v)
	}
	return err
}

// problem shows a page that says what is wrong.
func (p *Pages) problem(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	v := page{Title: title(f.Code), Errors: sentences(f), Next: "/account/login", Action: "Go to sign in"}
	p.blame(w, r, f)
	if err := p.render(w, middleware.Status(f.Code), problemPage, v); err != nil {
		p.Log.ErrorContext(r.Context(), "show a problem", "error", err)
		http.Error(w, title(f.Code), middleware.Status(f.Code))
	}
}

// blame logs what is our own fault and sets the headers that belong to a refusal.
func (p *Pages) blame(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	switch f.Code {
	case fault.Internal:
		if r.Context().Err() == nil { // else nobody waits for the answer
			p.Log.ErrorContext(r.Context(), "serve a page", "route", r.Pattern, "error", f.Unwrap())
		}
	case fault.Limited, fault.Unavailable:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(f.RetryAfter.Seconds())))))
	case fault.Unauthenticated:
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110 §15.5.2 wants a challenge
	}
}

// sentences are the messages of an error as a person reads them.
func sentences(f *fault.Error) []string {
	switch f.Code {
	case fault.Limited:
		return []string{"Too many attempts. Try again in " + wait(f.RetryAfter) + "."}
	case fault.Unavailable:
		return []string{"We are very busy. Try again in " + wait(f.RetryAfter) + "."}
	case fault.Internal:
		return []string{"Something went wrong on our side. Try again in a moment."}
	}
	var all []string
	for _, m := range f.Messages() {
		all = append(all, sentence(labelled(m)))
	}
	return all
}

// labelled calls a field by its label: the rules name it as the wire does.
func labelled(m string) string {
	if strings.HasPrefix(m, "email ") {
		return "enter a whole e-mail address, such as ada@example.com"
	}
	for name, label := range map[string]string{"companyName ": "the company name ", "name ": "your name "} {
		if rest, ok := strings.CutPrefix(m, name); ok {
			return label + rest
		}
	}
	return m
}

func wait(d time.Duration) string {
	if d <= 90*time.Second {
		return "a minute"
	}
	return strconv.Itoa(int(math.Ceil(d.Minutes()))) + " minutes"
}

func sentence(m string) string {
	first, size := utf8.DecodeRuneInString(m)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(m[size:], ".") + "."
}

func title(c fault.Code) string {
	switch c {
	case fault.NotFound:
		return "Page not found"
	case fault.Gone:
		return "This link no longer works"
	case fault.Limited, fault.Unavailable:
		return "Please wait a moment"
	case fault.Internal:
		return "Something went wrong"
	}
	return "That did not work"
}

// initial is the letter that stands for a brand.
func initial(brand string) string {
	r, _ := utf8.DecodeRuneInString(strings.TrimSpace(brand))
	return string(unicode.ToUpper(r))
}

// serveAssets serves the stylesheet and the picture under names that hold a hash of their
// content, so that browsers may keep them for good.
func (p *Pages) serveAssets() (err error) {
	if p.stylesheet, err = p.serveAsset("account.css", "text/css; charset=utf-8"); err != nil {
		return err
	}
	p.mark, err = p.serveAsset("mark.svg", "image/svg+xml")
	return err
}

func (p *Pages) serveAsset(name, contentType string) (string, error) {
	body, err := assets.ReadFile("assets/" + name)
	if err != nil {
		return "", fmt.Errorf("read asset: %w", err)
	}
	sum := sha256.Sum256(body)
	path := "/account/assets/" + hex.EncodeToString(sum[:6]) + "/" + name
	p.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
	return path, nil
}
