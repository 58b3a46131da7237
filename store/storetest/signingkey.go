package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func signingKeyTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"SigningKey": testSigningKey}
}

func testSigningKey(t *testing.T, s store.Store) {
	ctx := t.Context()
	k := store.SigningKey{ID: "b", Generation: 1, Algorithm: "RS256", Public: []byte{0, 1}, Private: []byte{0, 2, 255}, CreatedAt: now()}
	must(t, s.CreateSigningKey(ctx, k), s.CreateSigningKey(ctx, store.SigningKey{ID: "a", Generation: 2}))
	refused(t, "the generation twice", s.CreateSigningKey(ctx, store.SigningKey{ID: "c", Generation: 2}), store.ErrConflict)
	refused(t, "the id twice", s.CreateSigningKey(ctx, store.SigningKey{ID: "a", Generation: 3}), store.ErrConflict)
	must(t, s.RetireSigningKey(ctx, "b", now(), now().Add(time.Hour)))
	refused(t, "retiring an unknown one", s.RetireSigningKey(ctx, "z", now(), now()), store.ErrNotFound)
	k.RetiredAt, k.ExpiresAt = now(), now().Add(time.Hour)
	returns(s.SigningKeys(ctx))(t, "SigningKeys", []store.SigningKey{{ID: "a", Generation: 2}, k})
	must(t, s.DeleteSigningKey(ctx, "b"))
	refused(t, "deleting twice", s.DeleteSigningKey(ctx, "b"), store.ErrNotFound)
	got := race(8, func(i int) error {
		return s.CreateSigningKey(ctx, store.SigningKey{ID: string(rune('k' + i)), Generation: 9})
	})
	equal(t, "processes that make the next key", got, map[string]int{"ok": 1, "conflict": 7})
}
