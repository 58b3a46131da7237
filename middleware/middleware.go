// Package middleware says who is calling and whether they may.
//
// A [Guard] wraps handlers of the host and of the library alike. It learns who a credential
// stands for through one function, so it knows no rule and no store.
package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/go-identity/identity/store"
)

// A Credential is what a request shows to prove who is calling. One field is set.
type Credential struct {
	Bearer string // a token
	Cookie string // the value of the session cookie
}

// A Renewal says that a session cookie lives on. The zero Renewal leaves it as it is.
type Renewal struct {
	Until time.Time
}

// Config is what a Guard needs.
type Config struct {
	// Resolve returns the principal that a credential stands for. It is shared between
	// requests and never changed. An error is what the caller is told; one that is not a
	// fault is an internal error.
	Resolve func(ctx context.Context, c Credential) (*store.Principal, Renewal, error)
	// Declared reports whether the host's catalogue has a permission. Nil means that every
	// permission counts as declared.
	Declared func(store.Permission) bool
	// Denied is told of each refusal with status 403, for the audit. Nil means nobody is.
	Denied func(ctx context.Context, by store.Principal, route string)
	// Log takes what a caller must not see.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Origins are the browser origins that may call, such as "https://app.example.com".
	// Empty means the one that serves the request and no other.
	Origins []string
	// TrustedProxies are those whose X-Forwarded-For counts. Empty means nobody's.
	TrustedProxies []netip.Prefix
	// LoginURL is where a browser that asks for a page is sent to sign in. Empty means that
	// it gets the JSON error as everyone does.
	LoginURL string
	// Limiter bounds how often one address may call. Nil means no bound.
	Limiter *Limiter
}

// A Guard authenticates requests and refuses those that may not pass.
type Guard struct {
	config  Config
	origin  *http.CrossOriginProtection
	origins map[string]bool

	mu     sync.Mutex
	wiring []error
}

// New returns a Guard, or an error that lists everything that is wrong with c.
func New(c Config) (*Guard, error) {
	g := &Guard{config: c, origin: http.NewCrossOriginProtection(), origins: map[string]bool{}}
	var wrong []error
	if c.Resolve == nil || c.Log == nil || c.Now == nil {
		wrong = append(wrong, errors.New("middleware: Resolve, Log and Now are needed"))
	}
	for _, o := range c.Origins {
		wrong = append(wrong, g.trust(o))
	}
	if c.LoginURL != "" && !strings.HasPrefix(c.LoginURL, "/") && !strings.HasPrefix(c.LoginURL, "https://") {
		wrong = append(wrong, errors.New("middleware: LoginURL must be a path or an https URL"))
	}
	return g, errors.Join(wrong...)
}

// Err returns what is wrong with the guards that were made so far: a permission that is
// not declared, or an empty one. Such a guard refuses every request.
func (g *Guard) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.wiring...)
}

func (g *Guard) miswired(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wiring = append(g.wiring, err)
}
