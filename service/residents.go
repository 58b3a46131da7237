package service

import (
	"context"
	"slices"
	"sync"

	"github.com/go-identity/identity/store"
)

// people caches what the gate and a refresh need of users: their sessions, and who they are
// in each tenant. It holds at most maxPeople users in each of its shards; a shard that is
// full starts anew.
type people struct {
	store      store.Store
	generation func() uint64
	shards     [shardCount]shard
}

const (
	shardCount = 64
	maxPeople  = 512
)

type shard struct {
	mu    sync.Mutex
	users map[string]*person
}

type person struct {
	sessions map[string]store.Session
	tenants  map[string]resident
}

// A resident is a user in one of its tenants.
type resident struct {
	principal store.Principal
	user      store.User // without its vendor metadata
	tenantIDs []string   // those that the user may enter
	demand    demand     // for a second factor
}

// What is kept of one user is bounded: many with more of it could fill the memory.
const (
	maxKeptMetadata = 8 << 10
	maxKeptTenants  = 128
)

func (c *people) shard(userID string) *shard {
	h := uint32(2166136261) // FNV-1a
	for i := 0; i < len(userID); i++ {
		h = (h ^ uint32(userID[i])) * 16777619
	}
	return &c.shards[h%shardCount]
}

// forget drops what r concerns.
func (c *people) forget(r store.Revocation) {
	if r.UserID != "" {
		sh := c.shard(r.UserID)
		sh.mu.Lock()
		delete(sh.users, r.UserID)
		sh.mu.Unlock()
		return
	}
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.Lock()
		sh.users = nil
		sh.mu.Unlock()
	}
}

// person returns the user's entry, made when it is new. The shard is locked.
func (sh *shard) person(userID string) *person {
	if sh.users == nil || len(sh.users) >= maxPeople {
		sh.users = make(map[string]*person)
	}
	p := sh.users[userID]
	if p == nil {
		p = &person{sessions: map[string]store.Session{}, tenants: map[string]resident{}}
		sh.users[userID] = p
	}
	return p
}

// A slot is where one thing about a user is kept.
type slot[V any] struct {
	people      *people
	userID, key string
	of          func(*person) map[string]V
}

func (c *people) sessionSlot(userID, id string) slot[store.Session] {
	return slot[store.Session]{c, userID, id, func(p *person) map[string]store.Session { return p.sessions }}
}

// get returns what is kept.
func (s slot[V]) get() (V, bool) {
	sh := s.people.shard(s.userID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	v, ok := s.of(sh.person(s.userID))[s.key]
	return v, ok
}

// put keeps v, which was read under the generation. Where that has moved v is not kept: it
// may be from before the change.
func (s slot[V]) put(v V, generation uint64) {
	sh := s.people.shard(s.userID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m := s.of(sh.person(s.userID))
	if _, known := m[s.key]; s.people.generation() == generation && (known || len(m) < maxPeople) {
		m[s.key] = v
	}
}

// load reads a value and keeps it.
func (s slot[V]) load(read func() (V, error)) (V, error) {
	generation := s.people.generation()
	v, err := read()
	if err == nil {
		s.put(v, generation)
	}
	return v, err
}

// cached returns the value under key, reading it when it is not there.
func cached[V any](c *people, userID, key string, of func(*person) map[string]V, read func() (V, error)) (V, error) {
	s := slot[V]{c, userID, key, of}
	if v, ok := s.get(); ok {
		return v, nil
	}
	return s.load(read)
}

// session returns the session as the cache knows it, else as the store does. The cache may
// be behind: the secret may have been replaced since, and the expiry moved. It is not behind
// a revocation or a switch of tenants that the feed told of.
func (c *people) session(ctx context.Context, userID, id string) (store.Session, error) {
	if s, ok := c.sessionSlot(userID, id).get(); ok {
		return s, nil
	}
	return c.freshSession(ctx, userID, id)
}

// freshSession returns the session as the store knows it.
func (c *people) freshSession(ctx context.Context, userID, id string) (store.Session, error) {
	return c.sessionSlot(userID, id).load(func() (store.Session, error) { return c.store.Session(ctx, userID, id) })
}

// resident returns who a user is in a tenant and what it may do there, without what is too
// long to keep. A user who is locked, or no enabled member, is store.ErrNotFound.
func (c *people) resident(ctx context.Context, userID, tenantID string) (resident, error) {
	return cached(c, userID, tenantID, func(p *person) map[string]resident { return p.tenants }, func() (resident, error) {
		r, err := readResident(ctx, c.store, userID, tenantID)
		if len(r.user.Metadata) > maxKeptMetadata || len(r.tenantIDs) > maxKeptTenants {
			r.user, r.tenantIDs = store.User{}, nil
		}
		return r, err
	})
}

// whole returns r with what was too long to keep.
func (c *people) whole(ctx context.Context, r resident) (resident, error) {
	if r.user.ID != "" {
		return r, nil
	}
	return readResident(ctx, c.store, r.principal.UserID, r.principal.TenantID)
}

func readResident(ctx context.Context, records store.Records, userID, tenantID string) (resident, error) {
	u, err := records.User(ctx, userID)
	if err != nil {
		return resident{}, err
	}
	ms, err := records.Memberships(ctx, userID)
	if err != nil {
		return resident{}, err
	}
	u.VendorMetadata = ""
	r := resident{user: u, tenantIDs: enterableIDs(ms)}
	if u.Locked || !slices.Contains(r.tenantIDs, tenantID) {
		return resident{}, store.ErrNotFound
	}
	roles, keys, err := records.Rights(ctx, tenantID, userID)
	if err != nil {
		return resident{}, err
	}
	refs := make([]store.RoleRef, len(roles))
	for i, role := range roles {
		refs[i] = store.RoleRef{ID: role.ID, TenantID: role.TenantID, Key: role.Key, Level: role.Level}
	}
	if r.demand, err = demandOf(ctx, records, u, r.tenantIDs); err != nil {
		return resident{}, err
	}
	r.principal = store.Principal{
		Kind: store.UserKind, ID: u.ID, UserID: u.ID, TenantID: tenantID, Email: u.Email, Name: u.Name,
		Roles: slices.Clip(refs), Rights: store.NewPermissionSet(keys),
	}
	return r, nil
}

// enterableIDs returns the tenants that a user may enter.
func enterableIDs(ms []store.Membership) []string {
	var ids []string
	for _, m := range ms {
		if m.Activated && !m.Disabled {
			ids = append(ids, m.TenantID)
		}
	}
	return ids
}
