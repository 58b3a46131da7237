package service

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

// A Visit is somebody who comes through a provider.
type Visit struct {
	UserID, ConnectionID, Subject, Index string
	TenantID                             string // of the connection; empty for a social provider
	Attributes                           string
	Methods                              []string
	AuthTime                             time.Time
	Kind                                 store.SessionKind
	Override                             bool
	Ends                                 time.Time // of the session, at the latest
}

// Come opens a session for a visit, the way single sign-on does.
func (s *Services) Come(ctx context.Context, by store.Principal, v Visit) (Login, error) {
	return s.SignIn.open(ctx, by, opening{
		kind: v.Kind, methods: v.Methods, authTime: v.AuthTime, onlyTenant: v.TenantID, overrideActive: v.Override, ends: v.Ends,
		came:    &store.ProviderSession{ConnectionID: v.ConnectionID, Subject: v.Subject, Index: v.Index, Attributes: v.Attributes},
		resolve: func(*unit) (string, error) { return v.UserID, nil },
	})
}

// EndProvided lets tests reach endProvided.
func (s *Services) EndProvided(ctx context.Context, connectionID, subject, index string) (ended int, err error) {
	err = s.base.change(ctx, store.System(), "test.ended", connectionID, func(tx *unit) error {
		ended, err = endProvided(ctx, tx, connectionID, subject, index)
		return err
	})
	return ended, err
}

// Forget makes this process forget what it knows of a user, as a change would.
func (s *Services) Forget(userID string) {
	s.base.apply(store.Revocation{ID: s.base.newID(), UserID: userID, At: s.base.now()})
}
