package store

import (
	"context"
	"time"
)

// A Role names a set of permissions: of the whole environment, where TenantID is empty,
// or of one tenant.
type Role struct {
	ID          string
	TenantID    string
	Key         string
	Name        string
	Description string
	Level       int      // 0 is the strongest
	Default     bool     // given to every member added without roles
	FirstUser   bool     // given to the first user of a new tenant
	Permissions []string // permission ids, in byte order
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RoleStore keeps roles. A role is reachable only through its own tenant: any other
// tenantID is ErrNotFound; the environment's tenantID is empty. Keys are unique within a
// tenant, else ErrConflict; that a tenant does not take an environment key is a rule.
type RoleStore interface {
	// CreateRole stores the role and its permissions. An unknown permission is ErrNotFound.
	CreateRole(ctx context.Context, r Role) error
	Role(ctx context.Context, tenantID, id string) (Role, error)
	// Roles returns the roles of every tenant named, by level, then key in byte order.
	Roles(ctx context.Context, tenantIDs ...string) ([]Role, error)
	// UpdateRole changes all but ID, TenantID, Permissions and CreatedAt.
	UpdateRole(ctx context.Context, r Role) error
	// SetRolePermissions replaces the set. An unknown permission is ErrNotFound.
	SetRolePermissions(ctx context.Context, tenantID, id string, permissionIDs []string) error
	// MoveRole gives the role to another tenant. Assignments elsewhere are removed.
	MoveRole(ctx context.Context, tenantID, id, toTenantID string) error
	// DeleteRole also removes the role's assignments.
	DeleteRole(ctx context.Context, tenantID, id string) error
}

// RoleIndex finds roles across tenants, by id in byte order. It is for rules that concern
// the whole environment: what it returns must not reach a caller of one tenant.
type RoleIndex interface {
	// RolesByKey returns the roles of any tenant that have one of the keys.
	RolesByKey(ctx context.Context, keys ...string) ([]Role, error)
	// RolesByID returns the roles of any tenant that have one of the ids.
	RolesByID(ctx context.Context, ids ...string) ([]Role, error)
}
