package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func auditTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Audit": testAudit}
}

func testAudit(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := store.AuditEvent{
		ID: "e1", TenantID: "t1", ActorID: "u1", ActorKind: store.UserKind, Action: "role.created", Subject: "r1",
		IP: "192.0.2.1", UserAgent: "ua", Detail: `{"key":"x"}`, At: now(),
	}
	must(t, s.AppendAudit(ctx, first))
	refused(t, "twice", s.AppendAudit(ctx, first), store.ErrConflict)
	for _, e := range []store.AuditEvent{
		{ID: "e2", TenantID: "t2", ActorID: "u1", Action: "role.created", Subject: "r2", At: now().Add(time.Second)},
		{ID: "e4", TenantID: "t1", ActorID: "u2", Action: "role.deleted", Subject: "r1", At: now().Add(2 * time.Second)},
		{ID: "e3", ActorID: "system", Action: "'); drop table x;--", At: now().Add(2 * time.Second)},
	} {
		must(t, s.AppendAudit(ctx, e))
	}
	for _, tt := range []struct {
		what string
		q    store.AuditQuery
		want string
	}{
		{"all", store.AuditQuery{}, "e4 e3 e2 e1"},
		{"oldest first", store.AuditQuery{Page: store.Page{Desc: true}}, "e1 e2 e3 e4"},
		{"tenant", store.AuditQuery{TenantID: "t1"}, "e4 e1"},
		{"actor", store.AuditQuery{ActorID: "u1"}, "e2 e1"},
		{"action", store.AuditQuery{Action: "role.created"}, "e2 e1"},
		{"action that looks like SQL", store.AuditQuery{Action: "'); drop table x;--"}, "e3"},
		{"subject in tenant", store.AuditQuery{TenantID: "t1", Subject: "r1"}, "e4 e1"},
	} {
		got, err := s.Audit(ctx, tt.q)
		must(t, err)
		equal(t, tt.what, words(got.Items, func(e store.AuditEvent) string { return e.ID }), tt.want)
	}
	got, err := s.Audit(ctx, store.AuditQuery{TenantID: "t1", ActorID: "u1"})
	must(t, err)
	equal(t, "an event", got.Items, []store.AuditEvent{first})
	returns(s.SweepAudit(ctx, now().Add(2*time.Second)))(t, "swept", 2)
	left, err := s.Audit(ctx, store.AuditQuery{})
	must(t, err)
	equal(t, "left", left.Total, 2)
}
