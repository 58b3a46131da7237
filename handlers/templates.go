package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type templates struct{ svc *service.Services }

func (h templates) routes() []route {
	return []route{
		management("GET /identity/resources/jwt-templates/v1", 200, "List the templates of tokens", op(h.list)),
		management("POST /identity/resources/jwt-templates/v1", 201, "Create a template of tokens", op(h.create)),
		management("GET /identity/resources/jwt-templates/v1/{id}", 200, "Read a template of tokens", op(h.read)),
		management("PUT /identity/resources/jwt-templates/v1/{id}", 200, "Change a template of tokens", op(h.update)),
		management("DELETE /identity/resources/jwt-templates/v1/{id}", 204, "Delete a template of tokens", op(h.delete)),
		management("POST /identity/resources/jwt-templates/v1/preview", 200, "See what the token of a user would be", op(h.preview)).own(),
	}
}

func (h templates) list(ctx context.Context, by store.Principal, in templateSearch) (listing[template], error) {
	q := store.TemplateQuery{Page: in.store(), Keys: in.Keys, IDs: in.IDs}
	q.Sort = in.SortBy
	l, err := h.svc.Templates.List(ctx, by, q)
	return list(in.page, l, h.show), err
}

func (h templates) create(ctx context.Context, by store.Principal, in newTemplate) (template, error) {
	t, err := h.svc.Templates.Create(ctx, by, service.NewTemplate{
		Key: in.Key, Name: in.Name, Description: in.Description, Lifetime: lifetime(in.Expiration),
		Algorithm: in.Algorithm, Claims: string(in.Schema.Claims),
	})
	return h.show(t), err
}

func (h templates) read(ctx context.Context, by store.Principal, in templatePath) (template, error) {
	t, err := h.svc.Templates.Read(ctx, by, in.ID)
	return h.show(t), err
}

func (h templates) update(ctx context.Context, by store.Principal, in templateChange) (template, error) {
	c := service.TemplateChange{Key: in.Key, Name: in.Name, Description: in.Description, Algorithm: in.Algorithm}
	if in.Expiration != nil {
		life := lifetime(*in.Expiration)
		c.Lifetime = &life
	}
	if in.Schema != nil {
		claims := string(in.Schema.Claims)
		c.Claims = &claims
	}
	t, err := h.svc.Templates.Update(ctx, by, in.ID, c)
	return h.show(t), err
}

func (h templates) delete(ctx context.Context, by store.Principal, in templatePath) (none, error) {
	return none{}, h.svc.Templates.Delete(ctx, by, in.ID)
}

func (h templates) preview(ctx context.Context, by store.Principal, in preview) (previewed, error) {
	ask := service.Preview{UserID: in.UserID, TenantID: in.TenantID, TemplateID: in.TemplateID}
	if t := in.Template; t != nil {
		ask.Template = &service.NewTemplate{
			Key: t.Key, Name: t.Name, Lifetime: lifetime(t.Expiration), Algorithm: t.Algorithm, Claims: string(t.Schema.Claims),
		}
	}
	p, err := h.svc.Templates.Preview(ctx, by, ask)
	out := previewed{Claims: json.RawMessage(p.Claims), Unresolved: p.Unresolved, Size: p.Size, MaxSize: p.MaxSize}
	if p.Rule >= 0 {
		out.Rule = &matchedRule{Index: p.Rule, Treatment: p.Treatment}
	}
	return out, err
}

func lifetime(seconds int) time.Duration { return time.Duration(seconds) * time.Second }

// A templateSearch is the query of a list of templates.
type templateSearch struct {
	page
	SortBy string   `query:"_sortBy" enum:"id|key|name|createdAt|updatedAt"`
	Keys   []string `query:"keys" maxItems:"1000"`
	IDs    []string `query:"ids" maxItems:"1000"`
}

type templatePath struct {
	ID string `path:"id"`
}

// claims is a JSON object of the caller's making.
type claims json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (c *claims) UnmarshalJSON(raw []byte) error { return (*json.RawMessage)(c).UnmarshalJSON(raw) }

// MarshalJSON implements json.Marshaler.
func (c claims) MarshalJSON() ([]byte, error) { return json.RawMessage(c).MarshalJSON() }

func (claims) shape() (*shape, error) { return &shape{kind: aDict, items: &shape{}}, nil }

// A templateSchema is what the tokens of a template hold.
type templateSchema struct {
	Claims claims `json:"claims"`
}

type newTemplate struct {
	Key         string         `json:"key" minLength:"1" maxLength:"255"`
	Name        string         `json:"name" minLength:"1" maxLength:"255"`
	Description string         `json:"description,omitempty" maxLength:"4096"`
	Expiration  int            `json:"expiration" min:"10" max:"15552000"`
	Algorithm   string         `json:"algorithm" enum:"RS256|HS256"`
	Schema      templateSchema `json:"templateSchema"`
}

type templateChange struct {
	ID          string          `path:"id"`
	Key         *string         `json:"key" minLength:"1" maxLength:"255"`
	Name        *string         `json:"name" minLength:"1" maxLength:"255"`
	Description *string         `json:"description" maxLength:"4096"`
	Expiration  *int            `json:"expiration" min:"10" max:"15552000"`
	Algorithm   *string         `json:"algorithm" enum:"RS256|HS256"`
	Schema      *templateSchema `json:"templateSchema"`
}

// A template is a template of tokens as the wire shows it.
type template struct {
	ID          string         `json:"id"`
	VendorID    string         `json:"vendorId"`
	Key         string         `json:"key"`
	Name        string         `json:"name"`
	Description *string        `json:"description"`
	Expiration  int            `json:"expiration"`
	Algorithm   string         `json:"algorithm" enum:"RS256|HS256"`
	Schema      templateSchema `json:"templateSchema"`
	CreatedAt   stamp          `json:"createdAt"`
	UpdatedAt   stamp          `json:"updatedAt"`
}

func (h templates) show(t store.Template) template {
	return template{
		ID: t.ID, VendorID: h.svc.Environment, Key: t.Key, Name: t.Name, Description: orNull(t.Description),
		Expiration: int(t.Lifetime / time.Second), Algorithm: t.Algorithm,
		Schema:    templateSchema{Claims: claims(t.Claims)},
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt),
	}
}

// A preview asks for a user's token: by a template there is, by one that is not stored, or
// by that which targeting chooses.
type preview struct {
	UserID     string          `json:"userId" minLength:"1" maxLength:"64"`
	TenantID   string          `json:"tenantId" tenant:"true" minLength:"1" maxLength:"64"`
	TemplateID string          `json:"templateId,omitempty" maxLength:"64"`
	Template   *templateSketch `json:"template"`
}

// A templateSketch is a template that is not stored. Only its claims are needed.
type templateSketch struct {
	Key         string         `json:"key,omitempty" maxLength:"255"`
	Name        string         `json:"name,omitempty" maxLength:"255"`
	Description string         `json:"description,omitempty" maxLength:"4096"`
	Expiration  int            `json:"expiration,omitempty" min:"10" max:"15552000"`
	Algorithm   string         `json:"algorithm,omitempty" enum:"RS256|HS256"`
	Schema      templateSchema `json:"templateSchema"`
}

// A previewed is a token that nobody gets.
type previewed struct {
	Claims     json.RawMessage `json:"claims"`
	Rule       *matchedRule    `json:"matchedRule"` // null where no rule holds
	Unresolved []string        `json:"unresolved"`
	Size       int             `json:"size"`
	MaxSize    int             `json:"maxSize"`
}

// A matchedRule is the first rule of the targeting that holds.
type matchedRule struct {
	Index     int    `json:"index"`
	Treatment string `json:"treatment"`
}
