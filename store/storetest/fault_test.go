package storetest_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
	"github.com/go-identity/identity/store/storetest"
)

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestFaultCountsEveryCall calls each method of the contracts: one that was forgotten would
// reach the store that is not there.
func TestFaultCountsEveryCall(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	records := reflect.TypeFor[store.Records]()
	for i := range records.NumMethod() {
		name := records.Method(i).Name
		s := reflect.ValueOf(storetest.Fault(nil, 1, broken))
		method := s.MethodByName(name)
		var args []reflect.Value
		for n := range method.Type().NumIn() {
			args = append(args, reflect.Zero(method.Type().In(n)))
		}
		args[0] = reflect.ValueOf(t.Context())
		call := method.Call
		if method.Type().IsVariadic() {
			call = method.CallSlice
		}
		results := call(args)
		if err, _ := results[len(results)-1].Interface().(error); !errors.Is(err, broken) {
			t.Errorf("%s: got error %v, want the fault", name, err)
		}
	}
}

// move is a flow of four calls and a commit.
func move(t *testing.T, s store.Store) error {
	ctx := t.Context()
	if _, err := s.CountUsers(ctx); err != nil {
		return err
	}
	err := s.Tx(ctx, func(tx store.Records) error {
		for _, id := range []string{"a", "b"} {
			if err := tx.CreateUser(ctx, store.User{ID: id, CreatedAt: time.Unix(1, 0)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.DeleteUser(ctx, "a")
}

func TestFaultAtEveryCall(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	left := []int{0, 0, 0, 0, 2, 1} // users after a fault at that call
	for n := 1; ; n++ {
		inner := open(t)
		s := storetest.Fault(inner, n, full)
		err := move(t, s)
		if users, _ := inner.CountUsers(t.Context()); users != left[n-1] {
			t.Errorf("call %d: %d users are left, want %d", n, users, left[n-1])
		}
		if !s.Reached() {
			if err != nil || n != 6 {
				t.Errorf("got through at %d with error %v, want at 6 without", n, err)
			}
			return
		}
		if !errors.Is(err, full) {
			t.Errorf("call %d: got error %v, want the fault", n, err)
		}
	}
}

func TestFaultCannotBeHidden(t *testing.T) {
	t.Parallel()
	inner, full := open(t), errors.New("disk full")
	err := storetest.Fault(inner, 2, full).Tx(t.Context(), func(tx store.Records) error {
		err := tx.CreateUser(t.Context(), store.User{ID: "a"})
		_ = tx.CreateUser(t.Context(), store.User{ID: "b"})
		return err
	})
	if users, _ := inner.CountUsers(t.Context()); users != 0 || !errors.Is(err, full) {
		t.Errorf("got %d users and error %v, want none and the fault", users, err)
	}
}

func TestLoseKeepsWhatItDenies(t *testing.T) {
	t.Parallel()
	unknown := errors.New("connection lost")
	for n, want := range []int{0, 2, 1} {
		inner := open(t)
		s := storetest.Lose(inner, n+1, unknown)
		if err := move(t, s); !errors.Is(err, unknown) || !s.Reached() {
			t.Errorf("call %d: got error %v, want the fault", n+1, err)
		}
		if users, _ := inner.CountUsers(t.Context()); users != want {
			t.Errorf("call %d: %d users are left, want %d", n+1, users, want)
		}
	}
}
