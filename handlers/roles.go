package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type roles struct{ svc *service.Services }

func (h roles) routes() []route {
	return []route{
		management("GET /identity/resources/roles/v1", 200, "List the roles that a tenant, or every tenant, may use", op(h.list)),
		management("POST /identity/resources/roles/v1", 201, "Create roles, all or none", op(h.create)),
		management("PATCH /identity/resources/roles/v1/{roleId}", 200, "Change a role", op(h.update)),
		management("DELETE /identity/resources/roles/v1/{roleId}", 204, "Delete a role", op(h.delete)),
		management("PUT /identity/resources/roles/v1/{roleId}/permissions", 200, "Replace the permissions of a role", op(h.setPermissions)),
		management("PUT /identity/resources/roles/v1/{roleId}/tenant", 200, "Move a role to a tenant or to the environment", op(h.move)),
	}
}

func (h roles) list(ctx context.Context, by store.Principal, _ none) ([]role, error) {
	rs, err := h.svc.Roles.List(ctx, by)
	return each(rs, h.show), err
}

func (h roles) create(ctx context.Context, by store.Principal, in struct {
	Roles []newRole `body:"all" maxItems:"1000"`
}) ([]role, error) {
	rs, err := h.svc.Roles.Create(ctx, by, each(in.Roles, toNewRole))
	return each(rs, h.show), err
}

func (h roles) update(ctx context.Context, by store.Principal, in roleChange) (role, error) {
	r, err := h.svc.Roles.Update(ctx, by, in.ID, service.RoleChange{
		Key: in.Key, Name: in.Name, Description: in.Description, Level: in.Level,
		Default: in.Default, FirstUser: in.FirstUser, Migrate: in.Migrate,
	})
	return h.show(r), err
}

func (h roles) delete(ctx context.Context, by store.Principal, in struct {
	ID string `path:"roleId"`
}) (none, error) {
	return none{}, h.svc.Roles.Delete(ctx, by, in.ID)
}

func (h roles) setPermissions(ctx context.Context, by store.Principal, in struct {
	ID            string   `path:"roleId"`
	PermissionIDs []string `json:"permissionIds" maxItems:"1000"`
}) (role, error) {
	r, err := h.svc.Roles.SetPermissions(ctx, by, in.ID, in.PermissionIDs)
	return h.show(r), err
}

func (h roles) move(ctx context.Context, by store.Principal, in struct {
	ID       string      `path:"roleId"`
	TenantID opt[string] `json:"tenantId"` // null is the environment
}) (role, error) {
	r, err := h.svc.Roles.Move(ctx, by, in.ID, in.TenantID.Value)
	return h.show(r), err
}

type newRole struct {
	Key         string `json:"key" minLength:"1" maxLength:"255"`
	Name        string `json:"name" minLength:"1" maxLength:"255"`
	Description string `json:"description,omitempty" maxLength:"4096"`
	Default     bool   `json:"isDefault,omitempty"`
	Migrate     bool   `json:"migrateRole,omitempty"`
	FirstUser   bool   `json:"firstUserRole,omitempty"`
	Level       int    `json:"level" min:"0" max:"32767"`
}

func toNewRole(n newRole) service.NewRole {
	return service.NewRole{
		Key: n.Key, Name: n.Name, Description: n.Description, Level: n.Level,
		Default: n.Default, FirstUser: n.FirstUser, Migrate: n.Migrate,
	}
}

type roleChange struct {
	ID          string  `path:"roleId"`
	Key         *string `json:"key" minLength:"1" maxLength:"255"`
	Name        *string `json:"name" minLength:"1" maxLength:"255"`
	Description *string `json:"description" maxLength:"4096"`
	Default     *bool   `json:"isDefault"`
	Migrate     bool    `json:"migrateRole,omitempty"`
	FirstUser   *bool   `json:"firstUserRole"`
	Level       *int    `json:"level" min:"0" max:"32767"`
}

// A role is a role as the wire shows it. The tenant of an environment role is empty.
type role struct {
	ID          string   `json:"id"`
	VendorID    string   `json:"vendorId"`
	TenantID    string   `json:"tenantId"`
	Key         string   `json:"key"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Default     bool     `json:"isDefault"`
	FirstUser   bool     `json:"firstUserRole"`
	Level       int      `json:"level"`
	CreatedAt   stamp    `json:"createdAt"`
	UpdatedAt   stamp    `json:"updatedAt"`
	Permissions []string `json:"permissions"`
}

func (h roles) show(r store.Role) role {
	return role{
		ID: r.ID, VendorID: h.svc.Environment, TenantID: r.TenantID,
		Key: r.Key, Name: r.Name, Description: r.Description,
		Default: r.Default, FirstUser: r.FirstUser, Level: r.Level,
		CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.UpdatedAt), Permissions: r.Permissions,
	}
}
