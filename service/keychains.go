package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// A keychain is the keys as of one reading of the store, arranged for a stretch of time in
// which none of them begins or ends. It is immutable.
type keychain struct {
	keys    []*key                      // all that are not dead, as the store orders them
	set     *token.Set                  // the environment's key signs, and all verify
	signers map[string]*signer          // by template; "" is the environment's
	newest  map[string]store.SigningKey // by template, dead or not
	issuers []string                    // of the tokens of this environment
	from    time.Time                   // the stretch
	until   time.Time                   // its end; zero is never
}

// A key is a signing key as this process can use it.
type key struct {
	store.SigningKey
	half    token.Verifying
	private *token.Key // nil where this process cannot sign with it
}

// A signer is a key that signs, and what signs with it.
type signer struct {
	*key
	set *token.Set
}

// dead reports whether the key verifies nothing at now.
func (k *key) dead(now time.Time) bool {
	return !k.RevokedAt.IsZero() || !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
}

// current reports whether the key is the one to sign with at now.
func (k *key) current(now time.Time) bool {
	return !now.Before(k.SignsAt) && (k.RetiredAt.IsZero() || now.Before(k.RetiredAt))
}

// covers reports whether the key will verify a token of that life as long as it lasts. One
// that has retired, and still is the best that there is, must not end between two tokens.
func (k *key) covers(now time.Time, life, margin time.Duration) bool {
	if retired(k.SigningKey, now) {
		margin += k.Longest - life
	}
	return life <= k.Longest && (k.ExpiresAt.IsZero() || !now.Add(life+margin).After(k.ExpiresAt))
}

// holds reports whether the chain is still arranged rightly at now.
func (c *keychain) holds(now time.Time) bool {
	return !now.Before(c.from) && (c.until.IsZero() || now.Before(c.until))
}

// find returns the living key with the id.
func (c *keychain) find(id string) *key {
	for _, k := range c.keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}

// lost reports whether next lacks a key that should still be there: it was revoked.
func (c *keychain) lost(next *keychain) bool {
	return c != nil && slices.ContainsFunc(c.keys, func(k *key) bool {
		return next.find(k.ID) == nil && !k.dead(next.from)
	})
}

// read returns the keys of the store. What the chain before knows is not opened again. A
// private half that cannot be opened is an error where all must fit, as they must when a
// process starts; later it means that another process has newer secrets, and its keys can
// verify here all the same.
func (s *Keys) read(ctx context.Context, before *keychain, strict bool) (*keychain, error) {
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	c := &keychain{newest: map[string]store.SigningKey{}}
	if c.issuers, err = readIssuers(ctx, s.store); err != nil {
		return nil, fmt.Errorf("read issuers: %w", err)
	}
	now := s.now()
	for _, row := range rows {
		k := &key{SigningKey: row}
		if row.Generation > c.newest[row.TemplateID].Generation {
			c.newest[row.TemplateID] = row
		}
		if k.dead(now) {
			continue
		}
		if err := s.open(k, before, now); err != nil && (strict || row.Public == nil) {
			return nil, err
		} else if err != nil {
			s.log.WarnContext(ctx, "signing key is of other secrets; it only verifies here", "key", row.ID, "error", err)
		}
		c.keys = append(c.keys, k)
	}
	return s.arrange(c, now)
}

// open makes a key usable. The private half of one that will sign nothing more stays shut.
func (s *Keys) open(k *key, before *keychain, now time.Time) error {
	if known := before.known(k.ID); known != nil {
		k.half, k.private = known.half, known.private
	} else if s.own != nil && k.ID == s.own.ID {
		k.private = s.own
	}
	if err := s.parse(k, now); err != nil {
		return err
	}
	if k.private != nil {
		k.half = k.private.Verifying(k.ExpiresAt)
	}
	k.half.NotAfter = k.ExpiresAt
	return nil
}

// parse reads those halves of a key that it needs and that are not known yet.
func (s *Keys) parse(k *key, now time.Time) (err error) {
	if k.Public != nil && k.half.ID == "" {
		if k.half, err = token.ParsePublic(k.ID, k.Algorithm, k.Public, k.ExpiresAt); err != nil {
			return fmt.Errorf("parse signing key: %w", err)
		}
	}
	ended := !k.RetiredAt.IsZero() && !now.Before(k.RetiredAt)
	if k.private != nil || k.Private == nil || ended && k.Public != nil {
		return nil
	}
	der, err := s.ring.Open(keyPurpose, k.ID, k.Private)
	if err != nil {
		return fmt.Errorf("open signing key %s: the secrets do not fit this store: %w", k.ID, err)
	}
	if k.private, err = token.ParsePrivate(k.ID, k.Algorithm, der); err != nil {
		return fmt.Errorf("parse signing key: %w", err)
	}
	return nil
}

// known returns the key with the id, where there was a chain before.
func (c *keychain) known(id string) *key {
	if c == nil {
		return nil
	}
	return c.find(id)
}

// arrange returns a chain of the keys of c as they stand at now.
func (s *Keys) arrange(c *keychain, now time.Time) (*keychain, error) {
	next := &keychain{issuers: c.issuers, newest: c.newest, from: now, signers: map[string]*signer{}}
	for _, k := range c.keys {
		if k.dead(now) {
			continue
		}
		next.keys = append(next.keys, k)
		next.until = soonest(now, next.until, k.SignsAt, k.RetiredAt, k.ExpiresAt)
		if b := next.signers[k.TemplateID]; s.mine(k) && (b == nil || k.fitter(b.key, now)) {
			next.signers[k.TemplateID] = &signer{key: k}
		}
	}
	return next, next.build()
}

// mine reports whether this process signs with the key: where the host has a signer of its
// own, with no other.
func (s *Keys) mine(k *key) bool {
	return k.private != nil && (s.own == nil || k.private == s.own || k.TemplateID != "")
}

// soonest returns the earliest of the times that are after now; zero is none.
func soonest(now time.Time, times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// fitter reports whether k is to sign at now rather than other.
func (k *key) fitter(other *key, now time.Time) bool {
	return slices.Compare(k.fitness(now), other.fitness(now)) > 0
}

// fitness orders the keys of one template: the newest of those whose time it is; where the
// clocks or the configurations of processes differ there may be none, and then it is the
// one that retired last, or the next.
func (k *key) fitness(now time.Time) []int {
	switch {
	case k.current(now):
		return []int{2, k.Generation}
	case now.Before(k.SignsAt):
		return []int{0, -k.Generation}
	}
	return []int{1, k.Generation}
}

// build makes the sets of a chain.
func (c *keychain) build() error {
	var verifying []token.Verifying
	var private *token.Key
	if own := c.signers[""]; own != nil {
		private = own.private
	}
	for _, k := range c.keys {
		if private == nil || k.ID != private.ID {
			verifying = append(verifying, k.half)
		}
	}
	var err error
	if c.set, err = token.NewSet(private, verifying...); err != nil {
		return err
	}
	for templateID, s := range c.signers {
		if s.set = c.set; templateID != "" {
			s.set, err = token.NewSet(s.private)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
