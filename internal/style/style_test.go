package style_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/style"
)

func house() style.House {
	return style.House{
		Module:     "example.com/house",
		Rooms:      map[string][]string{"store": nil, "service": {"store"}, "store/internal/sqlstore": {"store"}},
		Guests:     map[string][]string{"net/http": nil, "github.com/jackc/": nil},
		Forbidden:  map[string][]string{"time.Now": {"service/clocks.go"}},
		Rethrow:    map[string]string{},
		Solo:       map[string]string{},
		Empty:      []string{"helper"},
		Unfinished: regexp.MustCompile(`TODO`),
		Products:   regexp.MustCompile(`Acme`),
	}
}

// tree writes one file, and what makes the rest of the module good.
func tree(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	for n, text := range map[string]string{
		"service/docs.go":       "// Package service is good.\npackage service\n",
		"service/docs_test.go":  "package service_test\n\nfunc init() { panic(1) }\n",
		"nested/go.mod":         "module nested\n",
		"nested/bad.go":         "package nested\n\nfunc init() {}\n",
		"service/testdata/x.go": "package x\n\nfunc init() {}\n",
		name:                    text,
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(n)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestFindings breaks one rule at a time and wants that rule alone to say so.
func TestFindings(t *testing.T) {
	t.Parallel()
	const pkg = "package service\n\n"
	for _, tt := range []struct{ name, path, text, rule string }{
		{"good", "service/users.go", pkg + "// Add adds.\nfunc Add(a, b int) int { return a + b }\n", ""},
		{"table", "service/users.go", pkg + "var sizes = map[string]int{\"a\": 1}\n", ""},
		{"sentinel", "service/users.go", pkg + "import \"errors\"\n\nvar errX = errors.New(\"x\")\n", ""},
		{"clock where allowed", "service/clocks.go", pkg + "import \"time\"\n\nfunc f() time.Time { return time.Now() }\n", ""},
		{"two branches beside each other", "service/users.go", pkg + "func f(a bool) {\n" + strings.Repeat("if a {\n} else ", 6) + "{\n}\n}\n", ""},
		{"a context type", "service/users.go", pkg + "import \"context\"\n\ntype c struct{ context.Context }\n", ""},
		{"a row", "service/users.go", pkg + "// x\n/*\n\tpublic(" + strings.Repeat("x", 140) + ")\n*/\n", ""},
		{"a variadic tail", "service/users.go", pkg + "func f(a, b, c, d, e int, g ...int) {}\n", ""},

		{"unknown room", "attic/x.go", "// Package attic is not on the map.\npackage attic\n", "rooms"},
		{"arrow back", "store/user.go", "// Package store x.\npackage store\n\nimport _ \"example.com/house/service\"\n", "rooms"},
		{"root imported", "store/user.go", "// Package store x.\npackage store\n\nimport _ \"example.com/house\"\n", "rooms"},
		{"guest", "service/users.go", pkg + "import _ \"net/http\"\n", "guests"},
		{"guest below", "service/users.go", pkg + "import _ \"github.com/jackc/pgx/v5\"\n", "guests"},
		{"noun without SQL", "store/user.go", "// Package store x.\npackage store\n\n// UserStore x.\ntype UserStore interface{}\n", "slices"},
		{"second introduction", "service/users.go", "// Package service again.\npackage service\n", "packages"},
		{"other introduction", "store/user.go", "// This is store.\npackage store\n", "packages"},

		{"long file", "service/users.go", pkg + strings.Repeat("// x\n", 500), "file length"},
		{"long line", "service/users.go", pkg + "// " + strings.Repeat("x", 140) + "\n", "line length"},
		{"long function", "service/users.go", pkg + "func f() {\n" + strings.Repeat("_ = 1\n", 60) + "}\n", "function length"},
		{"six parameters", "service/users.go", pkg + "func f(a, b, c, d, e, g int) {}\n", "parameters"},
		{"six in a literal", "service/users.go", pkg + "func f() { _ = func(a, b, c, d, e, g int) {} }\n", "parameters"},
		{"six in a method", "service/users.go", pkg + "type i interface{ m(a, b, c, d, e, g int) }\n", "parameters"},
		{"four deep", "service/users.go", pkg + "func f() {\n" + strings.Repeat("for {\n", 4) + strings.Repeat("}\n", 4) + "}\n", "nesting"},
		{"nine methods", "service/users.go", pkg + "type i interface{ a(); b(); c(); d(); e(); f(); g(); h(); i() }\n", "interface size"},
		{"context second", "service/users.go", pkg + "import \"context\"\n\nfunc f(a int, ctx context.Context) {}\n", "context first"},
		{"context kept", "service/users.go", pkg + "import \"context\"\n\ntype s struct{ ctx context.Context }\n", "context first"},
		{"contract without context", "store/text.go", "// Package store x.\npackage store\n\n// Store x.\ntype Store interface{ User(id string) error }\n", "context first"},

		{"init", "service/users.go", pkg + "func init() {}\n", "init"},
		{"empty variable", "service/users.go", pkg + "var n int\n", "package variables"},
		{"lock", "service/users.go", pkg + "import \"sync\"\n\nvar m = sync.Mutex{}\n", "package variables"},
		{"pointer", "service/users.go", pkg + "var p = &struct{}{}\n", "package variables"},
		{"function", "service/users.go", pkg + "var f = func() {}\n", "package variables"},
		{"work at start", "service/users.go", pkg + "import \"os\"\n\nvar h = os.Getpid()\n", "package variables"},
		{"table written", "service/users.go", pkg + "var t = map[int]int{}\n\nfunc f() { t[1] = 2 }\n", "package variables"},
		{"table emptied", "service/users.go", pkg + "var t = map[int]int{}\n\nfunc f() { delete(t, 1) }\n", "package variables"},
		{"panic", "service/users.go", pkg + "func f() { panic(1) }\n", "panic"},
		{"clock", "service/users.go", pkg + "import \"time\"\n\nfunc f() time.Time { return time.Now() }\n", "forbidden"},
		{"clock handed on", "service/users.go", pkg + "import \"time\"\n\nfunc f() func() time.Time { return time.Now }\n", "forbidden"},
		{"query", "service/users.go", pkg + "const q = `select id from users`\n", "sql"},
		{"upper case", "store/internal/sqlstore/user.go", "// Package sqlstore x.\npackage sqlstore\n\nconst q = `select id FROM users`\n", "sql dialect"},
		{"cast", "store/internal/sqlstore/user.go", "// Package sqlstore x.\npackage sqlstore\n\nconst q = `select id::text from users`\n", "sql dialect"},
		{"composed query", "store/internal/sqlstore/user.go", "// Package sqlstore x.\npackage sqlstore\n\nfunc f(order string) string { return `select id from users order by ` + order }\n", "SQL-16 query text"},
		{"formatted query", "store/internal/sqlstore/user.go", "// Package sqlstore x.\npackage sqlstore\n\nimport \"fmt\"\n\nfunc f(o string) string { return fmt.Sprintf(`select id from users order by %s`, o) }\n", "SQL-16 query text"},
		{"query of constants", "store/internal/sqlstore/user.go", "// Package sqlstore x.\npackage sqlstore\n\nconst columns = `id`\n\nfunc f() string { return `select ` + columns + ` from users` }\n", ""},
		{"failed to", "service/users.go", pkg + "import \"errors\"\n\nfunc f() error { return errors.New(\"failed to f\") }\n", "errors"},
		{"dropped error", "service/users.go", pkg + "import \"fmt\"\n\nfunc f(err error) error { return fmt.Errorf(\"f: %v\", err) }\n", "errors"},
		{"error's text", "service/users.go", pkg + "import \"strings\"\n\nfunc f(err error) bool { return strings.Contains(err.Error(), \"x\") }\n", "errors"},

		{"no comment", "service/users.go", pkg + "func F() {}\n", "documented"},
		{"other name", "service/users.go", pkg + "// Flying is not it.\nfunc Fly() {}\n", "documented"},
		{"lone constant", "service/users.go", pkg + "// how many\nconst Max = 1\n", "documented"},
		{"type", "service/users.go", pkg + "type T int\n", "documented"},
		{"empty word", "service/users.go", pkg + "func userHelper() {}\n", "names"},
		{"stutter", "service/users.go", pkg + "// A ServiceUser x.\ntype ServiceUser int\n", "names"},
		{"getter", "service/users.go", pkg + "// GetUser x.\nfunc GetUser() {}\n", "names"},
		{"product", "service/users.go", pkg + "func likeAcme() {}\n", "names"},
		{"receiver", "service/users.go", pkg + "type t int\n\nfunc (self t) f() {}\n", "receivers"},
		{"singular", "service/user.go", pkg, "file names"},
		{"plural", "store/users.go", "// Package store x.\npackage store\n", "file names"},
		{"tag", "store/user.go", "// Package store x.\npackage store\n\ntype u struct {\n\tID string `json:\"id\"`\n}\n", "nouns"},
		{"secret", "store/user.go", "// Package store x.\npackage store\n\n// A User x.\ntype User struct{ PasswordHash string }\n", "nouns"},
		{"verb", "store/user.go", "// Package store x.\npackage store\n\nimport \"context\"\n\ntype u int\n\nfunc (u) f(ctx context.Context) {}\n", "nouns"},
		{"unfinished", "service/users.go", pkg + "// TODO\n", "unfinished"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found, err := house().Findings(tree(t, tt.path, tt.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for rule := range found {
				got = append(got, rule)
			}
			if want := slices.DeleteFunc([]string{tt.rule}, func(s string) bool { return s == "" }); !slices.Equal(got, want) {
				t.Errorf("rules broken = %q, want %q: %v", got, want, found)
			}
		})
	}
}

// TestExceptionsMustExist keeps the lists of exceptions honest.
func TestExceptionsMustExist(t *testing.T) {
	t.Parallel()
	h := house()
	h.Solo["service/long-gone.go"] = "it was a flow"
	found, err := h.Findings(tree(t, "service/users.go", "package service\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(found["file names"]); got != 1 {
		t.Errorf("%d findings, want 1: %v", got, found)
	}
}
