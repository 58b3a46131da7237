package store

import (
	"slices"
	"strings"
	"time"
)

// A Kind says on whose behalf a caller speaks.
type Kind string

// The kinds of caller.
const (
	Anyone         Kind = ""           // not signed in
	UserKind       Kind = "user"       // a person, or a token that stands for one
	ManagementKind Kind = "management" // the host's own back end
	SystemKind     Kind = "system"     // the library itself, or the host in process
	SetupKind      Kind = "setup"      // somebody with a link to set a tenant's single sign-on up
)

// What it takes to see and to change how a tenant signs in elsewhere: the built-in
// permissions by the names of the published API.
const (
	ReadSSO  Permission = "fe.secure.read.samlConfiguration"
	WriteSSO Permission = "fe.secure.write.samlConfiguration"
)

// A Principal is a caller whose credential has been checked. Its slices and sets are
// shared and must not be changed.
type Principal struct {
	Kind      Kind
	ID        string // the user, or the management credential
	UserID    string // the user it acts for: its own id, or the one a management credential names
	TenantID  string // the tenant it acts in; empty for a management credential that named none
	SessionID string
	Email     string
	Name      string
	Roles     []RoleRef
	Rights    *PermissionSet // what it may do in TenantID; nil is nothing
	Methods   []string       // how it proved itself (RFC 8176)
	AuthTime  time.Time
	ExpiresAt time.Time // of the credential it came with
	// StepUpUntil is when a second factor that was shown with this credential ceases to be
	// fresh; zero where none was.
	StepUpUntil time.Time
	// OnlyTenantID is the one tenant that its session may ever act in; empty is any of the
	// user's.
	OnlyTenantID string

	IP        string // of the request, as the trusted proxies tell it
	UserAgent string
	Device    string // the device cookie; empty without one
}

// A RoleRef is what a principal carries of a role.
type RoleRef struct {
	ID, TenantID, Key string
	Level             int
}

// MultiFactor is the authentication context (acr) of a token that was made when its user had
// just shown a second factor. It is compared exactly.
const MultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"

// SteppedUp reports whether p is a user who has shown a second factor that is still fresh at
// now, and has proved themselves at most maxAge ago where that is not zero. A time that is
// not known is too long ago, and so is any with a negative maxAge.
func (p Principal) SteppedUp(now time.Time, maxAge time.Duration) bool {
	device := func(m string) bool { return m == "otp" || m == "sms" || m == "hwk" || m == "sso" }
	switch {
	case p.Kind != UserKind || !now.Before(p.StepUpUntil) || maxAge < 0:
		return false
	case !slices.Contains(p.Methods, "mfa") || !slices.ContainsFunc(p.Methods, device):
		return false
	case maxAge == 0:
		return true
	}
	return !p.AuthTime.IsZero() && now.Sub(p.AuthTime) <= maxAge
}

// Can reports whether p holds the permission, exactly or by a wildcard. Management and
// system principals can do everything. Who came by a set-up link can see and change the single
// sign-on of one tenant, and nothing else.
func (p Principal) Can(k Permission) bool {
	switch p.Kind {
	case ManagementKind, SystemKind:
		return true
	case UserKind:
		return p.Rights.Has(k)
	case SetupKind:
		return k == ReadSSO || k == WriteSSO
	}
	return false
}

// HasRole reports whether p holds the environment role with the key. A role that a tenant
// made under a key of its own never counts.
func (p Principal) HasRole(key string) bool {
	return slices.ContainsFunc(p.Roles, func(r RoleRef) bool { return r.TenantID == "" && r.Key == key })
}

// System is the principal of the library itself, and of a host that calls in process.
func System() Principal { return Principal{Kind: SystemKind, ID: "system"} }

// A PermissionSet answers whether it holds a permission without allocating, however many
// it has. It is immutable and shared.
type PermissionSet struct {
	all      bool
	exact    map[Permission]struct{}
	prefixes map[string]struct{} // "a.b." for "a.b.*"
	list     []Permission
}

// NewPermissionSet returns the set of the keys. "*" holds everything; a key ending in
// ".*" holds every key below it; any other asterisk stands for itself only.
func NewPermissionSet(keys []Permission) *PermissionSet {
	s := &PermissionSet{exact: make(map[Permission]struct{}, len(keys)), list: slices.Clone(keys)}
	for _, k := range keys {
		prefix, wild := strings.CutSuffix(string(k), "*")
		switch {
		case k == "*":
			s.all = true
		case wild && strings.HasSuffix(prefix, ".") && !strings.Contains(prefix, "*"):
			if s.prefixes == nil {
				s.prefixes = map[string]struct{}{}
			}
			s.prefixes[prefix] = struct{}{}
		default:
			s.exact[k] = struct{}{}
		}
	}
	return s
}

// Has reports whether the set holds k. An empty key is held by nobody.
func (s *PermissionSet) Has(k Permission) bool {
	if s == nil || k == "" {
		return false
	}
	if s.all {
		return true
	}
	if _, ok := s.exact[k]; ok {
		return true
	}
	if s.prefixes == nil {
		return false
	}
	for i := 0; i < len(k); i++ {
		if k[i] != '.' || i+1 == len(k) {
			continue
		}
		if _, ok := s.prefixes[string(k[:i+1])]; ok {
			return true
		}
	}
	return false
}

// List returns the keys that the set was made of. The caller must not change it.
func (s *PermissionSet) List() []Permission {
	if s == nil {
		return nil
	}
	return s.list
}
