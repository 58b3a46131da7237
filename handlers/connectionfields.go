package handlers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// A connection is a connection as the wire shows it. The secret is never shown.
type connection struct {
	ID                        string      `json:"id"`
	TenantID                  string      `json:"tenantId"`
	Enabled                   bool        `json:"enabled"`
	GeneratedVerification     string      `json:"generatedVerification"` // of its first domain
	SSOEndpoint               string      `json:"ssoEndpoint"`           // of OpenID Connect: the issuer
	PublicCertificate         string      `json:"publicCertificate"`     // PEM, one or several
	SignRequest               bool        `json:"signRequest"`
	CreatedAt                 stamp       `json:"createdAt"`
	UpdatedAt                 stamp       `json:"updatedAt"`
	ACSURL                    string      `json:"acsUrl"`
	Type                      string      `json:"type" enum:"saml|oidc"`
	SPEntityID                string      `json:"spEntityId"`
	OIDCClientID              string      `json:"oidcClientId"`
	OIDCSecret                string      `json:"oidcSecret"` // always empty
	OIDCSecretSet             bool        `json:"oidcSecretSet"`
	Domains                   []ssoDomain `json:"domains"`
	RoleIDs                   []string    `json:"roleIds"`
	Groups                    []ssoGroup  `json:"groups"`
	SkipEmailDomainValidation bool        `json:"skipEmailDomainValidation"`
	OverrideActiveTenant      bool        `json:"overrideActiveTenant"`
	SubAccountAccessLimit     int         `json:"subAccountAccessLimit"`
	ConfigMetadata            claims      `json:"configMetadata"`
}

func toConnection(c service.SSOConnection) connection {
	out := connection{
		ID: c.ID, TenantID: c.TenantID, Enabled: c.Enabled, Type: string(c.Protocol), CreatedAt: stamp(c.CreatedAt),
		UpdatedAt: stamp(c.UpdatedAt), ACSURL: c.ACS, SPEntityID: c.EntityID, OIDCSecretSet: c.HasSecret, RoleIDs: c.RoleIDs,
		Domains: each(c.Domains, toSSODomain), Groups: each(c.Groups, toSSOGroup),
		SkipEmailDomainValidation: c.With.AnyDomain, OverrideActiveTenant: c.With.OverrideActiveTenant,
		SubAccountAccessLimit: c.With.SubAccountAccessLimit, ConfigMetadata: claims(c.With.Custom),
	}
	if len(out.ConfigMetadata) == 0 {
		out.ConfigMetadata = claims("{}")
	}
	if len(c.Domains) > 0 {
		out.GeneratedVerification = c.Domains[0].Challenge
	}
	if s := c.With.SAML; s != nil {
		out.SSOEndpoint, out.SignRequest = cmp.Or(s.Redirect, s.POST), s.SignRequests
		out.PublicCertificate = s.PEM()
	}
	if o := c.With.OIDC; o != nil {
		out.SSOEndpoint, out.OIDCClientID = o.Issuer, o.ClientID
	}
	return out
}

// connectionFields are what the published API says about a connection. What is left out, or
// null, stays as it is.
type connectionFields struct {
	Enabled               *bool   `json:"enabled"`
	SSOEndpoint           *string `json:"ssoEndpoint" maxLength:"2048"`
	PublicCertificate     *string `json:"publicCertificate" maxLength:"65536"`
	SignRequest           *bool   `json:"signRequest"`
	ACSURL                *string `json:"acsUrl" maxLength:"2048"`
	SPEntityID            *string `json:"spEntityId" maxLength:"1024"`
	Type                  *string `json:"type" enum:"saml|oidc"`
	OIDCClientID          *string `json:"oidcClientId" maxLength:"1024"`
	OIDCSecret            *string `json:"oidcSecret" maxLength:"4096"` // empty leaves the one that there is
	ConfigMetadata        *claims `json:"configMetadata"`
	OverrideActiveTenant  *bool   `json:"overrideActiveTenant"`
	SubAccountAccessLimit *int    `json:"subAccountAccessLimit" min:"0" max:"1000000"`
	IDPClientID           *string `json:"idpClientId" maxLength:"1024"`     // taken and not used: groups come with the sign-in
	IDPClientSecret       *string `json:"idpClientSecret" maxLength:"4096"` // the same
}

// protocol is what the fields are about.
func (f connectionFields) protocol() store.Protocol {
	switch {
	case f.Type != nil:
		return store.Protocol(*f.Type)
	case f.OIDCClientID != nil && *f.OIDCClientID != "":
		return store.OIDC
	}
	return store.SAML
}

func (f connectionFields) creation() (service.NewConnection, error) {
	n := service.NewConnection{Protocol: f.protocol()}
	put(&n.Enabled, f.Enabled)
	put(&n.Secret, f.OIDCSecret)
	if n.Protocol == store.OIDC {
		n.Settings.OIDC = &service.OIDCSettings{}
	} else {
		n.Settings.SAML = &service.SAMLSettings{}
	}
	change, err := f.change()
	if err == nil {
		change.Settings(&n.Settings)
	}
	return n, err
}

// change makes of the fields what the service takes. Those of the other protocol are left out:
// clients send all of them.
func (f connectionFields) change() (service.ConnectionChange, error) {
	var certificates []string
	var err error
	if f.PublicCertificate != nil {
		certificates, err = service.Certificates(*f.PublicCertificate)
	}
	if err != nil {
		return service.ConnectionChange{}, err
	}
	custom, err := readCustom(f.ConfigMetadata)
	if err != nil {
		return service.ConnectionChange{}, err
	}
	change := service.ConnectionChange{Enabled: f.Enabled, Protocol: store.Protocol(value(f.Type))}
	if f.OIDCSecret != nil && *f.OIDCSecret != "" {
		change.Secret = f.OIDCSecret
	}
	change.Settings = func(s *service.ConnectionSettings) {
		put(&s.OverrideActiveTenant, f.OverrideActiveTenant)
		put(&s.SubAccountAccessLimit, f.SubAccountAccessLimit)
		f.saml(s.SAML, certificates)
		f.oidc(s.OIDC)
		custom.apply(s)
	}
	return change, nil
}

func (f connectionFields) saml(s *service.SAMLSettings, certificates []string) {
	if s == nil {
		return
	}
	put(&s.SignRequests, f.SignRequest)
	put(&s.ACS, f.ACSURL)
	put(&s.SPEntityID, f.SPEntityID)
	if f.SSOEndpoint != nil && *f.SSOEndpoint != cmp.Or(s.Redirect, s.POST) {
		s.Redirect, s.POST = *f.SSOEndpoint, ""
	}
	if f.PublicCertificate != nil {
		s.Certificates = certificates
	}
}

// wellKnown is what people copy along with an issuer.
const wellKnown = "/.well-known/openid-configuration"

func (f connectionFields) oidc(s *service.OIDCSettings) {
	if s == nil {
		return
	}
	put(&s.ClientID, f.OIDCClientID)
	if f.SSOEndpoint != nil {
		s.Issuer = strings.TrimSuffix(*f.SSOEndpoint, wellKnown)
	}
}

// put replaces *field where a caller gave a value.
func put[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// value is what a caller gave, or nothing.
func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// A custom is the object that clients keep with a connection. Some of its keys set what the
// published API has no field for; all are kept as they are.
type custom struct {
	whole json.RawMessage // nil leaves what there is

	Name           *string `json:"name"`
	IDPEntityID    *string `json:"idpEntityId"`  // the provider's name
	SLOEndpoint    *string `json:"sloEndpoint"`  // where sign-outs go by redirect
	NameIDFormat   *string `json:"nameIdFormat"` // asked for
	MetadataURL    *string `json:"metadataUrl"`  // where the provider's metadata is read again
	SignedResponse *bool   `json:"signedResponse"`
	Unsolicited    *bool   `json:"unsolicited"`
	Direct         *bool   `json:"direct"`
	PostRequests   *bool   `json:"postRequests"`
	CBC            *bool   `json:"allowCbc"`
	Contexts       *string `json:"authnContexts"` // with spaces between them
	KnownOnly      *bool   `json:"knownOnly"`

	Scopes      *string `json:"scopes"` // with spaces between them
	GroupsClaim *string `json:"groupsClaim"`
	TokenAuth   *string `json:"tokenAuth"`
	Hosts       *string `json:"approvedHosts"` // with spaces between them
	Verified    *string `json:"verifiedClaim"`
	Text        *bool   `json:"textVerified"`

	SubjectAttribute *string `json:"subjectAttribute"`
	EmailAttribute   *string `json:"emailAttribute"`
	NameAttribute    *string `json:"nameAttribute"`
	GroupsAttribute  *string `json:"groupsAttribute"`
}

// readCustom reads the object. A key of ours that holds something else than it should is
// refused, so that nobody believes it to be set.
func readCustom(c *claims) (custom, error) {
	var out custom
	if c == nil {
		return out, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(*c, &all); err != nil {
		return out, fault.New(fault.Invalid, "configMetadata", "must be an object").Because(err)
	}
	known := map[string]json.RawMessage{} // by its very name: Go takes other letters for the same
	for f := range visible(reflect.TypeFor[custom]()) {
		if v, ok := all[f.Tag.Get("json")]; ok {
			known[f.Tag.Get("json")] = v
		}
	}
	doc, err := json.Marshal(known)
	if err != nil {
		return out, fmt.Errorf("read known keys: %w", err)
	}
	if err := json.Unmarshal(doc, &out); err != nil {
		return out, fault.New(fault.Invalid, "configMetadata", "holds a known key with a value of the wrong type").Because(err)
	}
	out.whole = slices.Clone(json.RawMessage(*c))
	return out, nil
}

func (c custom) apply(s *service.ConnectionSettings) {
	if c.whole == nil {
		return
	}
	s.Custom = c.whole
	put(&s.Name, c.Name)
	put(&s.KnownOnly, c.KnownOnly)
	one(&s.Attributes.Subject, c.SubjectAttribute)
	one(&s.Attributes.Email, c.EmailAttribute)
	one(&s.Attributes.Name, c.NameAttribute)
	one(&s.Attributes.Groups, c.GroupsAttribute)
	if s.SAML != nil {
		put(&s.SAML.EntityID, c.IDPEntityID)
		put(&s.SAML.LogoutGet, c.SLOEndpoint)
		put(&s.SAML.NameIDFormat, c.NameIDFormat)
		put(&s.SAML.MetadataURL, c.MetadataURL)
		put(&s.SAML.SignedResponse, c.SignedResponse)
		put(&s.SAML.Unsolicited, c.Unsolicited)
		put(&s.SAML.Direct, c.Direct)
		put(&s.SAML.PostRequests, c.PostRequests)
		put(&s.SAML.CBC, c.CBC)
		words(&s.SAML.Contexts, c.Contexts)
	}
	if s.OIDC != nil {
		put(&s.OIDC.Groups, c.GroupsClaim)
		put(&s.OIDC.Auth, c.TokenAuth)
		put(&s.OIDC.VerifiedClaim, c.Verified)
		put(&s.OIDC.TextVerified, c.Text)
		words(&s.OIDC.Scopes, c.Scopes)
		words(&s.OIDC.Approved, c.Hosts)
	}
}

// words makes a list of what has spaces between.
func words(list *[]string, text *string) {
	if text != nil {
		*list = strings.Fields(*text)
	}
}

// one makes a list of a name; an empty name is the empty list.
func one(names *[]string, name *string) {
	switch {
	case name == nil:
	case *name == "":
		*names = nil
	default:
		*names = []string{*name}
	}
}
