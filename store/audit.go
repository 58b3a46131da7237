package store

import (
	"context"
	"time"
)

// An AuditEvent records who did what.
type AuditEvent struct {
	ID        string
	TenantID  string // empty for what concerns the environment
	ActorID   string
	ActorKind Kind
	Action    string // noun.verb: "role.created"
	Subject   string // the id of what it was done to
	IP        string
	UserAgent string
	Detail    string // a JSON object without secrets, or empty
	At        time.Time
}

// An AuditQuery chooses events, newest first.
type AuditQuery struct {
	Page
	TenantID string // events of this tenant only; empty for all
	ActorID  string
	Action   string
	Subject  string
}

// AuditStore appends and lists audit events. Nothing changes or removes one but the sweep.
type AuditStore interface {
	AppendAudit(ctx context.Context, e AuditEvent) error
	Audit(ctx context.Context, q AuditQuery) (Listing[AuditEvent], error)
	// SweepAudit removes events from before.
	SweepAudit(ctx context.Context, before time.Time) (int, error)
}
