// Package identity gives an application identity of its own, inside its process and its
// database: sign-up and sign-in, tenants, roles and permissions, sessions and tokens.
//
//	id, err := identity.New(ctx, identity.Options{Permissions: []identity.Permission{"reports.read"}})
//	…
//	id.Mount(mux)
//	mux.Handle("GET /reports", id.RequirePermission("reports.read")(reports))
//
// [Identity.Mount] serves the published API, the pages under /account/ and /openapi.json.
// Every operation of the API has a method here: id.Users.Create does in process what the
// route does. A host that calls in process passes [System] as the caller.
package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// The nouns that a host meets, under the names it meets them by.
type (
	// Permission names one thing that a caller may do.
	Permission = store.Permission
	// Principal is a caller whose credential has been checked.
	Principal = store.Principal
	// Message is an e-mail on its way out.
	Message = store.Message
	// Error is how the library says no.
	Error = fault.Error
	// MintContext is what Options.Token.BeforeMint is told, and what it may change.
	MintContext = service.MintContext
)

// Identity is the library, wired. Its exported fields are the API in process.
type Identity struct {
	Users       *service.Users
	Members     *service.Members
	Tenants     *service.Tenants
	Roles       *service.Roles
	Permissions *service.Permissions
	Categories  *service.Categories
	Sessions    *service.Sessions
	Profiles    *service.Profiles
	Passwords   *service.Passwords
	Socials     *service.Socials
	SignIn      *service.SignIn
	MFA         *service.MFA
	MFAPolicies *service.MFAPolicies
	SignUp      *service.SignUp
	Resets      *service.Resets
	Emails      *service.Emails
	Unlocks     *service.Unlocks
	Credentials *service.Credentials
	Keys        *service.Keys
	Templates   *service.Templates
	Targeting   *service.Targeting
	Outbox      *service.Outbox

	Connections *service.Connections
	Domains     *service.Domains
	SSO         *service.SSO
	SSOAttempts *service.SSOAttempts
	SSOPolicies *service.SSOPolicies
	SSOSetups   *service.SSOSetups

	services *service.Services
	guard    *middleware.Guard
	api      *handlers.API
	pages    http.Handler
	store    store.Store
	declared map[Permission]bool
	close    sync.Once
	closed   error
}

// New wires an Identity. It opens the store, brings its schema up to date, makes what a
// first start needs (a key to sign with, the catalogue of permissions, the first roles)
// and checks the options. The error names everything that is wrong with them. On an error
// a store that was passed in stays open.
func New(ctx context.Context, o Options) (*Identity, error) {
	w, err := wire(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return w, nil
}

// System is the caller that a host names when it calls in process. It may do everything.
func System() Principal { return store.System() }

// Refuse returns the error by which a hook of the host says no: the caller is refused (403)
// and reads the message.
func Refuse(message string) error { return fault.New(fault.Forbidden, "", message) }

// PrincipalFrom returns who is calling, as [Identity.Authenticate] or a guard found it. It
// reports false when nobody is signed in.
func PrincipalFrom(ctx context.Context) (Principal, bool) { return middleware.PrincipalFrom(ctx) }

// Mount registers every path of the library on mux: the wire, the pages and /openapi.json.
func (id *Identity) Mount(mux *http.ServeMux) {
	id.api.Mount(mux)
	mux.Handle("GET "+accountPages, id.pages) // with methods, so that a host's "GET /" stays the host's
	mux.Handle("POST "+accountPages, id.pages)
}

// Handler serves every path of the library as one handler, for another router or behind
// [http.StripPrefix]. Other paths get 404.
func (id *Identity) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, accountPages) {
			id.pages.ServeHTTP(w, r)
			return
		}
		id.api.ServeHTTP(w, r)
	})
}

// Authenticate finds out who is calling and tells next through the context. Nobody is
// refused: that is for the guards below, which authenticate by themselves where
// Authenticate did not run.
func (id *Identity) Authenticate(next http.Handler) http.Handler { return id.guard.Authenticate(next) }

// RequirePermission lets through who holds any of the permissions. Each must be in
// Options.Permissions: a guard that names another refuses everybody, and Err says so.
func (id *Identity) RequirePermission(first Permission, more ...Permission) func(http.Handler) http.Handler {
	return id.guard.RequirePermission(first, more...)
}

// RequireAll lets through who holds all of the permissions.
func (id *Identity) RequireAll(first Permission, more ...Permission) func(http.Handler) http.Handler {
	return id.guard.RequireAll(first, more...)
}

// RequireUser lets through who is signed in.
func (id *Identity) RequireUser(next http.Handler) http.Handler { return id.guard.RequireUser(next) }

// RequireRole lets through who holds any of the environment roles. A role that a tenant
// made never counts, whatever its key.
func (id *Identity) RequireRole(first string, more ...string) func(http.Handler) http.Handler {
	return id.guard.RequireRole(first, more...)
}

// RequireTenant lets through who acts in the tenant that of finds in the request, such as
// [middleware.PathTenant].
func (id *Identity) RequireTenant(of func(*http.Request) string) func(http.Handler) http.Handler {
	return id.guard.RequireTenant(of)
}

// RequireStepUp lets through people who have shown a second factor just now: with the token
// that they call with, or for a browser session no longer ago than Options.Token.Lifetime.
// With a maxAge, in whole seconds, they signed in no longer ago than it. Others get status
// 403 and the challenge of RFC 9470; they begin with [service.MFA.StepUp]. A maxAge that
// cannot be refuses everybody, and Err says so.
func (id *Identity) RequireStepUp(maxAge time.Duration) func(http.Handler) http.Handler {
	return id.guard.RequireStepUp(maxAge)
}

// Environment is the id of this installation: the clientId of the wire, the audience of
// its tokens.
func (id *Identity) Environment() string { return id.services.Environment }

// Run delivers messages, rotates signing keys on schedule, removes what expired and reads
// revocations ahead of the requests, until ctx ends. Without it everything stays correct
// but messages wait, which the log says. Run returns at once with an error when the wiring
// is wrong (see Err).
func (id *Identity) Run(ctx context.Context) error {
	if err := id.Err(); err != nil {
		return err
	}
	return id.services.Run(ctx)
}

// Err returns the wiring mistakes found so far: a guard that names an undeclared
// permission.
func (id *Identity) Err() error { return id.guard.Err() }

// Healthy reports whether the store answers and messages leave, for a health check.
func (id *Identity) Healthy(ctx context.Context) error { return id.services.Healthy(ctx) }

// Close closes the store, and what is open to providers. A second call does nothing. It does
// not wait for Run: cancel its context first.
func (id *Identity) Close() error {
	id.close.Do(func() {
		id.Connections.HangUp()
		id.closed = id.store.Close()
	})
	return id.closed
}

// A Tx is the services bound to a transaction of the host's.
type Tx struct {
	Users       *service.Users
	Members     *service.Members
	Tenants     *service.Tenants
	Roles       *service.Roles
	Permissions *service.Permissions
	Categories  *service.Categories
}

// InTx binds the services to the host's own transaction on the same database, so that a
// user and the host's row about that user are written together or not at all. On
// PostgreSQL the transaction must be serializable. What it changes reaches the caches of
// every process, this one included, within Options.Session.RevocationLag of the commit.
func (id *Identity) InTx(ctx context.Context, tx *sql.Tx) (*Tx, error) {
	b, ok := id.store.(store.Binder)
	if !ok {
		return nil, errors.New("identity: this store cannot join a transaction")
	}
	bound, err := b.Bind(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	s := id.services.Bind(bound)
	return &Tx{
		Users: s.Users, Members: s.Members, Tenants: s.Tenants,
		Roles: s.Roles, Permissions: s.Permissions, Categories: s.Categories,
	}, nil
}
