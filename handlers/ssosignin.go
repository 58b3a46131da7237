package handlers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// SSOCookieName names the cookie by which a browser that left for a provider is known again
// when it comes back.
const SSOCookieName = "__Host-identity-sso"

// WaitingCookieName names the cookie that holds a login which waits for its second factor.
const WaitingCookieName = "__Host-identity-mfa"

const waitingLife = 10 * time.Minute

// ssosignin signs people in through the providers of tenants.
type ssosignin struct {
	svc         *service.SSO
	connections *service.Connections
	signin      signin
}

func newSSOSignin(c Config) ssosignin {
	return ssosignin{c.Services.SSO, c.Services.Connections, newSignin(c)}
}

func (h ssosignin) routes() []route {
	const auth = "/identity/resources/auth/"
	return []route{
		public("POST "+auth+"v1/user/saml/prelogin", 200, "Find where to sign in for an address", flow(h.prelogin)).limit(middleware.SignIn),
		public("POST "+auth+"v2/user/sso/prelogin", 200, "Find where to sign in for an address, and to which tenant", flow(h.preloginTenant)).limit(middleware.SignIn),
		public("POST "+auth+"v1/user/saml/postlogin", 200, "Sign in with the answer of a SAML provider", flow(h.postSAML)).limit(middleware.SignIn),
		public("POST "+auth+"v1/user/oidc/postlogin", 200, "Sign in with the code of an OpenID provider", flow(h.postOIDC)).limit(middleware.SignIn),
		public("POST "+auth+"v2/user/oidc/postlogin", 200, "Sign in with the code of an OpenID provider, by RelayState", flow(h.postOIDCState)).limit(middleware.SignIn),
	}
}

// browser are the addresses that providers send browsers to. The pages of providers post to
// some of them: what they bring is tied to the browser by a cookie of its own.
func (h ssosignin) browser() []route {
	return []route{
		public("POST /auth/saml/callback", 302, "Take the answer of a SAML provider", seen("", h.acs)).limit(middleware.SignIn).fromElsewhere(),
		public("POST /auth/saml/callback/{connectionId}", 302, "Take the answer of a connection's SAML provider", seen("", h.connectionACS)).limit(middleware.SignIn).fromElsewhere().own(),
		public("GET /oauth/account/oidc/callback", 302, "Take the answer of an OpenID provider", seen("", h.callback)).limit(middleware.SignIn),
		public("POST /oauth/account/oidc/callback", 302, "Take the answer of an OpenID provider by form", seen("", h.callbackForm)).limit(middleware.SignIn).fromElsewhere().own(),
		public("GET /oauth/account/saml/callback", 200, "Tell that the sign-in is done", seen(pageMedia, h.done)),
		public("GET /auth/saml/slo/{connectionId}", 302, "Take a SAML provider's sign-out", seen("", h.slo)).limit(middleware.SignIn).own(),
		public("POST /auth/saml/slo/{connectionId}", 302, "Take a SAML provider's sign-out by form", seen("", h.sloForm)).limit(middleware.SignIn).fromElsewhere().own(),
		public("POST /oauth/account/oidc/logout/{connectionId}", 200, "Take an OpenID provider's sign-out", form(h.backChannel)).fromElsewhere().own(),
		public("GET /auth/saml/metadata/{connectionId}", 200, "Read what a SAML provider needs to know of a connection", seen(samlMetadata, h.metadata)).own(),
		public("GET /auth/sso/{handle}", 200, "Go on to a provider by form", seen(pageMedia, h.onward)).own(),
	}
}

type prelogin struct {
	Email    string `json:"email,omitempty" maxLength:"320"`
	Username string `json:"username,omitempty" maxLength:"255"`
	TenantID string `json:"tenantId,omitempty" maxLength:"64" tenant:"true"`

	RedirectURL string `json:"redirectUrl,omitempty" maxLength:"2048"`
}

type preloginAnswer struct {
	Address     string `json:"address"`
	IDPType     string `json:"idpType" enum:"saml|oidc"`
	AddressType string `json:"addressType" enum:"sso|external"`
}

type tenantPreloginAnswer struct {
	preloginAnswer
	Type     string `json:"type"`
	TenantID string `json:"tenantId"`
}

func (h ssosignin) prelogin(c *call, in prelogin) (preloginAnswer, error) {
	d, err := h.begin(c, in)
	return preloginAnswer{Address: d.Address, IDPType: string(d.Protocol), AddressType: "sso"}, err
}

func (h ssosignin) preloginTenant(c *call, in prelogin) (tenantPreloginAnswer, error) {
	d, err := h.begin(c, in)
	return tenantPreloginAnswer{
		preloginAnswer{Address: d.Address, IDPType: string(d.Protocol), AddressType: "sso"}, string(d.Protocol), d.TenantID,
	}, err
}

// begin leaves the cookie by which the browser is known when it comes back. A username leads
// nowhere: it says nothing about a domain.
func (h ssosignin) begin(c *call, in prelogin) (service.Departure, error) {
	by, err := c.inTenant()
	if err != nil {
		return service.Departure{}, err
	}
	browser, err := c.cookie(SSOCookieName)
	if err != nil {
		return service.Departure{}, err
	}
	start := service.Start{Email: in.Email, TenantID: in.TenantID, Kind: store.Family, Next: in.RedirectURL, Browser: browser}
	if start.TenantID == "" {
		start.TenantID = by.TenantID
	}
	by.TenantID = ""
	d, err := h.svc.Begin(c.Context(), by, start)
	if err == nil {
		c.setCookie(SSOCookie(d.Browser))
	}
	return d, err
}

// SSOCookie returns the cookie of a browser that leaves for a provider. It goes along when the
// provider's page posts its answer, which it would not with another SameSite.
func SSOCookie(value string) *http.Cookie {
	k := middleware.HostCookie(SSOCookieName, value, service.VoyageLife)
	k.SameSite = http.SameSiteNoneMode
	return k
}

type samlAnswer struct {
	RelayState   string `json:"RelayState" maxLength:"1024"`
	SAMLResponse string `json:"SAMLResponse"`
}

func (h ssosignin) postSAML(c *call, in samlAnswer) (login, error) {
	return h.post(c, service.Arrival{SAMLResponse: in.SAMLResponse, RelayState: in.RelayState})
}

type oidcAnswer struct {
	Code        string `json:"code" minLength:"1" maxLength:"8192"`
	State       string `json:"state" maxLength:"1024"`
	RedirectURI string `json:"redirectUri,omitempty" maxLength:"2048"`
	Issuer      string `json:"iss,omitempty" maxLength:"2048"` // RFC 9207
}

func (h ssosignin) postOIDC(c *call, in oidcAnswer) (login, error) {
	return h.post(c, in.arrival(in.State))
}

func (in oidcAnswer) arrival(state string) service.Arrival {
	a := url.Values{"code": {in.Code}, "state": {state}}
	if in.Issuer != "" {
		a.Set("iss", in.Issuer)
	}
	return service.Arrival{Answer: a, RedirectURI: in.RedirectURI}
}

type oidcRelayAnswer struct {
	Code        string `json:"code" minLength:"1" maxLength:"8192"`
	RelayState  string `json:"RelayState" maxLength:"1024"`
	RedirectURI string `json:"redirectUri,omitempty" maxLength:"2048"`
	Issuer      string `json:"iss,omitempty" maxLength:"2048"` // RFC 9207
}

func (h ssosignin) postOIDCState(c *call, in oidcRelayAnswer) (login, error) {
	out := oidcAnswer{Code: in.Code, RedirectURI: in.RedirectURI, Issuer: in.Issuer}
	return h.post(c, out.arrival(in.RelayState))
}

// post takes an answer from a page of the host's own, which the provider sent the browser to.
func (h ssosignin) post(c *call, in service.Arrival) (login, error) {
	var err error
	if in.Browser, err = c.cookie(SSOCookieName); err != nil {
		return login{}, err
	}
	in.Kind = store.Family
	out, err := h.svc.Finish(c.Context(), c.by, in)
	if err != nil {
		return login{}, err
	}
	return h.signin.welcome(c, out.Login)
}

type acsForm struct {
	SAMLResponse string `json:"SAMLResponse"`
	RelayState   string `json:"RelayState,omitempty"`
}

func (h ssosignin) acs(c *call, in acsForm) (reply, error) {
	return h.arrive(c, service.Arrival{SAMLResponse: in.SAMLResponse, RelayState: in.RelayState})
}

type connectionACSForm struct {
	acsForm
	ConnectionID string `path:"connectionId"`
}

func (h ssosignin) connectionACS(c *call, in connectionACSForm) (reply, error) {
	return h.arrive(c, service.Arrival{ConnectionID: in.ConnectionID, SAMLResponse: in.SAMLResponse, RelayState: in.RelayState})
}

type callbackQuery struct {
	Code  string     `query:"code"`
	State string     `query:"state"`
	All   url.Values `query:"*"`
}

func (h ssosignin) callback(c *call, in callbackQuery) (reply, error) {
	return h.arrive(c, service.Arrival{Answer: in.All})
}

type callbackForm struct {
	Code  string `json:"code,omitempty"`
	State string `json:"state,omitempty"`
}

func (h ssosignin) callbackForm(c *call, _ callbackForm) (reply, error) {
	return h.arrive(c, service.Arrival{Answer: c.r.PostForm})
}

// arrive takes an answer from the browser that the provider sent here, and sends it on.
func (h ssosignin) arrive(c *call, in service.Arrival) (reply, error) {
	var err error
	if in.Browser, err = c.cookie(SSOCookieName); err != nil {
		return reply{}, err
	}
	out, err := h.svc.Finish(c.Context(), c.by, in)
	if err != nil {
		return reply{}, err
	}
	if out.Onward != nil {
		c.setCookie(SSOCookie(out.Onward.Browser))
		return reply{location: out.Onward.Address}, nil
	}
	if out.Rehearsed {
		return reply{location: out.Next}, nil
	}
	return h.enter(c, out)
}

// enter gives the browser its session: a new one, whatever it had. It leaves no mark of the
// device: the one that there may be does not come along from another site.
func (h ssosignin) enter(c *call, out service.Arrived) (reply, error) {
	l := out.Login
	life := l.Session.ExpiresAt.Sub(c.now())
	switch {
	case l.MFARequired && out.Kind == store.Browser:
		c.setCookie(middleware.HostCookie(WaitingCookieName, l.MFAToken, waitingLife))
		return reply{location: secondFactor(l) + "?next=" + url.QueryEscape(out.Next)}, nil
	case l.MFARequired:
		body, err := json.Marshal(filled(toLogin(l)))
		return reply{status: http.StatusOK, media: "application/json; charset=utf-8", body: body}, err
	case l.Secret == "":
		return reply{}, fault.New(fault.Internal, "", "internal error")
	case out.Kind == store.Browser:
		h.leave(c)
		c.setCookie(middleware.SessionCookie(l.Secret, life))
	default:
		c.setCookie(h.signin.refreshCookie(l.Secret, life))
	}
	return reply{location: out.Next}, nil
}

// leave ends the session that the browser had, where its cookie came along.
func (h ssosignin) leave(c *call) {
	old, err := c.cookie(middleware.SessionCookieName)
	if err == nil && old != "" {
		err = h.signin.svc.Logout(c.Context(), c.by, old)
	}
	if err != nil {
		c.api.config.Log.WarnContext(c.Context(), "end the session before", "error", err)
	}
}

// secondFactor is the page where a login goes on that waits for its second factor.
func secondFactor(l service.Login) string {
	if l.MFAEnrolled {
		return "/account/mfa"
	}
	return "/account/mfa/setup"
}

type doneQuery struct {
	RedirectURL string `query:"redirectUrl"`
}

func (h ssosignin) done(c *call, in doneQuery) (reply, error) {
	return note{"You are signed in", "You can go on now.", h.svc.Target(in.RedirectURL)}.reply(http.StatusOK), nil
}

type onwardPath struct {
	Handle string `path:"handle"`
}

// onward shows the form that the browser which left takes to the provider, and nobody else.
func (h ssosignin) onward(c *call, in onwardPath) (reply, error) {
	browser, err := c.cookie(SSOCookieName)
	if err != nil {
		return reply{}, err
	}
	f, err := h.svc.Form(c.Context(), in.Handle, browser)
	if err != nil {
		return reply{}, err
	}
	return send(f.Action, f.Fields)
}
