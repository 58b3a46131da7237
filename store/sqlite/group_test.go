package sqlite_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// A crowd is one store whose writer is busy, and writers that wait for it.
type crowd struct {
	t    *testing.T
	s    store.Store
	path string
	free chan struct{}
	wg   sync.WaitGroup
}

// gather runs fn inside a bubble in which a writer is at work until c.settle.
func gather(t *testing.T, options []sqlite.Option, fn func(c *crowd)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(context.Background(), path, options...)
		if err != nil {
			t.Fatal(err)
		}
		c := &crowd{t: t, s: s, path: path, free: make(chan struct{})}
		c.write("first", func() error { <-c.free; return nil })
		fn(c)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// write starts a writer that makes a category and then runs after, and waits until it
// waits. The answer is there when settle returns.
func (c *crowd) write(id string, after func() error) *error {
	return c.writeAs(context.Background(), id, after)
}

func (c *crowd) writeAs(ctx context.Context, id string, after func() error) *error {
	answer := new(error)
	c.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				*answer = errPanicked
			}
		}()
		*answer = errGone
		*answer = c.s.Tx(ctx, func(tx store.Records) error {
			if err := tx.CreateCategory(ctx, store.Category{ID: id, Name: id}); err != nil || after == nil {
				return err
			}
			return after()
		})
	})
	synctest.Wait()
	return answer
}

var (
	errPanicked = errors.New("it panicked")
	errGone     = errors.New("its goroutine ended")
	errMine     = errors.New("changed my mind")
)

func (c *crowd) settle() {
	close(c.free)
	c.wg.Wait()
}

// known returns how many categories there are.
func (c *crowd) known() int {
	c.t.Helper()
	all, err := c.s.Categories(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	return len(all)
}

func (c *crowd) answered(what string, got *error, want error) {
	c.t.Helper()
	if !errors.Is(*got, want) {
		c.t.Errorf("%s: got %v, want %v", what, *got, want)
	}
}

// commits counts the commits in the write-ahead log: the frames that end one say how large
// the database then is.
func commits(t *testing.T, path string) int {
	t.Helper()
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) < 32 {
		t.Fatalf("the log of %s: %d bytes, %v", path, len(log), err)
	}
	n, frame := 0, 24+int(binary.BigEndian.Uint32(log[8:]))
	for at := 32; at+frame <= len(log); at += frame {
		if binary.BigEndian.Uint32(log[at+4:]) > 0 {
			n++
		}
	}
	return n
}

func TestGroupCommitsOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options []sqlite.Option
		want    int
	}{"together": {nil, 1}, "alone": {[]sqlite.Option{sqlite.WithoutGroupCommit()}, 21}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gather(t, tt.options, func(c *crowd) {
				before := commits(t, c.path)
				for i := range 20 {
					c.write(strconv.Itoa(i), nil)
				}
				c.settle()
				if got := commits(t, c.path) - before; got != tt.want || c.known() != 21 {
					t.Errorf("21 writers needed %d commits and left %d records, want %d and 21", got, c.known(), tt.want)
				}
			})
		})
	}
}

func TestGroupIsolatesFailures(t *testing.T) {
	t.Parallel()
	gather(t, nil, func(c *crowd) {
		good := c.write("good", nil)
		failed := c.write("failed", func() error { return errMine })
		taken := c.write("good", nil)
		panicked := c.write("panicked", func() error { panic("boom") })
		gone := c.write("gone", func() error { runtime.Goexit(); return nil })
		late := c.write("late", nil)
		c.settle()
		c.answered("a good one", good, nil)
		c.answered("one that fails", failed, errMine)
		c.answered("one whose record is taken", taken, store.ErrConflict)
		c.answered("one that panics", panicked, errPanicked)
		c.answered("one whose goroutine ends", gone, errGone)
		c.answered("one after them", late, nil)
		if got := c.known(); got != 3 {
			t.Errorf("%d records, want 3: first, good, late", got)
		}
	})
}

func TestGroupIsolatesTheFirst(t *testing.T) {
	t.Parallel()
	gather(t, nil, func(c *crowd) {
		c.settle() // the busy one is done: each of these is the first of its batch
		c.free = make(chan struct{})
		failed := c.write("failed", func() error { <-c.free; return errMine })
		good := c.write("good", nil)
		c.settle()
		c.answered("the first, which fails", failed, errMine)
		c.answered("the second", good, nil)
		if got := c.known(); got != 2 {
			t.Errorf("%d records, want 2", got)
		}
	})
}

// TestAttackCancel (STO-20): who leaves before the commit finds nothing written, and does
// not take the others along.
func TestAttackCancel(t *testing.T) {
	t.Parallel()
	t.Run("STO-20 in the queue", func(t *testing.T) {
		t.Parallel()
		gather(t, nil, func(c *crowd) {
			ctx, cancel := context.WithCancel(context.Background())
			left := c.writeAs(ctx, "left", nil)
			good := c.write("good", nil)
			cancel()
			synctest.Wait()
			c.answered("the answer comes at once", left, context.Canceled)
			c.settle()
			c.answered("another", good, nil)
			if got := c.known(); got != 2 {
				t.Errorf("%d records, want 2", got)
			}
		})
	})
	t.Run("STO-20 at work", func(t *testing.T) {
		t.Parallel()
		gather(t, nil, func(c *crowd) {
			ctx, cancel := context.WithCancel(context.Background())
			left := c.writeAs(ctx, "left", func() error { cancel(); return nil })
			good := c.write("good", nil)
			c.settle()
			c.answered("one that is canceled", left, context.Canceled)
			c.answered("another", good, nil)
			if got := c.known(); got != 2 {
				t.Errorf("%d records, want 2", got)
			}
		})
	})
	t.Run("STO-20 done, not committed", func(t *testing.T) {
		t.Parallel()
		gather(t, nil, func(c *crowd) {
			ctx, cancel := context.WithCancel(context.Background())
			runs := 0
			before := c.write("before", func() error { runs++; return nil })
			left := c.writeAs(ctx, "left", nil)
			after := c.write("after", func() error { cancel(); return nil })
			c.settle()
			c.answered("one that is canceled", left, context.Canceled)
			c.answered("one before", before, nil)
			c.answered("one after", after, nil)
			if got := c.known(); got != 3 || runs != 2 {
				t.Errorf("%d records, %d runs of what had to be done again; want 3 and 2", got, runs)
			}
		})
	})
}

func TestGroupDeadlineInQueue(t *testing.T) {
	t.Parallel()
	gather(t, nil, func(c *crowd) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := c.s.CreateCategory(ctx, store.Category{ID: "x", Name: "x"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a write behind a busy writer: %v, want its deadline", err)
		}
		c.settle()
	})
}
