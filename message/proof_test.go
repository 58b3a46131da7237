package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// everyProof renders each of the messages about an address or a credential.
func everyProof(c *message.Composer, to, name string) map[string]func() (store.Message, error) {
	const life = 10 * time.Minute
	at := time.Date(2026, 11, 23, 5, 34, 0, 0, time.UTC)
	return map[string]func() (store.Message, error){
		message.ActivationCodeKind: func() (store.Message, error) {
			return c.ActivationCode(message.ActivationCode{To: to, Name: name, Code: "012345", ValidFor: life})
		},
		message.PasswordResetKind: func() (store.Message, error) {
			return c.PasswordReset(message.PasswordReset{To: to, Name: name, Link: link, ValidFor: life})
		},
		message.EmailCodeKind: func() (store.Message, error) {
			return c.EmailCode(message.EmailCode{To: to, Name: name, Code: "012345", ValidFor: life})
		},
		message.EmailTakenKind: func() (store.Message, error) {
			return c.EmailTaken(message.EmailTaken{To: to, Name: name})
		},
		message.EmailChangedKind: func() (store.Message, error) {
			return c.EmailChanged(message.EmailChanged{To: to, Name: name, At: at})
		},
		message.UnlockKind: func() (store.Message, error) {
			return c.Unlock(message.Unlock{To: to, Name: name, Link: link, ValidFor: time.Hour})
		},
	}
}

// What each message has to hold, in both of its forms.
func TestProofs(t *testing.T) {
	t.Parallel()
	parts := map[string][]string{
		message.ActivationCodeKind: {"012345", "10 minutes", "sign up for Acme"},
		message.PasswordResetKind:  {"10 minutes", "choose a new password"},
		message.EmailCodeKind:      {"012345", "10 minutes", "new e-mail address"},
		message.EmailTakenKind:     {"nothing was changed"},
		message.EmailChangedKind:   {"23 November 2026 at 05:34 UTC", "at once"},
		message.UnlockKind:         {"1 hour", "unlocks by itself"},
	}
	for kind, render := range everyProof(newComposer(t, "Acme"), "ada@example.com", "Ada") {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			m, err := render()
			if err != nil {
				t.Fatal(err)
			}
			if m.Kind != kind || m.To != "ada@example.com" || !strings.Contains(m.Subject, "Acme") {
				t.Errorf("kind %q to %q, subject %q", m.Kind, m.To, m.Subject)
			}
			flat := strings.ToLower(strings.Join(strings.Fields(m.Subject+" "+m.Text), " "))
			html := strings.ToLower(m.HTML)
			for _, p := range append(parts[kind], "hello ada,") {
				contains(t, flat, strings.ToLower(p))
				contains(t, html, strings.ToLower(p))
			}
			linked := kind == message.PasswordResetKind || kind == message.UnlockKind
			if strings.Contains(m.Text, "\n"+link+"\n") != linked || strings.Contains(m.HTML, "href") != linked {
				t.Errorf("a link is to be there %t:\n%s", linked, m.Text)
			}
			for line := range strings.Lines(m.Text) {
				if len(strings.TrimSpace(line)) > 80 && !strings.HasPrefix(line, "https://") {
					t.Errorf("a line of %d bytes: %s", len(line), line)
				}
			}
		})
	}
}

func TestAttackProofs(t *testing.T) {
	t.Parallel()
	c := newComposer(t, "Acme")
	for _, to := range []string{"ada@example.com\r\nBcc: eve@example.com", "ada@example.com,eve@example.com", "-f@example.com"} {
		for kind, render := range everyProof(c, to, "Ada") {
			if m, err := render(); err == nil {
				t.Errorf("ML-15 %s to %q passed: %+v", kind, to, m)
			}
		}
	}
	for _, name := range []string{"<img src=//evil.example>", "{{.Code}}", "x\r\nBcc: y"} {
		for kind, render := range everyProof(c, "ada@example.com", name) {
			m, err := render()
			if err != nil {
				t.Fatal(err)
			}
			all := m.Subject + m.Text + m.HTML
			if strings.Contains(all, "evil") || strings.Contains(all, "{{") || strings.Contains(all, "Bcc") {
				t.Errorf("ML-16 %s carries the name %q:\n%s", kind, name, m.Text)
			}
		}
	}
}
