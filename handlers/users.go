package handlers

import (
	"context"
	"strings"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type users struct{ svc *service.Services }

func (h users) routes() []route {
	return []route{
		management("POST /identity/resources/vendor-only/users/v1", 201, "Create a user without an invitation", op(h.create)),
		management("GET /identity/resources/vendor-only/users/v1/{userId}", 200, "Read a user regardless of tenant", op(h.readAnywhere)),
		management("POST /identity/resources/vendor-only/users/v1/passwords/verify", 200, "Check an email and a password", op(h.verifyPassword)).limit(middleware.SignIn),
		management("GET /identity/resources/users/v1/{id}", 200, "Read a user in a tenant", op(h.read)),
		management("GET /identity/resources/users/v1/email", 200, "Find a user by email", op(h.byEmail)),
		management("PUT /identity/resources/users/v1/{userId}", 200, "Change a user globally", op(h.change)),
		management("DELETE /identity/resources/users/v1/{userId}", 200, "Remove a user from a tenant, or globally", op(h.delete)),
		management("POST /identity/resources/users/v1/{userId}/verify", 200, "Mark a user verified", op(h.verify)),
		management("POST /identity/resources/users/v1/{userId}/lock", 200, "Lock a user", op(h.lock)),
		management("POST /identity/resources/users/v1/{userId}/unlock", 200, "Unlock a user", op(h.unlock)),
		management("POST /identity/resources/users/v1/{userId}/links/generate-activation-token", 201, "Make an activation link", op(h.activationLink)),
		user("fe.secure.read.users", "GET /identity/resources/users/v3", 200, "Search users", op(h.search)).anyTenant(),
		user("fe.secure.read.users", "GET /identity/resources/users/v1", 200, "List users with their rights", op(h.list)).anyTenant(),
	}
}

// A userPath names a user in the path.
type userPath struct {
	UserID string `path:"userId"`
}

type newUser struct {
	TenantID       string   `json:"tenantId" tenant:"true"`
	Email          string   `json:"email,omitempty"`
	Username       string   `json:"username,omitempty" maxLength:"255"`
	Name           string   `json:"name,omitempty" maxLength:"255"`
	Password       string   `json:"password,omitempty"`
	PhoneNumber    string   `json:"phoneNumber,omitempty"`
	Metadata       string   `json:"metadata,omitempty"`
	VendorMetadata string   `json:"vendorMetadata,omitempty"`
	ExternalID     string   `json:"externalId,omitempty"`
	MFABypass      bool     `json:"mfaBypass,omitempty"`
	RoleIDs        []string `json:"roleIds,omitempty"`
	ExpiresIn      *int     `json:"expirationInSeconds"`
}

func (h users) create(ctx context.Context, by store.Principal, in newUser) (rightful, error) {
	p, err := h.svc.Users.Create(ctx, by, service.NewUser{
		TenantID: in.TenantID, Email: in.Email, Username: in.Username, Name: in.Name, Password: in.Password,
		PhoneNumber: in.PhoneNumber, Metadata: in.Metadata, VendorMetadata: in.VendorMetadata,
		ExternalID: in.ExternalID, MFABypass: in.MFABypass, RoleIDs: in.RoleIDs, Temporary: in.ExpiresIn != nil,
	})
	return profiles(h).whole(p), err
}

func (h users) readAnywhere(ctx context.Context, by store.Principal, in userPath) (rightful, error) {
	by.TenantID = ""
	p, err := h.svc.Users.User(ctx, by, in.UserID)
	return profiles(h).whole(p), err
}

func (h users) read(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
}) (rightful, error) {
	p, err := h.svc.Users.User(ctx, by, in.ID)
	return profiles(h).whole(p), err
}

func (h users) byEmail(ctx context.Context, by store.Principal, in struct {
	Email string `query:"email,required"`
}) (profile, error) {
	p, err := h.svc.Users.ByEmail(ctx, by, in.Email)
	return profiles(h).show(p), err
}

type userChange struct {
	userPath
	profileChange
	VendorMetadata *string `json:"vendorMetadata"`
	ExternalID     *string `json:"externalId"`
	MFABypass      *bool   `json:"mfaBypass"`
}

func (h users) change(ctx context.Context, by store.Principal, in userChange) (rightful, error) {
	p, err := h.svc.Users.Change(ctx, by, in.UserID, service.UserChange{
		ProfileChange: in.profileChange.fields(), VendorMetadata: in.VendorMetadata,
		ExternalID: in.ExternalID, MFABypass: in.MFABypass,
	})
	return profiles(h).whole(p), err
}

func (h users) delete(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Users.Delete(ctx, by, in.UserID)
}

func (h users) verify(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Users.Verify(ctx, by, in.UserID)
}

func (h users) lock(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Users.Lock(ctx, by, in.UserID)
}

func (h users) unlock(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Users.Unlock(ctx, by, in.UserID)
}

type passwordCheck struct {
	Valid bool `json:"valid"`
}

func (h users) verifyPassword(ctx context.Context, by store.Principal, in struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}) (passwordCheck, error) {
	ok, err := h.svc.Passwords.Verify(ctx, by, in.Email, in.Password)
	return passwordCheck{ok}, err
}

func (h users) activationLink(ctx context.Context, by store.Principal, in userPath) (madeLink, error) {
	link, token, err := h.svc.SignUp.Link(ctx, by, in.UserID)
	return madeLink{link, token, in.UserID}, err
}

// A userSearch is the query of the third version of the list.
type userSearch struct {
	page
	SortBy         string   `query:"_sortBy" enum:"createdAt|name|email|id|verified|isLocked|provider|tenantId"`
	IDs            []string `query:"ids"`
	Email          string   `query:"_email"`
	NamePrefix     string   `query:"_namePrefix"`
	Identifier     string   `query:"_identifier"`
	IdentifierType string   `query:"_identifierType" enum:"email|phoneNumber|username"`
	TenantID       string   `query:"_tenantId"`
	ExternalIDs    []string `query:"_externalIds"`
	SubTenants     bool     `query:"_includeSubTenants"`
}

func (h users) search(ctx context.Context, by store.Principal, in userSearch) (listing[profile], error) {
	in.page.SortBy = in.SortBy
	l, err := h.svc.Users.Search(ctx, by, service.UserSearch{
		UserQuery: store.UserQuery{
			Page: in.store(), TenantID: in.TenantID, IDs: in.IDs, Email: in.Email,
			NamePrefix: in.NamePrefix, ExternalIDs: in.ExternalIDs,
		},
		Identifier: in.Identifier, IdentifierKind: identifierKind(in.IdentifierType),
	})
	return list(in.page, l, profiles(h).show), err
}

// identifierKind names the kind as the store does.
func identifierKind(wire string) store.IdentifierKind {
	return store.IdentifierKind(strings.TrimSuffix(wire, "Number"))
}

func (h users) list(ctx context.Context, by store.Principal, in struct {
	page
	Filter     string   `query:"_filter"`
	IDs        []string `query:"ids"`
	SubTenants bool     `query:"_includeSubTenants"`
}) (listing[rightful], error) {
	l, err := h.svc.Users.Search(ctx, by, service.UserSearch{
		UserQuery:   store.UserQuery{Page: in.store(), IDs: in.IDs, Filter: in.Filter},
		Permissions: true,
	})
	return list(in.page, l, profiles(h).whole), err
}
