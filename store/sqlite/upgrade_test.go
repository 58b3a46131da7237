package sqlite_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

// TestSigningKeysOfBefore opens a database from before keys were published ahead: its key
// signs on, and counts as the environment's.
func TestSigningKeysOfBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	db := behind(t, path, good)
	do(t, db, `create table identity_schema (name text not null primary key)`)
	names, err := filepath.Glob("../internal/sqlstore/schema/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		if base > "0018_z" {
			break
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		do(t, db, strings.ReplaceAll(string(text), "/*bytes*/", ""))
		do(t, db, `insert into identity_schema (name) values ('schema/`+base+`')`)
	}
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
