package handlers

import (
	"context"
	"strings"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// socials are the providers with whose accounts people may sign in.
type socials struct {
	svc     *service.Socials
	baseURL string
}

func newSocials(c Config) socials { return socials{c.Services.Socials, c.BaseURL} }

func (h socials) routes() []route {
	const path = "/identity/resources/sso"
	return []route{
		public("GET "+path+"/v1", 200, "List social providers, v1", op(h.buttons)),
		public("GET "+path+"/v2", 200, "List social providers", op(h.list)),
		user("", "GET "+path+"/v2/authenticated", 200, "List social providers for who is signed in", op(h.list)).anyTenant(),
		management("POST "+path+"/v2", 201, "Set a social provider up", op(h.set)),
		management("GET "+path+"/v2/{type}", 200, "Read a social provider", op(h.get)),
		management("POST "+path+"/v2/{type}/activate", 201, "Turn a social provider on", op(h.activate)),
		management("POST "+path+"/v2/{type}/deactivate", 201, "Turn a social provider off", op(h.deactivate)),
	}
}

// custom are the routes of providers that nobody else describes.
func (h socials) custom() []route {
	const path = "/identity/resources/sso/custom/v1"
	return []route{
		management("POST "+path, 200, "Register a custom social provider", op(h.create)),
		management("GET "+path, 200, "List custom social providers", op(h.customs)),
		management("PATCH "+path+"/{id}", 200, "Change a custom social provider", op(h.update)),
		management("DELETE "+path+"/{id}", 200, "Delete a custom social provider", op(h.delete)),
	}
}

// A button is a provider as the first version of the list shows it.
type button struct {
	Type        string `json:"type"`
	ClientID    string `json:"clientId"`
	RedirectURL string `json:"redirectUrl"`
	Active      bool   `json:"active"`
}

func (h socials) buttons(ctx context.Context, by store.Principal, _ none) ([]button, error) {
	all, err := h.svc.List(ctx, by)
	list := []button{}
	for _, p := range all {
		if !p.Custom {
			list = append(list, button{p.Type, p.Settings.ClientID, h.svc.RedirectURL(p), p.Active})
		}
	}
	return list, err
}

// A listedSocial is a provider as everybody may see it. An active one has the address at which
// a sign-in with it begins.
type listedSocial struct {
	Type             string         `json:"type"`
	Active           bool           `json:"active"`
	Customised       bool           `json:"customised"`
	ClientID         *string        `json:"clientId"`
	RedirectURL      string         `json:"redirectUrl"`
	RedirectPattern  string         `json:"redirectUrlPattern,omitempty"`
	AuthorizationURL *string        `json:"authorizationUrl"`
	Options          *socialOptions `json:"options,omitempty"`
	AdditionalScopes []string       `json:"additionalScopes"`
}

// socialOptions are what a page needs to draw the button of a custom provider.
type socialOptions struct {
	DisplayName string `json:"displayName"`
	LogoURL     string `json:"ssoLogoUrl"`
	Custom      bool   `json:"custom"`
}

// begin is the address at which a sign-in with a provider begins.
func (h socials) begin(kind string) string {
	return h.baseURL + "/identity/resources/auth/v2/user/sso/default/" + kind + "/prelogin"
}

func (h socials) list(ctx context.Context, by store.Principal, _ none) ([]listedSocial, error) {
	all, err := h.svc.List(ctx, by)
	return each(all, h.toListed), err
}

func (h socials) toListed(p service.Social) listedSocial {
	out := listedSocial{
		Type: p.Type, Active: p.Active, Customised: true, RedirectURL: h.svc.RedirectURL(p),
		RedirectPattern: p.Settings.RedirectPattern, AdditionalScopes: present(p.Settings.Scopes),
	}
	if p.Custom {
		out.Options = &socialOptions{p.Settings.Name, p.Settings.LogoURL, true}
	}
	if p.Active {
		begin := h.begin(p.Type)
		out.ClientID, out.AuthorizationURL = &p.Settings.ClientID, &begin
	}
	return out
}

// present makes a list of none of nothing: the wire knows no null for a list.
func present(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// A socialChange says how a provider shall be set up. What it leaves out stays, the secret
// also where it is empty: it is never answered, so that nobody can send it back.
type socialChange struct {
	Type             string      `json:"type" minLength:"1" maxLength:"64"`
	ClientID         *string     `json:"clientId" maxLength:"255"`
	Secret           *string     `json:"secret" maxLength:"8192"`
	RedirectURL      *string     `json:"redirectUrl" maxLength:"2048"`
	RedirectPattern  *string     `json:"redirectUrlPattern" maxLength:"2048"`
	AuthorizationURL opt[string] `json:"authorizationUrl"` // the library knows it
	Customised       *bool       `json:"customised"`       // there is no client of ours to share
	Active           *bool       `json:"active"`
	AdditionalScopes *[]string   `json:"additionalScopes"`
	TeamID           *string     `json:"teamId" maxLength:"255"` // of Apple, where the secret is a private key in PEM
	KeyID            *string     `json:"keyId" maxLength:"255"`
}

func (h socials) set(ctx context.Context, by store.Principal, in socialChange) (socialProvider, error) {
	p, err := h.svc.Set(ctx, by, in.Type, service.SocialChange{
		Active: in.Active, Customised: in.Customised, Secret: in.Secret, ClientID: in.ClientID, RedirectURL: in.RedirectURL,
		RedirectPattern: in.RedirectPattern, Scopes: in.AdditionalScopes, TeamID: in.TeamID, KeyID: in.KeyID,
	})
	return h.toProvider(p), err
}

// A socialProvider is a provider as its administrator sees it. The secret is empty, whatever
// it is.
type socialProvider struct {
	Active           bool     `json:"active"`
	ClientID         string   `json:"clientId"`
	RedirectURL      string   `json:"redirectUrl"`
	RedirectPattern  string   `json:"redirectUrlPattern"`
	Secret           string   `json:"secret"`
	Type             string   `json:"type"`
	Customised       bool     `json:"customised"`
	AdditionalScopes []string `json:"additionalScopes"`
	TeamID           string   `json:"teamId,omitempty"`
	KeyID            string   `json:"keyId,omitempty"`
}

func (h socials) toProvider(p service.Social) socialProvider {
	return socialProvider{
		Active: p.Active, ClientID: p.Settings.ClientID, RedirectURL: h.svc.RedirectURL(p),
		RedirectPattern: p.Settings.RedirectPattern, Type: p.Type, Customised: true,
		AdditionalScopes: present(p.Settings.Scopes), TeamID: p.Settings.TeamID, KeyID: p.Settings.KeyID,
	}
}

// A socialType names a provider in a path.
type socialType struct {
	Type string `path:"type"`
}

func (h socials) get(ctx context.Context, by store.Principal, in socialType) (socialProvider, error) {
	p, err := h.svc.Get(ctx, by, in.Type)
	return h.toProvider(p), err
}

func (h socials) activate(ctx context.Context, by store.Principal, in socialType) (none, error) {
	return none{}, h.svc.Switch(ctx, by, in.Type, true)
}

func (h socials) deactivate(ctx context.Context, by store.Principal, in socialType) (none, error) {
	return none{}, h.svc.Switch(ctx, by, in.Type, false)
}

// A newCustomSocial describes a provider that nobody else does. With an issuer it speaks
// OpenID Connect, and the addresses may be empty.
type newCustomSocial struct {
	Type             string `json:"type" minLength:"1" maxLength:"64"`
	ClientID         string `json:"clientId" maxLength:"255"`
	Secret           string `json:"secret" maxLength:"8192"`
	RedirectURL      string `json:"redirectUrl" maxLength:"2048"`
	AuthorizationURL string `json:"authorizationUrl" maxLength:"2048"`
	TokenURL         string `json:"tokenUrl" maxLength:"2048"`
	UserInfoURL      string `json:"userInfoUrl" maxLength:"2048"`
	Issuer           string `json:"issuer,omitempty" maxLength:"2048"`
	Scopes           string `json:"scopes" maxLength:"2048"`
	LogoURL          string `json:"ssoLogoUrl" maxLength:"2048"`
	DisplayName      string `json:"displayName" maxLength:"255"`
	Active           bool   `json:"active"`
}

func (h socials) create(ctx context.Context, by store.Principal, in newCustomSocial) (none, error) {
	scopes := strings.Fields(in.Scopes)
	_, err := h.svc.CreateCustom(ctx, by, service.SocialChange{
		Active: &in.Active, Secret: &in.Secret, ClientID: &in.ClientID, RedirectURL: &in.RedirectURL, Scopes: &scopes,
		Type: &in.Type, Name: &in.DisplayName, LogoURL: &in.LogoURL, Issuer: &in.Issuer,
		AuthorizationURL: &in.AuthorizationURL, TokenURL: &in.TokenURL, UserInfoURL: &in.UserInfoURL,
	})
	return none{}, err
}

// A customSocial is a custom provider as its administrator sees it, without its secret.
type customSocial struct {
	ID               string `json:"id"`
	Type             string `json:"type"`
	ClientID         string `json:"clientId"`
	RedirectURL      string `json:"redirectUrl"`
	RedirectPattern  string `json:"redirectUrlPattern"`
	AuthorizationURL string `json:"authorizationUrl"`
	TokenURL         string `json:"tokenUrl"`
	UserInfoURL      string `json:"userInfoUrl"`
	Issuer           string `json:"issuer,omitempty"`
	Scopes           string `json:"scopes"`
	LogoURL          string `json:"ssoLogoUrl"`
	DisplayName      string `json:"displayName"`
	Active           bool   `json:"active"`
}

type customSocials struct {
	Providers []customSocial `json:"providers"`
}

func (h socials) customs(ctx context.Context, by store.Principal, _ none) (customSocials, error) {
	all, err := h.svc.List(ctx, by)
	list := customSocials{Providers: []customSocial{}}
	for _, p := range all {
		if p.Custom {
			list.Providers = append(list.Providers, h.toCustom(p))
		}
	}
	return list, err
}

func (h socials) toCustom(p service.Social) customSocial {
	t := p.Settings
	return customSocial{
		ID: p.ID, Type: p.Type, ClientID: t.ClientID, RedirectURL: h.svc.RedirectURL(p), RedirectPattern: t.RedirectPattern,
		AuthorizationURL: t.AuthorizationURL, TokenURL: t.TokenURL, UserInfoURL: t.UserInfoURL, Issuer: t.Issuer,
		Scopes: strings.Join(t.Scopes, " "), LogoURL: t.LogoURL, DisplayName: t.Name, Active: p.Active,
	}
}

func (h socials) update(ctx context.Context, by store.Principal, in struct {
	ID               string  `path:"id"`
	Type             *string `json:"type" minLength:"1" maxLength:"64"`
	ClientID         *string `json:"clientId" maxLength:"255"`
	Secret           *string `json:"secret" maxLength:"8192"`
	RedirectURL      *string `json:"redirectUrl" maxLength:"2048"`
	AuthorizationURL *string `json:"authorizationUrl" maxLength:"2048"`
	TokenURL         *string `json:"tokenUrl" maxLength:"2048"`
	UserInfoURL      *string `json:"userInfoUrl" maxLength:"2048"`
	Issuer           *string `json:"issuer" maxLength:"2048"`
	Scopes           *string `json:"scopes" maxLength:"2048"`
	LogoURL          *string `json:"ssoLogoUrl" maxLength:"2048"`
	DisplayName      *string `json:"displayName" maxLength:"255"`
	Active           *bool   `json:"active"`
}) (none, error) {
	c := service.SocialChange{
		Active: in.Active, Secret: in.Secret, ClientID: in.ClientID, RedirectURL: in.RedirectURL,
		Type: in.Type, Name: in.DisplayName, LogoURL: in.LogoURL, Issuer: in.Issuer,
		AuthorizationURL: in.AuthorizationURL, TokenURL: in.TokenURL, UserInfoURL: in.UserInfoURL,
	}
	if in.Scopes != nil {
		scopes := strings.Fields(*in.Scopes)
		c.Scopes = &scopes
	}
	_, err := h.svc.UpdateCustom(ctx, by, in.ID, c)
	return none{}, err
}

func (h socials) delete(ctx context.Context, by store.Principal, in struct {
	ID string `path:"id"`
}) (none, error) {
	return none{}, h.svc.DeleteCustom(ctx, by, in.ID)
}
