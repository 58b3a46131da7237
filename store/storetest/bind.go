package storetest

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/go-identity/identity/store"
)

// RunBind exercises the promises of [store.Binder] on an empty store. begin begins a
// transaction of the host's, in whose database there is a table orders with a text column
// id, and returns it with the store bound to it.
func RunBind(t *testing.T, s store.Store, begin func(*testing.T) (*sql.Tx, store.Store)) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, store.Store, *sql.Tx, store.Store)
	}{
		{"commit", testBindCommit}, {"rollback", testBindRollback}, {"nested", testBindNested}, {"close", testBindClose},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tx, in := begin(t)
			tt.test(t, s, tx, in)
		})
	}
}

func place(t *testing.T, tx *sql.Tx) {
	t.Helper()
	_, err := tx.ExecContext(t.Context(), `insert into orders (id) values ('o1')`)
	must(t, err)
}

func testBindCommit(t *testing.T, s store.Store, tx *sql.Tx, in store.Store) {
	ctx := t.Context()
	place(t, tx)
	must(t, in.CreateCategory(ctx, category("commit")), in.Ping(ctx))
	equal(t, "inside", known(t, in), "commit")
	equal(t, "outside, before", known(t, s), "")
	must(t, tx.Commit())
	equal(t, "outside, after", known(t, s), "commit")
	must(t, s.DeleteCategory(ctx, "commit"))
}

func testBindRollback(t *testing.T, s store.Store, tx *sql.Tx, in store.Store) {
	must(t, in.Tx(t.Context(), func(tx store.Records) error { return tx.CreateCategory(t.Context(), category("rollback")) }))
	must(t, tx.Rollback())
	equal(t, "outside", known(t, s), "")
}

// testBindNested checks that what fails inside leaves the host's transaction usable.
func testBindNested(t *testing.T, s store.Store, tx *sql.Tx, in store.Store) {
	ctx, mine := t.Context(), errors.New("no")
	place(t, tx)
	must(t, in.Tx(ctx, func(tx store.Records) error { return tx.CreateCategory(ctx, category("a")) }))
	refused(t, "a function that fails", in.Short(ctx, func(tx store.Records) error {
		return errors.Join(tx.CreateCategory(ctx, category("b")), mine)
	}), mine)
	refused(t, "a statement that breaks", in.Tx(ctx, func(tx store.Records) error {
		must(t, tx.CreateCategory(ctx, category("c")))
		taken := category("c")
		taken.Name = category("a").Name
		return tx.UpdateCategory(ctx, taken)
	}), store.ErrConflict)
	must(t, in.CreateCategory(ctx, category("d")), in.DeleteCategory(ctx, "d"))
	place(t, tx)
	must(t, tx.Commit())
	equal(t, "what is there", known(t, s), "a")
	must(t, s.DeleteCategory(ctx, "a"))
}

func testBindClose(t *testing.T, s store.Store, tx *sql.Tx, in store.Store) {
	must(t, in.Close(), in.CreateCategory(t.Context(), category("close")), tx.Rollback(), s.Ping(t.Context()))
}
