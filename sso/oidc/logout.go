package oidc

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/internal/oauth"
)

// maxAge is how old a logout token may be when it arrives.
const maxAge = 5 * time.Minute

// A Logout is what a provider asks for over the back channel: that its sessions of Subject,
// or the one of SessionIndex, end. One of the two may be empty. The caller remembers ID until
// ExpiresAt and refuses it the second time.
type Logout struct {
	ID, Subject, SessionIndex string
	ExpiresAt                 time.Time
}

// LogoutToken verifies a token of OpenID Connect Back-Channel Logout 1.0 §2.6. Anything that
// is wrong is a refusal.
func (p *Party) LogoutToken(ctx context.Context, pr Provider, token string) (Logout, error) {
	doc, err := p.discover(ctx, pr)
	if err != nil {
		return Logout{}, err
	}
	head, err := header(token)
	if err != nil {
		return Logout{}, sso.Refuse("the logout token is no compact JWS as it must be", err)
	}
	t, err := p.verifier(pr, doc).VerifyLogout(ctx, token)
	if err != nil {
		return Logout{}, refuse("the logout token's signature, issuer, audience, expiry or shape is wrong", err)
	}
	var payload json.RawMessage
	if err := t.Claims(&payload); err != nil {
		return Logout{}, sso.Refuse("the logout token cannot be read", err)
	}
	c, err := oauth.Parse(payload)
	if err != nil {
		return Logout{}, sso.Refuse("the logout token's claims are no proper JSON object", err)
	}
	if err := oauth.FirstBroken(logoutRules(pr, head, c, p.now())); err != nil {
		return Logout{}, err
	}
	return Logout{ID: c.Text("jti"), Subject: c.Text("sub"), SessionIndex: c.Text("sid"), ExpiresAt: t.Expiry.UTC().Add(skew)}, nil
}

// logoutRules hold the claims against the specification. The type is logout+jwt, or, by older
// providers, none: then the event, and that there is no nonce, tell it from an ID token.
func logoutRules(pr Provider, head, c oauth.Claims, now time.Time) []oauth.Rule {
	kind := strings.TrimPrefix(strings.ToLower(head.Text("typ")), "application/")
	events, _ := c["events"].(map[string]any)
	_, event := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	_, nonce := c["nonce"]
	issued, told := c.At("iat")
	recent := told && !issued.After(now.Add(skew)) && !issued.Before(now.Add(-maxAge))
	ends, bounded := c.At("exp")
	audience := c.Texts("aud")
	return []oauth.Rule{
		{Holds: kind == "logout+jwt" || kind == "jwt" || kind == "", Say: "the logout token is of another type"},
		{Holds: pr.issued(c), Say: "the logout token is of another issuer"},
		{Holds: len(audience) == 1 && audience[0] == pr.ClientID, Say: "the logout token is for another client"},
		{Holds: event, Say: "the logout token names no logout"},
		{Holds: !nonce, Say: "the logout token has a nonce: it is an ID token"},
		{Holds: c.Text("jti") != "" && len(c.Text("jti")) <= maxSubject, Say: "the logout token has no id (jti)"},
		{Holds: c.Text("sub") != "" || c.Text("sid") != "", Say: "the logout token names neither a person nor a session"},
		{Holds: !c.Has("sub") || c.Text("sub") != "", Say: "the logout token's subject is no text"},
		{Holds: !c.Has("sid") || c.Text("sid") != "", Say: "the logout token's session is no text"},
		{Holds: recent, Say: "the logout token is too old, or of the future"},
		{Holds: bounded && ends.Before(now.Add(maxLife)), Say: "the logout token does not end within 31 days"},
	}
}

// A LogoutRequest is what the browser takes to the provider when a person signs out.
type LogoutRequest struct {
	Hint      string // the assertion's; may be empty
	ReturnURI string // registered with the provider; may be empty
	State     string // comes back with the browser; may be empty
}

// LogoutURL returns where to send the browser so that the person is signed out at the
// provider too (OpenID Connect RP-Initiated Logout 1.0), or "" where the provider has no such
// address.
func (p *Party) LogoutURL(ctx context.Context, pr Provider, r LogoutRequest) (string, error) {
	doc, err := p.discover(ctx, pr)
	if err != nil || doc.EndSession == "" {
		return "", err
	}
	u, err := url.Parse(doc.EndSession)
	if err != nil {
		return "", fmt.Errorf("read the end session endpoint: %w", err)
	}
	q := u.Query()
	q.Set("client_id", pr.ClientID)
	for name, value := range map[string]string{
		"id_token_hint": r.Hint, "post_logout_redirect_uri": r.ReturnURI, "state": r.State,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
