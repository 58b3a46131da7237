package store

import (
	"context"
	"time"
)

// A GroupMapping gives roles to the members of a group at the provider of a connection.
type GroupMapping struct {
	TenantID     string
	ID           string
	ConnectionID string
	Group        string   // as the provider sends it, compared byte for byte
	RoleIDs      []string // in byte order
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// GroupMappingStore keeps group mappings. A mapping is reachable only through its own
// tenant: any other tenantID is ErrNotFound. A group is unique within a connection, else
// ErrConflict.
type GroupMappingStore interface {
	// CreateGroupMapping adds a mapping. A connection that the tenant does not have is
	// ErrNotFound.
	CreateGroupMapping(ctx context.Context, g GroupMapping) error
	GroupMapping(ctx context.Context, tenantID, id string) (GroupMapping, error)
	// GroupMappings returns those of all connections of the tenant, oldest first.
	GroupMappings(ctx context.Context, tenantID string) ([]GroupMapping, error)
	// UpdateGroupMapping changes Group, RoleIDs and UpdatedAt.
	UpdateGroupMapping(ctx context.Context, g GroupMapping) error
	DeleteGroupMapping(ctx context.Context, tenantID, id string) error
}
