package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/internal/sqlstore"
)

// Use keeps records in the host's database. Every connection of pool must have foreign
// keys on, a busy timeout, and write-ahead logging unless the database is in memory; Use
// checks, and its error holds the DSN that has them all. A database in memory may have one
// connection only. Writes commit together as with [Open], at the durability of the host's
// settings. Close leaves pool open.
func Use(ctx context.Context, pool *sql.DB) (store.Store, error) {
	if err := check(ctx, pool); err != nil {
		return nil, fmt.Errorf("use the host's pool: %w", err)
	}
	db, err := sqlstore.New(ctx, sqlstore.Pools{Write: pool, Read: pool, Single: true, Group: group}, dialect())
	if err != nil {
		return nil, fmt.Errorf("use the host's pool: %w", err)
	}
	return db, nil
}

// durable fails unless a commit waits until the disk has it.
func durable(ctx context.Context, pool *sql.DB) error {
	var level int
	if err := pool.QueryRowContext(ctx, `pragma synchronous`).Scan(&level); err != nil {
		return err
	}
	if level < 2 {
		return fmt.Errorf("synchronous is %d, not full", level)
	}
	return nil
}

// check looks at the settings of two connections at once, where pool may have two: settings
// that were made on one connection, and not in the DSN, are missing on the next.
func check(ctx context.Context, pool *sql.DB) error {
	most := pool.Stats().MaxOpenConnections
	for n := range 2 {
		if n > 0 && most == 1 {
			break
		}
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := checkConn(ctx, conn, most); err != nil {
			return err
		}
	}
	return nil
}

func checkConn(ctx context.Context, conn *sql.Conn, most int) error {
	var mode string
	var keys, timeout int
	for _, p := range []struct {
		query string
		into  any
	}{
		{`pragma journal_mode`, &mode}, {`pragma foreign_keys`, &keys}, {`pragma busy_timeout`, &timeout},
	} {
		if err := conn.QueryRowContext(ctx, p.query).Scan(p.into); err != nil {
			return fmt.Errorf("%s: %w", p.query, err)
		}
	}
	var wrong []string
	if mode != "wal" && mode != "memory" {
		wrong = append(wrong, "journal_mode is "+mode+", not wal")
	}
	if keys != 1 {
		wrong = append(wrong, "foreign_keys is off")
	}
	if timeout <= 0 {
		wrong = append(wrong, "busy_timeout is 0")
	}
	if mode == "memory" && most != 1 {
		wrong = append(wrong, "each connection to :memory: is another database: call SetMaxOpenConns(1)")
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s; open it with file:PATH?%s", strings.Join(wrong, ", "), settings)
}
