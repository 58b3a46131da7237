package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/internal/password"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A Config is what the services need. [github.com/go-identity/identity.New] fills it.
type Config struct {
	Store   store.Store
	Now     func() time.Time
	Log     *slog.Logger
	Ring    *secret.Ring
	Hasher  *password.Hasher
	Send    message.Sender
	BaseURL string // without a slash at the end
	Brand   string

	Password     password.Policy
	Lockout      store.AttemptLimit // Max 0 is no lockout
	ResetLife    time.Duration      // of a link that resets a password
	Session      SessionPolicy
	SignUp       SignUpPolicy
	Keys         KeyPolicy
	Algorithm    string // of signing keys
	MaxToken     int    // bytes of an access token
	PerTenant    bool   // users belong to one tenant each
	Unverified   bool   // users may sign in before they proved their address
	FixedEmails  bool   // users may not change their address
	CodeSkew     int    // by how many steps of 30 seconds the clock of an authenticator may be off
	SilentLocks  bool   // no message tells of a lockout
	StrictLevels bool   // a role may be handed out by strictly stronger ones only
	CachedTokens int
	Origins      []string          // besides the base URL's own: where a sign-in may lead to
	EveryGroup   bool              // a person's groups at a provider count at each sign-in; else at the first
	Social       []social.Provider // described by the host: in place of the library's own, by type, or more
	Outbound     *outbound.Guard   // of every call to an address that somebody else chose; nil reaches public ones only
	Resolver     TXTResolver       // finds the records that prove domains; nil is the machine's

	BeforeMint func(context.Context, *MintContext) error // asked before each token of a user; nil is none
}

// Services are built in dependency order: a service calls only those above it.
type Services struct {
	Environment string // its id: the vendorId and the clientId of the wire

	Feed        *Feed
	Keys        *Keys
	Outbox      *Outbox
	Categories  *Categories
	Permissions *Permissions
	Roles       *Roles
	Tenants     *Tenants
	Connections *Connections
	SSOAttempts *SSOAttempts
	Socials     *Socials
	Passwords   *Passwords
	Sessions    *Sessions
	MFAPolicies *MFAPolicies
	Gate        *Gate
	SignIn      *SignIn
	SignUp      *SignUp
	Resets      *Resets
	Emails      *Emails
	Unlocks     *Unlocks
	MFA         *MFA
	Credentials *Credentials
	Users       *Users
	Members     *Members
	Profiles    *Profiles
	Configured  *Configured
	Templates   *Templates
	Targeting   *Targeting
	SSOPolicies *SSOPolicies
	Domains     *Domains
	SSOSetups   *SSOSetups
	SSO         *SSO

	base *base
}

// New builds every service, naming the environment and making its first signing key where
// the store has none.
func New(ctx context.Context, c Config) (*Services, error) {
	b := &base{store: c.Store, log: c.Log, strictLevels: c.StrictLevels}
	b.now = func() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }
	b.newID = func() string { return secret.UUIDv7(b.now()) }
	s := &Services{Feed: newFeed(b, c.Session), base: b}
	b.apply, b.doubt = s.Feed.commit, s.Feed.tell
	id, err := environmentID(ctx, b)
	if err != nil {
		return nil, err
	}
	s.Environment, b.environment = id, id
	s.Keys = &Keys{
		base: b, feed: s.Feed, ring: c.Ring, policy: c.Keys, algorithm: c.Algorithm, issuer: c.BaseURL,
		life: max(c.Session.AccessToken, managementLife), skew: c.Session.Skew,
	}
	if err := s.Keys.start(ctx); err != nil {
		return nil, err
	}
	compose, err := message.New(c.Brand)
	if err != nil {
		return nil, err
	}
	how, err := newTreatments(ctx, b, s.Feed, c.Session.AccessToken)
	if err != nil {
		return nil, err
	}
	out, err := newOutside(b, c)
	if err != nil {
		return nil, err
	}
	s.Connections = newConnections(b, c, out)
	s.SSOAttempts = &SSOAttempts{base: b, ring: c.Ring, connections: s.Connections}
	if s.Socials, err = newSocials(b, c, out); err != nil {
		return nil, err
	}
	s.build(b, c, newMinter(b, s.Keys, how, c), compose)
	return s, nil
}

func (s *Services) build(b *base, c Config, m *minter, compose *message.Composer) {
	p := &people{store: c.Store, generation: s.Feed.Generation}
	s.Feed.listeners = append(s.Feed.listeners, p.forget, s.Keys.heard, m.treatments.heard)

	s.Outbox = newOutbox(b, c.Ring, c.Send)
	s.Connections.notices = &connectionNotices{s.Outbox, compose}
	s.Categories = &Categories{base: b}
	s.Permissions = &Permissions{base: b}
	s.Roles = &Roles{base: b}
	s.Tenants = &Tenants{base: b}
	tries := &attempts{base: b, ring: c.Ring, limit: c.Lockout}
	s.Unlocks = &Unlocks{
		base: b, attempts: tries, outbox: s.Outbox, compose: compose, silent: c.SilentLocks,
		links: links{b, store.Unlock, c.BaseURL + "/account/unlock", max(time.Hour, c.Lockout.Lock)},
	}
	s.Passwords = newPasswords(b, c, tries, s.Unlocks, compose)
	s.Sessions = &Sessions{base: b}
	s.MFAPolicies = &MFAPolicies{base: b, methods: methods{c.Brand}}
	asked := &demands{b}
	s.Gate = &Gate{
		base: b, feed: s.Feed, demands: asked, keys: s.Keys, ring: c.Ring, people: p, session: c.Session,
		tokens: token.NewCache[ticket](c.CachedTokens),
		expect: token.Expect{Audience: []string{m.audience}, MaxLifetime: token.MaxLifetime, Skew: c.Session.Skew},
	}
	s.SignIn = &SignIn{
		base: b, feed: s.Feed, demands: asked, passwords: s.Passwords, minter: m, people: p, ring: c.Ring, policy: c.Session,
		perTenant: c.PerTenant, verified: !c.Unverified,
	}
	s.SignUp = &SignUp{
		base: b, signin: s.SignIn, passwords: s.Passwords, outbox: s.Outbox, compose: compose, policy: c.SignUp, baseURL: c.BaseURL,
		links: links{b, store.Activation, c.BaseURL + "/account/activate", c.SignUp.LinkLife},
		codes: codes{b, c.Ring, store.ActivationCode},
	}
	s.Resets = &Resets{
		base: b, passwords: s.Passwords, signup: s.SignUp, outbox: s.Outbox, compose: compose, perTenant: c.PerTenant,
		links: links{b, store.Reset, c.BaseURL + "/account/reset", c.ResetLife},
	}
	s.Emails = &Emails{
		base: b, codes: codes{b, c.Ring, store.EmailChange}, outbox: s.Outbox, compose: compose, fixed: c.FixedEmails,
	}
	s.MFA = &MFA{
		base: b, signin: s.SignIn, demands: asked, policies: s.MFAPolicies, factors: &factors{b, c.Ring, c.CodeSkew},
		attempts: &attempts{base: b, ring: c.Ring, limit: mfaGuesses()},
		notices:  &mfaNotices{b, s.Outbox, compose},
	}
	s.Credentials = &Credentials{base: b, ring: c.Ring, minter: m, environment: s.Environment}
	s.Users = &Users{base: b, passwords: s.Passwords, perTenant: c.PerTenant}
	s.Members = &Members{base: b}
	s.Profiles = &Profiles{base: b}
	s.Configured = &Configured{base: b, keys: s.Keys, config: c}
	s.Templates = &Templates{base: b, keys: s.Keys, minter: m}
	s.Targeting = &Targeting{base: b}
	s.SSOPolicies = &SSOPolicies{base: b}
	s.Domains = newDomains(b, c)
	s.SSOSetups = newSSOSetups(b, c, s.Outbox, compose)
	s.SSO = newSSO(b, c, s)
	s.Socials.sso = s.SSO
}

// Bind returns the services that a host may use inside a transaction of its own, over the
// store bound to it. What they revoke reaches the caches through the feed, once the host
// has committed.
func (s *Services) Bind(bound store.Store) *Services {
	b := *s.base
	b.store, b.apply, b.doubt = bound, func(...store.Revocation) {}, func([]store.Revocation) {}
	users := *s.Users
	users.base = &b
	return &Services{
		Environment: s.Environment, Users: &users, Members: &Members{base: &b}, Tenants: &Tenants{base: &b},
		Roles: &Roles{base: &b}, Permissions: &Permissions{base: &b}, Categories: &Categories{base: &b}, base: &b,
	}
}

// Denied records that a caller was refused by a guard. It is written even when the client
// hung up.
func (s *Services) Denied(ctx context.Context, by store.Principal, route string) {
	s.base.note(ctx, by, "access.denied", route, nil)
}

// Run delivers messages, reads the feed ahead of the requests, rotates keys on schedule, looks
// after connections and removes what expired, until ctx ends.
func (s *Services) Run(ctx context.Context) error {
	jobs := []func(context.Context) error{s.Outbox.Run, s.Feed.Run, s.Keys.run, s.Connections.watch, s.sweepLoop}
	done := make(chan error, len(jobs))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, job := range jobs {
		go func() { done <- job(ctx) }()
	}
	var failed error
	for range jobs {
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			failed = errors.Join(failed, err)
		}
		cancel() // one that ends takes the others along
	}
	return failed
}

// sweepEvery is how often expired records are removed.
const sweepEvery = 10 * time.Minute

func (s *Services) sweepLoop(ctx context.Context) error {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
			if err := s.Sweep(ctx); err != nil {
				s.base.log.WarnContext(ctx, "sweep", "error", err)
			}
		}
	}
}

// How long records are kept after they ceased to matter.
const (
	keepEnded    = 30 * 24 * time.Hour
	keepExpired  = 24 * time.Hour
	keepMessages = 7 * 24 * time.Hour
	keepAttempts = 30 * 24 * time.Hour
)

// Sweep removes records that expired long enough ago: sessions and what is known of them at
// providers, challenges, counts of failed attempts, tries to sign in through connections,
// sent messages, signing keys and revocations that every process has seen.
func (s *Services) Sweep(ctx context.Context) error {
	now := s.base.now()
	_, err1 := s.base.store.SweepSessions(ctx, now.Add(-keepEnded))
	_, err2 := s.base.store.SweepChallenges(ctx, now.Add(-keepExpired))
	_, err3 := s.base.store.SweepMessages(ctx, now.Add(-keepMessages))
	_, err4 := s.base.store.SweepRevocations(ctx, now.Add(-keepExpired))
	_, err5 := s.base.store.SweepRememberedDevices(ctx, now)
	_, err6 := s.base.store.SweepProviderSessions(ctx, now)
	_, err7 := s.base.store.SweepSSOAttempts(ctx, now.Add(-keepAttempts))
	return errors.Join(err1, err2, err3, err4, err5, err6, err7, s.Passwords.sweep(ctx, now), s.Keys.sweep(ctx, now))
}

// Healthy reports whether the store answers and mail leaves.
func (s *Services) Healthy(ctx context.Context) error {
	if err := s.base.store.Ping(ctx); err != nil {
		return fault.Retry(fault.Unavailable, "the store does not answer", time.Second).Because(err)
	}
	n, oldest, err := s.Outbox.Waiting(ctx)
	if err != nil {
		return err
	}
	if late := s.base.now().Sub(oldest); n > 0 && late > mailIsLate {
		return fault.New(fault.Unavailable, "", fmt.Sprintf("%d messages wait, the oldest for %s", n, late.Round(time.Second)))
	}
	return nil
}

// mailIsLate is how long a message may wait before the health check speaks up.
const mailIsLate = 15 * time.Minute
