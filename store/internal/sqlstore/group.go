package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"
)

// A group lets writers that wait together commit together: a database with one writer
// pays for durability once per commit, however many changes it holds.
//
// There is no goroutine of its own. The open transaction is a baton: whoever holds it runs
// its own work in its own goroutine, under a savepoint of its own, and hands it to the
// next in the queue; who finds nobody waiting commits, and tells everyone. Work that fails,
// panics or whose caller has gone is rolled back alone.
type group struct {
	w    *writer
	most int // jobs in one commit

	mu    sync.Mutex
	busy  bool // somebody holds the baton
	queue []*job
}

// A job is one caller's work.
type job struct {
	ctx   context.Context
	fn    func(execer) error
	turn  chan *batch // the baton
	done  chan error
	err   error
	began bool // it had its part of the transaction
	ended bool // its work returned; it panicked otherwise
}

// A batch is the baton: an open transaction and the jobs whose work is in it.
type batch struct {
	kept    []*job // its transaction is open while there are any, or one is at work
	lost    []*job // failed on top of those: what they saw is so once that is committed
	again   []*job // were in a transaction that was rolled back through no fault of theirs
	refused error  // why the transaction could not begin
}

func newGroup(p Pools) *group {
	return &group{w: &writer{pool: p.Write, keep: p.Prepare}, most: max(1, p.Group)}
}

func (g *group) single(ctx context.Context, fn func(execer) error) error { return g.do(ctx, fn) }

func (g *group) transact(ctx context.Context, _ *sql.TxOptions, fn func(execer) error) error {
	return g.do(ctx, fn)
}

func (g *group) close() error { return g.w.close() }

func (g *group) do(ctx context.Context, fn func(execer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, fn: fn, turn: make(chan *batch, 1), done: make(chan error, 1)}
	g.enter(j)
	left := ctx.Done()
	for {
		select {
		case b := <-j.turn:
			g.run(b, j)
		case err := <-j.done:
			return err
		case <-left:
			if g.leave(j) {
				return ctx.Err()
			}
			left = nil // its work is under way: the answer will come
		}
	}
}

func (g *group) enter(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy {
		g.queue = append(g.queue, j)
		return
	}
	g.busy = true
	j.turn <- &batch{}
}

// leave takes j out of the queue and reports whether it was still there.
func (g *group) leave(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.queue, j)
	if i < 0 {
		return false
	}
	g.queue = slices.Delete(g.queue, i, i+1)
	return true
}

// run does the work of j and passes the baton on, also when the work panics.
func (g *group) run(b *batch, j *job) {
	j.began, j.ended = false, false
	defer func() {
		g.settle(b, j)
		g.next(b)
	}()
	if j.err = g.begin(b, j); j.err == nil {
		j.began = true
		j.err = j.fn(g.w)
	}
	if j.err == nil {
		j.err = j.ctx.Err()
	}
	j.ended = true
}

// begin opens the transaction, or a savepoint where others have work in it.
func (g *group) begin(b *batch, j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if len(b.kept) > 0 {
		return g.w.do(`savepoint identity_job`)
	}
	err := g.w.begin(j.ctx)
	if err != nil && j.ctx.Err() == nil {
		b.refused = err
	}
	return err
}

// settle keeps the work of j, or undoes it and nothing else. A failure may be about work that
// nobody else can see yet, such as a conflict with it, so it is told after the commit.
func (g *group) settle(b *batch, j *job) {
	first := len(b.kept) == 0
	if j.ended && j.err == nil && !first {
		j.err = g.w.do(`release savepoint identity_job`)
	}
	if j.ended && j.err == nil {
		b.kept = append(b.kept, j)
		return
	}
	if j.began && (first || !g.undo()) {
		g.restart(b)
		j.done <- j.err
		return
	}
	if j.ended && j.began {
		b.lost = append(b.lost, j)
		return
	}
	j.done <- j.err
}

// undo rolls back to the savepoint. It cannot after an error, such as a full disk, for
// which the database rolls back the whole transaction.
func (g *group) undo() bool {
	return g.w.do(`rollback to savepoint identity_job`) == nil && g.w.do(`release savepoint identity_job`) == nil
}

// restart rolls the transaction back. Those who had work in it do it again, and so do those
// who failed because of it.
func (g *group) restart(b *batch) {
	g.w.rollback()
	b.again = slices.Concat(b.kept, b.lost, b.again)
	b.kept, b.lost = nil, nil
}

// next hands the baton to the next job, or ends the batch.
func (g *group) next(b *batch) {
	if b.refused != nil {
		g.refuse(b)
		return
	}
	if len(b.again) > 0 {
		j := b.again[0]
		b.again = b.again[1:]
		j.turn <- b
		return
	}
	if len(b.kept)+len(b.lost) < g.most {
		if j := g.pop(false); j != nil {
			j.turn <- b
			return
		}
	}
	g.finish(b)
}

// finish commits and answers everyone. Who left before the commit must find nothing
// written, so the others then do their work again without them.
func (g *group) finish(b *batch) {
	if slices.ContainsFunc(b.kept, (*job).canceled) {
		g.restart(b)
		g.next(b)
		return
	}
	var err error
	if len(b.kept) > 0 {
		err = g.w.commit()
	}
	for _, j := range b.kept {
		j.done <- err
	}
	for _, j := range b.lost {
		j.done <- cmp.Or(err, j.err)
	}
	if j := g.pop(true); j != nil {
		j.turn <- &batch{}
	}
}

// refuse answers everyone that waits: the writer that one could not get in a long time is
// not there for the next either.
func (g *group) refuse(b *batch) {
	g.mu.Lock()
	waiting := append(b.again, g.queue...)
	g.queue, g.busy = nil, false
	g.mu.Unlock()
	for _, j := range waiting {
		j.done <- b.refused
	}
}

// pop takes the first of the queue. With last, an empty queue ends the baton's round.
func (g *group) pop(last bool) *job {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.busy = g.busy && !last
		return nil
	}
	j := g.queue[0]
	g.queue = g.queue[1:]
	return j
}

func (j *job) canceled() bool { return j.ctx.Err() != nil }
