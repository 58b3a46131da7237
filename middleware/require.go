package middleware

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// RequirePermission lets through callers that hold any of the permissions.
func (g *Guard) RequirePermission(first store.Permission, more ...store.Permission) func(http.Handler) http.Handler {
	wanted := append([]store.Permission{first}, more...)
	wired := g.declared(wanted)
	refusal := fault.New(fault.Forbidden, "", "missing permission "+string(first))
	return g.require(func(p *store.Principal, _ *http.Request) error {
		if !wired || !canAny(p, wanted) {
			return refusal
		}
		return nil
	})
}

// canAny is [slices.ContainsFunc] over p.Can without the copy of p that a method value holds.
func canAny(p *store.Principal, wanted []store.Permission) bool {
	for _, k := range wanted {
		if p.Can(k) {
			return true
		}
	}
	return false
}

// RequireAll lets through callers that hold every one of the permissions.
func (g *Guard) RequireAll(first store.Permission, more ...store.Permission) func(http.Handler) http.Handler {
	wanted := append([]store.Permission{first}, more...)
	wired := g.declared(wanted)
	refusal := fault.New(fault.Forbidden, "", "missing a permission of "+join(wanted))
	return g.require(func(p *store.Principal, _ *http.Request) error {
		if !wired || slices.ContainsFunc(wanted, func(k store.Permission) bool { return !p.Can(k) }) {
			return refusal
		}
		return nil
	})
}

// RequireUser lets through people: callers that signed in as a user.
func (g *Guard) RequireUser(next http.Handler) http.Handler {
	refusal := fault.New(fault.Forbidden, "", "only a user may do this")
	return g.require(func(p *store.Principal, _ *http.Request) error {
		if p.Kind != store.UserKind {
			return refusal
		}
		return nil
	})(next)
}

// RequireRole lets through callers that hold any of the environment roles in their tenant.
// A role that a tenant made for itself never counts, whatever its key.
func (g *Guard) RequireRole(first string, more ...string) func(http.Handler) http.Handler {
	wanted := append([]string{first}, more...)
	wired := !slices.Contains(wanted, "")
	if !wired {
		g.miswired(fmt.Errorf("middleware: RequireRole with an empty key"))
	}
	refusal := fault.New(fault.Forbidden, "", "missing role "+first)
	return g.require(func(p *store.Principal, _ *http.Request) error {
		if !wired || !slices.ContainsFunc(wanted, p.HasRole) {
			return refusal
		}
		return nil
	})
}

// RequireTenant lets through callers that act in the tenant that of finds in the request;
// [PathTenant] is the usual one. A request that names no tenant is refused. The host's own
// back end acts in any.
func (g *Guard) RequireTenant(of func(*http.Request) string) func(http.Handler) http.Handler {
	refusal := fault.New(fault.Forbidden, "", "not a tenant of yours")
	return g.require(func(p *store.Principal, r *http.Request) error {
		tenantID := of(r)
		if tenantID == "" || p.Kind == store.UserKind && p.TenantID != tenantID {
			return refusal
		}
		return nil
	})
}

// PathTenant reads the tenant from the wildcard of the route's pattern that has the name.
func PathTenant(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.PathValue(name) }
}

// require makes a guard of a check. It authenticates where [Guard.Authenticate] did not.
func (g *Guard) require(check func(*store.Principal, *http.Request) error) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = g.identify(w, r)
			c := callerFrom(r.Context())
			if c.principal == nil {
				g.refuse(w, r, c.refusal())
				return
			}
			if err := check(c.principal, r); err != nil {
				g.refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// declared reports whether a guard may trust its permissions. A typing mistake must not
// make a guard that some wildcard happens to satisfy.
func (g *Guard) declared(wanted []store.Permission) bool {
	for _, k := range wanted {
		if k == "" {
			g.miswired(fmt.Errorf("middleware: a guard with an empty permission"))
			return false
		}
		if g.config.Declared != nil && !g.config.Declared(k) {
			g.miswired(fmt.Errorf("middleware: a guard names the undeclared permission %q", k))
			return false
		}
	}
	return true
}

// refuse answers a request that may not pass. A browser that asks for a page and is not
// signed in is sent where it can sign in, and from there back here.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	target := r.URL.RequestURI()
	lost := fault.From(err).Code == fault.Unauthenticated
	if g.config.LoginURL == "" || !lost || !wantsPage(r) || !local(target) {
		g.Fail(w, r, err)
		return
	}
	Harden(w.Header())
	w.Header().Set("Location", g.config.LoginURL+"?next="+url.QueryEscape(target))
	w.WriteHeader(http.StatusSeeOther)
}

func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// local reports whether target stays on this host. Browsers read a second slash, or a
// backslash in its place, as the beginning of another host.
func local(target string) bool {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return false
	}
	return !strings.ContainsFunc(target, func(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f })
}

func join(all []store.Permission) string {
	var text []string
	for _, k := range all {
		text = append(text, string(k))
	}
	return strings.Join(text, ", ")
}
