// Package needs says what a test needs that a plain machine may not have. A test that
// lacks it is skipped with a sentence, or fails where IDENTITY_REQUIRE lists it: what a
// developer may do without, the build that decides may not.
package needs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Have lets the test go on if ok. Otherwise it skips, or fails where the comma-separated
// IDENTITY_REQUIRE holds name ("postgres", "chromium", "node", "mailpit", "contract", "corpora",
// "oidc-provider", "zitadel-op", "samlp", "pysaml2").
func Have(t testing.TB, name string, ok bool, why string) {
	t.Helper()
	if ok {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("IDENTITY_REQUIRE"), ","), name) {
		t.Fatalf("%s is required here: %s", name, why)
	}
	t.Skipf("skipped without %s: %s", name, why)
}

// Shared returns the path of a file or folder in the folder "shared" that may stand beside
// the repository, and asks Have for name where it does not.
func Shared(t testing.TB, name string, elem ...string) string {
	t.Helper()
	dir, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(append([]string{filepath.Dir(dir), "shared"}, elem...)...)
	_, err = os.Stat(path)
	Have(t, name, err == nil, "no "+path)
	return path
}

// Module returns the folder that holds Node's packages, which NODE_PATH says, and asks Have for
// name where this one is not in it.
func Module(t testing.TB, name, module string) string {
	t.Helper()
	dir := os.Getenv("NODE_PATH")
	_, err := os.Stat(filepath.Join(dir, module))
	Have(t, name, dir != "" && err == nil, "no package "+module+" in NODE_PATH")
	return dir
}

// moduleRoot walks up from the folder of the test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "LICENSE")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", os.ErrNotExist
		}
		dir = up
	}
	return "", err
}
