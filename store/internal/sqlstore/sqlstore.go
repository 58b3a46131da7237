// Package sqlstore implements store.Store on database/sql for any Dialect.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-identity/identity/store"
)

// A Dialect is everything that differs between two SQL databases.
type Dialect struct {
	Time      func(time.Time) any // how a time is bound
	IsUnique  func(error) bool    // a uniqueness rule was broken
	IsMissing func(error) bool    // a foreign key names no record
	IsRetry   func(error) bool    // the transaction lost a race
	IsStale   func(error) bool    // the connection was gone before the statement
	Bytes     string              // follows a text column in a table definition: it compares by bytes
	Migration []string            // statements that begin a migration
	Reshapes  bool                // the database writes JSON in a form of its own
	Detach    bool                // an interrupted statement would end the whole transaction

	Fit func(context.Context, *sql.Tx) error // whether a host's transaction can be bound
}

// Pools are the connections of a store. SQLite has one writer and many readers; where one
// pool does both, Read and Write are the same.
type Pools struct {
	Write, Read *sql.DB
	Owned       bool // Close closes them
	Single      bool // the database has one writer: transactions queue for it in process
	Group       int  // how many of those may commit together
	Prepare     bool // hold the writer and keep statements prepared
}

type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// An engine runs work on the database, alone or in a transaction.
type engine interface {
	// single runs one statement that is atomic by itself.
	single(ctx context.Context, fn func(execer) error) error
	// transact runs fn in a transaction, again if it lost a race.
	transact(ctx context.Context, o *sql.TxOptions, fn func(execer) error) error
	close() error
}

// DB is a store.Store.
type DB struct {
	dialect *Dialect
	pools   Pools
	engine  engine
	read    execer
	tx      *txn // nil outside a transaction
}

var (
	_ store.Store  = (*DB)(nil)
	_ store.Binder = (*DB)(nil)
)

// New wraps the pools and brings the schema up to date. It closes pools that it owns when
// it fails.
func New(ctx context.Context, p Pools, d *Dialect) (*DB, error) {
	db := &DB{dialect: d, pools: p, read: p.Read}
	if p.Single {
		db.engine = newGroup(p)
	} else {
		db.engine = pooled{p.Write, d}
	}
	if p.Prepare {
		db.read = &prepared{pool: p.Read}
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate: %w", err), db.Close())
	}
	return db, nil
}

// Ping implements store.Store.
func (db *DB) Ping(ctx context.Context) error {
	_, err := one(ctx, db, scanInt, `select 1`)
	return err
}

// Close implements store.Store.
func (db *DB) Close() error {
	if db.tx != nil || !db.pools.Owned {
		return nil
	}
	err := db.engine.close()
	if db.pools.Read != db.pools.Write {
		err = errors.Join(err, db.pools.Read.Close())
	}
	return errors.Join(err, db.pools.Write.Close())
}
