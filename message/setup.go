package message

import (
	"time"

	"github.com/go-identity/identity/store"
)

// A SetupLink asks somebody, who may have no account, to connect a company's identity
// provider.
type SetupLink struct {
	To       string
	Company  string // the tenant's name
	Link     string // to the page that begins the set-up
	ValidFor time.Duration
}

// SetupLink renders the message that the person gets who runs the identity provider.
func (c *Composer) SetupLink(v SetupLink) (store.Message, error) {
	return c.compose(SetupLinkKind, v.To, view{
		Company: greetable(v.Company), Link: v.Link, Action: "Set up single sign-on", ValidFor: span(v.ValidFor),
	})
}

// A CertificateNotice tells those who look after a tenant's single sign-on that a certificate
// of its identity provider ends soon.
type CertificateNotice struct {
	To      string
	Name    string
	Company string // the tenant's name
	EndsAt  time.Time
}

// CertificateExpiring renders the notice.
func (c *Composer) CertificateExpiring(v CertificateNotice) (store.Message, error) {
	return c.compose(CertificateExpiringKind, v.To, view{Name: v.Name, Company: greetable(v.Company), At: moment(v.EndsAt)})
}
