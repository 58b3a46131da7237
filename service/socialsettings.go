package service

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
	"github.com/go-identity/identity/store"
)

// A Social is a social provider as it is set up. Its secret is never shown again.
type Social struct {
	ID       string
	Type     string
	Custom   bool // described here, not by the library
	Active   bool
	Settings SocialSettings

	CreatedAt, UpdatedAt time.Time
}

// SocialSettings are what is kept of a social provider beside its secret.
type SocialSettings struct {
	ClientID        string   `json:"clientId,omitempty"`
	RedirectURL     string   `json:"redirectUrl,omitempty"`        // where answers come to; empty means our own address
	RedirectPattern string   `json:"redirectUrlPattern,omitempty"` // kept for clients of the published API
	Scopes          []string `json:"scopes,omitempty"`             // of a custom provider all, else beside the library's

	TeamID string `json:"teamId,omitempty"` // Apple: the secret is a private key in PEM, and these two say whose
	KeyID  string `json:"keyId,omitempty"`

	// What the library does not know of a custom provider. With an issuer it speaks OpenID
	// Connect, and the addresses are not used.
	Name             string         `json:"name,omitempty"`
	LogoURL          string         `json:"logoUrl,omitempty"`
	Issuer           string         `json:"issuer,omitempty"`
	AuthorizationURL string         `json:"authorizationUrl,omitempty"`
	TokenURL         string         `json:"tokenUrl,omitempty"`
	UserInfoURL      string         `json:"userInfoUrl,omitempty"`
	Auth             oidc.AuthStyle `json:"auth,omitempty"` // empty means client_secret_post
}

// A SocialChange is what a caller may say about a social provider. A nil field stays as it
// is, or empty; Type and everything from Name on is for custom ones alone.
type SocialChange struct {
	Active     *bool
	Customised *bool   // must be true: there is no client of the library's own to share
	Secret     *string // an empty one stays as it is as well: nobody can send back what is never shown

	ClientID, RedirectURL, RedirectPattern *string
	Scopes                                 *[]string
	TeamID, KeyID                          *string

	Type, Name, LogoURL                             *string
	Issuer, AuthorizationURL, TokenURL, UserInfoURL *string
	Auth                                            *oidc.AuthStyle
}

// socialType is what a custom provider may be called: it stands in paths.
var socialType = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

const maxScopes = 50

func readSocial(p store.SocialProvider) (Social, error) {
	s := Social{ID: p.ID, Type: p.Type, Custom: p.Custom, Active: p.Active, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	if err := json.Unmarshal([]byte(cmp.Or(p.Settings, "{}")), &s.Settings); err != nil {
		return s, fmt.Errorf("read settings of social provider %s: %w", p.ID, err)
	}
	return s, nil
}

// apply makes the changes.
func (c SocialChange) apply(s *Social) {
	t := &s.Settings
	set(&s.Active, c.Active)
	set(&t.ClientID, c.ClientID)
	set(&t.RedirectURL, c.RedirectURL)
	set(&t.RedirectPattern, c.RedirectPattern)
	set(&t.Scopes, c.Scopes)
	set(&t.TeamID, c.TeamID)
	set(&t.KeyID, c.KeyID)
	if !s.Custom {
		return
	}
	set(&s.Type, c.Type)
	set(&t.Name, c.Name)
	set(&t.LogoURL, c.LogoURL)
	set(&t.Issuer, c.Issuer)
	set(&t.AuthorizationURL, c.AuthorizationURL)
	set(&t.TokenURL, c.TokenURL)
	set(&t.UserInfoURL, c.UserInfoURL)
	set(&t.Auth, c.Auth)
}

// sane refuses a change that cannot be meant, whatever there is already.
func (c SocialChange) sane() error {
	if c.Customised != nil && !*c.Customised {
		return fault.New(fault.Invalid, "customised", "must be true: register a client of your own with the provider")
	}
	if c.replaces() && len(*c.Secret) > maxSecret {
		return fault.New(fault.Invalid, "secret", fmt.Sprintf("must be at most %d bytes", maxSecret))
	}
	return nil
}

// maxSecret is the most that a secret may hold, in bytes. A private key is one.
const maxSecret = 8 << 10

// replaces reports whether the change brings a secret.
func (c SocialChange) replaces() bool { return c.Secret != nil && *c.Secret != "" }

// check records what is wrong with the settings whether or not the provider is active.
func (s Social) check(c *fault.Checker) {
	t := s.Settings
	for field, text := range map[string]string{
		"clientId": t.ClientID, "redirectUrlPattern": t.RedirectPattern, "teamId": t.TeamID, "keyId": t.KeyID, "displayName": t.Name,
		"issuer": t.Issuer, "authorizationUrl": t.AuthorizationURL, "tokenUrl": t.TokenURL, "userInfoUrl": t.UserInfoURL,
		"ssoLogoUrl": t.LogoURL, "scopes": strings.Join(t.Scopes, " "),
	} {
		checkText(c, field, text, maxURL)
	}
	c.Check(redirectable(t.RedirectURL), "redirectUrl", "must be an https URL without a fragment")
	c.Check(t.LogoURL == "" || webAddress(t.LogoURL), "ssoLogoUrl", "must be an http or https URL")
	wordy := func(scope string) bool { return scope == "" || strings.ContainsAny(scope, " \t\r\n\"\\") }
	c.Check(len(t.Scopes) <= maxScopes && !slices.ContainsFunc(t.Scopes, wordy), "scopes",
		fmt.Sprintf("must be at most %d words", maxScopes))
	if s.Custom {
		c.Check(socialType.MatchString(s.Type), "type", "must be 1 to 64 lower-case letters, digits and ._-")
		c.Check(t.Name != "", "displayName", "should not be empty")
	}
}

// describe returns the description of a provider and what it knows us by. It is not ok for a
// type that nobody describes any more.
func (s *Socials) describe(p Social, secret string) (pr social.Provider, c social.Client, ok bool) {
	t := p.Settings
	c = social.Client{ID: t.ClientID, Secret: secret, TeamID: t.TeamID, KeyID: t.KeyID}
	if !p.Custom {
		c.Scopes = t.Scopes
		pr, ok = s.known(p.Type)
		return pr, c, ok
	}
	return social.Provider{
		Type: p.Type, Name: t.Name, Issuer: t.Issuer, Authorization: t.AuthorizationURL, Token: t.TokenURL,
		Userinfo: t.UserInfoURL, Scopes: t.Scopes, Auth: cmp.Or(t.Auth, oidc.Post),
	}, c, true
}
