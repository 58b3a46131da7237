package password_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/password"
)

const good = "correct horse battery staple"

// quick is a Hasher of the least memory, for tests that are not about cost.
func quick(t testing.TB, change ...func(*password.Config)) *password.Hasher {
	t.Helper()
	c := password.Config{Memory: 64, Time: 1, Limit: 2}
	for _, f := range change {
		f(&c)
	}
	h, err := password.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustHash(t testing.TB, h *password.Hasher, pw string) string {
	t.Helper()
	stored, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// verify checks what Verify says of pw, without an error.
func verify(t *testing.T, h *password.Hasher, stored, pw string, want, wantRehash bool) {
	t.Helper()
	ok, rehash, err := h.Verify(t.Context(), stored, pw)
	if ok != want || rehash != wantRehash || err != nil {
		t.Errorf("Verify(%.40q, %.40q) = %v, %v, %v, want %v, %v, nil", stored, pw, ok, rehash, err, want, wantRehash)
	}
}

func TestHashVerifies(t *testing.T) {
	t.Parallel()
	h, err := password.New(password.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stored := mustHash(t, h, good)
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(stored, want) {
		t.Errorf("Hash = %s, want it to begin with %s", stored, want)
	}
	if again := mustHash(t, h, good); again == stored {
		t.Error("two hashes of one password are equal: the salt repeats")
	}
	verify(t, h, stored, good, true, false)
	verify(t, h, stored, good+" ", false, false)
	verify(t, h, stored, "", false, false)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte("k"), 32)
	for _, tt := range []struct {
		name string
		c    password.Config
	}{
		{"memory below 8 blocks", password.Config{Memory: 7}},
		{"memory above a gibibyte", password.Config{Memory: 1<<20 + 1}},
		{"too many passes", password.Config{Time: 11}},
		{"too many lanes", password.Config{Threads: 17}},
		{"negative limit", password.Config{Limit: -1}},
		{"negative queue", password.Config{Queue: -1}},
		{"pepper without id", password.Config{Peppers: []password.Pepper{{Key: key}}}},
		{"pepper id with a dollar sign", password.Config{Peppers: []password.Pepper{{ID: "a$b", Key: key}}}},
		{"short pepper", password.Config{Peppers: []password.Pepper{{ID: "a", Key: key[:31]}}}},
		{"pepper twice", password.Config{Peppers: []password.Pepper{{ID: "a", Key: key}, {ID: "a", Key: key}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := password.New(tt.c); err == nil {
				t.Error("New succeeds, want an error")
			}
		})
	}
}

func TestAttackText(t *testing.T) {
	t.Parallel()
	h := quick(t)
	for _, tt := range []struct {
		name, set, try string
		want           bool
	}{
		{"PW-04 one keyboard composes, another does not", "caf\u00e9 au lait chaud", "cafe\u0301 au lait chaud", true},
		{"PW-05 compatible characters are one", "\ufb01le cabinet drawer", "file cabinet drawer", true},
		{"PW-06 outer spaces count", "  pass phrase long  ", "pass phrase long", false},
		{"PW-06 inner spaces count", "pass  phrase long", "pass phrase long", false},
		{"PW-06 spaces are kept", "  pass phrase long  ", "  pass phrase long  ", true},
		{"PW-10 case counts", "Password of mine", "password of mine", false},
		{"PW-10 the last character counts", strings.Repeat("x", 200) + "a", strings.Repeat("x", 200) + "b", false},
		{"PW-07 cut at NUL", "abc long enough", "abc long enough\x00def", false},
		{"PW-09 invalid UTF-8", "abc long enough \ufffd", "abc long enough \xed\xa0\x80", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			verify(t, h, mustHash(t, h, tt.set), tt.try, tt.want, false)
		})
	}
}

func TestAttackNormalize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, pw string
		ok       bool
	}{
		{"PW-03 one that expands", strings.Repeat("\ufdfa", 64), true},
		{"PW-03 one that expands too far", strings.Repeat("\ufdfa", 200), false},
		{"PW-03 a million accents", "a" + strings.Repeat("\u0301", 1_000_000), false},
		{"PW-03 the most accents", "a" + strings.Repeat("\u0301", 1000), true},
		{"PW-03 at the limit", strings.Repeat("x", password.MaxBytes), true},
		{"PW-03 over the limit", strings.Repeat("x", password.MaxBytes+1), false},
		{"PW-07 NUL", "abc\x00def", false},
		{"PW-09 surrogate half", "abc\xed\xa0\x80", false},
		{"PW-09 overlong", "abc\xc0\xaf", false},
		{"PW-19 emoji", strings.Repeat("😀", 15), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := password.Normalize(tt.pw)
			if (err == nil) != tt.ok || err != nil && fault.From(err).Code != fault.Invalid {
				t.Errorf("Normalize = %d bytes, %v, want ok %v, else fault.Invalid", len(got), err, tt.ok)
			}
			if _, err := quick(t).Hash(t.Context(), tt.pw); (err == nil) != tt.ok {
				t.Errorf("Hash: %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func TestAttackBcrypt(t *testing.T) {
	t.Parallel()
	h := quick(t)
	const stored = "$2y$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu" // of "test"
	t.Run("PW-11 verifies and is to be replaced", func(t *testing.T) {
		t.Parallel()
		verify(t, h, stored, "test", true, true)
		verify(t, h, stored, "test1", false, false)
	})
	t.Run("PW-11 past 72 bytes it ignores, as it did where it came from", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("long ", 15)[:72]
		of72, err := bcrypt.GenerateFromPassword([]byte(long), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, h, string(of72), long+"garbage", true, true)
		verify(t, h, string(of72), long[:71], false, false)
		if again := mustHash(t, h, long); !strings.HasPrefix(again, "$argon2id$") {
			t.Errorf("Hash = %s, want argon2id: no bcrypt is ever made", again)
		}
	})
	for _, tt := range []struct{ name, stored string }{
		{"PW-12 2x", strings.Replace(stored, "2y", "2x", 1)},
		{"PW-12 2", strings.Replace(stored, "2y", "2", 1)},
		{"PW-12 2c", strings.Replace(stored, "2y", "2c", 1)},
		{"PW-12 cost 3", strings.Replace(stored, "$04", "$03", 1)},
		{"PW-12 cost 16", strings.Replace(stored, "$04", "$16", 1)},
		{"PW-12 cost 31", strings.Replace(stored, "$04", "$31", 1)},
		{"PW-12 cost 32", strings.Replace(stored, "$04", "$32", 1)},
		{"PW-12 cost is no number", strings.Replace(stored, "$04", "$+4", 1)},
		{"PW-12 short", stored[:59]},
		{"PW-12 long", stored + "."},
		{"PW-12 other characters", stored[:59] + "="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if ok, _, err := h.Verify(t.Context(), tt.stored, "test"); ok || !errors.Is(err, password.ErrHash) {
				t.Errorf("Verify(%s) = %v, %v, want false, ErrHash", tt.stored, ok, err)
			}
		})
	}
}

func TestAttackParameters(t *testing.T) {
	t.Parallel()
	const salt, tag = "c29tZXNhbHRzYWx0", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, stored := range []string{
		"$argon2id$v=19$m=4194304,t=3,p=1$" + salt + "$" + tag, "$argon2id$v=19$m=65536,t=4294967295,p=1$" + salt + "$" + tag,
		"$argon2id$v=19$m=65536,t=11,p=1$" + salt + "$" + tag, "$argon2id$v=19$m=65536,t=1,p=17$" + salt + "$" + tag,
		"$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + tag, "$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + tag,
		"$argon2id$v=19$m=0,t=1,p=1$" + salt + "$" + tag, "$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + tag,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=8,t=1,p=1$$" + tag,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAA", "$argon2id$v=19$m=8,t=1,p=1$AAAA$" + tag,
		"$argon2id$v=19$m=8,t=1,p=1,m=8$" + salt + "$" + tag, "$argon2id$v=19$t=1,m=8,p=1$" + salt + "$" + tag,
		"$argon2id$v=19$m=8,t=1$" + salt + "$" + tag, "$argon2id$v=19$m=8,t=1,p=1,data=a$" + salt + "$" + tag,
		"$argon2id$v=19$m=8,t=1,p=1,keyid=$" + salt + "$" + tag, "$argon2id$v=19$m=8,t=1,p=1,keyid=a b$" + salt + "$" + tag,
		"$argon2id$v=19$m=08,t=1,p=1$" + salt + "$" + tag, "$argon2id$v=19$m=+8,t=1,p=1$" + salt + "$" + tag,
		"$argon2id$v=19$m=0x8,t=1,p=1$" + salt + "$" + tag, "$argon2id$v=19$ m=8,t=1,p=1$" + salt + "$" + tag,
		"$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + tag, "$argon2d$v=19$m=8,t=1,p=1$" + salt + "$" + tag,
		"$argon2id$m=8,t=1,p=1$" + salt + "$" + tag, "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + tag + "$",
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + tag + "=", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "\n$" + tag,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + tag[:42] + "d", "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("A", 3000) + "$" + tag,
		"$scrypt$ln=18,r=8,p=1$" + salt + "$" + tag, "$scrypt$ln=14,r=9,p=1$" + salt + "$" + tag, "$scrypt$ln=14,r=8,p=11$" + salt + "$" + tag,
		"$scrypt$ln=16385,r=8,p=1$" + salt + "$" + tag, "$scrypt$ln=262144,r=8,p=1$" + salt + "$" + tag, "$scrypt$ln=0,r=8,p=1$" + salt + "$" + tag,
		"$pbkdf2-sha256$10000001$" + salt + "$" + tag, "$pbkdf2-sha256$0$" + salt + "$" + tag, "$pbkdf2-md5$1$" + salt + "$" + tag,
		"$pbkdf2-sha256$i=1,l=31$" + salt + "$" + tag, "pbkdf2_sha256$10000001$salt$" + tag + "=", "pbkdf2_md5$1$salt$" + tag + "=",
		"AQAAAAEAmJaBAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==", // 10,000,001 rounds
		"{SSHA}AAAA", "{SSHA384}JFZFs0oHzxbMwkSJmYVeI8MnTDy/276a", "{SSHA}", "sha1$salt$zz", "plain", "0", "\x00", strings.Repeat("A", 5000),
	} {
		t.Run(fmt.Sprintf("PW-13 %.60q", stored), func(t *testing.T) {
			t.Parallel()
			if err := password.Recognize(stored); !errors.Is(err, password.ErrHash) {
				t.Errorf("Recognize = %v, want ErrHash", err)
			}
		})
	}
}

// TestAttackSameWork counts the computations: time is what an attacker measures, and
// counting does not depend on the machine.
func TestAttackSameWork(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte("k"), 32)
	stored := mustHash(t, quick(t), good)
	peppered := mustHash(t, quick(t, func(c *password.Config) { c.Peppers = []password.Pepper{{ID: "gone", Key: key}} }), good)
	for _, tt := range []struct{ name, stored, pw string }{
		{"the right password", stored, good},
		{"a wrong password", stored, "wrong"},
		{"a wrong password of two spellings", stored, "\ufb01le cabinet drawer"},
		{"PW-14 no such account", "", good},
		{"PW-14 no password", "!", good},
		{"PW-14 an unusable hash", "!unusable", "!unusable"},
		{"PW-14 both empty", "", ""},
		{"PW-14 a hash without a tag", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", ""},
		{"a damaged hash", stored[:60], good},
		{"a lost pepper", peppered, good},
		{"a password that nobody can have", stored, "abc\x00def"},
		{"a password that is too long", stored, strings.Repeat("x", 5000)},
		{"a quick hash from elsewhere", "{SSHA}JFZFs0oHzxbMwkSJmYVeI8MnTDy/276a", "wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := quick(t)
			before := h.Runs()
			ok, _, _ := h.Verify(t.Context(), tt.stored, tt.pw)
			if got := h.Runs() - before; got != 1 {
				t.Errorf("Verify computes %d hashes, want 1", got)
			}
			if ok != (tt.name == "the right password") {
				t.Errorf("Verify = %v", ok)
			}
		})
	}
	t.Run("an unknown account", func(t *testing.T) {
		t.Parallel()
		h := quick(t)
		if err := h.Dummy(t.Context(), good); err != nil || h.Runs() != 1 {
			t.Errorf("Dummy computes %d hashes, %v, want 1", h.Runs(), err)
		}
	})
}

func TestAttackRehash(t *testing.T) {
	t.Parallel()
	old := quick(t)
	stored := mustHash(t, old, good)
	for _, tt := range []struct {
		name   string
		change func(c *password.Config)
		want   bool
	}{
		{"PW-16 the same", func(*password.Config) {}, false},
		{"PW-16 more memory", func(c *password.Config) { c.Memory = 128 }, true},
		{"PW-16 less memory", func(c *password.Config) { c.Memory = 32 }, true},
		{"PW-16 more passes", func(c *password.Config) { c.Time = 2 }, true},
		{"PW-16 more lanes", func(c *password.Config) { c.Threads = 2 }, true},
		{"PW-17 a pepper", func(c *password.Config) {
			c.Peppers = []password.Pepper{{ID: "a", Key: bytes.Repeat([]byte("k"), 32)}}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := quick(t, tt.change)
			verify(t, h, stored, good, true, tt.want)
			verify(t, h, stored, "wrong", false, false)
			verify(t, h, mustHash(t, h, good), good, true, false)
		})
	}
	t.Run("PW-16 argon2i", func(t *testing.T) {
		t.Parallel()
		verify(t, old, "$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g", "test", true, true)
	})
}

func TestAttackPepper(t *testing.T) {
	t.Parallel()
	one := password.Pepper{ID: "one", Key: bytes.Repeat([]byte("1"), 32)}
	two := password.Pepper{ID: "two", Key: bytes.Repeat([]byte("2"), 32)}
	with := func(all ...password.Pepper) *password.Hasher {
		return quick(t, func(c *password.Config) { c.Peppers = all })
	}
	stored := mustHash(t, with(one), good)
	if !strings.Contains(stored, ",keyid=one$") {
		t.Errorf("Hash = %s, want the pepper's id in it", stored)
	}
	t.Run("PW-17 both verify, the first makes", func(t *testing.T) {
		t.Parallel()
		h := with(two, one)
		verify(t, h, stored, good, true, true)
		if again := mustHash(t, h, good); !strings.Contains(again, ",keyid=two$") {
			t.Errorf("Hash = %s, want it peppered by the first", again)
		}
	})
	t.Run("PW-17 a pepper that is gone", func(t *testing.T) {
		t.Parallel()
		for _, h := range []*password.Hasher{with(two), with()} {
			ok, _, err := h.Verify(t.Context(), stored, good)
			if ok || !errors.Is(err, password.ErrPepper) || !strings.Contains(err.Error(), "one") {
				t.Errorf("Verify = %v, %v, want ErrPepper that names the id", ok, err)
			}
		}
	})
	t.Run("PW-17 another key under the id", func(t *testing.T) {
		t.Parallel()
		verify(t, with(password.Pepper{ID: "one", Key: two.Key}), stored, good, false, false)
	})
}

func TestAttackLimit(t *testing.T) {
	t.Parallel()
	t.Run("PW-26 so many at one time", func(t *testing.T) {
		t.Parallel()
		h := quick(t, func(c *password.Config) { c.Limit, c.Queue = 3, 500 })
		var inside, most atomic.Int64
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				s, err := h.Slot(t.Context())
				if err != nil {
					t.Errorf("Slot = %v, want a turn", err)
					return
				}
				defer s.Release()
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				_, _, _ = s.Verify("", good)
				inside.Add(-1)
			})
		}
		wg.Wait()
		if most.Load() > 3 {
			t.Errorf("%d hashes ran at one time, want at most 3", most.Load())
		}
	})
	t.Run("PW-26 so many wait, then no more", func(t *testing.T) {
		t.Parallel()
		h := quick(t, func(c *password.Config) { c.Limit, c.Queue = 1, 2 })
		held := mustSlot(t, h)
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 10)
		for range 10 {
			go func() {
				s, err := h.Slot(ctx)
				if err == nil {
					s.Release()
				}
				results <- err
			}()
		}
		for range 8 {
			checkBusy(t, <-results)
		}
		held.Release()
		for range 2 {
			if err := <-results; err != nil {
				t.Errorf("a caller that waited: %v, want a turn", err)
			}
		}
		cancel()
	})
	t.Run("PW-27 who gives up holds nothing", func(t *testing.T) {
		t.Parallel()
		h := quick(t, func(c *password.Config) { c.Limit, c.Queue = 1, 1 })
		held := mustSlot(t, h)
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
			_, err := h.Slot(ctx)
			checkBusy(t, err)
			cancel()
		}
		held.Release()
		held.Release() // a second call gives nobody's turn away
		mustSlot(t, h).Release()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Hash(ctx, good)
		checkBusy(t, err)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Hash for a caller that is gone = %v, want the reason kept for the log", err)
		}
		if h.Runs() != 0 {
			t.Errorf("%d hashes were computed for nobody, want 0", h.Runs())
		}
		mustHash(t, h, good)
	})
}

func mustSlot(t *testing.T, h *password.Hasher) *password.Slot {
	t.Helper()
	s, err := h.Slot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkBusy(t *testing.T, err error) {
	t.Helper()
	if f := fault.From(err); f == nil || f.Code != fault.Unavailable || f.RetryAfter <= 0 {
		t.Errorf("got %v, want fault.Unavailable with a time to come back", err)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"", "abc", "e\u0301", "\ufdfa", "\ufb01", "a\x00b", "\xff", "a" + strings.Repeat("\u0301", 40), "\u1e9b\u0323"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pw string) {
		once, err := password.Normalize(pw)
		if err != nil {
			return
		}
		if !utf8.ValidString(once) || len(once) > password.MaxBytes || strings.ContainsRune(once, 0) {
			t.Fatalf("Normalize(%q) = %q, want valid text within the limit", pw, once)
		}
		if (pw == "") != (once == "") {
			t.Fatalf("Normalize(%q) = %q, want nothing from nothing only", pw, once)
		}
		if twice, err := password.Normalize(once); err != nil || twice != once {
			t.Fatalf("Normalize(%q) = %q, then %q, %v, want it to stay", pw, once, twice, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h, err := password.New(password.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		mustHash(b, h, good)
	}
}
