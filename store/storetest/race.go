package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func raceTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"UniqueRace": testUniqueRace, "STO-23 sign-up race": testSignUpRace, "LoserSeesWinner": testLoserSeesWinner,
	}
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

// testLoserSeesWinner lets callers rotate one session. Who came too late reads at once, and
// finds what made it late: a store may not tell of work that it has not committed.
func testLoserSeesWinner(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	for round := range 20 {
		id := strconv.Itoa(round)
		must(t, s.CreateSession(ctx, store.Session{
			UserID: "u1", ID: id, Hash: []byte("first" + id), CreatedAt: now(),
			ExpiresAt: now().Add(time.Hour), EndsAt: now().Add(time.Hour),
		}))
		got := race(12, func(i int) error {
			err := s.Short(ctx, func(tx store.Records) error {
				return tx.RotateSession(ctx, store.Rotation{
					UserID: "u1", ID: id, From: []byte("first" + id), To: []byte(strconv.Itoa(i)),
					At: now(), ExpiresAt: now().Add(time.Hour),
				})
			})
			if o, e := s.Session(ctx, "u1", id); e == nil && string(o.Hash) == "first"+id {
				return errors.New("nobody has rotated it")
			}
			return err
		})
		equal(t, "rotations of one session", got, map[string]int{"ok": 1, "not found": 11})
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
