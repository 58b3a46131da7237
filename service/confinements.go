package service

import (
	"context"
	"slices"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// confinedSession is the error code of what a session that one tenant's provider vouched for
// may not do.
const confinedSession = "confined_session"

func errConfined(message string) error {
	e := fault.New(fault.Forbidden, "", message)
	e.Wire = confinedSession
	return e
}

// confine returns those of the tenants that a session may act in: all, or the one that it is
// confined to. The result shares the memory of ids.
func confine(ids []string, only string) []string {
	if only == "" {
		return ids
	}
	i := slices.Index(ids, only)
	if i < 0 {
		return nil
	}
	return ids[i : i+1 : i+1]
}

// leaves refuses a session that is confined to one tenant to act in another.
func leaves(only, tenantID string) error {
	if only == "" || only == tenantID {
		return nil
	}
	return errConfined("this session is for one tenant only")
}

// rooted refuses a session that one tenant's provider vouched for to change how the user
// signs in, where the user belongs to other tenants too: whoever runs that provider, or
// writes its configuration, would have the account everywhere. Every change of a password,
// an address, a second factor or an identity at a provider asks it first, and again in the
// transaction that makes the change.
func rooted(ctx context.Context, r store.Records, by store.Principal) error {
	return rootedIn(ctx, r, by.UserID, by.OnlyTenantID)
}

// rootedIn is rooted for a session that is not open yet.
func rootedIn(ctx context.Context, r store.Records, userID, only string) error {
	if only == "" {
		return nil
	}
	ms, err := r.Memberships(ctx, userID)
	if err != nil {
		return err
	}
	elsewhere := func(m store.Membership) bool { return m.TenantID != only }
	if slices.ContainsFunc(ms, elsewhere) {
		return errConfined("sign in without this tenant's single sign-on to change that: you belong to other tenants too")
	}
	return nil
}
