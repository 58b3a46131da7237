package store

import (
	"context"
	"time"
)

// A RememberedDevice is a browser that a user asked not to be asked for the second factor
// in again.
type RememberedDevice struct {
	UserID    string
	Device    string // hash of the device cookie
	Binding   []byte // hash of what must not have changed since, such as the password
	CreatedAt time.Time
	ExpiresAt time.Time
}

// RememberedDeviceStore keeps remembered devices, at most one per user and device.
type RememberedDeviceStore interface {
	// PutRememberedDevice creates or replaces. A user that is not there is ErrNotFound.
	PutRememberedDevice(ctx context.Context, d RememberedDevice) error
	// RememberedDevice returns the device, expired as it may be.
	RememberedDevice(ctx context.Context, userID, device string) (RememberedDevice, error)
	// ForgetDevices removes all of the user's.
	ForgetDevices(ctx context.Context, userID string) error
	// SweepRememberedDevices removes those that expired before.
	SweepRememberedDevices(ctx context.Context, before time.Time) (int, error)
}
