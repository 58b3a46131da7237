package identity_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/identitytest"
	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/ssotest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// A land is an Identity with two tenants on one database: A, which attacks, and B.
type land struct {
	id      *identity.Identity
	world   *identitytest.World
	store   store.Store
	db      *sql.DB // to look behind the library
	columns string  // query that lists (table, column)

	users    map[string]service.Login // by role, of tenant A
	a, b     string
	bIDs     map[string][]string // of tenant B by what they are: see kinds
	own      map[string]string   // of tenant A by the placeholder of a path
	provider *ssotest.SAML       // whose metadata is sent
	sought   map[string]bool     // routes of tenants with a place in the path: whether B's was looked for
	document document
}

// A document is what the sweep needs of /openapi.json.
type document struct {
	Paths map[string]map[string]struct {
		Security   []map[string][]string `json:"security"`
		Parameters []struct{ Name, In string }
		Body       struct {
			Content map[string]struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"content"`
		} `json:"requestBody"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

// The queries of land.columns.
const (
	sqliteColumns   = `select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'`
	postgresColumns = `select table_name::text, column_name::text from information_schema.columns where table_schema = current_schema()`
)

const sweepPassword = "a password for the sweep"

func newLand(t *testing.T, s store.Store, db *sql.DB) *land {
	t.Helper()
	w := identitytest.New(t, identity.Options{
		Store: s, BaseURL: "https://app.example", Secrets: [][]byte{[]byte("a secret of this test, 32+ bytes")},
		Permissions: []identity.Permission{"reports.read"}, Logger: slog.New(slog.DiscardHandler),
		SignUp: identity.SignUpOptions{SkipVerification: true},
	})
	l := &land{
		id: w.Identity, world: w, store: s, db: db, users: map[string]service.Login{}, bIDs: map[string][]string{}, own: map[string]string{}, sought: map[string]bool{},
	}
	l.settle(t)
	l.connect(t)
	rec := httptest.NewRecorder()
	l.id.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/openapi.json", nil))
	if err := json.Unmarshal(rec.Body.Bytes(), &l.document); err != nil || len(l.document.Paths) == 0 {
		t.Fatalf("read /openapi.json: %v", err)
	}
	return l
}

// settle fills both tenants with users of every role, a role of their own and sessions.
func (l *land) settle(t *testing.T) {
	t.Helper()
	first := l.signUp(t, "admin@a.example")
	l.a, l.users["admin"] = first.Session.TenantID, first
	victim := l.signUp(t, "admin@b.example")
	l.b = victim.Session.TenantID
	for _, tenantID := range []string{l.a, l.b} {
		by := store.Principal{Kind: store.SystemKind, ID: "system", TenantID: tenantID}
		rs, err := l.id.Roles.Create(t.Context(), by, []service.NewRole{{Key: "own-" + tenantID, Name: "Own", Level: 5}})
		if err != nil {
			t.Fatal(err)
		}
		if tenantID == l.b {
			l.bIDs["role"] = append(l.bIDs["role"], rs[0].ID)
		}
		l.member(t, tenantID, "member")
		l.member(t, tenantID, "owner", rs[0].ID)
	}
	l.bIDs["user"] = append(l.bIDs["user"], victim.User.ID)
	l.bIDs["session"], l.bIDs["tenant"] = []string{victim.Session.ID}, []string{l.b}
	l.bIDs["email"] = []string{"admin@b.example"}
	l.member(t, l.a, "both")
	if _, err := l.id.Members.Add(t.Context(), identity.System(), l.users["both"].User.ID, service.TenantChoice{TenantID: l.b}); err != nil {
		t.Fatal(err)
	}
}

func (l *land) signUp(t *testing.T, email string) service.Login {
	t.Helper()
	s, err := l.id.SignUp.Create(t.Context(), store.Principal{}, service.NewSignUp{Email: email, Password: sweepPassword, Company: email})
	if err != nil {
		t.Fatal(err)
	}
	return *s.Login
}

func (l *land) member(t *testing.T, tenantID, name string, roleIDs ...string) {
	t.Helper()
	email := name + "@" + tenantID + ".example"
	u, err := l.id.Users.Create(t.Context(), identity.System(), service.NewUser{
		TenantID: tenantID, Email: email, Password: sweepPassword, RoleIDs: roleIDs,
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.id.SignIn.Password(t.Context(), store.Principal{}, service.PasswordLogin{Email: email, Password: sweepPassword})
	if err != nil {
		t.Fatal(err)
	}
	if tenantID == l.a {
		l.users[name] = in
		return
	}
	l.bIDs["user"] = append(l.bIDs["user"], u.ID)
}

// dump writes out every row that is tenant B's or belongs to one of its users.
func (l *land) dump(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for table, columns := range l.tables(t) {
		where, args := l.concerns(columns)
		if where == "" {
			continue
		}
		out.WriteString(l.rows(t, table, where, args))
	}
	lines := strings.Split(out.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (l *land) tables(t *testing.T) map[string][]string {
	t.Helper()
	rows, err := l.db.QueryContext(t.Context(), l.columns)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		all[table] = append(all[table], column)
	}
	return all
}

// concerns is the condition under which a row of a table is B's.
func (l *land) concerns(columns []string) (string, []any) {
	var conditions []string
	var args []any
	add := func(column string, ids []string) {
		for _, id := range ids {
			args = append(args, id)
			conditions = append(conditions, column+" = "+fmt.Sprintf("$%d", len(args)))
		}
	}
	for _, c := range columns {
		switch c {
		case "tenant_id", "scope":
			add(c, []string{l.b})
		case "user_id":
			add(c, l.bIDs["user"])
		case "subject":
			if !slices.Contains(columns, "connection_id") { // else it is a word of a provider's
				add(c, slices.Concat(l.bIDs["user"], l.bIDs["tenant"]))
			}
		case "connection_id":
			add(c, l.bIDs["connection"])
		case "id":
			add(c, slices.Concat(l.bIDs["user"], l.bIDs["tenant"], l.bIDs["role"], l.bIDs["session"], l.bIDs["connection"]))
		}
	}
	return strings.Join(conditions, " or "), args
}

func (l *land) rows(t *testing.T, table, where string, args []any) string {
	t.Helper()
	rows, err := l.db.QueryContext(t.Context(), "select * from "+table+" where "+where, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s:", table)
		for i := range values {
			fmt.Fprintf(&out, " %s=%q", names[i], fmt.Sprint(*(values[i].(*any))))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// TestLeakSweep calls every route there is, as every role of tenant A, with ids of tenant
// B in every place that takes one. It is made from the routes themselves, so a new route
// is swept without anybody remembering it.
func TestLeakSweep(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "identity.db")
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		l := newLand(t, s, behind(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"))
		l.columns = sqliteColumns
		l.sweep(t)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		s, err := postgres.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		l := newLand(t, s, behind(t, "pgx", url))
		l.columns = postgresColumns
		l.sweep(t)
	})
}

func behind(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (l *land) sweep(t *testing.T) {
	before := l.dump(t)
	if !strings.Contains(before, "admin@b.example") {
		t.Fatalf("the dump of B misses its user: %s", before)
	}
	calls := 0
	for _, path := range slices.Sorted(maps.Keys(l.document.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(l.document.Paths[path])) {
			for _, role := range slices.Sorted(maps.Keys(l.users)) {
				l.awake(t, role)
				calls += l.attack(t, role, strings.ToUpper(method), path)
			}
			if after := l.dump(t); after != before {
				if changed := difference(before, after); !mails(path, changed) && !knocks(path, changed) {
					t.Fatalf("%s %s changed tenant B:\n%s", method, path, changed)
				}
				before = after
			}
		}
	}
	if calls < 100 {
		t.Errorf("the sweep made %d calls, that cannot be all", calls)
	}
	for route, found := range l.sought {
		if !found {
			t.Errorf("%s never got as far as to look for what is B's", route)
		}
	}
	l.smuggled(t)
}

// mails reports whether all that changed is what comes with a message to B's user that
// anybody may have sent: a link that only the user gets, and the event. A recovery that
// failed leaves the event alone.
func mails(path, changed string) bool {
	forgot := strings.Contains(path, "/passwords/reset")
	if !forgot && !strings.HasSuffix(path, "/mfa/recover") {
		return false
	}
	for line := range strings.Lines(changed) {
		link := strings.HasPrefix(line, "+ identity_challenges:") || strings.HasPrefix(line, "- identity_challenges:")
		if !(forgot && link) && !strings.HasPrefix(line, "+ identity_audit_events:") {
			return false
		}
	}
	return true
}

// awake signs the role in again where a route before ended its session.
func (l *land) awake(t *testing.T, role string) {
	t.Helper()
	if l.call(t.Context(), role, "GET", "/identity/resources/users/v3/me", nil, "").Code == http.StatusOK {
		return
	}
	in := service.PasswordLogin{Email: l.users[role].User.Email, Password: sweepPassword}
	again, err := l.id.SignIn.Password(t.Context(), store.Principal{TenantID: l.a}, in)
	if err != nil {
		t.Fatalf("sign in again as %s: %v", role, err)
	}
	l.users[role] = again
}

func difference(before, after string) string {
	old := strings.Split(before, "\n")
	var out []string
	for _, line := range strings.Split(after, "\n") {
		if !slices.Contains(old, line) {
			out = append(out, "+ "+line)
		}
	}
	now := strings.Split(after, "\n")
	for _, line := range old {
		if !slices.Contains(now, line) {
			out = append(out, "- "+line)
		}
	}
	return strings.Join(out, "\n")
}

var (
	placeholder = regexp.MustCompile(`\{[^}]+\}`)
	kinds       = []string{
		"user", "role", "session", "tenant", "email", "connection", "domain", "mapping", "attempt", "setup", "name",
	}
)

// attack calls one route in every way that names B, and returns how many there were.
func (l *land) attack(t *testing.T, role, method, path string) int {
	t.Helper()
	item := l.document.Paths[path][strings.ToLower(method)]
	n := 0
	if len(item.Security) > 0 {
		n++
		got := l.call(t.Context(), role, method, placeholder.ReplaceAllString(path, l.bIDs["user"][0]), nil, l.b)
		if got.Code != 403 && got.Code != 404 {
			t.Errorf("%s %s as %s with B in the header = %d %s, want 403 or 404", method, path, role, got.Code, got.Body)
		}
	}
	if role == "both" {
		return n // belongs to B as well and may switch to it: but the token is for A
	}
	schema := item.Body.Content["application/json"].Schema
	for _, kind := range kinds {
		for _, id := range l.bIDs[kind] {
			for _, filled := range l.filled(path, id) {
				for _, body := range l.bodies(schema, id, strings.Contains(path, "{")) {
					n++
					target := filled + l.query(item.Parameters, id)
					got := l.call(t.Context(), role, method, target, body, "")
					l.judge(t, got, method+" "+target+" with "+id+" as "+role, strings.Contains(path, "{"), len(item.Security) > 0)
					l.seek(method+" "+path, got.Code, item.Security)
				}
			}
			if target, ok := l.theirs(path); ok && len(schema) > 0 {
				n++
				got := l.call(t.Context(), role, method, target+l.query(item.Parameters, id), l.body(schema, id), "")
				l.judge(t, got, method+" "+target+" with "+id+" as "+role, false, true)
			}
		}
	}
	return n
}

// judge checks an answer: a route with an id of B in its path must not find it, however
// often it is asked; any other may answer, but never with anything of B that was not sent.
func (l *land) judge(t *testing.T, got *httptest.ResponseRecorder, what string, inPath, guarded bool) {
	t.Helper()
	if inPath && guarded && got.Code != 403 && got.Code != 404 && got.Code != 400 && got.Code != 429 {
		t.Errorf("%s = %d %s, want 403 or 404", what, got.Code, got.Body)
	}
	if got.Code >= 500 {
		t.Errorf("%s = %d %s", what, got.Code, got.Body)
	}
	if !guarded || got.Code >= 300 {
		return
	}
	text := got.Body.String()
	for _, mark := range append(marks(), "own-"+l.b, "member@"+l.b) {
		if strings.Contains(text, mark) && !strings.Contains(what, mark) {
			t.Errorf("%s shows %s of tenant B: %s", what, mark, text)
		}
	}
}

func (l *land) query(params []struct{ Name, In string }, id string) string {
	var q []string
	for _, p := range params {
		low := strings.ToLower(p.Name)
		if p.In == "query" && (strings.Contains(low, "id") || strings.Contains(low, "email")) && !strings.Contains(low, "type") {
			q = append(q, p.Name+"="+id)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + strings.Join(q, "&")
}

// body fills a schema with the id wherever it takes text.
func (l *land) body(schema json.RawMessage, id string) any {
	if len(schema) == 0 {
		return nil
	}
	var s struct {
		Ref        string                     `json:"$ref"`
		Type       any                        `json:"type"`
		Format     string                     `json:"format"`
		Enum       []any                      `json:"enum"`
		Items      json.RawMessage            `json:"items"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return nil
	}
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return l.body(l.document.Components.Schemas[name], id)
	}
	kind := fmt.Sprint(s.Type)
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case strings.Contains(kind, "array"):
		return []any{l.body(s.Items, id)}
	case strings.Contains(kind, "object"):
		o := map[string]any{}
		for name, p := range s.Properties {
			o[name] = l.body(p, id)
		}
		return o
	case strings.Contains(kind, "string"):
		return id
	case strings.Contains(kind, "boolean"):
		return true
	}
	return 1
}

func (l *land) call(ctx context.Context, role, method, target string, body any, tenant string) *httptest.ResponseRecorder {
	var in bytes.Buffer
	if body != nil && method != "GET" {
		_ = json.NewEncoder(&in).Encode(body)
	}
	r := httptest.NewRequestWithContext(ctx, method, target, &in)
	if in.Len() > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+l.users[role].AccessToken)
	if tenant != "" {
		r.Header.Set("frontegg-tenant-id", tenant)
	}
	w := httptest.NewRecorder()
	l.id.Handler().ServeHTTP(w, r)
	if http.StatusText(w.Code) == "" {
		w.Code = 599
	}
	return w
}
