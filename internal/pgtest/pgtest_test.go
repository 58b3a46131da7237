package pgtest_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestURL(t *testing.T) {
	t.Parallel()
	first, second := pgtest.URL(t), pgtest.URL(t)
	if first == second {
		t.Fatalf("both databases are %s, want one each", first)
	}
	for _, url := range []string{first, second} {
		run(t, url, `create table t (x text)`)
	}
}

func TestServerLives(t *testing.T) {
	t.Parallel()
	needs.Have(t, "postgres", pgtest.Installed(), "no initdb")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := pgtest.Start(ctx, filepath.Join(t.TempDir(), "pg"), pgtest.Durable())
	if err != nil {
		t.Fatal(err)
	}
	run(t, s.URL(), `create table t (x text)`)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	run(t, s.URL(), `insert into t values ('survived')`)
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, url, query string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
