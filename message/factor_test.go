package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

func TestFactorNotices(t *testing.T) {
	t.Parallel()
	c := newComposer(t, "Acme")
	v := message.FactorNotice{To: "ada@example.com", Name: "Ada", At: time.Date(2026, 11, 23, 5, 34, 0, 0, time.UTC)}
	for _, tt := range []struct {
		kind   string
		render func() (store.Message, error)
		parts  []string
		never  string
	}{
		{message.FactorAddedKind, func() (store.Message, error) { return c.FactorAdded(v) }, []string{"recovery codes", "at once"}, "removed"},
		{message.FactorRemovedKind, func() (store.Message, error) { return c.FactorRemoved(v, true) }, []string{"the password only"}, "Its codes"},
		{message.FactorRemovedKind, func() (store.Message, error) { return c.FactorRemoved(v, false) }, []string{"Its codes no longer"}, "void"},
		{message.FactorGuessedKind, func() (store.Message, error) { return c.FactorGuessed(v) }, []string{"a new password"}, "removed"},
		{message.RecoveryUsedKind, func() (store.Message, error) { return c.RecoveryUsed(v, 9) }, []string{"9 recovery codes left"}, "at sign-in"},
		{message.RecoveryUsedKind, func() (store.Message, error) { return c.RecoveryUsed(v, 1) }, []string{"1 recovery code left"}, "codes left"},
		{message.RecoveryReplacedKind, func() (store.Message, error) { return c.RecoveryReplaced(v) }, []string{"are void"}, "removed"},
	} {
		m, err := tt.render()
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind != tt.kind || m.To != v.To || !strings.Contains(m.Subject, "Acme") {
			t.Errorf("%s: kind %q to %q, subject %q", tt.kind, m.Kind, m.To, m.Subject)
		}
		flat := strings.Join(strings.Fields(m.Text), " ")
		for _, p := range append(tt.parts, "Hello Ada,", "23 November 2026 at 05:34 UTC") {
			if !strings.Contains(flat, p) || !strings.Contains(m.HTML, p) {
				t.Errorf("%s: %q is missing in:\n%s\n%s", tt.kind, p, m.Text, m.HTML)
			}
		}
		if strings.Contains(flat, tt.never) || strings.Contains(m.HTML, tt.never) {
			t.Errorf("%s says %q:\n%s", tt.kind, tt.never, m.Text)
		}
	}
	v.To = "ada@example.com\r\nBcc: all@example.com"
	if _, err := c.FactorAdded(v); err == nil {
		t.Error("an address of two lines is taken")
	}
}
