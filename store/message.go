package store

import (
	"context"
	"time"
)

// A Message is an e-mail (later a text message) that waits in the outbox or was caught.
type Message struct {
	ID        string
	Kind      string // the template it came from: "activation", "sign-up-notice"
	To        string
	Subject   string
	Text      string
	HTML      string
	Attempts  int
	CreatedAt time.Time
	NextAt    time.Time // not before
	SentAt    time.Time // zero until delivered
	DeadAt    time.Time // zero until given up
}

// MessageStore is the outbox: written in the transaction of what it tells, delivered at
// least once.
type MessageStore interface {
	EnqueueMessage(ctx context.Context, m Message) error
	// ClaimMessages takes up to limit messages that are due at now, the longest due first,
	// and hides them from other claims until the lease ends; each is taken by one caller. It
	// counts the attempt. The messages come back in creation order.
	ClaimMessages(ctx context.Context, now, lease time.Time, limit int) ([]Message, error)
	// FinishMessage records a delivery.
	FinishMessage(ctx context.Context, id string, at time.Time) error
	// RetryMessage schedules the next attempt, or gives up where dead is not zero.
	RetryMessage(ctx context.Context, id string, next, dead time.Time) error
	// WaitingMessages counts messages that are neither sent nor dead, and tells since when
	// the oldest waits.
	WaitingMessages(ctx context.Context) (n int, oldest time.Time, err error)
	// SweepMessages removes messages that were sent or given up before.
	SweepMessages(ctx context.Context, before time.Time) (int, error)
}
