package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/go-identity/identity/store"
)

const factorColumns = `user_id, id, kind, sealed, last_step, created_at, used_at`

func scanFactor(scan scan) (f store.Factor, err error) {
	err = scan(&f.UserID, &f.ID, &f.Kind, &f.Sealed, &f.LastStep, at{&f.CreatedAt}, at{&f.UsedAt})
	return f, err
}

// CreateFactor implements store.FactorStore.
func (db *DB) CreateFactor(ctx context.Context, f store.Factor) error {
	return db.insert(ctx, `
		insert into identity_factors (`+factorColumns+`) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
		f.UserID, f.ID, string(f.Kind), f.Sealed, f.LastStep, moment(f.CreatedAt), f.UsedAt)
}

// Factors implements store.FactorStore.
func (db *DB) Factors(ctx context.Context, userID string) ([]store.Factor, error) {
	return many(ctx, db, scanFactor,
		`select `+factorColumns+` from identity_factors where user_id = $1 order by created_at, id`, userID)
}

// Enrolled implements store.FactorStore.
func (db *DB) Enrolled(ctx context.Context, userIDs ...string) ([]string, error) {
	all, err := manyIn(ctx, db, scanText, `select distinct user_id from identity_factors where user_id in `, userIDs)
	slices.Sort(all)
	return all, err
}

// UseFactor implements store.FactorStore.
func (db *DB) UseFactor(ctx context.Context, userID, id string, step int64, at time.Time) error {
	return db.exec1(ctx, `
		update identity_factors set last_step = $3, used_at = $4
		where user_id = $1 and id = $2 and last_step < $3`, userID, id, step, moment(at))
}

// DeleteFactor implements store.FactorStore.
func (db *DB) DeleteFactor(ctx context.Context, userID, id string) error {
	return db.exec1(ctx, `delete from identity_factors where user_id = $1 and id = $2`, userID, id)
}

// DeleteFactors implements store.FactorStore.
func (db *DB) DeleteFactors(ctx context.Context, userID string) (int, error) {
	return db.exec(ctx, `delete from identity_factors where user_id = $1`, userID)
}
