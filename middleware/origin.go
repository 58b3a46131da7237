package middleware

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-identity/identity/internal/fault"
)

// SameOrigin returns an error for a request that changes something and that a page of
// another origin made, unless the origin is in the list. Requests that no browser made
// carry neither header and pass.
func (g *Guard) SameOrigin(r *http.Request) error {
	if err := g.origin.Check(r); err != nil {
		return fault.New(fault.Forbidden, "", "cross-origin request refused").Because(err)
	}
	return nil
}

// RequireSameOrigin refuses what [Guard.SameOrigin] refuses. Routes that set cookies need
// it even where nobody is signed in: else a page could sign its visitor in as another.
func (g *Guard) RequireSameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.SameOrigin(r); err != nil {
			g.Fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// What a page of a listed origin may send.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "authorization, content-type, x-access-token, frontegg-tenant-id, frontegg-user-id, " +
		"frontegg-vendor-host, frontegg-application-id, frontegg-requested-application-id, " +
		"frontegg-source, x-frontegg-framework, x-frontegg-sdk"
	corsMaxAge = "600"
)

// CORS lets pages of the listed origins read answers, and answers their preflights
// without reaching next. Other origins get no header and so read nothing.
func (g *Guard) CORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		values := r.Header["Origin"]
		listed := len(values) == 1 && g.origins[values[0]]
		if listed {
			h.Set("Access-Control-Allow-Origin", values[0])
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", "Retry-After")
		}
		if len(values) == 0 || !preflight(r) {
			next.ServeHTTP(w, r)
			return
		}
		if listed && allowed(r) {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
		}
		Harden(h)
		w.WriteHeader(http.StatusNoContent)
	})
}

func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowed reports whether a preflight asks only for what a page may send.
func allowed(r *http.Request) bool {
	if !contains(corsMethods, r.Header.Get("Access-Control-Request-Method")) {
		return false
	}
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.TrimSpace(name); name != "" && !contains(corsHeaders, strings.ToLower(name)) {
			return false
		}
	}
	return true
}

func contains(list, word string) bool {
	for w := range strings.SplitSeq(list, ", ") {
		if w == word {
			return true
		}
	}
	return false
}

// trust adds an origin to the list. Only a scheme and a host make one: a wildcard or a
// path would be an opening that nobody meant.
func (g *Guard) trust(origin string) error {
	u, err := url.Parse(origin)
	if err != nil {
		return fmt.Errorf("middleware: origin %q: %w", origin, err)
	}
	plain := url.URL{Scheme: u.Scheme, Host: u.Host}
	web := u.Scheme == "https" || u.Scheme == "http"
	if !web || u.Hostname() == "" || strings.Contains(u.Host, "*") || plain.String() != origin || strings.ToLower(origin) != origin {
		return fmt.Errorf("middleware: origin %q must be a scheme and a host in lower case, such as https://app.example.com", origin)
	}
	if err := g.origin.AddTrustedOrigin(origin); err != nil {
		return fmt.Errorf("middleware: origin %q: %w", origin, err)
	}
	g.origins[origin] = true
	return nil
}
