package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func identifierTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Identifier": testIdentifier, "IdentifierScope": testIdentifierScope}
}

func testIdentifier(t *testing.T, s store.Store) {
	ctx := t.Context()
	i := store.Identifier{
		Kind: store.Email, Value: "ada@example.com", UserID: "u1", Text: "Ada@Example.com", Primary: true, CreatedAt: now(),
	}
	must(t, s.CreateIdentifier(ctx, i))
	returns(s.Identifier(ctx, "", store.Email, "ada@example.com"))(t, "Identifier", i)
	taken := i
	taken.UserID = "u2"
	refused(t, "a value that is taken", s.CreateIdentifier(ctx, taken), store.ErrConflict)
	fails(s.Identifier(ctx, "", store.Email, "ADA@example.com"))(t, "another spelling", store.ErrNotFound)

	at := now().Add(time.Hour)
	refused(t, "verifying for another user", s.VerifyIdentifier(ctx, "u2", i, at), store.ErrNotFound)
	must(t, s.VerifyIdentifier(ctx, "u1", i, at))
	i.VerifiedAt = at
	returns(s.Identifier(ctx, "", store.Email, "ada@example.com"))(t, "verified", i)

	refused(t, "deleting another user's", s.DeleteIdentifier(ctx, "u2", i), store.ErrNotFound)
	must(t, s.DeleteIdentifier(ctx, "u1", i))
	refused(t, "deleting twice", s.DeleteIdentifier(ctx, "u1", i), store.ErrNotFound)
	must(t, s.CreateIdentifier(ctx, taken))
	refused(t, "verifying what changed hands", s.VerifyIdentifier(ctx, "u1", i, at), store.ErrNotFound)
}

func testIdentifierScope(t *testing.T, s store.Store) {
	ctx := t.Context()
	for n, i := range []store.Identifier{
		{Scope: "", Kind: store.Email, Value: "x", UserID: "u1"},
		{Scope: "t1", Kind: store.Email, Value: "x", UserID: "u2"},
		{Scope: "", Kind: store.Username, Value: "x", UserID: "u3"},
		{Scope: "", Kind: store.Phone, Value: "y", UserID: "u1"},
	} {
		i.CreatedAt = now().Add(time.Duration(n) * time.Second)
		must(t, s.CreateIdentifier(ctx, i))
		returns(s.Identifier(ctx, i.Scope, i.Kind, i.Value))(t, "Identifier", i)
	}
	fails(s.Identifier(ctx, "t2", store.Email, "x"))(t, "another scope", store.ErrNotFound)
	got, err := s.Identifiers(ctx, "u1")
	must(t, err)
	equal(t, "of u1", words(got, func(i store.Identifier) string { return i.Value }), "x y")
}
