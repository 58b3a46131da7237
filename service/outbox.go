package service

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

const outboxPoll = 2 * time.Second

// An Outbox delivers messages at least once. A rule enqueues a message in the transaction
// of what the message tells; [Outbox.Run] takes it out after the commit. A process that
// dies between the two, or between a send and its record, leaves the message to the next
// claim, in any process.
type Outbox struct {
	*base
	ring    *secret.Ring
	send    message.Sender
	slots   chan struct{} // one for every message that leaves
	wake    chan struct{} // holds one signal
	running atomic.Int32
	driven  atomic.Bool // the host calls Deliver itself
	warn    sync.Once
}

func newOutbox(b *base, ring *secret.Ring, send message.Sender) *Outbox {
	return &Outbox{
		base: b, ring: ring, send: send,
		slots: make(chan struct{}, maxSending), wake: make(chan struct{}, 1),
	}
}

// enqueue puts m into the outbox as part of the change tx.
func (o *Outbox) enqueue(ctx context.Context, tx *unit, m store.Message) error {
	if err := message.Check(m); err != nil {
		return err
	}
	m.ID, m.CreatedAt, m.NextAt = tx.newID(), tx.at, tx.at
	m, err := o.seal(m)
	if err != nil {
		return fmt.Errorf("seal a message: %w", err)
	}
	tx.after = append(tx.after, o.signal)
	return tx.EnqueueMessage(ctx, m)
}

// unasked bounds the mail that anybody can have sent to an address by typing it into a form.
func unasked() store.AttemptLimit {
	return store.AttemptLimit{Max: 5, Window: time.Hour, Lock: time.Hour}
}

// errEnough means that an address was written to as often as strangers may ask for.
var errEnough = errors.New("the address has had its share of mail")

// ration counts a message that a stranger can ask for, as part of the change tx, or returns
// errEnough. The count is the address's and the kind's: whoever asks, from wherever. A flood
// of one kind leaves the others their share.
func (o *Outbox) ration(ctx context.Context, tx *unit, kind, to string) error {
	if value, err := normalizeEmail(to); err == nil {
		to = value
	}
	_, err := tx.Attempt(ctx, subject(o.ring.MAC("unasked mail", kind, to)), tx.at, unasked())
	if errors.Is(err, store.ErrNotFound) {
		return errEnough
	}
	return err
}

// pretend does the work of ration for an address that gets nothing. It takes nothing from the
// share of who has the address later: else a stranger could keep a first message from leaving.
func (o *Outbox) pretend(ctx context.Context, tx *unit, kind, to string) error {
	return quietly(o.ration(ctx, tx, kind+" to nobody", to))
}

// quietly is for answers that must not tell whether a message left.
func quietly(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

const bodyPurpose = "message body"

// seal encrypts what a message says. Its link is as good as a password until it is used,
// and the row outlives it: whoever reads the database must not be able to follow it.
func (o *Outbox) seal(m store.Message) (store.Message, error) {
	for _, body := range []*string{&m.Text, &m.HTML} {
		sealed, err := o.ring.Seal(bodyPurpose, m.ID, []byte(*body))
		if err != nil {
			return m, err
		}
		*body = base64.RawStdEncoding.EncodeToString(sealed)
	}
	return m, nil
}

// open undoes seal.
func (o *Outbox) open(m store.Message) (store.Message, error) {
	for _, body := range []*string{&m.Text, &m.HTML} {
		sealed, err := base64.RawStdEncoding.DecodeString(*body)
		if err != nil {
			return m, err
		}
		plain, err := o.ring.Open(bodyPurpose, m.ID, sealed)
		if err != nil {
			return m, err
		}
		*body = string(plain)
	}
	return m, nil
}

// signal wakes Run after a commit.
func (o *Outbox) signal() {
	if o.running.Load() == 0 && !o.driven.Load() {
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
		if _, err := o.drain(ctx); err != nil && ctx.Err() == nil {
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
