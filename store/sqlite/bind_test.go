package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/storetest"
)

// host opens the file as the host does, with a table of its own.
func host(t *testing.T, path string) *sql.DB {
	t.Helper()
	db := behind(t, path, good)
	do(t, db, `create table if not exists orders (id text)`)
	return db
}

func bind(t *testing.T, s store.Store, db *sql.DB) (*sql.Tx, store.Store) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	in, err := s.(store.Binder).Bind(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return tx, in
}

func TestBind(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	storetest.RunBind(t, s, func(t *testing.T) (*sql.Tx, store.Store) { return bind(t, s, host(t, path)) })
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	tx, err := behind(t, path, "").BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	_, err = s.(store.Binder).Bind(t.Context(), tx)
	says(t, "a connection without foreign keys", err, "foreign_keys is off")
}

// TestAttackBindStale (STO-04): a host that read before, while another wrote, is told at
// once, and not at its first write.
func TestAttackBindStale(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s, db := open(t, path), host(t, path)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	err = errors.Join(tx.QueryRowContext(t.Context(), `select count(*) from orders`).Scan(&n),
		s.CreateCategory(t.Context(), category("a")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.(store.Binder).Bind(t.Context(), tx); err == nil {
		t.Error("a transaction that can no longer write was bound")
	}
}
