package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
)

// A side is one of two installations that are asked the same, over different databases.
type side struct {
	*home
	ids    []string          // in the order in which they were seen
	known  map[string]int    // the place of each
	bearer map[string]string // by who
}

func newSide(t *testing.T, s store.Store) *side {
	t.Helper()
	h := &side{home: homeOver(t, s, noon()), known: map[string]int{}, bearer: map[string]string{"nobody": ""}}
	h.bearer["admin"] = h.signUp(t, "admin@acme.example")["accessToken"].(string)
	by := store.Principal{Kind: store.SystemKind, ID: "system"}
	_, secret, err := h.Credentials.Create(t.Context(), by, "back end")
	if err != nil {
		t.Fatal(err)
	}
	pair := object{"clientId": h.Environment(), "secret": secret}
	h.bearer["host"] = h.told(t, http.StatusOK, "POST", "/auth/vendor", pair)["token"].(string)
	tenant, err := h.Tenants.Create(t.Context(), by, service.NewTenant{ID: "other", Name: "Other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Users.Create(t.Context(), by, service.NewUser{TenantID: tenant.ID, Email: "eve@other.example", Password: homePassword}); err != nil {
		t.Fatal(err)
	}
	h.learn(h.ask(t, "GET", mePath, nil, "Authorization: Bearer "+h.bearer["admin"]).Body.String())
	return h
}

var (
	anID     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aSecret  = regexp.MustCompile(`[A-Za-z0-9_.\-+/=]{20,}`)
	anIDMark = regexp.MustCompile(`\{id (\d+)\}`)
	idList   = regexp.MustCompile(`\["\{id \d+\}"(?:,"\{id \d+\}")+\]`)
)

// place returns where an id stands in the order of those that were seen.
func (s *side) place(id string) string {
	if _, ok := s.known[id]; !ok {
		s.known[id] = len(s.ids)
		s.ids = append(s.ids, id)
	}
	return fmt.Sprintf("{id %d}", s.known[id])
}

// learn remembers the ids of an answer and returns it with their places instead, and without
// what is random by itself. A list of ids alone is in the order of the ids, which is random:
// what has the id is seen first, and the list put in the order of the places.
func (s *side) learn(text string) string {
	for _, own := range regexp.MustCompile(`"id":"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if anID.MatchString(own[1]) {
			s.place(own[1])
		}
	}
	text = anID.ReplaceAllStringFunc(text, s.place)
	text = idList.ReplaceAllStringFunc(text, func(list string) string {
		ids := strings.Split(strings.Trim(list, "[]"), ",")
		slices.Sort(ids)
		return "[" + strings.Join(ids, ",") + "]"
	})
	return aSecret.ReplaceAllString(text, "(secret)")
}

// awake signs the admin in again where a question ended the session.
func (s *side) awake(t *testing.T) bool {
	t.Helper()
	if s.ask(t, "GET", mePath, nil, "Authorization: Bearer "+s.bearer["admin"]).Code == http.StatusOK {
		return true
	}
	w := s.ask(t, "POST", loginPath, object{"email": "admin@acme.example", "password": homePassword})
	var login object
	if json.Unmarshal(w.Body.Bytes(), &login) != nil || w.Code != http.StatusOK || login["accessToken"] == "" {
		return false
	}
	s.bearer["admin"] = login["accessToken"].(string)
	return true
}

// fill puts this side's ids where a request has their places.
func (s *side) fill(text string) string {
	return anIDMark.ReplaceAllStringFunc(text, func(mark string) string {
		var n int
		_, _ = fmt.Sscanf(mark, "{id %d}", &n)
		return s.ids[n%len(s.ids)]
	})
}

// A question is one request, with places instead of ids.
type question struct {
	who, method, target, body string
	headers                   []string
}

// answer asks one side and returns what came back, made comparable.
func (s *side) answer(t *testing.T, q question) (status int, body string) {
	t.Helper()
	var headers []string
	if token := s.bearer[q.who]; token != "" {
		headers = append(headers, "Authorization: Bearer "+token)
	}
	for _, line := range q.headers {
		headers = append(headers, s.fill(line))
	}
	var in any
	if q.body != "" {
		in = json.RawMessage(s.fill(q.body))
	}
	w := s.ask(t, q.method, s.fill(q.target), in, headers...)
	body = s.learn(w.Body.String())
	for _, name := range []string{"Retry-After", "WWW-Authenticate", "Content-Type"} {
		body += "\n" + name + ": " + w.Header().Get(name)
	}
	return w.Code, body
}

// An author makes up requests, the same ones each time.
type author struct {
	dice     *rand.Rand
	document document
	serial   int
}

// texts are what fields are given when they are not given something sensible.
func texts() []string {
	return []string{
		"", " ", "É", "é", "e\u0301", "İ", "ı", "ß", "\u212a", "日本", "👩‍👩‍👧", "\U0010FFFF", "%", "_", `\`, "'", `"`, "--", ";", "$1", "?",
		"'); drop table identity_users;--", "\t", "\n", "\u00a0", "\u200b", "\u202e", "\ufeff", "\x01", "\x7f", "\x00", "0", "-1", "1e3", "null", "true",
		`{"a":1}`, `{"b":2,"a":"\u00e9"}`, `{"a":1,"a":2}`, `[]`, `{"n":1.50}`, `{"n":123456789012345678901234567890}`, "other", "admin", "ADMIN", "a@b", "eve@other.example", "EVE@OTHER.EXAMPLE",
		"admin@acme.example", strings.Repeat("é", 300), "2026-01-01T00:00:00Z", "createdAt", "name", "ASC", "desc",
	}
}

func (a *author) text() string { return texts()[a.dice.IntN(len(texts()))] }

// id is the place of some id that was seen, or text that is none.
func (a *author) id() string {
	if a.dice.IntN(6) == 0 {
		return a.text()
	}
	return fmt.Sprintf("{id %d}", a.dice.IntN(40))
}

// say makes text for a field of that name: what it should be, or anything.
func (a *author) say(name string) string {
	low := strings.ToLower(name)
	a.serial++
	switch {
	case a.dice.IntN(5) == 0:
		return a.text()
	case strings.HasSuffix(low, "id") || strings.HasSuffix(low, "ids"):
		return a.id()
	case strings.Contains(low, "email"):
		return fmt.Sprintf("user%d@acme.example", a.dice.IntN(20))
	case strings.Contains(low, "password"):
		return homePassword
	case strings.Contains(low, "metadata"):
		return `{"k":"v"}`
	case low == "key":
		return fmt.Sprintf("%s.%d", []string{"a", "B", "c", "_d", "E"}[a.dice.IntN(5)], a.dice.IntN(20))
	}
	return fmt.Sprintf("%s %d", []string{"a", "B", "é", "É", "z", "Z", "_", "ß", "İ"}[a.dice.IntN(9)], a.serial)
}

// value fills a schema.
func (a *author) value(name string, schema json.RawMessage) any {
	var s struct {
		Ref        string                     `json:"$ref"`
		Type       any                        `json:"type"`
		Enum       []any                      `json:"enum"`
		Items      json.RawMessage            `json:"items"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return nil
	}
	if ref, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return a.value(name, a.document.Components.Schemas[ref])
	}
	kind := fmt.Sprint(s.Type)
	switch {
	case len(s.Enum) > 0 && a.dice.IntN(8) > 0:
		return s.Enum[a.dice.IntN(len(s.Enum))]
	case strings.Contains(kind, "array"):
		all := []any{}
		for range a.dice.IntN(3) {
			all = append(all, a.value(name, s.Items))
		}
		if len(all) == 0 && a.dice.IntN(4) > 0 {
			all = append(all, a.value(name, s.Items))
		}
		return all
	case strings.Contains(kind, "object"):
		o := map[string]any{}
		for _, member := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, member) || a.dice.IntN(2) == 0 {
				o[member] = a.value(member, s.Properties[member])
			}
		}
		return o
	case strings.Contains(kind, "string"):
		return a.say(name)
	case strings.Contains(kind, "boolean"):
		return a.dice.IntN(2) == 0
	}
	return a.dice.IntN(120) - 10
}

// ask makes up a request for a route.
func (a *author) ask(method, path string) question {
	item := a.document.Paths[path][method]
	who := "nobody"
	if n := a.dice.IntN(12); n < 7 {
		who = "host"
	} else if n < 11 {
		who = "admin"
	}
	q := question{who: who, method: strings.ToUpper(method)}
	q.target = placeholder.ReplaceAllStringFunc(path, func(string) string { return escaped(a.id()) })
	params := url.Values{}
	for _, p := range item.Parameters {
		if p.In != "query" || a.dice.IntN(2) == 0 {
			continue
		}
		params.Set(p.Name, a.say(p.Name))
		if low := strings.ToLower(p.Name); a.dice.IntN(3) > 0 && (strings.Contains(low, "limit") || strings.Contains(low, "offset")) {
			params.Set(p.Name, fmt.Sprint(a.dice.IntN(30)))
		}
	}
	if len(params) > 0 {
		q.target += "?" + unescapedMarks(params.Encode())
	}
	if q.who == "host" {
		q.headers = []string{"frontegg-tenant-id: " + []string{"other", "{id 1}", "{id 2}", "{id 3}"}[a.dice.IntN(4)], "frontegg-user-id: {id 0}"}
	}
	if schema := item.Body.Content["application/json"].Schema; len(schema) > 0 {
		text := &bytes.Buffer{}
		e := json.NewEncoder(text)
		e.SetEscapeHTML(false)
		_ = e.Encode(a.value("", schema))
		q.body = text.String()
	}
	return q
}

func escaped(text string) string { return unescapedMarks(url.PathEscape(text)) }

// unescapedMarks leaves the places of ids as they are.
func unescapedMarks(text string) string {
	return regexp.MustCompile(`%7Bid(?:%20|\+)(\d+)%7D`).ReplaceAllString(text, "{id $1}")
}

// slow reports whether a route hashes passwords, which is why it is asked less often.
func (a *author) slow(method, path string) bool {
	schema := a.document.Paths[path][method].Body.Content["application/json"].Schema
	if ref := regexp.MustCompile(`#/components/schemas/(\w+)`).FindSubmatch(schema); ref != nil {
		schema = a.document.Components.Schemas[string(ref[1])]
	}
	return bytes.Contains(bytes.ToLower(schema), []byte(`password"`))
}

// TestAttackDifferential asks an installation on SQLite and one on PostgreSQL the same
// questions, made from the routes themselves: both must say the same.
func TestAttackDifferential(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	server, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	lite, pg := newSide(t, memory(t)), newSide(t, server)
	a := &author{dice: rand.New(rand.NewPCG(14, 2026))}
	text := lite.ask(t, "GET", "/openapi.json", nil).Body.Bytes()
	if err := json.Unmarshal(text, &a.document); err != nil {
		t.Fatal(err)
	}
	t.Run("SQL-14 one log of requests on both databases", func(t *testing.T) {
		statuses := map[int]int{}
		for round, methods := range [][]string{{"get"}, {"post", "put", "patch"}, {"get"}, {"post", "put", "patch", "get"}, {"delete", "get"}} {
			for _, path := range slices.Sorted(maps.Keys(a.document.Paths)) {
				for _, method := range methods {
					if _, ok := a.document.Paths[path][method]; !ok {
						continue
					}
					most := 4
					if method == "post" {
						most = 12 // so that there is something to find
					}
					if a.slow(method, path) {
						most = 1
					}
					for range most {
						q := a.ask(method, path)
						lite.clock.advance(time.Millisecond)
						pg.clock.advance(time.Millisecond)
						status1, said1 := lite.answer(t, q)
						status2, said2 := pg.answer(t, q)
						statuses[status1]++
						if status1 != status2 || said1 != said2 {
							t.Fatalf("round %d, %s %s by %s %s %q:\nSQLite:     %d %s\nPostgreSQL: %d %s",
								round, q.method, q.target, q.who, q.body, q.headers, status1, said1, status2, said2)
						}
						if q.who == "admin" && q.method != "GET" && lite.awake(t) != pg.awake(t) {
							t.Fatalf("after %s %s the admin can sign in on one side only", q.method, q.target)
						}
						if status1 >= 500 {
							t.Errorf("%s %s by %s %s = %d %s", q.method, q.target, q.who, q.body, status1, said1)
						}
					}
				}
			}
		}
		if statuses[200]+statuses[201] < 100 || statuses[400] < 100 {
			t.Errorf("the questions are too much of one kind: %v", statuses)
		}
		t.Logf("answers by status: %v", statuses)
	})
}
