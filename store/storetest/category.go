package storetest

import (
	"testing"

	"github.com/go-identity/identity/store"
)

func categoryTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Category": testCategory}
}

func testCategory(t *testing.T, s store.Store) {
	ctx := t.Context()
	c := store.Category{ID: "c1", Name: "Reports", Description: "d", BuiltIn: true, CreatedAt: now()}
	must(t, s.CreateCategory(ctx, c), s.CreateCategory(ctx, store.Category{ID: "c2", Name: "admin"}),
		s.CreateCategory(ctx, store.Category{ID: "c3", Name: "Zoo"}))
	returns(s.Category(ctx, "c1"))(t, "Category", c)
	fails(s.Category(ctx, "c9"))(t, "unknown category", store.ErrNotFound)
	refused(t, "the name twice", s.CreateCategory(ctx, store.Category{ID: "c4", Name: "Reports"}), store.ErrConflict)
	all, err := s.Categories(ctx)
	must(t, err)
	equal(t, "Categories", words(all, func(c store.Category) string { return c.Name }), "Reports Zoo admin")

	c.Name, c.Description = "Papers", "e"
	must(t, s.UpdateCategory(ctx, c))
	returns(s.Category(ctx, "c1"))(t, "after UpdateCategory", c)
	refused(t, "update of an unknown one", s.UpdateCategory(ctx, store.Category{ID: "c9"}), store.ErrNotFound)
	c.Name = "Zoo"
	refused(t, "a name that is taken", s.UpdateCategory(ctx, c), store.ErrConflict)

	must(t, s.CreatePermission(ctx, store.PermissionRecord{ID: "p1", Key: "k1", CategoryID: "c1"}),
		s.CreatePermission(ctx, store.PermissionRecord{ID: "p2", Key: "k2", CategoryID: "c2"}))
	must(t, s.DeleteCategory(ctx, "c1"))
	refused(t, "deleting twice", s.DeleteCategory(ctx, "c1"), store.ErrNotFound)
	left, err := s.Permissions(ctx)
	must(t, err)
	equal(t, "categories left", each(left, func(p store.PermissionRecord) string { return p.CategoryID }), []string{"", "c2"})
}
