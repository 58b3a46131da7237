package store

import (
	"context"
	"time"
)

// A Permission names one thing that a caller may do, such as "reports.read". Segments
// are separated by dots; a role may hold a key that ends in ".*", or "*" alone, and so
// hold every permission below it.
type Permission string

// PermissionUse says whether customers may put a permission into roles of their own.
type PermissionUse string

// The uses of a permission in the roles that a tenant makes.
const (
	NeverAssigned  PermissionUse = "NEVER"
	Assignable     PermissionUse = "ASSIGNABLE"
	AlwaysAssigned PermissionUse = "ALWAYS"
)

// A PermissionRecord describes a permission. Permissions belong to the environment.
type PermissionRecord struct {
	ID          string
	Key         Permission
	Name        string
	Description string
	CategoryID  string
	Use         PermissionUse
	BuiltIn     bool     // the library's own: not to be changed
	RoleIDs     []string // the roles that hold it, in byte order; filled by reads
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// PermissionStore keeps permissions. Keys are unique, else ErrConflict.
type PermissionStore interface {
	CreatePermission(ctx context.Context, p PermissionRecord) error
	Permission(ctx context.Context, id string) (PermissionRecord, error)
	// Permissions returns all, by key in byte order; with ids, those that exist among them.
	Permissions(ctx context.Context, ids ...string) ([]PermissionRecord, error)
	UpdatePermission(ctx context.Context, p PermissionRecord) error
	// LinkPermission adds the permission to a role. A role that has it already is no error.
	LinkPermission(ctx context.Context, id, tenantID, roleID string) error
	// DeletePermission also removes it from every role.
	DeletePermission(ctx context.Context, id string) error
	// SetPermissionUse changes the use of the permissions; an unknown one is ErrNotFound.
	SetPermissionUse(ctx context.Context, ids []string, u PermissionUse, at time.Time) error
}
