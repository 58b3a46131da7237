package sqlstore

import (
	"context"

	"github.com/go-identity/identity/store"
)

const socialProviderColumns = `id, type, custom, active, settings, secret, created_at, updated_at`

func (db *DB) scanSocialProvider(scan scan) (p store.SocialProvider, err error) {
	err = scan(&p.ID, &p.Type, &p.Custom, &p.Active, docOf{&p.Settings, db}, &p.Secret, at{&p.CreatedAt}, at{&p.UpdatedAt})
	return p, err
}

// CreateSocialProvider implements store.SocialProviderStore.
func (db *DB) CreateSocialProvider(ctx context.Context, p store.SocialProvider) error {
	return db.insert(ctx, `
		insert into identity_social_providers (`+socialProviderColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
		p.ID, p.Type, p.Custom, p.Active, doc(p.Settings), p.Secret, moment(p.CreatedAt), p.UpdatedAt)
}

// SocialProvider implements store.SocialProviderStore.
func (db *DB) SocialProvider(ctx context.Context, id string) (store.SocialProvider, error) {
	return one(ctx, db, db.scanSocialProvider,
		`select `+socialProviderColumns+` from identity_social_providers where id = $1`, id)
}

// SocialProviders implements store.SocialProviderStore.
func (db *DB) SocialProviders(ctx context.Context) ([]store.SocialProvider, error) {
	return many(ctx, db, db.scanSocialProvider,
		`select `+socialProviderColumns+` from identity_social_providers order by type`)
}

// UpdateSocialProvider implements store.SocialProviderStore.
func (db *DB) UpdateSocialProvider(ctx context.Context, p store.SocialProvider) error {
	return db.exec1(ctx, `
		update identity_social_providers set type = $2, active = $3, settings = $4, secret = $5, updated_at = $6
		where id = $1`, p.ID, p.Type, p.Active, doc(p.Settings), p.Secret, p.UpdatedAt)
}

// DeleteSocialProvider implements store.SocialProviderStore.
func (db *DB) DeleteSocialProvider(ctx context.Context, id string) error {
	return db.atomic(ctx, func(tx *DB) error {
		if err := tx.exec1(ctx, `delete from identity_social_providers where id = $1`, id); err != nil {
			return err
		}
		return tx.unlink(ctx, id)
	})
}
