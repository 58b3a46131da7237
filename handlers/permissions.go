package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type permissions struct{ svc *service.Permissions }

func (h permissions) routes() []route {
	return []route{
		management("GET /identity/resources/permissions/v1", 200, "List permissions", op(h.list)),
		management("POST /identity/resources/permissions/v1", 201, "Create permissions, all or none", op(h.create)),
		management("PATCH /identity/resources/permissions/v1/{permissionId}", 200, "Change a permission", op(h.update)),
		management("DELETE /identity/resources/permissions/v1/{permissionId}", 204, "Delete a permission", op(h.delete)),
		management("PUT /identity/resources/permissions/v1/{permissionId}/roles", 200, "Add a permission to roles", op(h.link)),
		management("PUT /identity/resources/permissions/v1/classification", 200, "Say who may assign permissions", op(h.classify)),
	}
}

func (h permissions) list(ctx context.Context, by store.Principal, _ none) ([]permission, error) {
	ps, err := h.svc.List(ctx, by)
	return each(ps, toPermission), err
}

func (h permissions) create(ctx context.Context, by store.Principal, in struct {
	Permissions []newPermission `body:"all" maxItems:"1000"`
}) ([]permission, error) {
	ps, err := h.svc.Create(ctx, by, each(in.Permissions, toNewPermission))
	return each(ps, toPermission), err
}

func (h permissions) update(ctx context.Context, by store.Principal, in permissionChange) (permission, error) {
	p, err := h.svc.Update(ctx, by, in.ID, service.PermissionChange{
		Key: (*store.Permission)(in.Key), Name: in.Name, Description: in.Description, CategoryID: in.CategoryID,
	})
	return toPermission(p), err
}

func (h permissions) delete(ctx context.Context, by store.Principal, in struct {
	ID string `path:"permissionId"`
}) (none, error) {
	return none{}, h.svc.Delete(ctx, by, in.ID)
}

func (h permissions) link(ctx context.Context, by store.Principal, in struct {
	ID      string   `path:"permissionId"`
	RoleIDs []string `json:"roleIds" maxItems:"1000"`
}) (permission, error) {
	p, err := h.svc.Link(ctx, by, in.ID, in.RoleIDs)
	return toPermission(p), err
}

func (h permissions) classify(ctx context.Context, by store.Principal, in struct {
	PermissionIDs []string `json:"permissionIds" maxItems:"1000"`
	Type          string   `json:"type" enum:"NEVER|ALWAYS|ASSIGNABLE"`
}) (permission, error) {
	p, err := h.svc.Classify(ctx, by, in.PermissionIDs, store.PermissionUse(in.Type))
	return toPermission(p), err
}

type newPermission struct {
	Key            string `json:"key" minLength:"1" maxLength:"255"`
	Name           string `json:"name" minLength:"1" maxLength:"255"`
	Description    string `json:"description,omitempty" maxLength:"4096"`
	CategoryID     string `json:"categoryId,omitempty"`
	AssignmentType string `json:"assignmentType,omitempty" enum:"NEVER|ALWAYS|ASSIGNABLE"`
}

func toNewPermission(n newPermission) service.NewPermission {
	return service.NewPermission{
		Key: store.Permission(n.Key), Name: n.Name, Description: n.Description,
		CategoryID: n.CategoryID, Use: store.PermissionUse(n.AssignmentType),
	}
}

type permissionChange struct {
	ID          string  `path:"permissionId"`
	Key         *string `json:"key" minLength:"1" maxLength:"255"`
	Name        *string `json:"name" minLength:"1" maxLength:"255"`
	Description *string `json:"description" maxLength:"4096"`
	CategoryID  *string `json:"categoryId"` // empty is none
}

// A permission is a permission as the wire shows it. The category of one in none is empty.
type permission struct {
	ID          string   `json:"id"`
	Key         string   `json:"key"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	CreatedAt   stamp    `json:"createdAt"`
	UpdatedAt   stamp    `json:"updatedAt"`
	RoleIDs     []string `json:"roleIds"`
	CategoryID  string   `json:"categoryId"`
	BuiltIn     bool     `json:"fePermission"`
}

func toPermission(p store.PermissionRecord) permission {
	return permission{
		ID: p.ID, Key: string(p.Key), Name: p.Name, Description: p.Description,
		CreatedAt: stamp(p.CreatedAt), UpdatedAt: stamp(p.UpdatedAt),
		RoleIDs: p.RoleIDs, CategoryID: p.CategoryID, BuiltIn: p.BuiltIn,
	}
}
