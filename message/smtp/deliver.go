package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/go-identity/identity/message"
)

// deliver hands l to the server over a connection of its own. It returns nil as soon as
// the server has taken l, and an error only if it has not.
func (s *sender) deliver(ctx context.Context, l *gomail.Msg) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The client minds the context while it dials and never after.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	err = s.converse(ctx, conn, l)
	switch {
	case l.IsDelivered():
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// dial connects. A name may lead anywhere, so that the peer must be this machine where the
// connection stays in clear.
func (s *sender) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.config.Addr)
	if err != nil {
		return nil, err
	}
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if s.config.Security == Plain && !(ok && peer.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("%v is not loopback", conn.RemoteAddr()), conn.Close())
	}
	return conn, nil
}

// converse speaks with the server. What it returns after l was delivered is of no account.
func (s *sender) converse(ctx context.Context, conn net.Conn, l *gomail.Msg) error {
	c, err := gomail.NewClient(s.host, s.options(conn)...)
	if err != nil {
		return err
	}
	session, err := c.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	if err := c.SendWithSMTPClient(session, l); err != nil {
		return judged(err)
	}
	return session.Quit()
}

// options are those of a client for one message over conn.
func (s *sender) options(conn net.Conn) []gomail.Option {
	policy := gomail.TLSMandatory
	if s.config.Security != StartTLS {
		policy = gomail.NoTLS
	}
	if s.config.Security == ImplicitTLS {
		conn = tls.Client(conn, s.tls())
	}
	all := []gomail.Option{
		gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tls()),
		gomail.WithTimeout(s.timeout + time.Second), // the context comes first
		gomail.WithoutNoop(), gomail.WithoutRset(),  // the connection is new, and for one message
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
	}
	if s.config.Username == "" {
		return all
	}
	return append(all, gomail.WithUsername(s.config.Username), gomail.WithPassword(s.config.Password),
		gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
}

// nobody are the codes for an address that no mail will ever reach: unknown, malformed,
// moved, of a domain that takes none (RFC 3463 §3.2, RFC 7505 §4.2). Any other refusal may
// be about us, and ends once somebody repairs it.
var nobody = []string{"5.1.1", "5.1.3", "5.1.6", "5.1.10"}

// judged marks what the server said no to for good.
func judged(err error) error {
	var e *gomail.SendError
	if errors.As(err, &e) && e.Reason == gomail.ErrSMTPRcptTo && slices.Contains(nobody, e.EnhancedStatusCode()) {
		return fmt.Errorf("%w: %w", message.ErrNoReceiver, err)
	}
	return err
}
