package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type categories struct{ svc *service.Categories }

func (h categories) routes() []route {
	return []route{
		management("GET /identity/resources/permissions/v1/categories", 200, "List permission categories", op(h.list)),
		management("POST /identity/resources/permissions/v1/categories", 201, "Create a permission category", op(h.create)),
		management("PATCH /identity/resources/permissions/v1/categories/{categoryId}", 200, "Change a permission category", op(h.update)),
		management("DELETE /identity/resources/permissions/v1/categories/{categoryId}", 200, "Delete a permission category", op(h.delete)),
	}
}

func (h categories) list(ctx context.Context, by store.Principal, _ none) ([]category, error) {
	gs, err := h.svc.List(ctx, by)
	return each(gs, toCategory), err
}

func (h categories) create(ctx context.Context, by store.Principal, in newCategory) (category, error) {
	g, err := h.svc.Create(ctx, by, service.NewCategory(in))
	return toCategory(g), err
}

func (h categories) update(ctx context.Context, by store.Principal, in struct {
	ID          string  `path:"categoryId"`
	Name        *string `json:"name" minLength:"1" maxLength:"255"`
	Description *string `json:"description" maxLength:"4096"`
}) (none, error) {
	_, err := h.svc.Update(ctx, by, in.ID, service.CategoryChange{Name: in.Name, Description: in.Description})
	return none{}, err
}

func (h categories) delete(ctx context.Context, by store.Principal, in struct {
	ID string `path:"categoryId"`
}) (none, error) {
	return none{}, h.svc.Delete(ctx, by, in.ID)
}

type newCategory struct {
	ID          string `json:"id,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$"`
	Name        string `json:"name" minLength:"1" maxLength:"255"`
	Description string `json:"description,omitempty" maxLength:"4096"`
}

// A category is a permission category as the wire shows it.
type category struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	CreatedAt   stamp  `json:"createdAt"`
	BuiltIn     bool   `json:"feCategory"`
}

func toCategory(g store.Category) category {
	return category{
		ID: g.ID, Name: g.Name, Description: g.Description,
		CreatedAt: stamp(g.CreatedAt), BuiltIn: g.BuiltIn,
	}
}
