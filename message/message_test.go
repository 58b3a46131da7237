package message_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

const link = "https://app.example.com/account/activate?userId=u1&token=t1"

func newComposer(t *testing.T, brand string) *message.Composer {
	t.Helper()
	c, err := message.New(brand)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func activation(t *testing.T, brand string, v message.Activation) store.Message {
	t.Helper()
	m, err := newComposer(t, brand).Activation(v)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}

func TestActivation(t *testing.T) {
	t.Parallel()
	m := activation(t, "Acme Reports", message.Activation{
		To: "ada@example.com", Name: "Ada Lovelace", Link: link, ValidFor: 24 * time.Hour, SetPassword: true,
	})
	if m.Kind != message.ActivationKind || m.To != "ada@example.com" {
		t.Errorf("kind %q to %q", m.Kind, m.To)
	}
	if got, want := m.Subject, "Confirm your e-mail address for Acme Reports"; got != want {
		t.Errorf("subject = %q, want %q", got, want)
	}
	contains(t, m.Text, "Hello Ada Lovelace,\n\nThis address", "\n"+link+"\n", "for 1 day", "choose a password")
	contains(t, m.HTML, "<!doctype html>", "Hello Ada Lovelace,", "Confirm address",
		`href="https://app.example.com/account/activate?userId=u1&amp;token=t1"`)
}

func TestActivationWithoutPassword(t *testing.T) {
	t.Parallel()
	m := activation(t, "", message.Activation{To: "ada@example.com", Link: link, ValidFor: 90 * time.Minute})
	contains(t, m.Text, "Hello,\n", "sign up for this service.", "for 90 minutes")
	if strings.Contains(m.Text+m.HTML, "password") {
		t.Errorf("asks for a password:\n%s", m.Text)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	c := newComposer(t, "Acme")
	n, err := c.SignUpNotice(message.SignUpNotice{To: "ada@example.com", Link: "http://127.0.0.1:8080/account/login"})
	if err != nil {
		t.Fatal(err)
	}
	contains(t, n.Text, "You have an account\nalready", "http://127.0.0.1:8080/account/login")
	contains(t, n.HTML, "You already have an account with Acme", "Sign in")
	p, err := c.PasswordChanged(message.PasswordChanged{To: "ada@example.com", At: time.Date(2026, 11, 23, 5, 34, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	contains(t, p.Text, "was changed on 23 November 2026 at 05:34 UTC")
	if strings.Contains(p.HTML, "href") {
		t.Error("a notice of a changed password carries a link: that is what phishing looks like")
	}
}

func TestNewRefusesBrand(t *testing.T) {
	t.Parallel()
	for _, brand := range []string{"Acme\r\nBcc: x@example.com", "Acme\x00", strings.Repeat("a", 200), "\xff"} {
		if _, err := message.New(brand); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("New(%q) = %v, want %v", brand, err, fault.Invalid)
		}
	}
}

func TestAttackMessage(t *testing.T) {
	t.Parallel()
	t.Run("ML-15 header injection through the address", func(t *testing.T) {
		t.Parallel()
		c := newComposer(t, "Acme")
		for _, to := range []string{
			"", "ada", "@example.com", "ada@", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\n", "ada@example.com\x00",
			"ada@example.com,eve@example.com", "ada@example.com;eve@example.com", "Ada <ada@example.com>", "ada@x@y",
			"-oQ/tmp@example.com", "ada@example.com\u2028", "a da@example.com", "\xff@example.com",
			strings.Repeat("a", 400) + "@example.com",
		} {
			if m, err := c.Activation(message.Activation{To: to, Link: link}); err == nil {
				t.Errorf("to %q passed: %+v", to, m)
			}
		}
	})
	t.Run("ML-15 header injection through the subject", func(t *testing.T) {
		t.Parallel()
		for _, subject := range []string{"", "a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\x00b", "a\u2029b", strings.Repeat("a", 300)} {
			if err := message.Check(store.Message{To: "ada@example.com", Subject: subject}); err == nil {
				t.Errorf("subject %q passed", subject)
			}
		}
	})
	t.Run("ML-15 a name is never in a header", func(t *testing.T) {
		t.Parallel()
		m := activation(t, "Acme", message.Activation{To: "ada@example.com", Name: "x\r\nBcc: y", Link: link})
		if strings.Contains(m.Subject+m.Text+m.HTML, "Bcc") {
			t.Errorf("the name went through: %q", m.Text)
		}
	})
	t.Run("ML-16 data is neither markup nor template", func(t *testing.T) {
		t.Parallel()
		m := activation(t, `{{.Link}} <b>"Acme"</b>`, message.Activation{
			To: "ada@example.com", Name: "<img src=//evil.example>", Link: `https://app.example.com/?a="><script>`,
		})
		contains(t, m.Subject, "{{.Link}}")
		contains(t, m.HTML, "{{.Link}} &lt;b&gt;&#34;Acme&#34;&lt;/b&gt;")
		for _, bad := range []string{"<img", "<script", "evil.example", "<b>"} {
			if strings.Contains(m.HTML, bad) {
				t.Errorf("HTML holds %q", bad)
			}
		}
	})
	t.Run("ML-16 a name that is an advert is left out", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{
			"You won evil.example", "https://evil.example", "evil.example/x", "{{.Link}}", "Call +1 555 0100", "eve@evil.example",
			strings.Repeat("a", 65), "a b c d e f g h", "\u202eadA", "Ada\tLovelace", "a.b",
		} {
			m := activation(t, "Acme", message.Activation{To: "ada@example.com", Name: name, Link: link})
			contains(t, m.Text, "Hello,\n")
		}
		for _, name := range []string{"Ada", "Dr. Ada King-Noel", "Renée O’Hara", "Иван", "山田 太郎", "J.  R. Smith"} {
			m := activation(t, "Acme", message.Activation{To: "ada@example.com", Name: name, Link: link})
			contains(t, m.Text, "Hello "+name+",")
		}
	})
	t.Run("ML-17 a link that is no web address is refused", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []string{"javascript:alert(1)", "//evil.example", "/account/activate", "https://u:p@evil.example", "data:text/html,x", "https://"} {
			if _, err := newComposer(t, "Acme").Activation(message.Activation{To: "ada@example.com", Link: bad}); err == nil {
				t.Errorf("link %q passed", bad)
			}
		}
	})
}

func TestLogSender(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	send := message.LogSender(slog.New(slog.NewTextHandler(&b, nil)))
	if err := send(t.Context(), store.Message{Kind: "activation", To: "ada@example.com", Text: "go to " + link}); err != nil {
		t.Fatal(err)
	}
	contains(t, b.String(), "kind=activation", "to=ada@example.com", "token=t1")
}

func FuzzCheck(f *testing.F) {
	f.Add("ada@example.com", "Hello")
	f.Add("ada@example.com\r\nBcc: x", "a\nb")
	f.Fuzz(func(t *testing.T, to, subject string) {
		err := message.Check(store.Message{To: to, Subject: subject})
		if err == nil && strings.ContainsAny(to+subject, "\r\n\x00\u2028\u2029") {
			t.Errorf("Check(%q, %q) passed", to, subject)
		}
		var e *fault.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("Check(%q, %q) = %T", to, subject, err)
		}
	})
}
