package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/message"
)

func TestConnectionChanged(t *testing.T) {
	t.Parallel()
	c := newComposer(t, "Acme")
	for company, want := range map[string]string{
		"Globex":                      "connection of Globex with Acme was turned off on 23 November 2026 at 05:34 UTC",
		"":                            "connection of your organization with Acme",
		"win at https://evil.example": "connection of your organization with Acme",
	} {
		m, err := c.ConnectionChanged(message.ConnectionNotice{
			To: "ada@example.com", Name: "Ada", Company: company, What: "was turned off",
			At: time.Date(2026, 11, 23, 5, 34, 0, 0, time.UTC),
		})
		if err != nil {
			t.Fatal(err)
		}
		flat := strings.Join(strings.Fields(m.Text), " ")
		if !strings.Contains(flat, want) || !strings.Contains(m.HTML, want) || !strings.Contains(flat, "Hello Ada,") {
			t.Errorf("%q: %q is missing in:\n%s\n%s", company, want, m.Text, m.HTML)
		}
		if strings.Contains(flat+m.HTML, "evil") {
			t.Errorf("a name of %q gets into the mail", company)
		}
	}
}
