package smtp_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/message/smtp"
	"github.com/go-identity/identity/store"
)

const link = "https://app.example/account/activate?userId=0193a5c2&token=a-rather-long-token-that-does-not-fit-one-line-of-a-mail"

func letter() store.Message {
	return store.Message{
		ID: "0193a5c2-7b1e-7000-8000-000000000001", Kind: "activation", To: "ada@acme.example", Subject: "Willkommen, schöne Welt",
		Text: "Hello Ada,\n\n.\n" + link + "\n", HTML: `<p>Grüße: <a href="` + strings.ReplaceAll(link, "&", "&amp;") + `">go</a></p>`,
		CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}
}

func newSender(t testing.TB, c smtp.Config) message.Sender {
	t.Helper()
	send, err := smtp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return send
}

// only returns the one message that the server took.
func only(t testing.TB, s *server) *mail.Message {
	t.Helper()
	all := s.messages()
	if len(all) != 1 {
		t.Fatalf("%d messages were taken, want 1: %q", len(all), all)
	}
	m, err := mail.ReadMessage(strings.NewReader(all[0]))
	if err != nil {
		t.Fatalf("%v in %q", err, all[0])
	}
	return m
}

// parts returns the bodies of a message by their type, and the types in order.
func parts(t testing.TB, m *mail.Message) (bodies map[string]string, kinds []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type = %q, %v", m.Header.Get("Content-Type"), err)
	}
	bodies = map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return bodies, kinds
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, p.Header.Get("Content-Type"))
		bodies[kinds[len(kinds)-1]] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*server{
		"STARTTLS": {}, "implicit TLS": {implicit: true}, "in clear on loopback": {clear: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve(t, s)
			if err := newSender(t, s.config())(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			m := only(t, s)
			for header, want := range map[string]string{
				"From": `"Acme" <no-reply@acme.example>`, "To": "<ada@acme.example>",
				"Message-Id": "<0193a5c2-7b1e-7000-8000-000000000001@acme.example>",
				"Date":       "Wed, 04 Mar 2026 05:06:07 +0000", "Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "",
			} {
				if got := m.Header.Get(header); got != want {
					t.Errorf("%s = %q, want %q", header, got, want)
				}
			}
			if got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); got != letter().Subject {
				t.Errorf("Subject = %q, %v", got, err)
			}
			bodies, kinds := parts(t, m)
			if want := []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"}; !slices.Equal(kinds, want) {
				t.Fatalf("parts = %q, want %q: the best one comes last", kinds, want)
			}
			if got := bodies[kinds[0]]; got != letter().Text {
				t.Errorf("text = %q, want %q", got, letter().Text)
			}
			if got := bodies[kinds[1]]; got != letter().HTML {
				t.Errorf("HTML = %q, want %q", got, letter().HTML)
			}
		})
	}
}

func TestSendTextOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{})
	m := letter()
	m.HTML = ""
	if err := newSender(t, s.config())(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := only(t, s).Header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type = %q", got)
	}
}

// A receiver tells a second copy by what does not change.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{})
	send := newSender(t, s.config())
	for range 2 {
		if err := send(t.Context(), letter()); err != nil {
			t.Fatal(err)
		}
	}
	all := s.messages()
	heads := make([]string, 0, len(all))
	for _, m := range all {
		head, _, _ := strings.Cut(m, "Content-Type")
		heads = append(heads, head)
	}
	if len(heads) != 2 || heads[0] != heads[1] {
		t.Errorf("two copies differ: %q", heads)
	}
}

func TestSendDomainOfOtherScript(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{})
	m := letter()
	m.To = "ada@bücher.example"
	if err := newSender(t, s.config())(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := only(t, s).Header.Get("To"); got != "<ada@xn--bcher-kva.example>" || !s.has("RCPT TO:<ada@xn--bcher-kva.example>") {
		t.Errorf("To = %q, heard %q", got, s.heard)
	}
}

func TestSendManyAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{account: "acme:open sesame"})
	c := s.config()
	c.Username, c.Password = "acme", "open sesame"
	send := newSender(t, c)
	const many = 16
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if err := send(t.Context(), letter()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := len(s.messages()); got != many {
		t.Errorf("%d messages were taken, want %d", got, many)
	}
}

// once answers the first command that begins with verb, and leaves the rest.
func once(verb, answer string) func(string) string {
	var mu sync.Mutex
	asked := false
	return func(command string) string {
		mu.Lock()
		defer mu.Unlock()
		if asked || !strings.HasPrefix(command, verb) || verb == "" && command != "" {
			return ""
		}
		asked = true
		return answer
	}
}

func TestSendFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, verb, answer string
		nobody             bool
	}{
		{"the server is full", "", "421 4.3.2 come back later", false},
		{"no hello", "EHLO", "drop", false},
		{"no TLS today", "STARTTLS", "454 4.7.0 not available", false},
		{"no mail today", "MAIL", "451 4.3.0 come back later", false},
		{"greylisted", "RCPT", "451 4.7.1 come back later", false},
		{"full mailbox", "RCPT", "452 4.2.2 full", false},
		{"relaying denied", "RCPT", "550 5.7.1 not for you", false},
		{"refused without a reason", "RCPT", "550 no", false},
		{"bad sender", "RCPT", "550 5.1.8 who are you", false},
		{"no such mailbox", "RCPT", "550 5.1.1 nobody of that name", true},
		{"domain without mail", "RCPT", "556 5.1.10 null MX", true},
		{"no data today", "DATA", "451 4.3.0 come back later", false},
		{"hung up in the data", "data", "drop", false},
		{"refused after the data", ".", "451 4.3.0 come back later", false},
		{"spam", ".", "554 5.7.1 spam", false},
		{"no receiver, said too late to tell whose fault", ".", "550 5.1.1 nobody", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &server{answer: once(tt.verb, tt.answer)})
			send := newSender(t, s.config())
			err := send(t.Context(), letter())
			if err == nil || !strings.HasPrefix(err.Error(), "send through "+s.addr) {
				t.Errorf("first = %v, want an error that names the server", err)
			}
			if got := errors.Is(err, message.ErrNoReceiver); got != tt.nobody {
				t.Errorf("ErrNoReceiver = %v (%v), want %v", got, err, tt.nobody)
			}
			if got := len(s.messages()); got != 0 {
				t.Fatalf("%d messages were taken although the Sender failed", got)
			}
			if err := send(t.Context(), letter()); err != nil {
				t.Errorf("second = %v", err)
			}
			only(t, s)
		})
	}
}

// What the server took must not be sent again for the sake of what comes after.
func TestSendTakenIsSent(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"hung up": "drop", "bad goodbye": "500 what", "busy": "421 4.3.2 closing"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, &server{answer: once("QUIT", answer)})
			if err := newSender(t, s.config())(t.Context(), letter()); err != nil {
				t.Errorf("Send() = %v after the message was taken", err)
			}
			only(t, s)
		})
	}
}

func TestSendNoServer(t *testing.T) {
	t.Parallel()
	c := smtp.Config{Addr: "127.0.0.1:1", From: "no-reply@acme.example"}
	if err := newSender(t, c)(t.Context(), letter()); err == nil {
		t.Error("a message left for a server that is not there")
	}
}

// What is lost is the answer, not the message: the next copy has the same Message-ID.
func TestSendAnswerLost(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{answer: once(".", "drop")})
	send := newSender(t, s.config())
	if err := send(t.Context(), letter()); err == nil {
		t.Error("Send() = nil without an answer")
	}
	if err := send(t.Context(), letter()); err != nil {
		t.Error(err)
	}
	ids := map[string]int{}
	for _, text := range s.messages() {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		ids[m.Header.Get("Message-Id")]++
	}
	if len(ids) != 1 || ids["<"+letter().ID+"@acme.example>"] != 2 {
		t.Errorf("copies by Message-ID = %v, want two of one", ids)
	}
}

// A server that stops answering costs its caller no more than the context allows.
func TestSendStops(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"", "EHLO", "MAIL", "DATA", "."} {
		t.Run("at "+verb, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(t, &server{answer: func(command string) string {
				if command == verb || verb != "" && strings.HasPrefix(command, verb) {
					cancel()
					<-t.Context().Done() // says nothing until the test is over
					return "drop"
				}
				return ""
			}})
			if err := newSender(t, s.config())(ctx, letter()); !errors.Is(err, context.Canceled) {
				t.Errorf("Send() = %v, want %v", err, context.Canceled)
			}
		})
	}
}

func TestSendTimeout(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{answer: func(command string) string {
		if strings.HasPrefix(command, "MAIL") {
			<-t.Context().Done()
		}
		return ""
	}})
	c := s.config()
	c.Timeout = 50 * time.Millisecond
	if err := newSender(t, c)(t.Context(), letter()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send() = %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := smtp.Config{Addr: "smtp.example.com:587", From: "Acme <no-reply@acme.example>"}
	for name, change := range map[string]func(*smtp.Config){
		"no address":        func(c *smtp.Config) { c.Addr = "" },
		"no port":           func(c *smtp.Config) { c.Addr = "smtp.example.com" },
		"no host":           func(c *smtp.Config) { c.Addr = ":587" },
		"no sender":         func(c *smtp.Config) { c.From = "" },
		"two senders":       func(c *smtp.Config) { c.From = "a@acme.example, b@acme.example" },
		"a header in it":    func(c *smtp.Config) { c.From = "Acme <a@acme.example>\r\nBcc: eve@evil.example" },
		"bad domain":        func(c *smtp.Config) { c.From = "a@-acme-.example" },
		"clear far away":    func(c *smtp.Config) { c.Security = smtp.Plain },
		"no such security":  func(c *smtp.Config) { c.Security = 7 },
		"password of whom":  func(c *smtp.Config) { c.Password = "secret" },
		"time runs forward": func(c *smtp.Config) { c.Timeout = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			change(&c)
			if _, err := smtp.New(c); err == nil {
				t.Errorf("New(%+v) = nil, want an error", c)
			}
		})
	}
	if _, err := smtp.New(good); err != nil {
		t.Errorf("New(%+v) = %v", good, err)
	}
}
