// Package storetest proves that a [store.Store] keeps the promises of its contracts, and
// makes a store fail on purpose for the tests of what stands on it.
package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

// Run exercises every promise of the store package. open returns an empty store of its own
// for each call, and closes it when the test ends.
func Run(t *testing.T, open func(*testing.T) store.Store) {
	groups := []map[string]func(*testing.T, store.Store){
		userTests(), identifierTests(), credentialTests(), factorTests(), recoveryCodeTests(), rememberedDeviceTests(),
		attemptTests(), tenantTests(), membershipTests(),
		roleTests(), permissionTests(), categoryTests(), assignmentTests(), sessionTests(), challengeTests(),
		signingKeyTests(), managementCredentialTests(), settingTests(), templateTests(), auditTests(), messageTests(),
		connectionTests(), domainTests(), groupMappingTests(), linkedIdentityTests(), providerSessionTests(),
		ssoAttemptTests(), socialProviderTests(), revocationTests(), transactionTests(), valueTests(), pageTests(), raceTests(),
	}
	for _, tests := range groups {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, open(t))
			})
		}
	}
}

// now is the time that the tests agree on. It has microseconds and nothing below.
func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC) }

// must ends the test unless all went well.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// refused checks that err is the sentinel.
func refused(t *testing.T, what string, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("%.80s: got error %v, want %v", what, err, sentinel)
	}
}

// equal checks a value that a call without error returned.
func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%.80s:\n got %.2000s\nwant %.2000s", what, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

// returns gives a function that checks both results of a call.
func returns[T any](got T, err error) func(t *testing.T, what string, want T) {
	return func(t *testing.T, what string, want T) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		equal(t, what, got, want)
	}
}

// fails gives a function that checks the error of a call that returns a value.
func fails[T any](_ T, err error) func(t *testing.T, what string, sentinel error) {
	return func(t *testing.T, what string, sentinel error) {
		t.Helper()
		refused(t, what, err, sentinel)
	}
}

// each returns one field of all items.
func each[T, F any](items []T, field func(T) F) []F {
	all := make([]F, 0, len(items))
	for _, item := range items {
		all = append(all, field(item))
	}
	return all
}

// words is each as one line, to compare orders at a glance.
func words[T any](items []T, field func(T) string) string {
	return strings.Join(each(items, field), " ")
}

// race starts n callers at one moment and returns how many of them had which outcome.
func race(n int, call func(i int) error) map[string]int {
	start := make(chan struct{})
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	outcomes := map[string]int{}
	for _, err := range errs {
		outcomes[outcome(err)]++
	}
	return outcomes
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, store.ErrNotFound):
		return "not found"
	case errors.Is(err, store.ErrConflict):
		return "conflict"
	}
	return fmt.Sprint(err)
}

// exists makes users with the ids, so that what belongs to them can be stored.
func exists(t *testing.T, s store.Store, ids ...string) {
	t.Helper()
	for i, id := range ids {
		must(t, s.CreateUser(t.Context(), store.User{
			ID: id, Email: id + "@example.com", Name: id, CreatedAt: now().Add(time.Duration(i) * time.Second),
		}))
	}
}
