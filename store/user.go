package store

import (
	"context"
	"time"
)

// A User is a person, or an account that stands for one, of this environment. A user
// belongs to tenants through memberships and is found through identifiers.
type User struct {
	ID             string
	Email          string // the primary address as it was given; its Identifier holds the look-up form
	Verified       bool   // the primary address was proved
	Name           string
	PictureURL     string
	PhoneNumber    string
	Metadata       string // a JSON object; may appear in tokens
	VendorMetadata string // a JSON object for the host alone; never in a token
	ExternalID     string
	Provider       string // where the user came from: "local", later "saml", "google", …
	Locked         bool   // refused everywhere until unlocked
	MFABypass      bool
	Invisible      bool
	ActiveTenantID string // the tenant of the next session
	LastLogin      time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// A UserQuery chooses users. Zero fields choose all. Text is compared in folded form
// (see [Fold]), in sorting too. IDs and ExternalIDs may hold MaxLimit each, else ErrInvalid,
// as is a sort or a cursor that is not of this listing. Sort takes createdAt, name, email,
// id, verified, isLocked, provider.
type UserQuery struct {
	Page
	TenantID    string   // members of this tenant only
	IDs         []string // these only
	Email       string   // this address exactly
	EmailPrefix string
	NamePrefix  string
	Filter      string // a prefix of the name or of the address
	ExternalIDs []string
}

// UserStore keeps users. DeleteUser removes with the user all that is the user's:
// identifiers, credentials, factors, recovery codes, remembered devices, memberships,
// assignments, sessions, challenges, linked identities and provider sessions.
type UserStore interface {
	CreateUser(ctx context.Context, u User) error
	User(ctx context.Context, id string) (User, error)
	Users(ctx context.Context, q UserQuery) (Listing[User], error)
	UpdateUser(ctx context.Context, u User) error
	DeleteUser(ctx context.Context, id string) error
	// RecordLogin sets LastLogin and ActiveTenantID and nothing else.
	RecordLogin(ctx context.Context, id, tenantID string, at time.Time) error
	// CountUsers returns how many users there are.
	CountUsers(ctx context.Context) (int, error)
}
