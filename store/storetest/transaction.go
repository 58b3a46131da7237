package storetest

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/go-identity/identity/store"
)

func transactionTests() map[string]func(*testing.T, store.Store) {
	tests := map[string]func(*testing.T, store.Store){"Close": testClose, "TxRace": testTxRace, "TxMany": testTxMany}
	for name, run := range map[string]transact{"Tx": store.Store.Tx, "Short": store.Store.Short} {
		for what, test := range map[string]func(*testing.T, store.Store, transact){
			"commit": testTransaction, "error": testTransactionError, "STO-20 cancel": testTransactionCancel,
			"panic": testTransactionPanic, "hidden error": testTransactionHidden,
		} {
			tests[what+" in "+name] = func(t *testing.T, s store.Store) { test(t, s, run) }
		}
	}
	return tests
}

// transact is one of the two kinds of transaction.
type transact func(store.Store, context.Context, func(store.Records) error) error

func category(id string) store.Category { return store.Category{ID: id, Name: "name " + id} }

// known returns which categories there are.
func known(t *testing.T, s store.Records) string {
	t.Helper()
	all, err := s.Categories(t.Context())
	must(t, err)
	return words(all, func(c store.Category) string { return c.ID })
}

func testTransaction(t *testing.T, s store.Store, run transact) {
	ctx := t.Context()
	must(t, run(s, ctx, func(tx store.Records) error {
		must(t, tx.CreateCategory(ctx, category("a")), tx.CreateCategory(ctx, category("b")))
		equal(t, "seen inside", known(t, tx), "a b")
		refused(t, "a conflict inside", tx.CreateCategory(ctx, category("a")), store.ErrConflict)
		_, err := tx.Category(ctx, "none")
		refused(t, "nothing found inside", err, store.ErrNotFound)
		return tx.DeleteCategory(ctx, "b") // what the sentinels refused does not end the transaction
	}))
	equal(t, "committed", known(t, s), "a")
}

func testTransactionError(t *testing.T, s store.Store, run transact) {
	ctx, mine := t.Context(), errors.New("changed my mind")
	got := run(s, ctx, func(tx store.Records) error {
		return errors.Join(tx.CreateCategory(ctx, category("a")), mine)
	})
	refused(t, "the error of the function", got, mine)
	equal(t, "rolled back", known(t, s), "")
}

func testTransactionCancel(t *testing.T, s store.Store, run transact) {
	ctx, cancel := context.WithCancel(t.Context())
	got := run(s, ctx, func(tx store.Records) error {
		err := tx.CreateCategory(ctx, category("a"))
		cancel()
		return err
	})
	refused(t, "canceled before the commit", got, context.Canceled)
	refused(t, "canceled before the start", run(s, ctx, func(tx store.Records) error {
		t.Error("the function ran")
		return nil
	}), context.Canceled)
	refused(t, "a canceled write", s.CreateCategory(ctx, category("b")), context.Canceled)
	equal(t, "nothing was written", known(t, s), "")
	must(t, s.CreateCategory(t.Context(), category("c")))
}

func testTransactionPanic(t *testing.T, s store.Store, run transact) {
	ctx := t.Context()
	var missing map[string]int
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the caller")
			}
		}()
		_ = run(s, ctx, func(tx store.Records) error {
			must(t, tx.CreateCategory(ctx, category("a")))
			missing["x"]++
			return nil
		})
	}()
	equal(t, "rolled back", known(t, s), "")
	must(t, s.CreateCategory(ctx, category("b")))
}

// testTransactionHidden checks that a transaction in which a statement broke cannot be
// committed by a function that ignores it.
func testTransactionHidden(t *testing.T, s store.Store, run transact) {
	ctx := t.Context()
	must(t, s.CreateCategory(ctx, category("a")), s.CreateCategory(ctx, category("b")))
	err := run(s, ctx, func(tx store.Records) error {
		must(t, tx.CreateCategory(ctx, category("c")))
		taken := category("a")
		taken.Name = category("b").Name
		refused(t, "a name that is taken", tx.UpdateCategory(ctx, taken), store.ErrConflict)
		return nil
	})
	refused(t, "the transaction", err, store.ErrConflict)
	equal(t, "nothing was written", known(t, s), "a b")
}

// testTxRace lets readers decide by what they read: of many only one may act.
func testTxRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.CreateRole(ctx, store.Role{TenantID: "t1", ID: "r1", Key: "k"}))
	got := race(16, func(int) error {
		return s.Tx(ctx, func(tx store.Records) error {
			r, err := tx.Role(ctx, "t1", "r1")
			if err != nil {
				return err
			}
			if r.Default {
				return store.ErrConflict
			}
			r.Default = true
			return tx.UpdateRole(ctx, r)
		})
	})
	equal(t, "read, then write", got, map[string]int{"ok": 1, "conflict": 15})

	// The two write different rows after reading both: only a serializable store refuses one.
	must(t, s.CreateCategory(ctx, category("a")), s.CreateCategory(ctx, category("b")))
	got = race(2, func(i int) error {
		return s.Tx(ctx, func(tx store.Records) error {
			all, err := tx.Categories(ctx)
			if err != nil {
				return err
			}
			if len(all) < 2 {
				return store.ErrConflict // one must stay
			}
			return tx.DeleteCategory(ctx, all[i].ID)
		})
	})
	equal(t, "write skew", got, map[string]int{"ok": 1, "conflict": 1})
	equal(t, "categories left", len(known(t, s)), 1)
}

// testTxMany checks that of many writers none is lost and none disturbs another.
func testTxMany(t *testing.T, s store.Store) {
	ctx, mine := t.Context(), errors.New("no")
	got := race(60, func(i int) error {
		return s.Tx(ctx, func(tx store.Records) error {
			if err := tx.CreateCategory(ctx, category(strconv.Itoa(i))); err != nil || i%3 > 0 {
				return err
			}
			return mine
		})
	})
	equal(t, "outcomes", got, map[string]int{"ok": 40, "no": 20})
	all, err := s.Categories(ctx)
	must(t, err)
	equal(t, "categories", len(all), 40)
}

func testClose(t *testing.T, s store.Store) {
	must(t, s.Ping(t.Context()), s.Close(), s.Close())
	if err := s.Ping(t.Context()); err == nil {
		t.Error("Ping of a closed store: no error")
	}
}
