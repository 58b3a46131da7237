package store

import (
	"context"
	"time"
)

// An Assignment gives a role to a user in one tenant. The role is the environment's or
// that tenant's.
type Assignment struct {
	TenantID  string
	UserID    string
	RoleID    string
	CreatedAt time.Time
}

// AssignmentStore keeps assignments.
type AssignmentStore interface {
	// Assign adds the assignment. One that is there already is no error.
	Assign(ctx context.Context, a Assignment) error
	// Unassign removes the assignment. One that is not there is no error.
	Unassign(ctx context.Context, tenantID, userID, roleID string) error
	// Assignments returns those of the users in all their tenants.
	Assignments(ctx context.Context, userIDs ...string) ([]Assignment, error)
	// Assigned returns the ids of the tenant's users that hold the role.
	Assigned(ctx context.Context, tenantID, roleID string) ([]string, error)
	// Rights returns the roles that a user holds in a tenant, strongest first, and the keys
	// of all their permissions, each once, in byte order. Nobody is no error: both are empty.
	Rights(ctx context.Context, tenantID, userID string) ([]Role, []Permission, error)
}
