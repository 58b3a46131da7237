package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func signingKeyTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"SigningKey": testSigningKey, "SigningKeyTemplate": testSigningKeyTemplate, "SigningKeyRace": testSigningKeyRace,
	}
}

func testSigningKey(t *testing.T, s store.Store) {
	ctx := t.Context()
	k := store.SigningKey{
		ID: "b", Generation: 1, Algorithm: "RS256", Public: []byte{0, 1}, Private: []byte{0, 2, 255},
		Longest: 180 * 24 * time.Hour, CreatedAt: now(), SignsAt: now().Add(time.Minute),
	}
	must(t, s.CreateSigningKey(ctx, k), s.CreateSigningKey(ctx, store.SigningKey{ID: "a", Generation: 2}))
	refused(t, "the generation twice", s.CreateSigningKey(ctx, store.SigningKey{ID: "c", Generation: 2}), store.ErrConflict)
	refused(t, "the id twice", s.CreateSigningKey(ctx, store.SigningKey{ID: "a", Generation: 3}), store.ErrConflict)
	returns(s.SigningKeys(ctx))(t, "SigningKeys", []store.SigningKey{{ID: "a", Generation: 2}, k})
	k.Private, k.Longest, k.SignsAt = nil, time.Hour, now()
	k.RetiredAt, k.ExpiresAt, k.RevokedAt = now().Add(time.Hour), now().Add(2*time.Hour), now().Add(3*time.Hour)
	changed := k
	changed.Generation, changed.Algorithm, changed.TemplateID, changed.Public, changed.CreatedAt = 7, "none", "t", nil, time.Time{}
	must(t, s.UpdateSigningKey(ctx, changed))
	returns(s.SigningKeys(ctx))(t, "SigningKeys after an update", []store.SigningKey{{ID: "a", Generation: 2}, k})
	refused(t, "updating an unknown one", s.UpdateSigningKey(ctx, store.SigningKey{ID: "z"}), store.ErrNotFound)
	must(t, s.DeleteSigningKey(ctx, "b"))
	refused(t, "deleting twice", s.DeleteSigningKey(ctx, "b"), store.ErrNotFound)
}

func testSigningKeyTemplate(t *testing.T, s store.Store) {
	ctx := t.Context()
	all := []store.SigningKey{
		{ID: "d", Generation: 3}, {ID: "c", Generation: 1},
		{ID: "b", TemplateID: "T", Generation: 1}, {ID: "a", TemplateID: "t", Generation: 2},
	}
	for _, i := range []int{1, 3, 0, 2} {
		must(t, s.CreateSigningKey(ctx, all[i]))
	}
	refused(t, "a template's generation twice",
		s.CreateSigningKey(ctx, store.SigningKey{ID: "e", TemplateID: "t", Generation: 2}), store.ErrConflict)
	returns(s.SigningKeys(ctx))(t, "SigningKeys by template, newest first", all)
}

func testSigningKeyRace(t *testing.T, s store.Store) {
	got := race(8, func(i int) error {
		return s.CreateSigningKey(t.Context(), store.SigningKey{ID: string(rune('k' + i)), Generation: 9})
	})
	equal(t, "processes that make the next key", got, map[string]int{"ok": 1, "conflict": 7})
}
