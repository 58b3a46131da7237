package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

// TestDeletionLeavesNothing fills every table that names a tenant or a user, deletes what is
// named, and reads every column of every table: the name may be left only where it must.
func TestDeletionLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what, name string
		remove     func(store.Store) error
		tables     []string // columns of these may still hold it
	}{
		{"a user", "user-1", func(s store.Store) error { return s.DeleteUser(t.Context(), "user-1") },
			[]string{"identity_audit_events", "identity_revocations"}},
		{"a tenant", "tenant-1", func(s store.Store) error { return s.DeleteTenant(t.Context(), "tenant-1", time.Unix(9, 0)) },
			[]string{"identity_audit_events", "identity_revocations", "identity_tenants", "identity_users", "identity_identifiers"}},
		{"a connection", "connection-1", func(s store.Store) error {
			return s.DeleteConnection(t.Context(), "tenant-1", "connection-1")
		}, nil},
		{"a social provider", "social-1", func(s store.Store) error { return s.DeleteSocialProvider(t.Context(), "social-1") }, nil},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.db")
			s, db := open(t, path), behind(t, path, good)
			fill(t, s)
			for column, n := range naming(t, db, "") {
				if n == 0 {
					t.Errorf("no row of %s was filled: the test looks past it", column)
				}
			}
			if err := tt.remove(s); err != nil {
				t.Fatal(err)
			}
			for column, n := range naming(t, db, tt.name) {
				table, _, _ := strings.Cut(column, ".")
				if n > 0 && !slices.Contains(tt.tables, table) {
					t.Errorf("%d rows of %s still name it", n, column)
				}
			}
		})
	}
}

// naming counts the rows of each column that hold the name. Without one it counts all rows,
// of the columns that name a tenant, a user or a connection.
func naming(t *testing.T, db *sql.DB, name string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range list(t, db, `select name from sqlite_master where type = 'table' and name like 'identity_%'`) {
		for _, column := range list(t, db, `select name from pragma_table_info('`+table+`') where type in ('text', 'TEXT')`) {
			if name != "" {
				counts[table+"."+column] = ask[int](t, db, `select count(*) from `+table+` where `+column+` = '`+name+`'`)
			} else if slices.Contains([]string{"tenant_id", "user_id", "connection_id", "scope"}, column) {
				counts[table+"."+column] = ask[int](t, db, `select count(*) from `+table)
			}
		}
	}
	if len(counts) < 20 {
		t.Fatalf("%d columns were found, want at least 20", len(counts))
	}
	return counts
}

func list(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// fill stores one of everything that names tenant-1, user-1, connection-1 or social-1.
func fill(t *testing.T, s store.Store) {
	t.Helper()
	const tenant, user, connection, social = "tenant-1", "user-1", "connection-1", "social-1"
	ctx, at := t.Context(), time.Unix(1, 0)
	session := store.Session{UserID: user, ID: "s", TenantID: tenant, OnlyTenantID: tenant, ExpiresAt: at, EndsAt: at}
	for i, err := range []error{
		s.CreateUser(ctx, store.User{ID: user, ActiveTenantID: tenant, CreatedAt: at}),
		s.CreateTenant(ctx, store.Tenant{ID: tenant, CreatedAt: at}),
		s.CreateTenant(ctx, store.Tenant{ID: "child", ParentID: tenant, CreatedAt: at}),
		s.CreateIdentifier(ctx, store.Identifier{Scope: tenant, Kind: store.Email, Value: "v", UserID: user}),
		s.PutCredential(ctx, store.Credential{UserID: user, Kind: store.Password, Secret: "x"}),
		s.CreateFactor(ctx, store.Factor{UserID: user, ID: "f", Kind: store.TOTP, Sealed: []byte("s"), CreatedAt: at}),
		s.ReplaceRecoveryCodes(ctx, user, []store.RecoveryCode{{UserID: user, Hash: []byte("h")}}),
		s.PutRememberedDevice(ctx, store.RememberedDevice{UserID: user, Device: "d", Binding: []byte("b")}),
		s.CreatePermission(ctx, store.PermissionRecord{ID: "p", Key: "k"}),
		s.CreateRole(ctx, store.Role{TenantID: tenant, ID: "r", Key: "k", Permissions: []string{"p"}}),
		s.CreateMembership(ctx, store.Membership{TenantID: tenant, UserID: user, CreatedAt: at}),
		s.Assign(ctx, store.Assignment{TenantID: tenant, UserID: user, RoleID: "r"}),
		s.CreateSession(ctx, session),
		s.CreateChallenge(ctx, store.Challenge{ID: "c", Purpose: store.Reset, Hash: []byte("h"), Subject: user, ExpiresAt: at}),
		s.CreateChallenge(ctx, store.Challenge{ID: "c2", Purpose: store.SSOSetup, Hash: []byte("h"), Subject: tenant, ExpiresAt: at}),
		s.PutSetting(ctx, tenant, "k", []byte(`{}`)),
		s.CreateManagementCredential(ctx, store.ManagementCredential{ID: "m"}),
		s.AppendAudit(ctx, store.AuditEvent{ID: "a", TenantID: tenant, ActorID: user, At: at}),
		s.CreateConnection(ctx, store.Connection{TenantID: tenant, ID: connection, Protocol: store.SAML, CreatedAt: at}),
		s.CreateDomain(ctx, store.Domain{TenantID: tenant, ID: "d", ConnectionID: connection, Name: "n", CreatedAt: at}),
		s.CreateGroupMapping(ctx, store.GroupMapping{TenantID: tenant, ID: "g", ConnectionID: connection, Group: "g", CreatedAt: at}),
		s.CreateSSOAttempt(ctx, store.SSOAttempt{TenantID: tenant, ID: "a", ConnectionID: connection, At: at}, 9),
		s.CreateSocialProvider(ctx, store.SocialProvider{ID: social, Type: "google", CreatedAt: at}),
		s.CreateLinkedIdentity(ctx, store.LinkedIdentity{ConnectionID: connection, Subject: "x", TenantID: tenant, UserID: user, CreatedAt: at}),
		s.CreateLinkedIdentity(ctx, store.LinkedIdentity{ConnectionID: social, Subject: "x", UserID: user, CreatedAt: at}),
		s.CreateProviderSession(ctx, store.ProviderSession{UserID: user, SessionID: "s", ConnectionID: connection, CreatedAt: at, ExpiresAt: at}),
		s.CreateProviderSession(ctx, store.ProviderSession{UserID: user, SessionID: "s2", ConnectionID: social, CreatedAt: at, ExpiresAt: at}),
		s.AppendRevocation(ctx, store.Revocation{TenantID: tenant, UserID: user, At: at}),
	} {
		if err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
}
