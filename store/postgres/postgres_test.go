package postgres_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
	"github.com/go-identity/identity/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func open(t *testing.T, url string) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func pool(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func do(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func says(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %q does not say %q", what, err, w)
		}
	}
}

func category(id string) store.Category { return store.Category{ID: id, Name: id} }

// schemas returns what opens empty stores on one database, each in a schema of its own.
func schemas(t *testing.T, more string) func(*testing.T) store.Store {
	t.Helper()
	url := pgtest.URL(t)
	db := pool(t, url)
	return func(t *testing.T) store.Store {
		t.Helper()
		name := strings.ToLower(rand.Text())
		do(t, db, `create schema s`+name)
		return open(t, url+"&search_path=s"+name+more)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, schemas(t, ""))
}

// TestAttackQueryModes (SQL-13) runs the suite as behind a proxy that pools transactions,
// where no statement stays prepared.
func TestAttackQueryModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run("SQL-13 "+mode, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, schemas(t, "&default_query_exec_mode="+mode))
		})
	}
}

// TestSessionSettings checks what protects the server from a client that is lost.
func TestSessionSettings(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	for _, tt := range []struct{ more, want string }{
		{"", "30s 5s 30s"}, {"&statement_timeout=7s", "7s 5s 30s"}, {"&default_query_exec_mode=exec", "0 0 0"},
	} {
		s, db := open(t, url+tt.more), pool(t, url)
		err := s.Tx(t.Context(), func(tx store.Records) error {
			return tx.CreateCategory(t.Context(), category("x"+tt.more))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := settings(t, s, db); got != tt.want {
			t.Errorf("with %q the time-outs are %s, want %s", tt.more, got, tt.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// settings reads the settings of the store's session through the host's side of it.
func settings(t *testing.T, s store.Store, db *sql.DB) (got string) {
	t.Helper()
	do(t, db, `create or replace function note() returns trigger language plpgsql as $$ begin
		insert into noted values (current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' ' ||
			current_setting('idle_in_transaction_session_timeout')); return new; end $$`)
	do(t, db, `drop table if exists noted`)
	do(t, db, `create table noted (text text)`)
	do(t, db, `create or replace trigger note after insert on identity_attempts for each row execute function note()`)
	if _, err := s.Attempt(t.Context(), "a", at(), store.AttemptLimit{Max: 1}); err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	if err := s.ClearAttempts(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), `select text from noted`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestUse(t *testing.T) {
	t.Parallel()
	db := pool(t, pgtest.URL(t))
	s, err := postgres.Use(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.CreateCategory(t.Context(), category("a")), s.Close(), db.PingContext(t.Context())); err != nil {
		t.Errorf("the host's pool after Close: %v", err)
	}
	other, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = postgres.Use(t.Context(), other)
	says(t, "another driver's pool", err, "driver")
	_, err = sqlite.Use(t.Context(), db)
	says(t, "a PostgreSQL pool for SQLite", err)
}

func TestBind(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s, db := open(t, url), pool(t, url)
	do(t, db, `create table orders (id text)`)
	begin := func(t *testing.T, level sql.IsolationLevel) *sql.Tx {
		t.Helper()
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tx.Rollback() })
		return tx
	}
	storetest.RunBind(t, s, func(t *testing.T) (*sql.Tx, store.Store) {
		tx := begin(t, sql.LevelSerializable)
		in, err := s.(store.Binder).Bind(t.Context(), tx)
		if err != nil {
			t.Fatal(err)
		}
		return tx, in
	})
	for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead} {
		_, err := s.(store.Binder).Bind(t.Context(), begin(t, level))
		says(t, level.String(), err, "begin it with sql.LevelSerializable")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://app:hidden-secret@127.0.0.1:1/none?connect_timeout=2")
	says(t, "nobody listens", err, "open PostgreSQL")
	if err != nil && strings.Contains(err.Error(), "hidden-secret") {
		t.Errorf("the error tells the password: %v", err)
	}
	_, err = postgres.Open(t.Context(), "postgres://app:hidden-secret@host:port/none")
	says(t, "no address", err, "open PostgreSQL")
	if err != nil && strings.Contains(err.Error(), "hidden-secret") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestAttackMigrations(t *testing.T) {
	t.Parallel()
	t.Run("STO-22 ten start at once", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		errs := make([]error, 10)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				s, err := postgres.Open(t.Context(), url)
				if err == nil {
					err = errors.Join(s.CreateCategory(t.Context(), category(fmt.Sprint(i))), s.Close())
				}
				errs[i] = err
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if all, err := open(t, url).Categories(t.Context()); err != nil || len(all) != 10 {
			t.Errorf("%d records, %v; want 10", len(all), err)
		}
	})
	t.Run("STO-22 a newer schema", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		open(t, url)
		do(t, pool(t, url), `insert into identity_schema (name) values ('schema/9999_future.sql')`)
		_, err := postgres.Open(t.Context(), url)
		says(t, "a schema of the future", err, "newer than this library", "9999_future")
	})
	t.Run("STO-22 a crash in the middle", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		db := pool(t, url)
		do(t, db, `create table identity_messages (x text)`)
		_, err := postgres.Open(t.Context(), url)
		says(t, "a table in the way", err, "0017_messages")
		var n int
		err = db.QueryRowContext(t.Context(),
			`select count(*) from information_schema.tables where table_schema = current_schema()`).Scan(&n)
		if err != nil || n != 1 {
			t.Errorf("%d tables are left of the migration (%v), want the one that was there", n, err)
		}
		do(t, db, `drop table identity_messages`)
		open(t, url)
	})
}
