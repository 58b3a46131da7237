package postgres_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/pgtest"
	"github.com/go-identity/identity/store"
)

// TestSessionsOfBefore opens a database from before sessions were confined: those that live
// live on, and may act in every tenant of their user.
func TestSessionsOfBefore(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pool(t, url)
	do(t, db, `create table identity_schema (name text not null primary key)`)
	names, err := filepath.Glob("../internal/sqlstore/schema/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		if base > "0021_z" {
			break
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		do(t, db, strings.ReplaceAll(string(text), "/*bytes*/", `collate "C"`))
		do(t, db, `insert into identity_schema (name) values ('schema/`+base+`')`)
	}
	do(t, db, `insert into identity_users (id, email, email_fold, verified, name, name_fold, picture_url, phone_number,
		external_id, provider, locked, mfa_bypass, invisible, active_tenant_id, created_at)
		values ('u1', '', '', true, '', '', '', '', '', '', false, false, false, '', '2026-01-02 03:04:05+00')`)
	do(t, db, `insert into identity_sessions (user_id, id, kind, tenant_id, hash, device, user_agent, ip, methods, created_at, expires_at, ends_at)
		values ('u1', 's1', 'family', 't1', '\x01', 'd', 'ua', 'ip', '["pwd"]',
		'2026-01-02 03:04:05+00', '2026-01-02 03:04:06+00', '2026-01-02 03:04:06+00')`)
	s, at := open(t, url), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
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
