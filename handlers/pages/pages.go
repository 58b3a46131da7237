// Package pages holds the pages that people see: log in, sign up, confirm an address, reset
// a password, look after the account.
//
// They work without JavaScript, load nothing from elsewhere and are served under
// /account/.
package pages

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
)

//go:embed templates
var templates embed.FS

//go:embed assets
var assets embed.FS

// A Config says what the pages stand on, how they look and what they say.
type Config struct {
	Guard    *middleware.Guard
	Services *service.Services
	Log      *slog.Logger
	Now      func() time.Time

	// Brand is whose pages they are.
	Brand Brand
	// BrandOf returns the brand of a tenant, or false where it has none of its own. A brand
	// that New would refuse is logged, and Brand shown in its place. Nil means that every
	// tenant has Brand.
	BrandOf func(ctx context.Context, tenantID string) (Brand, bool)
	// Texts are what the pages say in other languages than English, or in other words: by
	// language (BCP 47), then by the keys of [English]. What a language lacks is said in
	// English. Nil means English.
	Texts map[string]map[string]string

	SignUpClosed bool // nobody may sign up, so no page offers it
	FixedEmails  bool // users may not change their address, so no page offers it
}

// Pages serves the pages.
type Pages struct {
	Config
	mux       *http.ServeMux
	reading   http.Handler // the mux, told who is signed in
	posting   http.Handler // the mux, told no more than where the request comes from
	templates map[string]*template.Template
	languages languages
	look      *look
	logos     map[string]string // of social providers, by type: the paths of the pictures
	least     int               // characters of a password; the rules check it, the pages only say it
}

// New returns the pages as a handler for everything below /account/. It refuses a brand whose
// colours cannot be read.
func New(c Config) (*Pages, error) {
	if c.Guard == nil || c.Services == nil || c.Log == nil || c.Now == nil {
		return nil, errors.New("pages: Guard, Services, Log and Now are needed")
	}
	p := &Pages{Config: c, mux: http.NewServeMux(), least: c.Services.Passwords.Rules().MinLength}
	var err error
	if p.templates, err = parse(); err != nil {
		return nil, err
	}
	if p.look, err = newLook(assetPages, c.Brand); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	if p.logos, err = p.look.addLogos(assetPages); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	if p.languages, err = newLanguages(c.Texts); err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	p.routes()
	p.reading, p.posting = c.Guard.Authenticate(p.mux), c.Guard.Anonymous(p.mux)
	return p, nil
}

// parse reads every page, each with the layout and the parts that pages share.
func parse() (map[string]*template.Template, error) {
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list pages: %w", err)
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		t, err := template.New("layout.html").ParseFS(templates, "templates/layout.html", "templates/parts.html", name)
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		all[path.Base(name)] = t
	}
	return all, nil
}

func (p *Pages) routes() {
	p.handle("GET /account/{$}", p.showStart)
	p.handle("GET /account/login", p.showLogin)
	p.handle("POST /account/login", p.limited(middleware.SignIn, p.login))
	p.handle("POST /account/logout", p.logout)
	if !p.SignUpClosed {
		p.handle("GET /account/signup", p.showSignUp)
		p.handle("POST /account/signup", p.limited(middleware.SignUp, p.signUp))
	}
	p.handle("POST /account/verify", p.limited(middleware.SignIn, p.verify))
	p.handle("POST /account/resend", p.limited(middleware.Mail, p.resend))
	p.handle("GET /account/activate", p.showActivate)
	p.handle("POST /account/activate", p.limited(middleware.SignIn, p.activate))
	p.handle("GET /account/forgot", p.showForgot)
	p.handle("POST /account/forgot", p.limited(middleware.Mail, p.forgot))
	p.handle("GET /account/reset", p.showReset)
	p.handle("POST /account/reset", p.limited(middleware.SignIn, p.reset))
	p.handle("GET /account/unlock", p.showUnlock)
	p.handle("POST /account/unlock", p.limited(middleware.SignIn, p.unlock))
	p.mfaRoutes()
	p.securityRoutes()
	p.factorRoutes()
	p.ssoRoutes()
	p.wizardRoutes()
	p.providerRoutes()
	p.domainRoutes()
	p.mappingRoutes()
	p.attemptRoutes()
	p.setupRoutes()
	p.assetRoutes()
	p.handle("/account/", func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "", "there is no such page")
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
	known := strings.HasPrefix(r.URL.Path, securityPages) || strings.HasPrefix(r.URL.Path, "/account/sso/")
	if r.Method == http.MethodGet || r.Method == http.MethodHead || known {
		p.reading.ServeHTTP(w, r)
		return
	}
	p.posting.ServeHTTP(w, r) // a form replaces the session, so the old one is not renewed first
}
