package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-identity/identity/store"
	"github.com/go-identity/identity/store/postgres"
	"github.com/go-identity/identity/store/sqlite"
)

// settings are what the flags say.
type settings struct {
	addr, baseURL   string
	db, secretFile  string
	credentials     string
	verify          bool
	limits          string
	privateNetworks bool
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("example", flag.ContinueOnError)
	f.StringVar(&s.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	f.StringVar(&s.db, "db", "example.db", "SQLite `file`, or a postgres:// URL")
	f.StringVar(&s.baseURL, "base-url", "", "`URL` that people reach the app by (default http:// and the address)")
	f.StringVar(&s.credentials, "credentials", "", "`file` to write a management credential and the accounts to, as JSON")
	f.StringVar(&s.secretFile, "secret-file", "", "`file` with the secret that encrypts what is stored; made if missing. "+
		"Processes that share a database share it (default the SQLite file's name or example.db, with .key; IDENTITY_SECRET wins)")
	f.BoolVar(&s.verify, "signup-verification", true, "a new account must confirm its address by mail")
	f.StringVar(&s.limits, "limits", "on", "`on` or off: rate limits by address")
	f.BoolVar(&s.privateNetworks, "allow-private-networks", false,
		"let the library call private addresses, and this machine by plain http")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if s.limits != "on" && s.limits != "off" {
		return s, fmt.Errorf("-limits is %q, must be on or off", s.limits)
	}
	return s, nil
}

func shared(db string) bool {
	return strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://")
}

func openStore(ctx context.Context, db string) (store.Store, error) {
	if shared(db) {
		return postgres.Open(ctx, db)
	}
	return sqlite.Open(ctx, db)
}

const keySize = 32

// secret returns the key that encrypts what is stored. It also makes the passwords of the
// demonstration accounts, so every process that shares it knows them.
func (s settings) secret() ([]byte, error) {
	if text := os.Getenv("IDENTITY_SECRET"); text != "" {
		if len(text) < keySize {
			return nil, fmt.Errorf("IDENTITY_SECRET has %d bytes, needs %d", len(text), keySize)
		}
		return []byte(text), nil
	}
	path := s.secretFile
	switch {
	case path != "":
	case shared(s.db):
		path = "example.db.key"
	case s.db == ":memory:":
		return newKey()
	default:
		path = s.db + ".key"
	}
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = createKey(path)
	}
	if err == nil && len(key) < keySize {
		err = fmt.Errorf("secret file %s has %d bytes, needs %d", path, len(key), keySize)
	}
	return key, err
}

func newKey() ([]byte, error) {
	key := make([]byte, keySize)
	_, err := rand.Read(key)
	return key, err
}

// createKey makes the file whole or not at all. Of two processes that start together one
// makes it, and both use it.
func createKey(path string) ([]byte, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text())
	if err := os.WriteFile(temp, key, 0o600); err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
