// Package smtp sends messages through an SMTP server. A host that delivers its mail some
// other way does not link it.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// A Security says how the way to the server is protected.
type Security int

const (
	// StartTLS begins in clear and goes on encrypted, or not at all (RFC 3207).
	StartTLS Security = iota
	// ImplicitTLS is encrypted from the first byte on (RFC 8314), as on port 465.
	ImplicitTLS
	// Plain is never encrypted. It is for a server on loopback only.
	Plain
)

// A Config says through which server messages leave, and as whose.
type Config struct {
	// Addr is the host and port of the server, such as "smtp.example.com:587". Empty is an
	// error.
	Addr string
	// From is whom messages come from, such as "Acme <no-reply@acme.example>". Its domain
	// ends the Message-ID. Empty is an error.
	From string
	// Username and Password are the account at the server; they are never sent in clear to
	// another machine. Empty means that the server wants none.
	Username, Password string
	// Security of the connection. Zero means StartTLS.
	Security Security
	// Roots are the authorities that may vouch for the server. Nil means the system's.
	Roots *x509.CertPool
	// Timeout bounds one message, beside the context that it comes with. Zero means 10
	// seconds.
	Timeout time.Duration
}

const defaultTimeout = 10 * time.Second

// New returns a Sender for Options.Send, or an error that says what is wrong with c. It
// does not connect: each message gets a connection of its own.
//
// A message keeps its Message-ID and its date however often it is sent, so that a receiver
// recognizes a second copy. Once the server has taken a message nothing makes the Sender
// fail, so that no second copy is sent for the sake of a lost goodbye.
func New(c Config) (message.Sender, error) {
	s := &sender{config: c, timeout: c.Timeout}
	if c.Timeout == 0 {
		s.timeout = defaultTimeout
	}
	host, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if s.from, err = parse(c.From); err != nil {
		return nil, fmt.Errorf("smtp: sender %q: %w", c.From, err)
	}
	s.host = host
	return s.send, nil
}

// check returns the host of the server.
func (c Config) check() (host string, err error) {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil || host == "" || port == "" {
		return "", fmt.Errorf("address %q must be a host and a port, such as smtp.example.com:587", c.Addr)
	}
	if c.Timeout < 0 {
		return "", errors.New("the timeout must not be negative")
	}
	if c.Password != "" && c.Username == "" {
		return "", errors.New("a password needs a username")
	}
	switch c.Security {
	case StartTLS, ImplicitTLS:
		return host, nil
	case Plain:
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return host, nil
		}
		return "", fmt.Errorf("address %q is not loopback: mail for others must not leave this machine in clear", c.Addr)
	}
	return "", fmt.Errorf("security %d is none of the three", c.Security)
}

// parse reads the address that messages come from.
func parse(from string) (*mail.Address, error) {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return nil, err
	}
	a.Address, err = wire(a.Address)
	return a, err
}

// A sender is a Config that was checked.
type sender struct {
	config  Config
	host    string
	from    *mail.Address
	timeout time.Duration
}

// send is the message.Sender.
func (s *sender) send(ctx context.Context, m store.Message) error {
	if err := message.Check(m); err != nil {
		return err
	}
	l, err := s.letter(m)
	if err != nil {
		return fmt.Errorf("write message %s: %w", m.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.deliver(ctx, l); err != nil {
		return fmt.Errorf("send through %s: %w", s.config.Addr, err)
	}
	return nil
}

func (s *sender) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.config.Roots, MinVersion: tls.VersionTLS12}
}
