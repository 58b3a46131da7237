// Package password hashes, verifies and judges passwords.
//
// New hashes are argon2id in PHC format, made within a limit of concurrent hashes. Hashes
// that other systems made are verified and reported for replacement.
package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// A Config sets up a Hasher. Its zero value is the recommended setting.
type Config struct {
	Memory  uint32   // KiB of one hash; zero is 19,456
	Time    uint32   // passes over it; zero is 2
	Threads uint8    // lanes; zero is 1
	Limit   int      // hashes at one time; zero is one less than the processors, at least 1
	Queue   int      // callers that may wait for a turn; zero is 256
	Peppers []Pepper // the first peppers new hashes, all verify; none is no pepper
}

// A Hasher hashes and verifies passwords. It is safe for concurrent use.
type Hasher struct {
	current argon
	peppers []Pepper
	turns   turns
	dummy   argon // a hash that no password has
	runs    atomic.Int64
}

// New returns a Hasher, or an error that says what is wrong with c.
func New(c Config) (*Hasher, error) {
	if err := checkPeppers(c.Peppers); err != nil {
		return nil, err
	}
	current := argon{
		variant: "argon2id",
		memory:  or(c.Memory, 19*1024), time: or(c.Time, 2), threads: or(c.Threads, 1),
	}
	if len(c.Peppers) > 0 {
		current.keyID = c.Peppers[0].ID
	}
	if err := current.bounded(); err != nil {
		return nil, fmt.Errorf("argon2 setting: %w", err)
	}
	limit, queue := or(c.Limit, max(1, runtime.GOMAXPROCS(0)-1)), or(c.Queue, 256)
	if limit < 0 || queue < 0 {
		return nil, errors.New("limit and queue of password hashes must not be negative")
	}
	h := &Hasher{current: current, peppers: c.Peppers, turns: newTurns(limit, queue)}
	h.dummy = current
	h.dummy.salt, h.dummy.tag = random(saltSize), random(tagSize)
	return h, nil
}

// String says how hashes are made and shows no pepper.
func (h *Hasher) String() string {
	return fmt.Sprintf("%s m=%d t=%d p=%d", h.current.variant, h.current.memory, h.current.time, h.current.threads)
}

// GoString is String, so that no format verb shows a pepper.
func (h *Hasher) GoString() string { return h.String() }

// Hash returns the hash to store for pw. It refuses what [Normalize] refuses.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	s, err := h.Slot(ctx)
	if err != nil {
		return "", err
	}
	defer s.Release()
	return s.Hash(pw)
}

// Verify is [Slot.Verify] within a turn of its own.
func (h *Hasher) Verify(ctx context.Context, stored, pw string) (ok, rehash bool, err error) {
	s, err := h.Slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer s.Release()
	return s.Verify(stored, pw)
}

// Dummy does the work of verifying pw for an account that does not exist, so that it
// takes as long as one that does.
func (h *Hasher) Dummy(ctx context.Context, pw string) error {
	_, _, err := h.Verify(ctx, "", pw)
	return err
}

// Runs counts the argon2 computations since the start.
func (h *Hasher) Runs() int64 { return h.runs.Load() }

func or[T comparable](v, zero T) T {
	var none T
	if v == none {
		return zero
	}
	return v
}
