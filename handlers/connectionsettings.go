package handlers

import (
	"context"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// settings are the rows for what the published API has no fields for.
func (h connections) settings() []route {
	const (
		one  = connectionsPath + "/{configurationId}"
		kept = "/team/resources/sso/v1/attempts/{attemptId}"
	)
	return []route{
		user(store.ReadSSO, "GET "+one+"/settings", 200, "Read all settings of a connection", op(h.readSettings)).own(),
		user(store.WriteSSO, "PUT "+one+"/settings", 200, "Replace all settings of a connection", op(h.replaceSettings)).own(),
		user(store.ReadSSO, "GET "+one+"/attempts", 200, "List the newest sign-ins through a connection", op(h.attempts)).own(),
		user(store.ReadSSO, "GET "+kept, 200, "Read a sign-in and what the provider answered, shortened", op(h.attempt)).own(),
		user(store.WriteSSO, "POST "+kept+"/replay", 200, "Try an answer again under other settings", op(h.replay)).own(),
		user(store.WriteSSO, "POST "+kept+"/preview", 200, "See what a mapping of attributes makes of an answer", op(h.preview)).own(),
	}
}

// connectionSettings are all settings of a connection. What is left out is as if it had never
// been set.
type connectionSettings struct {
	Name                      string           `json:"name,omitempty" maxLength:"255"`
	SAML                      *samlSettings    `json:"saml"`
	OIDC                      *oidcSettings    `json:"oidc"`
	Attributes                attributeMapping `json:"attributes,omitzero"`
	OverrideActiveTenant      bool             `json:"overrideActiveTenant,omitempty"`
	SkipEmailDomainValidation bool             `json:"skipEmailDomainValidation,omitempty"` // by the host's back end only
	KnownOnly                 bool             `json:"knownOnly,omitempty"`
	SubAccountAccessLimit     int              `json:"subAccountAccessLimit,omitempty" min:"0" max:"1000000"`
	ConfigMetadata            *claims          `json:"configMetadata"`
}

// samlSettings are those of SAML. See [service.SAMLSettings].
type samlSettings struct {
	EntityID     string   `json:"entityId,omitempty" maxLength:"1024"`
	Redirect     string   `json:"redirect,omitempty" maxLength:"2048"`
	POST         string   `json:"post,omitempty" maxLength:"2048"`
	LogoutGet    string   `json:"logoutGet,omitempty" maxLength:"2048"`
	LogoutPost   string   `json:"logoutPost,omitempty" maxLength:"2048"`
	AnswerGet    string   `json:"answerGet,omitempty" maxLength:"2048"`
	AnswerPost   string   `json:"answerPost,omitempty" maxLength:"2048"`
	Certificates []string `json:"certificates,omitempty" maxItems:"8"`
	MetadataURL  string   `json:"metadataUrl,omitempty" maxLength:"2048"`

	ACS        string `json:"acs,omitempty" maxLength:"2048"`
	SPEntityID string `json:"spEntityId,omitempty" maxLength:"1024"`

	SignRequests   bool     `json:"signRequests,omitempty"`
	PostRequests   bool     `json:"postRequests,omitempty"`
	SignedResponse bool     `json:"signedResponse,omitempty"`
	Unsolicited    bool     `json:"unsolicited,omitempty"`
	Direct         bool     `json:"direct,omitempty"`
	CBC            bool     `json:"cbc,omitempty"`
	Contexts       []string `json:"contexts,omitempty" maxItems:"20"`
	NameIDFormat   string   `json:"nameIdFormat,omitempty" maxLength:"255"`
}

// oidcSettings are those of OpenID Connect, without the secret. See [service.OIDCSettings].
type oidcSettings struct {
	Issuer        string   `json:"issuer,omitempty" maxLength:"2048"`
	ClientID      string   `json:"clientId,omitempty" maxLength:"1024"`
	Auth          string   `json:"auth,omitempty" enum:"client_secret_basic|client_secret_post|none"`
	Scopes        []string `json:"scopes,omitempty" maxItems:"20"`
	Approved      []string `json:"approved,omitempty" maxItems:"20"`
	VerifiedClaim string   `json:"verifiedClaim,omitempty" maxLength:"255"`
	TextVerified  bool     `json:"textVerified,omitempty"`
	Groups        string   `json:"groups,omitempty" maxLength:"255"`
}

// attributeMapping names attributes.
type attributeMapping struct {
	Subject    []string `json:"subject,omitempty" maxItems:"20"`
	Email      []string `json:"email,omitempty" maxItems:"20"`
	Name       []string `json:"name,omitempty" maxItems:"20"`
	GivenName  []string `json:"givenName,omitempty" maxItems:"20"`
	FamilyName []string `json:"familyName,omitempty" maxItems:"20"`
	Groups     []string `json:"groups,omitempty" maxItems:"20"`
}

func toConnectionSettings(s service.ConnectionSettings) connectionSettings {
	out := connectionSettings{
		Name: s.Name, Attributes: attributeMapping(s.Attributes), OverrideActiveTenant: s.OverrideActiveTenant,
		SkipEmailDomainValidation: s.AnyDomain, KnownOnly: s.KnownOnly, SubAccountAccessLimit: s.SubAccountAccessLimit,
	}
	if s.Custom != nil {
		kept := claims(s.Custom)
		out.ConfigMetadata = &kept
	}
	if l := s.SAML; l != nil {
		out.SAML = &samlSettings{
			EntityID: l.EntityID, Redirect: l.Redirect, POST: l.POST, LogoutGet: l.LogoutGet, LogoutPost: l.LogoutPost,
			AnswerGet: l.AnswerGet, AnswerPost: l.AnswerPost, Certificates: l.Certificates, MetadataURL: l.MetadataURL,
			ACS: l.ACS, SPEntityID: l.SPEntityID, SignRequests: l.SignRequests, PostRequests: l.PostRequests,
			SignedResponse: l.SignedResponse, Unsolicited: l.Unsolicited, Direct: l.Direct, CBC: l.CBC,
			Contexts: l.Contexts, NameIDFormat: l.NameIDFormat,
		}
	}
	if o := s.OIDC; o != nil {
		kept := oidcSettings(*o)
		out.OIDC = &kept
	}
	return out
}

// settings are what the service keeps.
func (s connectionSettings) settings() service.ConnectionSettings {
	out := service.ConnectionSettings{
		Name: s.Name, Attributes: service.AttributeMapping(s.Attributes), OverrideActiveTenant: s.OverrideActiveTenant,
		AnyDomain: s.SkipEmailDomainValidation, KnownOnly: s.KnownOnly, SubAccountAccessLimit: s.SubAccountAccessLimit,
	}
	if s.ConfigMetadata != nil {
		out.Custom = []byte(*s.ConfigMetadata)
	}
	if l := s.SAML; l != nil {
		out.SAML = &service.SAMLSettings{
			EntityID: l.EntityID, Redirect: l.Redirect, POST: l.POST, LogoutGet: l.LogoutGet, LogoutPost: l.LogoutPost,
			AnswerGet: l.AnswerGet, AnswerPost: l.AnswerPost, Certificates: l.Certificates, MetadataURL: l.MetadataURL,
			ACS: l.ACS, SPEntityID: l.SPEntityID, SignRequests: l.SignRequests, PostRequests: l.PostRequests,
			SignedResponse: l.SignedResponse, Unsolicited: l.Unsolicited, Direct: l.Direct, CBC: l.CBC,
			Contexts: l.Contexts, NameIDFormat: l.NameIDFormat,
		}
	}
	if s.OIDC != nil {
		kept := service.OIDCSettings(*s.OIDC)
		out.OIDC = &kept
	}
	return out
}

// replace is the change that leaves nothing of before but when metadata was read last.
func (s connectionSettings) replace(into *service.ConnectionSettings) {
	next := s.settings()
	if next.SAML != nil && into.SAML != nil {
		next.SAML.MetadataAt = into.SAML.MetadataAt
	}
	*into = next
}

func (h connections) readSettings(ctx context.Context, by store.Principal, in connectionRef) (connectionSettings, error) {
	c, err := h.svc.Connections.Read(ctx, by, in.ConfigurationID)
	return toConnectionSettings(c.With), err
}

func (h connections) replaceSettings(ctx context.Context, by store.Principal, in struct {
	connectionRef
	connectionSettings
}) (connectionSettings, error) {
	c, err := h.svc.Connections.Update(ctx, by, in.ConfigurationID, service.ConnectionChange{Settings: in.replace})
	return toConnectionSettings(c.With), err
}

// An attempt is one sign-in. What it shows of people is shortened.
type attempt struct {
	ID         string              `json:"id"`
	Accepted   bool                `json:"accepted"`
	Diagnosis  string              `json:"diagnosis"`
	Subject    string              `json:"subject"`
	Email      string              `json:"email"`
	IPAddress  string              `json:"ipAddress"`
	UserAgent  string              `json:"userAgent"`
	Attributes map[string][]string `json:"attributes"`
	CreatedAt  stamp               `json:"createdAt"`
}

func toAttempt(a store.SSOAttempt) attempt {
	return attempt{
		a.ID, a.Accepted, a.Diagnosis, a.Subject, a.Email, a.IP, a.UserAgent, service.Attributes(a), stamp(a.At),
	}
}

func (h connections) attempts(ctx context.Context, by store.Principal, in connectionRef) ([]attempt, error) {
	all, err := h.svc.SSOAttempts.List(ctx, by, in.ConfigurationID)
	return each(all, toAttempt), err
}

// An attemptPath names an attempt.
type attemptPath struct {
	AttemptID string `path:"attemptId"`
}

// A wholeAttempt shows what came, too.
type wholeAttempt struct {
	attempt
	Answer string `json:"answer"` // XML or JSON; empty where none was kept
}

func (h connections) attempt(ctx context.Context, by store.Principal, in attemptPath) (wholeAttempt, error) {
	a, err := h.svc.SSOAttempts.Read(ctx, by, in.AttemptID)
	return wholeAttempt{toAttempt(a.SSOAttempt), a.Shown}, err
}

// A trial is what an answer would lead to.
type trial struct {
	Accepted  bool     `json:"accepted"`
	Diagnosis string   `json:"diagnosis"`
	Subject   string   `json:"subject"`
	Email     string   `json:"email"`
	Name      string   `json:"name"`
	Groups    []string `json:"groups"`
	RoleIDs   []string `json:"roleIds"`
}

func (h connections) replay(ctx context.Context, by store.Principal, in struct {
	attemptPath
	Settings *connectionSettings `json:"settings"` // left out: those of the connection
}) (trial, error) {
	var change service.ConnectionChange
	if in.Settings != nil {
		change.Settings = in.Settings.replace
	}
	t, err := h.svc.SSOAttempts.Replay(ctx, by, in.AttemptID, change)
	return trial(t), err
}

func (h connections) preview(ctx context.Context, by store.Principal, in struct {
	attemptPath
	Attributes attributeMapping `json:"attributes"`
}) (trial, error) {
	t, err := h.svc.SSOAttempts.Preview(ctx, by, in.AttemptID, service.AttributeMapping(in.Attributes))
	return trial(t), err
}
