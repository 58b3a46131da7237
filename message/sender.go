package message

import (
	"context"
	"errors"
	"log/slog"

	"github.com/go-identity/identity/store"
)

// A Sender hands a message to whatever delivers it. It must be safe for concurrent use and
// return when ctx ends. An error means that the message is sent again later, so a receiver
// may see one twice; ID is the same each time.
type Sender func(ctx context.Context, m store.Message) error

// ErrNoReceiver is what the error of a Sender wraps when no mail will ever reach the
// address, such as a mailbox that does not exist: the message is given up at once.
var ErrNoReceiver = errors.New("the receiver does not exist")

// LogSender returns a Sender that writes messages to the log and sends nothing: enough for
// development, where the link in the text is what is wanted. Do not use it where others
// read the log.
func LogSender(log *slog.Logger) Sender {
	return func(ctx context.Context, m store.Message) error {
		log.InfoContext(ctx, "message caught: set Options.Send to deliver",
			"kind", m.Kind, "to", m.To, "subject", m.Subject, "text", m.Text)
		return nil
	}
}
