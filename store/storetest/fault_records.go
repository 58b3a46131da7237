package storetest

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

// Assign implements store.AssignmentStore.
func (f faulty) Assign(ctx context.Context, a store.Assignment) error {
	return f.do(func() error { return f.Records.Assign(ctx, a) })
}

// Unassign implements store.AssignmentStore.
func (f faulty) Unassign(ctx context.Context, tenantID, userID, roleID string) error {
	return f.do(func() error { return f.Records.Unassign(ctx, tenantID, userID, roleID) })
}

// Assignments implements store.AssignmentStore.
func (f faulty) Assignments(ctx context.Context, userIDs ...string) ([]store.Assignment, error) {
	return get(f, func() ([]store.Assignment, error) { return f.Records.Assignments(ctx, userIDs...) })
}

// Assigned implements store.AssignmentStore.
func (f faulty) Assigned(ctx context.Context, tenantID, roleID string) ([]string, error) {
	return get(f, func() ([]string, error) { return f.Records.Assigned(ctx, tenantID, roleID) })
}

// Rights implements store.AssignmentStore.
func (f faulty) Rights(ctx context.Context, tenantID, userID string) ([]store.Role, []store.Permission, error) {
	var roles []store.Role
	var keys []store.Permission
	err := f.do(func() (err error) {
		roles, keys, err = f.Records.Rights(ctx, tenantID, userID)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return roles, keys, nil
}

// CreateSession implements store.SessionStore.
func (f faulty) CreateSession(ctx context.Context, s store.Session) error {
	return f.do(func() error { return f.Records.CreateSession(ctx, s) })
}

// Session implements store.SessionStore.
func (f faulty) Session(ctx context.Context, userID, id string) (store.Session, error) {
	return get(f, func() (store.Session, error) { return f.Records.Session(ctx, userID, id) })
}

// Sessions implements store.SessionStore.
func (f faulty) Sessions(ctx context.Context, userID string, now time.Time) ([]store.Session, error) {
	return get(f, func() ([]store.Session, error) { return f.Records.Sessions(ctx, userID, now) })
}

// RotateSession implements store.SessionStore.
func (f faulty) RotateSession(ctx context.Context, r store.Rotation) error {
	return f.do(func() error { return f.Records.RotateSession(ctx, r) })
}

// ExtendSession implements store.SessionStore.
func (f faulty) ExtendSession(ctx context.Context, userID, id string, at, expires time.Time) error {
	return f.do(func() error { return f.Records.ExtendSession(ctx, userID, id, at, expires) })
}

// MoveSession implements store.SessionStore.
func (f faulty) MoveSession(ctx context.Context, userID, id, tenantID string, at time.Time) error {
	return f.do(func() error { return f.Records.MoveSession(ctx, userID, id, tenantID, at) })
}

// RevokeSessions implements store.SessionStore.
func (f faulty) RevokeSessions(ctx context.Context, userID string, at time.Time, ids ...string) ([]string, error) {
	return get(f, func() ([]string, error) { return f.Records.RevokeSessions(ctx, userID, at, ids...) })
}

// SweepSessions implements store.SessionStore.
func (f faulty) SweepSessions(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepSessions(ctx, before) })
}

// CreateChallenge implements store.ChallengeStore.
func (f faulty) CreateChallenge(ctx context.Context, c store.Challenge) error {
	return f.do(func() error { return f.Records.CreateChallenge(ctx, c) })
}

// Challenge implements store.ChallengeStore.
func (f faulty) Challenge(ctx context.Context, p store.Purpose, hash []byte) (store.Challenge, error) {
	return get(f, func() (store.Challenge, error) { return f.Records.Challenge(ctx, p, hash) })
}

// ChallengeOf implements store.ChallengeStore.
func (f faulty) ChallengeOf(ctx context.Context, p store.Purpose, subject string) (store.Challenge, error) {
	return get(f, func() (store.Challenge, error) { return f.Records.ChallengeOf(ctx, p, subject) })
}

// ConsumeChallenge implements store.ChallengeStore.
func (f faulty) ConsumeChallenge(ctx context.Context, p store.Purpose, hash []byte, now time.Time) (store.Challenge, error) {
	return get(f, func() (store.Challenge, error) { return f.Records.ConsumeChallenge(ctx, p, hash, now) })
}

// TryChallenge implements store.ChallengeStore.
func (f faulty) TryChallenge(ctx context.Context, p store.Purpose, id string, limit int) error {
	return f.do(func() error { return f.Records.TryChallenge(ctx, p, id, limit) })
}

// DropChallenges implements store.ChallengeStore.
func (f faulty) DropChallenges(ctx context.Context, p store.Purpose, subject string) error {
	return f.do(func() error { return f.Records.DropChallenges(ctx, p, subject) })
}

// SweepChallenges implements store.ChallengeStore.
func (f faulty) SweepChallenges(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepChallenges(ctx, before) })
}

// CreateSigningKey implements store.SigningKeyStore.
func (f faulty) CreateSigningKey(ctx context.Context, k store.SigningKey) error {
	return f.do(func() error { return f.Records.CreateSigningKey(ctx, k) })
}

// SigningKeys implements store.SigningKeyStore.
func (f faulty) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	return get(f, func() ([]store.SigningKey, error) { return f.Records.SigningKeys(ctx) })
}

// UpdateSigningKey implements store.SigningKeyStore.
func (f faulty) UpdateSigningKey(ctx context.Context, k store.SigningKey) error {
	return f.do(func() error { return f.Records.UpdateSigningKey(ctx, k) })
}

// DeleteSigningKey implements store.SigningKeyStore.
func (f faulty) DeleteSigningKey(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeleteSigningKey(ctx, id) })
}

// CreateManagementCredential implements store.ManagementCredentialStore.
func (f faulty) CreateManagementCredential(ctx context.Context, c store.ManagementCredential) error {
	return f.do(func() error { return f.Records.CreateManagementCredential(ctx, c) })
}

// ManagementCredential implements store.ManagementCredentialStore.
func (f faulty) ManagementCredential(ctx context.Context, id string) (store.ManagementCredential, error) {
	return get(f, func() (store.ManagementCredential, error) { return f.Records.ManagementCredential(ctx, id) })
}

// ManagementCredentials implements store.ManagementCredentialStore.
func (f faulty) ManagementCredentials(ctx context.Context) ([]store.ManagementCredential, error) {
	return get(f, func() ([]store.ManagementCredential, error) { return f.Records.ManagementCredentials(ctx) })
}

// DeleteManagementCredential implements store.ManagementCredentialStore.
func (f faulty) DeleteManagementCredential(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeleteManagementCredential(ctx, id) })
}

// Setting implements store.SettingStore.
func (f faulty) Setting(ctx context.Context, scope, kind string) ([]byte, error) {
	return get(f, func() ([]byte, error) { return f.Records.Setting(ctx, scope, kind) })
}

// Settings implements store.SettingStore.
func (f faulty) Settings(ctx context.Context, kind string, scopes ...string) (map[string][]byte, error) {
	return get(f, func() (map[string][]byte, error) { return f.Records.Settings(ctx, kind, scopes...) })
}

// PutSetting implements store.SettingStore.
func (f faulty) PutSetting(ctx context.Context, scope, kind string, doc []byte) error {
	return f.do(func() error { return f.Records.PutSetting(ctx, scope, kind, doc) })
}

// CreateSetting implements store.SettingStore.
func (f faulty) CreateSetting(ctx context.Context, scope, kind string, doc []byte) error {
	return f.do(func() error { return f.Records.CreateSetting(ctx, scope, kind, doc) })
}

// DeleteSetting implements store.SettingStore.
func (f faulty) DeleteSetting(ctx context.Context, scope, kind string) error {
	return f.do(func() error { return f.Records.DeleteSetting(ctx, scope, kind) })
}

// CreateTemplate implements store.TemplateStore.
func (f faulty) CreateTemplate(ctx context.Context, t store.Template) error {
	return f.do(func() error { return f.Records.CreateTemplate(ctx, t) })
}

// Template implements store.TemplateStore.
func (f faulty) Template(ctx context.Context, id string) (store.Template, error) {
	return get(f, func() (store.Template, error) { return f.Records.Template(ctx, id) })
}

// Templates implements store.TemplateStore.
func (f faulty) Templates(ctx context.Context, q store.TemplateQuery) (store.Listing[store.Template], error) {
	return get(f, func() (store.Listing[store.Template], error) { return f.Records.Templates(ctx, q) })
}

// UpdateTemplate implements store.TemplateStore.
func (f faulty) UpdateTemplate(ctx context.Context, t store.Template) error {
	return f.do(func() error { return f.Records.UpdateTemplate(ctx, t) })
}

// DeleteTemplate implements store.TemplateStore.
func (f faulty) DeleteTemplate(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeleteTemplate(ctx, id) })
}

// AppendAudit implements store.AuditStore.
func (f faulty) AppendAudit(ctx context.Context, e store.AuditEvent) error {
	return f.do(func() error { return f.Records.AppendAudit(ctx, e) })
}

// Audit implements store.AuditStore.
func (f faulty) Audit(ctx context.Context, q store.AuditQuery) (store.Listing[store.AuditEvent], error) {
	return get(f, func() (store.Listing[store.AuditEvent], error) { return f.Records.Audit(ctx, q) })
}

// SweepAudit implements store.AuditStore.
func (f faulty) SweepAudit(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepAudit(ctx, before) })
}

// EnqueueMessage implements store.MessageStore.
func (f faulty) EnqueueMessage(ctx context.Context, m store.Message) error {
	return f.do(func() error { return f.Records.EnqueueMessage(ctx, m) })
}

// ClaimMessages implements store.MessageStore.
func (f faulty) ClaimMessages(ctx context.Context, now, lease time.Time, limit int) ([]store.Message, error) {
	return get(f, func() ([]store.Message, error) { return f.Records.ClaimMessages(ctx, now, lease, limit) })
}

// FinishMessage implements store.MessageStore.
func (f faulty) FinishMessage(ctx context.Context, id string, at time.Time) error {
	return f.do(func() error { return f.Records.FinishMessage(ctx, id, at) })
}

// RetryMessage implements store.MessageStore.
func (f faulty) RetryMessage(ctx context.Context, id string, next, dead time.Time) error {
	return f.do(func() error { return f.Records.RetryMessage(ctx, id, next, dead) })
}

// WaitingMessages implements store.MessageStore.
func (f faulty) WaitingMessages(ctx context.Context) (int, time.Time, error) {
	var n int
	var oldest time.Time
	err := f.do(func() (err error) {
		n, oldest, err = f.Records.WaitingMessages(ctx)
		return err
	})
	if err != nil {
		return 0, time.Time{}, err
	}
	return n, oldest, nil
}

// SweepMessages implements store.MessageStore.
func (f faulty) SweepMessages(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepMessages(ctx, before) })
}

// AppendRevocation implements store.RevocationStore.
func (f faulty) AppendRevocation(ctx context.Context, r store.Revocation) error {
	return f.do(func() error { return f.Records.AppendRevocation(ctx, r) })
}

// Revocations implements store.RevocationStore.
func (f faulty) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, error) {
	return get(f, func() ([]store.Revocation, error) { return f.Records.Revocations(ctx, since) })
}

// SweepRevocations implements store.RevocationStore.
func (f faulty) SweepRevocations(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepRevocations(ctx, before) })
}
