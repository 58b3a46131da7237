package social

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/internal/oauth"
)

const maxSubject = 255 // bytes

// userinfo is where to ask whose a token is.
func (pr Provider) userinfo(c Client, access string) string {
	u, err := url.Parse(pr.Userinfo)
	if err != nil || !pr.SecretProof {
		return pr.Userinfo
	}
	mac := hmac.New(sha256.New, []byte(c.Secret))
	mac.Write([]byte(access))
	q := u.Query()
	q.Set("appsecret_proof", hex.EncodeToString(mac.Sum(nil)))
	u.RawQuery = q.Encode()
	return u.String()
}

// read turns what the endpoints of a provider answered into an assertion. The addresses are
// nil where the provider has no endpoint for them.
func (pr Provider) read(userinfo, addresses []byte) (sso.Assertion, error) {
	c, err := oauth.Parse(userinfo)
	if err != nil {
		return sso.Assertion{}, sso.Refuse("the userinfo endpoint answered no proper JSON object", err)
	}
	if pr.Profile.Inside != "" {
		c = c.Inside(pr.Profile.Inside)
	}
	subject := pr.subject(c)
	if subject == "" || len(subject) > maxSubject {
		return sso.Assertion{}, sso.Refuse("the userinfo endpoint named nobody: it must give an id of 255 bytes at most", nil)
	}
	email := c.Text(cmp.Or(pr.Profile.Email, "email"))
	verified := c.True(cmp.Or(pr.Profile.Verified, "email_verified"), pr.Profile.TextVerified)
	if addresses != nil {
		if email, err = primary(addresses); err != nil {
			return sso.Assertion{}, sso.Refuse("the endpoint of addresses answered no proper JSON list", err)
		}
		verified = email != ""
	}
	return sso.Assertion{
		Connection: pr.Connection(), Subject: subject, Email: email, EmailVerified: pr.proved(email, verified),
		Name: pr.name(c), Attributes: c.Attributes(),
	}, nil
}

func (pr Provider) subject(c oauth.Claims) string {
	switch {
	case pr.Profile.Subject != "":
		return c.ID(pr.Profile.Subject)
	case c.Has("sub"):
		return c.ID("sub")
	}
	return c.ID("id")
}

func (pr Provider) name(c oauth.Claims) string {
	name := c.Text(cmp.Or(pr.Profile.Name, "name"))
	return cmp.Or(name, strings.TrimSpace(c.Text("given_name")+" "+c.Text("family_name")))
}

// primary returns the person's first address if it was proved, else "": another of them may be
// somebody's that they only wrote down.
func primary(addresses []byte) (string, error) {
	all, err := oauth.ParseList(addresses)
	if err != nil {
		return "", err
	}
	for _, one := range all {
		if one.True("primary", false) && one.True("verified", false) {
			return one.Text("email"), nil
		}
	}
	return "", nil
}
