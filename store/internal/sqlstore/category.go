package sqlstore

import (
	"context"

	"github.com/go-identity/identity/store"
)

const categoryColumns = `id, name, description, built_in, created_at`

func scanCategory(scan scan) (c store.Category, err error) {
	err = scan(&c.ID, &c.Name, &c.Description, &c.BuiltIn, at{&c.CreatedAt})
	return c, err
}

// CreateCategory implements store.CategoryStore.
func (db *DB) CreateCategory(ctx context.Context, c store.Category) error {
	return db.insert(ctx,
		`insert into identity_categories (`+categoryColumns+`) values ($1, $2, $3, $4, $5) on conflict do nothing`,
		c.ID, c.Name, c.Description, c.BuiltIn, c.CreatedAt)
}

// Category implements store.CategoryStore.
func (db *DB) Category(ctx context.Context, id string) (store.Category, error) {
	return one(ctx, db, scanCategory, `select `+categoryColumns+` from identity_categories where id = $1`, id)
}

// Categories implements store.CategoryStore.
func (db *DB) Categories(ctx context.Context) ([]store.Category, error) {
	return many(ctx, db, scanCategory, `select `+categoryColumns+` from identity_categories order by name`)
}

// UpdateCategory implements store.CategoryStore.
func (db *DB) UpdateCategory(ctx context.Context, c store.Category) error {
	return db.exec1(ctx, `update identity_categories set name = $2, description = $3, built_in = $4 where id = $1`,
		c.ID, c.Name, c.Description, c.BuiltIn)
}

// DeleteCategory implements store.CategoryStore.
func (db *DB) DeleteCategory(ctx context.Context, id string) error {
	return db.atomic(ctx, func(tx *DB) error {
		if _, err := tx.exec(ctx,
			`update identity_permissions set category_id = '' where category_id = $1`, id); err != nil {
			return err
		}
		return tx.exec1(ctx, `delete from identity_categories where id = $1`, id)
	})
}
