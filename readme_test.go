package identity_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReadmeProgram takes the smallest program out of README.md, builds it, runs it, and does
// what README.md says can be done with it: sign up, follow the link in the log, read a report.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	program := readmeProgram(t)
	if n := guardLine(program); n < 1 || n > 15 {
		t.Errorf("the guarded route is on line %d of code, want 1 to 15", n)
	}
	p := startProgram(t, program)

	if got := p.get(t, "/reports/q3.txt", ""); got != http.StatusUnauthorized {
		t.Errorf("a report without signing in = %d, want 401", got)
	}
	p.post(t, "/identity/resources/users/v1/signUp", map[string]string{
		"provider": "local", "email": "ada@acme.example", "password": passphrase,
		"name": "Ada", "companyName": "Acme",
	})
	link := p.said(t, regexp.MustCompile(`/account/activate\?token=([\w-]+)&userId=([\w-]+)`))
	login := p.post(t, "/identity/resources/users/v1/activate", map[string]string{
		"token": link[1], "userId": link[2], "password": passphrase,
	})
	if got := p.get(t, "/reports/q3.txt", login["accessToken"].(string)); got != http.StatusOK {
		t.Errorf("a report for the tenant's first user = %d, want 200", got)
	}
	if got := p.get(t, "/account/signup", ""); got != http.StatusOK {
		t.Errorf("the page to sign up = %d, want 200", got)
	}
}

const passphrase = "correct horse battery staple"

// readmeProgram is the first whole program in README.md.
func readmeProgram(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```go\npackage main\n")
	program, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("README.md holds no program")
	}
	return "package main\n" + program
}

// guardLine counts lines of code to the guarded route; blank lines are none.
func guardLine(program string) int {
	n := 0
	for line := range strings.Lines(program) {
		if strings.TrimSpace(line) != "" {
			n++
		}
		if strings.Contains(line, "RequirePermission") {
			return n
		}
	}
	return 0
}

// A running program is one that was built and started, in a folder of its own.
type running struct {
	base  string
	lines chan string // what it says on standard error
}

func startProgram(t *testing.T, program string) *running {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	program = strings.ReplaceAll(program, "localhost:8080", address)
	write(t, filepath.Join(dir, "main.go"), program)
	write(t, filepath.Join(dir, "reports", "q3.txt"), "all well")
	bin := filepath.Join(dir, "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("build README.md's program: %v\n%s", err, out)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin)
	cmd.Dir = dir
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &running{base: "http://" + address, lines: make(chan string, 1000)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	p.await(t)
	return p
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// await waits until the program answers.
func (p *running) await(t *testing.T) {
	t.Helper()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-pause.C {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
		if err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not answer: %s", p.base, p.rest())
}

// rest is what the program has said and nobody has read.
func (p *running) rest() string {
	var all []string
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				return strings.Join(all, "\n")
			}
			all = append(all, line)
		default:
			return strings.Join(all, "\n")
		}
	}
}

// said waits for a line of the log and returns its groups.
func (p *running) said(t *testing.T, want *regexp.Regexp) []string {
	t.Helper()
	for late := time.After(30 * time.Second); ; {
		select {
		case line, open := <-p.lines:
			if m := want.FindStringSubmatch(line); m != nil {
				return m
			}
			if !open {
				t.Fatalf("the program ended without saying %v", want)
			}
		case <-late:
			t.Fatalf("the program does not say %v", want)
		}
	}
}

func (p *running) get(t *testing.T, path, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	status, _ := p.do(t, r)
	return status
}

// post sends JSON and wants success.
func (p *running) post(t *testing.T, path string, body any) map[string]any {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	status, text := p.do(t, r)
	if status >= 300 {
		t.Fatalf("POST %s = %d %s", path, status, text)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("POST %s: %v in %s", path, err, text)
	}
	return out
}

func (p *running) do(t *testing.T, r *http.Request) (int, []byte) {
	t.Helper()
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, text
}
