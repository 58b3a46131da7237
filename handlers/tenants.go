package handlers

import (
	"context"
	"encoding/json"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

type tenants struct{ svc *service.Services }

func (h tenants) routes() []route {
	return []route{
		management("GET /tenants/resources/tenants/v1", 200, "List all tenants", op(h.all)),
		management("POST /tenants/resources/tenants/v1", 201, "Create a tenant, or bring a deleted one back", op(h.create)),
		user("fe.account-settings.delete.account", "DELETE /tenants/resources/tenants/v1", 200, "Delete the tenant one acts in", op(h.deleteOwn)),
		management("GET /tenants/resources/tenants/v1/{tenantId}", 200, "Find a tenant", op(h.find)),
		management("PUT /tenants/resources/tenants/v1/{tenantId}", 200, "Change a tenant, the former way", op(h.update)),
		management("DELETE /tenants/resources/tenants/v1/{tenantId}", 200, "Delete a tenant", op(h.delete)),
		management("POST /tenants/resources/tenants/v1/{tenantId}/metadata", 201, "Set metadata of a tenant", op(h.addMetadata)),
		management("DELETE /tenants/resources/tenants/v1/{tenantId}/metadata/{key}", 200, "Remove metadata of a tenant", op(h.deleteMetadata)),
		management("GET /tenants/resources/tenants/v2", 200, "List tenants by page", op(h.list)),
		management("GET /tenants/resources/tenants/v2/alias/{alias}", 200, "Read a tenant by its log-in alias", op(h.byAlias)),
		management("GET /tenants/resources/tenants/v2/{tenantId}", 200, "Read a tenant", op(h.read)),
		management("PUT /tenants/resources/tenants/v2/{tenantId}", 200, "Change a tenant", op(h.update)),
	}
}

func (h tenants) all(ctx context.Context, by store.Principal, _ none) ([]tenant, error) {
	ts, err := h.svc.Tenants.All(ctx, by)
	return each(ts, h.show), err
}

func (h tenants) create(ctx context.Context, by store.Principal, in newTenant) (tenant, error) {
	t, err := h.svc.Tenants.Create(ctx, by, service.NewTenant{
		ID: in.ID, Name: in.Name, Status: in.Status, Website: in.Website, ApplicationURL: in.ApplicationURL,
		Logo: in.Logo, LogoURL: in.LogoURL, Address: in.Address, Timezone: in.Timezone, Currency: in.Currency,
		CreatorName: in.CreatorName, CreatorEmail: in.CreatorEmail, Reseller: in.Reseller, ParentID: in.ParentID,
	})
	return h.show(t), err
}

func (h tenants) deleteOwn(ctx context.Context, by store.Principal, _ none) (none, error) {
	return none{}, h.svc.Tenants.Delete(ctx, by, by.TenantID)
}

func (h tenants) find(ctx context.Context, by store.Principal, in tenantPath) ([]tenant, error) {
	ts, err := h.svc.Tenants.Find(ctx, by, in.ID)
	return each(ts, h.show), err
}

func (h tenants) read(ctx context.Context, by store.Principal, in tenantPath) (tenant, error) {
	t, err := h.svc.Tenants.Read(ctx, by, in.ID)
	return h.show(t), err
}

func (h tenants) byAlias(ctx context.Context, by store.Principal, in struct {
	Alias string `path:"alias"`
}) (tenant, error) {
	t, err := h.svc.Tenants.ByAlias(ctx, by, in.Alias)
	return h.show(t), err
}

func (h tenants) list(ctx context.Context, by store.Principal, in struct {
	page
	Filter string   `query:"_filter" maxLength:"255"`
	IDs    []string `query:"_tenantIds" maxItems:"1000"`
}) (listing[tenant], error) {
	l, err := h.svc.Tenants.List(ctx, by, store.TenantQuery{Page: in.store(), Filter: in.Filter, IDs: in.IDs})
	return list(in.page, l, h.show), err
}

func (h tenants) update(ctx context.Context, by store.Principal, in tenantChange) (none, error) {
	_, err := h.svc.Tenants.Update(ctx, by, in.ID, service.TenantChange{
		Name: in.Name, Alias: in.Alias, Status: in.Status, Website: in.Website, ApplicationURL: in.ApplicationURL,
		Logo: in.Logo, LogoURL: in.LogoURL, Address: in.Address, Timezone: in.Timezone, Currency: in.Currency,
		CreatorName: in.CreatorName, CreatorEmail: in.CreatorEmail, Reseller: in.Reseller, ParentID: in.ParentID,
	})
	return none{}, err
}

func (h tenants) delete(ctx context.Context, by store.Principal, in tenantPath) (none, error) {
	return none{}, h.svc.Tenants.Delete(ctx, by, in.ID)
}

func (h tenants) addMetadata(ctx context.Context, by store.Principal, in struct {
	ID       string       `path:"tenantId" tenant:"true"`
	Metadata textOrObject `json:"metadata"`
}) (tenant, error) {
	t, err := h.svc.Tenants.AddMetadata(ctx, by, in.ID, string(in.Metadata))
	return h.show(t), err
}

func (h tenants) deleteMetadata(ctx context.Context, by store.Principal, in struct {
	ID  string `path:"tenantId" tenant:"true"`
	Key string `path:"key"`
}) (none, error) {
	_, err := h.svc.Tenants.DeleteMetadata(ctx, by, in.ID, in.Key)
	return none{}, err
}

// A textOrObject is the text of a JSON object, given as that object or as a string that
// holds it: programs send either.
type textOrObject string

// UnmarshalJSON implements json.Unmarshaler.
func (m *textOrObject) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		return json.Unmarshal(raw, (*string)(m))
	}
	*m = textOrObject(raw)
	return nil
}

func (textOrObject) shape() (*shape, error) { return &shape{}, nil }

// A tenantPath names a tenant in the path.
type tenantPath struct {
	ID string `path:"tenantId" tenant:"true" pattern:"^[A-Za-z0-9._-]{1,64}$"`
}

type newTenant struct {
	ID             string `json:"tenantId,omitempty" pattern:"^[A-Za-z0-9._-]{1,64}$" tenant:"true"`
	Name           string `json:"name,omitempty" maxLength:"255"`
	Status         string `json:"status,omitempty" maxLength:"255"`
	Website        string `json:"website,omitempty" maxLength:"4095"`
	ApplicationURL string `json:"applicationUrl,omitempty" maxLength:"4095"`
	Logo           string `json:"logo,omitempty" maxLength:"262144"`
	LogoURL        string `json:"logoUrl,omitempty" maxLength:"4095"`
	Address        string `json:"address,omitempty" maxLength:"4096"`
	Timezone       string `json:"timezone,omitempty" maxLength:"255"`
	Currency       string `json:"currency,omitempty" maxLength:"255"`
	CreatorName    string `json:"creatorName,omitempty" maxLength:"255"`
	CreatorEmail   string `json:"creatorEmail,omitempty" maxLength:"255"`
	Reseller       bool   `json:"isReseller,omitempty"`
	ParentID       string `json:"parentTenantId,omitempty"`
}

type tenantChange struct {
	ID             string  `path:"tenantId" tenant:"true"`
	Name           *string `json:"name" maxLength:"255"`
	Alias          *string `json:"alias" maxLength:"64"`
	Status         *string `json:"status" maxLength:"255"`
	Website        *string `json:"website" maxLength:"4095"`
	ApplicationURL *string `json:"applicationUrl" maxLength:"4095"`
	Logo           *string `json:"logo" maxLength:"262144"`
	LogoURL        *string `json:"logoUrl" maxLength:"4095"`
	Address        *string `json:"address" maxLength:"4096"`
	Timezone       *string `json:"timezone" maxLength:"255"`
	Currency       *string `json:"currency" maxLength:"255"`
	CreatorName    *string `json:"creatorName" maxLength:"255"`
	CreatorEmail   *string `json:"creatorEmail" maxLength:"255"`
	Reseller       *bool   `json:"isReseller"`
	ParentID       *string `json:"parentTenantId"` // empty is none
}

// A tenant is a tenant as the wire shows it.
type tenant struct {
	VendorID       string  `json:"vendorId"`
	ID             string  `json:"tenantId"`
	Name           string  `json:"name"`
	Website        string  `json:"website,omitempty"`
	ApplicationURL string  `json:"applicationUrl,omitempty"`
	Logo           string  `json:"logo,omitempty"`
	LogoURL        string  `json:"logoUrl,omitempty"`
	Address        string  `json:"address,omitempty"`
	Timezone       string  `json:"timezone,omitempty"`
	Currency       string  `json:"currency,omitempty"`
	CreatorName    *string `json:"creatorName"`
	CreatorEmail   *string `json:"creatorEmail"`
	Reseller       bool    `json:"isReseller"`
	Metadata       string  `json:"metadata"` // the text of a JSON object
	CreatedAt      stamp   `json:"createdAt"`
	UpdatedAt      stamp   `json:"updatedAt"`
	DeletedAt      *stamp  `json:"deletedAt"` // always null: a deleted tenant is not shown
}

func (h tenants) show(t store.Tenant) tenant {
	return tenant{
		VendorID: h.svc.Environment, ID: t.ID, Name: t.Name,
		Website: t.Website, ApplicationURL: t.ApplicationURL, Logo: t.Logo, LogoURL: t.LogoURL,
		Address: t.Address, Timezone: t.Timezone, Currency: t.Currency,
		CreatorName: orNull(t.CreatorName), CreatorEmail: orNull(t.CreatorEmail),
		Reseller: t.Reseller, Metadata: t.Metadata,
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt),
	}
}

// orNull returns nil for empty text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
