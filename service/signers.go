package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// start loads the keys, making the first. Of two processes that start at the same time one
// makes the key and both use it. Keys that the secrets do not open are an error, never a
// reason to make others.
func (s *Keys) start(ctx context.Context) error {
	if err := s.wield(); err != nil {
		return err
	}
	if err := s.declare(ctx); err != nil {
		return fmt.Errorf("declare the issuer: %w", err)
	}
	first := s.first
	if s.own != nil {
		first = s.adopt
	}
	if err := first(ctx); err != nil && !errors.Is(err, errOutrun) {
		return fmt.Errorf("make a signing key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(ctx, true)
}

// checkAlgorithm refuses one that has no public half, or that there is not.
func (s *Keys) checkAlgorithm() error {
	switch s.algorithm {
	case token.RS256, token.ES256, token.EdDSA:
		return nil
	}
	return fmt.Errorf("the algorithm of signing keys is %.10q, must be RS256, ES256 or EdDSA", s.algorithm)
}

// wield checks the host's own signer: its key is strong, and what it signs verifies.
func (s *Keys) wield() error {
	if s.policy.Signer == nil {
		return s.checkAlgorithm()
	}
	id, algorithm, err := token.Identify(s.policy.Signer.Public())
	if err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	if s.policy.SignerID != "" {
		id = s.policy.SignerID
	}
	if s.algorithm != "" {
		algorithm = s.algorithm
	}
	k, err := token.FromSigner(id, algorithm, s.policy.Signer)
	if err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	set, err := token.NewSet(k)
	if err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	raw, err := set.Sign("probe", []byte("{}"))
	if err == nil {
		_, err = set.Verify(raw, "probe", s.now())
	}
	if err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	s.own = k
	return nil
}

// first makes a key where the store has none that signs. One whose private half is with a
// signer that this process no longer has is followed by one of the store.
func (s *Keys) first(ctx context.Context) error {
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	generation, now := 0, s.now()
	for _, k := range rows {
		if k.TemplateID != "" {
			continue
		}
		if k.Private != nil && !retired(k, now) {
			return nil
		}
		generation = max(generation, k.Generation)
	}
	next, err := s.make("", s.algorithm, generation+1)
	if err != nil {
		return err
	}
	return s.change(ctx, store.System(), "key.created", next.ID, func(tx *unit) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		next.CreatedAt, next.SignsAt = tx.at, tx.at
		return s.add(ctx, tx, rows, next)
	})
}

// adopt makes the host's own signer the one that signs from now on, whatever signed before.
// A key that was revoked stays so.
func (s *Keys) adopt(ctx context.Context) error {
	public, err := s.own.MarshalPublic()
	if err != nil {
		return err
	}
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	if ready, err := s.adopted(rows, public); ready || err != nil {
		return err
	}
	return s.change(ctx, store.System(), "key.adopted", s.own.ID, func(tx *unit) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		if ready, err := s.adopted(rows, public); ready || err != nil {
			return err
		}
		return s.enthrone(ctx, tx, rows, public)
	})
}

// adopted reports whether the host's own signer is the one key that signs already, and an
// error where it must not be.
func (s *Keys) adopted(rows []store.SigningKey, public []byte) (bool, error) {
	ready, others := false, false
	for _, k := range rows {
		switch {
		case k.ID == s.own.ID && !k.RevokedAt.IsZero():
			return false, fmt.Errorf("the key %s of the signer was revoked at %s", k.ID, k.RevokedAt)
		case k.ID == s.own.ID && (k.Algorithm != s.own.Algorithm || string(k.Public) != string(public)):
			return false, fmt.Errorf("the key id %s is that of another key", k.ID)
		case k.ID == s.own.ID:
			ready = k.RetiredAt.IsZero()
		case k.TemplateID == "" && !retired(k, s.now()):
			others = true
		}
	}
	return ready && !others, nil
}

// enthrone retires every other key of the environment and adds, or brings back, the
// signer's own.
func (s *Keys) enthrone(ctx context.Context, tx *unit, rows []store.SigningKey, public []byte) error {
	own := store.SigningKey{ID: s.own.ID, Algorithm: s.own.Algorithm, Public: public, Longest: s.life, CreatedAt: tx.at}
	write := tx.CreateSigningKey
	for _, k := range rows {
		switch {
		case k.TemplateID != "":
		case k.ID == own.ID:
			own, write = k, tx.UpdateSigningKey
		case !retired(k, tx.at):
			s.retire(&k, tx.at)
			if err := tx.UpdateSigningKey(ctx, k); err != nil {
				return err
			}
		}
		if k.TemplateID == "" && own.Generation <= k.Generation {
			own.Generation = k.Generation + 1
		}
	}
	own.SignsAt, own.RetiredAt, own.ExpiresAt = tx.at, time.Time{}, time.Time{}
	if err := write(ctx, own); err != nil {
		return err
	}
	return tx.revoke(ctx, store.Revocation{})
}
