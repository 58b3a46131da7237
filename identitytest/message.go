package identitytest

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-identity/identity"
)

// A mailbox keeps what would have been sent.
type mailbox struct {
	mu  sync.Mutex
	all []identity.Message // oldest first
}

// catch is the Send of Options. Messages leave side by side, so in any order.
func (b *mailbox) catch(_ context.Context, m identity.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, m)
	slices.SortStableFunc(b.all, func(a, b identity.Message) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return nil
}

// Messages returns what was mailed so far, oldest first.
func (w *World) Messages() []identity.Message {
	w.t.Helper()
	if _, err := w.Outbox.Deliver(w.t.Context()); err != nil {
		w.t.Fatalf("deliver messages: %v", err)
	}
	w.mail.mu.Lock()
	defer w.mail.mu.Unlock()
	return slices.Clone(w.mail.all)
}

var link = regexp.MustCompile(`https?://\S+`)

// LastLink returns the link in the newest message to the address that has one, and fails
// the test where there is none. A client of the World follows it.
func (w *World) LastLink(to string) string {
	w.t.Helper()
	all := w.Messages()
	for _, m := range slices.Backward(all) {
		if found := link.FindString(m.Text); found != "" && strings.EqualFold(m.To, to) {
			return found
		}
	}
	w.t.Fatalf("none of the %d messages sent so far is to %s and has a link", len(all), to)
	return ""
}
