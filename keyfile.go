package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// ring returns the host's secrets, or those that a zero Options.Secrets means.
func (o Options) ring(ctx context.Context) (*secret.Ring, error) {
	if len(o.Secrets) > 0 {
		return secret.New(o.Secrets)
	}
	l, ok := o.Store.(store.Local)
	if !ok {
		return nil, errors.New("Options.Secrets is empty: processes that share a database share a secret of at least 32 bytes")
	}
	key, err := o.ownKey(ctx, l.Path())
	if err != nil {
		return nil, err
	}
	return secret.New([][]byte{key})
}

const keySize = 32

// ownKey reads the secret beside a database file, or makes it for a new database. A database
// in memory gets one that dies with it.
func (o Options) ownKey(ctx context.Context, path string) ([]byte, error) {
	if path == "" {
		return newKey()
	}
	path += ".key"
	sealed, err := o.Store.SigningKeys(ctx) // before the file: another process makes that first
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if len(sealed) > 0 {
		return nil, fmt.Errorf("key file %s is gone, and the database was sealed with it: put it back, or set Options.Secrets", path)
	}
	made, err := createKey(path)
	if err != nil {
		return nil, fmt.Errorf("make a key file: %w", err)
	}
	if made {
		o.Logger.Warn("made a key file: keep it with the database, or set Options.Secrets", "path", path)
	}
	return readKey(path)
}

func newKey() ([]byte, error) {
	key := make([]byte, keySize)
	_, err := rand.Read(key)
	return key, err
}

// createKey makes the file whole or not at all, whenever the process dies: half a key would
// be refused, and another would open nothing. Of two processes that start together one makes
// it, and both use it.
func createKey(path string) (made bool, err error) {
	key, err := newKey()
	if err != nil {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return false, err
	}
	err = os.Link(f.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// readKey reads a key file, unless others can read it too.
func readKey(path string) ([]byte, error) {
	i, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if !i.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s is no file (mode %v)", path, i.Mode())
	}
	if i.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" { // where the mode says nothing
		return nil, fmt.Errorf("key file %s is open to others (mode %04o): chmod 600 it", path, i.Mode().Perm())
	}
	key, err := os.ReadFile(path)
	if err == nil && len(key) != keySize {
		err = fmt.Errorf("key file %s has %d bytes, not %d: it is not whole, or no key", path, len(key), keySize)
	}
	return key, err
}
