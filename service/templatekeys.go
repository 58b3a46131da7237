package service

import (
	"context"
	"errors"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// equip sees to it that something signs for a template under its algorithm: the key of the
// environment where that is of it, else one that the template has for itself. A key of the
// template's that is of another algorithm retires.
func (s *Keys) equip(ctx context.Context, tx *unit, t store.Template) error {
	rows, err := tx.SigningKeys(ctx)
	if err != nil {
		return err
	}
	generation, found := 0, false
	for i, k := range rows {
		fits := k.Algorithm == t.Algorithm && !retired(k, tx.at)
		switch k.TemplateID {
		case "":
			found = found || fits && !k.SignsAt.After(tx.at)
		case t.ID:
			found, generation = found || fits, max(generation, k.Generation)
			if fits || retired(k, tx.at) {
				continue
			}
			if rows[i], err = s.dismiss(ctx, tx, k); err != nil {
				return err
			}
		}
	}
	if found {
		return nil
	}
	next, err := s.make(t.ID, t.Algorithm, generation+1)
	if err != nil {
		return err
	}
	next.CreatedAt, next.SignsAt, next.Longest = tx.at, tx.at, max(next.Longest, t.Lifetime)
	return s.add(ctx, tx, rows, next)
}

// dismiss lets a key of a template sign no more.
func (s *Keys) dismiss(ctx context.Context, tx *unit, k store.SigningKey) (store.SigningKey, error) {
	s.retire(&k, tx.at)
	return k, tx.UpdateSigningKey(ctx, k)
}

// strip retires the keys of a template that is no more. They verify what they signed.
func (s *Keys) strip(ctx context.Context, tx *unit, templateID string) error {
	rows, err := tx.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range rows {
		if k.TemplateID != templateID || retired(k, tx.at) {
			continue
		}
		if _, err := s.dismiss(ctx, tx, k); err != nil {
			return err
		}
	}
	return nil
}

// signAs is sign for a token of a treatment. Where nothing signs for it, because the
// environment came to another algorithm meanwhile, its template gets a key now.
func (s *Keys) signAs(ctx context.Context, t *treatment, typ string, payload []byte, life time.Duration) (string, error) {
	id, ok, err := s.chooser(ctx, t)
	if err == nil && !ok {
		if err = s.repair(ctx, t); err == nil {
			id, ok, err = s.chooser(ctx, t)
		}
	}
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fault.Retry(fault.Unavailable, "tokens cannot be signed now", time.Second).Because(errNoSigner)
	}
	return s.sign(ctx, id, typ, payload, life)
}

// chooser returns whose key signs for a treatment: the template's own or, for "", that of
// the environment.
func (s *Keys) chooser(ctx context.Context, t *treatment) (templateID string, ok bool, err error) {
	c, err := s.current(ctx)
	if err != nil {
		return "", false, err
	}
	if own := c.signers[t.id]; t.id != "" && own != nil && own.Algorithm == t.algorithm {
		return t.id, true, nil
	}
	k := c.signers[""]
	return "", t.algorithm == "" || k != nil && k.Algorithm == t.algorithm, nil
}

// repair equips the template of a treatment, unless it is no longer what it was.
func (s *Keys) repair(ctx context.Context, t *treatment) error {
	err := s.change(ctx, store.System(), "key.created", t.id, func(tx *unit) error {
		now, err := tx.Template(ctx, t.id)
		if err != nil || now.Algorithm != t.algorithm {
			return missing(errors.Join(store.ErrNotFound, err), "template")
		}
		return s.equip(ctx, tx, now)
	})
	if err != nil && !errors.Is(err, errOutrun) {
		return fault.Retry(fault.Unavailable, "tokens cannot be signed now", time.Second).Because(err)
	}
	_, err = s.reload(ctx)
	return err
}
