package identity_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// startOn wires a process over a store; without secrets it uses the key file beside it.
func startOn(ctx context.Context, s store.Store, secrets ...string) (*identity.Identity, error) {
	o := identity.Options{
		Store: s, Logger: slog.New(slog.DiscardHandler), Token: identity.TokenOptions{Algorithm: "EdDSA"},
		SignUp: identity.SignUpOptions{SkipVerification: true},
	}
	for _, text := range secrets {
		o.Secrets = append(o.Secrets, []byte(text))
	}
	return identity.New(ctx, o)
}

func inFile(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func kids(t *testing.T, s store.Store) (ids []string) {
	t.Helper()
	keys, err := s.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}

func TestAttackKeyAtRest(t *testing.T) {
	t.Parallel()
	t.Run("OPS-06 wrong secret", func(t *testing.T) {
		t.Parallel()
		s := memory(t)
		if _, err := startOn(t.Context(), s, homeSecret); err != nil {
			t.Fatal(err)
		}
		before := kids(t, s)
		if _, err := startOn(t.Context(), s, "another secret, as long as that!"); err == nil || !strings.Contains(err.Error(), "secrets do not fit") {
			t.Errorf("another secret = %v, want that the secrets do not fit", err)
		}
		if after := kids(t, s); len(before) != 1 || strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("keys %v, before %v", after, before)
		}
		if _, err := startOn(t.Context(), s, "a secret that is new, 32+ bytes.", homeSecret); err != nil {
			t.Errorf("the old secret behind a new one: %v", err)
		}
	})
	t.Run("OPS-06 lost key file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "identity.db")
		if _, err := startOn(t.Context(), inFile(t, path)); err != nil {
			t.Fatal(err)
		}
		kept := filepath.Join(t.TempDir(), "kept")
		if err := os.Rename(path+".key", kept); err != nil {
			t.Fatal(err)
		}
		s := inFile(t, path)
		if _, err := startOn(t.Context(), s); err == nil || !strings.Contains(err.Error(), path+".key is gone") {
			t.Errorf("without the key file = %v, want that it is gone", err)
		}
		if _, err := os.Stat(path + ".key"); err == nil {
			t.Error("another key file was made")
		}
		if err := os.Rename(kept, path+".key"); err != nil {
			t.Fatal(err)
		}
		if _, err := startOn(t.Context(), s); err != nil {
			t.Errorf("with the key file back: %v", err)
		}
	})
	t.Run("OPS-06 what is stored shows no key", func(t *testing.T) {
		t.Parallel()
		s := memory(t)
		if _, err := startOn(t.Context(), s, homeSecret); err != nil {
			t.Fatal(err)
		}
		keys, err := s.SigningKeys(t.Context())
		if err != nil || len(keys) != 1 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		// PKCS #8 of Ed25519 (RFC 8410 §7) begins so.
		if k := keys[0]; bytes.Contains(k.Private, []byte{0x30, 0x2e, 0x02, 0x01, 0x00}) || len(k.Private) < 60 {
			t.Errorf("the private key is stored as it is: %x", k.Private)
		}
	})
}

// firstStart starts eight processes on one new database at the same time and wants one key,
// with which each takes the tokens of the others.
func firstStart(t *testing.T, open func() store.Store, secrets ...string) {
	t.Helper()
	all := make([]*identity.Identity, 8)
	stores := make([]store.Store, len(all))
	for i := range stores {
		stores[i] = open()
	}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = startOn(t.Context(), stores[i], secrets...); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if ids := kids(t, stores[0]); len(ids) != 1 {
		t.Errorf("%d keys were made: %v", len(ids), ids)
	}
	h := &home{Identity: all[0]}
	login := h.signUp(t, "ann@acme.example")
	for i, id := range all {
		other := &home{Identity: id}
		if w := other.ask(t, "GET", mePath, nil, bearer(login)); w.Code != http.StatusOK {
			t.Errorf("process %d answers the token of another with %d %s", i, w.Code, w.Body)
		}
	}
}

func TestAttackFirstStart(t *testing.T) {
	t.Parallel()
	t.Run("OPS-07 sqlite, with a key file to make", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "identity.db")
		firstStart(t, func() store.Store { return inFile(t, path) })
		left, err := fs.Glob(os.DirFS(filepath.Dir(path)), "*.key*")
		if err != nil || len(left) != 1 {
			t.Errorf("key files %v, %v; want one", left, err)
		}
	})
	t.Run("OPS-07 postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		firstStart(t, func() store.Store {
			s, err := postgres.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}, homeSecret)
	})
}

func TestAttackKeyFile(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("0123456789abcdef", 2)
	certificate := "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	for _, tt := range []struct {
		name, text string
		mode       fs.FileMode
		want       string
	}{
		{"open to the group", whole, 0o640, "is open to others (mode 0640): chmod 600 it"},
		{"open to all", whole, 0o604, "is open to others (mode 0604): chmod 600 it"},
		{"empty", "", 0o600, "has 0 bytes, not 32"},
		{"half written", whole[:16], 0o600, "has 16 bytes, not 32"},
		{"a line break at its end", whole + "\n", 0o600, "has 33 bytes, not 32"},
		{"in base64", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 0o600, "has 44 bytes, not 32"},
		{"a certificate", certificate, 0o600, "bytes, not 32"},
		{"a private key", strings.ReplaceAll(certificate, "CERTIFICATE", "ENCRYPTED PRIVATE KEY"), 0o600, "bytes, not 32"},
		{"one byte over and over", strings.Repeat("a", 32), 0o600, "one byte repeated"},
		{"fit", whole, 0o600, ""},
		{"fit, read-only", whole, 0o400, ""},
	} {
		t.Run("OPS-08 "+tt.name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && tt.mode&0o077 != 0 {
				t.Skip("a mode says nothing here")
			}
			path := filepath.Join(t.TempDir(), "identity.db")
			if err := os.WriteFile(path+".key", []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path+".key", tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := startOn(t.Context(), inFile(t, path))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("New() = %v, want %q", err, tt.want)
			}
			if err != nil && len(tt.text) > 8 && strings.Contains(err.Error(), tt.text[:8]) {
				t.Errorf("the error shows the key: %v", err)
			}
			if now, e := os.ReadFile(path + ".key"); e != nil || string(now) != tt.text {
				t.Errorf("the file was changed to %q, %v", now, e)
			}
		})
	}
	t.Run("OPS-08 a folder", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "identity.db")
		if err := os.Mkdir(path+".key", 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := startOn(t.Context(), inFile(t, path)); err == nil || !strings.Contains(err.Error(), "is no file") {
			t.Errorf("New() = %v, want that it is no file", err)
		}
	})
	t.Run("OPS-08 secrets that are none", func(t *testing.T) {
		t.Parallel()
		s := memory(t)
		for _, bad := range [][]string{{""}, {"short"}, {strings.Repeat("x", 64)}, {whole, whole}, {whole, "short"}} {
			if _, err := startOn(t.Context(), s, bad...); err == nil || !strings.Contains(err.Error(), "secret ") {
				t.Errorf("New() with %q = %v, want which secret is wrong", bad, err)
			}
		}
		if n := len(kids(t, s)); n != 0 {
			t.Errorf("%d keys were made", n)
		}
	})
}
