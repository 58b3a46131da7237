package storetest

import (
	"context"
	"time"

	"github.com/go-identity/identity/store"
)

// CreateConnection implements store.ConnectionStore.
func (f faulty) CreateConnection(ctx context.Context, c store.Connection) error {
	return f.do(func() error { return f.Records.CreateConnection(ctx, c) })
}

// Connection implements store.ConnectionStore.
func (f faulty) Connection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	return get(f, func() (store.Connection, error) { return f.Records.Connection(ctx, tenantID, id) })
}

// Connections implements store.ConnectionStore.
func (f faulty) Connections(ctx context.Context, tenantID string) ([]store.Connection, error) {
	return get(f, func() ([]store.Connection, error) { return f.Records.Connections(ctx, tenantID) })
}

// UpdateConnection implements store.ConnectionStore.
func (f faulty) UpdateConnection(ctx context.Context, c store.Connection) error {
	return f.do(func() error { return f.Records.UpdateConnection(ctx, c) })
}

// DeleteConnection implements store.ConnectionStore.
func (f faulty) DeleteConnection(ctx context.Context, tenantID, id string) error {
	return f.do(func() error { return f.Records.DeleteConnection(ctx, tenantID, id) })
}

// ConnectionByID implements store.ConnectionIndex.
func (f faulty) ConnectionByID(ctx context.Context, id string) (store.Connection, error) {
	return get(f, func() (store.Connection, error) { return f.Records.ConnectionByID(ctx, id) })
}

// ConnectionsDue implements store.ConnectionIndex.
func (f faulty) ConnectionsDue(ctx context.Context, now time.Time, limit int) ([]store.Connection, error) {
	return get(f, func() ([]store.Connection, error) { return f.Records.ConnectionsDue(ctx, now, limit) })
}

// Connected implements store.ConnectionIndex.
func (f faulty) Connected(ctx context.Context) (bool, error) {
	return get(f, func() (bool, error) { return f.Records.Connected(ctx) })
}

// CreateDomain implements store.DomainStore.
func (f faulty) CreateDomain(ctx context.Context, d store.Domain) error {
	return f.do(func() error { return f.Records.CreateDomain(ctx, d) })
}

// Domain implements store.DomainStore.
func (f faulty) Domain(ctx context.Context, tenantID, id string) (store.Domain, error) {
	return get(f, func() (store.Domain, error) { return f.Records.Domain(ctx, tenantID, id) })
}

// Domains implements store.DomainStore.
func (f faulty) Domains(ctx context.Context, tenantID string) ([]store.Domain, error) {
	return get(f, func() ([]store.Domain, error) { return f.Records.Domains(ctx, tenantID) })
}

// ProveDomain implements store.DomainStore.
func (f faulty) ProveDomain(ctx context.Context, tenantID, id, proof string, at time.Time) error {
	return f.do(func() error { return f.Records.ProveDomain(ctx, tenantID, id, proof, at) })
}

// DeleteDomain implements store.DomainStore.
func (f faulty) DeleteDomain(ctx context.Context, tenantID, id string) error {
	return f.do(func() error { return f.Records.DeleteDomain(ctx, tenantID, id) })
}

// DomainsByName implements store.DomainIndex.
func (f faulty) DomainsByName(ctx context.Context, name string) ([]store.Domain, error) {
	return get(f, func() ([]store.Domain, error) { return f.Records.DomainsByName(ctx, name) })
}

// ProvedDomains implements store.DomainIndex.
func (f faulty) ProvedDomains(ctx context.Context, name string) ([]store.Domain, error) {
	return get(f, func() ([]store.Domain, error) { return f.Records.ProvedDomains(ctx, name) })
}

// CreateGroupMapping implements store.GroupMappingStore.
func (f faulty) CreateGroupMapping(ctx context.Context, g store.GroupMapping) error {
	return f.do(func() error { return f.Records.CreateGroupMapping(ctx, g) })
}

// GroupMapping implements store.GroupMappingStore.
func (f faulty) GroupMapping(ctx context.Context, tenantID, id string) (store.GroupMapping, error) {
	return get(f, func() (store.GroupMapping, error) { return f.Records.GroupMapping(ctx, tenantID, id) })
}

// GroupMappings implements store.GroupMappingStore.
func (f faulty) GroupMappings(ctx context.Context, tenantID string) ([]store.GroupMapping, error) {
	return get(f, func() ([]store.GroupMapping, error) { return f.Records.GroupMappings(ctx, tenantID) })
}

// UpdateGroupMapping implements store.GroupMappingStore.
func (f faulty) UpdateGroupMapping(ctx context.Context, g store.GroupMapping) error {
	return f.do(func() error { return f.Records.UpdateGroupMapping(ctx, g) })
}

// DeleteGroupMapping implements store.GroupMappingStore.
func (f faulty) DeleteGroupMapping(ctx context.Context, tenantID, id string) error {
	return f.do(func() error { return f.Records.DeleteGroupMapping(ctx, tenantID, id) })
}

// CreateLinkedIdentity implements store.LinkedIdentityStore.
func (f faulty) CreateLinkedIdentity(ctx context.Context, l store.LinkedIdentity) error {
	return f.do(func() error { return f.Records.CreateLinkedIdentity(ctx, l) })
}

// LinkedIdentity implements store.LinkedIdentityStore.
func (f faulty) LinkedIdentity(ctx context.Context, connectionID, subject string) (store.LinkedIdentity, error) {
	return get(f, func() (store.LinkedIdentity, error) { return f.Records.LinkedIdentity(ctx, connectionID, subject) })
}

// LinkedIdentities implements store.LinkedIdentityStore.
func (f faulty) LinkedIdentities(ctx context.Context, userID string) ([]store.LinkedIdentity, error) {
	return get(f, func() ([]store.LinkedIdentity, error) { return f.Records.LinkedIdentities(ctx, userID) })
}

// UpdateLinkedIdentity implements store.LinkedIdentityStore.
func (f faulty) UpdateLinkedIdentity(ctx context.Context, l store.LinkedIdentity) error {
	return f.do(func() error { return f.Records.UpdateLinkedIdentity(ctx, l) })
}

// DeleteLinkedIdentity implements store.LinkedIdentityStore.
func (f faulty) DeleteLinkedIdentity(ctx context.Context, userID, connectionID, subject string) error {
	return f.do(func() error { return f.Records.DeleteLinkedIdentity(ctx, userID, connectionID, subject) })
}

// CreateProviderSession implements store.ProviderSessionStore.
func (f faulty) CreateProviderSession(ctx context.Context, p store.ProviderSession) error {
	return f.do(func() error { return f.Records.CreateProviderSession(ctx, p) })
}

// ProviderSession implements store.ProviderSessionStore.
func (f faulty) ProviderSession(ctx context.Context, userID, sessionID string) (store.ProviderSession, error) {
	return get(f, func() (store.ProviderSession, error) { return f.Records.ProviderSession(ctx, userID, sessionID) })
}

// ProviderSessions implements store.ProviderSessionStore.
func (f faulty) ProviderSessions(ctx context.Context, connectionID, subject, index string) ([]store.ProviderSession, error) {
	return get(f, func() ([]store.ProviderSession, error) {
		return f.Records.ProviderSessions(ctx, connectionID, subject, index)
	})
}

// SweepProviderSessions implements store.ProviderSessionStore.
func (f faulty) SweepProviderSessions(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepProviderSessions(ctx, before) })
}

// CreateSSOAttempt implements store.SSOAttemptStore.
func (f faulty) CreateSSOAttempt(ctx context.Context, a store.SSOAttempt, keep int) error {
	return f.do(func() error { return f.Records.CreateSSOAttempt(ctx, a, keep) })
}

// SSOAttempts implements store.SSOAttemptStore.
func (f faulty) SSOAttempts(ctx context.Context, tenantID, connectionID string) ([]store.SSOAttempt, error) {
	return get(f, func() ([]store.SSOAttempt, error) { return f.Records.SSOAttempts(ctx, tenantID, connectionID) })
}

// SSOAttempt implements store.SSOAttemptStore.
func (f faulty) SSOAttempt(ctx context.Context, tenantID, id string) (store.SSOAttempt, error) {
	return get(f, func() (store.SSOAttempt, error) { return f.Records.SSOAttempt(ctx, tenantID, id) })
}

// SweepSSOAttempts implements store.SSOAttemptStore.
func (f faulty) SweepSSOAttempts(ctx context.Context, before time.Time) (int, error) {
	return get(f, func() (int, error) { return f.Records.SweepSSOAttempts(ctx, before) })
}

// CreateSocialProvider implements store.SocialProviderStore.
func (f faulty) CreateSocialProvider(ctx context.Context, p store.SocialProvider) error {
	return f.do(func() error { return f.Records.CreateSocialProvider(ctx, p) })
}

// SocialProvider implements store.SocialProviderStore.
func (f faulty) SocialProvider(ctx context.Context, id string) (store.SocialProvider, error) {
	return get(f, func() (store.SocialProvider, error) { return f.Records.SocialProvider(ctx, id) })
}

// SocialProviders implements store.SocialProviderStore.
func (f faulty) SocialProviders(ctx context.Context) ([]store.SocialProvider, error) {
	return get(f, func() ([]store.SocialProvider, error) { return f.Records.SocialProviders(ctx) })
}

// UpdateSocialProvider implements store.SocialProviderStore.
func (f faulty) UpdateSocialProvider(ctx context.Context, p store.SocialProvider) error {
	return f.do(func() error { return f.Records.UpdateSocialProvider(ctx, p) })
}

// DeleteSocialProvider implements store.SocialProviderStore.
func (f faulty) DeleteSocialProvider(ctx context.Context, id string) error {
	return f.do(func() error { return f.Records.DeleteSocialProvider(ctx, id) })
}
