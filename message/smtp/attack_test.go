package smtp_test

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-identity/identity/message/smtp"
)

func TestAttackServer(t *testing.T) {
	t.Parallel()
	t.Run("no word in clear to a server without TLS", func(t *testing.T) {
		t.Parallel()
		s := serve(t, &server{clear: true, account: "acme:open sesame"})
		c := s.config()
		c.Security, c.Username, c.Password = smtp.StartTLS, "acme", "open sesame"
		if err := newSender(t, c)(t.Context(), letter()); err == nil {
			t.Error("a message left in clear")
		}
		if s.has("AUTH") || s.has("MAIL") {
			t.Errorf("said %q", s.heard)
		}
	})
	t.Run("a server that nobody vouches for", func(t *testing.T) {
		t.Parallel()
		for _, s := range []*server{{}, {implicit: true}} {
			c := serve(t, s).config()
			c.Roots = x509.NewCertPool()
			if err := newSender(t, c)(t.Context(), letter()); err == nil || s.has("MAIL") {
				t.Errorf("Send() = %v, said %q", err, s.heard)
			}
		}
	})
	t.Run("a server of another name", func(t *testing.T) {
		t.Parallel()
		s := serve(t, &server{})
		c := s.config()
		c.Addr = strings.Replace(c.Addr, "127.0.0.1", "localhost", 1)
		if err := newSender(t, c)(t.Context(), letter()); err == nil || s.has("MAIL") {
			t.Errorf("Send() = %v, said %q", err, s.heard)
		}
	})
	t.Run("what an attacker said before TLS does not count after", func(t *testing.T) {
		t.Parallel()
		s := serve(t, &server{answer: func(command string) string {
			if command == "STARTTLS" {
				return "220 go ahead\r\n250-test\r\n250 AUTH LOGIN\r\n250 2.1.0 ok"
			}
			return ""
		}})
		if err := newSender(t, s.config())(t.Context(), letter()); err == nil && s.has("AUTH") {
			t.Errorf("said %q", s.heard)
		}
	})
	t.Run("a password goes through TLS only", func(t *testing.T) {
		t.Parallel()
		s := serve(t, &server{account: "acme:open sesame"})
		c := s.config()
		c.Username, c.Password = "acme", "wrong"
		err := newSender(t, c)(t.Context(), letter())
		if err == nil || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte("\x00acme\x00wrong"))) {
			t.Errorf("Send() = %v, want an error without the password", err)
		}
		tls, auth := 0, 0
		for i, h := range s.heard {
			if h == "STARTTLS" {
				tls = i + 1
			}
			if strings.HasPrefix(h, "AUTH") {
				auth = i + 1
			}
		}
		if tls == 0 || auth < tls {
			t.Errorf("said %q", s.heard)
		}
	})
}

func TestAttackLetter(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{})
	send := newSender(t, s.config())
	t.Run("ML-15 header injection", func(t *testing.T) {
		for _, to := range []string{
			"ada@acme.example\r\nRCPT TO:<eve@evil.example>", "ada@acme.example> ORCPT=eve@evil.example", "eve@evil.example,ada@acme.example",
			"\"x> ORCPT=eve\"@acme.example", "ada@acme.example\r\n.\r\nMAIL FROM:<x@y>", "ada@-acme-.example",
		} {
			m := letter()
			m.To = to
			if err := send(t.Context(), m); err == nil {
				t.Errorf("a message to %q left", to)
			}
		}
		m := letter()
		m.Subject = "Hello\r\nBcc: eve@evil.example"
		if err := send(t.Context(), m); err == nil {
			t.Errorf("a message about %q left", m.Subject)
		}
		if got := s.messages(); len(got) != 0 {
			t.Fatalf("taken: %q", got)
		}
	})
	t.Run("ML-15 an id is no header", func(t *testing.T) {
		m := letter()
		m.ID = "1>\r\nBcc: eve@evil.example\r\nX: <1"
		if err := send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := only(t, s); got.Header.Get("Bcc") != "" || got.Header.Get("X") != "" {
			t.Errorf("headers = %q", got.Header)
		}
	})
	t.Run("ML-15 a text does not end the data", func(t *testing.T) {
		s := serve(t, &server{})
		m := letter()
		m.Text = "Hello\n.\r\nMAIL FROM:<eve@evil.example>\r\n.\n.\r.\r\nbye"
		m.HTML = ""
		if err := newSender(t, s.config())(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		only(t, s)
		if s.has("MAIL FROM:<eve") {
			t.Errorf("said %q", s.heard)
		}
	})
}
