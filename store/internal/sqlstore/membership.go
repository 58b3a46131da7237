package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-identity/identity/store"
)

const membershipColumns = `tenant_id, user_id, activated, disabled, created_at, updated_at`

func scanMembership(scan scan) (m store.Membership, err error) {
	err = scan(&m.TenantID, &m.UserID, &m.Activated, &m.Disabled, at{&m.CreatedAt}, at{&m.UpdatedAt})
	return m, err
}

// CreateMembership implements store.MembershipStore. It repeats the user's creation time,
// which never changes, so that the tenant's users page from one index.
func (db *DB) CreateMembership(ctx context.Context, m store.Membership) error {
	created, err := one(ctx, db, scanTime, `select created_at from identity_users where id = $1`, m.UserID)
	if errors.Is(err, store.ErrNotFound) {
		created, err = m.CreatedAt, nil
	}
	if err != nil {
		return err
	}
	return db.insert(ctx, `
		insert into identity_memberships (`+membershipColumns+`, user_created_at) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict do nothing`,
		m.TenantID, m.UserID, m.Activated, m.Disabled, moment(m.CreatedAt), m.UpdatedAt, moment(created))
}

func scanTime(scan scan) (t time.Time, err error) {
	err = scan(at{&t})
	return t, err
}

// Membership implements store.MembershipStore.
func (db *DB) Membership(ctx context.Context, tenantID, userID string) (store.Membership, error) {
	return one(ctx, db, scanMembership,
		`select `+membershipColumns+` from identity_memberships where tenant_id = $1 and user_id = $2`, tenantID, userID)
}

// Memberships implements store.MembershipStore.
func (db *DB) Memberships(ctx context.Context, userIDs ...string) ([]store.Membership, error) {
	all, err := manyIn(ctx, db, scanMembership,
		`select `+membershipColumns+` from identity_memberships where user_id in `, userIDs)
	slices.SortFunc(all, func(a, b store.Membership) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.TenantID, b.TenantID))
	})
	return all, err
}

// Members implements store.MembershipStore.
func (db *DB) Members(ctx context.Context, tenantID string) (int, error) {
	return one(ctx, db, scanInt, `select count(*) from identity_memberships where tenant_id = $1`, tenantID)
}

// UpdateMembership implements store.MembershipStore.
func (db *DB) UpdateMembership(ctx context.Context, m store.Membership) error {
	return db.exec1(ctx, `
		update identity_memberships set activated = $3, disabled = $4, updated_at = $5
		where tenant_id = $1 and user_id = $2`,
		m.TenantID, m.UserID, m.Activated, m.Disabled, m.UpdatedAt)
}

// DeleteMembership implements store.MembershipStore.
func (db *DB) DeleteMembership(ctx context.Context, tenantID, userID string) error {
	return db.atomic(ctx, func(tx *DB) error {
		for _, query := range []string{
			`delete from identity_assignments where tenant_id = $1 and user_id = $2`,
			`delete from identity_sessions where tenant_id = $1 and user_id = $2`,
			`delete from identity_linked_identities where tenant_id = $1 and user_id = $2`,
			`delete from identity_provider_sessions where user_id = $2 and connection_id in (
				select id from identity_connections where tenant_id = $1)`,
		} {
			if _, err := tx.exec(ctx, query, tenantID, userID); err != nil {
				return err
			}
		}
		return tx.exec1(ctx, `delete from identity_memberships where tenant_id = $1 and user_id = $2`, tenantID, userID)
	})
}
