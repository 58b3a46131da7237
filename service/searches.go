package service

import (
	"context"
	"errors"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A UserSearch chooses users.
type UserSearch struct {
	store.UserQuery
	Identifier     string // an address, a username or a phone number, exactly
	IdentifierKind store.IdentifierKind
	Permissions    bool // fill Profile.Permissions
}

func (q UserSearch) check() error {
	var c fault.Checker
	checkBatch(&c, "ids", len(q.IDs))
	checkBatch(&c, "_externalIds", len(q.ExternalIDs))
	checkText(&c, "_email", q.Email+q.EmailPrefix, maxName)
	checkText(&c, "_namePrefix", q.NamePrefix, maxName)
	checkText(&c, "_filter", q.Filter, maxName)
	checkText(&c, "_identifier", q.Identifier, maxName)
	if err := c.Err(); err != nil {
		return err
	}
	return checkPage(q.Page, "createdAt", "name", "email", "id", "verified", "isLocked", "provider", "tenantId")
}

// Search lists users. A user finds members of its own tenant only; without a tenant it
// finds nobody.
func (s *Users) Search(ctx context.Context, by store.Principal, q UserSearch) (store.Listing[Profile], error) {
	var none store.Listing[Profile]
	tenantID, err := reach(by, q.TenantID)
	if err == nil {
		err = q.check()
	}
	if err != nil {
		return none, err
	}
	q.TenantID = tenantID
	if q.Sort == "tenantId" {
		q.Sort = "" // all are seen in one tenant, or in none
	}
	if q.Identifier != "" {
		found, err := s.identified(ctx, &q)
		if err != nil || !found {
			return none, err
		}
	}
	l, err := s.store.Users(ctx, q.UserQuery)
	if err != nil {
		return none, err
	}
	ps, err := s.profiles(ctx, by, l.Items...)
	if err == nil && q.Permissions {
		err = s.grant(ctx, ps)
	}
	return store.Listing[Profile]{Items: ps, Total: l.Total, Next: l.Next}, err
}

// reach returns the tenant that by may search, given the one that it asked for; empty is
// the whole environment.
func reach(by store.Principal, asked string) (string, error) {
	switch {
	case fromHost(by) && by.TenantID == "":
		return asked, nil
	case by.TenantID == "":
		return "", fault.New(fault.Forbidden, "", "choose a tenant first")
	case asked == "" || asked == by.TenantID:
		return by.TenantID, nil
	case fromHost(by):
		return "", fault.New(fault.Invalid, "_tenantId", "must be the tenant of the request")
	}
	return "", fault.New(fault.Forbidden, "", "another tenant")
}

// identified narrows q to the user with the identifier and reports whether there is one.
func (s *Users) identified(ctx context.Context, q *UserSearch) (bool, error) {
	value, err := q.Identifier, error(nil)
	switch q.IdentifierKind {
	case store.Username:
		value = normalizeUsername(value)
	case store.Email, "":
		q.IdentifierKind = store.Email
		value, err = normalizeEmail(value)
	}
	if err != nil {
		return false, nil // nobody can have it
	}
	i, err := s.store.Identifier(ctx, s.scope(q.TenantID), q.IdentifierKind, value)
	if errors.Is(err, store.ErrNotFound) || len(q.IDs) > 0 && !slices.Contains(q.IDs, i.UserID) {
		return false, nil
	}
	q.IDs = []string{i.UserID}
	return err == nil, err
}
