package token_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/token"
)

func TestCache(t *testing.T) {
	t.Parallel()
	c, v := token.NewCache[string](0), "value"
	if got, ok := c.Get("raw", at); ok || got != nil {
		t.Errorf("Get of nothing = %v, %v, want nil, false", got, ok)
	}
	c.Put("raw", at.Add(time.Second), &v)
	for _, tt := range []struct {
		raw  string
		now  time.Time
		want bool
	}{
		{"raw", at, true},
		{"raw", at.Add(time.Second - 1), true},
		{"raw", at.Add(time.Second), false},
		{"raw", at.Add(time.Hour), false},
		{"RAW", at, false},
		{"raw ", at, false},
		{"", at, false},
	} {
		got, ok := c.Get(tt.raw, tt.now)
		if ok != tt.want || ok && got != &v || !ok && got != nil {
			t.Errorf("Get(%q, %s) = %v, %v, want %v", tt.raw, tt.now, got, ok, tt.want)
		}
	}
}

// TestAttackCache: a known signature lets nothing else through.
func TestAttackCache(t *testing.T) {
	t.Parallel()
	c, v := token.NewCache[int](0), 0
	const known = "header.payload.signature"
	c.Put(known, at.Add(time.Hour), &v)
	if _, ok := c.Get(known, at); !ok {
		t.Fatal("the token itself is not known")
	}
	t.Run("JWT-41 every other text", func(t *testing.T) {
		t.Parallel()
		for i := range len(known) {
			for bit := range 8 {
				other := []byte(known)
				other[i] ^= 1 << bit
				if _, ok := c.Get(string(other), at); ok {
					t.Errorf("%q is known", other)
				}
			}
			if _, ok := c.Get(known[:i]+known[i+1:], at); ok {
				t.Errorf("%q without its character %d is known", known, i)
			}
			if _, ok := c.Get(known[:i]+"."+known[i:], at); ok {
				t.Errorf("%q with a dot at %d is known", known, i)
			}
		}
		for _, other := range []string{"signature", ".signature", "..signature", "payload.signature", known + ".", known + "." + known} {
			if _, ok := c.Get(other, at); ok {
				t.Errorf("%q is known", other)
			}
		}
	})
}

func TestCacheReplaces(t *testing.T) {
	t.Parallel()
	c, one, two := token.NewCache[int](4), 1, 2
	for range 3 {
		c.Put("raw", at.Add(time.Second), &one)
		c.Put("raw", at.Add(time.Second), &two)
	}
	c.Put("other", at.Add(time.Hour), &one)
	if got, ok := c.Get("raw", at); !ok || *got != 2 {
		t.Errorf("Get = %v, %v, want the value put last", got, ok)
	}
	c.Drop(func(v *int) bool { return *v == 2 })
	if got, ok := c.Get("raw", at); ok {
		t.Errorf("Get after Drop = %v, want nothing: an older value came back", *got)
	}
	if _, ok := c.Get("other", at); !ok {
		t.Error("Drop took another value")
	}
	c.Clear()
	if _, ok := c.Get("other", at); ok {
		t.Error("Get after Clear succeeds, want nothing")
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c, v := token.NewCache[int](64), 0
	const puts = 10000
	for i := range puts {
		c.Put(fmt.Sprint(i), at.Add(time.Duration(i+1)*time.Second), &v)
	}
	kept, lateKept := 0, 0
	for i := range puts {
		if _, ok := c.Get(fmt.Sprint(i), at); ok {
			kept++
			if i >= puts-256 {
				lateKept++
			}
		}
	}
	if kept == 0 || kept > 64 || lateKept < kept*9/10 {
		t.Errorf("of %d tokens %d are kept, %d of them among the last to expire, want at most 64, nearly all", puts, kept, lateKept)
	}
}

func TestCacheOfNothing(t *testing.T) {
	t.Parallel()
	c, v := token.NewCache[int](-1), 0
	c.Put("raw", at.Add(time.Hour), &v)
	if _, ok := c.Get("raw", at); ok {
		t.Error("Get succeeds, want a cache that keeps nothing")
	}
}

func TestCacheIsSafe(t *testing.T) {
	t.Parallel()
	c := token.NewCache[string](8)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				raw := fmt.Sprint((i + w) % 32)
				if got, ok := c.Get(raw, at); ok && *got != raw {
					t.Errorf("Get(%s) = %s", raw, *got)
				}
				c.Put(raw, at.Add(time.Hour), &raw)
				if i%100 == 0 {
					c.Drop(func(v *string) bool { return *v == raw })
				}
			}
		})
	}
	wg.Wait()
}
