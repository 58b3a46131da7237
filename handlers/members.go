package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type members struct{ svc *service.Services }

func (h members) routes() []route {
	return []route{
		management("POST /identity/resources/users/v1/{userId}/tenant", 201, "Add a user to a tenant", op(h.add)),
		management("PUT /identity/resources/users/v1/{userId}/tenant", 200, "Set the active tenant of a user", op(h.activate)),
		user("fe.secure.read.users", "GET /identity/resources/users/v3/roles", 200, "Read the role ids of users", op(h.roles)).anyTenant(),
		user("fe.secure.write.users", "POST /identity/resources/users/v1/{userId}/roles", 201, "Assign roles to a user", op(h.assign)),
		user("fe.secure.write.users", "DELETE /identity/resources/users/v1/{userId}/roles", 200, "Unassign roles from a user", op(h.unassign)),
		user("fe.secure.write.users", "POST /identity/resources/tenants/users/v1/{userId}/disable", 200, "Disable a user in a tenant", op(h.disable)),
		user("fe.secure.write.users", "POST /identity/resources/tenants/users/v1/{userId}/enable", 200, "Enable a user in a tenant", op(h.enable)),
	}
}

type newMember struct {
	userPath
	TenantID   string `json:"tenantId" tenant:"true"`
	MustExist  bool   `json:"validateTenantExist,omitempty"`
	SkipInvite bool   `json:"skipInviteEmail,omitempty"`
}

func (h members) add(ctx context.Context, by store.Principal, in newMember) (rightful, error) {
	p, err := h.svc.Members.Add(ctx, by, in.UserID, service.TenantChoice{TenantID: in.TenantID, MustExist: in.MustExist})
	return profiles(h).whole(p), err
}

type activeTenant struct {
	userPath
	TenantID  string `json:"tenantId" tenant:"true"`
	MustExist bool   `json:"validateTenantExist,omitempty"`
}

func (h members) activate(ctx context.Context, by store.Principal, in activeTenant) (rightful, error) {
	p, err := h.svc.Members.Activate(ctx, by, in.UserID, service.TenantChoice{TenantID: in.TenantID, MustExist: in.MustExist})
	return profiles(h).whole(p), err
}

func (h members) roles(ctx context.Context, by store.Principal, in struct {
	IDs []string `query:"ids,required" maxItems:"1000"`
}) (map[string][]string, error) {
	return h.svc.Members.Roles(ctx, by, in.IDs)
}

type roleChoice struct {
	userPath
	RoleIDs []string `json:"roleIds" minItems:"1" maxItems:"1000"`
}

// A member is what a user holds in one tenant.
type member struct {
	TenantID string     `json:"tenantId"`
	UserID   string     `json:"userId"`
	Roles    []heldRole `json:"roles"`
}

type heldRole struct {
	ID          string `json:"id"`
	Key         string `json:"key"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Default     bool   `json:"isDefault"`
	Level       int    `json:"level"`
	CreatedAt   stamp  `json:"createdAt"`
}

func toMember(m service.Member) member {
	return member{TenantID: m.TenantID, UserID: m.UserID, Roles: each(m.Roles, toHeldRole)}
}

func toHeldRole(r store.Role) heldRole {
	return heldRole{
		ID: r.ID, Key: r.Key, Name: r.Name, Description: r.Description, Default: r.Default, Level: r.Level,
		CreatedAt: stamp(r.CreatedAt),
	}
}

func (h members) assign(ctx context.Context, by store.Principal, in roleChoice) (member, error) {
	m, err := h.svc.Members.Assign(ctx, by, in.UserID, in.RoleIDs)
	return toMember(m), err
}

func (h members) unassign(ctx context.Context, by store.Principal, in roleChoice) (member, error) {
	m, err := h.svc.Members.Unassign(ctx, by, in.UserID, in.RoleIDs)
	return toMember(m), err
}

func (h members) disable(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Members.Disable(ctx, by, in.UserID)
}

func (h members) enable(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Members.Enable(ctx, by, in.UserID)
}
