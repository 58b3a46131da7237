package sqlstore

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

const auditColumns = `r.id, r.tenant_id, r.actor_id, r.actor_kind, r.action, r.subject, r.ip, r.user_agent, r.detail, r.at`

func (db *DB) scanAudit(scan scan) (e store.AuditEvent, err error) {
	err = scan(&e.ID, &e.TenantID, &e.ActorID, &e.ActorKind, &e.Action, &e.Subject, &e.IP, &e.UserAgent,
		docOf{&e.Detail, db}, at{&e.At})
	return e, err
}

// AppendAudit implements store.AuditStore.
func (db *DB) AppendAudit(ctx context.Context, e store.AuditEvent) error {
	return db.insert(ctx, `
		insert into identity_audit_events (id, tenant_id, actor_id, actor_kind, action, subject, ip, user_agent, detail, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
		e.ID, e.TenantID, e.ActorID, string(e.ActorKind), e.Action, e.Subject, e.IP, e.UserAgent, doc(e.Detail),
		moment(e.At))
}

// Audit implements store.AuditStore.
func (db *DB) Audit(ctx context.Context, q store.AuditQuery) (store.Listing[store.AuditEvent], error) {
	l := listing[store.AuditEvent]{
		table: `identity_audit_events e`, id: `e.id`, key: `e.tenant_id, `, columns: auditColumns,
		join: `join identity_audit_events r on r.tenant_id = page.tenant_id and r.at = page.sort_key and r.id = page.id`,
		into: db.scanAudit, cursor: func(e store.AuditEvent) (time.Time, string) { return e.At, e.ID },
	}
	l.equal(`e.tenant_id`, q.TenantID)
	l.equal(`e.actor_id`, q.ActorID)
	l.equal(`e.action`, q.Action)
	l.equal(`e.subject`, q.Subject)
	created := sort{column: `e.at`, keyset: true}
	q.Desc = !q.Desc // the first page holds the newest
	return l.page(ctx, db, q.Page, map[string]sort{"": created, "createdAt": created})
}

// SweepAudit implements store.AuditStore.
func (db *DB) SweepAudit(ctx context.Context, before time.Time) (int, error) {
	return db.sweep(ctx, `
		delete from identity_audit_events where (tenant_id, at, id) in (
			select tenant_id, at, id from identity_audit_events where at < $2 limit $1)`, moment(before))
}
