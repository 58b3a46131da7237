package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const userColumns = `r.id, r.email, r.verified, r.name, r.picture_url, r.phone_number, r.metadata, r.vendor_metadata,
	r.external_id, r.provider, r.locked, r.mfa_bypass, r.invisible, r.active_tenant_id,
	r.last_login, r.created_at, r.updated_at`

func (db *DB) scanUser(scan scan) (u store.User, err error) {
	err = scan(&u.ID, &u.Email, &u.Verified, &u.Name, &u.PictureURL, &u.PhoneNumber,
		docOf{&u.Metadata, db}, docOf{&u.VendorMetadata, db},
		&u.ExternalID, &u.Provider, &u.Locked, &u.MFABypass, &u.Invisible, &u.ActiveTenantID,
		at{&u.LastLogin}, at{&u.CreatedAt}, at{&u.UpdatedAt})
	return u, err
}

// CreateUser implements store.UserStore.
func (db *DB) CreateUser(ctx context.Context, u store.User) error {
	return db.insert(ctx, `
		insert into identity_users (id, email, email_fold, verified, name, name_fold, picture_url, phone_number,
			metadata, vendor_metadata, external_id, provider, locked, mfa_bypass, invisible, active_tenant_id,
			last_login, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		on conflict do nothing`,
		u.ID, u.Email, store.Fold(u.Email), u.Verified, u.Name, store.Fold(u.Name), u.PictureURL, u.PhoneNumber,
		doc(u.Metadata), doc(u.VendorMetadata), u.ExternalID, u.Provider, u.Locked, u.MFABypass, u.Invisible,
		u.ActiveTenantID, u.LastLogin, moment(u.CreatedAt), u.UpdatedAt)
}

// User implements store.UserStore.
func (db *DB) User(ctx context.Context, id string) (store.User, error) {
	return one(ctx, db, db.scanUser, `select `+userColumns+` from identity_users r where r.id = $1`, id)
}

// Users implements store.UserStore.
func (db *DB) Users(ctx context.Context, q store.UserQuery) (store.Listing[store.User], error) {
	l := listing[store.User]{
		table: `identity_users u`, id: `u.id`, columns: userColumns, join: `join identity_users r on r.id = page.id`,
		into: db.scanUser, cursor: func(u store.User) (time.Time, string) { return u.CreatedAt, u.ID },
	}
	if err := userConditions(&l, q); err != nil {
		return store.Listing[store.User]{}, err
	}
	created, join := sort{column: `u.created_at`, keyset: true}, ``
	if q.TenantID != "" {
		created.column, join = `m.user_created_at`, l.ofTenant(q.TenantID)
	}
	return l.page(ctx, db, q.Page, map[string]sort{
		"": created, "createdAt": created, "id": {column: l.id},
		"name": {column: `u.name_fold`, join: join}, "email": {column: `u.email_fold`, join: join},
		"provider": {column: `u.provider`, join: join}, "verified": {column: `u.verified`, join: join},
		"isLocked": {column: `u.locked`, join: join},
	})
}

const memberUsers = ` join identity_users u on u.id = m.user_id`

// ofTenant cuts the pages from the memberships of a tenant, which repeat when their users
// were created: one index then holds the tenant's users in order. The users themselves are
// joined only for conditions on them; ofTenant returns the join that an order by one of
// their columns still needs.
func (l *listing[T]) ofTenant(id string) (join string) {
	l.table, l.id, join = `identity_memberships m`, `m.user_id`, memberUsers
	if len(l.where) > 0 {
		l.table, join = l.table+memberUsers, ``
	}
	l.equal(`m.tenant_id`, id)
	return join
}

func userConditions(l *listing[store.User], q store.UserQuery) error {
	if err := l.among(`u.id`, q.IDs); err != nil {
		return err
	}
	if err := l.among(`u.external_id <> '' and u.external_id`, q.ExternalIDs); err != nil {
		return err
	}
	l.equal(`u.email_fold`, fold(q.Email))
	if q.EmailPrefix != "" {
		l.where = append(l.where, l.prefix(`u.email_fold`, q.EmailPrefix))
	}
	if q.NamePrefix != "" {
		l.where = append(l.where, l.prefix(`u.name_fold`, q.NamePrefix))
	}
	if q.Filter != "" {
		l.where = append(l.where,
			`(`+l.prefix(`u.name_fold`, q.Filter)+` or `+l.prefix(`u.email_fold`, q.Filter)+`)`)
	}
	return nil
}

// UpdateUser implements store.UserStore.
func (db *DB) UpdateUser(ctx context.Context, u store.User) error {
	return db.exec1(ctx, `
		update identity_users set email = $2, email_fold = $3, verified = $4, name = $5, name_fold = $6, picture_url = $7,
			phone_number = $8, metadata = $9, vendor_metadata = $10, external_id = $11, provider = $12, locked = $13,
			mfa_bypass = $14, invisible = $15, active_tenant_id = $16, last_login = $17, updated_at = $18
		where id = $1`,
		u.ID, u.Email, store.Fold(u.Email), u.Verified, u.Name, store.Fold(u.Name), u.PictureURL, u.PhoneNumber,
		doc(u.Metadata), doc(u.VendorMetadata), u.ExternalID, u.Provider, u.Locked, u.MFABypass, u.Invisible,
		u.ActiveTenantID, u.LastLogin, u.UpdatedAt)
}

// DeleteUser implements store.UserStore.
func (db *DB) DeleteUser(ctx context.Context, id string) error {
	return db.atomic(ctx, func(tx *DB) error {
		for _, query := range []string{
			`delete from identity_identifiers where user_id = $1`,
			`delete from identity_credentials where user_id = $1`,
			`delete from identity_factors where user_id = $1`,
			`delete from identity_recovery_codes where user_id = $1`,
			`delete from identity_remembered_devices where user_id = $1`,
			`delete from identity_assignments where user_id = $1`,
			`delete from identity_memberships where user_id = $1`,
			`delete from identity_sessions where user_id = $1`,
			`delete from identity_linked_identities where user_id = $1`,
			`delete from identity_provider_sessions where user_id = $1`,
			`delete from identity_challenges where subject = $1`,
		} {
			if _, err := tx.exec(ctx, query, id); err != nil {
				return err
			}
		}
		return tx.exec1(ctx, `delete from identity_users where id = $1`, id)
	})
}

// RecordLogin implements store.UserStore.
func (db *DB) RecordLogin(ctx context.Context, id, tenantID string, at time.Time) error {
	return db.exec1(ctx, `update identity_users set active_tenant_id = $2, last_login = $3 where id = $1`, id, tenantID, at)
}

// CountUsers implements store.UserStore.
func (db *DB) CountUsers(ctx context.Context) (int, error) {
	return one(ctx, db, scanInt, `select count(*) from identity_users`)
}
