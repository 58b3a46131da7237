// Package pages holds the pages that people see: log in, sign up, confirm an address.
//
// They work without JavaScript, load nothing from elsewhere and are served under
// /account/.
package pages

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
)

//go:embed templates
var templates embed.FS

//go:embed assets
var assets embed.FS

// A Brand is whose pages they are.
type Brand struct {
	Name string // as people know it; empty leaves it out
}

// A Config says what the pages stand on and how they look.
type Config struct {
	Guard  *middleware.Guard
	SignIn *service.SignIn
	SignUp *service.SignUp
	Log    *slog.Logger
	Now    func() time.Time

	Brand        Brand
	MinPassword  int  // characters; the rules check it, the pages only say it
	SignUpClosed bool // nobody may sign up, so no page offers it
}

// Pages serves the pages.
type Pages struct {
	Config
	mux        *http.ServeMux
	reading    http.Handler // the mux, told who is signed in
	posting    http.Handler // the mux, told no more than where the request comes from
	templates  map[string]*template.Template
	stylesheet string
	mark       string
}

// New returns the pages as a handler for everything below /account/.
func New(c Config) (*Pages, error) {
	if c.Guard == nil || c.SignIn == nil || c.SignUp == nil || c.Log == nil || c.Now == nil {
		return nil, errors.New("pages: Guard, SignIn, SignUp, Log and Now are needed")
	}
	p := &Pages{Config: c, mux: http.NewServeMux(), templates: map[string]*template.Template{}}
	for _, name := range []string{loginPage, signUpPage, sentPage, activatePage, problemPage} {
		t, err := template.New("layout.html").Funcs(template.FuncMap{"initial": initial}).
			ParseFS(templates, "templates/layout.html", "templates/"+name)
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		p.templates[name] = t
	}
	if err := p.serveAssets(); err != nil {
		return nil, err
	}
	p.routes()
	p.reading, p.posting = c.Guard.Authenticate(p.mux), c.Guard.Anonymous(p.mux)
	return p, nil
}

func (p *Pages) routes() {
	p.handle("GET /account/{$}", func(w http.ResponseWriter, _ *http.Request) error { return seeOther(w, "/account/login") })
	p.handle("GET /account/login", p.showLogin)
	p.handle("POST /account/login", p.limited(middleware.SignIn, p.login))
	p.handle("POST /account/logout", p.logout)
	if !p.SignUpClosed {
		p.handle("GET /account/signup", p.showSignUp)
		p.handle("POST /account/signup", p.limited(middleware.SignUp, p.signUp))
	}
	p.handle("GET /account/activate", p.showActivate)
	p.handle("POST /account/activate", p.limited(middleware.SignIn, p.activate))
	p.handle("/account/", func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "", "There is no such page.")
	})
}

// A handler answers a request, or returns the error that the problem page shows.
type handler func(w http.ResponseWriter, r *http.Request) error

func (p *Pages) handle(pattern string, h handler) {
	p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.problem(w, r, err)
		}
	})
}

// limited refuses a request over the limit of its family before any work is done for it.
func (p *Pages) limited(family string, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := p.Guard.Admit(r, family); err != nil {
			return err
		}
		return h(w, r)
	}
}

// ServeHTTP serves one page. A form that a page of another origin sent is refused before
// anything looks at it: else such a page could sign its visitor in as another, or out.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if err := p.Guard.SameOrigin(r); err != nil {
		p.problem(w, r, err)
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		p.reading.ServeHTTP(w, r)
		return
	}
	p.posting.ServeHTTP(w, r) // a form replaces the session, so the old one is not renewed first
}
