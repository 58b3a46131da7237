// Package sqlite keeps identity records in a SQLite file. See docs/stores.md for what to
// expect of it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/internal/sqlstore"
)

// group bounds how many waiting writers commit together.
const group = 128

// An Option changes how Open opens.
type Option func(*sqlstore.Pools)

// WithoutGroupCommit makes every write commit alone. It is for measuring what committing
// together is worth.
func WithoutGroupCommit() Option { return func(p *sqlstore.Pools) { p.Group = 1 } }

// Open opens the database file at path, and makes it where there is none; its directory
// must exist. A write that was acknowledged survives a power failure. ":memory:" is a
// private database that dies with the store.
func Open(ctx context.Context, path string, options ...Option) (store.Store, error) {
	p := sqlstore.Pools{Owned: true, Single: true, Group: group, Prepare: path != memory}
	for _, o := range options {
		o(&p)
	}
	if err := open(&p, path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	err := check(ctx, p.Write)
	if err == nil {
		err = durable(ctx, p.Write)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, explain(path, err)), p.Write.Close(), p.Read.Close())
	}
	db, err := sqlstore.New(ctx, p, dialect())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(path, err))
	}
	return file{db, path}, nil
}

// A file is a store that knows where it is.
type file struct {
	*sqlstore.DB
	path string
}

// Path implements store.Local.
func (f file) Path() string {
	if f.path == memory {
		return ""
	}
	return f.path
}

const memory = ":memory:"

func open(p *sqlstore.Pools, path string) (err error) {
	if path != memory {
		private(path)
	}
	if p.Write, err = sql.Open("sqlite", dsn(path, "_txlock=immediate")); err != nil {
		return err
	}
	p.Write.SetMaxOpenConns(1) // SQLite has one writer: queueing here beats retrying there
	if p.Read = p.Write; path == memory {
		return nil
	}
	if p.Read, err = sql.Open("sqlite", dsn(path, "_pragma=query_only(1)")); err != nil {
		return err
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	p.Read.SetMaxOpenConns(n)
	p.Read.SetMaxIdleConns(n)
	return nil
}

// private makes a new database file one that only its owner reads: it holds hashes and
// addresses. The files that SQLite puts beside it take after it. Where the file exists, or
// cannot be made, opening it says what there is to say.
func private(path string) {
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_ = f.Close()
	}
}

// settings are what every connection needs: pragmas are per connection.
const settings = "_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(1)&_pragma=synchronous(full)" +
	"&_pragma=temp_store(memory)&_pragma=cache_size(-16384)&_pragma=mmap_size(268435456)&_dqs=0"

func dsn(path, more string) string {
	if path != memory {
		path = (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	}
	return "file:" + path + "?" + settings + "&" + more
}

// explain adds to an error what SQLite leaves out.
func explain(path string, err error) error {
	if dir := filepath.Dir(path); path != memory {
		if _, missing := os.Stat(dir); missing != nil {
			return errors.Join(fmt.Errorf("the directory %s must exist", dir), err)
		}
	}
	switch code(err) & 0xff {
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return errors.Join(errors.New("the file and its directory must be readable and writable"), err)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return errors.Join(errors.New("the file is damaged or no SQLite database: restore a backup"), err)
	}
	return err
}

func dialect() *sqlstore.Dialect {
	return &sqlstore.Dialect{
		Time: func(t time.Time) any { return t.UnixMicro() },
		IsUnique: func(err error) bool {
			c := code(err)
			return c == lib.SQLITE_CONSTRAINT_UNIQUE || c == lib.SQLITE_CONSTRAINT_PRIMARYKEY
		},
		IsMissing: func(err error) bool { return code(err) == lib.SQLITE_CONSTRAINT_FOREIGNKEY },
		IsRetry:   func(err error) bool { return code(err)&0xff == lib.SQLITE_BUSY },
		IsStale:   func(error) bool { return false },
		Detach:    true,
		Fit:       fit,
	}
}

// fit takes the right to write at once: a transaction that began by reading may have lost it.
func fit(ctx context.Context, tx *sql.Tx) error {
	var keys int
	if err := tx.QueryRowContext(ctx, `pragma foreign_keys`).Scan(&keys); err != nil {
		return err
	}
	if keys != 1 {
		return fmt.Errorf("foreign_keys is off: open the database with file:PATH?%s", settings)
	}
	_, err := tx.ExecContext(ctx, `delete from identity_schema where name = ''`)
	return err
}

func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
