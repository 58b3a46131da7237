package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-identity/identity/store"
)

// A txn is a transaction in progress.
type txn struct {
	conn execer
	lost error // the first error that the database gave: nothing after it may run or commit
}

// Tx implements store.Store.
func (db *DB) Tx(ctx context.Context, fn func(store.Records) error) error {
	return db.transact(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, func(in *DB) error { return fn(in) })
}

// Short implements store.Store.
func (db *DB) Short(ctx context.Context, fn func(store.Records) error) error {
	return db.transact(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, func(in *DB) error { return fn(in) })
}

// atomic makes several statements one: in the transaction there is, else in its own.
func (db *DB) atomic(ctx context.Context, fn func(tx *DB) error) error {
	if db.tx != nil {
		return fn(db)
	}
	return db.transact(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, fn)
}

// brief is atomic for statements that need not be serializable.
func (db *DB) brief(ctx context.Context, fn func(tx *DB) error) error {
	if db.tx != nil {
		return fn(db)
	}
	return db.transact(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, fn)
}

func (db *DB) transact(ctx context.Context, o *sql.TxOptions, fn func(tx *DB) error) error {
	if db.tx != nil {
		return db.nested(ctx, fn)
	}
	return db.engine.transact(ctx, o, func(run execer) error {
		in := *db
		in.tx = &txn{conn: run}
		err := fn(&in)
		if lost := in.tx.lost; lost != nil && (err == nil || db.dialect.IsRetry(lost)) {
			return lost // fn may have hidden why it failed
		}
		return err
	})
}

// run runs one statement of the transaction.
func (t *txn) run(ctx context.Context, db *DB, fn func(execer) error) error {
	if t.lost != nil {
		return t.lost
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t.lost = db.classify(fn(t.conn))
	return t.lost
}

// nested runs fn under a savepoint of the transaction, so that fn fails alone.
func (db *DB) nested(ctx context.Context, fn func(tx *DB) error) error {
	if _, err := db.exec(ctx, `savepoint identity_nested`); err != nil {
		return err
	}
	err := fn(db)
	if err == nil {
		err = db.tx.lost
	}
	if err == nil {
		_, err = db.exec(ctx, `release savepoint identity_nested`)
		return err
	}
	lost := db.tx.lost
	db.tx.lost = nil
	ctx = context.WithoutCancel(ctx)
	_, undo := db.exec(ctx, `rollback to savepoint identity_nested`)
	if undo == nil {
		_, undo = db.exec(ctx, `release savepoint identity_nested`)
	}
	if lost != nil && db.dialect.IsRetry(lost) {
		undo = errors.Join(lost, undo) // only the whole transaction can be tried again
	}
	db.tx.lost = undo
	return err
}

// Bind implements store.Binder.
func (db *DB) Bind(ctx context.Context, tx *sql.Tx) (store.Store, error) {
	if err := db.dialect.Fit(ctx, tx); err != nil {
		return nil, fmt.Errorf("bind to the host's transaction: %w", err)
	}
	in := *db
	in.tx = &txn{conn: tx}
	return &in, nil
}
