package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const ssoAttemptColumns = `tenant_id, connection_id, id, accepted, diagnosis, subject, email, ip, user_agent, attributes, at`

func (db *DB) scanSSOAttempt(scan scan) (a store.SSOAttempt, err error) {
	err = scan(db.ssoAttempt(&a)...)
	return a, err
}

func (db *DB) scanWholeSSOAttempt(scan scan) (a store.SSOAttempt, err error) {
	err = scan(append(db.ssoAttempt(&a), &a.Document)...)
	return a, err
}

func (db *DB) ssoAttempt(a *store.SSOAttempt) []any {
	return []any{&a.TenantID, &a.ConnectionID, &a.ID, &a.Accepted, &a.Diagnosis, &a.Subject, &a.Email, &a.IP,
		&a.UserAgent, docOf{&a.Attributes, db}, at{&a.At}}
}

// CreateSSOAttempt implements store.SSOAttemptStore. It is not serializable: everyone who
// signs in through one connection at the same time would lose to one of them.
func (db *DB) CreateSSOAttempt(ctx context.Context, a store.SSOAttempt, keep int) error {
	return db.brief(ctx, func(tx *DB) error {
		err := tx.insert(ctx, `
			insert into identity_sso_attempts (`+ssoAttemptColumns+`, document)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing`,
			a.TenantID, a.ConnectionID, a.ID, a.Accepted, a.Diagnosis, a.Subject, a.Email, a.IP, a.UserAgent,
			doc(a.Attributes), moment(a.At), a.Document)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `
			delete from identity_sso_attempts where tenant_id = $1 and connection_id = $2 and id not in (
				select id from identity_sso_attempts where tenant_id = $1 and connection_id = $2
				order by at desc, id desc limit $3)`, a.TenantID, a.ConnectionID, keep)
		return err
	})
}

// SSOAttempts implements store.SSOAttemptStore.
func (db *DB) SSOAttempts(ctx context.Context, tenantID, connectionID string) ([]store.SSOAttempt, error) {
	return many(ctx, db, db.scanSSOAttempt, `
		select `+ssoAttemptColumns+` from identity_sso_attempts
		where tenant_id = $1 and connection_id = $2 order by at desc, id desc`, tenantID, connectionID)
}

// SSOAttempt implements store.SSOAttemptStore.
func (db *DB) SSOAttempt(ctx context.Context, tenantID, id string) (store.SSOAttempt, error) {
	return one(ctx, db, db.scanWholeSSOAttempt, `
		select `+ssoAttemptColumns+`, document from identity_sso_attempts where tenant_id = $1 and id = $2`, tenantID, id)
}

// SweepSSOAttempts implements store.SSOAttemptStore.
func (db *DB) SweepSSOAttempts(ctx context.Context, before time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_sso_attempts where (tenant_id, id) in (
			select tenant_id, id from identity_sso_attempts where at < $2 limit $1)`, moment(before))
}
