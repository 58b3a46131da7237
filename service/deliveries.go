package service

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
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
)

// Deliver sends the messages that are due and returns how many left. A message that its
// sender refuses is tried again later, ten times at most and never where no mail will reach
// the address. The error is the store's. It is for a host that is not there all the time,
// so that [Outbox.Run] is nothing to it.
func (o *Outbox) Deliver(ctx context.Context) (n int, err error) {
	o.driven.Store(true)
	return o.drain(ctx)
}

// drain sends what is due.
func (o *Outbox) drain(ctx context.Context) (n int, err error) {
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
	if m.Attempts == maxAttempts || errors.Is(err, message.ErrNoReceiver) {
		return outcome{err: o.abandon(ctx, m)}
	}
	return outcome{err: o.store.RetryMessage(ctx, m.ID, o.now().Add(backoff(m.Attempts)), time.Time{})}
}

// attempt calls the host's Send. One that ignores its context keeps its slot and nothing
// else: the messages behind it go on.
func (o *Outbox) attempt(ctx context.Context, m store.Message) error {
	m, err := o.open(m)
	if err != nil {
		o.vacate(1)
		return fmt.Errorf("open a message: %w", err)
	}
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
