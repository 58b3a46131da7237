package store

import (
	"context"
	"time"
)

// A Membership says that a user belongs to a tenant.
type Membership struct {
	TenantID  string
	UserID    string
	Activated bool // the user accepted; false while an invitation is pending
	Disabled  bool // the user may not act in this tenant
	CreatedAt time.Time
	UpdatedAt time.Time
}

// MembershipStore keeps memberships, unique by tenant and user, else ErrConflict.
type MembershipStore interface {
	CreateMembership(ctx context.Context, m Membership) error
	Membership(ctx context.Context, tenantID, userID string) (Membership, error)
	// Memberships returns those of the users, by user id and then creation time.
	Memberships(ctx context.Context, userIDs ...string) ([]Membership, error)
	// Members counts the users of a tenant.
	Members(ctx context.Context, tenantID string) (int, error)
	UpdateMembership(ctx context.Context, m Membership) error
	// DeleteMembership also removes the user's assignments and sessions in the tenant, and the
	// linked identities and provider sessions of its connections.
	DeleteMembership(ctx context.Context, tenantID, userID string) error
}
