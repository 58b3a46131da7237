// Package message renders the messages that the library sends, as HTML and as plain text,
// and names how they leave the process.
package message

import (
	"bytes"
	"embed"
	"fmt"
	html "html/template"
	"net/url"
	"strings"
	text "text/template"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// The kinds of message, each the name of its template.
const (
	ActivationKind      = "activation"
	ActivationCodeKind  = "activation-code"
	SignUpNoticeKind    = "sign-up-notice"
	PasswordChangedKind = "password-changed"
	PasswordResetKind   = "password-reset"
	EmailCodeKind       = "email-code"
	EmailTakenKind      = "email-taken"
	EmailChangedKind    = "email-changed"
	UnlockKind          = "unlock"

	FactorAddedKind      = "factor-added"
	FactorRemovedKind    = "factor-removed"
	FactorGuessedKind    = "factor-guessed"
	RecoveryUsedKind     = "recovery-used"
	RecoveryReplacedKind = "recovery-replaced"

	ConnectionChangedKind   = "connection-changed"
	CertificateExpiringKind = "certificate-expiring"
	SetupLinkKind           = "setup-link"
)

//go:embed templates
var templates embed.FS

// A Composer renders messages in the name of one brand. It is immutable, and safe for
// concurrent use.
type Composer struct {
	brand string
	text  *text.Template
	html  *html.Template
}

// New returns a Composer that speaks for brand, the name people know the host by. An empty
// brand is spoken of as "this service". A brand that cannot stand in a subject is an error.
func New(brand string) (*Composer, error) {
	if !oneLine(brand) || len(brand) > maxSubject/2 {
		return nil, fault.New(fault.Invalid, "brand", "must be one short line of text")
	}
	t, err := text.ParseFS(templates, "templates/*.txt")
	if err != nil {
		return nil, fmt.Errorf("parse text templates: %w", err)
	}
	h, err := html.ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse HTML templates: %w", err)
	}
	return &Composer{brand: brand, text: t, html: h}, nil
}

// An Activation asks the owner of an address to confirm it.
type Activation struct {
	To          string
	Name        string        // of the user, as whoever signed up gave it
	Link        string        // to the page that confirms
	ValidFor    time.Duration // how long the link works
	SetPassword bool          // the page asks for a password
}

// Activation renders the message that a new account's address gets.
func (c *Composer) Activation(v Activation) (store.Message, error) {
	return c.compose(ActivationKind, v.To, view{
		Name: v.Name, Link: v.Link, Action: "Confirm address",
		ValidFor: span(v.ValidFor), SetPassword: v.SetPassword,
	})
}

// A SignUpNotice tells the owner of an account that someone tried to sign up with its
// address. It goes out in place of an answer that would tell the other side so.
type SignUpNotice struct {
	To   string
	Name string // of the account's owner
	Link string // to the log-in page
}

// SignUpNotice renders the message that the owner of a known address gets.
func (c *Composer) SignUpNotice(v SignUpNotice) (store.Message, error) {
	return c.compose(SignUpNoticeKind, v.To, view{Name: v.Name, Link: v.Link, Action: "Sign in"})
}

// A PasswordChanged tells a user that their password is another one now.
type PasswordChanged struct {
	To   string
	Name string
	At   time.Time
}

// PasswordChanged renders the notice of a changed password.
func (c *Composer) PasswordChanged(v PasswordChanged) (store.Message, error) {
	return c.compose(PasswordChangedKind, v.To, view{Name: v.Name, At: moment(v.At)})
}

// view is what the templates see. Values are data: nothing in them is read as a template.
type view struct {
	Brand       string // never empty
	Subject     string
	Name        string // fit for a greeting, or empty
	Link        string
	Action      string // what following the link does
	Code        string // to type in
	ValidFor    string
	At          string
	SetPassword bool
	Last        bool   // the device that was removed was the last
	Left        string // how many recovery codes are
	Company     string // fit to stand in a sentence, or empty
	What        string // happened
}

func (c *Composer) compose(kind, to string, v view) (store.Message, error) {
	if err := check(to, v.Link); err != nil {
		return store.Message{}, err
	}
	v.Brand, v.Name = c.brand, greetable(v.Name)
	if v.Brand == "" {
		v.Brand = "this service"
	}
	m := store.Message{Kind: kind, To: to}
	var err error
	if m.Subject, err = c.plain(kind+".subject", v); err != nil {
		return store.Message{}, err
	}
	v.Subject = m.Subject
	if m.Text, err = c.plain(kind+".txt", v); err != nil {
		return store.Message{}, err
	}
	var b bytes.Buffer
	if err := c.html.ExecuteTemplate(&b, kind+".html", v); err != nil {
		return store.Message{}, fmt.Errorf("render %s as HTML: %w", kind, err)
	}
	m.HTML = b.String()
	return m, Check(m)
}

func (c *Composer) plain(name string, v view) (string, error) {
	var b strings.Builder
	if err := c.text.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}

// check refuses what no message may be made of.
func check(to, link string) error {
	var c fault.Checker
	c.Check(addressable(to), "to", "must be one e-mail address")
	c.Check(link == "" || linkable(link), "link", "must be an http or https URL")
	return c.Err()
}

func linkable(link string) bool {
	u, err := url.Parse(link)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// span says a duration the way people do: "24 hours".
func span(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / u.size); n > 0 && d%u.size == 0 {
			return count(n, u.name)
		}
	}
	return count(max(1, int(d/time.Minute)), "minute")
}

// moment says a time the way people do, without a zone that they would have to guess.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
