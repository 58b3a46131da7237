package handlers

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// A call is one request on its way through an operation. Operations that are more than
// decode, call, encode get it whole: those that read and set cookies.
type call struct {
	api   *API
	route *route
	w     http.ResponseWriter
	r     *http.Request
	by    store.Principal
}

// flow makes an operation that sees the call.
func flow[In, Out any](fn func(c *call, in In) (Out, error)) operation {
	run := func(c *call) (any, error) {
		in, by, err := decode[In](c)
		if err != nil {
			return nil, err
		}
		c.by = by
		return fn(c, in)
	}
	return operation{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), cookies: true, run: run}
}

// Context returns the context of the request.
func (c *call) Context() context.Context { return c.r.Context() }

// cookie returns the value of a request cookie, empty without one. Two that differ are an
// error: one of them was planted.
func (c *call) cookie(name string) (string, error) { return middleware.Cookie(c.r, name) }

// setCookie adds a cookie to the answer.
func (c *call) setCookie(k *http.Cookie) { http.SetCookie(c.w, k) }

// clearCookie tells the browser to forget a cookie of this host.
func (c *call) clearCookie(name string) { http.SetCookie(c.w, middleware.HostCookie(name, "", 0)) }

// now returns the time.
func (c *call) now() time.Time { return c.api.config.Now() }
