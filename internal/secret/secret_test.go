package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/secret"
)

const (
	user    = "01890a5d-ac96-774b-bcce-b302099a8057"
	session = "01890a5d-ac96-774b-bcce-b302099a8058"

	refresh secret.Kind = 'r'
	cookie  secret.Kind = 'b'
)

func ring(t testing.TB, seeds ...byte) *secret.Ring {
	t.Helper()
	r, err := secret.New(keys(seeds...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// keys makes one key per seed, the same for the same seed.
func keys(seeds ...byte) [][]byte {
	var all [][]byte
	for _, s := range seeds {
		k := make([]byte, 32)
		for i := range k {
			k[i] = s + byte(i)
		}
		all = append(all, k)
	}
	return all
}

func TestNewRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		keys [][]byte
	}{
		{"none", nil},
		{"empty", [][]byte{{}}},
		{"31 bytes", [][]byte{make([]byte, 31)}},
		{"zero bytes", [][]byte{make([]byte, 32)}},
		{"short second", append(keys(1), []byte("short"))},
		{"twice", keys(1, 2, 1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r, err := secret.New(tt.keys); err == nil {
				t.Errorf("New = %v, want an error", r)
			}
		})
	}
}

func TestSealOpens(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	for _, plain := range []string{"", "x", strings.Repeat("long ", 1000)} {
		sealed, err := r.Seal("key", "row 1", []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Open("key", "row 1", sealed)
		if err != nil || string(got) != plain {
			t.Errorf("Open = %q, %v, want %q", got, err, plain)
		}
	}
}

func TestSealIsNeverTheSameTwice(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	a, _ := r.Seal("key", "", []byte("plain"))
	b, _ := r.Seal("key", "", []byte("plain"))
	if bytes.Equal(a, b) {
		t.Error("two seals of one text are equal: the nonce repeats")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	sealed, err := r.Seal("key", "row 1", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, purpose, aad string
		ring               *secret.Ring
		sealed             []byte
		want               error
	}{
		{"other purpose", "totp", "row 1", r, sealed, secret.ErrSealed},
		{"other row", "key", "row 2", r, sealed, secret.ErrSealed},
		{"purpose run into aad", "keyrow 1", "", r, sealed, secret.ErrSealed},
		{"other ring", "key", "row 1", ring(t, 9), sealed, secret.ErrUnknownKey},
		{"empty", "key", "row 1", r, nil, secret.ErrSealed},
		{"cut", "key", "row 1", r, sealed[:len(sealed)-1], secret.ErrSealed},
		{"only a head", "key", "row 1", r, sealed[:17], secret.ErrSealed},
		{"other version", "key", "row 1", r, append([]byte{2}, sealed[1:]...), secret.ErrSealed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.ring.Open(tt.purpose, tt.aad, tt.sealed)
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("Open = %q, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestOpenRefusesEveryFlippedBit(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	sealed, err := r.Seal("key", "row", []byte("plain text"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(sealed) * 8 {
		bent := bytes.Clone(sealed)
		bent[i/8] ^= 1 << (i % 8)
		if got, err := r.Open("key", "row", bent); err == nil {
			t.Fatalf("bit %d flipped: Open = %q, want an error", i, got)
		}
	}
}

func TestRotationOfSecrets(t *testing.T) {
	t.Parallel()
	before, after, dropped := ring(t, 1), ring(t, 2, 1), ring(t, 2)
	sealed, err := before.Seal("key", "", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := before.NewToken(refresh, user, session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after.Open("key", "", sealed); err != nil {
		t.Errorf("after rotation Open = %v, want none", err)
	}
	if _, _, _, err := after.ParseToken(refresh, text); err != nil {
		t.Errorf("after rotation ParseToken = %v, want none", err)
	}
	if _, err := dropped.Open("key", "", sealed); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("with the key dropped Open = %v, want ErrUnknownKey", err)
	}
	if _, _, _, err := dropped.ParseToken(refresh, text); !errors.Is(err, secret.ErrToken) {
		t.Errorf("with the key dropped ParseToken = %v, want ErrToken", err)
	}
	fresh, err := after.Seal("key", "", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dropped.Open("key", "", fresh); err != nil {
		t.Errorf("the first key does not seal: Open = %v", err)
	}
}

func TestSealUnder(t *testing.T) {
	t.Parallel()
	sealed, err := secret.SealUnder([]byte("predecessor"), "successor", []byte("next"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := secret.OpenUnder([]byte("predecessor"), "successor", sealed)
	if err != nil || string(got) != "next" {
		t.Fatalf("OpenUnder = %q, %v, want %q", got, err, "next")
	}
	for name, open := range map[string]func() ([]byte, error){
		"other secret":  func() ([]byte, error) { return secret.OpenUnder([]byte("other"), "successor", sealed) },
		"other purpose": func() ([]byte, error) { return secret.OpenUnder([]byte("predecessor"), "x", sealed) },
		"cut":           func() ([]byte, error) { return secret.OpenUnder([]byte("predecessor"), "successor", sealed[:20]) },
		"empty":         func() ([]byte, error) { return secret.OpenUnder([]byte("predecessor"), "successor", nil) },
	} {
		if got, err := open(); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: OpenUnder = %q, %v, want ErrSealed", name, got, err)
		}
	}
}

func TestTokenSaysWhose(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	text, hash, err := r.NewToken(refresh, user, session)
	if err != nil {
		t.Fatal(err)
	}
	u, s, h, err := r.ParseToken(refresh, text)
	if err != nil || u != user || s != session || !secret.Equal(h, hash) {
		t.Errorf("ParseToken = %s, %s, %x, %v, want %s, %s, %x", u, s, h, err, user, session, hash)
	}
	if !secret.Equal(hash, secret.Hash(text)) {
		t.Errorf("hash = %x, want SHA-256 of the text", hash)
	}
	other, _, err := r.NewToken(refresh, user, session)
	if err != nil || other == text {
		t.Errorf("two tokens are the same: %s, %v", other, err)
	}
}

func TestTokenWantsUUIDs(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	for _, id := range []string{
		"", "user", strings.ToUpper(user), "{" + user + "}", strings.ReplaceAll(user, "-", ""),
		user[:35], user + "0", strings.Replace(user, "-", "0", 1), strings.Replace(user, "a", "g", 1),
		user[:8] + "0" + user[9:], "\n" + user[1:],
	} {
		if _, _, err := r.NewToken(refresh, id, session); err == nil {
			t.Errorf("NewToken(user %q) succeeds, want an error", id)
		}
		if _, _, err := r.NewToken(refresh, user, id); err == nil {
			t.Errorf("NewToken(session %q) succeeds, want an error", id)
		}
	}
}

func TestAttackOpaqueToken(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	text, _, err := r.NewToken(refresh, user, session)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(t *testing.T, text string) {
		t.Helper()
		u, s, h, err := r.ParseToken(refresh, text)
		if !errors.Is(err, secret.ErrToken) || u != "" || s != "" || h != nil {
			t.Errorf("ParseToken(%q) = %q, %q, %x, %v, want ErrToken and nothing else", text, u, s, h, err)
		}
	}
	t.Run("RT-17 at least 128 random bits, stored hashed", func(t *testing.T) {
		t.Parallel()
		_, h, err := r.NewToken(refresh, user, session)
		if err != nil || len(h) != 32 {
			t.Errorf("hash has %d bytes, %v, want 32", len(h), err)
		}
	})
	t.Run("RT-18 truncated, extended, other case", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []string{
			"", text[:len(text)-1], text[1:], text + "A", strings.ToUpper(text), strings.ToLower(text),
			text + "=", text + "\n", " " + text, text[:50] + "\n" + text[50:], text[:50] + "\r\n" + text[52:],
			text[:50] + "+" + text[51:], text[:50] + "\x00" + text[51:], strings.Repeat("A", len(text)),
			strings.Repeat(text, 10000),
		} {
			refused(t, bad)
		}
	})
	t.Run("RT-18 every bit", func(t *testing.T) {
		t.Parallel()
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(raw) * 8 {
			bent := bytes.Clone(raw)
			bent[i/8] ^= 1 << (i % 8)
			refused(t, base64.RawURLEncoding.EncodeToString(bent))
		}
	})
	t.Run("RT-18 one spelling", func(t *testing.T) {
		t.Parallel()
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		for _, c := range alphabet {
			if spelled := text[:len(text)-1] + string(c); spelled != text {
				refused(t, spelled)
			}
		}
	})
	t.Run("RT-19 a victim's ids with a guessed secret", func(t *testing.T) {
		t.Parallel()
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := 34; i < len(raw); i++ {
			raw[i] = 0
		}
		refused(t, base64.RawURLEncoding.EncodeToString(raw))
	})
	t.Run("RT-16 one kind is not another", func(t *testing.T) {
		t.Parallel()
		other, _, err := r.NewToken(cookie, user, session)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, other)
	})
	t.Run("RT-19 another ring's token", func(t *testing.T) {
		t.Parallel()
		foreign, _, err := ring(t, 7).NewToken(refresh, user, session)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, foreign)
	})
}

func TestLinkToken(t *testing.T) {
	t.Parallel()
	text, hash, err := secret.NewLinkToken()
	if err != nil || len(text) != 43 || !secret.Equal(hash, secret.Hash(text)) {
		t.Errorf("NewLinkToken = %q, %x, %v, want 43 characters and their hash", text, hash, err)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	leading := 0
	for range 1000 {
		code, err := secret.NewCode()
		if err != nil || len(code) != 6 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("NewCode = %q, %v; want six digits", code, err)
		}
		seen[code] = true
		if code[0] == '0' {
			leading++
		}
	}
	if len(seen) < 990 || leading == 0 {
		t.Errorf("of 1000 codes %d differ and %d begin with a zero", len(seen), leading)
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"", "", false}, {"a", "", false}, {"", "a", false}, {"a", "a", true}, {"a", "b", false}, {"a", "aa", false},
	} {
		if got := secret.Equal([]byte(tt.a), []byte(tt.b)); got != tt.want {
			t.Errorf("Equal(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestMAC(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	base := r.MAC("attempt", "ab", "c")
	if !bytes.Equal(base, r.MAC("attempt", "ab", "c")) {
		t.Error("MAC of the same differs")
	}
	for name, other := range map[string][]byte{
		"purpose":   r.MAC("other", "ab", "c"),
		"boundary":  r.MAC("attempt", "a", "bc"),
		"joined":    r.MAC("attempt", "abc"),
		"one more":  r.MAC("attempt", "ab", "c", ""),
		"other key": ring(t, 2).MAC("attempt", "ab", "c"),
	} {
		if bytes.Equal(base, other) {
			t.Errorf("%s: MAC is the same, want another", name)
		}
	}
}

func TestUUIDv7(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 5, 0, 0, 123_456_000, time.UTC)
	seen, last := map[string]bool{}, ""
	for i := range 2000 {
		id := secret.UUIDv7(at.Add(time.Duration(i) * time.Microsecond))
		if id <= last || seen[id] {
			t.Fatalf("id %d = %s, want one after %s", i, id, last)
		}
		if id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Fatalf("id = %s, want version 7 and the RFC's variant", id)
		}
		seen[id], last = true, id
	}
	if got, want := last[:13], fmt.Sprintf("%012x", at.Add(1999*time.Microsecond).UnixMilli()); strings.ReplaceAll(got, "-", "") != want {
		t.Errorf("time of id = %s, want %s", got, want)
	}
}

func TestUUIDv7BeforeItsTime(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(0)} {
		if id, want := secret.UUIDv7(at), "00000000-0000-7"; !strings.HasPrefix(id, want) {
			t.Errorf("UUIDv7(%s) = %s, want %s…", at, id, want)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	r := ring(f, 1)
	text, _, err := r.NewToken(refresh, user, session)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Add(strings.Repeat("A", 110))
	f.Fuzz(func(t *testing.T, in string) {
		u, s, _, err := r.ParseToken(refresh, in)
		if err != nil {
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(in)
		if err != nil || base64.RawURLEncoding.EncodeToString(raw) != in || u != user || s != session {
			t.Errorf("ParseToken(%q) = %s, %s, accepts what was never made: %v", in, u, s, err)
		}
	})
}

func BenchmarkParseToken(b *testing.B) {
	r := ring(b, 1)
	text, _, err := r.NewToken(cookie, user, session)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := r.ParseToken(cookie, text); err != nil {
			b.Fatal(err)
		}
	}
}
