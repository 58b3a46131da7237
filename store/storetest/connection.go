package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func connectionTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Connection": testConnection, "SAML-41 connection isolation": testConnectionIsolation,
		"ConnectionIndex": testConnectionIndex, "ConnectionDelete": testConnectionDelete,
		"SQL-06 connection text": testConnectionText,
	}
}

func newConnection(tenantID, id string) store.Connection {
	return store.Connection{
		TenantID: tenantID, ID: id, Protocol: store.SAML, Enabled: true, Settings: `{"entity":"https://idp.example"}`,
		Secret: []byte{0, 1, 0xff}, RoleIDs: []string{"r1", "r2"}, DueAt: now().Add(time.Hour), CreatedAt: now(),
		UpdatedAt: now().Add(time.Minute),
	}
}

// connects makes connections of the tenant with the ids.
func connects(t *testing.T, s store.Store, tenantID string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(t, s.CreateConnection(t.Context(), newConnection(tenantID, id)))
	}
}

func connectionID(c store.Connection) string { return c.ID }

func testConnection(t *testing.T, s store.Store) {
	ctx, c := t.Context(), newConnection("t1", "c1")
	must(t, s.CreateConnection(ctx, c))
	returns(s.Connection(ctx, "t1", "c1"))(t, "Connection", c)
	refused(t, "the id twice", s.CreateConnection(ctx, c), store.ErrConflict)
	refused(t, "the id in another tenant", s.CreateConnection(ctx, newConnection("t2", "c1")), store.ErrConflict)
	fails(s.Connection(ctx, "t1", "c9"))(t, "unknown connection", store.ErrNotFound)

	bare := store.Connection{TenantID: "t1", ID: "c0", Protocol: store.OIDC, CreatedAt: now().Add(-time.Second)}
	must(t, s.CreateConnection(ctx, bare), s.CreateConnection(ctx, newConnection("t1", "c2")))
	returns(s.Connection(ctx, "t1", "c0"))(t, "with nothing set", bare)
	all, err := s.Connections(ctx, "t1")
	must(t, err)
	equal(t, "oldest first", words(all, connectionID), "c0 c1 c2")
	equal(t, "a listed one is whole", all[1], c)

	changed := store.Connection{TenantID: "t1", ID: "c1", Protocol: store.OIDC, UpdatedAt: now().Add(time.Hour)}
	must(t, s.UpdateConnection(ctx, changed))
	changed.CreatedAt = c.CreatedAt
	returns(s.Connection(ctx, "t1", "c1"))(t, "after an update to nothing", changed)
	c.UpdatedAt = now().Add(2 * time.Hour)
	must(t, s.UpdateConnection(ctx, c))
	returns(s.Connection(ctx, "t1", "c1"))(t, "after an update to everything", c)
	refused(t, "an update of none", s.UpdateConnection(ctx, newConnection("t1", "c9")), store.ErrNotFound)
}

func testConnectionIsolation(t *testing.T, s store.Store) {
	ctx := t.Context()
	connects(t, s, "t1", "c1")
	for _, tenant := range []string{"t2", "", "T1", "t1 "} {
		what := " by way of tenant " + tenant
		fails(s.Connection(ctx, tenant, "c1"))(t, "Connection"+what, store.ErrNotFound)
		returns(s.Connections(ctx, tenant))(t, "Connections"+what, nil)
		taken := newConnection(tenant, "c1")
		taken.Enabled = false
		refused(t, "UpdateConnection"+what, s.UpdateConnection(ctx, taken), store.ErrNotFound)
		refused(t, "DeleteConnection"+what, s.DeleteConnection(ctx, tenant, "c1"), store.ErrNotFound)
		refused(t, "CreateDomain"+what, s.CreateDomain(ctx, newDomain(tenant, "d1", "c1")), store.ErrNotFound)
		refused(t, "CreateGroupMapping"+what, s.CreateGroupMapping(ctx, newGroupMapping(tenant, "g1", "c1")), store.ErrNotFound)
		refused(t, "CreateSSOAttempt"+what, s.CreateSSOAttempt(ctx, newSSOAttempt(tenant, "a1", "c1"), 9), store.ErrNotFound)
	}
	returns(s.Connection(ctx, "t1", "c1"))(t, "unharmed", newConnection("t1", "c1"))
}

func testConnectionIndex(t *testing.T, s store.Store) {
	ctx := t.Context()
	returns(s.Connected(ctx))(t, "nothing is connected", false)
	for i, c := range []struct {
		tenant, id string
		due        time.Time
	}{
		{"t1", "late", now().Add(-time.Hour)}, {"t2", "now", now()}, {"t1", "soon", now().Add(time.Microsecond)},
		{"t2", "never", time.Time{}}, {"t2", "latest", now().Add(-2 * time.Hour)}, {"t1", "noun", now()},
	} {
		n := newConnection(c.tenant, c.id)
		n.Enabled, n.DueAt, n.CreatedAt = false, c.due, now().Add(-time.Duration(i)*time.Second)
		must(t, s.CreateConnection(ctx, n))
	}
	for limit, want := range map[int]string{1: "latest", 3: "latest late noun", 9: "latest late noun now", 0: ""} {
		got, err := s.ConnectionsDue(ctx, now(), limit)
		must(t, err)
		equal(t, "due", words(got, connectionID), want)
	}
	returns(s.Connected(ctx))(t, "all are disabled", false)
	connects(t, s, "t3", "on")
	returns(s.Connected(ctx))(t, "one is enabled", true)
	returns(s.ConnectionByID(ctx, "on"))(t, "ConnectionByID", newConnection("t3", "on"))
	fails(s.ConnectionByID(ctx, "t3"))(t, "unknown id", store.ErrNotFound)
	must(t, s.DeleteConnection(ctx, "t3", "on"))
	fails(s.ConnectionByID(ctx, "on"))(t, "deleted", store.ErrNotFound)
	returns(s.Connected(ctx))(t, "none is left", false)
}

// through makes one of each noun that belongs to the connection, for the user.
func through(t *testing.T, s store.Store, tenantID, connectionID, userID string) {
	t.Helper()
	ctx, id := t.Context(), connectionID+userID
	d := newDomain(tenantID, "d-"+id, connectionID)
	d.Name = id + ".example"
	g := newGroupMapping(tenantID, "g-"+id, connectionID)
	g.Group = id
	must(t, s.CreateDomain(ctx, d), s.CreateGroupMapping(ctx, g),
		s.CreateLinkedIdentity(ctx, newLinkedIdentity(connectionID, id, tenantID, userID)),
		s.CreateProviderSession(ctx, newProviderSession(userID, "s-"+id, connectionID)),
		s.CreateSSOAttempt(ctx, newSSOAttempt(tenantID, "a-"+id, connectionID), 99))
}

// came counts domains, group mappings, linked identities, provider sessions and attempts
// that belong to the connection.
func came(t *testing.T, s store.Store, tenantID, connectionID string, userIDs ...string) (n [5]int) {
	t.Helper()
	ctx := t.Context()
	domains, err1 := s.Domains(ctx, tenantID)
	groups, err2 := s.GroupMappings(ctx, tenantID)
	sessions, err3 := s.ProviderSessions(ctx, connectionID, "", "")
	attempts, err4 := s.SSOAttempts(ctx, tenantID, connectionID)
	must(t, err1, err2, err3, err4)
	n[3], n[4] = len(sessions), len(attempts)
	for _, d := range domains {
		n[0] += one(d.ConnectionID == connectionID)
	}
	for _, g := range groups {
		n[1] += one(g.ConnectionID == connectionID)
	}
	for _, id := range userIDs {
		linked, err := s.LinkedIdentities(ctx, id)
		must(t, err)
		for _, l := range linked {
			n[2] += one(l.ConnectionID == connectionID)
		}
	}
	return n
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

func testConnectionDelete(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	connects(t, s, "t1", "c1", "c2")
	connects(t, s, "t2", "c3")
	must(t, s.CreateSession(ctx, newSession("u1", "s-c1u1")))
	for _, c := range [][2]string{{"t1", "c1"}, {"t1", "c2"}, {"t2", "c3"}} {
		through(t, s, c[0], c[1], "u1")
		through(t, s, c[0], c[1], "u2")
	}
	refused(t, "another tenant's", s.DeleteConnection(ctx, "t2", "c1"), store.ErrNotFound)
	equal(t, "unharmed", came(t, s, "t1", "c1", "u1", "u2"), [5]int{2, 2, 2, 2, 2})
	must(t, s.DeleteConnection(ctx, "t1", "c1"))
	refused(t, "deleting twice", s.DeleteConnection(ctx, "t1", "c1"), store.ErrNotFound)
	fails(s.Connection(ctx, "t1", "c1"))(t, "deleted", store.ErrNotFound)
	for _, c := range []struct {
		tenant, id string
		left       int
	}{{"t1", "c1", 0}, {"t1", "c2", 2}, {"t2", "c3", 2}} {
		equal(t, "left of "+c.id, came(t, s, c.tenant, c.id, "u1", "u2"), [5]int{c.left, c.left, c.left, c.left, c.left})
	}
	returns(s.CountUsers(ctx))(t, "the users stay", 2)
	_, err := s.Session(ctx, "u1", "s-c1u1")
	must(t, err) // ending it is a rule
	connects(t, s, "t1", "c1")
	equal(t, "a new one of that id has nothing", came(t, s, "t1", "c1", "u1", "u2"), [5]int{})
}

// testConnectionText checks that what one database cannot keep is refused by all, in every
// noun that holds what a provider said.
func testConnectionText(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	connects(t, s, "t1", "c1")
	for _, text := range []string{"\x00", "a\x00b", "\xff", "a\xed\xa0\x80"} {
		c, d, g := newConnection("t1", "c2"), newDomain("t1", "d1", "c1"), newGroupMapping("t1", "g1", "c1")
		l, p, a := newLinkedIdentity("c1", "x", "t1", "u1"), newProviderSession("u1", "s1", "c1"), newSSOAttempt("t1", "a1", "c1")
		c.RoleIDs, d.Name, g.Group = []string{text}, text, text
		l.Subject, p.Index, a.Diagnosis = text, text, text
		refused(t, "a connection's role", s.CreateConnection(ctx, c), store.ErrInvalid)
		refused(t, "a domain's name", s.CreateDomain(ctx, d), store.ErrInvalid)
		refused(t, "a group", s.CreateGroupMapping(ctx, g), store.ErrInvalid)
		refused(t, "a subject", s.CreateLinkedIdentity(ctx, l), store.ErrInvalid)
		refused(t, "a session's index", s.CreateProviderSession(ctx, p), store.ErrInvalid)
		refused(t, "a diagnosis", s.CreateSSOAttempt(ctx, a, 9), store.ErrInvalid)
		a.Diagnosis, a.Attributes = "", `{"a":["`+text+`"]}`
		refused(t, "what a provider said", s.CreateSSOAttempt(ctx, a, 9), store.ErrInvalid)
		refused(t, "a type", s.CreateSocialProvider(ctx, store.SocialProvider{ID: "p1", Type: text}), store.ErrInvalid)
		fails(s.LinkedIdentity(ctx, "c1", text))(t, "a look-up", store.ErrInvalid)
		fails(s.ProviderSessions(ctx, "c1", text, ""))(t, "a list", store.ErrInvalid)
		fails(s.DomainsByName(ctx, text))(t, "a search", store.ErrInvalid)
		fails(s.ProvedDomains(ctx, text))(t, "a search for what was proved", store.ErrInvalid)
	}
	equal(t, "nothing was written", came(t, s, "t1", "c1", "u1"), [5]int{})
	for i, text := range texts()[1:20] {
		id := string(rune('a' + i))
		g, l := newGroupMapping("t1", id, "c1"), newLinkedIdentity("c1", text, "t1", "u1")
		g.Group, g.RoleIDs = text, []string{text}
		must(t, s.CreateGroupMapping(ctx, g), s.CreateLinkedIdentity(ctx, l))
		returns(s.GroupMapping(ctx, "t1", id))(t, "group", g)
		returns(s.LinkedIdentity(ctx, "c1", text))(t, "subject", l)
	}
}
