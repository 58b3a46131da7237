package service

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/token"
)

// The values of the type claim.
const (
	userToken   = "userToken"
	vendorToken = "vendor"
)

// A minter makes access tokens. Every token goes through it.
type minter struct {
	*base
	keys     *Keys
	issuer   string
	audience string
	maxBytes int
}

// user mints the access token of a login.
func (m *minter) user(ctx context.Context, l Login, p store.Principal, now time.Time) (string, error) {
	ms, err := m.store.Memberships(ctx, l.User.ID)
	if err != nil {
		return "", err
	}
	v := token.Values{
		Issuer: m.issuer, Audience: m.audience, Subject: l.User.ID, Type: userToken,
		TenantID: l.Session.TenantID, SessionID: l.Session.ID, ID: m.newID(),
		IssuedAt: now, ExpiresAt: l.ExpiresAt, AuthTime: l.Session.AuthTime, Methods: l.Session.Methods,
		Name: l.User.Name, Email: l.User.Email, EmailVerified: l.User.Verified,
		PictureURL: l.User.PictureURL, Metadata: l.User.Metadata, Permissions: p.Rights.List(),
	}
	for _, t := range ms {
		if t.Activated && !t.Disabled {
			v.TenantIDs = append(v.TenantIDs, t.TenantID)
		}
	}
	for _, r := range p.Roles {
		v.Roles = append(v.Roles, r.Key)
	}
	payload, err := token.Render(v, m.maxBytes)
	if err != nil {
		return "", err
	}
	return m.keys.sign(ctx, "", token.AccessType, payload, l.ExpiresAt.Sub(now))
}

// management mints the token of a management credential.
func (m *minter) management(ctx context.Context, id string, now, expires time.Time) (string, error) {
	payload, err := token.RenderManagement(token.Values{
		Issuer: m.issuer, Audience: m.audience, Subject: id, Type: vendorToken, ID: m.newID(),
		IssuedAt: now, ExpiresAt: expires, VendorID: m.audience,
	})
	if err != nil {
		return "", err
	}
	return m.keys.sign(ctx, "", token.ManagementType, payload, expires.Sub(now))
}
