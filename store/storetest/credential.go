package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func credentialTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Credential": testCredential, "CredentialRace": testCredentialRace}
}

func testCredential(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	c := store.Credential{UserID: "u1", Kind: store.Password, Secret: "$argon2id$1", CreatedAt: now(), UpdatedAt: now()}
	must(t, s.PutCredential(ctx, c))
	returns(s.Credential(ctx, "u1", store.Password))(t, "Credential", c)
	fails(s.Credential(ctx, "u2", store.Password))(t, "another user's", store.ErrNotFound)
	fails(s.Credential(ctx, "u1", "passkey"))(t, "another kind", store.ErrNotFound)

	c.Secret, c.UpdatedAt = "$argon2id$2", now().Add(time.Hour)
	must(t, s.PutCredential(ctx, c))
	returns(s.Credential(ctx, "u1", store.Password))(t, "replaced", c)

	next := c
	next.Secret, next.UpdatedAt = "$argon2id$3", now().Add(2*time.Hour)
	refused(t, "replacing what is no longer there", s.ReplaceCredential(ctx, "$argon2id$1", next), store.ErrNotFound)
	must(t, s.ReplaceCredential(ctx, "$argon2id$2", next))
	returns(s.Credential(ctx, "u1", store.Password))(t, "replaced under its condition", next)

	must(t, s.DeleteCredential(ctx, "u1", store.Password))
	refused(t, "deleting twice", s.DeleteCredential(ctx, "u1", store.Password), store.ErrNotFound)
}

func testCredentialRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	must(t, s.PutCredential(ctx, store.Credential{UserID: "u1", Kind: store.Password, Secret: "old"}))
	got := race(16, func(int) error {
		return s.ReplaceCredential(ctx, "old", store.Credential{UserID: "u1", Kind: store.Password, Secret: "new"})
	})
	equal(t, "writers that read one secret", got, map[string]int{"ok": 1, "not found": 15})
}
