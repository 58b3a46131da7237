package handlers

import (
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// signup makes accounts and activates them.
type signup struct {
	svc *service.SignUp
	signin
}

func newSignup(c Config) signup { return signup{c.Services.SignUp, newSignin(c)} }

func (h signup) routes() []route {
	return []route{
		public("POST /identity/resources/users/v1/signUp", 200, "Make an account and a tenant", flow(h.create)).limit(middleware.SignUp),
		public("POST /identity/resources/users/v1/activate", 200, "Activate an account", flow(h.activate)).limit(middleware.SignIn),
		public("POST /identity/resources/users/v1/activate/code", 200, "Activate an account by a code", flow(h.activateByCode)).limit(middleware.SignIn),
		public("GET /identity/resources/users/v1/activate/strategy", 200, "Tell whether activation asks for a password", flow(h.strategy)).limit(middleware.SignIn),
		public("POST /identity/resources/users/v1/activate/reset", 201, "Mail a new activation link or code", flow(h.resend)).limit(middleware.Mail),
	}
}

// newSignUp leaves out what a sign-up may not choose: roles, the tenant's id, flags.
type newSignUp struct {
	Provider          string         `json:"provider" enum:"local|saml|google|github|facebook|microsoft|scim2|slack|apple"`
	Email             string         `json:"email"`
	CompanyName       string         `json:"companyName"`
	Username          string         `json:"username,omitempty"`
	Name              string         `json:"name,omitempty"`
	Password          string         `json:"password,omitempty"`
	Metadata          string         `json:"metadata,omitempty"`
	ProfilePictureURL string         `json:"profilePictureUrl,omitempty" maxLength:"4095"`
	PhoneNumber       string         `json:"phoneNumber,omitempty"`
	SkipInviteEmail   bool           `json:"skipInviteEmail,omitempty"`
	RoleIDs           []string       `json:"roleIds,omitempty"`
	EmailMetadata     map[string]any `json:"emailMetadata,omitempty"`
	RecaptchaToken    string         `json:"recaptchaToken,omitempty"`
	InvitationToken   string         `json:"invitationToken,omitempty"`
}

func (h signup) create(c *call, in newSignUp) (signedUp, error) {
	s, err := h.svc.Create(c.Context(), c.by, service.NewSignUp{
		Provider: in.Provider, Email: in.Email, Password: in.Password, Name: in.Name, Company: in.CompanyName,
		Metadata: in.Metadata, PictureURL: in.ProfilePictureURL, RoleIDs: in.RoleIDs, Kind: store.Family,
	})
	if err != nil {
		return signedUp{}, err
	}
	out := signedUp{ShouldActivate: s.ShouldActivate, UserID: s.UserID, TenantID: s.TenantID, ActivationToken: s.ActivationToken}
	if s.Login != nil {
		l, err := h.welcome(c, *s.Login)
		if err != nil {
			return signedUp{}, err
		}
		out.AuthResponse = &l
	}
	return out, nil
}

type signedUp struct {
	ShouldActivate  bool   `json:"shouldActivate"`
	UserID          string `json:"userId,omitempty"`
	TenantID        string `json:"tenantId,omitempty"`
	ActivationToken string `json:"activationToken,omitempty"`
	AuthResponse    *login `json:"authResponse,omitempty"`
}

type activation struct {
	UserID         string `json:"userId"`
	Token          string `json:"token"`
	Password       string `json:"password,omitempty"`
	RecaptchaToken string `json:"recaptchaToken,omitempty"`
	LastTermsCheck string `json:"lastTermsCheck,omitempty"`
}

func (h signup) activate(c *call, in activation) (login, error) {
	l, err := h.svc.Activate(c.Context(), c.by, in.proof())
	if err != nil {
		return login{}, err
	}
	return h.welcome(c, l)
}

func (in activation) proof() service.Activation {
	return service.Activation{UserID: in.UserID, Token: in.Token, Password: in.Password, Kind: store.Family}
}

func (h signup) activateByCode(c *call, in struct {
	activation
	Code string `json:"code"`
}) (login, error) {
	l, err := h.svc.ActivateByCode(c.Context(), c.by, service.CodeActivation{Activation: in.proof(), Code: in.Code})
	if err != nil {
		return login{}, err
	}
	return h.welcome(c, l)
}

type activationQuery struct {
	UserID string `query:"userId,required"`
	Token  string `query:"token,required"`
}

type activationStrategy struct {
	ShouldSetPassword bool `json:"shouldSetPassword"`
}

func (h signup) strategy(c *call, in activationQuery) (activationStrategy, error) {
	needs, err := h.svc.NeedsPassword(c.Context(), c.by, in.UserID, in.Token)
	return activationStrategy{needs}, err
}

type resend struct {
	Email         string         `json:"email" format:"email"`
	EmailMetadata map[string]any `json:"emailMetadata"`
}

func (h signup) resend(c *call, in resend) (none, error) {
	by, err := c.inTenant()
	if err != nil {
		return none{}, err
	}
	return none{}, h.svc.Resend(c.Context(), by, in.Email)
}
