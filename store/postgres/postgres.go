// Package postgres keeps identity records in PostgreSQL. See docs/stores.md for what to
// expect of it.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/internal/sqlstore"
)

// connections bounds the pool of Open: more than the server has cores for does not help.
const connections = 16

// Open connects to the database that url names and brings its schema up to date. Behind a
// proxy that pools transactions, url says so with default_query_exec_mode (exec or
// cache_describe); the time-outs that Open otherwise sets for its sessions are then the
// server's.
func Open(ctx context.Context, url string) (store.Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	if !proxied(url) {
		limit(config.RuntimeParams)
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db, err := sqlstore.New(ctx, sqlstore.Pools{Write: pool, Read: pool, Owned: true}, dialect())
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	return db, nil
}

// Use keeps records in the host's pool, which must be one of pgx's. Close leaves it open.
func Use(ctx context.Context, pool *sql.DB) (store.Store, error) {
	if _, ok := pool.Driver().(*stdlib.Driver); !ok {
		return nil, fmt.Errorf("use the host's pool: its driver is %T, not pgx's", pool.Driver())
	}
	db, err := sqlstore.New(ctx, sqlstore.Pools{Write: pool, Read: pool}, dialect())
	if err != nil {
		return nil, fmt.Errorf("use the host's pool: %w", err)
	}
	return db, nil
}

func proxied(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Query().Has("default_query_exec_mode")
}

// limit sets what keeps a lost client from holding locks, unless url set it.
func limit(params map[string]string) {
	for name, value := range map[string]string{
		"statement_timeout": "30s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s",
	} {
		if _, ok := params[name]; !ok {
			params[name] = value
		}
	}
}

func dialect() *sqlstore.Dialect {
	return &sqlstore.Dialect{
		Time:      func(t time.Time) any { return t },
		IsUnique:  func(err error) bool { return state(err) == "23505" },
		IsMissing: func(err error) bool { return state(err) == "23503" },
		IsRetry:   func(err error) bool { return state(err) == "40001" || state(err) == "40P01" },
		IsStale:   stale,
		Bytes:     `collate "C"`,
		Migration: []string{
			`set local statement_timeout = 0`,
			`set local lock_timeout = '60s'`,
			`select pg_advisory_xact_lock(7234017283807667300)`, // processes that start together take turns
		},
		Reshapes: true,
		Fit:      fit,
	}
}

// fit accepts a serializable transaction only: the rules read in order to decide.
func fit(ctx context.Context, tx *sql.Tx) error {
	var level string
	if err := tx.QueryRowContext(ctx, `show transaction_isolation`).Scan(&level); err != nil {
		return err
	}
	if level != "serializable" {
		return fmt.Errorf("it is %s: begin it with sql.LevelSerializable", level)
	}
	return nil
}

func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// stale reports that the connection was lost, so that a read may be tried on another.
func stale(err error) bool {
	var e *net.OpError
	s := state(err)
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &e) || pgconn.SafeToRetry(err) || s == "57P01" || strings.HasPrefix(s, "08")
}
