package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

// before makes a database as the library left it that had the migrations up to last.
func before(t *testing.T, path, last string) *sql.DB {
	t.Helper()
	db := behind(t, path, good)
	do(t, db, `create table identity_schema (name text not null primary key)`)
	names, err := filepath.Glob("../internal/sqlstore/schema/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		if base > last+"_z" {
			break
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		do(t, db, strings.ReplaceAll(string(text), "/*bytes*/", ""))
		do(t, db, `insert into identity_schema (name) values ('schema/`+base+`')`)
	}
	return db
}

// TestSigningKeysOfBefore opens a database from before keys were published ahead: its key
// signs on, and counts as the environment's.
func TestSigningKeysOfBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db := before(t, path, "0018")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for _, id := range []string{"old", "new"} {
		do(t, db, `insert into identity_signing_keys (id, generation, algorithm, public_key, private_key, created_at)
			values ('`+id+`', `+map[string]string{"old": "1", "new": "2"}[id]+`, 'RS256', x'01', x'02', 1767323045000006)`)
	}
	want := []store.SigningKey{
		{ID: "new", Generation: 2, Algorithm: "RS256", Public: []byte{1}, Private: []byte{2}, CreatedAt: at, SignsAt: at},
		{ID: "old", Generation: 1, Algorithm: "RS256", Public: []byte{1}, Private: []byte{2}, CreatedAt: at, SignsAt: at},
	}
	if got, err := open(t, path).SigningKeys(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("SigningKeys = %+v, %v\nwant %+v", got, err, want)
	}
}

// TestSessionsOfBefore opens a database from before sessions were confined: those that live
// live on, and may act in every tenant of their user.
func TestSessionsOfBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db := before(t, path, "0021")
	do(t, db, `insert into identity_users (id, email, email_fold, verified, name, name_fold, picture_url, phone_number,
			external_id, provider, locked, mfa_bypass, invisible, active_tenant_id, created_at)
			values ('u1', '', '', true, '', '', '', '', '', '', false, false, false, '', 1767323045000006)`,
		`insert into identity_sessions (user_id, id, kind, tenant_id, hash, device, user_agent, ip, methods, created_at, expires_at, ends_at)
			values ('u1', 's1', 'family', 't1', x'01', 'd', 'ua', 'ip', '["pwd"]', 1767323045000006, 1767323046000006, 1767323046000006)`)
	s, at := open(t, path), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	want := store.Session{
		UserID: "u1", ID: "s1", Kind: store.Family, TenantID: "t1", Hash: []byte{1}, Device: "d", UserAgent: "ua", IP: "ip",
		Methods: []string{"pwd"}, CreatedAt: at, ExpiresAt: at.Add(time.Second), EndsAt: at.Add(time.Second),
	}
	if got, err := s.Session(t.Context(), "u1", "s1"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Session = %+v, %v\nwant %+v", got, err, want)
	}
	if err := s.MoveSession(t.Context(), "u1", "s1", "t2", at); err != nil {
		t.Errorf("a switch of tenants: %v", err)
	}
}
