package handlers

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// An audience is whom a route is for.
type audience string

const (
	forAnyone     audience = "public"     // no credential is asked for, none is looked at
	forUser       audience = "user"       // a person, or the host's back end on their behalf
	forManagement audience = "management" // the host's back end
)

// A route is one line of the API: who may call it, where it is, what it answers, what it does.
type route struct {
	audience   audience
	permission store.Permission
	pattern    string // "METHOD /path", from the root
	status     int
	summary    string
	operation

	category  string
	family    string               // of the rate limiter
	fresh     func() time.Duration // nil: nobody keeps the answer
	noTenant  bool
	needsUser bool
	ours      bool
	foreign   bool
}

// public is a route that needs no credential.
func public(pattern string, status int, summary string, o operation) route {
	return route{audience: forAnyone, pattern: pattern, status: status, summary: summary, operation: o}
}

// management is a route for the host's back end. A tenant header says where it acts.
func management(pattern string, status int, summary string, o operation) route {
	return route{audience: forManagement, pattern: pattern, status: status, summary: summary, operation: o}
}

// user is a route for people. An empty permission lets in everyone who is signed in. The
// host's back end may call it too, and must say for which tenant.
func user(permission store.Permission, pattern string, status int, summary string, o operation) route {
	return route{audience: forUser, permission: permission, pattern: pattern, status: status, summary: summary, operation: o}
}

// anyTenant lets the host's back end call a user route without saying for which tenant.
func (r route) anyTenant() route { r.noTenant = true; return r }

// self marks a route that acts on the caller: the host's back end must say for which user.
func (r route) self() route { r.needsUser = true; return r }

// own marks a route that the published API does not have. It refuses body fields that it
// does not know.
func (r route) own() route { r.ours = true; return r }

// fromElsewhere lets pages of other sites post here: what they bring proves by itself that it is
// the browser's own, or another server's.
func (r route) fromElsewhere() route { r.foreign = true; return r }

// cached lets anybody keep the answer for a while. It must be the same for everyone.
func (r route) cached(fresh func() time.Duration) route { r.fresh = fresh; return r }

// limit gives the route a rate of its own instead of the general one.
func (r route) limit(family string) route { r.family = family; return r }

func (r route) method() string { m, _, _ := strings.Cut(r.pattern, " "); return m }
func (r route) path() string   { _, p, _ := strings.Cut(r.pattern, " "); return p }

// of gives routes their category, which is also their tag in the OpenAPI document.
func of(category string, rs []route) []route {
	for i := range rs {
		rs[i].category = category
	}
	return rs
}

// An operation is what a route does; its types are the contract.
type operation struct {
	in, out reflect.Type
	cookies bool   // it may set cookies: a page of another origin must not call it
	form    bool   // the body is a form
	seen    bool   // the answer is for people
	media   string // of an answer that is no JSON
	run     func(c *call) (any, error)
	inputs  *inputs // compiled from in by the API that serves the route
	answer  *shape  // compiled from out when it is described
}

// op makes an operation from a plain function.
func op[In, Out any](fn func(ctx context.Context, by store.Principal, in In) (Out, error)) operation {
	run := func(c *call) (any, error) {
		in, by, err := decode[In](c)
		if err != nil {
			return nil, err
		}
		return fn(c.Context(), by, in)
	}
	return operation{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), run: run}
}

// compile prepares the route, or says what its author got wrong.
func (r *route) compile() error {
	var err error
	if r.inputs, err = newInputs(r.in); err != nil {
		return fmt.Errorf("handlers: %s: %w", r.pattern, err)
	}
	if r.family == "" {
		r.family = middleware.General
	}
	for _, p := range r.inputs.params {
		if p.in == inPath && !strings.Contains(r.path(), "{"+p.name+"}") {
			return fmt.Errorf("handlers: %s has no wildcard %s", r.pattern, p.name)
		}
	}
	if !strings.HasPrefix(r.path(), "/") || r.summary == "" || r.status == 0 {
		return fmt.Errorf("handlers: %s is incomplete", r.pattern)
	}
	if r.inputs.body != nil && r.method() == http.MethodGet {
		return fmt.Errorf("handlers: %s reads a body", r.pattern)
	}
	return nil
}

// A Route describes one operation of the API.
type Route struct {
	Method     string
	Path       string // with its wildcards in braces
	Audience   string // public, user or management
	Permission store.Permission
	Summary    string
	Status     int // of success
	Category   string
	AnyTenant  bool // the host's back end may leave the tenant out
	Self       bool // it acts on the caller, or on the user that the back end names
	Own        bool // the published API does not have it
}

func (r route) describe() Route {
	return Route{
		Method: r.method(), Path: r.path(), Audience: string(r.audience), Permission: r.permission,
		Summary: r.summary, Status: r.status, Category: r.category, AnyTenant: r.noTenant, Self: r.needsUser, Own: r.ours,
	}
}
