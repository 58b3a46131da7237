package handlers

import (
	"context"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// resets let people choose a new password who forgot theirs.
type resets struct{ svc *service.Resets }

func (h resets) routes() []route {
	return []route{
		public("POST /identity/resources/users/v1/passwords/reset", 201, "Mail a link that resets a password", flow(h.ask)).limit(middleware.Mail),
		public("POST /identity/resources/users/v2/passwords/reset/email", 200, "Mail a link that resets a password, second version", flow(h.askNamed)).limit(middleware.Mail),
		public("POST /identity/resources/users/v1/passwords/reset/validate", 200, "Check a link that resets a password", op(h.check)).limit(middleware.SignIn),
		public("POST /identity/resources/users/v1/passwords/reset/verify", 201, "Set a new password by a link", op(h.reset)).limit(middleware.SignIn),
		management("POST /identity/resources/users/v1/{userId}/links/generate-password-reset-token", 201, "Make a link that resets a password", op(h.link)),
	}
}

type resetRequest struct {
	Identifier     string         `json:"identifier" minLength:"1" maxLength:"320"`
	IdentifierType string         `json:"identifierType" enum:"email|phoneNumber|username"`
	EmailMetadata  map[string]any `json:"emailMetadata,omitempty"`
}

func (h resets) ask(c *call, in resetRequest) (none, error) {
	by, err := c.inTenant()
	if err != nil {
		return none{}, err
	}
	return none{}, h.svc.Ask(c.Context(), by, service.ResetRequest{Kind: identifierKind(in.IdentifierType), Value: in.Identifier})
}

// A resetSession names a request in the flows that go on with it. Ours go on with the link.
type resetSession struct {
	SessionID string `json:"sessionId"`
}

func (h resets) askNamed(c *call, in resetRequest) (resetSession, error) {
	_, err := h.ask(c, in)
	return resetSession{h.svc.NewRequestID()}, err
}

type resetLink struct {
	UserID string `json:"userId"`
	Token  string `json:"token"`
}

func (h resets) check(ctx context.Context, _ store.Principal, in resetLink) (none, error) {
	return none{}, h.svc.Check(ctx, in.UserID, in.Token)
}

func (h resets) reset(ctx context.Context, by store.Principal, in struct {
	resetLink
	Password string `json:"password"`
}) (none, error) {
	return none{}, h.svc.Reset(ctx, by, service.PasswordChoice{UserID: in.UserID, Token: in.Token, Password: in.Password})
}

// A madeLink is a link for the host to deliver.
type madeLink struct {
	Link   string `json:"link"`
	Token  string `json:"token"`
	UserID string `json:"userId"`
}

func (h resets) link(ctx context.Context, by store.Principal, in userPath) (madeLink, error) {
	link, token, err := h.svc.Link(ctx, by, in.UserID)
	return madeLink{link, token, in.UserID}, err
}
