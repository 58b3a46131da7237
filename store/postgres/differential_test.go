package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/sqlite"
)

// TestAttackDifferential (SQL-14) gives both databases the same random texts in every field
// and asks both the same questions: the answers must not differ.
func TestAttackDifferential(t *testing.T) {
	t.Parallel()
	lite, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	d := differential{t: t, lite: lite, server: open(t, pgtest.URL(t)), rand: rand.New(rand.NewPCG(14, uint64(time.Now().UnixNano())))}
	t.Run("SQL-14 users", func(*testing.T) { d.users() })
	t.Run("SQL-14 searches", func(*testing.T) { d.searches() })
	t.Run("SQL-14 other nouns", func(*testing.T) { d.others() })
	t.Run("SQL-14 single sign-on", func(*testing.T) { d.connections() })
}

type differential struct {
	t            *testing.T
	lite, server store.Store
	rand         *rand.Rand
	texts        []string
}

// text makes a short text of awkward pieces; one in twenty is none at all.
func (d *differential) text() string {
	pieces := []string{
		"a", "A", "b", "É", "é", "e\u0301", "İ", "ı", "ß", "ẞ", "Σ", "ς", "ſ", "K", "k", "日", "👩‍👩‍👧", "\U0010FFFF", "\uE000", "\uD7FF",
		"%", "_", `\`, "'", `"`, "--", ";", "$1", "?", ":a", "{}", "[", "\t", "\n", " ", "\u00a0", "\u200b", "\u202e", "\ufeff", "\x01", "\x7f", "0", "1e3", "null", "'); drop table identity_users;--",
	}
	if d.rand.IntN(20) == 0 {
		pieces = []string{"\x00", "\xff", "\xed\xa0\x80", "\xc0\x80"}
	}
	var b strings.Builder
	for range d.rand.IntN(5) {
		b.WriteString(pieces[d.rand.IntN(len(pieces))])
	}
	d.texts = append(d.texts, b.String())
	return b.String()
}

// document makes JSON, or what looks like it.
func (d *differential) document() string {
	values := []string{`1`, `-0`, `1.50`, `1e3`, `1E-3`, `123456789012345678901234567890`, `true`, `null`, `""`, `"\u0000"`, `"\ud800"`, `[]`, `{}`, `[1,[2]]`, `x`}
	return fmt.Sprintf(`{%q: %s, "b": %s}`, d.text(), values[d.rand.IntN(len(values))], values[d.rand.IntN(len(values))])
}

// both runs call on both stores and compares what it returns.
func both[T any](d *differential, what string, call func(store.Store) (T, error)) {
	d.t.Helper()
	a, errA := call(d.lite)
	b, errB := call(d.server)
	if kind(errA) != kind(errB) || !reflect.DeepEqual(a, b) {
		d.t.Errorf("%s:\n    SQLite: %.600s, %v\nPostgreSQL: %.600s, %v", what, fmt.Sprintf("%#v", a), errA, fmt.Sprintf("%#v", b), errB)
	}
}

func kind(err error) string {
	for _, sentinel := range []error{store.ErrNotFound, store.ErrConflict, store.ErrInvalid} {
		if errors.Is(err, sentinel) {
			return sentinel.Error()
		}
	}
	return fmt.Sprint(err)
}

func (d *differential) users() {
	ctx := d.t.Context()
	for i := range 150 {
		u := store.User{
			ID: fmt.Sprintf("u%03d", i), Email: d.text(), Name: d.text(), PictureURL: d.text(), PhoneNumber: d.text(),
			Metadata: d.document(), VendorMetadata: d.document(), ExternalID: d.text(), Provider: d.text(), ActiveTenantID: d.text(),
			Verified: d.rand.IntN(2) == 0, CreatedAt: at().Add(time.Duration(d.rand.IntN(50)) * time.Millisecond),
		}
		what := fmt.Sprintf("%#v", u)
		both(d, "create "+what, func(s store.Store) (int, error) { return 0, s.CreateUser(ctx, u) })
		both(d, "read "+what, func(s store.Store) (store.User, error) { return s.User(ctx, u.ID) })
		u.Name, u.Metadata = d.text(), d.document()
		both(d, "update "+what, func(s store.Store) (int, error) { return 0, s.UpdateUser(ctx, u) })
		both(d, "read again "+what, func(s store.Store) (store.User, error) { return s.User(ctx, u.ID) })
	}
}

func (d *differential) searches() {
	ctx := d.t.Context()
	sorts := []string{"", "createdAt", "name", "email", "id", "verified", "isLocked", "provider", "metadata", "1"}
	for i := range 400 {
		text := d.texts[d.rand.IntN(len(d.texts))]
		q := store.UserQuery{Page: store.Page{
			Sort: sorts[d.rand.IntN(len(sorts))], Desc: d.rand.IntN(2) == 0, Limit: d.rand.IntN(40), Offset: d.rand.IntN(20),
		}}
		*[]*string{&q.Filter, &q.EmailPrefix, &q.NamePrefix, &q.Email}[i%4] = text
		what := fmt.Sprintf("search %#v", q)
		both(d, what, func(s store.Store) (store.Listing[store.User], error) { return s.Users(ctx, q) })
	}
}

func (d *differential) others() {
	ctx := d.t.Context()
	for i := range 100 {
		id, text := fmt.Sprint(i), d.text()
		both(d, fmt.Sprintf("identifier %q", text), func(s store.Store) (store.Identifier, error) {
			err := s.CreateIdentifier(ctx, store.Identifier{Scope: text, Kind: store.Email, Value: text, UserID: id, Text: text})
			i, missing := s.Identifier(ctx, text, store.Email, text)
			return i, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("role %q", text), func(s store.Store) ([]store.Role, error) {
			err := s.CreateRole(ctx, store.Role{TenantID: "t", ID: id, Key: text, Name: text, Description: text})
			all, missing := s.RolesByKey(ctx, text)
			return all, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("setting %q", text), func(s store.Store) ([]byte, error) {
			err := s.PutSetting(ctx, text, text, []byte(`{"a":1}`))
			got, missing := s.Setting(ctx, text, text)
			return got, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("audit %q", text), func(s store.Store) (store.Listing[store.AuditEvent], error) {
			err := s.AppendAudit(ctx, store.AuditEvent{ID: id, TenantID: text, Action: text, Subject: text, IP: text, UserAgent: text, At: at()})
			got, missing := s.Audit(ctx, store.AuditQuery{TenantID: text, Action: text})
			return got, errors.Join(err, missing)
		})
	}
	both(d, "roles in order", func(s store.Store) ([]store.Role, error) { return s.Roles(ctx, "t") })
	both(d, "audit in order", func(s store.Store) (store.Listing[store.AuditEvent], error) {
		return s.Audit(ctx, store.AuditQuery{Page: store.Page{Limit: 30}})
	})
}

func (d *differential) connections() {
	ctx := d.t.Context()
	both(d, "a connection", func(s store.Store) (int, error) {
		return 0, errors.Join(s.CreateConnection(ctx, store.Connection{TenantID: "t", ID: "c"}), s.CreateUser(ctx, store.User{ID: "u"}))
	})
	for i := range 100 {
		id, text, doc := fmt.Sprint(i), d.text(), d.document()
		both(d, fmt.Sprintf("connection %q %s", text, doc), func(s store.Store) (store.Connection, error) {
			err := s.CreateConnection(ctx, store.Connection{TenantID: text, ID: text, Settings: doc, RoleIDs: []string{text, "r"}})
			got, missing := s.ConnectionByID(ctx, text)
			return got, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("domain %q", text), func(s store.Store) ([]store.Domain, error) {
			err := s.CreateDomain(ctx, store.Domain{TenantID: "t", ID: id, ConnectionID: "c", Name: text, Challenge: text, CreatedAt: at()})
			all, missing := s.DomainsByName(ctx, text)
			return all, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("group %q", text), func(s store.Store) (store.GroupMapping, error) {
			err := s.CreateGroupMapping(ctx, store.GroupMapping{TenantID: "t", ID: id, ConnectionID: "c", Group: text})
			got, missing := s.GroupMapping(ctx, "t", id)
			return got, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("identity %q", text), func(s store.Store) (store.LinkedIdentity, error) {
			err := s.CreateLinkedIdentity(ctx, store.LinkedIdentity{ConnectionID: "c", Subject: text, UserID: "u", Email: text, CreatedAt: at()})
			got, missing := s.LinkedIdentity(ctx, "c", text)
			return got, errors.Join(err, missing)
		})
		both(d, fmt.Sprintf("provider session %q %s", text, doc), func(s store.Store) ([]store.ProviderSession, error) {
			err := s.CreateProviderSession(ctx, store.ProviderSession{
				UserID: "u", SessionID: id, ConnectionID: "c", Subject: text, Index: text, Attributes: doc,
			})
			all, missing := s.ProviderSessions(ctx, "c", text, text)
			return all, errors.Join(err, missing)
		})
	}
	both(d, "identities in order", func(s store.Store) ([]store.LinkedIdentity, error) { return s.LinkedIdentities(ctx, "u") })
	both(d, "domains in order", func(s store.Store) ([]store.Domain, error) { return s.Domains(ctx, "t") })
}
