package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// behind opens the file as another program would.
func behind(t *testing.T, path, query string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?"+query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func ask[T any](t *testing.T, db *sql.DB, query string) (v T) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func do(t *testing.T, db *sql.DB, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// says checks that err names each of the words.
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

func TestPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "with space.db", "?mode=memory", "a#b%20c&d.db", "ünï.db", "file:x"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("open %q made another file: %v", name, err)
		}
		if got := s.(store.Local).Path(); got != path {
			t.Errorf("Path() = %q, want %q", got, path)
		}
	}
	if got := open(t, ":memory:").(store.Local).Path(); got != "" {
		t.Errorf("Path() in memory = %q, want none", got)
	}
}

func TestMemoryIsPrivate(t *testing.T) {
	t.Parallel()
	first, second := open(t, ":memory:"), open(t, ":memory:")
	if err := first.CreateCategory(t.Context(), category("a")); err != nil {
		t.Fatal(err)
	}
	if all, err := second.Categories(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("another store in memory has %v, %v", all, err)
	}
}

func TestAttackOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"STO-05 a pool without its settings":     testUseSettings,
		"STO-06 memory with many connections":    testUseMemory,
		"STO-07 times are integers":              testTimesAreIntegers,
		"STO-09 commits are durable":             testDurable,
		"STO-11 no directory":                    testNoDirectory,
		"STO-11 not writable":                    testNotWritable,
		"STO-11 the disk is full":                testDiskFull,
		"STO-12 not a database":                  testNotDatabase,
		"STO-12 a damaged page":                  testDamagedPage,
		"STO-14 a copy while running":            testBackup,
		"STO-22 two start at once":               testStartTogether,
		"STO-22 a newer schema":                  testNewerSchema,
		"STO-22 a crash in the middle":           testMigrationStopped,
		"STO-04 many processes, many writers":    testManyProcesses,
		"STO-13 the log stays small":             testLogStaysSmall,
		"STO-18 reads do not wait for a writer":  testReadsDoNotWait,
		"STO-18 a pool of one and nested access": testPoolOfOne,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

const good = "_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(1)"

func testUseSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	_, err := sqlite.Use(t.Context(), behind(t, path, ""))
	says(t, "without settings", err, "journal_mode is delete", "foreign_keys is off", "busy_timeout is 0", "_pragma=journal_mode(wal)")
	_, err = sqlite.Use(t.Context(), behind(t, path, "_pragma=busy_timeout(1)&_pragma=journal_mode(wal)"))
	says(t, "without foreign keys", err, "foreign_keys is off")

	once := behind(t, path, "_pragma=busy_timeout(1)&_pragma=journal_mode(wal)")
	do(t, once, `pragma foreign_keys = on`)
	_, err = sqlite.Use(t.Context(), once)
	says(t, "a setting of one connection only", err, "foreign_keys is off")

	pool := behind(t, path, good)
	s, err := sqlite.Use(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.CreateCategory(t.Context(), category("a")), s.Close(), pool.PingContext(t.Context())); err != nil {
		t.Errorf("the host's pool after Close: %v", err)
	}
}

func testUseMemory(t *testing.T) {
	pool, err := sql.Open("sqlite", "file::memory:?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	_, err = sqlite.Use(t.Context(), pool)
	says(t, "many connections", err, "SetMaxOpenConns(1)")
	pool.SetMaxOpenConns(1)
	s, err := sqlite.Use(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateCategory(t.Context(), category("a")); err != nil {
		t.Error(err)
	}
}

func testTimesAreIntegers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, at := open(t, path), time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("", 3600))
	if err := s.CreateUser(t.Context(), store.User{ID: "u", CreatedAt: at}); err != nil {
		t.Fatal(err)
	}
	got := ask[string](t, behind(t, path, ""), `select typeof(created_at) || ' ' || created_at || ' ' || typeof(updated_at) from identity_users`)
	if want := fmt.Sprintf("integer %d null", at.UnixMicro()); got != want {
		t.Errorf("the columns hold %q, want %q", got, want)
	}
}

func testDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	if err := s.CreateCategory(t.Context(), category("a")); err != nil {
		t.Fatal(err)
	}
	if got := ask[string](t, behind(t, path, ""), `pragma journal_mode`); got != "wal" {
		t.Errorf("journal_mode = %s, want wal", got)
	}
	if got := ask[string](t, behind(t, path, ""), `pragma integrity_check`); got != "ok" {
		t.Errorf("integrity_check = %s", got)
	}
}

func testNoDirectory(t *testing.T) {
	_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "missing", "x.db"))
	says(t, "a directory that is missing", err, "missing must exist")
}

func testNotWritable(t *testing.T) {
	if syscall.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), filepath.Join(dir, "x.db"))
	says(t, "a directory that cannot be written", err, "must be readable and writable")
}

// testDiskFull gives the file a limit: the writer that needs more fails alone.
func testDiskFull(t *testing.T) {
	pool := behind(t, filepath.Join(t.TempDir(), "x.db"), good)
	pool.SetMaxOpenConns(1)
	s, err := sqlite.Use(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	pages := ask[int](t, pool, `pragma page_count`)
	do(t, pool, fmt.Sprintf(`pragma max_page_count = %d`, pages+8))
	big := store.Category{ID: "big", Name: "big", Description: strings.Repeat("x", 1<<20)}
	errs := make([]error, 12)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			c := category(fmt.Sprint(i))
			if i == 5 {
				c = big
			}
			errs[i] = s.CreateCategory(context.Background(), c)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != (i == 5) {
			t.Errorf("writer %d of 12, of which 5 needs a megabyte: %v", i, err)
		}
	}
	if all, err := s.Categories(t.Context()); err != nil || len(all) != 11 {
		t.Errorf("%d categories, %v; want 11", len(all), err)
	}
}

func testNotDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), path)
	says(t, "a text file", err, "no SQLite database")
}

// testDamagedPage checks that damage is an error, and not a user that is not there.
func testDamagedPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		u := store.User{ID: fmt.Sprintf("u%03d", i), Name: strings.Repeat("n", 200), CreatedAt: time.Unix(int64(i), 0)}
		if err := s.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096 * 60; at < len(raw); at++ {
		raw[at] ^= 0xa5
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = sqlite.Open(t.Context(), path)
	if err != nil {
		return // found at once
	}
	defer s.Close()
	broken := 0
	for i := range 500 {
		_, err := s.User(t.Context(), fmt.Sprintf("u%03d", i))
		if errors.Is(err, store.ErrNotFound) {
			t.Errorf("user %d is lost to damage and reported as not there", i)
		}
		if err != nil {
			broken++
		}
	}
	if broken == 0 {
		t.Error("no read met the damage")
	}
}

func testBackup(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "x.db"), filepath.Join(dir, "copy.db")
	s := open(t, path)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			id := fmt.Sprint(i)
			err := s.Tx(context.Background(), func(tx store.Records) error {
				return errors.Join(tx.CreateUser(context.Background(), store.User{ID: id}),
					tx.CreateTenant(context.Background(), store.Tenant{ID: id}))
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	do(t, behind(t, path, "_pragma=busy_timeout(5000)"), `vacuum into '`+copied+`'`)
	wg.Wait()
	c := open(t, copied)
	users, err1 := c.CountUsers(t.Context())
	tenants, err2 := c.Tenants(t.Context(), store.TenantQuery{})
	if err1 != nil || err2 != nil || users != tenants.Total {
		t.Errorf("the copy has %d users and %d tenants of their own, %v %v", users, tenants.Total, err1, err2)
	}
}

func testStartTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			s, err := sqlite.Open(context.Background(), path)
			if err == nil {
				err = errors.Join(s.CreateCategory(context.Background(), category(fmt.Sprint(i))), s.Close())
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if all, err := open(t, path).Categories(t.Context()); err != nil || len(all) != 6 {
		t.Errorf("%d records, %v; want 6", len(all), err)
	}
}

func testNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	do(t, behind(t, path, ""), `insert into identity_schema (name) values ('schema/9999_future.sql')`)
	_, err := sqlite.Open(t.Context(), path)
	says(t, "a schema of the future", err, "newer than this library", "9999_future")
}

// testMigrationStopped stops the migration at a table that stands in its way: nothing of it
// may be left, and it goes through once the table is gone.
func testMigrationStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := behind(t, path, good)
	do(t, db, `create table identity_messages (x text)`)
	_, err := sqlite.Open(t.Context(), path)
	says(t, "a table in the way", err, "0017_messages")
	if n := ask[int](t, db, `select count(*) from sqlite_master`); n != 1 {
		t.Errorf("%d things are left of the migration, want the table that was there", n)
	}
	do(t, db, `drop table identity_messages`)
	if err := open(t, path).CreateCategory(t.Context(), category("a")); err != nil {
		t.Error(err)
	}
}

// testManyProcesses lets several stores, as of several processes, read and then write in
// one file: none may ever be told that the database is busy.
func testManyProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var wg sync.WaitGroup
	for p := range 3 {
		s := open(t, path)
		for w := range 4 {
			wg.Go(func() {
				for i := range 15 {
					id := fmt.Sprint(p, "-", w, "-", i)
					err := s.Tx(context.Background(), func(tx store.Records) error {
						if _, err := tx.CountUsers(context.Background()); err != nil {
							return err
						}
						return tx.CreateUser(context.Background(), store.User{ID: id})
					})
					if err != nil {
						t.Errorf("process %d: %v", p, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	if n, err := open(t, path).CountUsers(t.Context()); err != nil || n != 180 {
		t.Errorf("%d users, %v; want 180", n, err)
	}
}

func testLogStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s, text := open(t, path), strings.Repeat("x", 100_000)
	for i := range 300 {
		err := s.PutSetting(t.Context(), "", "k", []byte(fmt.Sprintf(`{"n":%d,"text":%q}`, i, text)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Users(t.Context(), store.UserQuery{}); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if log.Size() > 12<<20 { // 30 MB were written
		t.Errorf("the log grew to %d bytes", log.Size())
	}
}

func testReadsDoNotWait(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	err := s.Tx(t.Context(), func(tx store.Records) error {
		if err := tx.CreateCategory(t.Context(), category("a")); err != nil {
			return err
		}
		all, err := s.Categories(t.Context()) // outside the transaction, while it is open
		if err != nil || len(all) != 0 {
			t.Errorf("outside: %v, %v; want nothing yet", all, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testPoolOfOne(t *testing.T) {
	pool := behind(t, filepath.Join(t.TempDir(), "x.db"), good)
	pool.SetMaxOpenConns(1)
	s, err := sqlite.Use(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := s.CreateUser(ctx, store.User{ID: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
			if err := s.DeleteUser(ctx, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestFileIsPrivate checks that nobody but the owner reads what a new database holds.
func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "identity.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateCategory(t.Context(), category("c")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("files = %v, %v; want the database and its log", files, err)
	}
	for _, f := range files {
		i, err := f.Info()
		if err != nil || i.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v; want none for others", f.Name(), i.Mode(), err)
		}
	}
}
