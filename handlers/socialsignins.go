package handlers

import (
	"net/url"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// socialsignins sign people in with an account that they have elsewhere.
type socialsignins struct {
	svc *service.Socials
	sso ssosignin // what happens to a browser that comes back is the same
}

func newSocialSignins(c Config) socialsignins {
	return socialsignins{c.Services.Socials, newSSOSignin(c)}
}

func (h socialsignins) routes() []route {
	const auth = "/identity/resources/auth/"
	return []route{
		public("GET "+auth+"v2/user/sso/default/{type}/prelogin", 302, "Go to a social provider", seen("", h.leave)).limit(middleware.SignIn).own(),
		public("POST "+auth+"v1/user/sso/{provider}/postlogin", 200, "Sign in with the code of a social provider", flow(h.post)).limit(middleware.SignIn),
	}
}

// browser are the addresses that providers send browsers to.
func (h socialsignins) browser() []route {
	const path = "/oauth/account/social/success"
	return []route{
		public("GET "+path, 302, "Take the answer of a social provider", seen("", h.callback)).limit(middleware.SignIn),
		public("POST "+path, 302, "Take the answer of a social provider by form", seen("", h.callbackForm)).limit(middleware.SignIn).fromElsewhere().own(),
	}
}

type socialStart struct {
	Type        string `path:"type"`
	RedirectURL string `query:"redirectUrl"` // where to go then
}

// leave sends the browser to the provider, with the cookie by which it is known when it comes
// back.
func (h socialsignins) leave(c *call, in socialStart) (reply, error) {
	browser, err := c.cookie(SSOCookieName)
	if err != nil {
		return reply{}, err
	}
	d, err := h.svc.Begin(c.Context(), c.by, service.SocialStart{
		Type: in.Type, Kind: store.Family, Next: in.RedirectURL, Browser: browser,
	})
	if err != nil {
		return reply{}, err
	}
	c.setCookie(SSOCookie(d.Browser))
	return reply{location: d.Address}, nil
}

func (h socialsignins) callback(c *call, in callbackQuery) (reply, error) {
	return h.arrive(c, in.All)
}

func (h socialsignins) callbackForm(c *call, _ callbackForm) (reply, error) {
	return h.arrive(c, c.r.PostForm)
}

func (h socialsignins) arrive(c *call, answer url.Values) (reply, error) {
	browser, err := c.cookie(SSOCookieName)
	if err != nil {
		return reply{}, err
	}
	out, err := h.svc.Finish(c.Context(), c.by, service.SocialArrival{Browser: browser, Answer: answer})
	if err != nil {
		return reply{}, err
	}
	return h.sso.enter(c, out.Arrived)
}

// A socialAnswer is what a page of the host's own hands on, which the provider sent the browser
// to. The sign-in began here, and with it the verifier and where to go then are kept here: what
// is sent of them is not looked at. Neither is a token that a page got by itself.
type socialAnswer struct {
	Provider    string `path:"provider"`
	Code        string `json:"code" minLength:"1" maxLength:"8192"`
	State       string `json:"state" maxLength:"1024"`
	RedirectURI string `json:"redirectUri,omitempty" maxLength:"2048"`
	Issuer      string `json:"iss,omitempty" maxLength:"2048"`  // RFC 9207
	User        string `json:"user,omitempty" maxLength:"8192"` // Apple's, the first time

	IDToken      string `json:"idToken,omitempty"`
	Next         string `json:"afterAuthRedirectUrl,omitempty"`
	Metadata     string `json:"metadata,omitempty"`
	Invitation   string `json:"invitationToken,omitempty"`
	Verifier     string `json:"codeVerifier,omitempty"`
	VerifierPKCE string `json:"code_verifier_pkce,omitempty"`
}

// A socialLogin is a login with what the sign-in says about the person.
type socialLogin struct {
	login
	Email     string `json:"email"`
	IsNewUser bool   `json:"isNewUser"`
	Name      string `json:"name"`
	TenantID  string `json:"tenantId,omitempty"`
}

func (h socialsignins) post(c *call, in socialAnswer) (socialLogin, error) {
	browser, err := c.cookie(SSOCookieName)
	if err != nil {
		return socialLogin{}, err
	}
	answer := url.Values{"code": {in.Code}, "state": {in.State}}
	for name, value := range map[string]string{"iss": in.Issuer, "user": in.User} {
		if value != "" {
			answer.Set(name, value)
		}
	}
	out, err := h.svc.Finish(c.Context(), c.by, service.SocialArrival{
		Kind: store.Family, Type: in.Provider, Browser: browser, Answer: answer, RedirectURI: in.RedirectURI,
	})
	if err != nil {
		return socialLogin{}, err
	}
	l, err := h.sso.signin.welcome(c, out.Login)
	return socialLogin{
		login: l, Email: out.Login.User.Email, IsNewUser: out.Made, Name: out.Login.User.Name, TenantID: out.Login.Session.TenantID,
	}, err
}
