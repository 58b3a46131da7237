package service_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// processes runs a test over two stores that were opened on one database each by itself, as
// two processes do: a SQLite file and PostgreSQL.
func processes(t *testing.T, test func(t *testing.T, one, two store.Store)) {
	t.Helper()
	opens := map[string]func(t *testing.T) func() (store.Store, error){
		"sqlite": func(t *testing.T) func() (store.Store, error) {
			file := filepath.Join(t.TempDir(), "identity.db")
			return func() (store.Store, error) { return sqlite.Open(t.Context(), file) }
		},
		"postgres": func(t *testing.T) func() (store.Store, error) {
			url := pgtest.URL(t)
			return func() (store.Store, error) { return postgres.Open(t.Context(), url) }
		},
	}
	for name, opener := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := opener(t)
			var both [2]store.Store
			for i := range both {
				s, err := open()
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				both[i] = s
			}
			test(t, both[0], both[1])
		})
	}
}

// race lets eight callers, four at each of two processes, do one thing, and counts what they got.
func race(ws [2]world, do func(w world) error) map[fault.Code]int {
	var mu sync.Mutex
	got := map[fault.Code]int{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := do(ws[i%2])
			mu.Lock()
			defer mu.Unlock()
			got[code(err)]++
		})
	}
	wg.Wait()
	return got
}

func TestAttackSameAddress(t *testing.T) {
	t.Parallel()
	const times = 10
	once := func(t *testing.T, w world, email string) {
		t.Helper()
		i, err := w.db.Identifier(t.Context(), "", store.Email, email)
		if err != nil {
			t.Fatal(err)
		}
		if ms, err := w.db.Memberships(t.Context(), i.UserID); err != nil || len(ms) != 1 {
			t.Errorf("%s has %d memberships, %v", email, len(ms), err)
		}
	}
	t.Run("STO-23 sign-up without proof", func(t *testing.T) {
		t.Parallel()
		processes(t, func(t *testing.T, one, two store.Store) {
			ws := [2]world{worldOver(t, one, noon(), open), worldOver(t, two, noon(), open)}
			for n := range times {
				email := fmt.Sprintf("ann%d@example.com", n)
				got := race(ws, func(w world) error {
					return errOf(w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"}))
				})
				if got[""] != 1 || got[fault.Conflict] != 7 {
					t.Errorf("eight sign-ups of one address = %v, want one and seven conflicts", got)
				}
				once(t, ws[0], email)
			}
			if n, err := one.CountUsers(t.Context()); err != nil || n != times {
				t.Errorf("%d users, %v; want %d", n, err, times)
			}
		})
	})
	t.Run("STO-23 sign-up with a link", func(t *testing.T) {
		t.Parallel()
		processes(t, func(t *testing.T, one, two store.Store) {
			ws := [2]world{worldOver(t, one, noon()), worldOver(t, two, noon())}
			for n := range times {
				email := fmt.Sprintf("ann%d@example.com", n)
				var first sync.Once
				got := race(ws, func(w world) error {
					s, err := w.SignUp.Create(t.Context(), someone, service.NewSignUp{Email: email, Password: good, Company: "Acme"})
					if err == nil && s != (service.SignedUp{ShouldActivate: true}) {
						first.Do(func() { t.Errorf("an answer tells more: %+v", s) })
					}
					return err
				})
				if got[""] != 8 {
					t.Errorf("eight sign-ups of one address = %v, want the same answer for all", got)
				}
				once(t, ws[0], email)
			}
			if n, err := one.CountUsers(t.Context()); err != nil || n != times {
				t.Errorf("%d users, %v; want %d", n, err, times)
			}
		})
	})
	t.Run("STO-23 users made by the host", func(t *testing.T) {
		t.Parallel()
		processes(t, func(t *testing.T, one, two store.Store) {
			ws := [2]world{worldOver(t, one, noon()), worldOver(t, two, noon())}
			tenant := ws[0].tenant(t)
			for n := range times {
				email := fmt.Sprintf("ann%d@example.com", n)
				got := race(ws, func(w world) error {
					return errOf(w.Users.Create(t.Context(), host, service.NewUser{Email: email, TenantID: tenant}))
				})
				if got[""] != 1 || got[fault.Conflict] != 7 {
					t.Errorf("eight users of one address = %v, want one and seven conflicts", got)
				}
				once(t, ws[0], email)
			}
		})
	})
}
