package handlers

import (
	"context"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// emails change the addresses of accounts.
type emails struct{ svc *service.Services }

func (h emails) routes() []route {
	return []route{
		user("", "POST /identity/resources/users/v1/email/me", 200, "Mail a code to my new address", op(h.ask)).self().anyTenant().limit(middleware.Mail),
		user("", "POST /identity/resources/users/v1/email/me/verify", 200, "Change my address by a code", op(h.confirm)).self().anyTenant().limit(middleware.SignIn),
		management("PUT /identity/resources/users/v1/{userId}/email", 200, "Change a user's address globally", op(h.set)),
	}
}

func (h emails) ask(ctx context.Context, by store.Principal, in struct {
	Email string `json:"email"`
}) (none, error) {
	return none{}, h.svc.Emails.Ask(ctx, by, in.Email)
}

func (h emails) confirm(ctx context.Context, by store.Principal, in struct {
	Code  string `json:"code"`
	Email string `json:"email"`
}) (none, error) {
	return none{}, h.svc.Emails.Confirm(ctx, by, in.Email, in.Code)
}

func (h emails) set(ctx context.Context, by store.Principal, in struct {
	userPath
	Email string `json:"email" format:"email"`
}) (rightful, error) {
	p, err := h.svc.Emails.Set(ctx, by, in.UserID, in.Email)
	return profiles(h).whole(p), err
}
