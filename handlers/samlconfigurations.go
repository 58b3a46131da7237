package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// samlConfigurations are the older API, for which a tenant has one SAML connection: the
// oldest.
type samlConfigurations struct{ svc *service.Services }

func (h samlConfigurations) routes() []route {
	const (
		path  = "/team/resources/sso/v1/saml/configurations"
		newer = "/team/resources/sso/v2/saml/configurations/groups"
	)
	return []route{
		user(store.ReadSSO, "GET "+path+"/vendor-config", 200, "Read where SAML answers come to, and our name", op(h.ours)),
		user(store.ReadSSO, "GET "+path+"/sp-certificate", 200, "Download our SAML certificate", file(pemMedia, h.certificate)),
		user(store.ReadSSO, "GET "+path, 200, "Read the SAML connection", op(h.read)),
		user(store.WriteSSO, "POST "+path, 200, "Change the SAML connection, or create it", op(h.put)),
		user(store.WriteSSO, "PUT "+path+"/metadata", 200, "Replace what is known of the provider, or create the connection", op(h.take)),
		user(store.WriteSSO, "PUT /team/resources/sso/v1/saml/validations/domain", 200, "Prove the e-mail domain by its TXT record", op(h.validate)),
		user(store.ReadSSO, "GET "+path+"/roles/default", 200, "List the roles of everybody who comes by SAML", op(h.roles)),
		user(store.WriteSSO, "POST "+path+"/roles/default", 200, "Set the roles of everybody who comes by SAML", op(h.setRoles)),
		user(store.ReadSSO, "GET "+newer, 200, "List the SAML groups that are mapped to roles", op(h.groups)),
		user(store.WriteSSO, "POST "+newer, 200, "Map a SAML group to roles", op(h.addGroup)),
		user(store.WriteSSO, "PATCH "+newer+"/{id}", 200, "Change a mapping of a SAML group", op(h.updateGroup)),
		user(store.WriteSSO, "DELETE "+newer+"/{id}", 200, "Delete a mapping of a SAML group", op(h.deleteGroup)),
	}
}

// pemMedia is the media type of a certificate as people copy it.
const pemMedia = "application/x-pem-file"

// samlOurs is what a provider has to be told of us.
type samlOurs struct {
	ACSURL     string `json:"acsUrl"`
	SPEntityID string `json:"spEntityId"`
}

// ours tells the values of the tenant's connection where it has one: they may be its own.
func (h samlConfigurations) ours(ctx context.Context, by store.Principal, _ none) (samlOurs, error) {
	c, err := h.first(ctx, by)
	return samlOurs{c.ACS, c.EntityID}, err
}

// first returns the tenant's connection, or an empty one with the shared values.
func (h samlConfigurations) first(ctx context.Context, by store.Principal) (service.SSOConnection, error) {
	c, err := h.svc.Connections.First(ctx, by)
	if errors.Is(err, store.ErrNotFound) {
		acs, name := h.svc.Connections.Shared()
		return service.SSOConnection{Connection: store.Connection{Protocol: store.SAML}, ACS: acs, EntityID: name}, nil
	}
	return c, err
}

func (h samlConfigurations) certificate(ctx context.Context, by store.Principal, _ none) (reply, error) {
	text, err := h.svc.Connections.Certificate(ctx, by)
	return reply{media: pemMedia, body: []byte(text)}, err
}

// A samlConfiguration is the connection with its first domain.
type samlConfiguration struct {
	Enabled               bool   `json:"enabled"`
	Domain                string `json:"domain"`
	Validated             bool   `json:"validated"`
	GeneratedVerification string `json:"generatedVerification"`
	SSOEndpoint           string `json:"ssoEndpoint"`
	PublicCertificate     string `json:"publicCertificate"`
	SignRequest           bool   `json:"signRequest"`
	ACSURL                string `json:"acsUrl"`
	SPEntityID            string `json:"spEntityId"`
	OIDCClientID          string `json:"oidcClientId"` // always empty, as the next
	OIDCSecret            string `json:"oidcSecret"`
	Type                  string `json:"type" enum:"saml"`
}

func toSAMLConfiguration(c service.SSOConnection) samlConfiguration {
	w := toConnection(c)
	out := samlConfiguration{
		Enabled: w.Enabled, GeneratedVerification: w.GeneratedVerification, SSOEndpoint: w.SSOEndpoint,
		PublicCertificate: w.PublicCertificate, SignRequest: w.SignRequest, ACSURL: w.ACSURL, SPEntityID: w.SPEntityID, Type: w.Type,
	}
	if len(w.Domains) > 0 {
		out.Domain, out.Validated = w.Domains[0].Domain, w.Domains[0].Validated
	}
	return out
}

func (h samlConfigurations) read(ctx context.Context, by store.Principal, _ none) (samlConfiguration, error) {
	c, err := h.first(ctx, by)
	return toSAMLConfiguration(c), err
}

// samlFields are what may be said about the connection. What the answer says of the domain's
// proof is taken and not looked at.
type samlFields struct {
	connectionFields
	Type                  *string `json:"type" enum:"saml"`
	Domain                *string `json:"domain" maxLength:"1016"`
	Validated             *bool   `json:"validated"`
	GeneratedVerification *string `json:"generatedVerification" maxLength:"1024"`
}

// put makes the connection where there is none. Its addresses are then the ones that
// vendor-config tells, unless the caller gives others.
func (h samlConfigurations) put(ctx context.Context, by store.Principal, in samlFields) (samlConfiguration, error) {
	c, err := h.svc.Connections.First(ctx, by)
	switch {
	case errors.Is(err, store.ErrNotFound):
		c, err = h.create(ctx, by, in.connectionFields)
	case err == nil:
		var change service.ConnectionChange
		if change, err = in.change(); err == nil {
			c, err = h.svc.Connections.Update(ctx, by, c.ID, change)
		}
	}
	if err == nil && in.Domain != nil {
		err = h.claim(ctx, by, c, *in.Domain)
	}
	if err != nil {
		return samlConfiguration{}, err
	}
	return h.read(ctx, by, none{})
}

func (h samlConfigurations) create(ctx context.Context, by store.Principal, in connectionFields) (service.SSOConnection, error) {
	n, err := in.creation()
	if err != nil {
		return service.SSOConnection{}, err
	}
	acs, name := h.svc.Connections.Shared()
	if s := n.Settings.SAML; s != nil {
		if s.ACS == "" {
			s.ACS = acs
		}
		if s.SPEntityID == "" {
			s.SPEntityID = name
		}
	}
	return h.svc.Connections.Create(ctx, by, n)
}

// claim adds a domain that the connection does not have.
func (h samlConfigurations) claim(ctx context.Context, by store.Principal, c service.SSOConnection, name string) error {
	has := slices.ContainsFunc(c.Domains, func(d store.Domain) bool { return d.Name == name })
	if name == "" || has {
		return nil
	}
	_, err := h.svc.Domains.Add(ctx, by, c.ID, name)
	return err
}

func (h samlConfigurations) take(ctx context.Context, by store.Principal, in metadataDocument) (samlConfiguration, error) {
	c, err := h.svc.Connections.First(ctx, by)
	switch {
	case errors.Is(err, store.ErrNotFound):
		acs, name := h.svc.Connections.Shared()
		intake := in.intake()
		intake.Settings = func(s *service.ConnectionSettings) { s.SAML.ACS, s.SAML.SPEntityID = acs, name }
		c, err = h.svc.Connections.CreateFrom(ctx, by, intake)
	case err == nil:
		c, err = h.svc.Connections.UpdateFrom(ctx, by, c.ID, in.intake())
	}
	return toSAMLConfiguration(c), err
}

// validate proves the first domain that is not proved yet.
func (h samlConfigurations) validate(ctx context.Context, by store.Principal, _ none) (none, error) {
	c, err := h.svc.Connections.First(ctx, by)
	if err != nil {
		return none{}, err
	}
	if len(c.Domains) == 0 {
		return none{}, fault.New(fault.NotFound, "", "no such SSO domain")
	}
	for _, d := range c.Domains {
		if d.ValidatedAt.IsZero() {
			_, err = h.svc.Domains.Validate(ctx, by, c.ID, d.ID)
			return none{}, err
		}
	}
	return none{}, nil
}

func (h samlConfigurations) roles(ctx context.Context, by store.Principal, _ none) (roleList, error) {
	c, err := h.first(ctx, by)
	return roleList{c.RoleIDs}, err
}

func (h samlConfigurations) setRoles(ctx context.Context, by store.Principal, in roleList) (none, error) {
	c, err := h.svc.Connections.First(ctx, by)
	if err != nil {
		return none{}, err
	}
	return none{}, h.svc.Connections.SetRoles(ctx, by, c.ID, in.RoleIDs)
}

func (h samlConfigurations) groups(ctx context.Context, by store.Principal, _ none) ([]ssoGroup, error) {
	c, err := h.first(ctx, by)
	return each(c.Groups, toSSOGroup), err
}

// A samlGroup is a mapping whose roles may be left out.
type samlGroup struct {
	Group   string   `json:"group" minLength:"1" maxLength:"1024"`
	RoleIDs []string `json:"roleIds,omitempty" maxItems:"1000"`
}

func (h samlConfigurations) addGroup(ctx context.Context, by store.Principal, in samlGroup) (ssoGroup, error) {
	c, err := h.svc.Connections.First(ctx, by)
	if err != nil {
		return ssoGroup{}, err
	}
	g, err := h.svc.Connections.AddGroup(ctx, by, c.ID, service.GroupRule(in))
	return toSSOGroup(g), err
}

func (h samlConfigurations) updateGroup(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
	samlGroup
}) (ssoGroup, error) {
	c, err := h.svc.Connections.First(ctx, by)
	if err != nil {
		return ssoGroup{}, err
	}
	g, err := h.svc.Connections.UpdateGroup(ctx, by, c.ID, in.ID, service.GroupRule(in.samlGroup))
	return toSSOGroup(g), err
}

func (h samlConfigurations) deleteGroup(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
}) (none, error) {
	c, err := h.svc.Connections.First(ctx, by)
	if err != nil {
		return none{}, err
	}
	return none{}, h.svc.Connections.DeleteGroup(ctx, by, c.ID, in.ID)
}
