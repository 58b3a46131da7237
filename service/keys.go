package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// Keys are the keys that sign tokens. Their private halves are sealed in the store.
type Keys struct {
	*base
	ring      *secret.Ring
	algorithm string

	set   atomic.Pointer[token.Set]
	stale atomic.Bool // another process may have changed the keys
	mu    sync.Mutex
}

// Set returns the keys as this process knows them.
func (s *Keys) Set() *token.Set { return s.set.Load() }

// PublicPEM returns the public half of the signing key as PEM (SPKI).
func (s *Keys) PublicPEM() string { return s.Set().Signer().PublicPEM() }

// JWKS returns the public keys as a JWK set (RFC 7517 §5).
func (s *Keys) JWKS() []byte { return s.Set().JWKS() }

// start loads the keys, making the first. Of two processes that start at the same time
// one makes the key and both use it.
func (s *Keys) start(ctx context.Context) error {
	stored, err := s.store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	if len(stored) == 0 {
		if err := s.create(ctx, 1); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("make a signing key: %w", err)
		}
	}
	return s.load(ctx)
}

func (s *Keys) create(ctx context.Context, generation int) error {
	k, err := token.Generate(s.algorithm)
	if err != nil {
		return err
	}
	private, err := k.MarshalPrivate()
	if err != nil {
		return err
	}
	sealed, err := s.ring.Seal(keyPurpose, k.ID, private)
	if err != nil {
		return err
	}
	public, err := k.MarshalPublic()
	if err != nil {
		return err
	}
	return s.change(ctx, store.System(), "key.created", k.ID, func(tx *unit) error {
		return tx.CreateSigningKey(ctx, store.SigningKey{
			ID: k.ID, Generation: generation, Algorithm: k.Algorithm, Public: public, Private: sealed, CreatedAt: tx.at,
		})
	})
}

const keyPurpose = "signing key"

// load reads the keys: the newest that is not retired signs, all that did not expire verify.
func (s *Keys) load(ctx context.Context) error {
	stored, err := s.store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	var signer *token.Key
	var older []token.Verifying
	for _, row := range stored {
		private, err := s.ring.Open(keyPurpose, row.ID, row.Private)
		if err != nil {
			return fmt.Errorf("open signing key %s: the secrets do not fit this store: %w", row.ID, err)
		}
		k, err := token.ParsePrivate(row.ID, row.Algorithm, private)
		if err != nil {
			return fmt.Errorf("parse signing key %s: %w", row.ID, err)
		}
		if signer == nil && row.RetiredAt.IsZero() {
			signer = k
			continue
		}
		older = append(older, k.Verifying(row.ExpiresAt))
	}
	if signer == nil {
		return errors.New("no signing key is in use")
	}
	set, err := token.NewSet(signer, older...)
	if err != nil {
		return err
	}
	s.set.Store(set)
	return nil
}

// heard is told of every revocation: one that names nobody may be about keys.
func (s *Keys) heard(r store.Revocation) {
	if r.TenantID == "" && r.UserID == "" {
		s.stale.Store(true)
	}
}

// refresh reads the keys again when another process may have changed them.
func (s *Keys) refresh(ctx context.Context) error {
	if !s.stale.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stale.Swap(false) {
		return nil
	}
	if err := s.load(ctx); err != nil {
		s.stale.Store(true)
		return err
	}
	return nil
}
