package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/go-identity/identity/store"
)

// exec runs a statement that writes and returns how many rows it touched.
func (db *DB) exec(ctx context.Context, query string, args ...any) (int, error) {
	if err := db.bind(args); err != nil {
		return 0, err
	}
	var n int64
	err := db.writer(ctx, func(run execer) error {
		res, err := run.ExecContext(db.detach(ctx), query, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return int(n), err
}

// exec1 is exec for a statement that finds its row or nothing.
func (db *DB) exec1(ctx context.Context, query string, args ...any) error {
	n, err := db.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

// insert is exec for an insert that ends in "on conflict do nothing". A conflict is found
// by counting, because an error would end a PostgreSQL transaction.
func (db *DB) insert(ctx context.Context, query string, args ...any) error {
	n, err := db.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return store.ErrConflict
	}
	return err
}

type scan func(dest ...any) error

// many reads records.
func many[T any](ctx context.Context, db *DB, into func(scan) (T, error), query string, args ...any) ([]T, error) {
	if err := db.bind(args); err != nil {
		return nil, err
	}
	var out []T
	err := db.reader(ctx, func(ctx context.Context, run execer) error {
		rows, err := run.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		out, err = collect(rows, into)
		return err
	})
	return out, err
}

// one reads one record, else store.ErrNotFound.
func one[T any](ctx context.Context, db *DB, into func(scan) (T, error), query string, args ...any) (T, error) {
	return only(many(ctx, db, into, query, args...))
}

// changed is many for a statement that writes and returns the rows it wrote.
func changed[T any](ctx context.Context, db *DB, into func(scan) (T, error), query string, args ...any) ([]T, error) {
	if err := db.bind(args); err != nil {
		return nil, err
	}
	var out []T
	err := db.writer(ctx, func(run execer) error {
		rows, err := run.QueryContext(db.detach(ctx), query, args...)
		if err != nil {
			return err
		}
		out, err = collect(rows, into)
		return err
	})
	return out, err
}

func only[T any](all []T, err error) (T, error) {
	var zero T
	if err != nil {
		return zero, err
	}
	if len(all) == 0 {
		return zero, store.ErrNotFound
	}
	return all[0], nil
}

func collect[T any](rows *sql.Rows, into func(scan) (T, error)) ([]T, error) {
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := into(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}

// writer runs a statement where writes go: in the transaction, else on its own.
func (db *DB) writer(ctx context.Context, fn func(execer) error) error {
	if db.tx != nil {
		return db.tx.run(ctx, db, fn)
	}
	return db.classify(db.engine.single(ctx, fn))
}

// reader runs a query where reads go. Outside a transaction it tries once more when the
// connection had died while it lay idle.
func (db *DB) reader(ctx context.Context, fn func(context.Context, execer) error) error {
	if db.tx != nil {
		return db.tx.run(ctx, db, func(run execer) error { return fn(db.detach(ctx), run) })
	}
	err := fn(ctx, db.read)
	if err != nil && db.dialect.IsStale(err) && ctx.Err() == nil {
		err = fn(ctx, db.read)
	}
	return db.classify(err)
}

// classify turns a driver's error into the sentinel it means.
func (db *DB) classify(err error) error {
	switch {
	case err == nil:
		return nil
	case db.dialect.IsUnique(err):
		return errors.Join(store.ErrConflict, err)
	case db.dialect.IsMissing(err):
		return errors.Join(store.ErrNotFound, err)
	}
	return err
}

// detach keeps a canceled caller from interrupting a transaction that others share.
func (db *DB) detach(ctx context.Context) context.Context {
	if db.dialect.Detach {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func scanInt(scan scan) (n int, err error) {
	err = scan(&n)
	return n, err
}

func scanText(scan scan) (s string, err error) {
	err = scan(&s)
	return s, err
}
