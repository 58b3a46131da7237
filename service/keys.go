package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	issuer    string // of the tokens that this process mints

	set     atomic.Pointer[token.Set]
	issuers atomic.Pointer[[]string] // of the tokens that every process of the environment mints
	stale   atomic.Bool              // another process may have changed either
	mu      sync.Mutex
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
	if err := s.declare(ctx); err != nil {
		return fmt.Errorf("declare the issuer: %w", err)
	}
	return s.load(ctx)
}

const (
	issuersSetting = "issuers"
	maxIssuers     = 16
)

// declare adds this process's issuer to those of the environment: processes that people
// reach by different addresses take each other's tokens. The oldest makes room.
func (s *Keys) declare(ctx context.Context) error {
	known, err := readIssuers(ctx, s.store)
	if err != nil || slices.Contains(known, s.issuer) {
		return err
	}
	return s.change(ctx, store.System(), "issuer.declared", s.issuer, func(tx *unit) error {
		known, err := readIssuers(ctx, tx)
		if err != nil || slices.Contains(known, s.issuer) {
			return err
		}
		known = append(known, s.issuer)
		doc, err := json.Marshal(known[max(0, len(known)-maxIssuers):])
		if err != nil {
			return err
		}
		if err := tx.PutSetting(ctx, "", issuersSetting, doc); err != nil {
			return err
		}
		return tx.revoke(ctx, store.Revocation{})
	})
}

func readIssuers(ctx context.Context, r store.Records) ([]string, error) {
	var known []string
	doc, err := r.Setting(ctx, "", issuersSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(doc, &known)
	}
	return known, err
}

// issued returns the issuer to expect of a token that says claimed: that, where a process
// of the environment mints under it, else this process's own.
func (s *Keys) issued(claimed string) string {
	if known := s.issuers.Load(); known != nil && slices.Contains(*known, claimed) {
		return claimed
	}
	return s.issuer
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
	issuers, err := readIssuers(ctx, s.store)
	if err != nil {
		return fmt.Errorf("read issuers: %w", err)
	}
	s.set.Store(set)
	s.issuers.Store(&issuers)
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
