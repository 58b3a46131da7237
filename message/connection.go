package message

import (
	"time"

	"github.com/go-identity/identity/store"
)

// A ConnectionNotice tells those who look after a tenant's single sign-on that it is not as
// it was: whoever changed it may have given themselves a way in.
type ConnectionNotice struct {
	To      string
	Name    string
	Company string // the tenant's name
	What    string // happened to the connection, such as "was turned off"
	At      time.Time
}

// ConnectionChanged renders the notice.
func (c *Composer) ConnectionChanged(v ConnectionNotice) (store.Message, error) {
	return c.compose(ConnectionChangedKind, v.To, view{
		Name: v.Name, Company: greetable(v.Company), What: v.What, At: moment(v.At),
	})
}
