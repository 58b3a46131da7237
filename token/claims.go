package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Claims is what a token says. Times are seconds since 1970, 0 when absent. Its values are
// what somebody signed, not what is so: rights are for the store to say.
type Claims struct {
	Issuer, Subject                          string
	Audience                                 []string
	ExpiresAt, IssuedAt, NotBefore, AuthTime int64
	ID, SessionID, Type, TenantID            string
	ApplicationID                            string
	TenantIDs, Roles, Permissions            []string
	Name, Email, PictureURL                  string
	EmailVerified                            bool
	Methods                                  []string                   // amr
	Context                                  string                     // acr
	Actor                                    json.RawMessage            // act
	Custom                                   map[string]json.RawMessage // every other claim
}

// ParseClaims reads a verified payload: one JSON object, each name once and exact, each
// known claim of its type. What it refuses is ErrClaims.
func ParseClaims(payload []byte) (Claims, error) {
	var c Claims
	if err := object(string(payload), c.set); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrClaims, err)
	}
	return c, nil
}

func (c *Claims) set(name, value string) (err error) {
	if t := c.textNamed(name); t != nil {
		*t, err = text(value)
	} else if l := c.listNamed(name); l != nil {
		*l, err = texts(value)
	} else if n := c.timeNamed(name); n != nil {
		*n, err = seconds(value)
	} else {
		err = c.setOther(name, value)
	}
	if err != nil {
		return fmt.Errorf("claim %.40q: %w", name, err)
	}
	return nil
}

func (c *Claims) textNamed(name string) *string {
	switch name {
	case "iss":
		return &c.Issuer
	case "sub":
		return &c.Subject
	case "jti":
		return &c.ID
	case "sid":
		return &c.SessionID
	case "type":
		return &c.Type
	case "tenantId":
		return &c.TenantID
	case "applicationId":
		return &c.ApplicationID
	case "name":
		return &c.Name
	case "email":
		return &c.Email
	case "profilePictureUrl":
		return &c.PictureURL
	case "acr":
		return &c.Context
	}
	return nil
}

func (c *Claims) listNamed(name string) *[]string {
	switch name {
	case "tenantIds":
		return &c.TenantIDs
	case "roles":
		return &c.Roles
	case "permissions":
		return &c.Permissions
	case "amr":
		return &c.Methods
	}
	return nil
}

func (c *Claims) timeNamed(name string) *int64 {
	switch name {
	case "exp":
		return &c.ExpiresAt
	case "iat":
		return &c.IssuedAt
	case "nbf":
		return &c.NotBefore
	case "auth_time":
		return &c.AuthTime
	}
	return nil
}

func (c *Claims) setOther(name, value string) (err error) {
	switch name {
	case "aud":
		if value[0] == '"' {
			c.Audience = make([]string, 1)
			c.Audience[0], err = text(value)
		} else {
			c.Audience, err = texts(value)
		}
	case "email_verified":
		c.EmailVerified, err = truth(value)
	case "act":
		if c.Actor = json.RawMessage(value); value[0] != '{' {
			err = errJSON
		}
	default:
		if c.Custom == nil {
			c.Custom = make(map[string]json.RawMessage)
		}
		c.Custom[name] = json.RawMessage(value)
	}
	return err
}

// Expires returns when the token expires.
func (c Claims) Expires() time.Time { return time.Unix(c.ExpiresAt, 0).UTC() }

// Expect is what a token must say to be accepted.
type Expect struct {
	Issuer      string        // must be it, byte by byte
	Audience    []string      // must name one of them
	Type        string        // must be its type claim; empty is any
	Now         time.Time     // the time to judge by
	Skew        time.Duration // by which clocks may differ, at most two minutes; zero is none
	MaxLifetime time.Duration // from iat to exp; zero is [MaxLifetime]
}

const maxSkew = 2 * time.Minute

// Check returns why the token is refused, or nil. An Expect that names no issuer or no
// audience accepts nothing.
func (c Claims) Check(e Expect) error {
	switch {
	case e.Type != "" && c.Type != e.Type:
		return ErrType
	case c.Issuer == "" || c.Issuer != e.Issuer:
		return ErrIssuer
	case !slices.ContainsFunc(c.Audience, func(a string) bool { return a != "" && slices.Contains(e.Audience, a) }):
		return ErrAudience
	case c.Subject == "" || c.ExpiresAt == 0 || c.IssuedAt == 0:
		return fmt.Errorf("%w: sub, exp and iat are required", ErrClaims)
	}
	return c.checkTimes(e)
}

func (c Claims) checkTimes(e Expect) error {
	skew, most := min(max(e.Skew, 0), maxSkew), e.MaxLifetime
	if most == 0 {
		most = MaxLifetime
	}
	early, late := e.Now.Add(-skew), e.Now.Add(skew)
	switch {
	case !early.Before(time.Unix(c.ExpiresAt, 0)): // RFC 7519 §4.1.4: on or after
		return ErrExpired
	case late.Before(time.Unix(c.IssuedAt, 0)) || late.Before(time.Unix(c.NotBefore, 0)):
		return ErrNotYet
	case c.ExpiresAt <= c.IssuedAt, c.ExpiresAt-c.IssuedAt > int64(most/time.Second):
		return ErrLifetime
	case time.Unix(c.ExpiresAt, 0).After(late.Add(MaxLifetime)):
		return ErrLifetime
	}
	return nil
}
