package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"time"
)

const (
	maxTries = 10
	maxPause = 250 * time.Millisecond
)

// pooled runs work on a pool of equal connections.
type pooled struct {
	pool    *sql.DB
	dialect *Dialect
}

func (p pooled) close() error { return nil }

func (p pooled) single(ctx context.Context, fn func(execer) error) error {
	return p.retry(ctx, func() error { return fn(p.pool) })
}

func (p pooled) transact(ctx context.Context, o *sql.TxOptions, fn func(execer) error) error {
	err := p.retry(ctx, func() error { return p.try(ctx, o, fn) })
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // why it was rolled back under the caller
	}
	return err
}

func (p pooled) retry(ctx context.Context, fn func() error) error {
	for try := range maxTries {
		err := fn()
		if err == nil || !p.dialect.IsRetry(err) || try == maxTries-1 {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return nil
}

func (p pooled) try(ctx context.Context, o *sql.TxOptions, fn func(execer) error) error {
	tx, err := p.pool.BeginTx(ctx, o)
	if err != nil && p.dialect.IsStale(err) && ctx.Err() == nil {
		tx, err = p.pool.BeginTx(ctx, o)
	}
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// pause waits a random time that doubles with each try, so that the losers of a race do
// not meet again.
func pause(ctx context.Context, try int) error {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return err
	}
	most := min(time.Millisecond<<try, maxPause)
	wait := time.NewTimer(time.Duration(binary.NativeEndian.Uint64(b[:])%uint64(most)) + time.Microsecond)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}
