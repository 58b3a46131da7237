package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// sessions shows a user its sign-ins and ends them.
type sessions struct{ svc *service.Sessions }

func (h sessions) routes() []route {
	return []route{
		user("", "GET /identity/resources/users/sessions/v1/me", 200, "List my sessions", op(h.list)).self().anyTenant(),
		user("", "GET /identity/resources/users/sessions/v1/me/current", 200, "Read my current session", op(h.current)).self().anyTenant(),
		user("", "DELETE /identity/resources/users/sessions/v1/me/all", 200, "End all my sessions", op(h.endAll)).self().anyTenant(),
		user("", "DELETE /identity/resources/users/sessions/v1/me/{id}", 200, "End one of my sessions", op(h.end)).self().anyTenant(),
		user("fe.secure.revoke.sessions", "POST /identity/resources/users/sessions/v1/revoke", 200, "End the sessions of another user", op(h.revoke)),
	}
}

func (h sessions) list(ctx context.Context, by store.Principal, _ none) ([]session, error) {
	all, err := h.svc.List(ctx, by)
	return each(all, func(s store.Session) session { return toSession(s, by) }), err
}

func (h sessions) current(ctx context.Context, by store.Principal, _ none) (session, error) {
	s, err := h.svc.Current(ctx, by)
	return toSession(s, by), err
}

func (h sessions) endAll(ctx context.Context, by store.Principal, _ none) (none, error) {
	return none{}, h.svc.EndAll(ctx, by)
}

func (h sessions) end(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
}) (none, error) {
	return none{}, h.svc.End(ctx, by, in.ID)
}

func (h sessions) revoke(ctx context.Context, by store.Principal, in struct {
	UserID string `json:"userId"`
}) (none, error) {
	return none{}, h.svc.Revoke(ctx, by, in.UserID)
}

type session struct {
	ID           string `json:"id"`
	CreatedAt    stamp  `json:"createdAt"`
	Expires      stamp  `json:"expires"`
	IPAddress    string `json:"ipAddress"`
	UserAgent    string `json:"userAgent"`
	Current      bool   `json:"current"`
	Impersonated bool   `json:"impersonated"`
}

func toSession(s store.Session, by store.Principal) session {
	return session{
		ID: s.ID, CreatedAt: stamp(s.CreatedAt), Expires: stamp(s.ExpiresAt), IPAddress: s.IP, UserAgent: s.UserAgent,
		Current: s.ID == by.SessionID,
	}
}
