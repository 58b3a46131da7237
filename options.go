package identity

import (
	"context"
	"crypto"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"time"

	"github.com/go-identity/identity/handlers/pages"
	"github.com/go-identity/identity/internal/outbound"
	"github.com/go-identity/identity/internal/testoption"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
)

// Options configure an Identity. The zero Options run: a SQLite file at ./identity.db, on
// loopback, with messages in the log.
type Options struct {
	// Store keeps the records; Close closes it. Nil means a SQLite file at ./identity.db.
	// See the packages store/sqlite and store/postgres.
	Store store.Store

	// BaseURL is where people reach the host, such as "https://app.example.com": links in
	// messages and the issuer of tokens. It is https unless it is loopback. Empty means
	// http://localhost:8080.
	BaseURL string

	// Secrets encrypt what the store must not show: signing keys, tokens in flight. Each has
	// at least 32 bytes; the first encrypts, all decrypt, so that one can be replaced. Empty
	// means a key file beside the SQLite file, or random with a database in memory; with
	// PostgreSQL New returns an error.
	Secrets [][]byte

	// Name is what people know the host by, in messages and on pages. Empty means "this
	// service".
	Name string

	// Permissions is the catalogue of the host: what its guards ask for. A guard that asks
	// for anything else refuses every request. Empty means the library's own only.
	Permissions []Permission

	// Roles are made when the store does not have them. A permission that a role here has
	// and the stored one lacks is added; nothing is taken away. Empty means an "admin" role,
	// which the first user of a tenant gets and which may do everything, and a "member" role
	// that everybody else gets and that may do nothing.
	Roles []RoleSeed

	Users    UserOptions
	SignUp   SignUpOptions
	Password PasswordOptions
	Lockout  LockoutOptions
	MFA      MFAOptions
	Session  SessionOptions
	Token    TokenOptions
	Limits   LimitOptions
	Outbound OutboundOptions
	SSO      SSOOptions
	Social   SocialOptions
	Pages    PageOptions

	// Origins are the browser origins that may call besides BaseURL's own, such as
	// "https://spa.example.com": for cross-origin requests (CORS) and against forged ones
	// (CSRF) alike. Empty means none.
	Origins []string

	// TrustedProxies are the networks whose X-Forwarded-For is believed. Empty means none:
	// the address of a request is its peer's.
	TrustedProxies []netip.Prefix

	// Send delivers a message. Run calls it, again until it succeeds. Nil means that
	// messages go to the log.
	Send func(ctx context.Context, m Message) error

	// Logger takes what the library has to say. Nil means text on standard error.
	Logger *slog.Logger

	// Now tells the time. Nil means time.Now.
	Now func() time.Time
}

// UserOptions say whose users are whose.
type UserOptions struct {
	// PerTenant makes users belong to one tenant each, so that one address may be two users
	// in two tenants. It cannot change once there are users. False means that a user is one
	// person in every tenant.
	PerTenant bool
	// FixedEmails leaves changes of addresses to the host. False means that users may change
	// their own, by a code that goes to the new address.
	FixedEmails bool
}

// MFAOptions say how a second factor is checked. Whom it is asked of is the policies' to
// say: see [service.MFAPolicies].
type MFAOptions struct {
	// Exact takes a code in the 30 seconds that it is for and at no other time. False means
	// that the codes just before and just after are taken too, for devices whose clock is off.
	Exact bool
}

// SignUpOptions say who may sign up.
type SignUpOptions struct {
	// Disabled lets nobody sign up. False means that everybody may.
	Disabled bool
	// SkipVerification takes an address for proved as soon as it is given, and lets users
	// sign in whose address is not. The answer to a sign-up then tells whether an address is
	// known. False means that a link is mailed first.
	SkipVerification bool
	// Code mails a code of six digits to type where the account was made; it works for 10
	// minutes. False means that a link is mailed.
	Code bool
	// LinkLife is how long the link of an activation works. Zero means 24 hours.
	LinkLife time.Duration
}

// PasswordOptions say what a password must be.
type PasswordOptions struct {
	// MinLength is counted in code points after NFKC normalization; at least 8. Zero means 15,
	// what NIST SP 800-63B-4 asks of a password that is the only factor.
	MinLength int
	// Breached reports whether a password is known to attackers. Nil means that only the
	// built-in list of common passwords is asked.
	Breached func(ctx context.Context, password string) (bool, error)
	// ResetLife is how long the link works that resets a password. Zero means 1 hour.
	ResetLife time.Duration
	// Hashes is how many passwords are hashed at the same time, at 19 MiB each. Zero means
	// one less than GOMAXPROCS, and at least one.
	Hashes int
	// Test is for the package identitytest: nobody else can make one. Zero means that
	// passwords are hashed well.
	Test testoption.Hashing
}

// LockoutOptions say when guessing a password stops.
type LockoutOptions struct {
	// Disabled turns the lockout off. False means that it is on.
	Disabled bool
	// Failures lock an account. Zero means 10.
	Failures int
	// Window is the time after which failures are forgotten. Zero means 15 minutes.
	Window time.Duration
	// Duration is how long the account is locked. Zero means 15 minutes.
	Duration time.Duration
	// Silent tells nobody. False means that the owner of an account that is locked gets a
	// message, with a link that unlocks it.
	Silent bool
}

// SessionOptions say how long a sign-in lasts.
type SessionOptions struct {
	// Idle ends a session that is not used. Zero means 7 days.
	Idle time.Duration
	// Absolute ends a session in any case. Zero means 30 days.
	Absolute time.Duration
	// Max is how many sessions a user may have; one more ends the oldest. Zero means any number.
	Max int
	// ReuseGrace is how long a refresh token that was replaced still gets the same
	// successor, for the client that had it. Zero means 10 seconds.
	ReuseGrace time.Duration
	// RevocationLag is how long a revocation or a change of rights may take to reach other
	// processes. In the process that made it it holds at once. Zero means 1 second.
	RevocationLag time.Duration
}

// TokenOptions say what access tokens are.
type TokenOptions struct {
	// Lifetime of an access token. Zero means 5 minutes.
	Lifetime time.Duration
	// Algorithm of new signing keys: RS256, ES256 or EdDSA. Empty means RS256 with 2048 bits,
	// which every client of the published API understands, or what Signer is for.
	Algorithm string
	// RotateEvery makes the next signing key on schedule: Run does it, in one process of all.
	// Zero means never, but for calls of Keys.Rotate.
	RotateEvery time.Duration
	// Publish is how long a new signing key is public before it signs, so that whoever caches
	// the public keys has it by then; at least five times Session.RevocationLag. Zero means 10
	// minutes.
	Publish time.Duration
	// Signer signs with a private key that never enters the store, such as one in a hardware
	// module: RSA of 2048 bits or more, P-256 or Ed25519. New with another Signer rotates: the
	// tokens of the one before stay good until they expire. Nil means keys of the library's own.
	Signer crypto.Signer
	// KeyID names the key of Signer in tokens and among the public keys. Empty means half its
	// thumbprint (RFC 7638).
	KeyID string
	// MaxBytes bounds an access token, so that it fits the headers of common servers. Zero
	// means 7,168.
	MaxBytes int
	// Skew is by how much the clocks of processes that share a database may differ, at most 2
	// minutes: a token or a session from that far in the future is accepted, and revocations
	// are read that much longer. What is further off is refused. Zero means 10 seconds.
	Skew time.Duration
	// BeforeMint is asked before each access token of a user, at sign-in and at every refresh:
	// it may add claims, choose how long the token lives, or refuse with [Refuse]. Any other
	// error, a panic and two seconds without an answer fail the sign-in with 503. A session
	// that a cookie carries has no token, so it is not asked. Nil means that nobody is asked.
	BeforeMint func(ctx context.Context, m *MintContext) error
	// Cached is how many verified tokens are remembered. Zero means 16,384.
	Cached int
}

// LimitOptions bound how often one address may call.
type LimitOptions struct {
	// Off turns the limits off. False means that they are on.
	Off bool
}

// OutboundOptions say how far the library's own calls reach: to the metadata, the documents
// and the keys of providers whose addresses the administrators of tenants choose.
type OutboundOptions struct {
	// AllowPrivateNetworks lets them reach private networks and this machine, there by plain
	// http too. The metadata services of clouds stay out of reach. False means public
	// addresses by https only.
	AllowPrivateNetworks bool
	// RootCAs verify the servers that are called. Nil means those of the machine.
	RootCAs *x509.CertPool
}

// SSOOptions say how people sign in by the identity providers of their tenants.
type SSOOptions struct {
	// GroupsEveryLogin gives and takes roles by a person's groups at each sign-in. False means
	// that their groups count at the first, and that later changes of roles are made here.
	GroupsEveryLogin bool
	// Resolver finds the TXT records that prove whose an e-mail domain is. The names that it is
	// asked for end in a dot. Nil means that of the machine.
	Resolver interface {
		LookupTXT(ctx context.Context, name string) ([]string, error)
	}
}

// SocialOptions say with which accounts of other services people may sign in.
type SocialOptions struct {
	// Providers are descriptions by the host: in place of the library's own of the same type,
	// for a GitLab or a GitHub that is the host's, or of more types. Which providers are on, and
	// as what they know the host, is set up by Identity.Socials. Nil means those of
	// [social.Providers].
	Providers []social.Provider
}

// PageOptions say how the pages under /account/ look, and what they say.
type PageOptions struct {
	// Brand is whose pages they are: logo, colours, links. An empty Name in it is Options.Name.
	// The zero Brand shows the first letter of the name, and blue.
	Brand PageBrand
	// BrandOf returns the brand of a tenant, or false where it has none of its own: on the
	// page that signs in to the tenant ("?tenant="), and on those of somebody who is. One that
	// New would refuse is logged, and Brand shown. Nil means Brand everywhere.
	BrandOf func(ctx context.Context, tenantID string) (PageBrand, bool)
	// Texts are what the pages say in other languages than English, or in other words: by
	// language ("de", "pt-BR"), then by the keys of [PageTexts]. The browser's languages
	// choose; Arabic, Hebrew and their like run from right to left. Nil means English.
	Texts map[string]map[string]string
}

// A PageBrand is whose pages they are: name, logo, colours, links.
type PageBrand = pages.Brand

// A PageLink leads from a page to the host's own.
type PageLink = pages.Link

// PageTexts returns everything that the pages say, in English, by the keys that
// Options.Pages.Texts goes by.
func PageTexts() map[string]string { return pages.English() }

// A RoleSeed is a role that New makes sure of.
type RoleSeed = service.RoleSeed

const (
	defaultBaseURL = "http://localhost:8080"
	defaultPath    = "identity.db"
)

// orDefault returns v, or what the zero value means.
func orDefault[T comparable](v, means T) T {
	var zero T
	if v == zero {
		return means
	}
	return v
}

func (o Options) session() service.SessionPolicy {
	return service.SessionPolicy{
		Idle:          orDefault(o.Session.Idle, 7*24*time.Hour),
		Absolute:      orDefault(o.Session.Absolute, 30*24*time.Hour),
		Max:           o.Session.Max,
		ReuseGrace:    orDefault(o.Session.ReuseGrace, 10*time.Second),
		RevocationLag: orDefault(o.Session.RevocationLag, time.Second),
		AccessToken:   orDefault(o.Token.Lifetime, 5*time.Minute),
		Skew:          orDefault(o.Token.Skew, 10*time.Second),
	}
}

// guard decides what may be called.
func (o OutboundOptions) guard() *outbound.Guard {
	return outbound.New(outbound.Options{AllowPrivateNetworks: o.AllowPrivateNetworks, RootCAs: o.RootCAs})
}

// brand is the pages' brand, which has the host's name unless it has one of its own.
func (o Options) brand() PageBrand {
	b := o.Pages.Brand
	b.Name = orDefault(b.Name, o.Name)
	return b
}

func (o Options) keys() service.KeyPolicy {
	return service.KeyPolicy{
		RotateEvery: o.Token.RotateEvery, Publish: orDefault(o.Token.Publish, 10*time.Minute),
		Signer: o.Token.Signer, SignerID: o.Token.KeyID,
	}
}

// algorithm is that of new signing keys; a signer of the host's brings its own.
func (o Options) algorithm() string {
	if o.Token.Signer != nil {
		return o.Token.Algorithm
	}
	return orDefault(o.Token.Algorithm, "RS256")
}

// skew is by how many codes a device may be off.
func (o MFAOptions) skew() int {
	if o.Exact {
		return 0
	}
	return 1
}

func (o Options) lockout() store.AttemptLimit {
	if o.Lockout.Disabled {
		return store.AttemptLimit{}
	}
	return store.AttemptLimit{
		Max:    orDefault(o.Lockout.Failures, 10),
		Window: orDefault(o.Lockout.Window, 15*time.Minute),
		Lock:   orDefault(o.Lockout.Duration, 15*time.Minute),
	}
}
