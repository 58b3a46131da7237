package handlers

import (
	"context"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// passwords changes passwords and says what they must be.
type passwords struct{ svc *service.Passwords }

func (h passwords) routes() []route {
	return []route{
		user("", "POST /identity/resources/users/v1/passwords/change", 201, "Change my password", op(h.change)).self().anyTenant().limit(middleware.SignIn),
		public("GET /identity/resources/users/v1/passwords/config", 200, "Read what a password must be", op(h.config)),
	}
}

func (h passwords) change(ctx context.Context, by store.Principal, in struct {
	Password    string `json:"password"`
	NewPassword string `json:"newPassword"`
}) (none, error) {
	return none{}, h.svc.Change(ctx, by, in.Password, in.NewPassword)
}

type passwordConfig struct {
	MinLength           int  `json:"minLength"`
	MaxLength           int  `json:"maxLength"`
	AllowPassphrases    bool `json:"allowPassphrases"`
	BlockPwnedPasswords bool `json:"blockPwnedPasswords"`
}

func (h passwords) config(context.Context, store.Principal, struct {
	UserID string `query:"userId"`
}) (passwordConfig, error) {
	r := h.svc.Rules()
	return passwordConfig{
		MinLength: r.MinLength, MaxLength: r.MaxLength, AllowPassphrases: true, BlockPwnedPasswords: r.Breached,
	}, nil
}
