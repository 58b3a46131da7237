package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-identity/identity/store"
)

const (
	watchEvery  = 5 * time.Minute
	watchAtOnce = 8                // connections that are looked after at the same time
	watchLease  = 15 * time.Minute // after which another process takes over what this one began
)

// watch looks after connections until ctx ends.
func (s *Connections) watch(ctx context.Context) error {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		if _, err := s.LookAfter(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "look after connections", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// LookAfter does what is due for the connections of all tenants, and returns for how many. It
// reads metadata again that has an address, once a day: the document wins, keys that it lists
// no more are believed no more. One that cannot be had, that makes no sense, that has expired
// or that is of another provider changes nothing and is recorded. It tells 30, 7 and 1 days
// before the last certificate of a provider runs out. Of several processes one does each. Run
// calls it.
func (s *Connections) LookAfter(ctx context.Context) (int, error) {
	n := 0
	for {
		due, err := s.store.ConnectionsDue(ctx, s.now(), watchAtOnce)
		if err != nil {
			return n, err
		}
		done, err := s.lookAfter(ctx, due)
		n += done
		if err != nil || done == 0 {
			return n, err
		}
	}
}

// lookAfter does what is due for a few connections at the same time.
func (s *Connections) lookAfter(ctx context.Context, due []store.Connection) (int, error) {
	var all sync.WaitGroup
	errs := make([]error, len(due))
	for i, c := range due {
		all.Go(func() { errs[i] = s.look(ctx, c) })
	}
	all.Wait()
	done := 0
	for i, err := range errs {
		if errors.Is(err, errOvertaken) {
			errs[i] = nil
			continue
		}
		done++
	}
	return done, errors.Join(errs...)
}

// errOvertaken means that a connection is somebody else's to look after, or that it was
// changed meanwhile: whoever changed it said when it is due next.
var errOvertaken = errors.New("the connection was overtaken")

func (s *Connections) look(ctx context.Context, c store.Connection) error {
	w, err := s.claim(ctx, c)
	if err != nil {
		return err
	}
	err = s.refresh(ctx, w)
	if err == nil {
		w, err = findPath(ctx, s.store, c.TenantID, c.ID)
	}
	if err == nil {
		err = s.warn(ctx, w)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = errOvertaken // it is no more
	}
	if err != nil {
		return fmt.Errorf("look after connection %s: %w", c.ID, err)
	}
	return nil
}

// claim takes a connection that is due for this process. Where the process dies, another one
// takes it after the lease.
func (s *Connections) claim(ctx context.Context, c store.Connection) (path, error) {
	var w path
	err := s.store.Tx(ctx, func(tx store.Records) (err error) {
		if w, err = findPath(ctx, tx, c.TenantID, c.ID); err != nil {
			return err
		}
		if now := s.now(); w.DueAt.IsZero() || w.DueAt.After(now) {
			return errOvertaken
		}
		w.DueAt = s.now().Add(watchLease)
		return tx.UpdateConnection(ctx, w.Connection)
	})
	if errors.Is(err, store.ErrNotFound) {
		err = errOvertaken // it is no more
	}
	return w, err
}

// watcher is the library at work in the tenant of a connection.
func watcher(w path) store.Principal {
	by := store.System()
	by.TenantID = w.TenantID
	return by
}

// replace keeps next in the place of w, unless somebody changed the connection meanwhile.
func replace(ctx context.Context, tx store.Records, w, next path) error {
	now, err := findPath(ctx, tx, w.TenantID, w.ID)
	if err == nil && !now.same(w) {
		err = errOvertaken
	}
	if err != nil {
		return err
	}
	return tx.UpdateConnection(ctx, next.Connection)
}
