// Package program builds and runs programs of this module for tests, and talks to them
// over HTTP as any client would.
package program

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience is how long a program may take to do what a test waits for.
const patience = 2 * time.Minute

// Build compiles a package path or a file and returns the program. Build it once for several runs.
func Build(t testing.TB, target string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, target).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", target, err, out)
	}
	return bin
}

// Address returns a loopback address that nobody listens on. For a minute nobody is given it who
// does not ask for it: its port rests, as that of every connection does whose end was here.
func Address(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	here.Close()
	if _, err := io.Copy(io.Discard, there); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// A Program is a program that runs until its test ends, and answers at Base.
type Program struct {
	Base  string // "http://127.0.0.1:1234"
	cmd   *exec.Cmd
	lines chan string
	ended chan struct{}
}

// Start runs a program in dir and waits until it answers at address.
func Start(t testing.TB, address, dir, bin string, args ...string) *Program {
	t.Helper()
	p := &Program{
		Base: "http://" + address, cmd: exec.CommandContext(t.Context(), bin, args...),
		lines: make(chan string, 10_000), ended: make(chan struct{}),
	}
	p.cmd.Dir = dir
	said, out := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.listen(said)
	go func() {
		_ = p.cmd.Wait()
		out.Close()
		close(p.ended)
	}()
	t.Cleanup(func() { p.Kill() })
	p.Await(t, address)
	return p
}

// listen keeps what the program says; what nobody reads is dropped once there is much of it.
func (p *Program) listen(r io.Reader) {
	defer close(p.lines)
	for s := bufio.NewScanner(r); s.Scan(); {
		select {
		case p.lines <- s.Text():
		default:
		}
	}
}

// Kill ends the program as a crash does, and waits until it is gone.
func (p *Program) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Await waits until the program answers at an address.
func (p *Program) Await(t testing.TB, address string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); ; {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		select {
		case <-p.ended:
			t.Fatalf("the program ended: %s", p.Log())
		case <-late:
			t.Fatalf("the program does not answer: %s", p.Log())
		case <-again.C:
		}
	}
}

// Log returns what the program has said since it was last asked.
func (p *Program) Log() string {
	var all []string
	for {
		select {
		case line, open := <-p.lines:
			if open {
				all = append(all, line)
				continue
			}
		default:
		}
		return strings.Join(all, "\n")
	}
}

// Said waits for a line that matches and returns its groups.
func (p *Program) Said(t testing.TB, want *regexp.Regexp) []string {
	t.Helper()
	for late := time.After(patience); ; {
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

// An Answer is what came back: the status, the headers and the body.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call sends a request with a JSON body, or none where body is nil. Headers are "name: value".
func (p *Program) Call(t testing.TB, method, path string, body any, headers ...string) Answer {
	t.Helper()
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, p.Base+path, text)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return p.do(t, r)
}

func (p *Program) do(t testing.TB, r *http.Request) Answer {
	t.Helper()
	c := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(r)
	if err != nil {
		t.Fatalf("%v; the program said: %s", err, p.Log())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%v; the program said: %s", err, p.Log())
	}
	return Answer{res.StatusCode, res.Header, body}
}

// JSON wants the status and decodes the body into out, unless out is nil.
func (a Answer) JSON(t testing.TB, status int, out any) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status = %d, want %d: %s", a.Status, status, a.Body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		t.Fatalf("decode %s: %v", a.Body, err)
	}
}

// String renders the answer for a failure.
func (a Answer) String() string { return fmt.Sprintf("%d %s", a.Status, a.Body) }
