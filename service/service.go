// Package service holds the rules: what may change, who is told, what is recorded. It is
// also the library's API in process: every HTTP operation has its method here.
//
// Every method takes the caller as an argument, never from the context. A host that calls
// in process passes [store.System].
package service

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/go-identity/identity/store"
)

// base is what every service shares.
type base struct {
	store store.Store
	now   func() time.Time // UTC, cut to the microsecond
	newID func() string    // UUIDv7 text
	log   *slog.Logger
	apply func(...store.Revocation) // tells this process's caches after a commit
	doubt func([]store.Revocation)  // tells them of what may have been committed

	environment  string // the id of this installation
	strictLevels bool   // a role may be handed out by strictly stronger ones only
}

// A unit is one change being made: the transaction, and what goes with it.
type unit struct {
	store.Records
	at       time.Time
	tenantID string // of the audit event; the caller's unless a rule sets it
	action   string // of the audit event, where a rule came to another than it set out to
	subject  string // the same
	actorID  string // the same, where who acts is known only by then
	detail   any    // of the audit event; marshaled, without secrets
	revoked  []store.Revocation
	after    []func() // run once the change is committed
	newID    func() string
}

// revoke appends r to the feed, so that every process forgets what it cached about it.
func (u *unit) revoke(ctx context.Context, r store.Revocation) error {
	r.ID, r.At = u.newID(), u.at
	u.revoked = append(u.revoked, r)
	return u.AppendRevocation(ctx, r)
}

// change runs fn in one serializable transaction and records the action with it. fn may
// run more than once; inside it use tx only.
func (b *base) change(ctx context.Context, by store.Principal, action, subject string, fn func(tx *unit) error) error {
	return b.commit(ctx, b.store.Tx, event{by, action, subject}, fn)
}

// hot is change for single conditional statements: it never waits for a serializable retry.
func (b *base) hot(ctx context.Context, by store.Principal, action, subject string, fn func(tx *unit) error) error {
	return b.commit(ctx, b.store.Short, event{by, action, subject}, fn)
}

type transact func(context.Context, func(store.Records) error) error

// An event is who does what to whom.
type event struct {
	by              store.Principal
	action, subject string
}

func (b *base) commit(ctx context.Context, run transact, e event, fn func(tx *unit) error) error {
	var u *unit
	err := run(ctx, func(tx store.Records) error {
		u = &unit{Records: tx, at: b.now(), tenantID: e.by.TenantID, newID: b.newID}
		if err := fn(u); err != nil {
			return err
		}
		e.by.ID = cmp.Or(u.actorID, e.by.ID)
		return b.record(ctx, u, e.by, cmp.Or(u.action, e.action), cmp.Or(u.subject, e.subject))
	})
	if err != nil {
		if u != nil { // the answer may be all that was lost
			b.doubt(u.revoked)
		}
		return err
	}
	if len(u.revoked) > 0 {
		b.apply(u.revoked...)
	}
	for _, then := range u.after {
		then()
	}
	return nil
}

// note records an event that changes nothing, such as a refusal. It is written even when the
// client hung up; a failure is logged.
func (b *base) note(ctx context.Context, by store.Principal, action, subject string, detail any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	u := &unit{Records: b.store, at: b.now(), tenantID: by.TenantID, detail: detail, newID: b.newID}
	if err := b.record(ctx, u, by, action, subject); err != nil {
		b.log.WarnContext(ctx, "audit "+action, "error", err)
	}
}

// record appends the audit event of a change to its transaction.
func (b *base) record(ctx context.Context, u *unit, by store.Principal, action, subject string) error {
	e := store.AuditEvent{
		ID: b.newID(), TenantID: u.tenantID, ActorID: by.ID, ActorKind: by.Kind,
		Action: action, Subject: subject, IP: by.IP, UserAgent: by.UserAgent, At: u.at,
	}
	if u.detail != nil {
		d, err := json.Marshal(u.detail)
		if err != nil {
			return err
		}
		e.Detail = string(d)
	}
	return u.AppendAudit(ctx, e)
}
