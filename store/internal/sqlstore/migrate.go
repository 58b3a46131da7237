package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed schema/*.sql
var schema embed.FS

// migrate brings the schema up to date in one transaction, and refuses a schema of a
// later version of the library.
func (db *DB) migrate(ctx context.Context) error {
	names, err := fs.Glob(schema, "schema/*.sql")
	if err != nil {
		return err
	}
	if have, err := db.versions(ctx); err == nil && slices.Equal(have, names) {
		return nil
	}
	return db.transact(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, func(tx *DB) error {
		return tx.apply(ctx, names)
	})
}

// versions returns the names of the migrations that were applied.
func (db *DB) versions(ctx context.Context) ([]string, error) {
	have, err := many(ctx, db, scanText, `select name from identity_schema`)
	slices.Sort(have)
	return have, err
}

func (db *DB) apply(ctx context.Context, names []string) error {
	begin := append(slices.Clone(db.dialect.Migration),
		`create table if not exists identity_schema (name text not null primary key)`)
	for _, query := range begin {
		if _, err := db.exec(ctx, query); err != nil {
			return err
		}
	}
	have, err := db.versions(ctx)
	if err != nil {
		return err
	}
	for _, name := range have {
		if !slices.Contains(names, name) {
			return fmt.Errorf("the schema is newer than this library: it has %s", name)
		}
	}
	for _, name := range names {
		if slices.Contains(have, name) {
			continue
		}
		if err := db.migration(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (db *DB) migration(ctx context.Context, name string) error {
	text, err := schema.ReadFile(name)
	if err != nil {
		return err
	}
	if _, err := db.exec(ctx, varied+strings.ReplaceAll(string(text), "/*bytes*/", db.dialect.Bytes)); err != nil {
		return err
	}
	_, err = db.exec(ctx, `insert into identity_schema (name) values ($1)`, name)
	return err
}
