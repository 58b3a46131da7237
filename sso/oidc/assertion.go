package oidc

import (
	"cmp"
	"strings"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/internal/oauth"
)

const maxGroups = 1000

// protocol are the claims about the token rather than the person.
var protocol = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "nonce", "at_hash", "c_hash", "s_hash", "auth_time", "acr", "amr", "sid", "typ",
}

// assertion names what the claims say. What is too large is left out rather than cut.
func (pr Provider) assertion(c oauth.Claims) sso.Assertion {
	auth, _ := c.At("auth_time")
	name := c.Text("name")
	if name == "" {
		name = strings.TrimSpace(c.Text("given_name") + " " + c.Text("family_name"))
	}
	groups := c.Texts(pr.groups())
	return sso.Assertion{
		Connection: pr.Connection, Subject: c.Text("sub"),
		Email: c.Text("email"), EmailVerified: c.True(pr.verified(), pr.TextVerified),
		Name: name, Groups: groups[:min(len(groups), maxGroups)], Attributes: c.Attributes(append([]string{pr.groups()}, protocol...)...),
		AuthTime: auth, ACR: c.Text("acr"), AMR: c.Texts("amr"), SessionIndex: c.Text("sid"),
	}
}

// verified is the claim that says that the address is the person's.
func (pr Provider) verified() string { return cmp.Or(pr.VerifiedClaim, "email_verified") }
