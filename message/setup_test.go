package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/message"
)

func TestSetupLink(t *testing.T) {
	t.Parallel()
	c := newComposer(t, "Acme")
	v := message.SetupLink{To: "it@globex.example", Company: "Globex", Link: "https://app.example/x?token=t", ValidFor: 7 * 24 * time.Hour}
	m, err := c.SetupLink(v)
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(m.Text), " ")
	for _, want := range []string{"with Acme for Globex:", v.Link, "for 7 days"} {
		if !strings.Contains(flat, want) || !strings.Contains(m.HTML, want) {
			t.Errorf("%q is missing in:\n%s\n%s", want, m.Text, m.HTML)
		}
	}
	v.Company = "a prize at https://evil.example"
	if m, err = c.SetupLink(v); err != nil || strings.Contains(m.Text+m.HTML+m.Subject, "evil") {
		t.Errorf("a company's name gets into the mail: %v\n%s", err, m.Text)
	}
	v.Link = "javascript:alert(1)"
	if _, err := c.SetupLink(v); err == nil {
		t.Error("a link that is none is taken")
	}
}

func TestCertificateExpiring(t *testing.T) {
	t.Parallel()
	m, err := newComposer(t, "Acme").CertificateExpiring(message.CertificateNotice{
		To: "ada@example.com", Name: "Ada", Company: "Globex", EndsAt: time.Date(2026, 11, 23, 5, 34, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(m.Text), " ")
	for _, want := range []string{"Hello Ada,", "of Globex ends on 23 November 2026 at 05:34 UTC"} {
		if !strings.Contains(flat, want) || !strings.Contains(m.HTML, want) {
			t.Errorf("%q is missing in:\n%s\n%s", want, m.Text, m.HTML)
		}
	}
}
