package handlers

import (
	"context"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// credentials exchanges a management credential for a token.
type credentials struct{ svc *service.Credentials }

func (h credentials) routes() []route {
	return []route{
		public("POST /auth/vendor", 200, "Exchange a client id and secret for a management token", op(h.exchange)).limit(middleware.VendorAuth),
	}
}

type managementToken struct {
	Token     string `json:"token"`
	ExpiresIn int    `json:"expiresIn"`
}

func (h credentials) exchange(ctx context.Context, by store.Principal, in struct {
	ClientID string `json:"clientId"`
	Secret   string `json:"secret"`
}) (managementToken, error) {
	t, life, err := h.svc.Exchange(ctx, by, in.ClientID, in.Secret)
	return managementToken{t, int(life / time.Second)}, err
}
