package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// keyPurpose is what private halves are sealed for.
const keyPurpose = "signing key"

// Rotate makes the next signing key. It is published at once and signs when whoever caches
// the public keys had time to see it (Options.Token.Publish); then the key before it
// retires, and verifies until the last token that it signed has expired. Of two processes
// that rotate at the same time one makes the key, and both return it. Only management and
// system may. A signer of the host's own is rotated by giving New another: Conflict.
func (s *Keys) Rotate(ctx context.Context, by store.Principal) (store.SigningKey, error) {
	if err := hostOnly(by); err != nil {
		return store.SigningKey{}, err
	}
	if s.own != nil {
		return store.SigningKey{}, fault.New(fault.Conflict, "", "the signing key is the host's own: give New another Signer")
	}
	c, err := s.current(ctx)
	if err != nil {
		return store.SigningKey{}, err
	}
	return s.rotate(ctx, by, c.newest[""])
}

// RotateDue makes the next key wherever the schedule says so, and reports whether it did.
// Run calls it; a host without Run may. Of all processes one makes the key.
func (s *Keys) RotateDue(ctx context.Context) (bool, error) {
	c, err := s.current(ctx)
	if err != nil || s.policy.RotateEvery <= 0 {
		return false, err
	}
	rotated := false
	for templateID, k := range c.newest {
		due := k.SignsAt.Add(s.policy.RotateEvery - s.policy.Publish)
		if templateID == "" && s.own != nil || retired(k, s.now()) || s.now().Before(due) {
			continue
		}
		if _, err := s.rotate(ctx, store.System(), k); err != nil {
			return rotated, err
		}
		rotated = true
	}
	return rotated, nil
}

// rotateCheck is how often it is asked at least whether a rotation is due.
const rotateCheck = time.Minute

// run rotates on schedule until ctx ends.
func (s *Keys) run(ctx context.Context) error {
	if s.policy.RotateEvery <= 0 {
		<-ctx.Done()
		return nil
	}
	every := time.NewTicker(min(rotateCheck, s.policy.RotateEvery/4))
	defer every.Stop()
	for {
		if _, err := s.RotateDue(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "rotate signing keys", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// errOutrun means that another process made the next key first.
var errOutrun = errors.New("another process made the next key")

// rotate makes the successor of last, or returns the one that another process made.
func (s *Keys) rotate(ctx context.Context, by store.Principal, last store.SigningKey) (store.SigningKey, error) {
	next, err := s.make(last.TemplateID, s.next(last), last.Generation+1)
	if err != nil {
		return store.SigningKey{}, err
	}
	err = s.change(ctx, by, "key.rotated", next.ID, func(tx *unit) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		next.CreatedAt, next.SignsAt = tx.at, later(tx.at.Add(s.policy.Publish), last.SignsAt)
		tx.detail = map[string]any{"follows": last.ID, "signsAt": next.SignsAt}
		return s.add(ctx, tx, rows, next)
	})
	if err != nil && !errors.Is(err, errOutrun) {
		return store.SigningKey{}, err
	}
	c, err := s.reload(ctx)
	if err != nil {
		return store.SigningKey{}, err
	}
	made := c.newest[last.TemplateID]
	made.Private = nil
	return made, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// next returns the algorithm of the successor of k: a template keeps the one that it asks
// for.
func (s *Keys) next(k store.SigningKey) string {
	if k.TemplateID != "" || s.algorithm == "" {
		return k.Algorithm
	}
	return s.algorithm
}

// make generates a key and seals its private half. Its times are for the caller to set.
func (s *Keys) make(templateID, algorithm string, generation int) (store.SigningKey, error) {
	row := store.SigningKey{TemplateID: templateID, Generation: generation, Algorithm: algorithm, Longest: s.life}
	k, err := token.Generate(algorithm)
	if err != nil {
		return row, err
	}
	row.ID = k.ID
	private, err := k.MarshalPrivate()
	if err != nil {
		return row, err
	}
	if row.Public, err = k.MarshalPublic(); err != nil {
		return row, err
	}
	row.Private, err = s.ring.Seal(keyPurpose, k.ID, private)
	return row, err
}

// add makes next the newest of its template's keys. It returns errOutrun where another
// process came first.
func (s *Keys) add(ctx context.Context, tx *unit, rows []store.SigningKey, next store.SigningKey) error {
	for _, k := range rows {
		if k.TemplateID == next.TemplateID && k.Generation >= next.Generation {
			return errOutrun
		}
	}
	if err := tx.CreateSigningKey(ctx, next); errors.Is(err, store.ErrConflict) {
		return errOutrun
	} else if err != nil {
		return err
	}
	return s.link(ctx, tx, append(rows, next), next.TemplateID)
}

// link sees to it that the keys of a template that have not retired follow each other
// without a gap: the first signs now, each retires when the next begins, the last never.
func (s *Keys) link(ctx context.Context, tx *unit, rows []store.SigningKey, templateID string) error {
	line := slices.DeleteFunc(slices.Clone(rows), func(k store.SigningKey) bool {
		return k.TemplateID != templateID || retired(k, tx.at)
	})
	slices.SortFunc(line, func(a, b store.SigningKey) int { return cmp.Compare(a.Generation, b.Generation) })
	for i, was := range line {
		k := was
		k.RetiredAt, k.ExpiresAt = time.Time{}, time.Time{}
		if i == 0 && k.SignsAt.After(tx.at) {
			k.SignsAt = tx.at
		}
		if i+1 < len(line) {
			s.retire(&k, line[i+1].SignsAt)
		}
		if k.SignsAt.Equal(was.SignsAt) && k.RetiredAt.Equal(was.RetiredAt) && k.ExpiresAt.Equal(was.ExpiresAt) {
			continue
		}
		if err := tx.UpdateSigningKey(ctx, k); err != nil {
			return err
		}
	}
	return tx.revoke(ctx, store.Revocation{})
}

// retired reports whether a key signs nothing from at on.
func retired(k store.SigningKey, at time.Time) bool {
	return !k.RevokedAt.IsZero() || !k.RetiredAt.IsZero() && !at.Before(k.RetiredAt)
}

// retire lets a key sign until at, and verify until its last token has expired.
func (s *Keys) retire(k *store.SigningKey, at time.Time) {
	k.RetiredAt, k.ExpiresAt = at, at.Add(max(k.Longest, s.life)+s.margin())
}

// margin is how long after its retirement another process may still sign with a key: it
// has to hear of it, and its clock may be late.
func (s *Keys) margin() time.Duration { return 2*s.skew + maxStale*s.feed.lag + time.Minute }

// Revoke ends a key at once, because somebody else may know its private half: every token
// that it signed is refused from now on here, and within the lag by every other process.
// Others who cache the public keys may take such tokens until they read them again. In
// the place of a key that signs comes the one that was published to follow it, or a new
// one. An unknown key is NotFound; one that is revoked already is no error. Only
// management and system may.
func (s *Keys) Revoke(ctx context.Context, by store.Principal, id string) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	err := s.change(ctx, by, "key.revoked", id, func(tx *unit) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(k store.SigningKey) bool { return k.ID == id })
		if i < 0 {
			return missing(store.ErrNotFound, "signing key")
		}
		return s.end(ctx, tx, rows, i)
	})
	if err != nil {
		return err
	}
	_, err = s.reload(ctx)
	return err
}

// end revokes one of the keys, and replaces it where it was the last.
func (s *Keys) end(ctx context.Context, tx *unit, rows []store.SigningKey, i int) error {
	k := &rows[i]
	if !k.RevokedAt.IsZero() {
		return nil
	}
	ended := retired(*k, tx.at) // nothing waits for it to sign: its template may be gone
	if !ended {
		k.RetiredAt = tx.at
	}
	k.Private, k.RevokedAt, k.ExpiresAt = nil, tx.at, tx.at
	if err := tx.UpdateSigningKey(ctx, *k); err != nil {
		return err
	}
	last, generation := true, 0
	for _, other := range rows {
		if other.TemplateID == k.TemplateID {
			last, generation = last && retired(other, tx.at), max(generation, other.Generation)
		}
	}
	if ended || !last || k.TemplateID == "" && s.own != nil {
		return s.link(ctx, tx, rows, k.TemplateID)
	}
	next, err := s.make(k.TemplateID, s.next(*k), generation+1)
	if err != nil {
		return err
	}
	next.CreatedAt, next.SignsAt = tx.at, tx.at
	return s.add(ctx, tx, rows, next)
}

// extend lets a key verify long enough for tokens of that life. It is rare: a key that
// signed one such token is ready for the next.
func (s *Keys) extend(ctx context.Context, id string, life time.Duration) error {
	err := s.change(ctx, store.System(), "key.extended", id, func(tx *unit) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range rows {
			if k.ID == id && k.RevokedAt.IsZero() {
				return s.lengthen(ctx, tx, k, life)
			}
		}
		return store.ErrNotFound
	})
	if err == nil {
		_, err = s.reload(ctx)
	}
	return err
}

// lengthen doubles what a key is ready for until it is enough, so that lives which grow
// little by little are not as many writes. A key that has retired may still be the best
// that a process of another configuration has: its end moves with its use.
func (s *Keys) lengthen(ctx context.Context, tx *unit, k store.SigningKey, life time.Duration) error {
	k.Longest = max(k.Longest, s.life)
	for k.Longest < life {
		k.Longest *= 2
	}
	k.Longest = min(k.Longest, token.MaxLifetime)
	if k.RetiredAt.IsZero() {
		return tx.UpdateSigningKey(ctx, k)
	}
	k.ExpiresAt = later(k.RetiredAt, tx.at.Add(k.Longest)).Add(k.Longest + s.margin())
	if err := tx.UpdateSigningKey(ctx, k); err != nil {
		return err
	}
	return tx.revoke(ctx, store.Revocation{})
}

// sweep removes keys that verify nothing any more, and private halves that sign nothing.
// What was revoked stays, so that it cannot come back.
func (s *Keys) sweep(ctx context.Context, now time.Time) error {
	err := s.store.Tx(ctx, func(tx store.Records) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		return sweepKeys(ctx, tx, rows, now.Add(-keepExpired))
	})
	if err != nil {
		return fmt.Errorf("sweep signing keys: %w", err)
	}
	return nil
}

func sweepKeys(ctx context.Context, tx store.Records, rows []store.SigningKey, before time.Time) error {
	for _, k := range rows {
		var err error
		switch {
		case !k.RevokedAt.IsZero() || k.RetiredAt.IsZero():
		case k.ExpiresAt.Before(before):
			err = tx.DeleteSigningKey(ctx, k.ID)
		case k.Private != nil && k.Public != nil && k.RetiredAt.Before(before):
			k.Private = nil
			err = tx.UpdateSigningKey(ctx, k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
