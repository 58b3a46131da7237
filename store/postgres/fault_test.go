package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
)

func at() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestAttackServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"STO-15 the server restarts":           testRestart,
		"STO-16 a connection is dropped":       testDropped,
		"STO-16 idle connections are dropped":  testDroppedIdle,
		"STO-18 more callers than connections": testExhausted,
		"STO-19 a column is added meanwhile":   testAltered,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// testRestart kills the server and starts it again: what was acknowledged is there, and the
// store works without being opened again.
func testRestart(t *testing.T) {
	needs.Have(t, "postgres", pgtest.Installed(), "no initdb on PATH or under /usr/lib/postgresql")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	server, err := pgtest.Start(ctx, filepath.Join(t.TempDir(), "pg"), pgtest.Durable())
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, server.URL())
	for round := range 3 {
		id := fmt.Sprint(round)
		if err := s.CreateCategory(ctx, category(id)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(server.Kill(), server.Restart(ctx)); err != nil {
			t.Fatal(err)
		}
		all, err := s.Categories(ctx)
		if err != nil || len(all) != round+1 {
			t.Errorf("after restart %d a read finds %d records, %v; want %d", round, len(all), err, round+1)
		}
		err = s.Tx(ctx, func(tx store.Records) error { return tx.UpdateCategory(ctx, category(id)) })
		if err != nil {
			t.Errorf("after restart %d a transaction fails: %v", round, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// drop ends the store's connections as an administrator would.
func drop(t *testing.T, db *sql.DB) {
	t.Helper()
	do(t, db, `select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
}

func testDropped(t *testing.T) {
	url := pgtest.URL(t)
	s, db, runs := open(t, url), pool(t, url), 0
	err := s.Tx(t.Context(), func(tx store.Records) error {
		if err := tx.CreateCategory(t.Context(), category("a")); err != nil {
			return err
		}
		if runs++; runs == 1 {
			drop(t, db)
		}
		return tx.CreateCategory(t.Context(), category("b"))
	})
	if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a transaction without its connection: %v, want an error that is no answer", err)
	}
	if all, err := s.Categories(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("it left %v, %v; want nothing", all, err)
	}
}

func testDroppedIdle(t *testing.T) {
	url := pgtest.URL(t)
	s, db := open(t, url), pool(t, url)
	for range 5 {
		var wg sync.WaitGroup
		for range 8 { // so that several connections lie idle
			wg.Go(func() { _, _ = s.CountUsers(t.Context()) })
		}
		wg.Wait()
		drop(t, db)
		if _, err := s.CountUsers(t.Context()); err != nil {
			t.Errorf("the first read afterwards: %v", err)
		}
		drop(t, db)
		err := s.Tx(t.Context(), func(tx store.Records) error { _, err := tx.CountUsers(t.Context()); return err })
		if err != nil {
			t.Errorf("the first transaction afterwards: %v", err)
		}
	}
}

// testAltered changes a table under statements that are prepared.
func testAltered(t *testing.T) {
	url := pgtest.URL(t)
	s, db := open(t, url), pool(t, url)
	for i := range 6 {
		id := fmt.Sprint(i)
		err := errors.Join(s.CreateCategory(t.Context(), category(id)), s.UpdateCategory(t.Context(), category(id)))
		all, missing := s.Categories(t.Context())
		if err := errors.Join(err, missing); err != nil || len(all) != i+1 {
			t.Errorf("after %d changes of the table: %d records, %v", i, len(all), err)
		}
		do(t, db, `alter table identity_categories add column host_`+id+` text`)
	}
}

func testExhausted(t *testing.T) {
	db := pool(t, pgtest.URL(t))
	db.SetMaxOpenConns(2)
	s, err := postgres.Use(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			id := fmt.Sprint(i)
			err := errors.Join(s.CreateUser(ctx, store.User{ID: id}), s.DeleteUser(ctx, id))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	err = s.Tx(t.Context(), func(store.Records) error {
		return s.Tx(t.Context(), func(store.Records) error {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			return s.CreateCategory(ctx, category("a"))
		})
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller for whom no connection is left: %v, want its deadline", err)
	}
}
