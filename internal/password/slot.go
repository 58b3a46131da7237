package password

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/internal/fault"
)

// turns admits a number of callers at one time and lets a number more wait, first come
// first served. Without it, a storm of log-ins takes 19 MiB each at once.
type turns struct {
	taken   chan struct{}
	waiting *atomic.Int64
	queue   int64
}

func newTurns(limit, queue int) turns {
	return turns{taken: make(chan struct{}, limit), waiting: new(atomic.Int64), queue: int64(queue)}
}

func (t turns) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return busy().Because(err)
	}
	select {
	case t.taken <- struct{}{}:
		return nil
	default:
	}
	defer t.waiting.Add(-1)
	if t.waiting.Add(1) > t.queue {
		return busy()
	}
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy().Because(ctx.Err())
	}
}

func busy() *fault.Error {
	return fault.Retry(fault.Unavailable, "too many sign-ins at once", time.Second)
}

// A Slot is a turn to hash. Whoever holds one must use its methods, not the Hasher's,
// which would wait for another turn, and must call Release. It is for one goroutine.
type Slot struct {
	h        *Hasher
	released bool
}

// Slot waits for a turn. When too many wait, or ctx ends first, the error is
// fault.Unavailable and says when to come back; a caller that gave up holds nothing.
func (h *Hasher) Slot(ctx context.Context) (*Slot, error) {
	if err := h.turns.take(ctx); err != nil {
		return nil, err
	}
	return &Slot{h: h}, nil
}

// Release gives the turn to the next caller. A second call does nothing.
func (s *Slot) Release() {
	if !s.released {
		s.released = true
		<-s.h.turns.taken
	}
}

// Hash returns the hash to store for pw. It refuses what [Normalize] refuses.
func (s *Slot) Hash(pw string) (string, error) {
	text, err := Normalize(pw)
	if err != nil {
		return "", err
	}
	a := s.h.current
	a.salt = random(saltSize)
	input, err := s.h.pepper(a.keyID, text)
	if err != nil {
		return "", err
	}
	a.tag = s.h.compute(a, input, tagSize)
	return a.String(), nil
}

// Verify reports whether pw is the password of stored, and whether stored should be
// replaced because it is not what Hash would make today.
//
// It does at least the work of one hash, whatever it is given. An empty hash, and one that
// begins with "!", belongs to an account without a password: nothing verifies. An error
// means that stored cannot be used ([ErrHash], [ErrPepper]): it is for the log, while the
// caller hears what a wrong password hears.
func (s *Slot) Verify(stored, pw string) (ok, rehash bool, err error) {
	text, bad := Normalize(pw)
	if bad != nil || stored == "" || stored[0] == '!' {
		s.h.refuse(text) // nobody's password, or nobody's account
		return false, false, nil
	}
	hash, err := parse(stored)
	if err != nil {
		s.h.refuse(text)
		return false, false, err
	}
	ok, err = s.h.check(hash, text, pw)
	return ok, ok && !s.h.isCurrent(hash), err
}

// check compares: an argon2 hash with the normalized text, any other with the bytes as they
// came, as the system that made it did. Only one spelling is tried: two would take twice as
// long where the account exists.
func (h *Hasher) check(hash hashed, text, raw string) (bool, error) {
	a, ok := hash.(argon)
	if !ok {
		if hash.matches(raw) {
			return true, nil
		}
		h.refuse(text) // another system's hash may be quick: an existing account would show
		return false, nil
	}
	input, err := h.pepper(a.keyID, text)
	if err != nil {
		h.refuse(text)
		return false, err
	}
	return equal(h.compute(a, input, len(a.tag)), a.tag), nil
}

// refuse does the work of a comparison that fails.
func (h *Hasher) refuse(text string) { h.compute(h.dummy, []byte(text), tagSize) }

func (h *Hasher) compute(a argon, input []byte, size int) []byte {
	h.runs.Add(1)
	return a.compute(input, size)
}

func (h *Hasher) isCurrent(hash hashed) bool {
	a, ok := hash.(argon)
	return ok && a.variant == h.current.variant && a.memory == h.current.memory &&
		a.time == h.current.time && a.threads == h.current.threads && a.keyID == h.current.keyID &&
		len(a.salt) == saltSize && len(a.tag) == tagSize
}
