package smtp

import (
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/go-identity/identity/store"
)

// letter makes the mail of a message: the text, and beside it the HTML. Nothing in it
// depends on when or how often it is sent.
func (s *sender) letter(m store.Message) (*gomail.Msg, error) {
	to, err := wire(m.To)
	if err != nil {
		return nil, err
	}
	l := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	l.FromMailAddress(s.from)
	l.ToMailAddress(&mail.Address{Address: to})
	l.Subject(m.Subject)
	if m.ID != "" {
		l.SetMessageIDWithValue(m.ID + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):])
	}
	if !m.CreatedAt.IsZero() {
		l.SetDateWithValue(m.CreatedAt)
	}
	l.SetGenHeader("Auto-Submitted", "auto-generated") // no "out of office" in return (RFC 3834 §5)
	l.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		l.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return l, nil
}

// wire returns an address with its domain as every server understands it.
func wire(address string) (string, error) {
	at := strings.LastIndexByte(address, '@') + 1
	domain, err := idna.Lookup.ToASCII(address[at:])
	return address[:at] + domain, err
}
