package store

import (
	"context"
	"time"
)

// A Category groups permissions for display.
type Category struct {
	ID          string
	Name        string
	Description string
	BuiltIn     bool // the library's own: not to be changed
	CreatedAt   time.Time
}

// CategoryStore keeps permission categories. Names are unique, else ErrConflict.
type CategoryStore interface {
	CreateCategory(ctx context.Context, c Category) error
	Category(ctx context.Context, id string) (Category, error)
	// Categories returns all, by name in byte order.
	Categories(ctx context.Context) ([]Category, error)
	UpdateCategory(ctx context.Context, c Category) error
	// DeleteCategory leaves the category's permissions without one.
	DeleteCategory(ctx context.Context, id string) error
}
