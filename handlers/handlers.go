// Package handlers is the HTTP face: one file of routes per category.
package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
)

// Config is what the API needs.
type Config struct {
	Services *service.Services
	Guard    *middleware.Guard
	Log      *slog.Logger
	Now      func() time.Time
	BaseURL  string // where browsers find the API; without a slash at the end

	// Problem shows a person what is wrong with a request that came back from a provider. Nil
	// means a plain page.
	Problem func(http.ResponseWriter, *http.Request, error)
}

// An API serves every operation from the root of a host.
type API struct {
	config Config
	rows   []route
	mux    *http.ServeMux
	chain  http.Handler
}

// routes lists every operation: one line per category.
func routes(c Config) []route {
	return slices.Concat(
		of("Description", openapi{}.routes()),
		of("Vendor authentication", credentials{c.Services.Credentials}.routes()),
		of("General", newSignin(c).routes()),
		of("General", newSignup(c).routes()),
		of("General", newSSOSignin(c).routes()),
		of("SSO browser endpoints", newSSOSignin(c).browser()),
		of("General", newSocialSignins(c).routes()),
		of("OAuth and hosted login", newSocialSignins(c).browser()),
		of("Password settings", passwords{c.Services.Passwords}.routes()),
		of("Password settings", resets{c.Services.Resets}.routes()),
		of("User management", emails{c.Services}.routes()),
		of("User management", unlocks{c.Services.Unlocks}.routes()),
		of("User sessions", sessions{c.Services.Sessions}.routes()),
		of("Core settings", configurations{c.Services.Configured, c.Services.Keys}.routes()),
		of("Core settings", templates{c.Services}.routes()),
		of("Core settings", targetings{c.Services.Targeting}.routes()),
		of("OAuth and hosted login", configurations{c.Services.Configured, c.Services.Keys}.wellKnown()),
		of("Roles", roles{c.Services}.routes()),
		of("Permissions", permissions{c.Services.Permissions}.routes()),
		of("Permissions categories", categories{c.Services.Categories}.routes()),
		of("Users", users{c.Services}.routes()),
		of("User management", members{c.Services}.routes()),
		of("User management", profiles{c.Services}.routes()),
		of("MFA", newMFA(c).routes()),
		of("MFA settings", mfaPolicies{c.Services.MFAPolicies}.routes()),
		of("MFA configuration", mfaPolicies{c.Services.MFAPolicies}.configuration()),
		of("Users", newMFA(c).management()),
		of("Social login providers", newSocials(c).routes()),
		of("Custom social OAuth provider", newSocials(c).custom()),
		of("Tenants: Accounts", tenants{c.Services}.routes()),
		of("SSO configurations (self-service)", domains{c.Services}.routes()),
		of("SSO configurations (self-service)", connections{c.Services}.routes()),
		of("SSO configurations (self-service)", connections{c.Services}.settings()),
		of("SAML configurations (self-service)", samlConfigurations{c.Services}.routes()),
		of("OIDC configurations (self-service)", connections{c.Services}.oidc()),
		of("SSO settings (management)", connections{c.Services}.management()),
		of("SSO settings (management)", ssoSettings{c.Services}.routes()),
		of("SSO set-up links", ssoSetups{c.Services.SSOSetups}.routes()),
	)
}

// New returns the API, or an error that says what is wrong with its routes.
func New(c Config) (*API, error) {
	if c.Services == nil || c.Guard == nil || c.Log == nil || c.Now == nil {
		return nil, errors.New("handlers: Services, Guard, Log and Now are needed")
	}
	return newAPI(c, routes(c))
}

func newAPI(c Config, rows []route) (*API, error) {
	a := &API{config: c, rows: rows, mux: http.NewServeMux()}
	a.mux.HandleFunc("/", a.missing)
	for i := range a.rows {
		row := &a.rows[i]
		if err := row.compile(); err != nil {
			return nil, err
		}
		if err := register(a.mux, row.pattern, a.handler(row)); err != nil {
			return nil, err
		}
	}
	a.chain = a.harden(c.Guard.CORS(http.HandlerFunc(a.dispatch)))
	return a, nil
}

// register returns as an error what ServeMux says of a pattern by panic: bad, or in
// conflict with another.
func register(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handlers: %s: %v", pattern, v)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.chain.ServeHTTP(w, r) }

// Mount makes mux serve the API. It takes the folders that the API has for itself, such as
// /identity/resources/, and single paths elsewhere, so that the host keeps the rest.
func (a *API) Mount(mux *http.ServeMux) {
	var patterns []string
	for _, r := range a.rows {
		patterns = append(patterns, mounts(r.path())...)
	}
	slices.Sort(patterns)
	for _, p := range slices.Compact(patterns) {
		for _, method := range methods() {
			mux.Handle(method+" "+p, a)
		}
	}
}

// methods lists those that reach the API. A pattern without a method would not go together
// with a host's "GET /".
func methods() []string { return []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} }

// mounts returns the patterns under which a path is reached.
func mounts(path string) []string {
	before, _, ours := strings.Cut(path, "/resources/")
	if ours {
		folder := before + "/resources/"
		return []string{folder, prefix + folder}
	}
	var all []string
	for _, p := range []string{path, prefix + path} {
		all = append(all, p, p+"/{$}")
	}
	return all
}

// Routes describes every operation, in the order of their registration.
func (a *API) Routes() []Route {
	var all []Route
	for _, r := range a.rows {
		all = append(all, r.describe())
	}
	return all
}
