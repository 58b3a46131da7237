package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const rememberedDeviceColumns = `user_id, device, binding, created_at, expires_at`

func scanRememberedDevice(scan scan) (d store.RememberedDevice, err error) {
	err = scan(&d.UserID, &d.Device, &d.Binding, at{&d.CreatedAt}, at{&d.ExpiresAt})
	return d, err
}

// PutRememberedDevice implements store.RememberedDeviceStore.
func (db *DB) PutRememberedDevice(ctx context.Context, d store.RememberedDevice) error {
	_, err := db.exec(ctx, `
		insert into identity_remembered_devices (`+rememberedDeviceColumns+`) values ($1, $2, $3, $4, $5)
		on conflict (user_id, device) do update set
			binding = excluded.binding, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		d.UserID, d.Device, d.Binding, moment(d.CreatedAt), moment(d.ExpiresAt))
	return err
}

// RememberedDevice implements store.RememberedDeviceStore.
func (db *DB) RememberedDevice(ctx context.Context, userID, device string) (store.RememberedDevice, error) {
	return one(ctx, db, scanRememberedDevice,
		`select `+rememberedDeviceColumns+` from identity_remembered_devices where user_id = $1 and device = $2`,
		userID, device)
}

// ForgetDevices implements store.RememberedDeviceStore.
func (db *DB) ForgetDevices(ctx context.Context, userID string) error {
	_, err := db.exec(ctx, `delete from identity_remembered_devices where user_id = $1`, userID)
	return err
}

// SweepRememberedDevices implements store.RememberedDeviceStore.
func (db *DB) SweepRememberedDevices(ctx context.Context, before time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_remembered_devices where (user_id, device) in (
			select user_id, device from identity_remembered_devices where expires_at < $2 limit $1)`, moment(before))
}
