package middleware

import (
	"hash/maphash"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/go-identity/identity/internal/fault"
)

// A Rate allows Requests per Window from one address, all at once or spread, and Network from
// all its neighbours together: whoever owns many addresses in a row is one caller. A Network
// of zero is any number.
type Rate struct {
	Requests int
	Window   time.Duration
	Network  int
}

// The families of routes that have a rate of their own. Other routes share General.
const (
	General    = "general"
	SignIn     = "sign-in"
	SignUp     = "sign-up"
	Mail       = "mail" // what sends a message to an address that the caller names
	Refresh    = "refresh"
	VendorAuth = "vendor-auth"
)

// Rates returns the rates that a Limiter has unless told otherwise.
func Rates() map[string]Rate {
	return map[string]Rate{
		General:    {Requests: 1000, Window: time.Minute},
		SignIn:     {Requests: 100, Window: time.Minute, Network: 1000},
		SignUp:     {Requests: 5, Window: time.Minute, Network: 50},
		Mail:       {Requests: 10, Window: time.Minute, Network: 100},
		Refresh:    {Requests: 1000, Window: time.Minute},
		VendorAuth: {Requests: 30, Window: time.Second},
	}
}

const (
	limitSets = 4096 // power of two
	limitWays = 4
)

// A Limiter bounds how often one address may call. It is in process and of fixed size:
// however many addresses call, it holds sixteen thousand; when it is full, the one that
// called least gives way. It is a first line before anything costly, not a count that
// must be exact; that one is in the store.
type Limiter struct {
	now   func() time.Time
	rates map[string]Rate
	seed  maphash.Seed
	sets  []limitSet
}

type limitSet struct {
	mu      sync.Mutex
	buckets [limitWays]bucket
}

// A bucket holds what one address may still spend in one family, as a share of the whole
// so that buckets of different families compare.
type bucket struct {
	key  uint64 // 0 while unused
	left float64
	at   int64 // when left was true, in nanoseconds
	full int64 // how long it takes to fill, in nanoseconds
}

// NewLimiter returns a Limiter with the rates, by family. A family that is not in them
// has the rate of General; without that it has none.
func NewLimiter(now func() time.Time, rates map[string]Rate) *Limiter {
	return &Limiter{now: now, rates: rates, seed: maphash.MakeSeed(), sets: make([]limitSet, limitSets)}
}

// Allow spends one request of the address in the family. It returns how long to wait when
// there is none left. A nil Limiter allows everything.
func (l *Limiter) Allow(family, address string) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	rate, known := l.rates[family]
	if !known {
		family = General
		rate = l.rates[General]
	}
	if rate.Requests <= 0 || rate.Window <= 0 {
		return 0, true
	}
	wait, ok = l.spend(l.key(family, address, line4, line6), rate)
	if ok && rate.Network > 0 {
		rate.Requests = rate.Network
		wait, ok = l.spend(l.key(family, address, network4, network6), rate)
	}
	return wait, ok
}

func (l *Limiter) spend(key uint64, r Rate) (time.Duration, bool) {
	set := &l.sets[key%limitSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.bucket(key, r, l.now().UnixNano()).spend(r)
}

// How many bits of an address are one customer's line, of version 4 and 6 (the bits below
// are free to choose), and how many are the least network that is routed.
const (
	line4, line6       = 32, 64
	network4, network6 = 24, 48
)

// key hashes under a seed of this process: nobody can choose addresses that share a set.
func (l *Limiter) key(family, address string, bits4, bits6 int) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(family)
	_ = h.WriteByte(byte(bits4))
	a, ok := parseAddress(address)
	bits := bits4
	if a.Is6() {
		bits = bits6
	}
	if p, err := a.Prefix(bits); ok && err == nil {
		b, _ := p.MarshalBinary()
		_, _ = h.Write(b)
	}
	return max(1, h.Sum64())
}

// bucket returns the bucket of key as of now. Without one it takes the fullest: that
// address loses least.
func (s *limitSet) bucket(key uint64, r Rate, now int64) *bucket {
	fullest := &s.buckets[0]
	for i := range s.buckets {
		b := &s.buckets[i]
		b.fill(now)
		if b.key == key {
			return b
		}
		if fullest.key != 0 && (b.key == 0 || b.left > fullest.left) {
			fullest = b
		}
	}
	*fullest = bucket{key: key, left: 1, at: now, full: int64(r.Window)}
	return fullest
}

// fill adds what came back since. A clock that jumped back adds nothing and takes nothing:
// time starts anew from where it is.
func (b *bucket) fill(now int64) {
	if elapsed := now - b.at; elapsed > 0 && b.full > 0 {
		b.left = min(1, b.left+float64(elapsed)/float64(b.full))
	}
	b.at = now
}

func (b *bucket) spend(r Rate) (time.Duration, bool) {
	one := 1 / float64(r.Requests)
	if b.left < one*(1-1e-9) { // sums of fractions fall short of one by a hair
		return time.Duration(math.Ceil((one - b.left) * float64(r.Window))), false
	}
	b.left -= one
	return 0, true
}

// Admit returns a fault that says when to come back, if the address of r has spent what
// the family allows it.
func (g *Guard) Admit(r *http.Request, family string) error {
	if g.config.Limiter == nil {
		return nil
	}
	if wait, ok := g.config.Limiter.Allow(family, g.address(r)); !ok {
		return fault.Retry(fault.Limited, "too many requests", wait)
	}
	return nil
}

// Limit refuses what [Guard.Admit] refuses, before next does any work.
func (g *Guard) Limit(family string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := g.Admit(r, family); err != nil {
				g.Fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
