package oidc

import (
	"slices"
	"strings"

	"github.com/go-identity/identity/sso"
)

const (
	maxAttributes = 200
	maxAttribute  = 4096 // bytes of one value
	maxGroups     = 1000
)

// protocol are the claims about the token rather than the person.
var protocol = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "nonce", "at_hash", "c_hash", "s_hash", "auth_time", "acr", "amr", "sid", "typ",
}

// assertion names what the claims say. What is too large is left out rather than cut.
func (pr Provider) assertion(c claims) sso.Assertion {
	auth, _ := c.at("auth_time")
	name := c.text("name")
	if name == "" {
		name = strings.TrimSpace(c.text("given_name") + " " + c.text("family_name"))
	}
	groups := c.texts(pr.groups())
	return sso.Assertion{
		Connection: pr.Connection, Subject: c.text("sub"),
		Email: c.text("email"), EmailVerified: c.true("email_verified", pr.TextVerified),
		Name: name, Groups: groups[:min(len(groups), maxGroups)], Attributes: pr.attributes(c),
		AuthTime: auth, ACR: c.text("acr"), AMR: c.texts("amr"), SessionIndex: c.text("sid"),
	}
}

func (pr Provider) attributes(c claims) map[string][]string {
	all := map[string][]string{}
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := texts(c[name])
		large := slices.ContainsFunc(values, func(v string) bool { return len(v) > maxAttribute })
		skip := slices.Contains(protocol, name) || name == pr.groups() || len(values) == 0 || len(values) > maxGroups || large
		if !skip && len(all) < maxAttributes {
			all[name] = values
		}
	}
	return all
}
