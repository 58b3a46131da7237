package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
)

// prefix is the folder under which the published clients reach the API as well.
const prefix = "/frontegg"

// maxPath bounds the path of a request, in bytes as sent.
const maxPath = 2048

// harden sets the headers that every answer has, and keeps a panic to its request.
func (a *API) harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		aw := &answer{ResponseWriter: w}
		defer a.recover(aw, r)
		middleware.Harden(w.Header())
		next.ServeHTTP(aw, r)
	})
}

// An answer knows whether it was begun.
type answer struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// recover turns a panic in a handler, or in a hook of the host, into an internal error. The
// server's own signal to drop the connection is handed on.
func (a *API) recover(w *answer, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	a.config.Log.ErrorContext(r.Context(), "handler panicked", "route", r.Pattern, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if !w.begun {
		middleware.WriteError(w, fault.New(fault.Internal, "", "internal error"))
	}
}

// dispatch hands r to its route by the one spelling of its path that counts.
func (a *API) dispatch(w http.ResponseWriter, r *http.Request) {
	path, err := canonical(r.URL)
	if err != nil {
		a.config.Guard.Fail(w, r, err)
		return
	}
	if path != r.URL.EscapedPath() {
		r = at(r, path)
	}
	a.mux.ServeHTTP(w, r)
}

// at returns r with another path, given as it is escaped.
func at(r *http.Request, path string) *http.Request {
	c := new(http.Request)
	*c = *r
	c.URL = new(url.URL)
	*c.URL = *r.URL
	c.URL.RawPath = path
	c.URL.Path, _ = url.PathUnescape(path) // it was unescaped before
	return c
}

// canonical returns the escaped path without the clients' prefix and trailing slash. It
// refuses every spelling that another server on the way might read as another path.
func canonical(u *url.URL) (string, error) {
	path := u.EscapedPath()
	missing := fault.New(fault.NotFound, "", "no such route")
	if len(path) > maxPath || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, ";\\") {
		return "", missing
	}
	if hides(path) || strings.ContainsFunc(u.Path, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' }) {
		return "", missing
	}
	if rest, ok := strings.CutPrefix(path, prefix); ok && strings.HasPrefix(rest, "/") {
		path = rest
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "." || plain == ".." || segment == "" && path != "/" {
			return "", missing
		}
	}
	return path, nil
}

// hides reports whether an escaped path holds an escaped slash or backslash.
func hides(path string) bool {
	low := strings.ToLower(path)
	return strings.Contains(low, "%2f") || strings.Contains(low, "%5c")
}

// missing answers a path that no route has, or not with this method.
func (a *API) missing(w http.ResponseWriter, r *http.Request) {
	r.Pattern = ""
	if err := a.config.Guard.Admit(r, middleware.General); err != nil {
		a.config.Guard.Fail(w, r, err)
		return
	}
	allow := a.allowed(r)
	if len(allow) == 0 {
		a.config.Guard.Fail(w, r, fault.New(fault.NotFound, "", "no such route"))
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	a.config.Guard.Fail(w, r, fault.New(middleware.MethodNotAllowed, "", "method not allowed"))
}

// allowed lists the methods that the path of r has.
func (a *API) allowed(r *http.Request) []string {
	var allow []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		try := *r
		try.Method = method
		if _, pattern := a.mux.Handler(&try); pattern != "/" && pattern != "" {
			allow = append(allow, method)
		}
	}
	return allow
}

// handler is the route behind the checks that its row asks for.
func (a *API) handler(row *route) http.Handler {
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, row) }))
	if row.audience == forAnyone {
		h = a.config.Guard.Anonymous(h)
	} else {
		h = a.config.Guard.Authenticate(h)
	}
	if row.cookies && !row.foreign {
		h = a.config.Guard.RequireSameOrigin(h)
	}
	return a.config.Guard.Limit(row.family)(h)
}

// show answers with what is for people.
func (a *API) show(w http.ResponseWriter, r *http.Request, row *route, out any, err error) {
	if told, ok := out.(reply); ok && err == nil {
		told.write(w, row.status)
		return
	}
	a.problem(w, r, err)
}

// serve runs a route: check, decode, call, encode.
func (a *API) serve(w http.ResponseWriter, r *http.Request, row *route) {
	c := &call{api: a, route: row, w: w, r: r}
	if row.seen && r.Method == http.MethodHead { // such a page may do what only its reader wants
		return
	}
	err := c.admit()
	if err != nil {
		a.config.Guard.Fail(w, r, err)
		return
	}
	out, err := row.run(c)
	if row.seen {
		a.show(w, r, row, out, err)
		return
	}
	if err == nil && row.fresh != nil {
		w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", row.fresh()/time.Second))
	}
	if err == nil {
		err = encode(w, row.status, out)
	}
	if err != nil {
		a.config.Guard.Fail(w, r, err)
	}
}
