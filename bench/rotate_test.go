package bench_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A client rotates one session, as one browser does.
type client struct {
	store store.Store
	user  string
	round uint64
}

func (c *client) hash(round uint64) []byte {
	h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(c.user), round))
	return h[:]
}

func (c *client) begin(ctx context.Context, at time.Time) error {
	if err := c.store.CreateUser(ctx, store.User{ID: c.user, Metadata: "{}", VendorMetadata: "{}", CreatedAt: at, UpdatedAt: at}); err != nil {
		return err
	}
	return c.store.CreateSession(ctx, store.Session{
		UserID: c.user, ID: c.user, Kind: store.Family, Hash: c.hash(0),
		AuthTime: at, CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(time.Hour), EndsAt: at.Add(time.Hour),
	})
}

// rotate is what a refresh writes: one conditional statement and its audit event in one
// durable transaction.
func (c *client) rotate(ctx context.Context, at time.Time) error {
	r := store.Rotation{
		UserID: c.user, ID: c.user, From: c.hash(c.round), To: c.hash(c.round + 1), Successor: make([]byte, 120),
		At: at, ExpiresAt: at.Add(time.Hour),
	}
	e := store.AuditEvent{ID: fmt.Sprintf("%s-%d", c.user, c.round), ActorID: c.user, ActorKind: store.UserKind, Action: "session.refreshed", Subject: c.user, At: at}
	c.round++
	return c.store.Short(ctx, func(tx store.Records) error {
		if err := tx.RotateSession(ctx, r); err != nil {
			return err
		}
		return tx.AppendAudit(ctx, e)
	})
}

// rotators opens a store and gives each of n clients a session.
func rotators(tb testing.TB, n int, o ...sqlite.Option) []*client {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "rotate.db"), o...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	all := make([]*client, n)
	for i := range all {
		all[i] = &client{store: s, user: fmt.Sprintf("00000000-0000-7000-8000-%012d", i)}
		if err := all[i].begin(tb.Context(), time.Now()); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// spend shares n rotations among the clients and returns how many failed, and why the first did.
func spend(ctx context.Context, all []*client, n int) (errors int64, first error) {
	var left, failed atomic.Int64
	var why atomic.Value
	left.Store(int64(n))
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := c.rotate(ctx, time.Now()); err != nil {
					failed.Add(1)
					why.CompareAndSwap(nil, err)
				}
			}
		})
	}
	wg.Wait()
	first, _ = why.Load().(error)
	return failed.Load(), first
}

// A mode is a way to commit.
type mode struct {
	name    string
	options []sqlite.Option
}

var modes = []mode{
	{"grouped", nil},
	{"single", []sqlite.Option{sqlite.WithoutGroupCommit()}},
}

// BenchmarkRotate is G10: durable session rotation with and without group commit. An error,
// a busy database above all, must not happen.
func BenchmarkRotate(b *testing.B) {
	for _, m := range modes {
		for _, n := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/c=%d", m.name, n), func(b *testing.B) {
				all := rotators(b, n, m.options...)
				b.ResetTimer()
				errors, first := spend(b.Context(), all, b.N)
				b.ReportMetric(float64(errors), "errors")
				if errors > 0 {
					b.Errorf("%d of %d rotations failed: %v", errors, b.N, first)
				}
			})
		}
	}
}

// rotateGoals is G10: half the time for the same work is twice the rate.
func rotateGoals(t *testing.T, b *board) {
	for _, tt := range []struct {
		clients int
		want    goal
	}{{8, atLeast(2)}, {64, atLeast(4)}} {
		single, grouped := side{2000, rotating(t, tt.clients, modes[1])}, side{2000, rotating(t, tt.clients, modes[0])}
		b.report(t, fmt.Sprintf("durable rotations a second at %d clients, grouped / single, no errors", tt.clients), tt.want,
			pair{wall(), 15, single, grouped}.ratios(t))
	}
}

// rotating returns work that many clients share.
func rotating(t *testing.T, clients int, m mode) func(int) error {
	t.Helper()
	all := rotators(t, clients, m.options...)
	return func(n int) error {
		errors, first := spend(t.Context(), all, n)
		if errors > 0 {
			return fmt.Errorf("%d of %d rotations failed: %w", errors, n, first)
		}
		return nil
	}
}
