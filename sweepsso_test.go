package identity_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
)

// connect gives both tenants a connection with everything that belongs to one.
func (l *land) connect(t *testing.T) {
	t.Helper()
	l.provider = ssotest.NewSAML(t, ssotest.SAMLOptions{Now: l.world.Now})
	for tenantID, name := range map[string]string{l.a: "a", l.b: "b"} {
		by := store.Principal{Kind: store.SystemKind, ID: "system", TenantID: tenantID}
		c, err := l.id.Connections.Create(t.Context(), by, service.NewConnection{
			Protocol: store.SAML, Enabled: true, Settings: service.ConnectionSettings{Name: "the way into " + name, SAML: &service.SAMLSettings{
				EntityID: "https://idp." + name + ".example/entity", Redirect: l.provider.URL(), Certificates: []string{l.provider.Certificate()},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d, err := l.id.Domains.Add(t.Context(), by, c.ID, "only-"+name+".example")
		if err == nil {
			err = l.id.Domains.Force(t.Context(), by, d.Name, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		roles, err := l.id.Roles.List(t.Context(), by)
		if err != nil {
			t.Fatal(err)
		}
		g, err := l.id.Connections.AddGroup(t.Context(), by, c.ID, service.GroupRule{Group: "group of " + name, RoleIDs: []string{roles[0].ID}})
		if err != nil {
			t.Fatal(err)
		}
		setup, _, err := l.id.SSOSetups.Create(t.Context(), by, "")
		if err != nil {
			t.Fatal(err)
		}
		attempt := store.SSOAttempt{TenantID: tenantID, ConnectionID: c.ID, ID: "attempt-of-" + name, Diagnosis: "diagnosis for " + name, At: l.world.Now()}
		if err := l.store.CreateSSOAttempt(t.Context(), attempt, 9); err != nil {
			t.Fatal(err)
		}
		if tenantID == l.a {
			l.own = map[string]string{
				"{configurationId}": c.ID, "{domainId}": d.ID, "{groupId}": g.ID, "{attemptId}": attempt.ID, "{connectionId}": c.ID,
			}
			continue
		}
		for kind, id := range map[string]string{
			"connection": c.ID, "domain": d.ID, "mapping": g.ID, "attempt": attempt.ID, "setup": setup.ID, "name": d.Name,
		} {
			l.bIDs[kind] = []string{id}
		}
		l.bIDs["email"] = append(l.bIDs["email"], "who@"+d.Name)
	}
}

// marks are what only tenant B knows.
func marks() []string {
	return []string{"admin@b.example", "the way into b", "idp.b.example", "group of b", "diagnosis for b"}
}

// right is what B has for a placeholder.
func (l *land) right(name string) string {
	kind := map[string]string{
		"{configurationId}": "connection", "{connectionId}": "connection", "{domainId}": "domain", "{groupId}": "mapping", "{attemptId}": "attempt",
	}[name]
	if kind == "" {
		kind = "user"
	}
	return l.bIDs[kind][0]
}

// filled returns a path with an id of B in it. Where it has several places, the others hold
// what is right there of B's, and of A's own.
func (l *land) filled(path, id string) []string {
	names := placeholder.FindAllString(path, -1)
	if len(names) < 2 {
		return []string{placeholder.ReplaceAllString(path, id)}
	}
	all := []string{path}
	for _, name := range names {
		var next []string
		for _, p := range all {
			for _, value := range []string{id, l.right(name), l.own[name]} {
				if value != "" {
					next = append(next, strings.Replace(p, name, value, 1))
				}
			}
		}
		all = next
	}
	if mine, ok := l.theirs(path); ok {
		for i, p := range all {
			if p == mine {
				return append(all[:i], all[i+1:]...)
			}
		}
	}
	return all
}

// theirs returns a path with A's own ids in it, for an id of B in the body.
func (l *land) theirs(path string) (string, bool) {
	names := placeholder.FindAllString(path, -1)
	for _, name := range names {
		if l.own[name] == "" {
			return "", false
		}
		path = strings.Replace(path, name, l.own[name], 1)
	}
	return path, len(names) > 0
}

// bodies are what a route is sent: the id in all places, and where its path has one too the
// least that it takes, so that what is wrong is the path alone.
func (l *land) bodies(schema json.RawMessage, id string, inPath bool) []any {
	if len(schema) == 0 || !inPath {
		return []any{l.body(schema, id)}
	}
	return []any{l.body(schema, id), l.least(schema, id)}
}

// least is a body with nothing in it but what must be there.
func (l *land) least(schema json.RawMessage, id string) any {
	var s struct {
		Ref        string                     `json:"$ref"`
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(schema, &s)
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return l.least(l.document.Components.Schemas[name], id)
	}
	if len(s.Properties) == 0 {
		return l.body(schema, id)
	}
	o := map[string]any{}
	for _, name := range s.Required {
		switch o[name] = l.body(s.Properties[name], id); name {
		case "metadata":
			o[name] = string(l.provider.Metadata())
		case "url":
			o[name] = l.provider.MetadataURL()
		case "password", "newPassword":
			o[name] = sweepPassword
		}
	}
	return o
}

// seek notes whether a route that tenants may call got as far as to find nothing, or
// to count guesses.
func (l *land) seek(route string, code int, security []map[string][]string) {
	ours := func(s map[string][]string) bool { _, ok := s["user"]; return ok }
	if strings.Contains(route, "{") && slices.ContainsFunc(security, ours) {
		l.sought[route] = l.sought[route] || code == http.StatusNotFound || code == http.StatusTooManyRequests
	}
}

// knocks reports whether all that changed is what anybody may cause at B's door: its sign-in
// begins there, or a try to get in is refused and noted.
func knocks(path, changed string) bool {
	door := strings.HasSuffix(path, "/prelogin") || strings.HasPrefix(path, "/auth/saml/") || strings.HasPrefix(path, "/oauth/account/oidc/")
	for line := range strings.Lines(changed) {
		if !door || !strings.HasPrefix(line, "+ identity_audit_events:") && !strings.HasPrefix(line, "+ identity_sso_attempts:") {
			return false
		}
	}
	return true
}

// smuggled checks that nothing of A's names a role of B.
func (l *land) smuggled(t *testing.T) {
	t.Helper()
	for _, query := range []string{
		`select count(*) from identity_connections where tenant_id <> $1 and cast(role_ids as text) like '%' || $2 || '%'`,
		`select count(*) from identity_group_mappings where tenant_id <> $1 and cast(role_ids as text) like '%' || $2 || '%'`,
		`select count(*) from identity_assignments where tenant_id <> $1 and role_id = $2`,
	} {
		for _, id := range l.bIDs["role"] {
			var n int
			if err := l.db.QueryRowContext(t.Context(), query, l.b, id).Scan(&n); err != nil || n > 0 {
				t.Errorf("%s: %d rows of others name role %s of B, %v", query, n, id, err)
			}
		}
	}
}
