package identity_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/needs"
)

// areas are the areas of the catalogue of adversarial cases that concern what is built.
const areas = "RT|SES|PW|ENU|LCK|MFA|ML|RBAC|JWT|TPL|SAML|STO|SQL|HTTP|OPS|OIDC|SSRF"

// TestThreatModel compares three things: the catalogue of cases, the tests that carry a
// case's id, and the list in docs/threat-model.md of what does not apply yet. Each case is
// in exactly one of the last two.
func TestThreatModel(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`(?m)^\| ((?:` + areas + `)-\d+) \|(.*)$`)
	catalogue := rows(t, needs.Shared(t, "contract", "security", "CASES.md"), row)
	waiting := rows(t, "docs/threat-model.md", row)
	tested := cases(t)
	var open []string
	for id := range catalogue {
		_, waits := waiting[id]
		switch {
		case waits && tested[id] != "":
			t.Errorf("%s is a test in %s and waits in docs/threat-model.md", id, tested[id])
		case !waits && tested[id] == "":
			open = append(open, id)
		}
	}
	if len(open) > 0 {
		slices.Sort(open)
		t.Errorf("%d cases are neither tests nor listed in docs/threat-model.md: %v", len(open), open)
	}
	for id := range maps.Keys(waiting) {
		if _, known := catalogue[id]; !known {
			t.Errorf("docs/threat-model.md lists %s, which is not in the catalogue", id)
		}
		if len(strings.TrimSpace(waiting[id])) < 20 {
			t.Errorf("docs/threat-model.md gives no reason for %s", id)
		}
	}
	for id, name := range tested {
		if _, known := catalogue[id]; !known {
			t.Errorf("%s tests %s, which is not in the catalogue", name, id)
		}
	}
	t.Logf("%d cases: %d tested, %d not yet", len(catalogue), len(tested), len(waiting))
}

// rows returns the first two groups of every match in a file.
func rows(t *testing.T, name string, row *regexp.Regexp) map[string]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// cases returns the ids that open the names of tests and of the build's steps, and a file for
// each. An id in a comment is no test.
func cases(t *testing.T) map[string]string {
	t.Helper()
	id := regexp.MustCompile(`(?:` + areas + `)-\d+\b`)
	opening := regexp.MustCompile("[\"'`/](" + id.String() + `[ ,]*)+`)
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		suite := strings.HasPrefix(name, "store/storetest/") // tests that other packages run
		if err != nil || d.IsDir() || !suite && !strings.HasSuffix(name, "_test.go") && name != ".ci/run" {
			return err
		}
		text, err := os.ReadFile(name)
		for _, names := range opening.FindAll(text, -1) {
			for _, found := range id.FindAll(names, -1) {
				all[string(found)] = name
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestAttackDependencies holds the lowest versions of docs/dependencies.md, and that every
// module the library imports has a row there.
func TestAttackDependencies(t *testing.T) {
	t.Parallel()
	versions := direct(t)
	told := rows(t, "docs/dependencies.md", regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\|.*\\|.*\\|.*\\|$"))
	for path := range versions {
		if told[path] == "" {
			t.Errorf("docs/dependencies.md does not say why %s is needed", path)
		}
	}
	for path := range told {
		if versions[path] == "" {
			t.Errorf("docs/dependencies.md lists %s, which is not imported", path)
		}
	}
	t.Run("OPS-19 lowest versions", func(t *testing.T) {
		t.Parallel()
		floor := rows(t, "docs/dependencies.md", regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v[0-9.]+) \\|[^|]+\\|$"))
		if len(floor) == 0 {
			t.Fatal("docs/dependencies.md names no lowest version")
		}
		for path, least := range floor {
			if got := versions[path]; got != "" && older(got, least) {
				t.Errorf("%s is %s, want at least %s", path, got, least)
			}
		}
	})
}

// direct returns the modules that go.mod requires for the library's own imports.
func direct(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range mod.Require {
		if !r.Indirect {
			all[r.Path] = r.Version
		}
	}
	return all
}

// older compares two versions of the form v1.2.3.
func older(a, b string) bool { return slices.Compare(numbers(a), numbers(b)) < 0 }

func numbers(version string) []int {
	var all []int
	for part := range strings.SplitSeq(strings.TrimPrefix(version, "v"), ".") {
		n, _ := strconv.Atoi(part)
		all = append(all, n)
	}
	return all
}

// TestDocsLinks finds links between the documents that lead nowhere.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for _, name := range []string{"README.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md", "docs/threat-model.md", "docs/dependencies.md", "docs/stores.md", "docs/testing.md", "docs/tokens.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}
