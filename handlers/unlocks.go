package handlers

import (
	"context"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// unlocks end a lockout by the link that was mailed.
type unlocks struct{ svc *service.Unlocks }

func (h unlocks) routes() []route {
	return []route{
		public("POST /identity/resources/users/v3/me/unlock", 200, "Unlock my account by a link", op(h.unlock)).limit(middleware.SignIn),
	}
}

func (h unlocks) unlock(ctx context.Context, by store.Principal, in struct {
	Token string `json:"token"`
}) (none, error) {
	return none{}, h.svc.Unlock(ctx, by, in.Token)
}
