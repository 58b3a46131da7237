package service_test

import (
	"testing"

	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// everywhere runs a test over an empty store of each database. It is for what depends on
// how a database isolates transactions.
func everywhere(t *testing.T, test func(t *testing.T, db store.Store)) {
	t.Helper()
	stores := map[string]func(t *testing.T) (store.Store, error){
		"sqlite":   func(t *testing.T) (store.Store, error) { return sqlite.Open(t.Context(), ":memory:") },
		"postgres": func(t *testing.T) (store.Store, error) { return postgres.Open(t.Context(), pgtest.URL(t)) },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			test(t, db)
		})
	}
}
