package service

import (
	"context"

	"github.com/go-identity/identity/store"
)

// changeEach is change for several subjects of one transaction: each gets an audit event.
func (b *base) changeEach(
	ctx context.Context, by store.Principal, action string, subjects []string, fn func(tx *unit) error,
) error {
	if len(subjects) == 0 {
		return nil
	}
	return b.change(ctx, by, action, subjects[0], func(tx *unit) error {
		if err := fn(tx); err != nil {
			return err
		}
		for _, subject := range subjects[1:] {
			if err := b.record(ctx, tx, by, action, subject); err != nil {
				return err
			}
		}
		return nil
	})
}
