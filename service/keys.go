package service

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A KeyPolicy says where signing keys come from and how long each signs.
type KeyPolicy struct {
	RotateEvery time.Duration // zero is never
	Publish     time.Duration // for which a key is published before it signs
	Signer      crypto.Signer // the host's own, used instead of keys in the store; nil is none
	SignerID    string        // its kid; empty is half its thumbprint
}

// Keys are the keys that sign tokens. Their private halves are sealed in the store, or stay
// with a signer of the host's.
//
// A new key is published before it signs, so that whoever caches the published keys has it
// in time, and one that is retired verifies until the last token that it signed has expired.
type Keys struct {
	*base
	feed   *Feed
	ring   *secret.Ring
	policy KeyPolicy

	algorithm string        // of new keys; empty is what the host's signer is for
	life      time.Duration // of the longest token, unless a template or a hook makes one longer
	skew      time.Duration // of the processes' clocks
	issuer    string        // of the tokens that this process mints
	own       *token.Key    // the host's own signer; nil without one

	chain atomic.Pointer[keychain]
	epoch atomic.Uint64 // moves when a key is revoked: what was verified before must be verified again
	told  atomic.Uint64 // moves when another process may have changed something
	known atomic.Uint64 // what told was before the chain was read
	mu    sync.Mutex
	// Under mu: the issuer that was looked for in vain.
	missed miss
}

// PublicPEM returns the public half of the signing key as PEM (SPKI), and its algorithm.
// Both are empty where nothing signs.
func (s *Keys) PublicPEM(ctx context.Context) (pem, algorithm string, err error) {
	c, err := s.current(ctx)
	if err != nil || c.set.Signer() == nil {
		return "", "", err
	}
	return c.set.Signer().PublicPEM(), c.set.Signer().Algorithm, nil
}

// JWKS returns the public keys as a JWK set (RFC 7517 §5): the one that signs, then those
// that will, or did. Secrets are never among them. The caller must not change it.
func (s *Keys) JWKS(ctx context.Context) ([]byte, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	return c.set.JWKS(), nil
}

// Algorithms returns the algorithms of the public keys, each once, in byte order.
func (s *Keys) Algorithms(ctx context.Context) ([]string, error) {
	c, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, k := range c.keys {
		if k.Public != nil {
			all = append(all, k.Algorithm)
		}
	}
	return unique(all), nil
}

// maxFresh is the longest that others may cache the public keys.
const maxFresh = 5 * time.Minute

// Fresh is how long others may cache the public keys: a new one signs later than that.
func (s *Keys) Fresh() time.Duration { return min(maxFresh, s.policy.Publish/2) }

// Issuer is the issuer of the tokens that this process mints.
func (s *Keys) Issuer() string { return s.issuer }

// List returns the keys that were not swept yet, newest first, without their private
// halves. Only management and system may.
func (s *Keys) List(ctx context.Context, by store.Principal) ([]store.SigningKey, error) {
	if err := hostOnly(by); err != nil {
		return nil, err
	}
	rows, err := s.store.SigningKeys(ctx)
	for i := range rows {
		rows[i].Private = nil
	}
	return rows, err
}

// sign returns the token of the type over payload, which lives as long as said. It is
// signed with the key that the template has for itself, or for "" with the environment's.
func (s *Keys) sign(ctx context.Context, templateID, typ string, payload []byte, life time.Duration) (string, error) {
	c, err := s.current(ctx)
	if err != nil {
		return "", err
	}
	k := c.signers[templateID]
	if k == nil {
		return "", fault.Retry(fault.Unavailable, "tokens cannot be signed now", time.Minute).Because(errNoSigner)
	}
	if !k.covers(s.now(), life, s.skew) {
		if err := s.extend(ctx, k.ID, life); err != nil {
			return "", fmt.Errorf("extend signing key %s: %w", k.ID, err)
		}
	}
	return k.set.Sign(typ, payload)
}

// errNoSigner means that there is no key to sign with: that of the host's own signer was
// revoked, or that of a template.
var errNoSigner = errors.New("no signing key is in use")

// issued returns the issuer to expect of a token that says claimed, whose signature holds:
// that, where a process of the environment mints under it, else this process's own.
//
// A process that has just started may have sent its token before this one heard of it, so
// an unknown issuer is looked for in the store, once per change that this process heard of.
func (s *Keys) issued(ctx context.Context, claimed string) (string, error) {
	if slices.Contains(s.chain.Load().issuers, claimed) {
		return claimed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	miss := miss{issuer: claimed, generation: s.feed.Generation()}
	if !slices.Contains(s.chain.Load().issuers, claimed) && s.missed != miss {
		if err := s.load(ctx, false); err != nil {
			return "", lost(err)
		}
		s.missed = miss
	}
	if slices.Contains(s.chain.Load().issuers, claimed) {
		return claimed, nil
	}
	return s.issuer, nil
}

// A miss is an issuer that the store did not know at a generation of the feed.
type miss struct {
	issuer     string
	generation uint64
}

// heard is told of every revocation: one that names nobody may be about keys.
func (s *Keys) heard(r store.Revocation) {
	if r.TenantID == "" && r.UserID == "" {
		s.told.Add(1)
	}
}

// current returns the keys as every process of the environment has them, but for the lag.
func (s *Keys) current(ctx context.Context) (*keychain, error) {
	if err := s.feed.Fresh(ctx); err != nil {
		return nil, err
	}
	if err := s.refresh(ctx, s.now()); err != nil {
		return nil, lost(err)
	}
	return s.chain.Load(), nil
}

// settled reports whether refresh has nothing to do.
func (s *Keys) settled(now time.Time) bool {
	return s.known.Load() == s.told.Load() && s.chain.Load().holds(now)
}

// refresh reads the keys again when another process may have changed them, and arranges
// them anew when the time of one begins or ends. Nearly always it does nothing.
func (s *Keys) refresh(ctx context.Context, now time.Time) error {
	if s.settled(now) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known.Load() != s.told.Load() {
		return s.load(ctx, false)
	}
	if c := s.chain.Load(); !c.holds(now) {
		next, err := s.arrange(c, now)
		if err != nil {
			return err
		}
		s.chain.Store(next)
	}
	return nil
}

// reload reads the keys now.
func (s *Keys) reload(ctx context.Context) (*keychain, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.load(ctx, false)
	return s.chain.Load(), err
}

// load reads the keys. The caller's own cancellation must not fail those who wait for it.
func (s *Keys) load(ctx context.Context, strict bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	told, before := s.told.Load(), s.chain.Load()
	next, err := s.read(ctx, before, strict)
	if err != nil {
		return err
	}
	s.chain.Store(next)
	if before.lost(next) {
		s.epoch.Add(1) // after the chain: whoever reads the new epoch first verifies with the new keys
	}
	s.known.Store(told)
	return nil
}
