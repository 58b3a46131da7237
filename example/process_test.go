package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-identity/identity/internal/pgtest"
)

// asExample makes the test binary be the example: that is how tests get a process of its
// own without building it first.
const asExample = "IDENTITY_TEST_RUN_EXAMPLE"

func TestMain(m *testing.M) {
	if os.Getenv(asExample) != "" {
		main()
		return
	}
	os.Exit(pgtest.Main(m))
}

// A process is one running example.
type process struct {
	credentials
	base string
	cmd  *exec.Cmd
	logs *logs
}

type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs an example on a free port and waits until it says that it listens. Processes
// started in the same dir share their secret.
func start(t *testing.T, dir, db string, args ...string) *process {
	t.Helper()
	file := filepath.Join(dir, fmt.Sprintf("credentials-%d.json", time.Now().UnixNano()))
	args = append([]string{"-addr", "127.0.0.1:0", "-db", db, "-limits", "off", "-credentials", file}, args...)
	p := &process{logs: &logs{}, cmd: exec.Command(os.Args[0], args...)}
	p.cmd.Dir, p.cmd.Stderr = dir, p.logs
	p.cmd.Env = append(os.Environ(), asExample+"=1")
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	if p.base = listening(out); p.base == "" {
		t.Fatalf("the example did not start: %s", p.logs)
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &p.credentials)
	}
	if err != nil {
		t.Fatalf("read credentials: %v", err)
	}
	return p
}

// listening reads what the example prints until it says where it is.
func listening(out io.Reader) string {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "is on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return strings.TrimSpace(url)
		}
	}
	return ""
}

func (p *process) stop(t *testing.T) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil && p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the example ended with %v: %s", err, p.logs)
	}
	if t.Failed() {
		t.Logf("log of %s:\n%s", p.base, p.logs)
	}
}

// An answer is what a call got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("decode %q: %v", a.body, err)
	}
	return v
}

// call makes one request with a bearer token, empty for none, and headers as pairs.
func (p *process) call(t *testing.T, token, method, path string, body any, headers ...string) answer {
	t.Helper()
	a, err := p.try(t.Context(), token, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (p *process) try(ctx context.Context, token, method, path string, body any, headers ...string) (answer, error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, in)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text}, err
}

// want fails the test unless the call is answered with the status.
func (p *process) want(t *testing.T, status int, token, method, path string, body any, headers ...string) answer {
	t.Helper()
	a := p.call(t, token, method, path, body, headers...)
	if a.status != status {
		t.Fatalf("%s %s = %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// soon is twenty times the revocation lag: the machine may be busy with other things.
const soon = 20 * time.Second

// within calls until the status comes, or the time is over: what changed at one process
// holds at another within the revocation lag.
func (p *process) within(t *testing.T, status int, token, method, path string) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		a := p.call(t, token, method, path, nil)
		if a.status == status {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %s = %d after %s, want %d", method, path, a.status, soon, status)
		}
	}
}

// databases runs fn on SQLite and on PostgreSQL.
func databases(t *testing.T, fn func(t *testing.T, dir, db string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		fn(t, dir, filepath.Join(dir, "identity.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, t.TempDir(), pgtest.URL(t))
	})
}
