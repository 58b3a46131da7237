package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func valueTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"STO-07 time": testTime, "SQL-11 text": testText, "SQL-06 text refused": testTextRefused, "SQL-07 JSON": testJSON,
		"SQL-10 keys": testKeys, "SQL-09 many ids": testManyIDs,
	}
}

// testTime checks that times come back in UTC, cut to the microsecond, the zero time too.
func testTime(t *testing.T, s store.Store) {
	ctx, zone := t.Context(), time.FixedZone("east", 5*3600)
	for i, at := range []time.Time{
		now(), now().Add(999 * time.Nanosecond), now().In(zone), time.Unix(0, 0), time.Unix(0, -1000), {},
		time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1582, 10, 4, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	} {
		id, want := string(rune('a'+i)), at.UTC().Truncate(time.Microsecond)
		must(t, s.CreateUser(ctx, store.User{ID: id, CreatedAt: at, UpdatedAt: at}))
		got, err := s.User(ctx, id)
		must(t, err)
		if got.CreatedAt != want || got.UpdatedAt != want {
			t.Errorf("%v came back as %v and %v, want %v", at, got.CreatedAt, got.UpdatedAt, want)
		}
	}
}

// texts are awkward, and each database must keep them as they are.
func texts() []string {
	return []string{
		"", " ", " padded ", "'); drop table identity_users;--", `"quoted" \ back \n $1 ? :x @x %s %_`, "a\tb\nc\rd\x01\x7f",
		"; attach database 'x' as y; select 1",
		"été", "e\u0301", "İıſK", "日本語", "👩‍👩‍👧", "\u202eevil", "\ufeffbom", "\U0010FFFF", "\uFFFD", "0", "01", "1e0", " 1", "null",
		strings.Repeat("long ", 20_000),
	}
}

func testText(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i, text := range texts() {
		u := store.User{ID: "u" + string(rune('a'+i)), Name: text, Email: text, PictureURL: text, ExternalID: text, CreatedAt: now()}
		c := store.Challenge{Purpose: store.Purpose("p" + text), ID: "c", Hash: []byte(text + "\x00\xff"), Subject: text, ExpiresAt: now()}
		must(t, s.CreateUser(ctx, u), s.CreateChallenge(ctx, c))
		returns(s.User(ctx, u.ID))(t, "user", u)
		returns(s.Challenge(ctx, c.Purpose, c.Hash))(t, "challenge", c)
		found, err := s.Users(ctx, store.UserQuery{IDs: []string{u.ID}, Email: text, NamePrefix: text, Filter: text})
		must(t, err)
		equal(t, "found by its text", found.Items, []store.User{u})
	}
}

// testTextRefused checks that what one database cannot keep is refused by all.
func testTextRefused(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	for _, text := range []string{"\x00", "a\x00b", "\xff", "\xc3", "a\xed\xa0\x80"} {
		refused(t, "a name", s.CreateUser(ctx, store.User{ID: "u2", Name: text}), store.ErrInvalid)
		refused(t, "an id", s.CreateUser(ctx, store.User{ID: text}), store.ErrInvalid)
		refused(t, "an update", s.UpdateUser(ctx, store.User{ID: "u1", Email: text}), store.ErrInvalid)
		fails(s.User(ctx, text))(t, "a look-up", store.ErrInvalid)
		fails(s.Users(ctx, store.UserQuery{Filter: text}))(t, "a search", store.ErrInvalid)
		fails(s.Users(ctx, store.UserQuery{IDs: []string{text}}))(t, "a list", store.ErrInvalid)
		session := newSession("u1", "s1")
		session.Methods = []string{text}
		refused(t, "a session's method", s.CreateSession(ctx, session), store.ErrInvalid)
		refused(t, "metadata", s.CreateUser(ctx, store.User{ID: "u2", Metadata: `{"a":"` + text + `"}`}), store.ErrInvalid)
	}
	returns(s.CountUsers(ctx))(t, "users", 1)
}

// testJSON checks that a document comes back in one form from every database.
func testJSON(t *testing.T, s store.Store) {
	ctx := t.Context()
	for in, want := range map[string]string{
		`{}`: `{}`, `[]`: `[]`, ` { "b" : [ 1 , 2 ] , "a" : null } `: `{"a":null,"b":[1,2]}`,
		`{"a":1,"a":2}`: `{"a":2}`, `{"aa":1,"b":2}`: `{"aa":1,"b":2}`, `{"<":"<&>\u00e9\/"}`: `{"<":"<&>é/"}`,
		`[1.50,-0,-0.0,1e2,1.5E1,1.50e1,25e-1,-1e-3,0e9,1E+1]`: `[1.50,0,0.0,100,15,15.0,2.5,-0.001,0,10]`,
		`[12345678901234567890.123456789,9007199254740993]`:    `[12345678901234567890.123456789,9007199254740993]`,
		`["\ud83d\ude00","\ud83d","\u007f\u0001\u2028"]`:       `["😀","�","` + "\x7f" + `\u0001\u2028"]`,
	} {
		must(t, s.PutSetting(ctx, "", "k", []byte(in)))
		got, err := s.Setting(ctx, "", "k")
		must(t, err)
		equal(t, in, string(got), want)
	}
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	for _, in := range []string{
		`x`, `{"a":1}{}`, `{"a":1`, `"text"`, `1`, `null`, `{"a":"\u0000"}`, `{"\u0000":1}`, `[1e999999999]`, `[1e131000]`, `[1e-5000]`,
		"[\"\x00\"]", "[\"\xff\"]", deep, `[01]`, `{'a':1}`, `[` + strings.Repeat("9", 1000) + `]`,
	} {
		refused(t, in, s.PutSetting(ctx, "", "k", []byte(in)), store.ErrInvalid)
		refused(t, in, s.CreateUser(ctx, store.User{ID: "u", Metadata: in}), store.ErrInvalid)
	}
}

// testKeys checks that ids are text and nothing else: no number, no case, no padding.
func testKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "0", "1", "a")
	for _, id := range []string{" 0", "0 ", "00", "0.0", "0e0", "+1", "01", "1.0", "A", "a ", "á", "a\u0301", "%", "_"} {
		fails(s.User(ctx, id))(t, "id "+id, store.ErrNotFound)
		refused(t, "deleting id "+id, s.DeleteUser(ctx, id), store.ErrNotFound)
	}
	exists(t, s, "A", "01")
	returns(s.CountUsers(ctx))(t, "users", 5)
}

// testManyIDs gives lists more ids than a statement can name.
func testManyIDs(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	permits(t, s, "p1")
	must(t, s.CreateMembership(ctx, store.Membership{TenantID: "t1", UserID: "u2"}),
		s.Assign(ctx, store.Assignment{TenantID: "t1", UserID: "u1", RoleID: "r1"}), s.CreateSession(ctx, newSession("u1", "s1")))
	ids := make([]string, 40_000)
	for i := range ids {
		ids[i] = "u" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + time.Duration(i).String()
	}
	ids[7], ids[20_000], ids[39_999], ids[100] = "u1", "u2", "p1", "s1"
	memberships, err1 := s.Memberships(ctx, ids...)
	assignments, err2 := s.Assignments(ctx, ids...)
	permissions, err3 := s.Permissions(ctx, ids...)
	roles, err4 := s.Roles(ctx, ids...)
	revoked, err5 := s.RevokeSessions(ctx, "u1", now(), ids...)
	must(t, err1, err2, err3, err4, err5)
	equal(t, "found", []int{len(memberships), len(assignments), len(permissions), len(roles), len(revoked)}, []int{1, 1, 1, 0, 1})
	refused(t, "unknown permissions", s.SetPermissionUse(ctx, ids, store.Assignable, now()), store.ErrNotFound)
	fails(s.Users(ctx, store.UserQuery{IDs: ids}))(t, "more ids than a page holds", store.ErrInvalid)
	page, err := s.Users(ctx, store.UserQuery{IDs: ids[:store.MaxLimit]})
	must(t, err)
	equal(t, "a page's worth of ids", page.Total, 1)
}
