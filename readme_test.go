package identity_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/program"
)

// TestReadmeProgram takes the smallest program out of README.md, builds it, runs it, and does
// what README.md says can be done with it: sign up, follow the link in the log, read a report.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	text := readmeProgram(t)
	if n := guardLine(text); n < 1 || n > 15 {
		t.Errorf("the guarded route is on line %d of code, want 1 to 15", n)
	}
	p := startProgram(t, text)
	const password = "correct horse battery staple"

	p.Call(t, http.MethodGet, "/reports/q3.txt", nil).JSON(t, http.StatusUnauthorized, nil)
	p.Call(t, http.MethodPost, "/identity/resources/users/v1/signUp", map[string]string{
		"provider": "local", "email": "ada@acme.example", "password": password, "name": "Ada", "companyName": "Acme",
	}).JSON(t, http.StatusOK, nil)
	link := p.Said(t, regexp.MustCompile(`/account/activate\?token=([\w-]+)&userId=([\w-]+)`))
	var login struct{ AccessToken string }
	p.Call(t, http.MethodPost, "/identity/resources/users/v1/activate", map[string]string{
		"token": link[1], "userId": link[2], "password": password,
	}).JSON(t, http.StatusOK, &login)
	if a := p.Call(t, http.MethodGet, "/reports/q3.txt", nil, "Authorization: Bearer "+login.AccessToken); a.String() != "200 all well" {
		t.Errorf("a report for the tenant's first user = %v, want 200 all well", a)
	}
	if a := p.Call(t, http.MethodGet, "/account/signup", nil); a.Status != http.StatusOK {
		t.Errorf("the page to sign up = %v, want 200", a)
	}
}

// readmeProgram is the first whole program in README.md.
func readmeProgram(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```go\npackage main\n")
	first, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("README.md holds no program")
	}
	return "package main\n" + first
}

// guardLine counts lines of code to the guarded route; blank lines are none.
func guardLine(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			n++
		}
		if strings.Contains(line, "RequirePermission") {
			return n
		}
	}
	return 0
}

// startProgram runs README.md's program in a folder with one report, at an address of its own.
func startProgram(t *testing.T, text string) *program.Program {
	t.Helper()
	dir, address := t.TempDir(), program.Address(t)
	if err := os.Mkdir(filepath.Join(dir, "reports"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"main.go":        strings.ReplaceAll(text, "localhost:8080", address),
		"reports/q3.txt": "all well",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return program.Start(t, address, dir, program.Build(t, filepath.Join(dir, "main.go")))
}
