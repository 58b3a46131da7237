package handlers

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// signin opens, continues and closes sessions that refresh tokens carry.
type signin struct {
	svc    *service.SignIn
	sso    *service.SSO
	cookie string // the name of the refresh cookie
}

func newSignin(c Config) signin {
	return signin{c.Services.SignIn, c.Services.SSO, refreshCookieName(c.Services.Environment)}
}

func (h signin) routes() []route {
	return []route{
		public("POST /identity/resources/auth/v1/user", 200, "Sign in with a password", flow(h.password)).limit(middleware.SignIn),
		public("POST /identity/resources/auth/v1/user/token/refresh", 201, "Exchange a refresh token for its successor", flow(h.refresh)).limit(middleware.Refresh),
		public("POST /identity/resources/auth/v1/logout", 201, "End the session of a refresh token", flow(h.logout)),
	}
}

// refreshCookieName is the name that the published clients look for: the client id
// without its first dash.
func refreshCookieName(clientID string) string {
	return "fe_refresh_" + strings.Replace(clientID, "-", "", 1)
}

type passwordLogin struct {
	Email    string `json:"email,omitempty" maxLength:"320"`
	Username string `json:"username,omitempty" maxLength:"255"`
	Password string `json:"password" maxLength:"4096"`

	RecaptchaToken  string `json:"recaptchaToken,omitempty"`
	InvitationToken string `json:"invitationToken,omitempty"`
}

func (h signin) password(c *call, in passwordLogin) (login, error) {
	by, err := c.inTenant()
	if err != nil {
		return login{}, err
	}
	l, err := h.svc.Password(c.Context(), by, service.PasswordLogin{
		Email: in.Email, Username: in.Username, Password: in.Password, Kind: store.Family,
	})
	if err != nil {
		return login{}, err
	}
	return h.welcome(c, l)
}

// inTenant returns the anonymous caller with the tenant that its header names.
func (c *call) inTenant() (store.Principal, error) {
	by, tenantID := c.by, ""
	tenantID, err := idHeader(c.r.Header, tenantHeader)
	by.TenantID = tenantID
	return by, err
}

// welcome answers a sign-in and leaves its cookies. A browser that was never here gets a
// device cookie, by which it is known the next time.
func (h signin) welcome(c *call, l service.Login) (login, error) {
	if !l.MFARequired {
		c.setCookie(h.refreshCookie(l.Secret, l.Session.ExpiresAt.Sub(c.now())))
	}
	if c.by.Device == "" {
		d, err := h.svc.NewDevice()
		if err != nil {
			return login{}, err
		}
		c.setCookie(middleware.HostCookie(DeviceCookieName, d, deviceLife))
	}
	return toLogin(l), nil
}

const deviceLife = 400 * 24 * time.Hour // the most that browsers keep (RFC 6265bis §5.6.1)

func (h signin) refreshCookie(value string, life time.Duration) *http.Cookie {
	k := middleware.HostCookie(h.cookie, value, life)
	return k
}

type refreshToken struct {
	RefreshToken string `json:"refreshToken,omitempty" maxLength:"512"`
	TenantID     string `query:"tenantId"`
}

// secret returns the refresh token of the body, or of the cookie.
func (h signin) secret(c *call, in refreshToken) (string, error) {
	if in.RefreshToken != "" {
		return in.RefreshToken, nil
	}
	return c.cookie(h.cookie)
}

func (h signin) refresh(c *call, in refreshToken) (login, error) {
	text, err := h.secret(c, in)
	if err != nil {
		return login{}, err
	}
	if text == "" {
		return login{}, fault.New(fault.Unauthenticated, "", "sign in again")
	}
	by := c.by
	by.TenantID = in.TenantID
	l, err := h.svc.Refresh(c.Context(), by, text)
	if err != nil {
		return login{}, err
	}
	if !l.MFARequired { // else the one that was shown stays good, for when the user comes back
		c.setCookie(h.refreshCookie(l.Secret, l.Session.ExpiresAt.Sub(c.now())))
	}
	return toLogin(l), nil
}

// A loggedOut is where a browser has to go to sign out of the provider that it signed in at;
// empty is nowhere.
type loggedOut struct {
	Address string `json:"address,omitempty"`
}

func (h signin) logout(c *call, in refreshToken) (loggedOut, error) {
	text, err := h.secret(c, in)
	if err != nil {
		return loggedOut{}, err
	}
	browser, err := c.cookie(SSOCookieName)
	if err != nil {
		return loggedOut{}, err
	}
	d, err := h.sso.Logout(c.Context(), c.by, service.Leave{Secret: text, Browser: browser})
	if err != nil {
		return loggedOut{}, err
	}
	c.clearCookie(h.cookie)
	if d.Browser != "" {
		c.setCookie(SSOCookie(d.Browser))
	}
	return loggedOut{d.Address}, nil
}

// login is what every way of signing in answers. Where a second factor is asked for there are
// no tokens, and there is a token to come back with.
type login struct {
	TokenType     string      `json:"tokenType"`
	MFARequired   bool        `json:"mfaRequired"`
	MFAToken      string      `json:"mfaToken,omitempty"`
	MFAEnrolled   *bool       `json:"mfaEnrolled,omitempty"`
	MFADevices    *mfaDevices `json:"mfaDevices,omitempty"`
	AccessToken   string      `json:"accessToken"`
	RefreshToken  string      `json:"refreshToken"`
	ExpiresIn     int         `json:"expiresIn"`
	Expires       string      `json:"expires"`
	UserID        string      `json:"userId"`
	UserEmail     string      `json:"userEmail"`
	EmailVerified bool        `json:"emailVerified"`
}

func toLogin(l service.Login) login {
	out := login{
		TokenType: "bearer", MFARequired: l.MFARequired, AccessToken: l.AccessToken, RefreshToken: l.Secret,
		ExpiresIn: int(l.ExpiresIn / time.Second), UserID: l.User.ID, UserEmail: l.User.Email, EmailVerified: l.User.Verified,
	}
	if l.MFARequired {
		d := toDevices(l.MFADevices)
		out.MFAToken, out.MFAEnrolled, out.MFADevices = l.MFAToken, &l.MFAEnrolled, &d
		return out
	}
	out.Expires = l.ExpiresAt.Format(http.TimeFormat)
	return out
}
