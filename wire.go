package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-identity/identity/handlers"
	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store/sqlite"
)

// wire checks the options and builds every room in dependency order.
func wire(ctx context.Context, o Options) (*Identity, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	opened := o.Store == nil
	if opened {
		s, err := sqlite.Open(ctx, defaultPath)
		if err != nil {
			return nil, err
		}
		o.Store = s
	}
	id, err := build(ctx, o)
	if err != nil && opened {
		err = errors.Join(err, o.Store.Close())
	}
	return id, err
}

// complete fills in what zero values mean and lists everything that is wrong.
func (o *Options) complete() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if o.Send == nil {
		o.Send = message.LogSender(o.Logger)
	}
	o.BaseURL = strings.TrimSuffix(orDefault(o.BaseURL, defaultBaseURL), "/")
	return errors.Join(o.checkURL(), o.checkPassword(), o.checkTimes())
}

func (o *Options) checkURL() error {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("BaseURL %q must be a scheme and a host, such as https://app.example.com", o.BaseURL)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("BaseURL %q must be https: plain http is for loopback only", o.BaseURL)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func (o *Options) checkPassword() error {
	if n := o.Password.MinLength; n != 0 && (n < 8 || n > 128) {
		return fmt.Errorf("Password.MinLength is %d, must be 8 to 128", n)
	}
	return nil
}

func (o *Options) checkTimes() error {
	var wrong []error
	p := o.session()
	for name, d := range map[string]time.Duration{
		"Session.Idle": p.Idle, "Session.Absolute": p.Absolute, "Session.ReuseGrace": p.ReuseGrace,
		"Session.RevocationLag": p.RevocationLag, "Token.Lifetime": p.AccessToken, "SignUp.LinkLife": o.SignUp.LinkLife,
		"Password.ResetLife": o.Password.ResetLife, "Lockout.Window": o.Lockout.Window, "Lockout.Duration": o.Lockout.Duration,
	} {
		if d < 0 {
			wrong = append(wrong, fmt.Errorf("%s must not be negative", name))
		}
	}
	wrong = append(wrong, o.checkRotation(p.RevocationLag))
	if p.AccessToken < 10*time.Second || p.AccessToken > 180*24*time.Hour {
		wrong = append(wrong, errors.New("Token.Lifetime must be 10 seconds to 180 days"))
	}
	if p.Skew < 0 || p.Skew > 2*time.Minute {
		wrong = append(wrong, errors.New("Token.Skew must be 0 to 2 minutes"))
	}
	if o.Session.Max < 0 || o.Lockout.Failures < 0 || o.Token.MaxBytes < 0 || o.Token.Cached < 0 || o.Password.Hashes < 0 {
		wrong = append(wrong, errors.New("counts must not be negative"))
	}
	return errors.Join(wrong...)
}

// checkRotation makes sure that a key is known everywhere before it signs, and signs before
// it is replaced.
func (o *Options) checkRotation(lag time.Duration) error {
	k := o.keys()
	if k.Publish < 5*lag {
		return fmt.Errorf("Token.Publish is %s, must be at least five times Session.RevocationLag (%s)", k.Publish, lag)
	}
	if k.RotateEvery != 0 && k.RotateEvery <= k.Publish {
		return fmt.Errorf("Token.RotateEvery is %s, must be longer than Token.Publish (%s)", k.RotateEvery, k.Publish)
	}
	return nil
}

func build(ctx context.Context, o Options) (*Identity, error) {
	ring, err := o.ring(ctx)
	if err != nil {
		return nil, err
	}
	hasher, err := password.New(o.hashing())
	if err != nil {
		return nil, err
	}
	s, err := service.New(ctx, o.config(ring, hasher))
	if err != nil {
		return nil, err
	}
	if err := s.Seed(ctx, o.Permissions, o.Roles); err != nil {
		return nil, err
	}
	id := &Identity{
		Users: s.Users, Members: s.Members, Tenants: s.Tenants, Roles: s.Roles, Permissions: s.Permissions,
		Categories: s.Categories, Sessions: s.Sessions, Profiles: s.Profiles, Passwords: s.Passwords,
		Socials: s.Socials, SignIn: s.SignIn, MFA: s.MFA, MFAPolicies: s.MFAPolicies, SignUp: s.SignUp,
		Resets: s.Resets, Emails: s.Emails, Unlocks: s.Unlocks,
		Credentials: s.Credentials, Keys: s.Keys, Templates: s.Templates, Targeting: s.Targeting,
		Outbox:      s.Outbox,
		Connections: s.Connections, Domains: s.Domains, SSO: s.SSO, SSOAttempts: s.SSOAttempts,
		SSOPolicies: s.SSOPolicies, SSOSetups: s.SSOSetups,
		services: s, store: o.Store, declared: map[Permission]bool{},
	}
	for _, p := range append(s.BuiltIn(), o.Permissions...) {
		id.declared[p] = true
	}
	return id, id.face(o)
}

func (o Options) hashing() password.Config {
	c := password.Config{Limit: o.Password.Hashes}
	if o.Password.Test.Cheap() {
		c.Memory, c.Time = 64, 1
	}
	return c
}

// face builds what requests meet: the guard and the handlers.
func (id *Identity) face(o Options) error {
	c := middleware.Config{
		Resolve: id.resolve, Declared: func(p Permission) bool { return id.declared[p] }, Denied: id.services.Denied,
		Log: o.Logger, Now: o.Now, TrustedProxies: o.TrustedProxies, LoginURL: "/account/login",
		Origins: append([]string{origin(o.BaseURL)}, o.Origins...), // a proxy may change the Host that says the same
	}
	if !o.Limits.Off {
		c.Limiter = middleware.NewLimiter(o.Now, middleware.Rates())
	}
	g, err := middleware.New(c)
	if err != nil {
		return err
	}
	id.guard = g
	var shown *pages.Pages
	if id.api, err = handlers.New(handlers.Config{
		Services: id.services, Guard: g, Log: o.Logger, Now: o.Now, BaseURL: o.BaseURL,
		Problem: func(w http.ResponseWriter, r *http.Request, err error) { shown.Problem(w, r, err) },
	}); err != nil {
		return err
	}
	shown, err = pages.New(pages.Config{
		Guard: g, Services: id.services, Log: o.Logger, Now: o.Now, Brand: o.brand(), BrandOf: o.Pages.BrandOf,
		Texts: o.Pages.Texts, SignUpClosed: o.SignUp.Disabled, FixedEmails: o.Users.FixedEmails,
	})
	if err != nil {
		return err
	}
	id.pages = shown
	return nil
}

// origin is the browser origin of a URL that was checked.
func origin(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Scheme + "://" + u.Host
}

// accountPages is the folder of the pages.
const accountPages = "/account/"

// resolve tells the middleware who a credential stands for.
func (id *Identity) resolve(ctx context.Context, c middleware.Credential) (*Principal, middleware.Renewal, error) {
	if c.Cookie != "" {
		p, until, err := id.services.Gate.ResolveCookie(ctx, c.Cookie)
		return p, middleware.Renewal{Until: until}, err
	}
	p, err := id.services.Gate.Resolve(ctx, c.Bearer)
	return p, middleware.Renewal{}, err
}

func (o Options) config(ring *secret.Ring, hasher *password.Hasher) service.Config {
	return service.Config{
		Store: o.Store, Now: o.Now, Log: o.Logger, Ring: ring, Hasher: hasher, Send: o.Send,
		BaseURL: o.BaseURL, Brand: o.Name,
		Password: password.Policy{MinLength: o.Password.MinLength, Breached: o.Password.Breached},
		Lockout:  o.lockout(), Session: o.session(), ResetLife: orDefault(o.Password.ResetLife, time.Hour),
		SignUp: service.SignUpPolicy{
			Closed: o.SignUp.Disabled, SkipVerification: o.SignUp.SkipVerification, Code: o.SignUp.Code,
			LinkLife: orDefault(o.SignUp.LinkLife, 24*time.Hour),
		},
		Keys: o.keys(), Algorithm: o.algorithm(), MaxToken: orDefault(o.Token.MaxBytes, 7168),
		CachedTokens: orDefault(o.Token.Cached, 16384), PerTenant: o.Users.PerTenant,
		Unverified: o.SignUp.SkipVerification, BeforeMint: o.Token.BeforeMint, Outbound: o.Outbound.guard(),
		Origins: o.Origins, EveryGroup: o.SSO.GroupsEveryLogin,
		Social:   o.Social.Providers,
		Resolver: o.SSO.Resolver, CodeSkew: o.MFA.skew(), FixedEmails: o.Users.FixedEmails, SilentLocks: o.Lockout.Silent,
	}
}
