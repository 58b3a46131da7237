package handlers

import (
	"context"
	"reflect"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// connections are a tenant's ways in through providers of its own.
type connections struct{ svc *service.Services }

const (
	connectionsPath = "/team/resources/sso/v1/configurations"
	connectionsNew  = "/team/resources/sso/v2/configurations"
)

func (h connections) routes() []route {
	const (
		path = connectionsPath
		one  = path + "/{configurationId}"
	)
	return []route{
		user(store.WriteSSO, "POST "+path, 201, "Create an SSO connection", op(h.create)),
		user(store.ReadSSO, "GET "+path, 200, "List the SSO connections of a tenant", op(h.list)),
		user(store.ReadSSO, "GET "+one, 200, "Read an SSO connection", op(h.read)).own(),
		user(store.WriteSSO, "PATCH "+one, 200, "Change an SSO connection", op(h.update)),
		user(store.WriteSSO, "DELETE "+one, 200, "Delete an SSO connection", op(h.delete)),
		user(store.WriteSSO, "POST "+path+"/metadata", 201, "Create an SSO connection from its provider's metadata", op(h.take)),
		user(store.WriteSSO, "PUT "+one+"/metadata", 200, "Replace what is known of a provider by its metadata", op(h.retake)),
		user(store.WriteSSO, "POST "+path+"/metadata-url", 201, "Create an SSO connection from the address of metadata", op(h.fetch)),
		user(store.WriteSSO, "PUT "+one+"/metadata-url", 200, "Replace what is known of a provider from the address of metadata", op(h.refetch)),
		user(store.WriteSSO, "PUT "+one+"/roles", 201, "Set the roles of everybody who comes through a connection", op(h.setRoles)),
		user(store.ReadSSO, "GET "+one+"/roles", 200, "List the roles of everybody who comes through a connection", op(h.roles)),
		user(store.WriteSSO, "POST "+one+"/groups", 201, "Map a group of the provider to roles", op(h.addGroup)),
		user(store.ReadSSO, "GET "+one+"/groups", 200, "List the groups that are mapped to roles", op(h.groups)),
		user(store.WriteSSO, "PATCH "+one+"/groups/{groupId}", 200, "Change a mapping of a group", op(h.updateGroup)),
		user(store.WriteSSO, "DELETE "+one+"/groups/{groupId}", 200, "Delete a mapping of a group", op(h.deleteGroup)),
		management("POST "+connectionsNew, 201, "Create an SSO connection of the tenant in the body", op(h.createFor)),
		management("PATCH "+connectionsNew+"/{configurationId}", 200, "Change an SSO connection of the tenant in the body", op(h.updateFor)),
	}
}

// management are the rows for the host's back end.
func (h connections) management() []route {
	return []route{
		user(store.ReadSSO, "GET /team/resources/sso/v1/saml/configurations/sp-metadata", 200,
			"Download what a tenant's SAML provider needs to know", file(samlMetadata, h.metadata)),
		management("POST /team/resources/sso/v1/oidc/configurations", 201, "Switch OpenID Connect connections on or off", op(h.setOIDC)),
	}
}

// oidc is the row that tells everybody how OpenID Connect is switched.
func (h connections) oidc() []route {
	return []route{
		user(store.ReadSSO, "GET /team/resources/sso/v1/oidc/configurations", 201,
			"Read whether OpenID Connect connections work, and where answers come to", op(h.readOIDC)).anyTenant(),
	}
}

// file makes an operation whose answer is a document rather than JSON.
func file[In any](
	media string, fn func(ctx context.Context, by store.Principal, in In) (reply, error),
) operation {
	o := op(fn)
	o.out, o.media = reflect.TypeFor[reply](), media
	return o
}

// A connectionRef names a connection.
type connectionRef struct {
	ConfigurationID string `path:"configurationId"`
}

func (h connections) list(ctx context.Context, by store.Principal, _ none) ([]connection, error) {
	all, err := h.svc.Connections.List(ctx, by)
	return each(all, toConnection), err
}

func (h connections) read(ctx context.Context, by store.Principal, in connectionRef) (connection, error) {
	c, err := h.svc.Connections.Read(ctx, by, in.ConfigurationID)
	return toConnection(c), err
}

func (h connections) create(ctx context.Context, by store.Principal, in connectionFields) (connection, error) {
	n, err := in.creation()
	if err != nil {
		return connection{}, err
	}
	c, err := h.svc.Connections.Create(ctx, by, n)
	return toConnection(c), err
}

func (h connections) update(ctx context.Context, by store.Principal, in struct {
	connectionRef
	connectionFields
}) (connection, error) {
	change, err := in.change()
	if err != nil {
		return connection{}, err
	}
	c, err := h.svc.Connections.Update(ctx, by, in.ConfigurationID, change)
	return toConnection(c), err
}

func (h connections) delete(ctx context.Context, by store.Principal, in connectionRef) (none, error) {
	return none{}, h.svc.Connections.Delete(ctx, by, in.ConfigurationID)
}

// forTenant names the tenant in the body.
type forTenant struct {
	TenantID string `json:"tenantId" minLength:"1" maxLength:"64" tenant:"true"`
	connectionFields
	SkipEmailDomainValidation *bool `json:"skipEmailDomainValidation"`
}

func (h connections) createFor(ctx context.Context, by store.Principal, in forTenant) (connection, error) {
	n, err := in.creation()
	if err != nil {
		return connection{}, err
	}
	put(&n.Settings.AnyDomain, in.SkipEmailDomainValidation)
	c, err := h.svc.Connections.Create(ctx, by, n)
	return toConnection(c), err
}

func (h connections) updateFor(ctx context.Context, by store.Principal, in struct {
	connectionRef
	forTenant
}) (connection, error) {
	change, err := in.change()
	if err != nil {
		return connection{}, err
	}
	fields := change.Settings
	change.Settings = func(s *service.ConnectionSettings) {
		fields(s)
		put(&s.AnyDomain, in.SkipEmailDomainValidation)
	}
	c, err := h.svc.Connections.Update(ctx, by, in.ConfigurationID, change)
	return toConnection(c), err
}

// A metadataDocument is what a provider says of itself, as XML.
type metadataDocument struct {
	Metadata string `json:"metadata"`
	EntityID string `json:"entityId,omitempty" maxLength:"1024"` // which of several providers in it
}

func (d metadataDocument) intake() service.Intake {
	return service.Intake{Document: d.Metadata, EntityID: d.EntityID}
}

func (h connections) take(ctx context.Context, by store.Principal, in metadataDocument) (connection, error) {
	c, err := h.svc.Connections.CreateFrom(ctx, by, in.intake())
	return toConnection(c), err
}

func (h connections) retake(ctx context.Context, by store.Principal, in struct {
	connectionRef
	metadataDocument
}) (connection, error) {
	c, err := h.svc.Connections.UpdateFrom(ctx, by, in.ConfigurationID, in.intake())
	return toConnection(c), err
}

// A metadataAddress is where a provider says it.
type metadataAddress struct {
	URL            string  `json:"url" minLength:"1" maxLength:"2048"`
	EntityID       string  `json:"entityId,omitempty" maxLength:"1024"`
	ConfigMetadata *claims `json:"configMetadata"`
}

func (a metadataAddress) intake() (service.Intake, error) {
	custom, err := readCustom(a.ConfigMetadata)
	return service.Intake{URL: a.URL, EntityID: a.EntityID, Settings: custom.apply}, err
}

func (h connections) fetch(ctx context.Context, by store.Principal, in metadataAddress) (connection, error) {
	intake, err := in.intake()
	if err != nil {
		return connection{}, err
	}
	c, err := h.svc.Connections.CreateFrom(ctx, by, intake)
	return toConnection(c), err
}

func (h connections) refetch(ctx context.Context, by store.Principal, in struct {
	connectionRef
	metadataAddress
}) (connection, error) {
	intake, err := in.intake()
	if err != nil {
		return connection{}, err
	}
	c, err := h.svc.Connections.UpdateFrom(ctx, by, in.ConfigurationID, intake)
	return toConnection(c), err
}

// A roleList names roles.
type roleList struct {
	RoleIDs []string `json:"roleIds" maxItems:"1000"`
}

func (h connections) setRoles(ctx context.Context, by store.Principal, in struct {
	connectionRef
	roleList
}) (none, error) {
	return none{}, h.svc.Connections.SetRoles(ctx, by, in.ConfigurationID, in.RoleIDs)
}

func (h connections) roles(ctx context.Context, by store.Principal, in connectionRef) (roleList, error) {
	ids, err := h.svc.Connections.Roles(ctx, by, in.ConfigurationID)
	return roleList{ids}, err
}

// A groupRule says which roles the members of a group get.
type groupRule struct {
	Group   string   `json:"group" minLength:"1" maxLength:"1024"`
	RoleIDs []string `json:"roleIds" maxItems:"1000"`
}

func (r groupRule) rule() service.GroupRule { return service.GroupRule(r) }

type ssoGroup struct {
	ID      string   `json:"id"`
	Group   string   `json:"group"`
	RoleIDs []string `json:"roleIds"`
	Enabled bool     `json:"enabled"` // always: clients of the published API look at it
}

func toSSOGroup(g store.GroupMapping) ssoGroup { return ssoGroup{g.ID, g.Group, g.RoleIDs, true} }

func (h connections) addGroup(ctx context.Context, by store.Principal, in struct {
	connectionRef
	groupRule
}) (ssoGroup, error) {
	g, err := h.svc.Connections.AddGroup(ctx, by, in.ConfigurationID, in.rule())
	return toSSOGroup(g), err
}

func (h connections) groups(ctx context.Context, by store.Principal, in connectionRef) ([]ssoGroup, error) {
	all, err := h.svc.Connections.Groups(ctx, by, in.ConfigurationID)
	return each(all, toSSOGroup), err
}

func (h connections) updateGroup(ctx context.Context, by store.Principal, in struct {
	connectionRef
	GroupID string `path:"groupId"`
	groupRule
}) (ssoGroup, error) {
	g, err := h.svc.Connections.UpdateGroup(ctx, by, in.ConfigurationID, in.GroupID, in.rule())
	return toSSOGroup(g), err
}

func (h connections) deleteGroup(ctx context.Context, by store.Principal, in struct {
	connectionRef
	GroupID string `path:"groupId"`
}) (none, error) {
	return none{}, h.svc.Connections.DeleteGroup(ctx, by, in.ConfigurationID, in.GroupID)
}

func (h connections) metadata(ctx context.Context, by store.Principal, in struct {
	ConnectionID string `query:"connectionId" maxLength:"64"`
}) (reply, error) {
	doc, err := h.svc.Connections.TenantMetadata(ctx, by, in.ConnectionID)
	return reply{media: samlMetadata, body: doc}, err
}

type oidcSwitch struct {
	Active      bool   `json:"active"`
	RedirectURI string `json:"redirectUri"`
}

func (h connections) readOIDC(ctx context.Context, by store.Principal, _ none) (oidcSwitch, error) {
	w, err := h.svc.SSOPolicies.OIDC(ctx, by)
	if w.RedirectURI == "" {
		w.RedirectURI = h.svc.Connections.Callback()
	}
	return oidcSwitch(w), err
}

func (h connections) setOIDC(ctx context.Context, by store.Principal, in struct {
	Active      bool   `json:"active"`
	RedirectURI string `json:"redirectUri,omitempty" maxLength:"2048"` // empty means our own
}) (none, error) {
	return none{}, h.svc.SSOPolicies.SetOIDC(ctx, by, service.OIDCSwitch(in))
}
