package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func groupMappingTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"GroupMapping": testGroupMapping, "GroupMappingIsolation": testGroupMappingIsolation,
		"GroupMappingRace": testGroupMappingRace,
	}
}

func newGroupMapping(tenantID, id, connectionID string) store.GroupMapping {
	return store.GroupMapping{
		TenantID: tenantID, ID: id, ConnectionID: connectionID, Group: "Staff", RoleIDs: []string{"r1", "r2"},
		CreatedAt: now(), UpdatedAt: now().Add(time.Minute),
	}
}

func groupMappingID(g store.GroupMapping) string { return g.ID }

func testGroupMapping(t *testing.T, s store.Store) {
	ctx, g := t.Context(), newGroupMapping("t1", "g1", "c1")
	connects(t, s, "t1", "c1", "c2")
	must(t, s.CreateGroupMapping(ctx, g))
	returns(s.GroupMapping(ctx, "t1", "g1"))(t, "GroupMapping", g)
	refused(t, "the id twice", s.CreateGroupMapping(ctx, g), store.ErrConflict)
	refused(t, "the group twice", s.CreateGroupMapping(ctx, newGroupMapping("t1", "g2", "c1")), store.ErrConflict)
	refused(t, "of no connection", s.CreateGroupMapping(ctx, newGroupMapping("t1", "g2", "c9")), store.ErrNotFound)
	fails(s.GroupMapping(ctx, "t1", "g9"))(t, "unknown mapping", store.ErrNotFound)

	elsewhere := newGroupMapping("t1", "g2", "c2")
	bare := store.GroupMapping{TenantID: "t1", ID: "g0", ConnectionID: "c1", Group: "staff", CreatedAt: now().Add(-time.Second)}
	must(t, s.CreateGroupMapping(ctx, elsewhere), s.CreateGroupMapping(ctx, bare)) // another connection, another case
	returns(s.GroupMapping(ctx, "t1", "g0"))(t, "with nothing set", bare)
	all, err := s.GroupMappings(ctx, "t1")
	must(t, err)
	equal(t, "of all connections, oldest first", words(all, groupMappingID), "g0 g1 g2")

	changed := store.GroupMapping{TenantID: "t1", ID: "g1", ConnectionID: "c2", Group: "Heads", RoleIDs: []string{"r3"}, UpdatedAt: now()}
	must(t, s.UpdateGroupMapping(ctx, changed))
	g.Group, g.RoleIDs, g.UpdatedAt = changed.Group, changed.RoleIDs, changed.UpdatedAt
	returns(s.GroupMapping(ctx, "t1", "g1"))(t, "after UpdateGroupMapping", g)
	changed.Group = bare.Group
	refused(t, "a group that is taken", s.UpdateGroupMapping(ctx, changed), store.ErrConflict)
	refused(t, "an update of none", s.UpdateGroupMapping(ctx, newGroupMapping("t1", "g9", "c1")), store.ErrNotFound)
	g.RoleIDs, changed.Group, changed.RoleIDs = nil, g.Group, nil
	must(t, s.UpdateGroupMapping(ctx, changed))
	returns(s.GroupMapping(ctx, "t1", "g1"))(t, "without roles", g)
	must(t, s.DeleteGroupMapping(ctx, "t1", "g1"))
	refused(t, "deleting twice", s.DeleteGroupMapping(ctx, "t1", "g1"), store.ErrNotFound)
}

func testGroupMappingIsolation(t *testing.T, s store.Store) {
	ctx, g := t.Context(), newGroupMapping("t1", "g1", "c1")
	connects(t, s, "t1", "c1")
	connects(t, s, "t2", "c2")
	must(t, s.CreateGroupMapping(ctx, g))
	for _, tenant := range []string{"t2", "", "T1"} {
		what := " by way of tenant " + tenant
		fails(s.GroupMapping(ctx, tenant, "g1"))(t, "GroupMapping"+what, store.ErrNotFound)
		returns(s.GroupMappings(ctx, tenant))(t, "GroupMappings"+what, nil)
		taken := newGroupMapping(tenant, "g1", "c1")
		taken.RoleIDs = []string{"all"}
		refused(t, "UpdateGroupMapping"+what, s.UpdateGroupMapping(ctx, taken), store.ErrNotFound)
		refused(t, "DeleteGroupMapping"+what, s.DeleteGroupMapping(ctx, tenant, "g1"), store.ErrNotFound)
	}
	returns(s.GroupMapping(ctx, "t1", "g1"))(t, "unharmed", g)
}

func testGroupMappingRace(t *testing.T, s store.Store) {
	connects(t, s, "t1", "c1")
	got := race(12, func(i int) error {
		return s.CreateGroupMapping(t.Context(), newGroupMapping("t1", strconv.Itoa(i), "c1"))
	})
	equal(t, "mappings of one group", got, map[string]int{"ok": 1, "conflict": 11})
}
