package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/go-identity/identity/store"
)

// A Faulty is a store one of whose calls goes wrong. A test gives it to what it tests, once
// for the first call, once for the second and so on, until [Faulty.Reached] says that the
// flow was through before the fault:
//
//	for n := 1; ; n++ {
//		s := storetest.Fault(open(t), n, errors.New("disk full"))
//		err := flow(s)
//		if !s.Reached() {
//			break // err must be nil, and every call before has had its turn
//		}
//		// err must not be nil, and nothing half done may be left
//	}
type Faulty struct {
	faulty
	in store.Store
}

var _ store.Store = (*Faulty)(nil)

// A faulty counts the calls to records, inside and outside a transaction.
type faulty struct {
	store.Records
	plan   *plan
	broken *error // of the transaction that it is the inside of; nil outside
}

// A plan says which call goes wrong.
type plan struct {
	n     int64
	err   error
	lose  bool // the call succeeds, and reports failure
	calls atomic.Int64
}

// Fault returns a store whose n-th call, counted from 1, fails with err and does nothing. A
// commit is a call too. After it the store works.
func Fault(s store.Store, n int, err error) *Faulty {
	return newFaulty(s, &plan{n: int64(n), err: err})
}

// Lose returns a store whose n-th call, counted from 1, succeeds and reports err all the
// same, as when the connection breaks before the answer. A transaction is one call.
func Lose(s store.Store, n int, err error) *Faulty {
	return newFaulty(s, &plan{n: int64(n), err: err, lose: true})
}

func newFaulty(s store.Store, p *plan) *Faulty {
	return &Faulty{faulty: faulty{Records: s, plan: p}, in: s}
}

// Reached reports whether the fault has happened.
func (f *Faulty) Reached() bool { return f.plan.calls.Load() >= f.plan.n }

// Tx implements store.Store.
func (f *Faulty) Tx(ctx context.Context, fn func(tx store.Records) error) error {
	return f.transact(ctx, f.in.Tx, fn)
}

// Short implements store.Store.
func (f *Faulty) Short(ctx context.Context, fn func(tx store.Records) error) error {
	return f.transact(ctx, f.in.Short, fn)
}

// Ping implements store.Store. It is not counted.
func (f *Faulty) Ping(ctx context.Context) error { return f.in.Ping(ctx) }

// Close implements store.Store. It is not counted.
func (f *Faulty) Close() error { return f.in.Close() }

func (f *Faulty) transact(ctx context.Context, run func(context.Context, func(store.Records) error) error,
	fn func(tx store.Records) error) error {
	err := run(ctx, func(tx store.Records) error {
		var broken error
		if err := fn(faulty{Records: tx, plan: f.plan, broken: &broken}); err != nil {
			return err
		}
		if broken != nil || f.plan.lose {
			return broken // as a database does, whatever fn made of it
		}
		return f.plan.hit()
	})
	if err == nil && f.plan.lose {
		return f.plan.hit()
	}
	return err
}

// hit counts a call and returns the fault if this is the one.
func (p *plan) hit() error {
	if p.calls.Add(1) == p.n {
		return p.err
	}
	return nil
}

// do runs one call.
func (f faulty) do(call func() error) error {
	if f.plan.lose {
		err := call()
		if err == nil && f.broken == nil {
			err = f.plan.hit()
		}
		return err
	}
	if err := f.plan.hit(); err != nil {
		f.end(err)
		return err
	}
	return call()
}

// end makes the transaction fail, unless err is an answer and no failure.
func (f faulty) end(err error) {
	if f.broken != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		*f.broken = err
	}
}

// get is do for a call that returns a value.
func get[T any](f faulty, call func() (T, error)) (T, error) {
	var v, zero T
	err := f.do(func() (err error) {
		v, err = call()
		return err
	})
	if err != nil {
		return zero, err
	}
	return v, nil
}
