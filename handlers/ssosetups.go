package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// ssoSetups are links by which somebody without an account sets a tenant's single sign-on up.
type ssoSetups struct{ svc *service.SSOSetups }

func (h ssoSetups) routes() []route {
	const path = "/team/resources/sso/v1/setup-links"
	return []route{
		user(store.WriteSSO, "POST "+path, 201, "Make a link to set single sign-on up, which ends the one before", op(h.create)).own(),
		user(store.ReadSSO, "GET "+path, 200, "List the links to set single sign-on up", op(h.list)).own(),
		user(store.WriteSSO, "DELETE "+path+"/{id}", 200, "End a link to set single sign-on up, and what it led to", op(h.revoke)).own(),
	}
}

// A setupLink is a link as the wire lists it. The link itself is shown once.
type setupLink struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	CreatedAt stamp  `json:"createdAt"`
	OpenedAt  stamp  `json:"openedAt"`
	ExpiresAt stamp  `json:"expiresAt"`
}

func toSetupLink(s service.SSOSetup) setupLink {
	return setupLink{s.ID, s.Email, stamp(s.CreatedAt), stamp(s.OpenedAt), stamp(s.ExpiresAt)}
}

type newSetupLink struct {
	ID        string `json:"id"`
	Link      string `json:"link"`
	Email     string `json:"email"`
	CreatedAt stamp  `json:"createdAt"`
	ExpiresAt stamp  `json:"expiresAt"`
}

func (h ssoSetups) create(ctx context.Context, by store.Principal, in struct {
	Email string `json:"email,omitempty" maxLength:"1016"`
}) (newSetupLink, error) {
	s, link, err := h.svc.Create(ctx, by, in.Email)
	return newSetupLink{s.ID, link, s.Email, stamp(s.CreatedAt), stamp(s.ExpiresAt)}, err
}

func (h ssoSetups) list(ctx context.Context, by store.Principal, _ none) ([]setupLink, error) {
	all, err := h.svc.List(ctx, by)
	return each(all, toSetupLink), err
}

func (h ssoSetups) revoke(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
}) (none, error) {
	return none{}, h.svc.Revoke(ctx, by, in.ID)
}
