package storetest

import (
	"strconv"
	"testing"

	"github.com/go-identity/identity/store"
)

func raceTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"UniqueRace": testUniqueRace, "STO-23 sign-up race": testSignUpRace}
}

// testUniqueRace lets callers create the same thing: one does, and the others are told.
func testUniqueRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	for what, create := range map[string]func(i int) error{
		"user":       func(int) error { return s.CreateUser(ctx, store.User{ID: "same"}) },
		"tenant":     func(int) error { return s.CreateTenant(ctx, store.Tenant{ID: "same"}) },
		"membership": func(int) error { return s.CreateMembership(ctx, store.Membership{TenantID: "t1", UserID: "u1"}) },
		"identifier": func(i int) error {
			return s.CreateIdentifier(ctx, store.Identifier{Kind: store.Email, Value: "same", UserID: strconv.Itoa(i)})
		},
		"role": func(i int) error { return s.CreateRole(ctx, store.Role{ID: strconv.Itoa(i), Key: "same"}) },
		"permission": func(i int) error {
			return s.CreatePermission(ctx, store.PermissionRecord{ID: strconv.Itoa(i), Key: "same"})
		},
		"category": func(i int) error { return s.CreateCategory(ctx, store.Category{ID: strconv.Itoa(i), Name: "same"}) },
	} {
		equal(t, what, race(12, create), map[string]int{"ok": 1, "conflict": 11})
	}
}

// testSignUpRace lets two visitors take one address: the loser leaves nothing behind.
func testSignUpRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	got := race(12, func(i int) error {
		id := strconv.Itoa(i)
		return s.Tx(ctx, func(tx store.Records) error {
			if err := tx.CreateUser(ctx, store.User{ID: id, CreatedAt: now()}); err != nil {
				return err
			}
			if err := tx.CreateTenant(ctx, store.Tenant{ID: "of-" + id, CreatedAt: now()}); err != nil {
				return err
			}
			return tx.CreateIdentifier(ctx, store.Identifier{Kind: store.Email, Value: "same@example.com", UserID: id})
		})
	})
	equal(t, "sign-ups with one address", got, map[string]int{"ok": 1, "conflict": 11})
	returns(s.CountUsers(ctx))(t, "users", 1)
	tenants, err := s.Tenants(ctx, store.TenantQuery{})
	must(t, err)
	equal(t, "tenants", tenants.Total, 1)
}
