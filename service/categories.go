package service

import (
	"context"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Categories are the rules about permission categories. They belong to the environment,
// so only the host sees and changes them.
type Categories struct{ *base }

// categoryExists is a message that programs match on.
const categoryExists = "Category already exists"

// NewCategory is what a caller may choose about a category.
type NewCategory struct {
	ID                string // empty for one made by the library
	Name, Description string
}

func (n NewCategory) check() error {
	var c fault.Checker
	if n.ID != "" {
		checkID(&c, "id", n.ID)
	}
	checkName(&c, "name", n.Name)
	checkText(&c, "description", n.Description, maxDescription)
	return c.Err()
}

// CategoryChange is what a caller may change about a category. A nil field stays as it is.
type CategoryChange struct {
	Name, Description *string
}

// List returns every category.
func (s *Categories) List(ctx context.Context, by store.Principal) ([]store.Category, error) {
	if err := hostOnly(by); err != nil {
		return nil, err
	}
	return s.store.Categories(ctx)
}

// Create adds a category. A name or id that is taken is a conflict.
func (s *Categories) Create(ctx context.Context, by store.Principal, n NewCategory) (store.Category, error) {
	if err := hostOnly(by); err != nil {
		return store.Category{}, err
	}
	if err := n.check(); err != nil {
		return store.Category{}, err
	}
	g := store.Category{ID: n.ID, Name: n.Name, Description: n.Description, CreatedAt: s.now()}
	if g.ID == "" {
		g.ID = s.newID()
	}
	return g, s.change(ctx, by, "category.created", g.ID, func(tx *unit) error {
		return conflict(tx.CreateCategory(ctx, g), categoryExists)
	})
}

// Update changes a category. A name that is taken is a conflict.
func (s *Categories) Update(
	ctx context.Context, by store.Principal, id string, c CategoryChange,
) (store.Category, error) {
	var changed store.Category
	err := s.edit(ctx, by, "category.updated", id, func(tx *unit, g store.Category) error {
		set(&g.Name, c.Name)
		set(&g.Description, c.Description)
		changed = g
		if err := (NewCategory{Name: g.Name, Description: g.Description}).check(); err != nil {
			return err
		}
		return conflict(tx.UpdateCategory(ctx, g), categoryExists)
	})
	return changed, err
}

// Delete removes a category; its permissions stay, in none.
func (s *Categories) Delete(ctx context.Context, by store.Principal, id string) error {
	return s.edit(ctx, by, "category.deleted", id, func(tx *unit, g store.Category) error {
		tx.detail = map[string]any{"name": g.Name}
		return tx.DeleteCategory(ctx, id)
	})
}

// edit changes a category that is not the library's own.
func (s *Categories) edit(
	ctx context.Context, by store.Principal, action, id string, fn func(tx *unit, g store.Category) error,
) error {
	if err := hostOnly(by); err != nil {
		return err
	}
	return s.change(ctx, by, action, id, func(tx *unit) error {
		g, err := tx.Category(ctx, id)
		if err != nil {
			return missing(err, "category")
		}
		if g.BuiltIn {
			return fault.New(fault.Forbidden, "", "a built-in category cannot be changed")
		}
		return fn(tx, g)
	})
}
