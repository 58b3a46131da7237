package token

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"sync/atomic"
	"time"
)

const ways = 4 // entries in each place where one may stand

// A Cache remembers what verified tokens stand for, in bounded room and without locks. Of
// what makes a token one it keeps a hash only: of the signature, or of a secret without parts
// as a whole. A hit costs one SHA-256 of that and a comparison of the rest. The Cache is never
// told of a token that was refused. It does not hear of revocations: what it holds must say
// what it depends on, or be dropped with [Cache.Drop].
type Cache[T any] struct {
	entries []atomic.Pointer[entry[T]]
	mask    uint64
}

type entry[T any] struct {
	sum     [sha256.Size]byte
	signed  string // what the signature is over; by itself it opens nothing
	expires int64  // nanoseconds since 1970
	value   *T
}

// NewCache returns a Cache for about n tokens; zero is 16,384. With n below zero it keeps
// nothing.
func NewCache[T any](n int) *Cache[T] {
	if n < 0 {
		return &Cache[T]{}
	}
	if n == 0 {
		n = 16 << 10
	}
	sets := uint64(1) << bits.Len64(uint64(max(n, ways)-1)/ways)
	return &Cache[T]{entries: make([]atomic.Pointer[entry[T]], sets*ways), mask: sets - 1}
}

// Get returns what the token stands for, if it is known and has not expired at now.
func (c *Cache[T]) Get(raw string, now time.Time) (*T, bool) {
	if len(raw) > MaxBytes {
		return nil, false // nor would it be verified: it is not worth its hash
	}
	signed, secret := partsOf(raw)
	sum := sumOf(secret)
	place := c.place(&sum)
	for i := range place {
		e := place[i].Load()
		if e != nil && e.sum == sum && e.signed == signed && now.UnixNano() < e.expires {
			return e.value, true
		}
	}
	return nil, false
}

// Put remembers a token that was verified. In a full place the token that expires first
// makes room.
func (c *Cache[T]) Put(raw string, expires time.Time, value *T) {
	signed, secret := partsOf(raw)
	e := &entry[T]{sum: sumOf(secret), signed: strings.Clone(signed), expires: expires.UnixNano(), value: value}
	place := c.place(&e.sum)
	var victim *atomic.Pointer[entry[T]]
	first := int64(math.MaxInt64)
	for i := range place {
		switch old := place[i].Load(); {
		case old != nil && old.sum == e.sum:
			place[i].Store(e)
			return
		case old == nil:
			victim, first = &place[i], math.MinInt64
		case old.expires < first:
			victim, first = &place[i], old.expires
		}
	}
	if victim != nil {
		victim.Store(e)
	}
}

// Drop forgets every token whose value it is true of.
func (c *Cache[T]) Drop(of func(*T) bool) {
	for i := range c.entries {
		if e := c.entries[i].Load(); e != nil && of(e.value) {
			c.entries[i].CompareAndSwap(e, nil)
		}
	}
}

// Clear forgets everything.
func (c *Cache[T]) Clear() {
	for i := range c.entries {
		c.entries[i].Store(nil)
	}
}

// place returns the entries among which a token may stand.
func (c *Cache[T]) place(sum *[sha256.Size]byte) []atomic.Pointer[entry[T]] {
	if len(c.entries) == 0 {
		return nil
	}
	i := (binary.LittleEndian.Uint64(sum[:]) & c.mask) * ways
	return c.entries[i : i+ways]
}

// partsOf parts a token into what its signature is over and the signature. What is no token
// is a secret as a whole.
func partsOf(raw string) (signed, secret string) {
	i := strings.IndexByte(raw, '.')
	j := strings.IndexByte(raw[i+1:], '.')
	if i < 0 || j < 0 {
		return "", raw
	}
	i += j + 2
	return raw[:i], raw[i:]
}

// sumOf hashes through room on the stack: a signature of the usual length costs no
// allocation.
func sumOf(secret string) [sha256.Size]byte {
	var room [768]byte
	return sha256.Sum256(append(room[:0], secret...))
}
