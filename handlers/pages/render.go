package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// A page is what a template sees.
type page struct {
	language
	*look
	Title string // key; the labels of inputs may depend on it
	Wide  bool   // more than a form
	Known string // the address of who is signed in

	Errors []wrong
	Note   string // key

	Next   string // where to go afterwards, a path of this origin
	Action string // key of what going there is called

	Values map[string]string // of the inputs, by id
	Focus  string            // the input to begin with
	blamed string            // the input that an error is about which names none

	UserID, Token string
	AskPassword   bool
	Tenant        string // to sign in to; empty where the user's own choice holds
	Unconfirmed   bool   // the address waits for its proof
	SignUpClosed  bool
	FixedEmails   bool

	Socials   []social // whom else somebody can sign in with
	Federated bool     // the tenant has one provider of its own
	Address   string   // of a provider, where the browser goes
	Host      string   // of it

	SSO    *wizard
	Within string // the tenant that the page is about

	Lead         string // key
	Here         string // the path that the page's form goes to
	Device       string // id of the app that it is about
	Forced       bool   // a second factor has to be set up
	RememberDays int    // for which this browser may be remembered; 0 is not at all
	Key          *key   // of a new app
	Codes        []string
	File         template.URL // that holds the codes

	Sessions []sessionRow
	Security security
	least    int
}

// policy is what a page may load: our own style and pictures. Nobody frames it.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// protect sets the headers that every page has. The address, which may hold a token, is told
// to nobody. With no-referrer a browser sends "Origin: null" on our own forms, so the
// cross-origin check in front must go by Sec-Fetch-Site, as http.CrossOriginProtection does.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language")
}

// render writes a page in one piece: a template that breaks leaves no half page behind.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, name string, v page) error {
	v.language, v.look, v.least = p.languages.of(r), p.lookOf(r, acting(r, v)), p.least
	v.SignUpClosed, v.FixedEmails = p.SignUpClosed, p.FixedEmails
	if err := p.doors(r.Context(), name, &v); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := p.templates[name].Execute(&b, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes()) // an error means that nobody reads any more
	return nil
}

// again shows a form once more with what was wrong. An error that no other input mends
// goes to the problem page.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, err error, name string, v page) error {
	f := fault.From(err)
	if bound(err) && v.Values["email"] != "" {
		if err = p.around(w, r, v, err); !bound(err) {
			return err
		}
	}
	switch f.Code {
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.Conflict, fault.Limited, fault.Unavailable:
		v.Errors = sentences(p.languages.of(r), f, v.blamed)
		p.blame(w, r, f)
		return p.render(w, r, middleware.Status(f.Code), name, v)
	}
	return err
}

// Problem shows what is wrong with a request of a browser that another handler took: one that
// came back from where somebody signed in.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request, err error) {
	protect(w.Header())
	p.problem(w, r, err)
}

// problem shows a page that says what is wrong.
func (p *Pages) problem(w http.ResponseWriter, r *http.Request, err error) {
	f, l := fault.From(err), p.languages.of(r)
	v := page{Title: heading(f.Code), Errors: sentences(l, f, ""), Next: "/account/login", Action: "problem.action"}
	if bound(err) {
		v.Next, v.Action = "/account/sso", "problem.sso"
	} else if f.Message == refusedElsewhere {
		v.Title, v.Next, v.Action = "problem.signin", "/account/login", "problem.again"
	} else if f.Message == resetOver {
		v.Next, v.Action = "/account/forgot", "problem.forgot"
	} else if by, ok := middleware.PrincipalFrom(r.Context()); ok && by.Kind == store.UserKind {
		v.Next, v.Action = securityPages, "security.back"
	}
	p.blame(w, r, f)
	if err := p.render(w, r, middleware.Status(f.Code), "problem.html", v); err != nil {
		p.Log.ErrorContext(r.Context(), "show a problem", "error", err)
		http.Error(w, l.T(v.Title), middleware.Status(f.Code))
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
