package service_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

const publish = 10 * time.Minute

// rotating publishes keys ten minutes before they sign.
func rotating(c *service.Config) { open(c); c.Keys.Publish = publish }

// kid is the key id of a token.
func kid(t testing.TB, raw string) string {
	t.Helper()
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

// public lists the ids of the published keys, in order.
func (w world) public(t testing.TB) []string {
	t.Helper()
	text, err := w.Keys.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range set.Keys {
		ids = append(ids, k.Kid)
	}
	return ids
}

func (w world) rotate(t testing.TB) store.SigningKey {
	t.Helper()
	k, err := w.Keys.Rotate(t.Context(), store.System())
	if err != nil {
		t.Fatalf("rotate: %v", err)
	}
	return k
}

// accepted reports whether every process takes the token.
func accepted(t testing.TB, raw string, ws ...world) bool {
	t.Helper()
	good := 0
	for _, w := range ws {
		_, err := w.Gate.Resolve(t.Context(), raw)
		if err != nil && fault.From(err).Code != fault.Unauthenticated {
			t.Fatalf("resolve: %v", err)
		}
		if err == nil {
			good++
		}
	}
	if good != 0 && good != len(ws) {
		t.Errorf("%d of %d processes accept a token, want all or none", good, len(ws))
	}
	return good > 0
}

func (w world) again(t testing.TB) service.Login {
	t.Helper()
	l, err := w.login(t, "ann@example.com", good)
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	return l
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		a, b := worldOver(t, db, k, rotating), worldOver(t, db, k, rotating)
		first := kid(t, a.signUp(t, "ann@example.com").AccessToken)
		made := a.rotate(t)
		if made.ID == first || made.Generation != 2 || !made.SignsAt.Equal(k.now().Add(publish)) || made.Private != nil {
			t.Errorf("Rotate = %+v, want a second key that signs in ten minutes, without its private half", made)
		}
		k.advance(publish - time.Second)
		for _, w := range []world{a, b} {
			if got := w.public(t); !slices.Equal(got, []string{first, made.ID}) {
				t.Errorf("published before it signs: %v, want %v", got, []string{first, made.ID})
			}
		}
		last := b.again(t).AccessToken
		k.advance(time.Second)
		next := b.again(t).AccessToken
		if kid(t, last) != first || kid(t, next) != made.ID || kid(t, a.again(t).AccessToken) != made.ID {
			t.Errorf("signed by %s, %s, want %s until the end and %s from then on", kid(t, last), kid(t, next), first, made.ID)
		}
		if !accepted(t, last, a, b) || !accepted(t, next, a, b) {
			t.Error("a token is refused after a rotation")
		}
		if got := a.public(t); !slices.Equal(got, []string{made.ID, first}) {
			t.Errorf("published after the rotation: %v, want %v", got, []string{made.ID, first})
		}
		k.advance(time.Hour + 2*time.Minute)
		for _, w := range []world{a, b} {
			if got := w.public(t); !slices.Equal(got, []string{made.ID}) {
				t.Errorf("published when no token of the old key can be left: %v, want %v", got, []string{made.ID})
			}
		}
		if n := a.audited(t, "key.rotated"); n != 1 {
			t.Errorf("%d audit events of the rotation, want 1", n)
		}
	})
}

// TestKeysRotateFast makes keys faster than they are published for.
func TestKeysRotateFast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rotating)
	ids := []string{kid(t, w.signUp(t, "ann@example.com").AccessToken)}
	for range 5 {
		ids = append(ids, w.rotate(t).ID)
		w.clock.advance(time.Minute)
	}
	w.clock.advance(publish - 5*time.Minute)
	for _, want := range ids[1:] {
		l := w.again(t)
		if got := kid(t, l.AccessToken); got != want {
			t.Errorf("signed by %s, want %s", got, want)
		}
		w.clock.advance(time.Minute)
		if !accepted(t, l.AccessToken, w) {
			t.Error("a token is refused after a rotation")
		}
	}
}

func TestKeysRotateOnSchedule(t *testing.T) {
	t.Parallel()
	k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	db := memory(t)
	daily := func(c *service.Config) { rotating(c); c.Keys.RotateEvery = 24 * time.Hour }
	a, b := worldOver(t, db, k, daily), worldOver(t, db, k, daily)
	due := func(w world) bool {
		t.Helper()
		rotated, err := w.Keys.RotateDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return rotated
	}
	k.advance(24*time.Hour - publish - time.Second)
	if due(a) || due(b) {
		t.Error("rotated before it was due")
	}
	for day := range 3 {
		k.advance(time.Second)
		if !due(a) || due(b) || due(a) {
			t.Errorf("day %d: not rotated once by one process", day)
		}
		k.advance(24*time.Hour - time.Second)
	}
	never := newWorld(t, rotating)
	never.clock.advance(1000 * time.Hour)
	if due(never) {
		t.Error("rotated without a schedule")
	}
}

func TestAttackKeysRace(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
		if err != nil {
			t.Fatal(err)
		}
		t.Run("OPS-07 processes that start first", func(t *testing.T) {
			var all sync.WaitGroup
			ws := make([]*service.Services, 6)
			for i := range ws {
				all.Go(func() {
					var err error
					if ws[i], err = service.New(t.Context(), config(db, k, ring)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if rows, err := db.SigningKeys(t.Context()); err != nil || len(rows) != 1 {
				t.Fatalf("SigningKeys = %d keys, %v, want one", len(rows), err)
			}
		})
		t.Run("JWT-52 processes that rotate at the same time", func(t *testing.T) {
			ws := []world{worldOver(t, db, k, rotating), worldOver(t, db, k, rotating), worldOver(t, db, k, rotating)}
			var all sync.WaitGroup
			made := make([]store.SigningKey, len(ws))
			for i, w := range ws {
				all.Go(func() { made[i] = w.rotate(t) })
			}
			all.Wait()
			rows, err := db.SigningKeys(t.Context())
			if err != nil || len(rows) < 2 || len(rows) > 1+len(ws) {
				t.Fatalf("SigningKeys = %d keys, %v", len(rows), err)
			}
			for i, row := range rows {
				if last := i == 0; last != row.RetiredAt.IsZero() || row.Generation != len(rows)-i {
					t.Errorf("key %d of %d: generation %d, retires %s", i, len(rows), row.Generation, row.RetiredAt)
				}
			}
		})
	})
}

// config is what a process has that nobody signs up in.
func config(db store.Store, k *clock, ring *secret.Ring) service.Config {
	return service.Config{
		Store: db, Now: k.now, Log: slog.New(slog.DiscardHandler), Ring: ring, BaseURL: "https://app.example", Algorithm: "EdDSA", MaxToken: 7168,
		Session: service.SessionPolicy{RevocationLag: time.Second, AccessToken: 5 * time.Minute, Absolute: time.Hour, Idle: time.Hour},
	}
}

func TestAttackKeysRevoked(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		a, b := worldOver(t, db, k, rotating), worldOver(t, db, k, rotating)
		t.Run("OPS-05 the key that signs", func(t *testing.T) {
			raw := a.signUp(t, "ann@example.com").AccessToken
			if !accepted(t, raw, a, b) { // and cached by both
				t.Fatal("the token is refused before")
			}
			a.revoke(t, kid(t, raw))
			if accepted(t, raw, a) {
				t.Error("accepted where the key was revoked, want refused at once")
			}
			k.advance(time.Second)
			if accepted(t, raw, b) {
				t.Error("accepted elsewhere after the lag")
			}
			for _, w := range []world{a, b} {
				if next := w.again(t).AccessToken; kid(t, next) == kid(t, raw) || !accepted(t, next, a, b) {
					t.Error("no other key signs after a revocation")
				}
				if slices.Contains(w.public(t), kid(t, raw)) {
					t.Error("a revoked key is published")
				}
			}
			a.revoke(t, kid(t, raw)) // again is no error
		})
		t.Run("OPS-05 the key that is to follow takes over", func(t *testing.T) {
			raw, next := a.again(t).AccessToken, a.rotate(t)
			a.revoke(t, kid(t, raw))
			if got := kid(t, a.again(t).AccessToken); got != next.ID {
				t.Errorf("signed by %s, want the key that was published already, %s", got, next.ID)
			}
			k.advance(time.Second)
			if got := kid(t, b.again(t).AccessToken); got != next.ID {
				t.Errorf("signed by %s elsewhere, want %s", got, next.ID)
			}
		})
		t.Run("OPS-05 the key that is to follow", func(t *testing.T) {
			raw, next := a.again(t).AccessToken, a.rotate(t)
			a.revoke(t, next.ID)
			k.advance(publish)
			if got := a.again(t).AccessToken; kid(t, got) != kid(t, raw) || !accepted(t, got, a, b) {
				t.Errorf("signed by %s, want by %s on", kid(t, got), kid(t, raw))
			}
			if rows, err := a.Keys.List(t.Context(), store.System()); err != nil || rows[1].RetiredAt != (time.Time{}) {
				t.Errorf("List = %+v, %v, want that the key that signs has no end", rows[1], err)
			}
		})
	})
}

func (w world) revoke(t testing.TB, id string) {
	t.Helper()
	if err := w.Keys.Revoke(t.Context(), store.System(), id); err != nil {
		t.Fatalf("revoke %s: %v", id, err)
	}
}

func TestAttackKeysAtRest(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		worldOver(t, db, k, rotating)
		t.Run("OPS-06 other secrets", func(t *testing.T) {
			ring, err := secret.New([][]byte{[]byte("fedcba9876543210fedcba9876543210")})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := service.New(t.Context(), config(db, k, ring)); !errors.Is(err, secret.ErrUnknownKey) {
				t.Errorf("New with other secrets = %v, want %v", err, secret.ErrUnknownKey)
			}
			if rows, err := db.SigningKeys(t.Context()); err != nil || len(rows) != 1 {
				t.Errorf("SigningKeys = %d keys, %v, want that none was made", len(rows), err)
			}
		})
		t.Run("OPS-06 what the store holds", func(t *testing.T) {
			rows, err := db.SigningKeys(t.Context())
			if err != nil || strings.Contains(string(rows[0].Private), "PRIVATE") || len(rows[0].Private) < 48 {
				t.Errorf("SigningKeys = %+v, %v, want a sealed private half", rows, err)
			}
		})
	})
}

// TestKeysOfNewerSecrets replaces the secrets of one process after the other.
func TestKeysOfNewerSecrets(t *testing.T) {
	t.Parallel()
	k, db := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, memory(t)
	old := worldOver(t, db, k, rotating)
	raw := old.signUp(t, "ann@example.com").AccessToken
	newer := worldOver(t, db, k, rotating, func(c *service.Config) {
		ring, err := secret.New([][]byte{[]byte("a newer secret of thirty-two byte"), []byte("0123456789abcdef0123456789abcdef")})
		if err != nil {
			t.Fatal(err)
		}
		c.Ring = ring
	})
	newer.rotate(t)
	k.advance(publish)
	next := newer.again(t).AccessToken
	if kid(t, next) == kid(t, raw) || !accepted(t, next, old, newer) {
		t.Error("a key that is sealed under a newer secret verifies nothing where that is not known")
	}
	for range 5 { // the process with the old secrets signs with what it has, while it signs
		mine := old.again(t).AccessToken
		if kid(t, mine) != kid(t, raw) {
			t.Fatalf("signed by %s, want %s", kid(t, mine), kid(t, raw))
		}
		k.advance(4 * time.Minute)
		if !accepted(t, mine, old, newer) {
			t.Error("a token of a key that others have retired is refused")
		}
		k.advance(50 * time.Minute)
	}
}

// TestKeysOutliveLongTokens lets one process make tokens that last longer than those of
// the process that rotates.
func TestKeysOutliveLongTokens(t *testing.T) {
	t.Parallel()
	k, db := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, memory(t)
	short := worldOver(t, db, k, rotating)
	long := worldOver(t, db, k, rotating, func(c *service.Config) { c.Session.AccessToken = 23 * time.Hour })
	raw := long.signUp(t, "ann@example.com").AccessToken
	for range 3 {
		short.rotate(t)
		k.advance(publish)
	}
	k.advance(23*time.Hour - 3*publish - time.Second)
	if kid(t, short.again(t).AccessToken) == kid(t, raw) || !accepted(t, raw, short, long) {
		t.Error("a token is refused before it expires")
	}
	if n := long.audited(t, "key.extended"); n != 1 {
		t.Errorf("the key was extended %d times, want once", n)
	}
	long.again(t)
	if n := long.audited(t, "key.extended"); n != 2 { // the key that signs now
		t.Errorf("keys were extended %d times, want once each", n)
	}
}

func TestKeysSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rotating)
	first := kid(t, w.signUp(t, "ann@example.com").AccessToken)
	w.rotate(t)
	w.clock.advance(publish + 25*time.Hour)
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := w.db.SigningKeys(t.Context())
	if err != nil || len(rows) != 2 || rows[1].ID != first || rows[1].Private != nil || rows[0].Private == nil {
		t.Errorf("SigningKeys = %+v, %v, want the private half of the retired key gone and the other's there", rows, err)
	}
	w.clock.advance(25 * time.Hour)
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err = w.db.SigningKeys(t.Context()); err != nil || len(rows) != 1 || rows[0].ID == first {
		t.Errorf("SigningKeys = %+v, %v, want the retired key gone", rows, err)
	}
	again := worldOver(t, w.db, w.clock, rotating)
	if l := again.again(t); !accepted(t, l.AccessToken, w, again) {
		t.Error("a process that starts after the sweep has no key")
	}
}

func TestKeysAreTheHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rotating)
	user := w.user(t, w.signUp(t, "ann@example.com"))
	_, rotated := w.Keys.Rotate(t.Context(), user)
	_, listed := w.Keys.List(t.Context(), user)
	for what, err := range map[string]error{
		"Rotate": rotated, "List": listed, "Revoke": w.Keys.Revoke(t.Context(), user, "x"),
	} {
		wantCode(t, what+" by a user", err, fault.Forbidden)
	}
	wantCode(t, "Revoke of no key", w.Keys.Revoke(t.Context(), store.System(), "x"), fault.NotFound)
	rows, err := w.Keys.List(t.Context(), store.System())
	if err != nil || len(rows) != 1 || rows[0].Private != nil {
		t.Errorf("List = %+v, %v, want one key without its private half", rows, err)
	}
}

// wielding lets a signer of the host's sign.
func wielding(s crypto.Signer, id string) func(*service.Config) {
	return func(c *service.Config) {
		rotating(c)
		c.Algorithm, c.Keys.Signer, c.Keys.SignerID = "", s, id
	}
}

func TestKeysOfTheHost(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		plain := worldOver(t, db, k, rotating)
		raw := plain.signUp(t, "ann@example.com").AccessToken
		_, ed, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w := worldOver(t, db, k, wielding(ed, "module-1"))
		mine := w.again(t).AccessToken
		k.advance(time.Second)
		if kid(t, mine) != "module-1" || !accepted(t, mine, plain, w) || !accepted(t, raw, plain, w) {
			t.Errorf("signed by %s, want module-1, and every token accepted", kid(t, mine))
		}
		if got := plain.public(t); !slices.Contains(got, "module-1") {
			t.Errorf("published: %v, want module-1 among them", got)
		}
		rows, err := db.SigningKeys(t.Context())
		if err != nil || rows[0].ID != "module-1" || rows[0].Private != nil {
			t.Errorf("SigningKeys = %+v, %v, want no private half of module-1", rows, err)
		}
		worldOver(t, db, k, wielding(ed, "module-1")) // nothing to do
		if again, err := db.SigningKeys(t.Context()); err != nil || len(again) != len(rows) {
			t.Errorf("SigningKeys = %d, %v, want %d", len(again), err, len(rows))
		}
		_, err = w.Keys.Rotate(t.Context(), store.System())
		wantCode(t, "Rotate of the host's own key", err, fault.Conflict)
		t.Run("the next signer", func(t *testing.T) { nextSigner(t, db, k, w) })
	})
}

func nextSigner(t *testing.T, db store.Store, k *clock, before world) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := worldOver(t, db, k, wielding(ec, ""))
	k.advance(time.Second)
	old, next := before.again(t).AccessToken, w.again(t).AccessToken
	if kid(t, old) != "module-1" || len(kid(t, next)) != 22 || !accepted(t, old, before, w) || !accepted(t, next, before, w) {
		t.Errorf("signed by %s and %s, want module-1 and a thumbprint, accepted by both", kid(t, old), kid(t, next))
	}
	w.revoke(t, kid(t, next))
	_, err = w.login(t, "ann@example.com", good)
	wantCode(t, "sign in with a revoked signer", err, fault.Unavailable)
	ring, err := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	c := config(db, k, ring)
	c.Algorithm, c.Keys.Signer = "", ec
	if _, err := service.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("New with a revoked signer = %v, want an error that says so", err)
	}
	plain := worldOver(t, db, k, rotating) // without a signer there is a key of the store again
	if raw := plain.again(t).AccessToken; !accepted(t, raw, plain) {
		t.Error("no key of the store signs after the signer")
	}
}

// A broken signer says that it is one key and signs with another.
type broken struct{ crypto.Signer }

func (b broken) Public() crypto.PublicKey {
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	return public
}

func TestAttackWeakSigners(t *testing.T) {
	t.Parallel()
	weak, err1 := rsa.GenerateKey(rand.Reader, 1024)
	p384, err2 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p256, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, err4 := ed25519.GenerateKey(rand.Reader)
	ring, err5 := secret.New([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, algorithm, id string
		signer              crypto.Signer
	}{
		{"JWT-49 RSA 1024", "", "", weak},
		{"JWT-49 P-384", "", "", p384},
		{"JWT-49 P-256 under RS256", "RS256", "", p256},
		{"JWT-12 Ed25519 under HS256", "HS256", "", ed},
		{"JWT-14 an id that is no header", "", "a\"b", ed},
		{"JWT-14 a long id", "", strings.Repeat("x", 129), ed},
		{"JWT-49 another key's signatures", "", "", broken{ed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config(memory(t), &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, ring)
			c.Algorithm, c.Keys.Signer, c.Keys.SignerID = tt.algorithm, tt.signer, tt.id
			if _, err := service.New(t.Context(), c); err == nil {
				t.Error("New = nil, want an error")
			}
		})
	}
}

// TestKeysWithoutCaller lets the caller go whose request reads the keys.
func TestKeysWithoutCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rotating)
	raw := w.signUp(t, "ann@example.com").AccessToken
	w.rotate(t)
	w.clock.advance(publish)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = w.Gate.Resolve(gone, raw) // reads the keys for everybody who waits
	if kid(t, w.again(t).AccessToken) == kid(t, raw) {
		t.Error("a caller that left kept the keys from being read")
	}
}

// TestKeysOfOneThatStarted sends a token of a process that has just started to one that did
// not hear of it yet: it has another address, and is of the same environment.
func TestKeysOfOneThatStarted(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, db store.Store) {
		k := &clock{at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		a := worldOver(t, db, k, rotating)
		accepted(t, a.signUp(t, "ann@example.com").AccessToken, a)
		b := worldOver(t, db, k, rotating, func(c *service.Config) { c.BaseURL = "https://other.example" })
		if raw := b.signUp(t, "bob@example.com").AccessToken; !accepted(t, raw, a, b) {
			t.Error("the token of a process that has just started is refused")
		}
	})
}
