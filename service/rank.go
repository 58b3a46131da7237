package service

import (
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// maxLevel is the weakest level a role can have.
const maxLevel = 32767

// fromHost reports whether by speaks for the whole environment.
func fromHost(by store.Principal) bool {
	return by.Kind == store.ManagementKind || by.Kind == store.SystemKind
}

// hostOnly refuses a caller who must not touch what all tenants share.
func hostOnly(by store.Principal) error {
	if !fromHost(by) {
		return fault.New(fault.Forbidden, "", "only the environment itself may do this")
	}
	return nil
}

// outrank refuses a caller whose strongest role is weaker than level: nobody hands out,
// makes or changes a role above their own.
func (b *base) outrank(by store.Principal, level int) error {
	if fromHost(by) {
		return nil
	}
	strongest := maxLevel + 1
	for _, r := range by.Roles {
		strongest = min(strongest, r.Level)
	}
	if strongest < level || strongest == level && !b.strictLevels {
		return nil
	}
	return fault.New(fault.Forbidden, "", "the role is stronger than your own")
}
