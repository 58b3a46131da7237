package storetest

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

// CreateUser implements store.UserStore.
func (f faulty) CreateUser(ctx context.Context, u store.User) error {
	return f.do(func() error { return f.Records.CreateUser(ctx, u) })
}

// User implements store.UserStore.
func (f faulty) User(ctx context.Context, id string) (store.User, error) {
	return get(f, func() (store.User, error) { return f.Records.User(ctx, id) })
}

// Users implements store.UserStore.
func (f faulty) Users(ctx context.Context, q store.UserQuery) (store.Listing[store.User], error) {
	return get(f, func() (store.Listing[store.User], error) { return f.Records.Users(ctx, q) })
}

// UpdateUser implements store.UserStore.
func (f faulty) UpdateUser(ctx context.Context, u store.User) error {
	return f.do(func() error { return f.Records.UpdateUser(ctx, u) })
}

// DeleteUser implements store.UserStore.
func (f faulty) DeleteUser(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeleteUser(ctx, id) })
}

// RecordLogin implements store.UserStore.
func (f faulty) RecordLogin(ctx context.Context, id, tenantID string, at time.Time) error {
	return f.do(func() error { return f.Records.RecordLogin(ctx, id, tenantID, at) })
}

// CountUsers implements store.UserStore.
func (f faulty) CountUsers(ctx context.Context) (int, error) {
	return get(f, func() (int, error) { return f.Records.CountUsers(ctx) })
}

// CreateIdentifier implements store.IdentifierStore.
func (f faulty) CreateIdentifier(ctx context.Context, i store.Identifier) error {
	return f.do(func() error { return f.Records.CreateIdentifier(ctx, i) })
}

// Identifier implements store.IdentifierStore.
func (f faulty) Identifier(ctx context.Context, scope string, kind store.IdentifierKind, value string) (store.Identifier, error) {
	return get(f, func() (store.Identifier, error) { return f.Records.Identifier(ctx, scope, kind, value) })
}

// Identifiers implements store.IdentifierStore.
func (f faulty) Identifiers(ctx context.Context, userID string) ([]store.Identifier, error) {
	return get(f, func() ([]store.Identifier, error) { return f.Records.Identifiers(ctx, userID) })
}

// VerifyIdentifier implements store.IdentifierStore.
func (f faulty) VerifyIdentifier(ctx context.Context, userID string, i store.Identifier, at time.Time) error {
	return f.do(func() error { return f.Records.VerifyIdentifier(ctx, userID, i, at) })
}

// DeleteIdentifier implements store.IdentifierStore.
func (f faulty) DeleteIdentifier(ctx context.Context, userID string, i store.Identifier) error {
	return f.do(func() error { return f.Records.DeleteIdentifier(ctx, userID, i) })
}

// PutCredential implements store.CredentialStore.
func (f faulty) PutCredential(ctx context.Context, c store.Credential) error {
	return f.do(func() error { return f.Records.PutCredential(ctx, c) })
}

// Credential implements store.CredentialStore.
func (f faulty) Credential(ctx context.Context, userID string, kind store.CredentialKind) (store.Credential, error) {
	return get(f, func() (store.Credential, error) { return f.Records.Credential(ctx, userID, kind) })
}

// ReplaceCredential implements store.CredentialStore.
func (f faulty) ReplaceCredential(ctx context.Context, old string, c store.Credential) error {
	return f.do(func() error { return f.Records.ReplaceCredential(ctx, old, c) })
}

// DeleteCredential implements store.CredentialStore.
func (f faulty) DeleteCredential(ctx context.Context, userID string, kind store.CredentialKind) error {
	return f.do(func() error { return f.Records.DeleteCredential(ctx, userID, kind) })
}

// Attempt implements store.AttemptStore.
func (f faulty) Attempt(ctx context.Context, subject string, now time.Time, l store.AttemptLimit) (store.Attempt, error) {
	return get(f, func() (store.Attempt, error) { return f.Records.Attempt(ctx, subject, now, l) })
}

// ClearAttempts implements store.AttemptStore.
func (f faulty) ClearAttempts(ctx context.Context, subject string) error {
	return f.do(func() error { return f.Records.ClearAttempts(ctx, subject) })
}

// SweepAttempts implements store.AttemptStore.
func (f faulty) SweepAttempts(ctx context.Context, startedBefore, now time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepAttempts(ctx, startedBefore, now) })
}

// CreateTenant implements store.TenantStore.
func (f faulty) CreateTenant(ctx context.Context, t store.Tenant) error {
	return f.do(func() error { return f.Records.CreateTenant(ctx, t) })
}

// Tenant implements store.TenantStore.
func (f faulty) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return get(f, func() (store.Tenant, error) { return f.Records.Tenant(ctx, id) })
}

// TenantByAlias implements store.TenantStore.
func (f faulty) TenantByAlias(ctx context.Context, alias string) (store.Tenant, error) {
	return get(f, func() (store.Tenant, error) { return f.Records.TenantByAlias(ctx, alias) })
}

// Tenants implements store.TenantStore.
func (f faulty) Tenants(ctx context.Context, q store.TenantQuery) (store.Listing[store.Tenant], error) {
	return get(f, func() (store.Listing[store.Tenant], error) { return f.Records.Tenants(ctx, q) })
}

// UpdateTenant implements store.TenantStore.
func (f faulty) UpdateTenant(ctx context.Context, t store.Tenant) error {
	return f.do(func() error { return f.Records.UpdateTenant(ctx, t) })
}

// DeleteTenant implements store.TenantStore.
func (f faulty) DeleteTenant(ctx context.Context, id string, at time.Time) error {
	return f.do(func() error { return f.Records.DeleteTenant(ctx, id, at) })
}

// CreateMembership implements store.MembershipStore.
func (f faulty) CreateMembership(ctx context.Context, m store.Membership) error {
	return f.do(func() error { return f.Records.CreateMembership(ctx, m) })
}

// Membership implements store.MembershipStore.
func (f faulty) Membership(ctx context.Context, tenantID, userID string) (store.Membership, error) {
	return get(f, func() (store.Membership, error) { return f.Records.Membership(ctx, tenantID, userID) })
}

// Memberships implements store.MembershipStore.
func (f faulty) Memberships(ctx context.Context, userIDs ...string) ([]store.Membership, error) {
	return get(f, func() ([]store.Membership, error) { return f.Records.Memberships(ctx, userIDs...) })
}

// Members implements store.MembershipStore.
func (f faulty) Members(ctx context.Context, tenantID string) (int, error) {
	return get(f, func() (int, error) { return f.Records.Members(ctx, tenantID) })
}

// UpdateMembership implements store.MembershipStore.
func (f faulty) UpdateMembership(ctx context.Context, m store.Membership) error {
	return f.do(func() error { return f.Records.UpdateMembership(ctx, m) })
}

// DeleteMembership implements store.MembershipStore.
func (f faulty) DeleteMembership(ctx context.Context, tenantID, userID string) error {
	return f.do(func() error { return f.Records.DeleteMembership(ctx, tenantID, userID) })
}

// CreateRole implements store.RoleStore.
func (f faulty) CreateRole(ctx context.Context, r store.Role) error {
	return f.do(func() error { return f.Records.CreateRole(ctx, r) })
}

// Role implements store.RoleStore.
func (f faulty) Role(ctx context.Context, tenantID, id string) (store.Role, error) {
	return get(f, func() (store.Role, error) { return f.Records.Role(ctx, tenantID, id) })
}

// Roles implements store.RoleStore.
func (f faulty) Roles(ctx context.Context, tenantIDs ...string) ([]store.Role, error) {
	return get(f, func() ([]store.Role, error) { return f.Records.Roles(ctx, tenantIDs...) })
}

// UpdateRole implements store.RoleStore.
func (f faulty) UpdateRole(ctx context.Context, r store.Role) error {
	return f.do(func() error { return f.Records.UpdateRole(ctx, r) })
}

// SetRolePermissions implements store.RoleStore.
func (f faulty) SetRolePermissions(ctx context.Context, tenantID, id string, permissionIDs []string) error {
	return f.do(func() error { return f.Records.SetRolePermissions(ctx, tenantID, id, permissionIDs) })
}

// MoveRole implements store.RoleStore.
func (f faulty) MoveRole(ctx context.Context, tenantID, id, toTenantID string) error {
	return f.do(func() error { return f.Records.MoveRole(ctx, tenantID, id, toTenantID) })
}

// DeleteRole implements store.RoleStore.
func (f faulty) DeleteRole(ctx context.Context, tenantID, id string) error {
	return f.do(func() error { return f.Records.DeleteRole(ctx, tenantID, id) })
}

// RolesByKey implements store.RoleIndex.
func (f faulty) RolesByKey(ctx context.Context, keys ...string) ([]store.Role, error) {
	return get(f, func() ([]store.Role, error) { return f.Records.RolesByKey(ctx, keys...) })
}

// RolesByID implements store.RoleIndex.
func (f faulty) RolesByID(ctx context.Context, ids ...string) ([]store.Role, error) {
	return get(f, func() ([]store.Role, error) { return f.Records.RolesByID(ctx, ids...) })
}

// CreatePermission implements store.PermissionStore.
func (f faulty) CreatePermission(ctx context.Context, p store.PermissionRecord) error {
	return f.do(func() error { return f.Records.CreatePermission(ctx, p) })
}

// Permission implements store.PermissionStore.
func (f faulty) Permission(ctx context.Context, id string) (store.PermissionRecord, error) {
	return get(f, func() (store.PermissionRecord, error) { return f.Records.Permission(ctx, id) })
}

// Permissions implements store.PermissionStore.
func (f faulty) Permissions(ctx context.Context, ids ...string) ([]store.PermissionRecord, error) {
	return get(f, func() ([]store.PermissionRecord, error) { return f.Records.Permissions(ctx, ids...) })
}

// UpdatePermission implements store.PermissionStore.
func (f faulty) UpdatePermission(ctx context.Context, p store.PermissionRecord) error {
	return f.do(func() error { return f.Records.UpdatePermission(ctx, p) })
}

// LinkPermission implements store.PermissionStore.
func (f faulty) LinkPermission(ctx context.Context, id, tenantID, roleID string) error {
	return f.do(func() error { return f.Records.LinkPermission(ctx, id, tenantID, roleID) })
}

// DeletePermission implements store.PermissionStore.
func (f faulty) DeletePermission(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeletePermission(ctx, id) })
}

// SetPermissionUse implements store.PermissionStore.
func (f faulty) SetPermissionUse(ctx context.Context, ids []string, u store.PermissionUse, at time.Time) error {
	return f.do(func() error { return f.Records.SetPermissionUse(ctx, ids, u, at) })
}

// CreateCategory implements store.CategoryStore.
func (f faulty) CreateCategory(ctx context.Context, c store.Category) error {
	return f.do(func() error { return f.Records.CreateCategory(ctx, c) })
}

// Category implements store.CategoryStore.
func (f faulty) Category(ctx context.Context, id string) (store.Category, error) {
	return get(f, func() (store.Category, error) { return f.Records.Category(ctx, id) })
}

// Categories implements store.CategoryStore.
func (f faulty) Categories(ctx context.Context) ([]store.Category, error) {
	return get(f, func() ([]store.Category, error) { return f.Records.Categories(ctx) })
}

// UpdateCategory implements store.CategoryStore.
func (f faulty) UpdateCategory(ctx context.Context, c store.Category) error {
	return f.do(func() error { return f.Records.UpdateCategory(ctx, c) })
}

// DeleteCategory implements store.CategoryStore.
func (f faulty) DeleteCategory(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeleteCategory(ctx, id) })
}
