package message

import (
	"time"

	"github.com/go-identity/identity/store"
)

// A FactorNotice tells a user that something about the second factor of the account is not
// as it was.
type FactorNotice struct {
	To   string
	Name string
	At   time.Time
}

func (v FactorNotice) view() view { return view{Name: v.Name, At: moment(v.At)} }

// FactorAdded renders the notice of a new device.
func (c *Composer) FactorAdded(v FactorNotice) (store.Message, error) {
	return c.compose(FactorAddedKind, v.To, v.view())
}

// FactorRemoved renders the notice of a device that was removed. The last one leaves the
// password alone to protect the account.
func (c *Composer) FactorRemoved(v FactorNotice, last bool) (store.Message, error) {
	w := v.view()
	w.Last = last
	return c.compose(FactorRemovedKind, v.To, w)
}

// FactorGuessed renders the notice of too many wrong codes: somebody has the password.
func (c *Composer) FactorGuessed(v FactorNotice) (store.Message, error) {
	return c.compose(FactorGuessedKind, v.To, v.view())
}

// RecoveryUsed renders the notice of a sign-in by a recovery code, of which so many are left.
func (c *Composer) RecoveryUsed(v FactorNotice, left int) (store.Message, error) {
	w := v.view()
	w.Left = count(left, "recovery code")
	return c.compose(RecoveryUsedKind, v.To, w)
}

// RecoveryReplaced renders the notice of new recovery codes.
func (c *Composer) RecoveryReplaced(v FactorNotice) (store.Message, error) {
	return c.compose(RecoveryReplacedKind, v.To, v.view())
}
