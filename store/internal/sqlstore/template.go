package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const templateColumns = `r.id, r.key, r.name, r.description, r.life_seconds, r.algorithm, r.claims,
	r.created_at, r.updated_at`

func scanTemplate(scan scan) (t store.Template, err error) {
	var seconds int64
	err = scan(&t.ID, &t.Key, &t.Name, &t.Description, &seconds, &t.Algorithm, &t.Claims,
		at{&t.CreatedAt}, at{&t.UpdatedAt})
	t.Lifetime = time.Duration(seconds) * time.Second
	return t, err
}

// CreateTemplate implements store.TemplateStore.
func (db *DB) CreateTemplate(ctx context.Context, t store.Template) error {
	return db.insert(ctx, `
		insert into identity_templates (id, key, name, name_fold, description, life_seconds, algorithm, claims,
			created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
		t.ID, t.Key, t.Name, fold(t.Name), t.Description, int64(t.Lifetime/time.Second), t.Algorithm, t.Claims,
		t.CreatedAt, t.UpdatedAt)
}

// Template implements store.TemplateStore.
func (db *DB) Template(ctx context.Context, id string) (store.Template, error) {
	return one(ctx, db, scanTemplate, `select `+templateColumns+` from identity_templates r where r.id = $1`, id)
}

// Templates implements store.TemplateStore.
func (db *DB) Templates(ctx context.Context, q store.TemplateQuery) (store.Listing[store.Template], error) {
	l := listing[store.Template]{
		table: `identity_templates t`, id: `t.id`, columns: templateColumns,
		join: `join identity_templates r on r.id = page.id`, into: scanTemplate,
		cursor: func(t store.Template) (time.Time, string) { return t.CreatedAt, t.ID },
	}
	if err := l.among(`t.id`, q.IDs); err != nil {
		return store.Listing[store.Template]{}, err
	}
	if err := l.among(`t.key`, q.Keys); err != nil {
		return store.Listing[store.Template]{}, err
	}
	created := sort{column: `t.created_at`, keyset: true}
	return l.page(ctx, db, q.Page, map[string]sort{
		"": created, "createdAt": created, "updatedAt": {column: `t.updated_at`}, "id": {column: `t.id`},
		"key": {column: `t.key`}, "name": {column: `t.name_fold`},
	})
}

// UpdateTemplate implements store.TemplateStore.
func (db *DB) UpdateTemplate(ctx context.Context, t store.Template) error {
	return db.exec1(ctx, `
		update identity_templates set key = $2, name = $3, name_fold = $4, description = $5, life_seconds = $6,
			algorithm = $7, claims = $8, updated_at = $9
		where id = $1`,
		t.ID, t.Key, t.Name, fold(t.Name), t.Description, int64(t.Lifetime/time.Second), t.Algorithm, t.Claims,
		t.UpdatedAt)
}

// DeleteTemplate implements store.TemplateStore.
func (db *DB) DeleteTemplate(ctx context.Context, id string) error {
	return db.exec1(ctx, `delete from identity_templates where id = $1`, id)
}
