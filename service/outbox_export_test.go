package service

import (
	"context"

	"github.com/go-identity/identity/store"
)

// Enqueue puts m into the outbox as part of a change, the way a rule does. The change
// fails where fail is not nil.
func (s *Services) Enqueue(ctx context.Context, m store.Message, fail error) error {
	return s.base.change(ctx, store.System(), "test.told", "subject", func(tx *unit) error {
		if err := s.Outbox.enqueue(ctx, tx, m); err != nil {
			return err
		}
		return fail
	})
}

// NewOutbox returns another outbox over the same store, with its own way out.
func NewOutbox(s *Services, send func(context.Context, store.Message) error) *Outbox {
	return newOutbox(s.base, s.Outbox.ring, send)
}

// Opened returns a message of the outbox as its receiver reads it.
func Opened(s *Services, m store.Message) (store.Message, error) { return s.Outbox.open(m) }
