package main

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
)

//go:embed templates
var templates embed.FS

//go:embed assets
var assets embed.FS

// app is Acme Reports.
type app struct {
	id      *identity.Identity
	log     *slog.Logger
	reports *reports
	pages   map[string]*template.Template
}

// newApp returns the whole program as one handler: the library's paths and its own.
func newApp(id *identity.Identity, mail *mailbox, log *slog.Logger) (http.Handler, error) {
	a := &app{
		id: id, log: log, pages: map[string]*template.Template{},
		reports: &reports{now: time.Now, byTenant: map[string][]report{}},
	}
	for _, name := range []string{"home", "reports", "new", "members", "refused"} {
		t, err := template.New("layout.html").Funcs(template.FuncMap{"initial": initial}).
			ParseFS(templates, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, err
		}
		a.pages[name] = t
	}
	mux := http.NewServeMux()
	id.Mount(mux)

	mux.Handle("GET /api/me", id.RequireUser(http.HandlerFunc(a.me)))
	mux.Handle("GET /api/reports", id.RequirePermission(readReports)(http.HandlerFunc(a.listReports)))
	mux.Handle("POST /api/reports", id.RequirePermission(createReports)(http.HandlerFunc(a.createReport)))
	mux.Handle("POST /api/reports/{id}/approve", id.RequirePermission(approveReports)(http.HandlerFunc(a.approveReport)))

	mux.Handle("GET /{$}", id.Authenticate(http.HandlerFunc(a.home)))
	mux.Handle("GET /reports", a.page(readReports, a.showReports))
	mux.Handle("GET /reports/new", a.page(createReports, a.showNew))
	mux.Handle("POST /reports", a.page(createReports, a.postReport))
	mux.Handle("POST /reports/{id}/approve", a.page(approveReports, a.postApproval))
	mux.Handle("GET /members", a.page(readUsers, a.showMembers))
	mux.Handle("GET /assets/", http.FileServerFS(assets))
	mux.HandleFunc("GET /dev/messages", mail.list)
	return harden(mux), nil
}

// A view is what a template sees.
type view struct {
	Title   string
	Here    string // the entry of the menu that is open
	By      identity.Principal
	Known   bool // somebody is signed in
	Reports []report
	Members []member
	Error   string
	Missing identity.Permission
}

// Can reports whether the visitor may do something: buttons that would be refused are not
// shown. The guards of the routes are what refuses.
func (v view) Can(p identity.Permission) bool { return v.By.Can(p) }

// A member is a row of the members page.
type member struct {
	Name, Email, Roles string
	Active             bool
}

// page guards a page as RequirePermission does, but says no as a page.
func (a *app) page(needs identity.Permission, show func(http.ResponseWriter, *http.Request, view)) http.Handler {
	return a.id.Authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := identity.PrincipalFrom(r.Context())
		switch {
		case !ok:
			http.Redirect(w, r, "/account/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		case !p.Can(needs):
			a.render(w, http.StatusForbidden, "refused", view{Title: "Not allowed", By: p, Known: true, Missing: needs})
		default:
			show(w, r, view{By: p, Known: true})
		}
	}))
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Acme Reports"}
	v.By, v.Known = identity.PrincipalFrom(r.Context())
	a.render(w, http.StatusOK, "home", v)
}

func (a *app) showReports(w http.ResponseWriter, _ *http.Request, v view) {
	v.Title, v.Here, v.Reports = "Reports", "reports", a.reports.list(v.By.TenantID)
	a.render(w, http.StatusOK, "reports", v)
}

func (a *app) showNew(w http.ResponseWriter, _ *http.Request, v view) {
	v.Title, v.Here = "New report", "reports"
	a.render(w, http.StatusOK, "new", v)
}

func (a *app) postReport(w http.ResponseWriter, r *http.Request, v view) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if _, err := a.reports.create(v.By.TenantID, r.PostFormValue("title"), v.By.Name); err != nil {
		v.Title, v.Here, v.Error = "New report", "reports", err.Error()
		a.render(w, http.StatusBadRequest, "new", v)
		return
	}
	http.Redirect(w, r, "/reports", http.StatusSeeOther)
}

func (a *app) postApproval(w http.ResponseWriter, r *http.Request, v view) {
	if _, err := a.reports.approve(v.By.TenantID, r.PathValue("id"), v.By.Name); err != nil {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, "/reports", http.StatusSeeOther)
}

func (a *app) showMembers(w http.ResponseWriter, r *http.Request, v view) {
	v.Title, v.Here = "Members", "members"
	found, err := a.id.Users.Search(r.Context(), v.By, service.UserSearch{})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	for _, p := range found.Items {
		m := member{Name: p.Name, Email: p.Email}
		if seat, ok := p.Member(); ok {
			m.Active = seat.Activated && !seat.Disabled
			for _, role := range seat.Roles {
				m.Roles = strings.TrimPrefix(m.Roles+", "+role.Name, ", ")
			}
		}
		v.Members = append(v.Members, m)
	}
	a.render(w, http.StatusOK, "members", v)
}

func (a *app) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.log.ErrorContext(r.Context(), "serve a page", "path", r.URL.Path, "error", err)
	http.Error(w, "something went wrong", http.StatusInternalServerError)
}

func (a *app) render(w http.ResponseWriter, status int, name string, v view) {
	var b bytes.Buffer
	if err := a.pages[name].Execute(&b, v); err != nil {
		a.log.Error("render a page", "page", name, "error", err)
		http.Error(w, "something went wrong", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// harden sets what every answer of the app has. The library sets its own on its paths.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; "+
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// initial is the letter that stands for a name.
func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(strings.TrimSpace(name))
	return string(unicode.ToUpper(r))
}
