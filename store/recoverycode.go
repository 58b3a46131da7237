package store

import (
	"context"
	"time"
)

// A RecoveryCode stands in for a lost device, once. Only its hash is kept.
type RecoveryCode struct {
	UserID    string
	Hash      []byte
	CreatedAt time.Time
	UsedAt    time.Time // zero until used
}

// RecoveryCodeStore keeps recovery codes. A code counts for its own user only.
type RecoveryCodeStore interface {
	// ReplaceRecoveryCodes makes codes the only ones the user has. A user that is not there is
	// ErrNotFound, unless there are no codes.
	ReplaceRecoveryCodes(ctx context.Context, userID string, codes []RecoveryCode) error
	// RecoveryCodes returns the user's codes, used ones too, in the order of their hashes.
	RecoveryCodes(ctx context.Context, userID string) ([]RecoveryCode, error)
	// UseRecoveryCode marks a code used in one statement if it is unused, else ErrNotFound: of
	// many callers exactly one wins.
	UseRecoveryCode(ctx context.Context, userID string, hash []byte, at time.Time) error
}
