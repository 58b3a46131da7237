package handlers

import (
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// The headers by which the host's back end says for whom it acts.
const (
	tenantHeader = "Frontegg-Tenant-Id"
	userHeader   = "Frontegg-User-Id"
)

// DeviceCookieName names the cookie by which a browser is known again after it signed in.
const DeviceCookieName = "__Host-identity-device"

// admit finds out who calls and whether the row lets them in.
func (c *call) admit() error {
	if c.route.audience == forAnyone {
		c.by, _ = middleware.PrincipalFrom(c.r.Context())
		c.by.Device, _ = c.cookie(DeviceCookieName) // two that differ name no device
		return nil
	}
	var err error
	if c.by, err = c.api.config.Guard.Caller(c.r); err != nil {
		return err
	}
	c.by.Device, _ = c.cookie(DeviceCookieName)
	if c.by.Kind != store.ManagementKind && c.route.audience == forManagement {
		return fault.New(fault.Forbidden, "", "only for a management token")
	}
	if err := c.actFor(); err != nil {
		return err
	}
	if c.route.permission != "" && !c.by.Can(c.route.permission) {
		return fault.New(fault.Forbidden, "", "missing permission "+string(c.route.permission))
	}
	return nil
}

// actFor reads for whom the caller acts. A user acts for itself: the headers may say so
// and nothing else, not even another tenant that it belongs to. The host's back end acts
// for whom it names.
func (c *call) actFor() error {
	tenantID, err := idHeader(c.r.Header, tenantHeader)
	if err != nil {
		return err
	}
	userID, err := idHeader(c.r.Header, userHeader)
	if err != nil {
		return err
	}
	if c.by.Kind == store.UserKind {
		return c.onlyItself(tenantID, userID)
	}
	c.by.TenantID, c.by.UserID = tenantID, userID
	return nil
}

func (c *call) onlyItself(tenantID, userID string) error {
	if tenantID != "" && tenantID != c.by.TenantID {
		return fault.New(fault.Forbidden, "", "the token is for another tenant")
	}
	if userID != "" && userID != c.by.UserID {
		return fault.New(fault.Forbidden, "", "the token is for another user")
	}
	return nil
}

// agree checks that header and input name one tenant, which is then the one that the
// host's back end acts in, and that it named all that the row needs.
func (c *call) agree(named []string) (store.Principal, error) {
	by := c.by
	tenantID := c.r.Header.Get(tenantHeader)
	for _, id := range named {
		if id != "" && tenantID != "" && id != tenantID {
			return by, fault.New(fault.Invalid, "tenantId", "must be the same everywhere in the request")
		}
		if id != "" {
			tenantID = id
		}
	}
	if by.Kind == store.UserKind && tenantID != "" && tenantID != by.TenantID {
		return by, fault.New(fault.NotFound, "", "no such tenant")
	}
	if by.Kind != store.ManagementKind {
		return by, nil
	}
	by.TenantID = tenantID
	var check fault.Checker
	if c.route.audience == forUser {
		check.Check(by.TenantID != "" || c.route.noTenant, "frontegg-tenant-id", "should not be empty")
	}
	check.Check(by.UserID != "" || !c.route.needsUser, "frontegg-user-id", "should not be empty")
	return by, check.Err()
}

// idHeader reads a header that holds one id. Empty is without one.
func idHeader(h map[string][]string, name string) (string, error) {
	values := h[name]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", fault.New(fault.Invalid, strings.ToLower(name), "must be sent once")
	}
	if !isID(values[0]) {
		return "", fault.New(fault.Invalid, strings.ToLower(name), "must be 1 to 64 characters of letters, digits, '.', '_' and '-'")
	}
	return values[0], nil
}

const maxID = 64

// isID reports whether text can be the id of a record.
func isID(text string) bool {
	for i := range len(text) {
		c := text[i] | 0x20 // to lower case, where it is a letter
		letter := 'a' <= c && c <= 'z'
		digit := '0' <= text[i] && text[i] <= '9'
		if !letter && !digit && text[i] != '.' && text[i] != '_' && text[i] != '-' {
			return false
		}
	}
	return text != "" && len(text) <= maxID
}
