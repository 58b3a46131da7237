package service_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A watched store counts what is looked up by a secret.
type watched struct {
	store.Store
	reads atomic.Int64
}

func (w *watched) ManagementCredential(ctx context.Context, id string) (store.ManagementCredential, error) {
	w.reads.Add(1)
	return w.Store.ManagementCredential(ctx, id)
}

func (w *watched) Session(ctx context.Context, userID, id string) (store.Session, error) {
	w.reads.Add(1)
	return w.Store.Session(ctx, userID, id)
}

func (w *watched) Challenge(ctx context.Context, p store.Purpose, hash []byte) (store.Challenge, error) {
	w.reads.Add(1)
	return w.Store.Challenge(ctx, p, hash)
}

// nearly returns text that shares all but the byte at i with a secret of ours.
func nearly(t *testing.T, secret string, i int) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	b[i] ^= 1
	return base64.RawURLEncoding.EncodeToString(b)
}

// linkOf returns the token of a link that works.
func (w world) linkOf(t *testing.T) string {
	t.Helper()
	u, err := w.Users.Create(t.Context(), host, service.NewUser{Email: "new@example.com", TenantID: w.tenant(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := w.SignUp.Link(t.Context(), host, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAttackSecretTiming(t *testing.T) {
	t.Parallel()
	db := &watched{Store: memory(t)}
	w := worldOver(t, db, noon(), open)
	l := w.signUp(t, "ann@example.com")
	_, key, err := w.Credentials.Create(t.Context(), host, "back end")
	if err != nil {
		t.Fatal(err)
	}
	// An opaque secret is 98 bytes: version, kind, two ids, 32 random bytes, 16 of a MAC.
	for name, i := range map[string]int{"the user": 2, "the session": 20, "the first random byte": 34, "the last": 65, "the MAC": 66, "the end": 81} {
		t.Run("ENU-14 right up to "+name, func(t *testing.T) {
			before := db.reads.Load()
			_, _, err := w.Credentials.Exchange(t.Context(), someone, w.Environment, nearly(t, key, i))
			wantCode(t, "an API secret", err, fault.Unauthenticated)
			wantCode(t, "a refresh token", errOf(w.refresh(t, nearly(t, l.Secret, i))), fault.Unauthenticated)
			if n := db.reads.Load() - before; n != 0 {
				t.Errorf("a guess that shares %d bytes with a secret costs %d reads, want none", i, n)
			}
		})
	}
	t.Run("ENU-14 a secret is looked up by its hash", func(t *testing.T) {
		cost := map[int64]bool{}
		for _, text := range []string{"", "a", strings.Repeat("a", 43), strings.Repeat("a", 42) + "b", w.linkOf(t)[:42] + "_"} {
			before := db.reads.Load()
			_, err := w.SignUp.NeedsPassword(t.Context(), someone, l.User.ID, text)
			wantCode(t, "a link", err, fault.Gone)
			cost[db.reads.Load()-before] = true
		}
		if len(cost) != 1 || cost[0] {
			t.Errorf("links that do not work cost as many reads as %v, want one number", cost)
		}
	})
	t.Run("ENU-14 no comparison that ends early", func(t *testing.T) {
		names, err := filepath.Glob("*.go")
		if err != nil || len(names) == 0 {
			t.Fatalf("%d files, %v", len(names), err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") && strings.Contains(string(text), "bytes.Equal(") {
				t.Errorf("%s compares with bytes.Equal; secret.Equal takes the same time for all", name)
			}
		}
	})
}
