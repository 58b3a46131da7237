// Package pgtest gives tests a PostgreSQL: a throw-away server from the binaries of this
// machine, or the server that IDENTITY_POSTGRES names.
package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the pgx driver for database/sql

	"github.com/go-identity/identity/internal/needs"
)

// patience bounds what starting and stopping a server may take.
const patience = 5 * time.Minute

// URL returns the address of an empty database that is dropped with the test. All tests of
// a process share one server, which ends with the process, however that ends. Without
// PostgreSQL the test is skipped; see [needs.Have].
func URL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server := os.Getenv("IDENTITY_POSTGRES")
	if server == "" {
		needs.Have(t, "postgres", Installed(), "no initdb on PATH or under /usr/lib/postgresql")
		var err error
		if server, err = shared(ctx); err != nil {
			t.Fatal(err)
		}
	}
	name := "identity_" + strings.ToLower(rand.Text())
	if err := admin(ctx, server, `create database `+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := admin(ctx, server, `drop database `+name+` with (force)`); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Main runs the tests of a package and stops the server that they shared. A package
// without it leaves that to the server's guard, a moment later.
func Main(m *testing.M) int {
	code := m.Run()
	if s, err := resume(sharedDir()); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(s.Stop(ctx), os.RemoveAll(sharedDir()), os.RemoveAll(sharedDir()+".lock")); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
		}
	}
	return code
}

// shared returns the address of the server of this process and starts it when needed. What
// is known of it lies in a folder named after the process, under a lock.
func shared(ctx context.Context) (string, error) {
	dir := sharedDir()
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	defer unlock()
	if s, err := resume(dir); err == nil && admin(ctx, s.URL(), `select 1`) == nil {
		return s.URL(), nil
	}
	if err := os.RemoveAll(dir); err != nil { // of a process that had this number before
		return "", err
	}
	s, err := Start(ctx, dir)
	if err != nil {
		return "", err
	}
	return s.URL(), nil
}

func sharedDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("identity-pgtest-%d", os.Getpid()))
}

// admin runs one statement on the server.
func admin(ctx context.Context, server, query string) error {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, query)
	return errors.Join(err, db.Close())
}
