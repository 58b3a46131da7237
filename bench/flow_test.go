package bench_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/argon2"
)

// flows are whole requests and what each cannot do without, in pairs.
type flows struct {
	site    *site
	refresh string
	key     *rsa.PrivateKey
	disk    *os.File
}

func newFlows(tb testing.TB) *flows {
	tb.Helper()
	s, err := newSite(tb.Context(), tb.TempDir(), 1, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.id.Close() })
	f := &flows{site: s}
	if f.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		tb.Fatal(err)
	}
	if f.disk, err = os.Create(filepath.Join(tb.TempDir(), "disk")); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.disk.Close() })
	p, err := s.login(0)
	if err != nil {
		tb.Fatal(err)
	}
	f.refresh = p.RefreshToken
	return f
}

// hash is the work of one password check at the library's parameters.
func hash() []byte {
	return argon2.IDKey([]byte(passphrase), []byte("0123456789abcdef0123456789abcdef"), 2, 19*1024, 1, 32)
}

func (f *flows) argon2() error { hash(); return nil }

func (f *flows) login() error {
	_, err := f.site.login(0)
	return err
}

func (f *flows) sign() error {
	d := sha256.Sum256([]byte("header.payload"))
	_, err := rsa.SignPKCS1v15(rand.Reader, f.key, crypto.SHA256, d[:])
	return err
}

// signDurably is what a refresh cannot do without: a signature, and a page on the disk.
func (f *flows) signDurably() error {
	if err := f.sign(); err != nil {
		return err
	}
	return f.sync()
}

func (f *flows) sync() error { return writeThrough(f.disk) }

func (f *flows) rotate() error {
	p, err := f.site.refresh(f.refresh)
	f.refresh = p.RefreshToken
	return err
}

// BenchmarkFlow is G9: a whole sign-in against Argon2id alone, a whole refresh against one
// RSA signature, over the wire's handler and a SQLite file with full durability.
func BenchmarkFlow(b *testing.B) {
	f := newFlows(b)
	for _, bb := range []struct {
		name string
		do   func() error
	}{
		{"argon2-only", f.argon2},
		{"login", f.login},
		{"rsa-sign", f.sign},
		{"refresh", f.rotate},
	} {
		bench(b, bb.name, bb.do)
	}
}

// flowGoals is G9 by the processor, and by the clock on the wall, where a durable write
// waits for the disk as well.
func flowGoals(t *testing.T, b *board) {
	f := newFlows(t)
	login, hash := side{2, times(f.login)}, side{2, times(f.argon2)}
	refresh, sign, durably := side{10, times(f.rotate)}, side{10, times(f.sign)}, side{10, times(f.signDurably)}
	b.report(t, "a whole sign-in / Argon2id alone, processor time", atMost(1.15), pair{processor(), 61, login, hash}.ratios(t))
	b.report(t, "a whole sign-in / Argon2id alone, wall time", atMost(1.15), pair{wall(), 61, login, hash}.ratios(t))
	b.report(t, "a whole refresh / one RS256 signature, processor time", atMost(1.4), pair{processor(), 101, refresh, sign}.ratios(t))
	b.report(t, "a whole refresh / one RS256 signature and one fsync, processor time", atMost(1.4),
		pair{processor(), 101, refresh, durably}.ratios(t))
	b.report(t, "a whole refresh / one RS256 signature and one fsync, wall time", atMost(1.4),
		pair{wall(), 101, refresh, durably}.ratios(t))
	b.report(t, "a whole refresh / one RS256 signature, wall time", atMost(1.4), pair{wall(), 101, refresh, sign}.ratios(t))
}
