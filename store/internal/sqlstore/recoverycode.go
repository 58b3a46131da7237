package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const recoveryCodeColumns = `user_id, hash, created_at, used_at`

func scanRecoveryCode(scan scan) (c store.RecoveryCode, err error) {
	err = scan(&c.UserID, &c.Hash, at{&c.CreatedAt}, at{&c.UsedAt})
	return c, err
}

// ReplaceRecoveryCodes implements store.RecoveryCodeStore.
func (db *DB) ReplaceRecoveryCodes(ctx context.Context, userID string, codes []store.RecoveryCode) error {
	return db.atomic(ctx, func(tx *DB) error {
		if _, err := tx.exec(ctx, `delete from identity_recovery_codes where user_id = $1`, userID); err != nil {
			return err
		}
		for _, c := range codes {
			err := tx.insert(ctx, `
				insert into identity_recovery_codes (`+recoveryCodeColumns+`) values ($1, $2, $3, $4) on conflict do nothing`,
				userID, c.Hash, moment(c.CreatedAt), c.UsedAt)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// RecoveryCodes implements store.RecoveryCodeStore.
func (db *DB) RecoveryCodes(ctx context.Context, userID string) ([]store.RecoveryCode, error) {
	return many(ctx, db, scanRecoveryCode,
		`select `+recoveryCodeColumns+` from identity_recovery_codes where user_id = $1 order by hash`, userID)
}

// UseRecoveryCode implements store.RecoveryCodeStore.
func (db *DB) UseRecoveryCode(ctx context.Context, userID string, hash []byte, at time.Time) error {
	return db.exec1(ctx, `
		update identity_recovery_codes set used_at = $3
		where user_id = $1 and hash = $2 and used_at is null`, userID, hash, moment(at))
}
