package main

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/go-identity/identity"
)

const mailboxSize = 500

// A mailbox catches messages instead of sending them. It keeps the newest.
type mailbox struct {
	mu       sync.Mutex
	messages []identity.Message // oldest first
}

// A caught message, as /dev/messages shows it.
type caught struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// catch is the Send of identity.Options.
func (m *mailbox) catch(_ context.Context, msg identity.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages = append(m.messages, msg) // in any order: messages leave side by side
	slices.SortStableFunc(m.messages, func(a, b identity.Message) int { return a.CreatedAt.Compare(b.CreatedAt) })
	if extra := len(m.messages) - mailboxSize; extra > 0 {
		m.messages = slices.Delete(m.messages, 0, extra)
	}
	return nil
}

// list answers with the messages, newest last, to callers on this machine. The host is
// checked too: a name that a stranger points at loopback must not read mail through a
// browser here.
func (m *mailbox) list(w http.ResponseWriter, r *http.Request) {
	if !loopback(r.RemoteAddr) || !loopback(r.Host) {
		http.NotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, m.all())
}

func (m *mailbox) all() []caught {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]caught, 0, len(m.messages))
	for _, msg := range m.messages {
		all = append(all, caught{To: msg.To, Subject: msg.Subject, Text: msg.Text, HTML: msg.HTML})
	}
	return all
}

// loopback reports whether an address, with or without a port, is of this machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
