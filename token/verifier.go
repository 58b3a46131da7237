package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// UserType is the type claim of a user's access token.
const UserType = "userToken"

// A VerifierConfig says whose tokens a [Verifier] accepts.
type VerifierConfig struct {
	// Fetch returns the public keys of the issuer as a JWK set, such as
	// [github.com/go-identity/identity/middleware.FetchKeys] makes one. It is called by one
	// goroutine at a time, and given up after 10 seconds.
	Fetch func(ctx context.Context) ([]byte, error)
	// Issuer is the BaseURL of the host that signs, byte by byte.
	Issuer string
	// Audience are the environments whose tokens count: Identity.Environment of the host that
	// signs.
	Audience []string
	// Now is the clock.
	Now func() time.Time

	// Roles are the keys of the environment's roles that a guard may ask for. Tokens do not
	// say whether a role is the environment's or one that a tenant made for itself, but a key
	// of the one is never a key of the other. Empty means that RequireRole lets nobody pass.
	Roles []string
	// MaxAge is how long keys are used before they are fetched again. A key that the issuer
	// revoked is good here for as long. Zero means 5 minutes.
	MaxAge time.Duration
	// MaxStale is how long keys are used when they cannot be fetched. Zero means 24 hours.
	MaxStale time.Duration
	// Skew is by how much the clocks may differ, at most 2 minutes. Zero means 10 seconds.
	Skew time.Duration
	// Cached is how many verified tokens are remembered. Zero means 16,384.
	Cached int
	// Failed is told why keys could not be fetched. Nil means nobody is.
	Failed func(err error)
}

const (
	fetchTimeout = 10 * time.Second
	fetchRest    = 30 * time.Second // between two fetches, whatever tokens say
	firstRest    = time.Second      // while there are no keys at all
)

// A Verifier accepts the access tokens of users in a process that has no store: by the
// issuer's public keys, which it fetches when they are needed and follows through
// rotations. What a token claims is what its bearer may do, until it expires: a right or a
// session that ended meanwhile is not noticed. It starts nothing by itself, and is safe for
// concurrent use.
type Verifier struct {
	VerifierConfig
	keys   atomic.Pointer[fetched]
	tokens *Cache[accepted]

	mu     sync.Mutex
	flight *flight
	tried  time.Time // when the last fetch began
}

// fetched is the keys of one fetch.
type fetched struct {
	set   *Set
	at    time.Time
	epoch uint64 // moves when a key is gone
}

// accepted is a token that was verified.
type accepted struct {
	claims    Claims
	principal store.Principal
	epoch     uint64
}

// A flight is one fetch that several callers wait for.
type flight struct {
	done chan struct{}
	err  error
}

// NewVerifier returns a Verifier, or an error that lists everything that is wrong with c.
// It fetches nothing yet.
func NewVerifier(c VerifierConfig) (*Verifier, error) {
	var wrong []error
	if c.Fetch == nil || c.Now == nil {
		wrong = append(wrong, errors.New("token: a verifier needs Fetch and Now"))
	}
	if c.Issuer == "" || len(c.Audience) == 0 || slices.Contains(c.Audience, "") {
		wrong = append(wrong, errors.New("token: a verifier needs an Issuer and an Audience, else it would accept nothing"))
	}
	if c.MaxAge < 0 || c.MaxStale < 0 || c.Skew < 0 || c.Skew > maxSkew {
		wrong = append(wrong, fmt.Errorf("token: MaxAge and MaxStale must not be negative, Skew must be 0 to %s", maxSkew))
	}
	if c.MaxAge == 0 {
		c.MaxAge = 5 * time.Minute
	}
	if c.MaxStale == 0 {
		c.MaxStale = 24 * time.Hour
	}
	if c.Skew == 0 {
		c.Skew = 10 * time.Second
	}
	return &Verifier{VerifierConfig: c, tokens: NewCache[accepted](c.Cached)}, errors.Join(wrong...)
}

// Verify returns what an access token says. What is wrong with it is one of the errors of
// this package; without keys to judge by the error is an Unavailable fault.
func (v *Verifier) Verify(ctx context.Context, raw string) (Claims, error) {
	a, err := v.accept(ctx, raw)
	if err != nil {
		return Claims{}, err
	}
	return a.claims, nil
}

// Resolve returns who an access token stands for and what it grants; the principal is
// shared between requests and must not be changed. Every reason to refuse it is the same
// Unauthenticated fault.
func (v *Verifier) Resolve(ctx context.Context, raw string) (*store.Principal, error) {
	a, err := v.accept(ctx, raw)
	var f *fault.Error
	if err != nil && !errors.As(err, &f) {
		err = fault.New(fault.Unauthenticated, "", "sign in first").Because(err)
	}
	if err != nil {
		return nil, err
	}
	return &a.principal, nil
}

func (v *Verifier) accept(ctx context.Context, raw string) (*accepted, error) {
	now := v.Now()
	f, err := v.current(ctx, now)
	if err != nil {
		return nil, err
	}
	if a, ok := v.tokens.Get(raw, now); ok && a.epoch == f.epoch {
		return a, nil
	}
	payload, err := f.set.Verify(raw, AccessType, now)
	if errors.Is(err, ErrUnknownKey) && v.wait(ctx, v.begin(ctx, now)) == nil {
		f = v.keys.Load()
		payload, err = f.set.Verify(raw, AccessType, now)
	}
	if err != nil {
		return nil, err
	}
	a := &accepted{epoch: f.epoch}
	if a.claims, err = v.read(payload, now); err != nil {
		return nil, err
	}
	a.principal = v.principal(a.claims)
	v.tokens.Put(raw, a.claims.Expires(), a)
	return a, nil
}

func (v *Verifier) read(payload []byte, now time.Time) (Claims, error) {
	c, err := ParseClaims(payload)
	if err != nil {
		return c, err
	}
	if c.TenantID == "" {
		return c, fmt.Errorf("%w: tenantId is required", ErrClaims)
	}
	return c, c.Check(Expect{Issuer: v.Issuer, Audience: v.Audience, Type: UserType, Now: now, Skew: v.Skew})
}

func (v *Verifier) principal(c Claims) store.Principal {
	p := store.Principal{
		Kind: store.UserKind, ID: c.Subject, UserID: c.Subject, TenantID: c.TenantID, SessionID: c.SessionID,
		Email: c.Email, Name: c.Name, Methods: c.Methods, ExpiresAt: c.Expires(),
	}
	if c.AuthTime != 0 {
		p.AuthTime = time.Unix(c.AuthTime, 0).UTC()
	}
	if c.Context == store.MultiFactor {
		p.StepUpUntil = p.ExpiresAt
	}
	for _, key := range c.Roles {
		r := store.RoleRef{Key: key, TenantID: c.TenantID, Level: math.MaxInt32} // a level is not told: the weakest
		if slices.Contains(v.Roles, key) {
			r.TenantID = ""
		}
		p.Roles = append(p.Roles, r)
	}
	keys := make([]store.Permission, len(c.Permissions))
	for i, k := range c.Permissions {
		keys[i] = store.Permission(k)
	}
	p.Rights = store.NewPermissionSet(keys)
	return p
}

// current returns the keys to judge by at now. For a while after their time they are used
// on while somebody fetches the next; later everybody waits for those.
func (v *Verifier) current(ctx context.Context, now time.Time) (*fetched, error) {
	f := v.keys.Load()
	if f != nil && f.younger(v.MaxAge, now) {
		return f, nil
	}
	fl := v.begin(ctx, now)
	if f != nil && f.younger(2*v.MaxAge, now) {
		return f, nil
	}
	err := v.wait(ctx, fl)
	if f = v.keys.Load(); f == nil || !f.younger(v.MaxAge+v.MaxStale, now) {
		return nil, fault.Retry(fault.Unavailable, "tokens cannot be checked now", firstRest).Because(err)
	}
	return f, nil
}

// younger reports whether the keys were fetched less than age ago. A clock that jumped
// back makes them old.
func (f *fetched) younger(age time.Duration, now time.Time) bool {
	return now.Before(f.at.Add(age)) && now.After(f.at.Add(-maxSkew))
}

// begin returns the fetch that is under way, or begins one. It returns nil where the last
// one was too short a time ago: tokens with random key ids must not make work for the issuer.
func (v *Verifier) begin(ctx context.Context, now time.Time) *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flight != nil {
		return v.flight
	}
	rest := fetchRest
	if v.keys.Load() == nil {
		rest = firstRest
	}
	if since := now.Sub(v.tried); since >= 0 && since < rest {
		return nil
	}
	fl := &flight{done: make(chan struct{})}
	v.flight, v.tried = fl, now
	go v.fly(context.WithoutCancel(ctx), fl, now)
	return fl
}

// errResting means that keys were asked for a moment ago.
var errResting = errors.New("keys were fetched a moment ago")

// wait returns the outcome of a fetch.
func (v *Verifier) wait(ctx context.Context, fl *flight) error {
	if fl == nil {
		return errResting
	}
	select {
	case <-fl.done:
		return fl.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fly fetches for everybody who waits. It ends by itself.
func (v *Verifier) fly(ctx context.Context, fl *flight, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	fl.err = errors.New("fetching the keys panicked")
	defer func() {
		recover() // Fetch is the host's: its panic must not end the process from here
		if fl.err != nil && v.Failed != nil {
			v.Failed(fl.err)
		}
		v.mu.Lock()
		v.flight = nil
		v.mu.Unlock()
		close(fl.done)
	}()
	fl.err = v.renew(ctx, now)
}

// renew replaces the keys. Whatever is wrong with the new ones, those there are stay.
func (v *Verifier) renew(ctx context.Context, now time.Time) error {
	text, err := v.Fetch(ctx)
	if err != nil {
		return fmt.Errorf("fetch keys: %w", err)
	}
	all, err := ParseJWKS(text)
	if err != nil {
		return fmt.Errorf("fetch keys: %w", err)
	}
	next := &fetched{at: now}
	if next.set, err = NewSet(nil, all...); err != nil {
		return fmt.Errorf("fetch keys: %w", err)
	}
	if last := v.keys.Load(); last != nil {
		next.epoch = last.epoch
		if last.set.lost(next.set) {
			next.epoch++
		}
	}
	v.keys.Store(next)
	return nil
}

// lost reports whether next lacks a key of s, or has another under its id.
func (s *Set) lost(next *Set) bool {
	return slices.ContainsFunc(s.verifiers, func(k verifier) bool {
		n := next.find(k.ID)
		same, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
		return n == nil || n.Algorithm != k.Algorithm || !ok || !same.Equal(n.public)
	})
}
