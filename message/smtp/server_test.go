package smtp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/message/smtp"
)

// A server is an SMTP server that behaves as the test says.
type server struct {
	addr  string
	roots *x509.CertPool

	cert     tls.Certificate
	implicit bool   // speaks TLS from the first byte on
	clear    bool   // does not offer STARTTLS
	account  string // "user:password" that must sign in; empty for none
	// answer replaces an answer: to a command ("MAIL FROM:<…>"), to the connection (""), to a
	// line of data ("data") and to its end ("."). An empty answer leaves it as it is, "drop"
	// hangs up; at the end of the data only after the message was taken.
	answer func(command string) string

	mu       sync.Mutex
	heard    []string // commands
	taken    []string // messages, as they came
	sessions sync.WaitGroup
}

// serve starts a server that ends with the test.
func serve(t testing.TB, s *server) *server {
	t.Helper()
	s.cert, s.roots = certificate(t)
	var l net.Listener
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if s.implicit {
		l = tls.NewListener(l, s.tls())
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.sessions.Go(func() { s.talk(c) })
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		s.sessions.Wait() // a sender that leaves its connection open hangs here
	})
	return s
}

// certificate returns one for 127.0.0.1, and the pool that trusts it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (s *server) tls() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{s.cert}} }

// A session is one connection to the server.
type session struct {
	*server
	conn   net.Conn
	in     *bufio.Reader
	secure bool
}

func (s *server) talk(c net.Conn) {
	p := &session{server: s, conn: c, in: bufio.NewReader(c), secure: s.implicit}
	defer func() { _ = p.conn.Close() }()
	for on := p.say("", "220 test ESMTP") != ""; on; {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return
		}
		on = p.obey(strings.TrimSuffix(line, "\r\n"))
	}
}

// reply is the answer to a command.
func (s *server) reply(command, usual string) string {
	if s.answer != nil {
		if other := s.answer(command); other != "" {
			return other
		}
	}
	return usual
}

// say answers a command. It returns what it said, nothing where the session is over.
func (p *session) say(command, usual string) string { return p.tell(p.reply(command, usual)) }

func (p *session) tell(text string) string {
	if text == "drop" {
		return ""
	}
	if _, err := p.conn.Write([]byte(text + "\r\n")); err != nil {
		return ""
	}
	return text
}

// obey does as it is told and reports whether the session goes on.
func (p *session) obey(command string) bool {
	p.mu.Lock()
	p.heard = append(p.heard, command)
	p.mu.Unlock()
	verb, rest, _ := strings.Cut(command, " ")
	switch verb {
	case "EHLO":
		return p.say(command, p.greeting()) != ""
	case "STARTTLS":
		said := p.say(command, "220 go ahead")
		return strings.HasPrefix(said, "220") && p.encrypt()
	case "AUTH":
		return p.say(command, p.signIn(rest)) != ""
	case "MAIL":
		if p.account != "" && !p.has("AUTH") {
			return p.say(command, "530 5.7.0 sign in first") != ""
		}
	case "DATA":
		said := p.say(command, "354 go ahead")
		return said != "" && (said[0] != '3' || p.take())
	case "QUIT":
		p.say(command, "221 bye")
		return false
	}
	return p.say(command, "250 2.0.0 ok") != ""
}

func (p *session) greeting() string {
	lines := []string{"test", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if !p.clear && !p.secure {
		lines = append(lines, "STARTTLS")
	}
	if p.account != "" {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	last := len(lines) - 1
	return "250-" + strings.Join(lines[:last], "\r\n250-") + "\r\n250 " + lines[last]
}

func (p *session) encrypt() bool {
	c := tls.Server(p.conn, p.tls())
	if c.HandshakeContext(context.Background()) != nil {
		return false
	}
	p.conn, p.in, p.secure = c, bufio.NewReader(c), true
	return true
}

func (p *session) signIn(rest string) string {
	user, password, _ := strings.Cut(p.account, ":")
	if rest == "PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)) {
		return "235 2.7.0 welcome"
	}
	return "535 5.7.8 wrong user or password"
}

// take reads a message to its end and keeps it, unless the answer to the end is a refusal.
func (p *session) take() bool {
	var b strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		if err != nil || p.reply("data", "") == "drop" {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	text := p.reply(".", "250 2.0.0 taken")
	if text[0] == '2' || text == "drop" {
		p.mu.Lock()
		p.taken = append(p.taken, b.String())
		p.mu.Unlock()
	}
	return p.tell(text) != ""
}

// has reports whether a command was heard.
func (s *server) has(verb string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.heard {
		if strings.HasPrefix(c, verb) {
			return true
		}
	}
	return false
}

// messages returns what was taken so far.
func (s *server) messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.taken...)
}

// config is that of a sender which trusts the server.
func (s *server) config() smtp.Config {
	c := smtp.Config{Addr: s.addr, From: "Acme <no-reply@acme.example>", Roots: s.roots}
	if s.implicit {
		c.Security = smtp.ImplicitTLS
	}
	if s.clear {
		c.Security = smtp.Plain
	}
	return c
}
