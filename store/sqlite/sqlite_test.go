package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
	"github.com/go-identity/identity/store/storetest"
)

func open(t *testing.T, path string, options ...sqlite.Option) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close %s: %v", path, err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(*testing.T) store.Store{
		"memory": func(t *testing.T) store.Store { return open(t, ":memory:") },
		"file":   func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "x.db")) },
		"ungroup": func(t *testing.T) store.Store {
			return open(t, filepath.Join(t.TempDir(), "x.db"), sqlite.WithoutGroupCommit())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, fresh)
		})
	}
}
