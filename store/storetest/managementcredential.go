package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func managementCredentialTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"ManagementCredential": testManagementCredential}
}

func testManagementCredential(t *testing.T, s store.Store) {
	ctx := t.Context()
	c := store.ManagementCredential{ID: "m2", Name: "n", SecretHash: []byte{1, 0, 2}, CreatedAt: now(), LastUsedAt: now()}
	must(t, s.CreateManagementCredential(ctx, c),
		s.CreateManagementCredential(ctx, store.ManagementCredential{ID: "m1", CreatedAt: now().Add(time.Second)}))
	returns(s.ManagementCredential(ctx, "m2"))(t, "ManagementCredential", c)
	fails(s.ManagementCredential(ctx, "m9"))(t, "unknown one", store.ErrNotFound)
	refused(t, "twice", s.CreateManagementCredential(ctx, c), store.ErrConflict)
	all, err := s.ManagementCredentials(ctx)
	must(t, err)
	equal(t, "oldest first", words(all, func(c store.ManagementCredential) string { return c.ID }), "m2 m1")
	must(t, s.DeleteManagementCredential(ctx, "m2"))
	refused(t, "deleting twice", s.DeleteManagementCredential(ctx, "m2"), store.ErrNotFound)
}
