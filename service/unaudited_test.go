package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

var errUnaudited = errors.New("the audit log is full")

// unaudited is a store whose audit log takes nothing, once it is full.
type unaudited struct {
	store.Store
	full bool
}

type unauditedRecords struct{ store.Records }

func (unauditedRecords) AppendAudit(context.Context, store.AuditEvent) error { return errUnaudited }

func (u *unaudited) AppendAudit(ctx context.Context, e store.AuditEvent) error {
	if u.full {
		return errUnaudited
	}
	return u.Store.AppendAudit(ctx, e)
}

func (u *unaudited) Tx(ctx context.Context, fn func(store.Records) error) error {
	return u.Store.Tx(ctx, u.deny(fn))
}

func (u *unaudited) Short(ctx context.Context, fn func(store.Records) error) error {
	return u.Store.Short(ctx, u.deny(fn))
}

func (u *unaudited) deny(fn func(store.Records) error) func(store.Records) error {
	if !u.full {
		return fn
	}
	return func(tx store.Records) error { return fn(unauditedRecords{tx}) }
}

func TestAttackUnaudited(t *testing.T) {
	t.Parallel()
	db := &unaudited{Store: memory(t)}
	w := worldOver(t, db, noon(), open)
	l, second := w.joined(t, "ann@example.com")
	third := w.tenant(t)
	by, tenant := w.user(t, l), hostIn(l.Session.TenantID)
	rs, err := w.Roles.Create(t.Context(), tenant, []service.NewRole{{Key: "extra", Name: "Extra"}})
	if err != nil {
		t.Fatal(err)
	}
	credential, secret, err := w.Credentials.Create(t.Context(), host, "back end")
	if err != nil {
		t.Fatal(err)
	}
	db.full = true
	ctx, id := t.Context(), l.User.ID
	for name, change := range map[string]func() error{
		"assign a role": func() error { return errOf(w.Members.Assign(ctx, tenant, id, []string{rs[0].ID})) },
		"add a member":  func() error { return errOf(w.Members.Add(ctx, host, id, service.TenantChoice{TenantID: third})) },
		"disable":       func() error { return w.Members.Disable(ctx, tenant, id) },
		"lock":          func() error { return w.Users.Lock(ctx, host, id) },
		"delete a user": func() error { return w.Users.Delete(ctx, host, id) },
		"create a user": func() error {
			return errOf(w.Users.Create(ctx, host, service.NewUser{Email: "new@example.com", TenantID: second}))
		},
		"delete a tenant": func() error { return w.Tenants.Delete(ctx, host, second) },
		"create a role":   func() error { return errOf(w.Roles.Create(ctx, tenant, []service.NewRole{{Key: "x", Name: "X"}})) },
		"delete a role":   func() error { return w.Roles.Delete(ctx, tenant, rs[0].ID) },
		"take a permission": func() error {
			return errOf(w.Roles.SetPermissions(ctx, tenant, rs[0].ID, nil))
		},
		"make a credential":   func() error { _, _, err := w.Credentials.Create(ctx, host, "x"); return err },
		"delete a credential": func() error { return w.Credentials.Delete(ctx, host, credential.ID) },
		"use a credential":    func() error { _, _, err := w.Credentials.Exchange(ctx, someone, w.Environment, secret); return err },
		"sign in":             func() error { return errOf(w.login(t, "ann@example.com", good)) },
		"refresh":             func() error { return errOf(w.refresh(t, l.Secret)) },
		"switch the tenant":   func() error { return errOf(w.Profiles.Switch(ctx, by, second)) },
		"change the password": func() error { return w.Passwords.Change(ctx, by, good, "another long password of ann") },
		"end all sessions":    func() error { return w.Sessions.EndAll(ctx, by) },
		"make a link":         func() error { _, _, err := w.SignUp.Link(ctx, host, id); return err },
	} {
		t.Run("STO-26 refuse to "+name, func(t *testing.T) {
			if err := change(); !errors.Is(err, errUnaudited) || code(err) != fault.Internal {
				t.Errorf("without an audit log = %v, want %v", err, errUnaudited)
			}
		})
	}
	t.Run("STO-26 go on reading", func(t *testing.T) {
		w.clock.advance(2 * time.Second)
		p := w.user(t, l)
		if len(p.Roles) == 0 || !p.Can("reports.read") {
			t.Errorf("rights %v", p.Roles)
		}
		if _, err := w.Profiles.Me(ctx, p); err != nil {
			t.Error(err)
		}
		if all, err := w.Sessions.List(ctx, p); err != nil || len(all) != 1 {
			t.Errorf("%d sessions, %v; want the one that was there before", len(all), err)
		}
		if _, err := w.Users.Search(ctx, p, service.UserSearch{}); err != nil {
			t.Error(err)
		}
		wantCode(t, "a wrong password", errOf(w.login(t, "ann@example.com", "x")), fault.Unauthenticated)
	})
	t.Run("STO-26 nothing was changed", func(t *testing.T) {
		db.full = false
		wantCode(t, "the old password", errOf(w.login(t, "ann@example.com", good)), "")
		wantCode(t, "the token that was not refreshed", errOf(w.refresh(t, l.Secret)), "")
		if _, err := w.Tenants.Read(ctx, host, second); err != nil {
			t.Errorf("the tenant that was not deleted: %v", err)
		}
	})
}
