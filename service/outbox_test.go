package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A postOffice is one process whose host sends messages as the test says.
type postOffice struct {
	world
	log *logged

	mu   sync.Mutex
	sent []store.Message
	fail func(store.Message) error // what Send answers; nil is success
}

// logged collects log lines.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	return postOfficeOver(t, memory(t), &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)})
}

// postOfficeOver starts a process over a store that another may use too.
func postOfficeOver(t *testing.T, db store.Store, k *clock) *postOffice {
	t.Helper()
	p := &postOffice{log: &logged{}}
	p.world = worldOver(t, db, k, func(c *service.Config) {
		c.Send, c.Log = p.send, slog.New(slog.NewTextHandler(p.log, nil))
	})
	return p
}

func (p *postOffice) send(_ context.Context, m store.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	if p.fail != nil {
		return p.fail(m)
	}
	return nil
}

func (p *postOffice) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

func letter(to string) store.Message {
	return store.Message{Kind: "test", To: to, Subject: "Hello", Text: "text", HTML: "<p>html</p>"}
}

func (p *postOffice) enqueue(t *testing.T, ms ...store.Message) {
	t.Helper()
	for _, m := range ms {
		if err := p.Enqueue(t.Context(), m, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *postOffice) deliver(t *testing.T, want int) {
	t.Helper()
	n, err := p.Outbox.Deliver(t.Context())
	if err != nil || n != want {
		t.Fatalf("Deliver() = %d, %v, want %d, nil", n, err, want)
	}
}

func (p *postOffice) waiting(t *testing.T, want int) {
	t.Helper()
	n, _, err := p.Outbox.Waiting(t.Context())
	if err != nil || n != want {
		t.Errorf("Waiting() = %d, %v, want %d, nil", n, err, want)
	}
}

func TestOutboxDelivers(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	p.enqueue(t, letter("ada@example.com"))
	p.waiting(t, 1)
	p.deliver(t, 1)
	p.waiting(t, 0)
	p.deliver(t, 0)
	m := p.sent[0]
	if m.ID == "" || m.To != "ada@example.com" || m.Subject != "Hello" || m.Text != "text" || m.HTML != "<p>html</p>" || m.Attempts != 1 {
		t.Errorf("sent %+v", m)
	}
}

// A link in a message is as good as a password, so the database keeps it as neither.
func TestOutboxSealsAtRest(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	m := letter("ada@example.com")
	m.Text, m.HTML = "go to https://app.example/secret-link", "<a>secret-link</a>"
	p.enqueue(t, m)
	kept, err := p.db.ClaimMessages(t.Context(), p.clock.now(), p.clock.now(), 1)
	if err != nil || len(kept) != 1 {
		t.Fatalf("claimed %d, %v", len(kept), err)
	}
	if strings.Contains(kept[0].Text+kept[0].HTML, "secret-link") {
		t.Errorf("the store holds the text: %+v", kept[0])
	}
	p.deliver(t, 1)
	if got := p.sent[0]; got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("sent %+v", got)
	}
}

func TestOutboxFollowsTheTransaction(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	oops := errors.New("oops")
	if err := p.Enqueue(t.Context(), letter("ada@example.com"), oops); !errors.Is(err, oops) {
		t.Fatalf("Enqueue() = %v, want %v", err, oops)
	}
	p.waiting(t, 0)
	p.deliver(t, 0)
}

func TestOutboxRefusesBadMessage(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	if err := p.Enqueue(t.Context(), letter("ada@example.com\r\nBcc: eve@example.com"), nil); err == nil {
		t.Error("a header was injected")
	}
	p.waiting(t, 0)
}

func TestOutboxDeliversManyOnceEach(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	q := postOfficeOver(t, p.db, p.clock)
	const many = 50
	for range many {
		p.enqueue(t, letter("ada@example.com"))
	}
	var both sync.WaitGroup
	for _, o := range []*postOffice{p, q} {
		both.Go(func() {
			if _, err := o.Outbox.Deliver(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	var ids []string
	for _, m := range append(p.sent, q.sent...) {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	if got := len(slices.Compact(ids)); got != many || len(p.sent)+len(q.sent) != many {
		t.Errorf("%d messages left, %d of them different, want %d", len(p.sent)+len(q.sent), got, many)
	}
}

func TestOutboxRetriesThenGivesUp(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	p.fail = func(store.Message) error { return errors.New("mailbox is full") }
	p.enqueue(t, letter("ada@example.com"))
	waits := []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour,
	}
	for i, wait := range waits {
		p.deliver(t, 0)
		p.waiting(t, 1)
		p.clock.advance(wait - time.Microsecond)
		p.deliver(t, 0)
		if p.count() != i+1 {
			t.Fatalf("%d attempts, want %d: attempt %d came too early", p.count(), i+1, i+2)
		}
		p.clock.advance(time.Microsecond)
	}
	p.deliver(t, 0)
	p.waiting(t, 0)
	p.clock.advance(24 * time.Hour)
	p.deliver(t, 0)
	if p.count() != 10 {
		t.Errorf("%d attempts, want 10", p.count())
	}
	p.audited(t, "message.abandoned", p.sent[0].ID)
}

// Where no mail will ever arrive, trying again only makes the sender look like a spammer.
func TestOutboxGivesUpAtOnce(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	p.fail = func(store.Message) error { return fmt.Errorf("550 5.1.1: %w", message.ErrNoReceiver) }
	p.enqueue(t, letter("nobody@example.com"))
	p.deliver(t, 0)
	p.waiting(t, 0)
	p.clock.advance(24 * time.Hour)
	p.deliver(t, 0)
	if p.count() != 1 {
		t.Errorf("%d attempts, want 1", p.count())
	}
	p.audited(t, "message.abandoned", p.sent[0].ID)
}

func (p *postOffice) audited(t *testing.T, action, subject string) {
	t.Helper()
	l, err := p.db.Audit(t.Context(), store.AuditQuery{Action: action, Subject: subject})
	if err != nil || l.Total != 1 {
		t.Errorf("%d audit events %s of %s, %v, want 1", l.Total, action, subject, err)
	}
}

func TestOutboxSurvivesPanic(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	p.fail = func(m store.Message) error {
		if m.To == "eve@example.com" {
			panic("bad address book")
		}
		return nil
	}
	p.enqueue(t, letter("eve@example.com"), letter("ada@example.com"))
	p.deliver(t, 1)
	p.waiting(t, 1)
	if p.log.count("bad address book") != 1 {
		t.Error("the panic is not in the log")
	}
}

func TestAttackOutbox(t *testing.T) {
	t.Parallel()
	t.Run("STO-27 crash after the commit", func(t *testing.T) {
		t.Parallel()
		p := newPostOffice(t)
		p.enqueue(t, letter("ada@example.com"))
		q := postOfficeOver(t, p.db, p.clock) // p is gone
		q.deliver(t, 1)
		p.deliver(t, 0)
	})
	t.Run("STO-27 crash between send and record", func(t *testing.T) {
		t.Parallel()
		p := newPostOffice(t)
		p.enqueue(t, letter("ada@example.com"))
		if _, err := p.db.ClaimMessages(t.Context(), p.clock.now(), p.clock.now().Add(30*time.Second), 1); err != nil {
			t.Fatal(err)
		}
		p.deliver(t, 0) // leased to a process that will not come back
		p.clock.advance(30 * time.Second)
		p.deliver(t, 1)
		if got := p.sent[0].Attempts; got != 2 {
			t.Errorf("attempt %d, want 2: the crashed one counts", got)
		}
	})
	t.Run("STO-27 a message that kills its process is given up", func(t *testing.T) {
		t.Parallel()
		p := newPostOffice(t)
		p.enqueue(t, letter("ada@example.com"))
		var id string
		for range 10 {
			ms, err := p.db.ClaimMessages(t.Context(), p.clock.now(), p.clock.now().Add(30*time.Second), 1)
			if err != nil || len(ms) != 1 {
				t.Fatalf("claimed %d, %v", len(ms), err)
			}
			id = ms[0].ID
			p.clock.advance(30 * time.Second)
		}
		p.deliver(t, 0)
		p.waiting(t, 0)
		p.audited(t, "message.abandoned", id)
		if p.count() != 0 {
			t.Error("it was sent an eleventh time")
		}
	})
}

func TestOutboxRun(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	left := make(chan store.Message)
	p.fail = func(m store.Message) error { left <- m; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Outbox.Run(ctx) }()
	for range 3 {
		p.enqueue(t, letter("ada@example.com"))
		if m := <-left; m.To != "ada@example.com" {
			t.Errorf("sent to %q", m.To)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run() = %v, want %v", err, context.Canceled)
	}
	p.waiting(t, 0)
}

func TestOutboxWarnsOnceWithoutRun(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	p.enqueue(t, letter("ada@example.com"), letter("ada@example.com"))
	if got := p.log.count("call Identity.Run"); got != 1 {
		t.Errorf("warned %d times, want once", got)
	}
}

// A host's Send that never returns must not hold back the messages behind it.
func TestOutboxHungSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		var send message.Sender = func(_ context.Context, m store.Message) error {
			if m.To == "eve@example.com" {
				<-forever
			}
			return nil
		}
		p := newPostOffice(t)
		p.fail = nil
		o := service.NewOutbox(p.Services, send)
		p.enqueue(t, letter("eve@example.com"), letter("ada@example.com"))
		began := time.Now()
		n, err := o.Deliver(t.Context())
		if n != 1 || err != nil {
			t.Errorf("Deliver() = %d, %v, want 1, nil", n, err)
		}
		if took := time.Since(began); took != 11*time.Second {
			t.Errorf("took %s, want 11s", took)
		}
		p.waiting(t, 1)
		close(forever)
		synctest.Wait()
		p.clock.advance(time.Minute)
		if n, err := o.Deliver(t.Context()); n != 1 || err != nil {
			t.Errorf("Deliver() = %d, %v after it came back, want 1, nil", n, err)
		}
	})
}
