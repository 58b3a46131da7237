package storetest

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

// CreateFactor implements store.FactorStore.
func (f faulty) CreateFactor(ctx context.Context, r store.Factor) error {
	return f.do(func() error { return f.Records.CreateFactor(ctx, r) })
}

// Factors implements store.FactorStore.
func (f faulty) Factors(ctx context.Context, userID string) ([]store.Factor, error) {
	return get(f, func() ([]store.Factor, error) { return f.Records.Factors(ctx, userID) })
}

// Enrolled implements store.FactorStore.
func (f faulty) Enrolled(ctx context.Context, userIDs ...string) ([]string, error) {
	return get(f, func() ([]string, error) { return f.Records.Enrolled(ctx, userIDs...) })
}

// UseFactor implements store.FactorStore.
func (f faulty) UseFactor(ctx context.Context, userID, id string, step int64, at time.Time) error {
	return f.do(func() error { return f.Records.UseFactor(ctx, userID, id, step, at) })
}

// DeleteFactor implements store.FactorStore.
func (f faulty) DeleteFactor(ctx context.Context, userID, id string) error {
	return f.do(func() error { return f.Records.DeleteFactor(ctx, userID, id) })
}

// DeleteFactors implements store.FactorStore.
func (f faulty) DeleteFactors(ctx context.Context, userID string) (int, error) {
	return get(f, func() (int, error) { return f.Records.DeleteFactors(ctx, userID) })
}

// ReplaceRecoveryCodes implements store.RecoveryCodeStore.
func (f faulty) ReplaceRecoveryCodes(ctx context.Context, userID string, codes []store.RecoveryCode) error {
	return f.do(func() error { return f.Records.ReplaceRecoveryCodes(ctx, userID, codes) })
}

// RecoveryCodes implements store.RecoveryCodeStore.
func (f faulty) RecoveryCodes(ctx context.Context, userID string) ([]store.RecoveryCode, error) {
	return get(f, func() ([]store.RecoveryCode, error) { return f.Records.RecoveryCodes(ctx, userID) })
}

// UseRecoveryCode implements store.RecoveryCodeStore.
func (f faulty) UseRecoveryCode(ctx context.Context, userID string, hash []byte, at time.Time) error {
	return f.do(func() error { return f.Records.UseRecoveryCode(ctx, userID, hash, at) })
}

// PutRememberedDevice implements store.RememberedDeviceStore.
func (f faulty) PutRememberedDevice(ctx context.Context, d store.RememberedDevice) error {
	return f.do(func() error { return f.Records.PutRememberedDevice(ctx, d) })
}

// RememberedDevice implements store.RememberedDeviceStore.
func (f faulty) RememberedDevice(ctx context.Context, userID, device string) (store.RememberedDevice, error) {
	return get(f, func() (store.RememberedDevice, error) { return f.Records.RememberedDevice(ctx, userID, device) })
}

// ForgetDevices implements store.RememberedDeviceStore.
func (f faulty) ForgetDevices(ctx context.Context, userID string) error {
	return f.do(func() error { return f.Records.ForgetDevices(ctx, userID) })
}

// SweepRememberedDevices implements store.RememberedDeviceStore.
func (f faulty) SweepRememberedDevices(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepRememberedDevices(ctx, before) })
}
