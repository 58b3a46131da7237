package service

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

const (
	sendTimeout  = 10 * time.Second
	sendGrace    = time.Second      // to return once the time is over
	messageLease = 30 * time.Second // longer than a send and its record take
	firstRetry   = 30 * time.Second // doubles with every attempt
	lastRetry    = time.Hour
	maxAttempts  = 10
	maxSending   = 8 // messages that leave at the same time
	outboxPoll   = 2 * time.Second
)

// An Outbox delivers messages at least once. A rule enqueues a message in the transaction
// of what the message tells; [Outbox.Run] takes it out after the commit. A process that
// dies between the two, or between a send and its record, leaves the message to the next
// claim, in any process.
type Outbox struct {
	*base
	send    message.Sender
	slots   chan struct{} // one for every message that leaves
	wake    chan struct{} // holds one signal
	running atomic.Int32
	warn    sync.Once
}

func newOutbox(b *base, send message.Sender) *Outbox {
	return &Outbox{
		base: b, send: send,
		slots: make(chan struct{}, maxSending), wake: make(chan struct{}, 1),
	}
}

// enqueue puts m into the outbox as part of the change tx.
func (o *Outbox) enqueue(ctx context.Context, tx *unit, m store.Message) error {
	if err := message.Check(m); err != nil {
		return err
	}
	m.ID, m.CreatedAt, m.NextAt = tx.newID(), tx.at, tx.at
	tx.after = append(tx.after, o.signal)
	return tx.EnqueueMessage(ctx, m)
}

// signal wakes Run after a commit.
func (o *Outbox) signal() {
	if o.running.Load() == 0 {
		o.warn.Do(func() { o.log.Warn("a message waits in the outbox: call Identity.Run to send it") })
	}
	select {
	case o.wake <- struct{}{}:
	default: // it is awake
	}
}

// Waiting returns how many messages are neither sent nor given up, and since when the
// oldest waits.
func (o *Outbox) Waiting(ctx context.Context) (n int, oldest time.Time, err error) {
	return o.store.WaitingMessages(ctx)
}

// Run delivers messages until ctx ends: at once those that this process enqueues, within
// two seconds those of any other. Messages that are leaving when ctx ends get their
// time. It returns the error of ctx.
func (o *Outbox) Run(ctx context.Context) error {
	o.running.Add(1)
	defer o.running.Add(-1)
	tick := time.NewTicker(outboxPoll)
	defer tick.Stop()
	for {
		if _, err := o.Deliver(ctx); err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "deliver messages", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wake:
		case <-tick.C:
		}
	}
}

// Deliver sends the messages that are due and returns how many left. A message that its
// sender refuses is tried again later, ten times at most. The error is the store's.
func (o *Outbox) Deliver(ctx context.Context) (n int, err error) {
	for ctx.Err() == nil {
		claimed, sent, err := o.round(ctx)
		n += sent
		if err != nil || claimed == 0 {
			return n, err
		}
	}
	return n, ctx.Err()
}

// round claims as many messages as there are free slots, so that each is sent well within
// its lease, and waits for all.
func (o *Outbox) round(ctx context.Context) (claimed, sent int, err error) {
	if waiting, _, err := o.store.WaitingMessages(ctx); err != nil || waiting == 0 {
		return 0, 0, err
	}
	free := o.occupy()
	if free == 0 {
		return 0, 0, errors.New("every sender is busy: Send must return when its context ends")
	}
	now := o.now()
	ms, err := o.store.ClaimMessages(ctx, now, now.Add(messageLease), free)
	o.vacate(free - len(ms))
	if err != nil {
		return 0, 0, fmt.Errorf("claim messages: %w", err)
	}
	results := make(chan outcome, len(ms))
	for _, m := range ms {
		go func() { results <- o.deliver(context.WithoutCancel(ctx), m) }()
	}
	var broken []error
	for range ms {
		r := <-results
		if r.sent {
			sent++
		}
		broken = append(broken, r.err)
	}
	return len(ms), sent, errors.Join(broken...)
}

// An outcome says what became of one message; err is the store's.
type outcome struct {
	sent bool
	err  error
}

// occupy takes every free slot and returns how many it got.
func (o *Outbox) occupy() (n int) {
	for {
		select {
		case o.slots <- struct{}{}:
			n++
		default:
			return n
		}
	}
}

func (o *Outbox) vacate(n int) {
	for range n {
		<-o.slots
	}
}

// deliver sends one claimed message and records what came of it. ctx outlives a shutdown:
// a message that left unrecorded would leave again.
func (o *Outbox) deliver(ctx context.Context, m store.Message) outcome {
	if m.Attempts > maxAttempts { // a process died of every attempt
		o.vacate(1)
		return outcome{err: o.abandon(ctx, m)}
	}
	err := o.attempt(ctx, m)
	if err == nil {
		return outcome{sent: true, err: o.store.FinishMessage(ctx, m.ID, o.now())}
	}
	o.log.WarnContext(ctx, "send message", "id", m.ID, "kind", m.Kind, "attempt", m.Attempts, "error", err)
	if m.Attempts == maxAttempts {
		return outcome{err: o.abandon(ctx, m)}
	}
	return outcome{err: o.store.RetryMessage(ctx, m.ID, o.now().Add(backoff(m.Attempts)), time.Time{})}
}

// attempt calls the host's Send. One that ignores its context keeps its slot and nothing
// else: the messages behind it go on.
func (o *Outbox) attempt(ctx context.Context, m store.Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := guarded(ctx, o.send, m)
		o.vacate(1)
		done <- err
	}()
	hung := time.NewTimer(sendTimeout + sendGrace)
	defer hung.Stop()
	select {
	case err := <-done:
		return err
	case <-hung.C:
		return fmt.Errorf("send did not return: %w", context.DeadlineExceeded)
	}
}

// guarded turns a panic of the host's Send into an error: one bad message must not stop
// the process, and with it all mail.
func guarded(ctx context.Context, send message.Sender, m store.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("send panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return send(ctx, m)
}

// backoff is how long to wait after the attempt: half a minute, doubled each time, at most
// an hour.
func backoff(attempts int) time.Duration {
	return min(firstRetry<<min(max(attempts-1, 0), 10), lastRetry)
}

// abandon gives a message up. Somebody waits for it in vain, so it is audited.
func (o *Outbox) abandon(ctx context.Context, m store.Message) error {
	detail := map[string]any{"kind": m.Kind, "attempts": m.Attempts}
	return o.hot(ctx, store.System(), "message.abandoned", m.ID, func(tx *unit) error {
		tx.detail = detail
		return tx.RetryMessage(ctx, m.ID, tx.at, tx.at)
	})
}
